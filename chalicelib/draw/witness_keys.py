"""A witness's public key as it is written down: C2SP's vkey of a cosignature (docs/draw.md section 7). Pure."""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from dataclasses import dataclass
from hashlib import sha256

COSIGNATURE = b"\x04"
"""C2SP's byte for timestamped Ed25519 cosignatures."""

NAME = r"[!-*,-~]{1,100}"
"""What a witness may be called: of C2SP's names, which have neither spaces nor `+`, those of plain ASCII."""

_FORM = re.compile(rf"({NAME})\+([0-9a-f]{{8}})\+([A-Za-z0-9+/]{{44}})")

_P = 2**255 - 19
_EIGHTH = int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little")
_SMALL = {0, 1, _P - 1, _EIGHTH, _P - _EIGHTH}
"""The y of every point whose order is at most 8: under such a key anybody can make signatures."""


@dataclass(frozen=True, slots=True)
class WitnessKey:
    """`key` is the 32 bytes of RFC 8032. As text it is `<name>+<key id in hex>+<base64 of 0x04 || key>`."""

    name: str
    key: bytes

    @property
    def id(self) -> bytes:
        """Four bytes that tell a name's keys apart."""
        return key_id(self.name, COSIGNATURE + self.key)

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(COSIGNATURE + self.key).decode()}"


def key_id(name: str, typed_key: bytes) -> bytes:
    """C2SP's id of a key; `typed_key` begins with the byte of its type."""
    return sha256(name.encode() + b"\n" + typed_key).digest()[:4]


def parse(text: str) -> WitnessKey:
    """The inverse of `str`, and nothing else. Raises ValueError."""
    form = _FORM.fullmatch(text)
    if form is None:
        raise ValueError("not of the form name+id+key")
    key = WitnessKey(form[1], unbase64(form[3])[1:])
    if str(key) != text:
        raise ValueError("not a cosignature key, or its id is not that of name and key")
    y = int.from_bytes(key.key, "little") & (1 << 255) - 1
    if y >= _P or y in _SMALL:
        raise ValueError("a key under which anybody could sign")
    return key


def unbase64(text: str) -> bytes:
    """The bytes of base64 in its only form (RFC 4648, with padding). Raises ValueError."""
    try:
        found = b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if b64encode(found).decode() != text:
        raise ValueError("not base64 in its only form")
    return found
