"""Tokens that let nobody in, as a stranger can make them: out of a token of their own, public keys and a key they made.

A token that has expired, or that the pool gave for another client, cannot be had within a wave, let alone made without
the pool's key: tests/registration/test_tokens.py has those.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from collections.abc import Callable, Mapping
from functools import cache
from typing import Any

import jwt
from cryptography.hazmat.primitives.asymmetric.rsa import RSAPrivateKey, RSAPublicKey, generate_private_key
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from .people import Way

Jwks = Mapping[str, Any]
"""The public keys of a pool as it shows them."""


def spoiled(way: Way, token: str, keys: Callable[[], Jwks]) -> str:
    """The token as somebody who comes this way sends it; `keys` fetches the public keys of its pool."""
    match way:
        case Way.FORGED:
            return forged(token)
        case Way.UNSIGNED:
            return unsigned(token)
        case Way.OTHER_POOL:
            return of_another_pool(token)
        case Way.OTHER_CLIENT:
            return for_another_client(token)
        case Way.PUBLIC_KEY:
            return signed_with_the_public_key(token, keys())
    return token


def forged(token: str) -> str:
    """The token with another signature: its first character is changed, which changes six of its bits."""
    signed, _, signature = token.rpartition(".")
    return f"{signed}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"


def unsigned(token: str) -> str:
    """The token's claims under a header that says that no signature is needed."""
    return f"{_encoded({'alg': 'none', 'typ': 'JWT'})}.{token.split('.')[1]}."


def of_another_pool(token: str) -> str:
    """What a pool of the stranger's own in the same region would issue: its name, its key, and all else the same."""
    claims = _claims(token)
    issuer = f"{claims['iss'].rpartition('_')[0]}_Stranger1"
    return jwt.encode({**claims, "iss": issuer}, _own_key(), "RS256", headers={"kid": "stranger"})


def for_another_client(token: str) -> str:
    """A token for another client of the same pool, under the pool's key's name but signed with the stranger's."""
    kid = jwt.get_unverified_header(token)["kid"]
    return jwt.encode({**_claims(token), "client_id": "stranger"}, _own_key(), "RS256", headers={"kid": kid})


def signed_with_the_public_key(token: str, keys: Jwks) -> str:
    """The same claims under HS256, with the pool's public key as the secret, for a verifier that obeys the header."""
    kid = jwt.get_unverified_header(token)["kid"]
    public = jwt.PyJWKSet.from_dict(dict(keys))[kid].key
    assert isinstance(public, RSAPublicKey)  # noqa: S101 - Cognito has no others
    secret = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = f"{_encoded({'alg': 'HS256', 'kid': kid, 'typ': 'JWT'})}.{token.split('.')[1]}"
    # By hand, because PyJWT refuses to sign with such a secret.
    return f"{signed}.{_base64(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


@cache
def _own_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


def _claims(token: str) -> dict[str, Any]:
    claims: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    return claims


def _encoded(part: Mapping[str, str]) -> str:
    return _base64(json.dumps(part).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
