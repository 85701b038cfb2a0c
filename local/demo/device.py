"""A device of one of the demo's people. It has a key and proves that it has it (RFC 9449)."""

from __future__ import annotations

import secrets
from datetime import datetime

from joserfc.jwk import ECKey
from msgspec import Struct

from chalicelib.accounts.tokens import es256
from chalicelib.accounts.tokens.dpop import hash_of


class _Proof(Struct, omit_defaults=True):
    jti: str
    htm: str
    htu: str
    iat: int
    ath: str | None = None


class Device:
    """A phone or a browser."""

    def __init__(self) -> None:
        self._key = ECKey.generate_key("P-256")

    def proof(self, method: str, url: str, now: datetime, access_token: str = "") -> str:
        """The header `DPoP` of one request. With an access token the proof names it."""
        claims = _Proof(secrets.token_urlsafe(16), method, url, int(now.timestamp()))
        if access_token:
            claims.ath = hash_of(access_token)
        header = {"typ": "dpop+jwt", "jwk": self._key.as_dict(private=False)}
        return es256.sign(header, claims, self._key)
