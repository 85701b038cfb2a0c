"""What a verifier has of a published draw: each file read once, and what follows from it recomputed when asked for."""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass, field
from datetime import datetime
from functools import cached_property
from hashlib import sha256

from chalicelib.config import Chain, DrawRules
from chalicelib.waves import draw, note, published
from chalicelib.waves.draw_errors import BadSeats, MalformedNote
from chalicelib.waves.selection import Selection, draw_seed

from .publication import (
    Absent,
    Publication,
    RegionRow,
    Result,
    SampleFile,
    SignedRound,
    SubstitutionRow,
    T,
    Unreadable,
    decode,
)

_SMALL, _LONG = 1 << 20, 1 << 28
"""Bytes that a table and a list of substitutions may have."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the verifier knows from elsewhere; every None leaves a check undone, visibly.

    `note_published_at` is when the note was first seen in public, `weights` region to weight of the reserved seats,
    `entry` one's own (region, ticket).
    """

    wave: int | None = None
    closes_at: datetime | None = None
    note_published_at: datetime | None = None
    weights: Mapping[int, int] | None = None
    entry: tuple[int, bytes] | None = None


class NotChecked(Exception):
    """A check cannot be made; the message names what is missing."""


class NotThere(NotChecked):
    """The file that a check needs does not exist."""


@dataclass(eq=False)
class Evidence:
    """What was read so far. A property whose file is missing or malformed raises `NotChecked` to the steps after."""

    publication: Publication
    rules: DrawRules
    known: Known
    lists: dict[int, bytes] = field(default_factory=dict)
    _faults: dict[str, NotChecked] = field(default_factory=dict)

    @cached_property
    def note_bytes(self) -> bytes:
        return self._file(published.NOTE, _SMALL)

    @cached_property
    def note(self) -> note.Note:
        try:
            return note.parse(self.note_bytes)
        except MalformedNote as error:
            raise NotChecked(f"malformed {published.NOTE}: {error.facts['reason']}") from error

    @cached_property
    def chain(self) -> Chain:
        for chain in self.rules.chains.values():
            if chain.hash == self.note.chain and (chain.production or chain is self.rules.pinned):
                return chain
        raise NotChecked("foreign chain: the note's beacon is not a pinned one")

    @cached_property
    def regions(self) -> tuple[draw.Region, ...]:
        rows = self._json(published.REGIONS, _SMALL, list[RegionRow])
        return tuple(draw.Region(row.region, row.entries, row.quota, bytes.fromhex(row.root)) for row in rows)

    @cached_property
    def signed(self) -> SignedRound:
        return self._json(published.BEACON, _SMALL, SignedRound)

    @cached_property
    def result(self) -> Result:
        return self._json(published.RESULT, _SMALL, Result)

    @cached_property
    def substitutions(self) -> list[SubstitutionRow]:
        return self._json(published.SUBSTITUTIONS, _LONG, list[SubstitutionRow])

    @cached_property
    def sample(self) -> SampleFile:
        return self._json(published.SAMPLE, _LONG, SampleFile)

    @cached_property
    def reserved(self) -> dict[int, int]:
        return {row.region: row.quota for row in self.regions if row.quota}

    @cached_property
    def randomness(self) -> bytes:
        """Recomputed from the signature, not read."""
        return sha256(bytes.fromhex(self.signed.signature)).digest()

    @cached_property
    def seed(self) -> bytes:
        """Recomputed from the note and the signature, not read."""
        return draw_seed(self.note.encode(), self.randomness)

    @cached_property
    def selection(self) -> Selection:
        """Drawn anew; the substitutions' step moves it on, and nothing before that does."""
        self.need_lists()
        try:
            return Selection(self.lists, self.reserved, self.note.quota, self.seed)
        except BadSeats as error:
            raise NotChecked("needs seats that add up") from error

    def need_lists(self) -> None:
        """Raises `NotChecked` unless every list was read."""
        for row in self.regions:
            if row.entries and row.region not in self.lists:
                raise NotChecked(f"needs the list of region {row.region}")

    def read_list(self, row: draw.Region) -> str | None:
        """Read a region's list; what is wrong with the file, if anything."""
        name = published.leaves_name(row.region)
        try:
            leaves = self.publication.read(name, max(1, row.entries * draw.LEAF_BYTES))
        except Absent:
            return f"missing {name}" if row.entries else None
        except Unreadable as error:
            return f"malformed {name}: {error}"
        if not row.entries:
            return f"{name} is there, and the region table has no entries for it"
        if len(leaves) != row.entries * draw.LEAF_BYTES:
            return f"malformed {name}: {len(leaves)} bytes are not {row.entries} leaves"
        self.lists[row.region] = leaves
        return None

    def _file(self, name: str, limit: int) -> bytes:
        """Read a file; one that cannot be had is not asked for again."""
        if name not in self._faults:
            try:
                return self.publication.read(name, limit)
            except Absent:
                self._faults[name] = NotThere(f"missing {name}")
            except Unreadable as error:
                self._faults[name] = NotChecked(f"malformed {name}: {error}")
        raise self._faults[name]

    def _json(self, name: str, limit: int, form: type[T]) -> T:
        try:
            return decode(self._file(name, limit), form)
        except Unreadable as error:
            raise NotChecked(f"malformed {name}: {error}") from error
