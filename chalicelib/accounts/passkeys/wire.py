"""The JSON of passkeys. What browsers read and write has the names of WebAuthn Level 3 (section 5.1)."""

from __future__ import annotations

from typing import Annotated, Any, Literal

import msgspec
from msgspec import Meta, Struct, field

CHALLENGE_S = 300
"""So long a challenge may be signed."""

PasskeyDevice = Literal["phone", "computer", "tablet", "security_key", "other"]
_Base64 = Annotated[str, Meta(max_length=8192, description="base64url without padding")]
_CredentialId = Annotated[str, Meta(max_length=1400, description="base64url without padding")]


class _Said(Struct, frozen=True, kw_only=True):
    """What a browser wrote. It may say more by the time than we read."""

    # Struct's own repr would put a signature into a traceback.
    def __repr__(self) -> str:
        return f"<{type(self).__name__}>"


class AttestationResponse(_Said, frozen=True):
    """`AuthenticatorAttestationResponseJSON`."""

    client_data: _Base64 = field(name="clientDataJSON")
    attestation_object: _Base64 = field(name="attestationObject")


class AssertionResponse(_Said, frozen=True):
    """`AuthenticatorAssertionResponseJSON`."""

    client_data: _Base64 = field(name="clientDataJSON")
    authenticator_data: _Base64 = field(name="authenticatorData")
    signature: _Base64
    user_handle: Annotated[str, Meta(max_length=100)] = field(name="userHandle")


class MadePasskey(_Said, frozen=True):
    """`RegistrationResponseJSON`, as `credential.toJSON()` of `navigator.credentials.create` writes it."""

    id: _CredentialId
    raw_id: _CredentialId = field(name="rawId")
    type: Literal["public-key"]
    response: AttestationResponse


class UsedPasskey(_Said, frozen=True):
    """`AuthenticationResponseJSON`, as `credential.toJSON()` of `navigator.credentials.get` writes it."""

    id: _CredentialId
    raw_id: _CredentialId = field(name="rawId")
    type: Literal["public-key"]
    response: AssertionResponse


class PasskeyForm(Struct, frozen=True, kw_only=True, forbid_unknown_fields=True):
    """`POST /me/passkeys`."""

    credential: MadePasskey
    device: Annotated[PasskeyDevice, Meta(description="What it is on, as the person will know it again")]


class Options(Struct, frozen=True, kw_only=True, rename="camel"):
    """Of a ceremony."""

    challenge: str
    timeout: int = CHALLENGE_S * 1000


class RequestOptions(Options, frozen=True, kw_only=True):
    """`PublicKeyCredentialRequestOptionsJSON`, for `navigator.credentials.get`: any passkey of ours."""

    rp_id: str
    user_verification: Literal["required"] = "required"


class RpEntity(Struct, frozen=True, kw_only=True):
    """For whom a passkey is made."""

    id: str
    name: str = "Gelombang"


class UserEntity(Struct, frozen=True, kw_only=True, rename="camel"):
    """Whose a passkey is; key stores show the names."""

    id: str
    name: str
    display_name: str


class KeyParameter(Struct, frozen=True, kw_only=True):
    """A COSE algorithm."""

    alg: int
    type: Literal["public-key"] = "public-key"


class CredentialDescriptor(Struct, frozen=True, kw_only=True):
    """A passkey that is there already."""

    id: str
    type: Literal["public-key"] = "public-key"


class AuthenticatorSelection(Struct, frozen=True, kw_only=True, rename="camel"):
    """What a passkey must be able to do: be found without a name, and ask who holds it."""

    resident_key: Literal["required"] = "required"
    require_resident_key: Literal[True] = True
    user_verification: Literal["required"] = "required"


class CreationOptions(Options, frozen=True, kw_only=True):
    """`PublicKeyCredentialCreationOptionsJSON`, for `navigator.credentials.create`."""

    rp: RpEntity
    user: UserEntity
    pub_key_cred_params: list[KeyParameter]
    exclude_credentials: list[CredentialDescriptor]
    authenticator_selection: AuthenticatorSelection = AuthenticatorSelection()
    attestation: Literal["none"] = "none"


class PasskeyView(Struct, frozen=True, kw_only=True):
    """A passkey, as its owner sees it. It signs in from `valid_from` until `valid_until`; null: always."""

    passkey_id: str
    device: PasskeyDevice
    created_at: str
    last_used_at: str | None
    backed_up: Annotated[bool, Meta(description="Whether a key store keeps it for other devices, too")]
    valid_from: str | None
    valid_until: str | None


class PasskeyList(Struct, frozen=True):
    """`GET /me/passkeys`."""

    passkeys: list[PasskeyView]


def as_json(said: MadePasskey | UsedPasskey) -> dict[str, Any]:
    """The same under the standard's names."""
    written: dict[str, Any] = msgspec.to_builtins(said)
    return written
