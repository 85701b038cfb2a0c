"""Witnesses of a note: their keys, and C2SP cosignatures (tlog-cosignature, signed-note) over its bytes.

docs/draw.md section 7; pure. A line says that its witness had this very note at a time, and says nothing of other
notes.
"""

from __future__ import annotations

import binascii
import re
from base64 import b64decode, b64encode
from collections.abc import Iterable
from datetime import datetime
from hashlib import sha256

from ..values import Value
from .errors import ForgedCosignature, MalformedCosignature, UnknownWitness

COSIGNATURE = b"\x04"
"""C2SP's byte for timestamped Ed25519 cosignatures."""

NAME = r"[!-*,-~]{1,100}"
"""The names that witnesses may have: C2SP's names (without spaces and `+`) in plain ASCII."""

_PUBLIC = rf"({NAME})\+([0-9a-f]{{8}})\+([A-Za-z0-9+/]{{44}})"

_P = 2**255 - 19
_EIGHTH = int.from_bytes(bytes.fromhex("26e8958fc2b227b045c3f489f2ef98f0d5dfac05d3c63339b13802886d53fc05"), "little")
_SMALL = {0, 1, _P - 1, _EIGHTH, _P - _EIGHTH}
"""The y of every point whose order is at most 8: for such a key anybody can make signatures."""

_LINE = rf"\u2014 ({NAME}) ([A-Za-z0-9+/]{{102}}==)\n"
_TIME_BELOW = 1 << 63

NOTE_KEY = b"\x01"
"""C2SP's byte for plain Ed25519 keys; a witness's private key is one of them."""

_PRIVATE = rf"PRIVATE\+KEY\+({NAME})\+([0-9a-f]{{8}})\+([A-Za-z0-9+/]{{44}})"


class WitnessKey(Value, frozen=True):
    """`key` is the 32 bytes of RFC 8032. As text it is `<name>+<key id in hex>+<base64 of 0x04 || key>`."""

    name: str
    key: bytes

    @property
    def id(self) -> bytes:
        """Four bytes that distinguish the keys of a name."""
        return key_id(self.name, COSIGNATURE + self.key)

    def __str__(self) -> str:
        return f"{self.name}+{self.id.hex()}+{b64encode(COSIGNATURE + self.key).decode()}"


def key_id(name: str, typed_key: bytes) -> bytes:
    """C2SP's id of a key; `typed_key` begins with the byte of its type."""
    return sha256(name.encode() + b"\n" + typed_key).digest()[:4]


def parse_key(text: str) -> WitnessKey:
    """The inverse of `str`. Raises ValueError for any other text."""
    form = re.fullmatch(_PUBLIC, text)
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
    """The bytes of base64 in its one form (RFC 4648, with padding). Raises ValueError."""
    try:
        found = b64decode(text, validate=True)
    except binascii.Error as error:
        raise ValueError("not base64") from error
    if b64encode(found).decode() != text:
        raise ValueError("not base64 in its only form")
    return found


class Cosignature(Value, frozen=True):
    """`time` is the instant of signing in Unix seconds; `signature` 64 bytes, not verified yet."""

    name: str
    key_id: bytes
    time: int
    signature: bytes

    def line(self) -> bytes:
        """The line as published, with its LF."""
        body = b64encode(self.key_id + self.time.to_bytes(8, "big") + self.signature).decode()
        return f"\u2014 {self.name} {body}\n".encode()


class Signer(Value, frozen=True):
    """A witness's private key: the 32-byte seed of RFC 8032, and the name that it signs by."""

    name: str
    seed: bytes

    @property
    def public(self) -> WitnessKey:
        """The key that verifiers get."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # as in `verify`

        return WitnessKey(self.name, Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw())

    def encode(self) -> str:
        """The form of Go's package note, which other witnesses use too: `PRIVATE+KEY+<name>+<id>+<base64>`."""
        public = key_id(self.name, NOTE_KEY + self.public.key)
        return f"PRIVATE+KEY+{self.name}+{public.hex()}+{b64encode(NOTE_KEY + self.seed).decode()}"

    def sign(self, note: bytes, at: datetime) -> Cosignature:
        """Sign that this note was there at an instant."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # as in `verify`

        time = int(at.timestamp())
        signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign(message(note, time))
        return Cosignature(self.name, self.public.id, time, signature)


def parse_signer(text: str) -> Signer:
    """The inverse of `Signer.encode`. Raises ValueError, whose text quotes nothing of the key."""
    form = re.fullmatch(_PRIVATE, text)
    if form is None:
        raise ValueError("not of the form PRIVATE+KEY+name+id+key")
    typed = unbase64(form[3])
    signer = Signer(form[1], typed[1:])
    if signer.encode() != text:
        raise ValueError("not an Ed25519 key, or its id is not that of name and key")
    return signer


def message(note: bytes, time: int) -> bytes:
    """The bytes that a witness signs."""
    return f"cosignature/v1\ntime {time}\n".encode() + note


def parse_line(line: bytes) -> Cosignature:
    """Read one line with its LF. Raises `MalformedCosignature` unless writing the result gives the same bytes."""
    try:
        form = re.fullmatch(_LINE, line.decode())
        body = unbase64(form[2]) if form else b""
    except ValueError as error:
        raise MalformedCosignature(reason="not UTF-8, or not base64 in its only form") from error
    if form is None:
        raise MalformedCosignature(reason="not of the form of a line")
    time = int.from_bytes(body[4:12], "big")
    if time >= _TIME_BELOW:
        raise MalformedCosignature(reason="the time is out of range")
    return Cosignature(form[1], body[:4], time, body[12:])


def verify(cosignature: Cosignature, note: bytes, keys: Iterable[WitnessKey]) -> None:
    """Raises `UnknownWitness` if none of `keys` made it, `ForgedCosignature` if that key did not sign this note."""
    key = next((key for key in keys if (key.name, key.id) == (cosignature.name, cosignature.key_id)), None)
    if key is None:
        raise UnknownWitness(name=cosignature.name)
    # 4 MB of machine code that only a verifier needs.
    from cryptography.exceptions import InvalidSignature
    from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PublicKey

    try:
        Ed25519PublicKey.from_public_bytes(key.key).verify(cosignature.signature, message(note, cosignature.time))
    except InvalidSignature as error:
        raise ForgedCosignature(name=cosignature.name) from error
