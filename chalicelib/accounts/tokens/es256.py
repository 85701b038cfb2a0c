"""Signed JSON (JWS in compact form, RFC 7515) by ES256 and nothing else. What is not exactly that is a `ValueError`.

The header is read strictly before any key is looked for: it may have the fields of its struct only, so it can neither
name another algorithm nor bring or point to a key where none is expected. Segments are canonical base64url.
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
    """`alg` is added to the header."""
    return jws.serialize_compact({"alg": ALGORITHM, **header}, msgspec.json.encode(claims), key, registry=_REGISTRY)


def read_header(text: str, kind: type[T], length_max: int) -> T:
    """The header of a text of at most so many characters; nothing in it is proved yet."""
    if len(text) > length_max:
        raise ValueError("too long")
    return _decoded(urlsafe_b64decode(text.partition(".")[0].encode("ascii")), kind)


def read_claims(text: str, key: ECKey, kind: type[T]) -> T:
    """The payload, if `key` signed the text; its header was read before."""
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
