"""The audit sample and the comparison sample of a drawn wave (docs/draw.md section 9).

The draw's own seed picks them from the published lists: nobody can choose them, and anyone can check them. The lists
say who took part, because a person who was removed before the freeze still has an entry. A published leaf without an
entry has no record.
"""

from __future__ import annotations

from collections.abc import Collection, Iterator, Sequence
from datetime import datetime
from typing import TYPE_CHECKING

from botocore.exceptions import ClientError

from ...draw import published
from ...draw.leaves import LEAF_BYTES, Region, leaves_of, top
from ...draw.merkle import root
from ...draw.published import Sample
from ...draw.selection import DrawResult, Listed, audited, compared
from ...registration.errors import Excluded, NotRegistered
from ...registration.rules import Registrant, age_on
from ...structs import fill
from ...values import Value
from ..beneficiaries import BeneficiaryStore
from ..entries import EntryStore
from ..errors import ListChanged, NotDrawn
from ..rules import Entry, Wave, WaveState, closing_day, commitment, leaf_of, standing
from ..store import WaveStore
from .bucket import Publication

if TYPE_CHECKING:
    from ...registration.service import Registrations

AT_ONCE = 100
"""As many entries as DynamoDB gives in one call."""


class Joined(Value, frozen=True):
    """What the person was told at joining, and what became of it; `standing` and `reason` as the person sees them."""

    registrant_id: str
    joined_at: datetime
    standing: str
    reason: str | None
    seat: str | None


class Registered(Value, frozen=True):
    """The registration as it is now. `age` on the day the wave closed; `excluded`: a list names the person now.

    `nik` shows the ends only; it is None for auditors who may not open personal data.
    """

    registered_at: datetime
    age: int
    employment: str
    consent_version: str
    verification: str
    excluded: bool
    nik: str | None


class AuditRecord(Value, frozen=True):
    """One entry. `joined` is None if a published leaf has no entry, `registered` if the person is not registered."""

    leaf: str
    region: int
    joined: Joined | None
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

    def pick(self, wave: Wave, size: int) -> list[Listed]:
        """Region and leaf of the first `size` entries by the seed; always the same.

        Raises `ListChanged` if the note does not commit to what is published.
        """
        return audited(self._store.draw(wave.number).seed, listed(wave, self._publication), size)

    def records(self, wave: Wave, picked: Sequence[Listed]) -> Iterator[AuditRecord]:
        """The records of those who were picked, in their order. Reads every entry of the wave once."""
        found = whose(wave.number, {own for _, own in picked}, self._entries)
        for start in range(0, len(picked), AT_ONCE):
            some = picked[start : start + AT_ONCE]
            entries = self._entries.of_people(wave.number, [found[own] for _, own in some if own in found])
            for region, own in some:
                entry = entries.get(found.get(own, ""))
                yield self._record(wave, region, own, entry)

    def _record(self, wave: Wave, region: int, own: bytes, entry: Entry | None) -> AuditRecord:
        if entry is None:
            return AuditRecord(own.hex(), region, None, None)
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
        try:
            shown = self._registrations.me(registrant_id).registration
        except ClientError as error:
            if error.response["Error"]["Code"] == "AccessDeniedException":
                return None  # the auditor may not open personal data
            raise
        return shown.nik if shown else None


def listed(wave: Wave, publication: Publication) -> Iterator[Listed]:
    """Every leaf of a wave that is frozen; one list is in memory at a time.

    Raises `ListChanged`, after the last leaf, if the note does not commit to them.
    """
    table: list[Region] = []
    for row in publication.regions(wave.number):
        name, length = published.leaves_name(row.region), row.entries * LEAF_BYTES
        leaves = publication.get_range(wave.number, name, 0, length) if length else b""
        table.append(Region(row.region, len(leaves) // LEAF_BYTES, row.quota, root(leaves)))
        yield from ((row.region, own) for own in leaves_of(leaves))
    if top(wave.number, table) != commitment(wave).regions:
        raise ListChanged(wave=wave.number)


def whose(wave: int, leaves: Collection[bytes], entries: EntryStore) -> dict[bytes, str]:
    """The registrant of each of the leaves that has an entry. Reads every entry of the wave."""
    found: dict[bytes, str] = {}
    for one in entries.candidates(wave):
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
