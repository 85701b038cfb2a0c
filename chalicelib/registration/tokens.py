"""Verification of access tokens, by the same code in AWS and locally: no emulator decides who is let in."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING, Any

from ..clock import Clock
from ..errors import Unavailable
from .errors import InvalidToken

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey
    from jwt.types import Options

REFETCH_AFTER = timedelta(minutes=1)
"""The pool is asked for its keys at most once in this time, however many tokens name an unknown key."""

_ALGORITHM = "RS256"
_OPTIONS: Options = {
    "require": ["exp", "iss", "sub", "client_id", "token_use"],
    # Expiry is measured here, by the clock that was given, not by PyJWT's; Cognito's access tokens name no audience.
    "verify_exp": False,
    "verify_iat": False,
    "verify_nbf": False,
    "verify_aud": False,
}


class TokenVerifier:
    """Knows one user pool and one client of it.

    `fetch` gets the pool's keys (a JWKS) from `jwks_url`; what it raises as `OSError` or `Unavailable` becomes
    `Unavailable`: a token that cannot be checked is never accepted. `now` is the clock that expiry is measured by.
    """

    def __init__(self, issuer: str, client_id: str, jwks_url: str, fetch: Callable[[str], bytes], now: Clock) -> None:
        self._issuer = issuer
        self._client_id = client_id
        self._jwks_url = jwks_url
        self._fetch = fetch
        self._now = now
        self._keys: dict[str, RSAPublicKey] = {}
        self._fetched_at: datetime | None = None

    def verify(self, token: str) -> str:
        """The subject (registrant id) of a valid access token of this pool and client.

        Raises `InvalidToken`, or `Unavailable` when the pool's keys cannot be had.
        """
        # Imported here: 75 ms that functions without an authorizer should not pay for.
        import jwt

        try:
            header = jwt.get_unverified_header(token)
            # What the token says of its own algorithm decides nothing: only this one is ever used, with an RSA key.
            key = self._key(header.get("kid"))
            claims = jwt.decode(token, key, algorithms=[_ALGORITHM], issuer=self._issuer, options=_OPTIONS)
        except jwt.PyJWTError as error:
            raise InvalidToken() from error
        return self._subject(claims)

    def _subject(self, claims: dict[str, Any]) -> str:
        if (claims["client_id"], claims["token_use"]) != (self._client_id, "access"):
            raise InvalidToken()
        expires = claims["exp"]
        if type(expires) is not int or expires <= self._now().timestamp():
            raise InvalidToken()
        subject = claims["sub"]
        if not isinstance(subject, str) or not subject:
            raise InvalidToken()
        return subject

    def _key(self, kid: object) -> RSAPublicKey:
        if not isinstance(kid, str):
            raise InvalidToken()
        now = self._now()
        if kid not in self._keys and (self._fetched_at is None or now - self._fetched_at >= REFETCH_AFTER):
            self._keys = self._current_keys()
            self._fetched_at = now
        if kid not in self._keys:
            raise InvalidToken()
        return self._keys[kid]

    def _current_keys(self) -> dict[str, RSAPublicKey]:
        import jwt
        from cryptography.hazmat.primitives.asymmetric.rsa import RSAPublicKey

        try:
            jwks = json.loads(self._fetch(self._jwks_url))
            keys = jwt.PyJWKSet.from_dict(jwks if isinstance(jwks, dict) else {}).keys
        except (OSError, ValueError, jwt.PyJWTError) as error:
            raise Unavailable() from error
        return {key.key_id: key.key for key in keys if key.key_id and isinstance(key.key, RSAPublicKey)}
