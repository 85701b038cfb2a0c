"""The audit sample and the comparison sample of a drawn wave (docs/draw.md section 9).

The draw's own seed picks them from the published lists: nobody can choose them, and anyone can check them. The lists
say who took part, because a person who was removed before the freeze still has an entry. A published leaf without an
entry has no record.
"""

from __future__ import annotations

from collections.abc import Collection, Iterable, Iterator, Sequence
from datetime import datetime
from itertools import chain
from typing import TYPE_CHECKING

from ...draw import published
from ...draw.leaves import LEAF_BYTES, Region, leaves_of, top
from ...draw.merkle import root
from ...draw.published import Sample
from ...draw.selection import DrawResult, Listed, audited, compared
from ...registration.errors import Excluded, NotRegistered
from ...registration.rules import Registrant, age_on
from ...structs import fill
from ...values import Value
from ..entries import EntryStore
from ..errors import ListChanged, NotDrawn
from ..places.beneficiaries import BeneficiaryStore
from ..rules import SHARDS, Entry, Wave, WaveState, closing_day, commitment, leaf_of, standing
from ..store import WaveStore
from .bucket import Publication

if TYPE_CHECKING:
    from ...registration.service import Registrations


class Joined(Value, frozen=True):
    """What the person was told at joining, and what became of it; `standing` and `reason` as the person sees them."""

    registrant_id: str
    joined_at: datetime
    standing: str
    reason: str | None
    seat: str | None


class Registered(Value, frozen=True):
    """The registration as it is now. `age` on the day the wave closed; `excluded`: a list names the person now.

    `nik` shows the ends only.
    """

    registered_at: datetime
    age: int
    employment: str
    consent_version: str
    verification: str
    excluded: bool
    nik: str | None


class AuditRecord(Value, frozen=True):
    """One entry. `registered` is None if the person is not registered."""

    leaf: str
    region: int
    joined: Joined
    registered: Registered | None


class Audit:
    """Picks entries, and reads what is kept of them."""

    def __init__(
        self,
        store: WaveStore,
        entries: EntryStore,
        beneficiaries: BeneficiaryStore,
        publication: Publication,
        registrations: Registrations,
    ) -> None:
        self._store = store
        self._entries = entries
        self._beneficiaries = beneficiaries
        self._publication = publication
        self._registrations = registrations

    def wave(self, number: int) -> Wave:
        """A wave that can be audited. Raises `NotDrawn`."""
        wave = self._store.wave(number)
        if wave is None or wave.state not in (WaveState.DRAWN, WaveState.SETTLED):
            raise NotDrawn(wave=number)
        return wave

    def regions(self, wave: Wave) -> tuple[Region, ...]:
        """The published table of regions. Raises `ListChanged` if the note does not commit to it."""
        table = self._publication.regions(wave.number)
        if top(wave.number, table) != commitment(wave).regions:
            raise ListChanged(wave=wave.number)
        return table

    def pick(self, wave: Wave, row: Region, size: int, before: Sequence[Listed]) -> list[Listed]:
        """Region and leaf of the first `size` by the seed of those picked `before` and of the list of one region.

        Raises `ListChanged` if that is not the list of the table.
        """
        leaves = region_leaves(wave, row, self._publication)
        if root(leaves) != row.root or len(leaves) != row.entries * LEAF_BYTES:
            raise ListChanged(wave=wave.number)
        mine = ((row.region, own) for own in leaves_of(leaves))
        return audited(self._store.draw(wave.number).seed, chain(before, mine), size)

    def records(self, wave: Wave, shard: int, picked: Collection[Listed]) -> Iterator[AuditRecord]:
        """The records of those who were picked and have an entry in one of `SHARDS` shards, which is read whole."""
        regions = {own: region for region, own in picked}
        found = whose(wave.number, regions, self._entries, [shard])
        entries = self._entries.of_people(wave.number, found.values())
        for own, registrant_id in found.items():
            yield self._record(wave, regions[own], own, entries[registrant_id])

    def _record(self, wave: Wave, region: int, own: bytes, entry: Entry) -> AuditRecord:
        what, reason = standing(entry, wave.state, self._beneficiaries.of(entry.registrant_id))
        joined = Joined(entry.registrant_id, entry.joined_at, what.value, reason, entry.seat)
        return AuditRecord(own.hex(), region, joined, self._registered(wave, entry.registrant_id))

    def _registered(self, wave: Wave, registrant_id: str) -> Registered | None:
        try:
            person = self._registrations.registrant(registrant_id)
        except NotRegistered:
            return None
        age, nik = age_on(person.birth_date, closing_day(wave.closes_at)), self._masked_nik(registrant_id)
        return fill(Registered, person, age=age, excluded=self._excluded(person), nik=nik)

    def _excluded(self, person: Registrant) -> bool:
        try:
            self._registrations.check_not_excluded(person)
        except Excluded:
            return True
        return False

    def _masked_nik(self, registrant_id: str) -> str | None:
        shown = self._registrations.me(registrant_id).registration
        return shown.nik if shown else None


def region_leaves(wave: Wave, row: Region, publication: Publication) -> bytes:
    """The list of a region as it is published, no longer than the table says."""
    name, length = published.leaves_name(row.region), row.entries * LEAF_BYTES
    return publication.get_range(wave.number, name, 0, length) if length else b""


def listed(wave: Wave, publication: Publication) -> Iterator[Listed]:
    """Every leaf of a wave that is frozen; one list is in memory at a time.

    Raises `ListChanged`, after the last leaf, if the note does not commit to them.
    """
    table: list[Region] = []
    for row in publication.regions(wave.number):
        leaves = region_leaves(wave, row, publication)
        table.append(Region(row.region, len(leaves) // LEAF_BYTES, row.quota, root(leaves)))
        yield from ((row.region, own) for own in leaves_of(leaves))
    if top(wave.number, table) != commitment(wave).regions:
        raise ListChanged(wave=wave.number)


def whose(
    wave: int, leaves: Collection[bytes], entries: EntryStore, shards: Iterable[int] = range(SHARDS)
) -> dict[bytes, str]:
    """The registrant of each of the leaves that has an entry. Reads every entry of the wave, or of some shards."""
    found: dict[bytes, str] = {}
    for one in entries.candidates(wave, shards):
        own = leaf_of(wave, one.region, one.ticket)
        if own in leaves:
            found[own] = one.registrant_id
    return found


def draw_sample(
    wave: Wave, size: int, draw: DrawResult, entries: EntryStore, publication: Publication
) -> list[tuple[str, int]]:
    """Registrant and region of the comparison sample of a settled wave, in its order.

    It is published before it is returned. The first to publish it decides its `size`, and after how many substitutions
    it is drawn; later calls return the same. Raises `ListChanged` if the published sample does not follow from the
    lists, or a leaf has no entry.
    """
    while True:
        found = publication.sample(wave.number)
        # Read after the sample, so that no substitution is missing of those after which it was drawn.
        rows = publication.substitutions(wave.number)
        after_seq, wanted = (len(rows), size) if found is None else (found.after_seq, found.size)
        substitutes = {bytes.fromhex(row["in"]) for row in rows[:after_seq] if row["in"]}
        chosen = compared(draw, listed(wave, publication), substitutes, wanted)
        sample = Sample(after_seq, wanted, tuple(own for _, own in chosen))
        if found is None:
            if not publication.put_sample(wave.number, sample):
                continue  # another run published first: its sample is the wave's
        elif found != sample:
            raise ListChanged(wave=wave.number)
        people = whose(wave.number, set(sample.leaves), entries)
        if len(people) < len(chosen):
            raise ListChanged(wave=wave.number)
        return [(people[own], region) for region, own in chosen]
