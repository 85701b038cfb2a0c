"""Whose each leaf of a wave is.

A wave may have ten million entries. So the owner and the outcome of a leaf take 70 bytes and no object. The records are
sorted in a part for each first byte of a leaf. Leaves are hashes, so the parts are equally long.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from struct import Struct
from threading import Lock

from ...draw.leaves import LEAF_BYTES
from ...values import Value
from ..entries import Row, each_shard
from ..errors import ListChanged
from ..rules import EntryOutcome, leaf_of

_WHO_BYTES = 26
"""The id of an account (`ids.random_id`)."""

_RECORD = Struct(f"{LEAF_BYTES}s{_WHO_BYTES}sBB")
"""The leaf, its owner, the region's two digits, the outcome: its place in `_OUTCOMES` from 1, 0 for none."""

_OUTCOMES = tuple(EntryOutcome)
_CODES: dict[str | None, int] = {None: 0} | {outcome.value: code for code, outcome in enumerate(_OUTCOMES, 1)}

Pages = Callable[[int], Iterable[Iterable[Row]]]
"""Gives the entries of a shard, page by page."""


class LeafOwner(Value, frozen=True):
    """The owner of a leaf. `outcome` as it was when the entries were read."""

    registrant_id: str
    region: int
    outcome: EntryOutcome | None


class LeafOwners:
    """Every entry of a wave, as one reading found it. `wanted` may be looked up by their ids, too.

    `pages` gives the entries of a shard; its errors are passed on.
    """

    def __init__(self, wave: int, pages: Pages, wanted: frozenset[str] = frozenset()) -> None:
        self._wave = wave
        self._leaves: dict[str, bytes] = {}
        parts = [bytearray() for _ in range(256)]
        packing = Lock()

        def read(shard: int) -> None:
            for page in pages(shard):
                with packing:
                    self._pack(page, parts, wanted)

        each_shard(read)
        self._parts: list[bytes] = []
        for number, part in enumerate(parts):
            self._parts.append(b"".join(sorted(_records(part))))
            parts[number] = bytearray()  # freed at once

    def whose(self, own: bytes) -> LeafOwner:
        """The owner of a leaf. Raises `ListChanged` if there is no such entry."""
        part = self._parts[own[0]]
        places = range(0, len(part), _RECORD.size)
        place = bisect_left(places, own, key=lambda start: part[start : start + LEAF_BYTES]) * _RECORD.size
        if part[place : place + LEAF_BYTES] != own:
            raise ListChanged(wave=self._wave)
        _, who, region, code = _RECORD.unpack_from(part, place)
        return LeafOwner(who.rstrip(b"\0").decode(), region, _OUTCOMES[code - 1] if code else None)

    def leaf_of(self, registrant_id: str) -> bytes:
        """The leaf of one of the `wanted`. Raises `ListChanged` if there is no entry."""
        if registrant_id not in self._leaves:
            raise ListChanged(wave=self._wave)
        return self._leaves[registrant_id]

    def _pack(self, page: Iterable[Row], parts: list[bytearray], wanted: frozenset[str]) -> None:
        for registrant_id, region, ticket, outcome in page:
            own = leaf_of(self._wave, region, ticket)
            who = registrant_id.encode()
            if len(who) > _WHO_BYTES:
                raise ValueError("the id of a registrant is too long")
            parts[own[0]] += _RECORD.pack(own, who, region, _CODES[outcome])
            if registrant_id in wanted:
                self._leaves[registrant_id] = own


def _records(part: bytearray) -> list[bytes]:
    return [bytes(part[start : start + _RECORD.size]) for start in range(0, len(part), _RECORD.size)]
