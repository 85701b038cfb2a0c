"""Entries, lists and the commitment of a draw (docs/draw.md sections 1 to 3). Standard library only; pure.

A list is one `bytes`: the leaves of a region, 32 bytes each, ascending, end to end. It is exactly what is published,
and a wave of ten million entries is 320 MB of it instead of a gigabyte of objects.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from dataclasses import dataclass
from datetime import datetime
from hashlib import sha256
from itertools import pairwise
from struct import iter_unpack, pack
from typing import TYPE_CHECKING

from . import merkle
from .draw_errors import BadSeats, DuplicateLeaf
from .note import Note, beacon_round

if TYPE_CHECKING:
    from ..config import Chain

LEAF_BYTES = merkle.HASH_BYTES
TICKET_BYTES = 32


def leaf(wave: int, region: int, ticket: bytes) -> bytes:
    """The published 32 bytes of an entry; `region` is the two-digit province code, `ticket` its 32 random bytes."""
    return sha256(_leaf_prefix(wave, region) + ticket).digest()


def build_list(wave: int, region: int, tickets: Iterable[bytes]) -> bytes:
    """The list of a region from its entries' tickets, in any order. Raises `DuplicateLeaf`."""
    prefix = _leaf_prefix(wave, region)
    leaves = sorted(sha256(prefix + ticket).digest() for ticket in tickets)
    if any(one == next_one for one, next_one in pairwise(leaves)):
        raise DuplicateLeaf(region=region)
    return b"".join(leaves)


def leaves_of(leaf_list: bytes) -> Iterator[bytes]:
    """Each leaf of a list, in its order."""
    return (one for (one,) in iter_unpack("32s", leaf_list))


@dataclass(frozen=True, slots=True)
class Region:
    """A row of the region table: `entries` = N_r, `quota` = the seats q_r reserved for it, `root` = its list's root."""

    region: int
    entries: int
    quota: int
    root: bytes


@dataclass(frozen=True, slots=True)
class Commitment:
    """What is fixed at the freeze, before the random number exists."""

    note: Note
    regions: tuple[Region, ...]


def region_table(lists: Mapping[int, bytes], reserved: Mapping[int, int]) -> tuple[Region, ...]:
    """A row for every region with entries or seats, ascending by code. `reserved` is region to q_r."""
    rows = []
    for region in sorted(lists.keys() | reserved.keys()):
        leaves, quota = lists.get(region, b""), reserved.get(region, 0)
        if leaves or quota:
            rows.append(Region(region, len(leaves) // LEAF_BYTES, quota, merkle.root(leaves)))
    return tuple(rows)


def top(wave: int, regions: Iterable[Region]) -> bytes:
    """The tree hash over the rows of the region table: the 32 bytes that the note commits to."""
    tag = b"\x00gelombang1/region\0"
    return merkle.root(
        b"".join(
            sha256(tag + pack(">IHII", wave, row.region, row.entries, row.quota) + row.root).digest() for row in regions
        )
    )


def commit(
    wave: int, lists: Mapping[int, bytes], reserved: Mapping[int, int], quota: int, frozen: datetime, chain: Chain
) -> Commitment:
    """The commitment to `lists` (region to list), `reserved` (region to q_r) and `quota` seats in all.

    `frozen` is the instant from which the entries no longer change, in whole seconds. Raises `BadSeats` when more
    seats are reserved than there are.
    """
    seats = sum(reserved.values())
    if seats > quota:
        raise BadSeats(reason=f"{seats} reserved of {quota}")
    regions = region_table(lists, reserved)
    note = Note(
        wave=wave,
        entries=sum(row.entries for row in regions),
        quota=quota,
        reserved=seats,
        regions=top(wave, regions),
        frozen=frozen,
        chain=chain.hash,
        round=beacon_round(chain, frozen),
    )
    return Commitment(note, regions)


def _leaf_prefix(wave: int, region: int) -> bytes:
    return b"\x00gelombang1/leaf\0" + pack(">IH", wave, region)
