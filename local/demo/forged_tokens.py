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
    """Return the token as somebody who comes this way sends it; `keys` fetches the public keys of its pool."""
    if way in {Way.FORM, Way.UNCONFIRMED}:
        return token
    header, claims, signature = token.split(".")
    said: dict[str, Any] = jwt.decode(token, options={"verify_signature": False})
    kid = jwt.get_unverified_header(token)["kid"]
    match way:
        case Way.FORGED:  # the signature's first character is changed, which changes six of its bits
            return f"{header}.{claims}.{'B' if signature[0] == 'A' else 'A'}{signature[1:]}"
        case Way.UNSIGNED:
            return f"{_encoded({'alg': 'none', 'typ': 'JWT'})}.{claims}."
        case Way.OTHER_POOL:  # as a pool of the stranger's own in the same region would issue it
            own = said | {"iss": f"{said['iss'].rpartition('_')[0]}_Stranger1"}
            return jwt.encode(own, _own_key(), "RS256", headers={"kid": "stranger"})
        case Way.OTHER_CLIENT:  # under the name of the pool's key, but signed with the stranger's
            return jwt.encode(said | {"client_id": "stranger"}, _own_key(), "RS256", headers={"kid": kid})
    # For a verifier that obeys the header: the pool's public key as the secret of HS256.
    public = jwt.PyJWKSet.from_dict(dict(keys()))[kid].key
    assert isinstance(public, RSAPublicKey)  # noqa: S101 - Cognito has no others
    secret = public.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    signed = f"{_encoded({'alg': 'HS256', 'kid': kid, 'typ': 'JWT'})}.{claims}"
    # By hand, because PyJWT refuses to sign with such a secret.
    return f"{signed}.{_base64(hmac.digest(secret, signed.encode(), hashlib.sha256))}"


@cache
def _own_key() -> RSAPrivateKey:
    return generate_private_key(public_exponent=65537, key_size=2048)


def _encoded(part: Mapping[str, str]) -> str:
    return _base64(json.dumps(part).encode())


def _base64(raw: bytes) -> str:
    return base64.urlsafe_b64encode(raw).decode().rstrip("=")
