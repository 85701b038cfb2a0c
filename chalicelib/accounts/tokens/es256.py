"""Signed JSON (compact JWS, RFC 7515) by ES256 only. Anything else is a `ValueError`.

The header is read before any key is looked up. It may have only the fields of its struct, so it cannot name another
algorithm, or contain or point to an unexpected key. Segments are canonical base64url.
"""

from __future__ import annotations

from typing import Any, Literal, TypeVar

import msgspec
from joserfc import jws
from joserfc.errors import JoseError
from joserfc.jwk import ECKey
from joserfc.util import urlsafe_b64decode
from msgspec import Struct

ALGORITHM = "ES256"
Algorithm = Literal["ES256"]

T = TypeVar("T", bound=Struct)
_REGISTRY = jws.JWSRegistry(algorithms=[ALGORITHM])


def sign(header: dict[str, Any], claims: Struct, key: ECKey) -> str:
    """Sign claims. `alg` is added to the header."""
    return jws.serialize_compact({"alg": ALGORITHM, **header}, msgspec.json.encode(claims), key, registry=_REGISTRY)


def read_header(text: str, kind: type[T], length_max: int) -> T:
    """The header of a text of at most `length_max` characters. Nothing in it is verified yet."""
    if len(text) > length_max:
        raise ValueError("too long")
    return _decoded(urlsafe_b64decode(text.partition(".")[0].encode("ascii")), kind)


def read_claims(text: str, key: ECKey, kind: type[T]) -> T:
    """The payload of a text that `key` signed. Read its header first."""
    try:
        signed = jws.deserialize_compact(text, key, registry=_REGISTRY)
    except JoseError as error:
        raise ValueError(type(error).__name__) from error
    return _decoded(signed.payload, kind)


def _decoded(raw: bytes, kind: type[T]) -> T:
    try:
        return msgspec.json.decode(raw, type=kind)
    except RecursionError as error:
        raise ValueError("too deep") from error
