"""The note: eight lines that fix a wave's draw before its random number exists (docs/draw.md section 3). Pure."""

from __future__ import annotations

import re
from base64 import b64decode, b64encode
from datetime import UTC, datetime, timedelta
from typing import Annotated

from msgspec import Meta, Struct

from ..values import Value
from .errors import MalformedNote

_Positive = Annotated[int, Meta(gt=0)]
_U32, _U64 = 2**32 - 1, 2**64 - 1
_FORM = (
    rb"gelombang/draw/1\n"
    rb"wave (\d{1,10})\nentries (\d{1,10})\nquota (\d{1,10})\nreserved (\d{1,10})\n"
    rb"regions ([A-Za-z0-9+/]{43}=)\n"
    rb"frozen (\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d)Z\n"
    rb"beacon ([0-9a-f]{64}) (\d{1,20})\n"
)


class Chain(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    """A pinned drand chain: its hash and key in hex, genesis in Unix seconds, period and our delay in seconds."""

    hash: Annotated[str, Meta(pattern="^[0-9a-f]{64}$")]
    public_key: Annotated[str, Meta(pattern="^[0-9a-f]{192}$")]
    genesis: _Positive
    period_s: _Positive
    delay_s: _Positive
    production: bool


class Note(Value, frozen=True):
    """`regions` is the 32-byte top of the region table, `chain` the beacon chain's hash in hex."""

    wave: int
    entries: int
    quota: int
    reserved: int
    regions: bytes
    frozen: datetime
    chain: str
    round: int

    def __post_init__(self) -> None:
        if self.frozen.utcoffset() is None or self.frozen.microsecond:
            raise MalformedNote(reason="frozen is not a whole second with a time zone")

    def encode(self) -> bytes:
        """The note's bytes: what is published, announced and hashed."""
        frozen = self.frozen.astimezone(UTC).replace(tzinfo=None).isoformat(timespec="seconds")
        return (
            "gelombang/draw/1\n"
            f"wave {self.wave}\nentries {self.entries}\nquota {self.quota}\nreserved {self.reserved}\n"
            f"regions {b64encode(self.regions).decode()}\n"
            f"frozen {frozen}Z\n"
            f"beacon {self.chain} {self.round}\n"
        ).encode()


def parse(raw: bytes) -> Note:
    """Read a note. Raises `MalformedNote` unless encoding the result gives the same bytes again."""
    form = re.fullmatch(_FORM, raw)
    if form is None:
        raise MalformedNote(reason="not the eight lines of its form")
    wave, entries, quota, reserved, regions, frozen, chain, round_number = form.groups()
    try:
        note = Note(
            wave=int(wave),
            entries=int(entries),
            quota=int(quota),
            reserved=int(reserved),
            regions=b64decode(regions),
            frozen=datetime.fromisoformat(frozen.decode()).replace(tzinfo=UTC),
            chain=chain.decode(),
            round=int(round_number),
        )
    except ValueError as error:
        raise MalformedNote(reason="frozen is not an instant") from error
    if max(note.wave, note.entries, note.quota, note.reserved) > _U32 or not 1 <= note.round <= _U64:
        raise MalformedNote(reason="a number is out of range")
    if note.encode() != raw:
        raise MalformedNote(reason="a number or the base64 is not in its shortest form")
    return note


def beacon_round(chain: Chain, frozen: datetime) -> int:
    """The first round of `chain` at or after `frozen` plus the chain's delay; `frozen` is in whole seconds."""
    seconds = int(frozen.timestamp()) + chain.delay_s - chain.genesis
    return max(1, -(-seconds // chain.period_s) + 1)


def round_time(chain: Chain, round_number: int) -> datetime:
    """When a round will exist; round 1 is at the chain's genesis. Raises OverflowError beyond the year 9999."""
    seconds = chain.genesis + (round_number - 1) * chain.period_s
    return datetime.fromtimestamp(0, UTC) + timedelta(seconds=seconds)
