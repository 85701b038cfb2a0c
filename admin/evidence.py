"""What a verifier has of a published draw: each file read once, and what follows from it recomputed when asked for."""

from __future__ import annotations

from collections.abc import Callable, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import cached_property
from hashlib import sha256
from itertools import pairwise

from chalicelib.config import DrawRules
from chalicelib.draw import cosignatures as witness
from chalicelib.draw import leaves as draw
from chalicelib.draw import merkle, note, proofs, published
from chalicelib.draw.cosignatures import Cosignature, Judgement
from chalicelib.draw.errors import MalformedCosignature, MalformedNote
from chalicelib.draw.note import Chain
from chalicelib.draw.selection import Selection, draw_seed
from chalicelib.draw.witness_keys import WitnessKey

from . import own_story
from .ascending import Ascending, Disordered
from .publication import Absent, Publication, Unreachable, Unreadable, Watch
from .published_forms import (
    MAX_ROUND,
    RegionRow,
    Removals,
    ReservedRow,
    Result,
    SampleFile,
    SignedRound,
    SubstitutionRow,
    T,
    decode,
)
from .receipt import Own

_SMALL, _LONG = 1 << 20, 1 << 28
"""Bytes that a table and a list of substitutions may have."""

REGIONS = range(10, 100)
"""The codes that a region may have."""

MAX_ENTRIES = 50_000_000
"""Of one wave (1.6 GB of leaves): five times the design size."""


@dataclass(frozen=True, slots=True, kw_only=True)
class Known:
    """What the verifier knows from elsewhere; every None leaves a check undone, visibly.

    `note_published_at` is when the note was first seen in public, `weights` region to weight of the reserved seats,
    `witnesses` the keys that count and their quorum, instead of the configured ones; `own` is one's own entry: with it
    the personal proof is checked instead of the whole wave.
    """

    wave: int | None = None
    closes_at: datetime | None = None
    note_published_at: datetime | None = None
    weights: Mapping[int, int] | None = None
    witnesses: tuple[tuple[WitnessKey, ...], int] | None = None
    own: Own | None = None


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
    disordered: dict[int, str] = field(default_factory=dict)
    """The lists that do not ascend strictly, by the name of that failure: nothing else of them is known."""
    drawn: frozenset[bytes] = frozenset()
    """Who was drawn at first, once `selection` was asked for."""
    _nodes: dict[int, bytes] = field(default_factory=dict)
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
    def exists_at(self) -> datetime:
        """When the committed round comes into being."""
        try:
            return note.round_time(self.chain, self.note.round)
        except OverflowError:
            return datetime.max.replace(tzinfo=UTC)  # beyond the calendar, so nothing is late for it

    @property
    def witnesses(self) -> tuple[tuple[WitnessKey, ...], int]:
        """The keys that count, and how many of them must have signed in time."""
        return self.known.witnesses or (self.rules.witnesses.known, self.rules.witnesses.quorum)

    @cached_property
    def cosignatures(self) -> tuple[Cosignature, ...]:
        """The published ones; none where there is no such file."""
        try:
            return witness.parse(self._file(published.COSIGNATURES, _SMALL))
        except NotThere:
            return ()
        except MalformedCosignature as error:
            raise NotChecked(f"malformed {published.COSIGNATURES}: {error.facts['reason']}") from error

    @cached_property
    def judgement(self) -> Judgement:
        """What the published cosignatures are worth."""
        _ = self.note
        try:
            exists_at = self.exists_at
        except NotChecked:  # of a foreign chain: who signs what is told all the same
            exists_at = None
        return witness.judge(self.cosignatures, self.note_bytes, self.witnesses[0], exists_at)

    @cached_property
    def regions(self) -> tuple[draw.Region, ...]:
        rows = self._json(published.REGIONS, _SMALL, list[RegionRow])
        for row in rows:
            if not row.entries and not row.quota:
                raise NotChecked(f"malformed {published.REGIONS}: {row.region} has neither entries nor seats")
        _once_each(published.REGIONS, rows)
        if sum(row.entries for row in rows) > MAX_ENTRIES:
            raise NotChecked(f"malformed {published.REGIONS}: more than {MAX_ENTRIES} entries")
        return tuple(draw.Region(row.region, row.entries, row.quota, bytes.fromhex(row.root)) for row in rows)

    @cached_property
    def removals(self) -> Removals:
        found = self._json(published.REMOVALS, _SMALL, Removals)
        if any(one.reason >= two.reason for one, two in pairwise(found.removed)):
            raise NotChecked(f"malformed {published.REMOVALS}: its reasons do not ascend")
        return found

    @cached_property
    def signed(self) -> SignedRound:
        found = self._json(published.BEACON, _SMALL, SignedRound)
        if found.round > MAX_ROUND:
            raise NotChecked(f"malformed {published.BEACON}: its round is out of range")
        return found

    @cached_property
    def result(self) -> Result:
        found = self._json(published.RESULT, _SMALL, Result)
        _once_each(published.RESULT, found.reserved)
        return found

    @cached_property
    def substitutions(self) -> list[SubstitutionRow]:
        return self._json(published.SUBSTITUTIONS, _LONG, list[SubstitutionRow])

    @property
    def published_substitutions(self) -> list[SubstitutionRow]:
        """None, where there is no such file."""
        try:
            return self.substitutions
        except NotThere:
            return []

    @cached_property
    def sample(self) -> SampleFile:
        return self._json(published.SAMPLE, _LONG, SampleFile)

    @cached_property
    def program(self) -> bytes:
        return self._file(published.VERIFIER, _SMALL)

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

    def need_seats(self) -> None:
        """Raises `NotChecked` unless there are as many seats as are reserved."""
        if sum(self.reserved.values()) > self.note.quota:
            raise NotChecked("needs seats that add up")

    @cached_property
    def selection(self) -> Selection:
        """Drawn anew; the substitutions' step moves it on, and nothing before that does."""
        self.need_lists()
        self.need_seats()
        found = Selection(self.lists, self.reserved, self.note.quota, self.seed)
        self.drawn = frozenset(leaf for leaf, _ in found.winners())
        return found

    def nodes(self, region: int) -> bytes:
        """The hashes of the runs of a list, recomputed, not read."""
        if region not in self._nodes:
            self._nodes[region] = merkle.run_hashes(self.lists.get(region, b""))
        return self._nodes[region]

    @property
    def own(self) -> Own:
        if self.known.own is None:
            raise NotChecked("no ticket was given")
        return self.known.own

    @cached_property
    def own_leaf(self) -> bytes:
        """Recomputed from the ticket, not read."""
        return draw.leaf(self.note.wave, self.own.region, self.own.ticket)

    @cached_property
    def own_row(self) -> draw.Region:
        for row in self.regions:
            if row.region == self.own.region and row.entries:
                return row
        raise NotChecked(f"needs a list of region {self.own.region}")

    @cached_property
    def own_nodes(self) -> bytes:
        """Read, not recomputed."""
        row = self.own_row
        return self.read_hashes(published.nodes_name(row.region), proofs.runs_of(row.entries))

    @cached_property
    def own_place(self) -> proofs.LeafPlace | None:
        """Where the own leaf is on its list, found by reading a run or two of it; None if it is not."""
        row = self.own_row

        def part(name: str, start: int, length: int) -> bytes:
            return self.publication.read_part(name, start, length, row.entries * merkle.HASH_BYTES)

        try:
            return proofs.locate(row, self.own_leaf, part)
        except (Absent, Unreadable) as error:
            raise _fault(published.leaves_name(row.region), error) from error

    @cached_property
    def own_proof(self) -> proofs.Proof:
        """That the own leaf is on its list, under the committed root."""
        row, place = self.own_row, self.own_place
        if place is None:
            raise NotChecked("needs a leaf that is on the list")
        return proofs.proof(place, row.entries, self.own_nodes)

    @cached_property
    def own_is_proven(self) -> bool:
        row, proof = self.own_row, self.own_proof
        return proofs.leads_to(self.own_leaf, proof.index, proof.entries, proof.path) == row.root

    def need_own_proof(self) -> None:
        """Raises `NotChecked` unless the own leaf is on its list, under the committed root."""
        if not self.own_is_proven:
            raise NotChecked("needs a path to the root")

    @cached_property
    def own_values(self) -> own_story.Values:
        return own_story.Values(self.seed, self.own.region, self.own_leaf)

    @cached_property
    def own_story(self) -> own_story.Story:
        """What became of the own entry: recomputed, but for the cut-offs."""
        self.need_own_proof()
        try:
            return own_story.follow(self.own_values, self.result, self.published_substitutions)
        except own_story.OutOfOrder as error:
            raise NotChecked(f"substitution out of order: {error}") from error

    def need_lists(self) -> None:
        """Raises `NotChecked` unless every list was read."""
        for row in self.regions:
            if row.entries and row.region not in self.lists:
                raise NotChecked(f"needs the list of region {row.region}")

    def read_list(self, row: draw.Region) -> str | None:
        """Read a region's list; what is wrong with the file, if anything."""
        try:
            leaves = self.read_hashes(published.leaves_name(row.region), row.entries, Ascending())
        except Disordered as name:
            self.disordered[row.region] = str(name)
            return None
        except NotChecked as fault:
            return str(fault)
        if row.entries:
            self.lists[row.region] = leaves
        return None

    def stray(self, name_of: Callable[[int], str]) -> str | None:
        """What is wrong with the files of regions that the table has no row for, of which there may be none."""
        known = {row.region for row in self.regions}
        for region in (region for region in REGIONS if region not in known):
            try:
                self.read_hashes(name_of(region), 0)
            except NotChecked as fault:
                return str(fault)
        return None

    def read_hashes(self, name: str, count: int, watch: Watch | None = None) -> bytes:
        """A file of `count` hashes, which is not there if there are none. Raises `NotChecked` with what is wrong."""
        try:
            hashes = self.publication.read(name, count * merkle.HASH_BYTES, watch)
        except (Absent, Unreadable) as error:
            if isinstance(error, Absent) and not count:
                return b""
            if not count and not isinstance(error, Unreachable):
                raise NotChecked(f"malformed {name}: the region table has no entries for it") from error
            raise _fault(name, error) from error
        if not count:
            raise NotChecked(f"malformed {name}: the region table has no entries for it")
        if len(hashes) != count * merkle.HASH_BYTES:
            raise NotChecked(f"malformed {name}: {len(hashes)} bytes are not {count} hashes")
        return hashes

    def _file(self, name: str, limit: int) -> bytes:
        """Read a file; one that cannot be had is not asked for again."""
        if name not in self._faults:
            try:
                return self.publication.read(name, limit)
            except (Absent, Unreadable) as error:
                self._faults[name] = _fault(name, error)
        raise self._faults[name]

    def _json(self, name: str, limit: int, form: type[T]) -> T:
        try:
            return decode(self._file(name, limit), form)
        except Unreadable as error:
            raise _fault(name, error) from error


def _fault(name: str, error: Absent | Unreadable) -> NotChecked:
    """What is said of a file that could not be had or read."""
    if isinstance(error, Absent):
        return NotThere(f"missing {name}")
    return NotChecked(f"{'missing' if isinstance(error, Unreachable) else 'malformed'} {name}: {error}")


def _once_each(name: str, rows: Sequence[RegionRow] | Sequence[ReservedRow]) -> None:
    if len({row.region for row in rows}) < len(rows):
        raise NotChecked(f"malformed {name}: a region has two rows")
