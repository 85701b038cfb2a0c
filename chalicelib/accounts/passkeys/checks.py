"""What a browser says of a passkey, checked as WebAuthn Level 3 asks (sections 7.1 and 7.2). Pure.

The library judges signatures and structure. It does not look at frames of other origins, at whether a key may still be
backed up, or at where a challenge comes from; this module and `passkeys` do.
"""

from __future__ import annotations

from dataclasses import dataclass
from typing import TYPE_CHECKING, Any
from urllib.parse import urlsplit

from ..errors import MalformedPasskey, PasskeyRefused

if TYPE_CHECKING:
    from webauthn.helpers.cose import COSEAlgorithmIdentifier

ALGORITHMS = (-7, -8, -257)
"""COSE numbers of ES256, EdDSA (Ed25519) and RS256, the best liked first; Windows Hello needs the last."""

_LONGEST_ID = 1023
"""Bytes of a credential id, by section 5.8.3."""


@dataclass(frozen=True, slots=True)
class RelyingParty:
    """For whom passkeys are made: a domain, and the origins whose pages may ask for them."""

    id: str
    origins: tuple[str, ...]


def relying_party(rp_id: str, public_url: str) -> RelyingParty:
    """The pages at the domain itself, and those at our public address if that is at the domain or below it."""
    parts = urlsplit(public_url)
    host = parts.hostname or ""
    ours = {f"{parts.scheme}://{parts.netloc}"} if host == rp_id or host.endswith(f".{rp_id}") else set()
    return RelyingParty(rp_id, tuple(sorted({f"https://{rp_id}"} | ours)))


@dataclass(frozen=True, slots=True)
class MadeKey:
    """A key that an authenticator made; the public half in COSE form."""

    credential_id: bytes
    public_key: bytes
    sign_count: int
    backup_eligible: bool
    backed_up: bool


@dataclass(frozen=True, slots=True)
class KeyUse:
    """What an authenticator says of a key as it signs."""

    sign_count: int
    backup_eligible: bool
    backed_up: bool


def challenge_of(client_data: str) -> bytes:
    """The challenge in a browser's client data (base64url of JSON), not checked. Raises `MalformedPasskey`."""
    from webauthn.helpers import base64url_to_bytes, parse_client_data_json

    try:
        return parse_client_data_json(base64url_to_bytes(client_data)).challenge
    except Exception as error:  # the library lets its decoders' errors through, whatever they are
        raise MalformedPasskey() from error


def made(answer: dict[str, Any], challenge: bytes, party: RelyingParty) -> MadeKey:
    """The key of a `RegistrationResponseJSON`. Raises `MalformedPasskey`.

    Who made the authenticator is not asked (attestation "none"): people use what they have.
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
    """What an `AuthenticationResponseJSON` says, signed with this key. Raises `PasskeyRefused`.

    The counter is not compared with that of the last time.
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
    """Raises `ValueError` if a page of another origin showed ours in a frame of its own when the person agreed."""
    from webauthn.helpers import base64url_to_bytes, parse_client_data_json

    if parse_client_data_json(base64url_to_bytes(answer["response"]["clientDataJSON"])).cross_origin:
        raise ValueError("in a frame of another origin")


def _algorithms() -> list[COSEAlgorithmIdentifier]:
    from webauthn.helpers.cose import COSEAlgorithmIdentifier

    return list(map(COSEAlgorithmIdentifier, ALGORITHMS))
