"""Checks a browser's answers about passkeys as WebAuthn Level 3 requires (sections 7.1 and 7.2). Pure.

The library checks signatures and structure. This module and `passkeys` check the rest: frames of other origins, whether
a key may still be backed up, and where the challenge comes from.
"""

from __future__ import annotations

from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ...values import Value
from ..errors import MalformedPasskey, PasskeyRefused

if TYPE_CHECKING:
    from webauthn.helpers.cose import COSEAlgorithmIdentifier

ALGORITHMS = (-7, -8, -257)
"""COSE numbers of ES256, EdDSA (Ed25519) and RS256, in order of preference. Windows Hello needs RS256."""

_LONGEST_ID = 1023
"""The most bytes of a credential id, by section 5.8.3."""


class RelyingParty(Value, frozen=True):
    """The domain to which passkeys belong, and the origins whose pages may use them."""

    id: str
    origins: tuple[str, ...]


def relying_party(rp_id: str, public_url: str) -> RelyingParty:
    """Allows pages at the domain, and at our public address if that is at the domain or below it."""
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    ours = {f"{parts.scheme}://{parts.netloc}"} if host == rp_id or host.endswith(f".{rp_id}") else set()
    return RelyingParty(rp_id, tuple(sorted({f"https://{rp_id}"} | ours)))


class MadeKey(Value, frozen=True):
    """A key that an authenticator made. The public key is in COSE form."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    backup_eligible: bool
    backed_up: bool


class KeyUse(Value, frozen=True):
    """What an authenticator says about a key when it signs."""

    sign_count: int
    backup_eligible: bool
    backed_up: bool


def challenge_of(client_data: str) -> bytes:
    """The challenge in a browser's client data (base64url of JSON), unchecked. Raises `MalformedPasskey`."""
    from webauthn.helpers import base64url_to_bytes, parse_client_data_json

    try:
        return parse_client_data_json(base64url_to_bytes(client_data)).challenge
    except Exception as error:  # the library may raise any error of its decoders
        raise MalformedPasskey() from error


def made(answer: dict[str, Any], challenge: bytes, party: RelyingParty) -> MadeKey:
    """Check a `RegistrationResponseJSON` and return its key. Raises `MalformedPasskey`.

    The maker of the authenticator is not checked (attestation "none"), so people can use any device.
    """
    from webauthn import verify_registration_response

    try:
        found = verify_registration_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            require_user_verification=True,
            supported_pub_key_algs=_algorithms(),
        )
        _in_no_frame(answer)
    except Exception as error:  # as above
        raise MalformedPasskey() from error
    if len(found.credential_id) > _LONGEST_ID:
        raise MalformedPasskey()
    return MadeKey(
        found.credential_id,
        found.credential_public_key,
        found.sign_count,
        found.credential_device_type == "multi_device",
        found.credential_backed_up,
    )


def used(answer: dict[str, Any], challenge: bytes, party: RelyingParty, public_key: bytes) -> KeyUse:
    """Check an `AuthenticationResponseJSON` that this key signed. Raises `PasskeyRefused`.

    The counter is not compared with the stored one.
    """
    from webauthn import verify_authentication_response

    try:
        found = verify_authentication_response(
            credential=answer,
            expected_challenge=challenge,
            expected_rp_id=party.id,
            expected_origin=list(party.origins),
            credential_public_key=public_key,
            credential_current_sign_count=0,  # every count is above it, or both are 0
            require_user_verification=True,
        )
        _in_no_frame(answer)
    except Exception as error:  # as above
        raise PasskeyRefused() from error
    return KeyUse(found.new_sign_count, found.credential_device_type == "multi_device", found.credential_backed_up)


def _in_no_frame(answer: dict[str, Any]) -> None:
    """Raise `ValueError` if our page was in a frame of another origin when the person agreed."""
    from webauthn.helpers import base64url_to_bytes, parse_client_data_json

    if parse_client_data_json(base64url_to_bytes(answer["response"]["clientDataJSON"])).cross_origin:
        raise ValueError("in a frame of another origin")


def _algorithms() -> list[COSEAlgorithmIdentifier]:
    from webauthn.helpers.cose import COSEAlgorithmIdentifier

    return list(map(COSEAlgorithmIdentifier, ALGORITHMS))
