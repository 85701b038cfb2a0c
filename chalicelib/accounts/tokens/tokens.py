"""Tokens that this deployment signs, as JWT by ES256: access tokens, device tokens, nonces, challenges of passkeys.

Each kind has its own type in the header (RFC 8725, 3.11), so that none can be used as another. A token is verified only
with a key of the day on which it says that it was issued. So a thief of yesterday's key cannot make a token of today.
"""

from __future__ import annotations

import base64
from datetime import UTC, datetime, timedelta
from typing import Annotated, Any, Literal, TypeVar

from msgspec import Meta, Struct

from ...ids import Randomness, system_randomness
from ..errors import InvalidToken
from . import es256
from .signing_keys import SigningKeys

LENGTH_MAX = 2048
"""The most characters of a token that is read; ours are shorter."""
NONCE_LIFETIME = timedelta(minutes=5)
CHALLENGE_LIFETIME = timedelta(minutes=5)
DEVICE_LIFETIME = timedelta(days=400)

_SKEW = timedelta(seconds=60)
"""How far the clock of another process may be ahead of this one's."""
_AUDIENCE = "gelombang"

Kind = Literal["at+jwt", "device", "dpop-nonce", "passkey-challenge"]
T = TypeVar("T", bound="Claims")


class Header(Struct, frozen=True, forbid_unknown_fields=True):
    alg: es256.Algorithm
    typ: str
    kid: str


Instant = Annotated[int, Meta(ge=0, lt=2**33)]
"""Whole seconds of Unix time, until the year 2242."""


class Claims(Struct, frozen=True, kw_only=True):
    """The claims of every token."""

    iss: str
    aud: str
    iat: Instant
    exp: Instant


class Access(Claims, frozen=True, kw_only=True):
    """An access token: `sub` is the account, `sid` the session.

    `key` is the thumbprint of the device's key (RFC 7638), null for a session without one.
    """

    sub: str
    sid: str
    key: str | None
    jti: str


class Device(Claims, frozen=True, kw_only=True):
    """A device token: the device with the key `key` (its thumbprint) has signed in with the contact of this mac."""

    contact: str
    key: str


class Challenge(Claims, frozen=True, kw_only=True):
    """A challenge that a passkey signs: to sign in, or, with an account as `sub`, to be added to it."""

    jti: str
    sub: str | None


class Tokens:
    """Signs and verifies. `issuer` is the public address of the API. Raises `Unavailable` when KMS is late or busy."""

    def __init__(self, keys: SigningKeys, issuer: str, randomness: Randomness = system_randomness) -> None:
        self._keys = keys
        self._issuer = issuer
        self._randomness = randomness

    def issue(self, account_id: str, session_id: str, key: str | None, now: datetime, lifetime_s: int) -> str:
        """An access token; `key` is the thumbprint of the session's key."""
        common = self._common(now, timedelta(seconds=lifetime_s))
        access = Access(**common, sub=account_id, sid=session_id, key=key, jti=self._new_jti())
        return self._signed("at+jwt", access, now)

    def verify(self, token: str, now: datetime) -> Access:
        """The claims of a valid access token. Raises `InvalidToken`."""
        return self._verified(token, "at+jwt", Access, now)

    def issue_device(self, contact_mac: str, key: str, now: datetime) -> str:
        """A device token, which gives a device that has signed in before its own budget of codes."""
        common = self._common(now, DEVICE_LIFETIME)
        return self._signed("device", Device(**common, contact=contact_mac, key=key), now)

    def verify_device(self, token: str, now: datetime) -> Device:
        """The claims of a valid device token. Raises `InvalidToken`."""
        return self._verified(token, "device", Device, now, DEVICE_LIFETIME.days)

    def nonce(self, now: datetime) -> str:
        """A nonce for the proof of a device whose clock is wrong."""
        return self._signed("dpop-nonce", Claims(**self._common(now, NONCE_LIFETIME)), now)

    def verify_nonce(self, token: str, now: datetime) -> datetime:
        """When a valid nonce was issued. Raises `InvalidToken`."""
        return datetime.fromtimestamp(self._verified(token, "dpop-nonce", Claims, now).iat, UTC)

    def challenge(self, account_id: str | None, now: datetime) -> str:
        """A challenge for a passkey: to add it to this account, or with None to sign in."""
        common = self._common(now, CHALLENGE_LIFETIME)
        return self._signed("passkey-challenge", Challenge(**common, jti=self._new_jti(), sub=account_id), now)

    def verify_challenge(self, token: str, now: datetime) -> Challenge:
        """The claims of a valid challenge. Raises `InvalidToken`."""
        return self._verified(token, "passkey-challenge", Challenge, now)

    def _new_jti(self) -> str:
        return base64.urlsafe_b64encode(self._randomness(15)).decode()

    def _common(self, now: datetime, lifetime: timedelta) -> dict[str, Any]:
        issued = int(now.timestamp())
        return {"iss": self._issuer, "aud": _AUDIENCE, "iat": issued, "exp": issued + int(lifetime.total_seconds())}

    def _signed(self, kind: Kind, claims: Claims, now: datetime) -> str:
        kid, key = self._keys.current(now)
        return es256.sign({"typ": kind, "kid": kid}, claims, key)

    def _verified(self, token: str, kind: Kind, claims: type[T], now: datetime, days: int = 1) -> T:
        """The claims of a valid token of a kind. Its key may be `days` days old. Raises `InvalidToken`."""
        try:
            header = es256.read_header(token, Header, LENGTH_MAX)
            known = self._keys.verifying(header.kid, now, days) if header.typ == kind else None
            if known is None:
                raise InvalidToken()
            day, key = known
            said = es256.read_claims(token, key, claims)
        except ValueError as error:
            raise InvalidToken() from error
        issued = datetime.fromtimestamp(said.iat, UTC)
        if (said.iss, said.aud, issued.date()) != (self._issuer, _AUDIENCE, day):
            raise InvalidToken()
        if issued > now + _SKEW or said.exp <= now.timestamp():
            raise InvalidToken()
        return said
