"""Witnesses of a note: C2SP cosignatures (tlog-cosignature, signed-note) over its bytes. Pure; docs/draw.md section 7.

A line says that its witness had this very note at a time, and nothing of any other note.
"""

from __future__ import annotations

import re
from base64 import b64encode
from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime

from .errors import ForgedCosignature, MalformedCosignature, UnknownWitness
from .witness_keys import NAME, WitnessKey, key_id, unbase64

_FORM = re.compile(rf"\u2014 ({NAME}) ([A-Za-z0-9+/]{{102}}==)\n")
_TIME_BELOW = 1 << 63

NOTE_KEY = b"\x01"
"""C2SP's byte for plain Ed25519 keys, of which a witness's private one is a kind."""

_PRIVATE = re.compile(rf"PRIVATE\+KEY\+({NAME})\+([0-9a-f]{{8}})\+([A-Za-z0-9+/]{{44}})")


@dataclass(frozen=True, slots=True)
class Cosignature:
    """`time` is the instant of signing in Unix seconds; `signature` 64 bytes, not verified yet."""

    name: str
    key_id: bytes
    time: int
    signature: bytes

    def line(self) -> bytes:
        """As it is published, with its LF."""
        body = b64encode(self.key_id + self.time.to_bytes(8, "big") + self.signature).decode()
        return f"\u2014 {self.name} {body}\n".encode()


@dataclass(frozen=True, slots=True)
class Signer:
    """A witness's private key: the 32-byte seed of RFC 8032, and the name it signs by."""

    name: str
    seed: bytes

    @property
    def public(self) -> WitnessKey:
        """What verifiers are given."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # as in `verify`

        return WitnessKey(self.name, Ed25519PrivateKey.from_private_bytes(self.seed).public_key().public_bytes_raw())

    def encode(self) -> str:
        """The form of Go's package note, which other witnesses use too: `PRIVATE+KEY+<name>+<id>+<base64>`."""
        public = key_id(self.name, NOTE_KEY + self.public.key)
        return f"PRIVATE+KEY+{self.name}+{public.hex()}+{b64encode(NOTE_KEY + self.seed).decode()}"

    def sign(self, note: bytes, at: datetime) -> Cosignature:
        """Confirm to have this note at an instant."""
        from cryptography.hazmat.primitives.asymmetric.ed25519 import Ed25519PrivateKey  # as in `verify`

        time = int(at.timestamp())
        signature = Ed25519PrivateKey.from_private_bytes(self.seed).sign(message(note, time))
        return Cosignature(self.name, self.public.id, time, signature)


def parse_signer(text: str) -> Signer:
    """The inverse of `Signer.encode`. Raises ValueError, which quotes nothing of it."""
    form = _PRIVATE.fullmatch(text)
    if form is None:
        raise ValueError("not of the form PRIVATE+KEY+name+id+key")
    typed = unbase64(form[3])
    signer = Signer(form[1], typed[1:])
    if signer.encode() != text:
        raise ValueError("not an Ed25519 key, or its id is not that of name and key")
    return signer


def message(note: bytes, time: int) -> bytes:
    """What a witness signs."""
    return f"cosignature/v1\ntime {time}\n".encode() + note


def parse_line(line: bytes) -> Cosignature:
    """Read one line with its LF. Raises `MalformedCosignature` unless writing the result gives the same bytes."""
    try:
        form = _FORM.fullmatch(line.decode())
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
    """Raises `UnknownWitness` if it is of none of `keys`, `ForgedCosignature` if that one did not sign this note."""
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


def is_late(cosignature: Cosignature, exists_at: datetime) -> bool:
    """Whether the round existed when it was signed, by its own word."""
    return cosignature.time >= exists_at.timestamp()
