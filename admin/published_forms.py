"""The JSON of a published draw: its forms, and the one way in which each is written (docs/draw.md section 6)."""

from __future__ import annotations

import re
from typing import Annotated, Literal, TypeVar

import msgspec
from msgspec import Meta, Struct

from .publication import Unreadable

T = TypeVar("T")

MAX_ROUND = 2**64 - 1
"""Of a beacon; a bound that msgspec cannot take."""

_PLACE = re.compile(r" - at `(\$[][.a-z]*)`\Z")

U32 = Annotated[int, Meta(ge=0, le=2**32 - 1)]
Positive = Annotated[int, Meta(ge=1, le=2**32 - 1)]
Hex32 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{64}\Z")]
Hex48 = Annotated[str, Meta(pattern=r"\A[0-9a-f]{96}\Z")]
Province = Annotated[int, Meta(ge=10, le=99)]


class _Row(Struct, frozen=True, forbid_unknown_fields=True, kw_only=True):
    pass


class RegionRow(_Row, frozen=True):
    region: Province
    entries: U32
    quota: U32
    root: Hex32


class SignedRound(_Row, frozen=True):
    chain: Hex32
    round: Annotated[int, Meta(ge=1)]
    signature: Hex48
    randomness: Hex32


class OpenRow(_Row, frozen=True):
    seats: U32
    chosen: U32
    cutoff: Hex32 | None


class ReservedRow(_Row, frozen=True):
    region: Province
    seats: U32
    chosen: U32
    cutoff: Hex32 | None


class Result(_Row, frozen=True):
    wave: U32
    seed: Hex32
    reserved: list[ReservedRow]
    open: OpenRow


class SubstitutionRow(_Row, frozen=True):
    seq: Positive
    seat: Annotated[str, Meta(pattern=r"\A(open|[1-9][0-9])\Z")]
    out: Hex32
    reason: Literal["ineligible", "family_card", "already_beneficiary", "revoked"]
    incoming: Hex32 | None = msgspec.field(name="in")


class SampleFile(_Row, frozen=True):
    after_seq: U32
    size: Positive
    leaves: list[Hex32]


class RemovalRow(_Row, frozen=True):
    reason: Annotated[str, Meta(pattern=r"\A[a-z_]+\Z")]
    entries: Positive


class Removals(_Row, frozen=True):
    removed: list[RemovalRow]


def decode(raw: bytes, form: type[T]) -> T:
    """JSON of a form, in the one way to write it: no other byte would do. Raises `Unreadable`, quoting nothing."""
    try:
        value = msgspec.json.decode(raw, type=form)
    except msgspec.ValidationError as error:
        place = _PLACE.search(str(error))
        raise Unreadable(f"not of its form at {place.group(1) if place else '$'}") from error
    except RecursionError as error:
        raise Unreadable("nested too deeply") from error
    except (msgspec.DecodeError, ValueError) as error:
        raise Unreadable("not JSON") from error
    if msgspec.json.encode(value) + b"\n" != raw:
        raise Unreadable("not written as it must be")
    return value
