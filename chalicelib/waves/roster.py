"""Whose a leaf is and what was decided of it, for a wave of ten million: 70 bytes an entry, and no object for any.

Reading waits for the network most of the time, so several partitions are read at once.

Records are kept sorted in a part for each first byte of a leaf. Leaves are hashes, so the parts are alike whatever
regions people come from, and to sort one of them at a time takes next to nothing besides.
"""

from __future__ import annotations

from bisect import bisect_left
from collections.abc import Callable, Iterable
from dataclasses import dataclass
from struct import Struct
from threading import Lock

from .draw import LEAF_BYTES, leaf
from .errors import ListChanged
from .reader import Row
from .rules import Outcome
from .shards import each_shard

_RECORD = Struct(f"{LEAF_BYTES}s36sBB")
"""The leaf, whose it is, the region's two digits, the outcome: its place in `_OUTCOMES` from 1, 0 for none."""

_OUTCOMES = tuple(Outcome)
_CODES: dict[str | None, int] = {None: 0} | {outcome.value: code for code, outcome in enumerate(_OUTCOMES, 1)}
_WHO_BYTES = 36
"""An account's id at the user pool is a UUID."""

Pages = Callable[[int], Iterable[Iterable[Row]]]
"""Gives the entries of a shard, page by page."""


@dataclass(frozen=True, slots=True)
class Holder:
    """Whose a leaf is. `outcome` as it was when the roster was read."""

    registrant_id: str
    region: int
    outcome: Outcome | None


class Roster:
    """Every entry of a wave, as one reading found it. `wanted` may be asked for by their ids, too.

    `pages` gives the entries of a shard. What it raises is raised.
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
            parts[number] = bytearray()  # given back at once

    def whose(self, own: bytes) -> Holder:
        """Whose an entry is. Raises `ListChanged` if there is no such entry."""
        part = self._parts[own[0]]
        places = range(0, len(part), _RECORD.size)
        place = bisect_left(places, own, key=lambda start: part[start : start + LEAF_BYTES]) * _RECORD.size
        if part[place : place + LEAF_BYTES] != own:
            raise ListChanged(wave=self._wave)
        _, who, region, code = _RECORD.unpack_from(part, place)
        return Holder(who.rstrip(b"\0").decode(), region, _OUTCOMES[code - 1] if code else None)

    def leaf_of(self, registrant_id: str) -> bytes:
        """The entry of one of those who are `wanted`. Raises `ListChanged` if there is none."""
        if registrant_id not in self._leaves:
            raise ListChanged(wave=self._wave)
        return self._leaves[registrant_id]

    def _pack(self, page: Iterable[Row], parts: list[bytearray], wanted: frozenset[str]) -> None:
        for registrant_id, region, ticket, outcome in page:
            own = leaf(self._wave, region, ticket)
            who = registrant_id.encode()
            if len(who) > _WHO_BYTES:
                raise ValueError("the id of a registrant is too long")
            parts[own[0]] += _RECORD.pack(own, who, region, _CODES[outcome])
            if registrant_id in wanted:
                self._leaves[registrant_id] = own


def _records(part: bytearray) -> list[bytes]:
    return [bytes(part[start : start + _RECORD.size]) for start in range(0, len(part), _RECORD.size)]
