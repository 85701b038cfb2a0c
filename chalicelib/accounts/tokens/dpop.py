"""Proofs of possession (DPoP, RFC 9449). A proof shows that the sender of one request has the key of a device.

A proof is valid for `LIFETIME` by the device's clock. If that clock is wrong, the proof has a nonce of ours, whose time
counts instead. The session of the key stores its proofs, so that none is used twice.
"""

from __future__ import annotations

import base64
import hashlib
from collections.abc import Sequence
from datetime import UTC, datetime, timedelta
from typing import Annotated, Literal
from urllib.parse import urlsplit

from joserfc.jwk import ECKey
from msgspec import Meta, Struct

from ...values import Value
from ..errors import InvalidDpopProof, InvalidToken, UseDpopNonce
from . import es256
from .tokens import NONCE_LIFETIME, Tokens

LENGTH_MAX = 4096
"""The most characters of a proof."""
LIFETIME = NONCE_LIFETIME
AHEAD_MAX = timedelta(seconds=60)
"""How far a device's clock may be ahead of ours without a nonce."""

_DEFAULT_PORTS = {"http": ":80", "https": ":443"}
_COORDINATE = Meta(pattern=r"^[A-Za-z0-9_-]{43}$")


class _Jwk(Struct, frozen=True):
    """A public key of P-256. Other members (`ext`, `key_ops`, `kid`) are ignored."""

    kty: Literal["EC"]
    crv: Literal["P-256"]
    x: Annotated[str, _COORDINATE]
    y: Annotated[str, _COORDINATE]
    d: None = None
    """The private key, which must not be sent; null counts as missing."""


class _Header(Struct, frozen=True, forbid_unknown_fields=True):
    alg: es256.Algorithm
    typ: Literal["dpop+jwt"]
    jwk: _Jwk


class _Claims(Struct, frozen=True):
    jti: Annotated[str, Meta(min_length=16, max_length=128)]
    htm: str
    htu: Annotated[str, Meta(max_length=2048)]
    iat: int | float
    ath: str | None = None
    nonce: str | None = None


class Proof(Value, frozen=True):
    """A valid proof: the thumbprint of its key (RFC 7638), its id, and when its `LIFETIME` began."""

    jkt: str
    jti: str
    at: datetime


class Proofs:
    """Verifies proofs. Nonces come from `tokens`; addresses begin with `public_url`."""

    def __init__(self, tokens: Tokens, public_url: str) -> None:
        self._tokens = tokens
        self._public_url = public_url

    def verify(
        self, headers: Sequence[str], method: str, path: str, now: datetime, *, access_token: str | None = None
    ) -> Proof:
        """Verify the request's headers `DPoP`, of which there must be exactly one.

        `path` has no query, which does not count. With an access token the proof must name it. Raises
        `InvalidDpopProof`, `UseDpopNonce` or `Unavailable`. The caller decides whether the key is the right one, and
        whether the proof was used before.
        """
        if len(headers) != 1:
            raise InvalidDpopProof(reason="header")
        [proof] = headers
        try:
            header = es256.read_header(proof, _Header, LENGTH_MAX)
            jwk = header.jwk
            key = ECKey.import_key({"kty": jwk.kty, "crv": jwk.crv, "x": jwk.x, "y": jwk.y})
            claims = es256.read_claims(proof, key, _Claims)
        except ValueError as error:
            raise InvalidDpopProof(reason="form") from error
        if claims.htm != method:
            raise InvalidDpopProof(reason="htm")
        if _address(claims.htu) != _address(self._public_url + path):
            raise InvalidDpopProof(reason="htu")
        if access_token is not None and claims.ath != hash_of(access_token):
            raise InvalidDpopProof(reason="ath")
        return Proof(key.thumbprint(), claims.jti, self._made_at(claims, now))

    def _made_at(self, claims: _Claims, now: datetime) -> datetime:
        if claims.nonce is not None:
            try:
                return self._tokens.verify_nonce(claims.nonce, now)
            except InvalidToken as error:
                raise UseDpopNonce(self._tokens.nonce(now)) from error
        if not (now - LIFETIME).timestamp() <= claims.iat <= (now + AHEAD_MAX).timestamp():
            raise UseDpopNonce(self._tokens.nonce(now))
        return datetime.fromtimestamp(claims.iat, UTC)


def hash_of(access_token: str) -> str:
    """The claim `ath` for an access token."""
    digest = hashlib.sha256(access_token.encode()).digest()
    return base64.urlsafe_b64encode(digest).decode().rstrip("=")


def _address(url: str) -> tuple[str, str, str]:
    """The parts of an address that count, in a normal form (RFC 9449, 4.3; RFC 3986, 6.2.2 and 6.2.3)."""
    try:
        parts = urlsplit(url)
    except ValueError:
        return "", "", ""
    scheme, host = parts.scheme.lower(), parts.netloc.lower()
    return scheme, host.removesuffix(_DEFAULT_PORTS.get(scheme, "")), parts.path or "/"
