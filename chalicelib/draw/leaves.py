"""Entries, lists and the commitment of a draw (docs/draw.md sections 1 to 3). Standard library only; pure.

A list is one `bytes`: the leaves of a region, 32 bytes each, ascending, end to end. It is exactly the published file. A
wave of ten million entries takes 320 MB this way; as objects it would take more than a gigabyte.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import datetime
from hashlib import sha256
from itertools import chain, islice
from operator import eq
from struct import iter_unpack, pack

from ..values import Value
from . import merkle
from .errors import BadSeats, DuplicateLeaf
from .note import Chain, Note, beacon_round

LEAF_BYTES = merkle.HASH_BYTES
TICKET_BYTES = 32

_NEAR_BYTES = 1 << 20
"""At most so many bytes of leaves are objects at once; more would not fit into the processor's cache."""


def leaf(wave: int, region: int, ticket: bytes) -> bytes:
    """The published 32 bytes of an entry; `region` is the two-digit province code, `ticket` its 32 random bytes."""
    return sha256(_leaf_prefix(wave, region) + ticket).digest()


class Unsorted:
    """The leaves of a wave while its entries are read: for each region 32 bytes each, end to end, in any order."""

    def __init__(self, wave: int) -> None:
        self._wave = wave
        self._regions: dict[int, bytearray] = {}

    def add(self, region: int, tickets: Iterable[bytes]) -> None:
        self._regions.setdefault(region, bytearray()).extend(b"".join(_leaves(self._wave, region, tickets)))

    def lists(self) -> Iterator[tuple[int, bytes]]:
        """Each region with its list, ascending by code; a list that was yielded is dropped here. Raises
        `DuplicateLeaf`.
        """
        for region in sorted(self._regions):
            yield region, _ascending(region, self._regions.pop(region))


def leaves_of(leaf_list: bytes) -> Iterator[bytes]:
    """Each leaf of a list, in its order."""
    return (one for (one,) in iter_unpack("32s", leaf_list))


class Region(Value, frozen=True):
    """A row of the region table: `entries` = N_r, `quota` = the seats q_r reserved for it, `root` = its list's root."""

    region: int
    entries: int
    quota: int
    root: bytes


class Commitment(Value, frozen=True):
    """What the freeze fixes, before the random number exists."""

    note: Note
    regions: tuple[Region, ...]


def region_table(lists: Mapping[int, bytes], reserved: Mapping[int, int]) -> tuple[Region, ...]:
    """A row for every region with entries or seats, ascending by code. `reserved` is region to q_r."""
    counted = {region: (len(leaves) // LEAF_BYTES, merkle.root(leaves)) for region, leaves in lists.items()}
    return table_of(counted, reserved)


def table_of(counted: Mapping[int, tuple[int, bytes]], reserved: Mapping[int, int]) -> tuple[Region, ...]:
    """The same, from N_r and the root of each region's list."""
    nobody = 0, merkle.root(b"")
    rows = []
    for region in sorted(counted.keys() | reserved.keys()):
        (entries, root), quota = counted.get(region, nobody), reserved.get(region, 0)
        if entries or quota:
            rows.append(Region(region, entries, quota, root))
    return tuple(rows)


def top(wave: int, regions: Iterable[Region]) -> bytes:
    """The tree hash over the rows of the region table: the 32 bytes to which the note commits."""
    tag = b"\x00gelombang1/region\0"
    return merkle.root(
        b"".join(
            sha256(tag + pack(">IHII", wave, row.region, row.entries, row.quota) + row.root).digest() for row in regions
        )
    )


def commit_to(wave: int, regions: tuple[Region, ...], quota: int, frozen: datetime, chain: Chain) -> Commitment:
    """The commitment to a region table and `quota` seats in all.

    `frozen` is the instant from which the entries no longer change, in whole seconds. Raises `BadSeats` when more
    seats are reserved than there are.
    """
    seats = sum(row.quota for row in regions)
    if seats > quota:
        raise BadSeats(reason=f"{seats} reserved of {quota}")
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


def _ascending(region: int, leaves: bytes | bytearray) -> bytes:
    joined = []
    for part in _sorted(leaves):
        if any(map(eq, part, islice(part, 1, None))):
            raise DuplicateLeaf(region=region)
        joined.append(b"".join(part))
    return b"".join(joined)


def _sorted(leaves: bytes | bytearray) -> Iterator[list[bytes]]:
    """The leaves in order, in parts. Each part has the leaves of one first byte; they are hashes, so parts are equally
    long.
    """
    if len(leaves) <= _NEAR_BYTES:
        parts: list[list[bytes]] = [[] for _ in range(256)]
        for (one,) in iter_unpack("32s", leaves):
            parts[one[0]].append(one)
        for part in parts:
            part.sort()
        yield list(chain.from_iterable(parts))
        return
    packed = [bytearray() for _ in range(256)]
    for (one,) in iter_unpack("32s", leaves):
        packed[one[0]] += one
    for some in packed:
        yield sorted(one for (one,) in iter_unpack("32s", some))


def _leaves(wave: int, region: int, tickets: Iterable[bytes]) -> list[bytes]:
    begun, leaves = sha256(_leaf_prefix(wave, region)).copy, []
    for ticket in tickets:
        state = begun()  # a copied state is cheaper than a new one
        state.update(ticket)
        leaves.append(state.digest())
    return leaves


def _leaf_prefix(wave: int, region: int) -> bytes:
    return b"\x00gelombang1/leaf\0" + pack(">IH", wave, region)
