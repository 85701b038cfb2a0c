"""The use cases of waves: read them, join, read one's entries."""

from __future__ import annotations

from collections.abc import Callable, Mapping
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from ..clock import iso
from ..config import Programme
from ..draw.leaves import TICKET_BYTES
from ..errors import NotFound
from ..figures.waves import FIRST_EXTRA, CalendarRules
from ..ids import Randomness
from ..registration.errors import ConsentWithdrawn
from ..registration.rules import check_eligible
from ..values import Value
from . import wire
from .calendar import Calendar, PlannedWave
from .calendar_changes import COMING, CalendarChanges
from .entries import EntryStore
from .errors import NoneComing, NotOpenYet, SelectionNotFinished, UnknownWave, WaveClosed
from .places.beneficiaries import BeneficiaryStore
from .plan_rules import planned, scheme
from .rules import (
    NOT_DRAWN,
    DrawnEntry,
    Entry,
    EntryOutcome,
    EntryStanding,
    Result,
    Wave,
    WaveState,
    check_may_join,
    closing_day,
    standing,
    state_at,
)
from .store import WaveStore

if TYPE_CHECKING:
    # A join needs no published file.
    from ..registration.service import Registrations
    from .publication.bucket import Publication

_A_SECOND = timedelta(seconds=1)
UPCOMING = 3
"""How many waves to come are shown in the list."""

AGENDA_AHEAD = 13
"""How many waves to come are in the agenda: half a year of them."""


# `list` means the method inside of `Waves`.
WaveViews = list[wire.WaveView]
EntryViews = list[wire.EntryView]
WaveRecords = list[Wave]
Results = list[Result]
Sampled = list[tuple[str, int]]
Numbers = list[int]


class Stores(Value, frozen=True):
    """Where waves are kept. `publication` is called when the bucket is needed, which no request does."""

    waves: WaveStore
    entries: EntryStore
    beneficiaries: BeneficiaryStore
    publication: Callable[[], Publication]


class Agenda(Value, frozen=True):
    """`version`: how many changes administrators made. Waves are in order of opening; `notes` are those of frozen
    waves.
    """

    version: int
    waves: tuple[PlannedWave, ...]
    skipped: tuple[PlannedWave, ...]
    notes: Mapping[int, str]


class Waves(CalendarChanges):
    """`results_url`: the public address of the results, without a slash at the end.

    The calendar's exceptions and the waves' records are kept for `calendar.exceptions_cached_s`. A record in memory may
    lag behind; it is shown, and decides nothing.
    """

    def __init__(
        self,
        programme: Programme,
        stores: Stores,
        registrations: Registrations,
        results_url: str,
        randomness: Randomness,
    ) -> None:
        super().__init__(programme, stores.waves)
        self._entries = stores.entries
        self.beneficiaries = stores.beneficiaries
        self._publication = stores.publication
        self._registrations = registrations
        self._results_url = results_url
        self._randomness = randomness
        self._waves_kept: tuple[datetime, dict[int, Wave]] | None = None
        self._began: datetime | None = None

    # Waves

    def list(self, now: datetime) -> WaveViews:
        """The waves run here, the open one, and the next three of half a year, in order of opening."""
        plans = self._plans(self._calendar(now), UPCOMING, now)
        return [self._view(plan, now) for plan in plans if plan.opens_at <= now + COMING]

    def listed(self, now: datetime) -> wire.WaveList:
        """`GET /waves`: the same, and whether any is open or coming."""
        waves = self.list(now)
        ahead = any(wave.state in (WaveState.SCHEDULED, WaveState.OPEN) for wave in waves)
        return wire.WaveList(waves, none_coming=not ahead)

    def current(self, now: datetime) -> wire.WaveView:
        """The open wave; else the last one, while its seats are not settled; else the next one; else the last one.

        Raises `NoneComing` if there was none either.
        """
        calendar = self._calendar(now)
        plan = calendar.current(now)
        if plan is None:
            last = self._last(calendar, now)
            plan = self._in_selection(last, now) or calendar.next(now) or last
        if plan is None:
            raise NoneComing()
        return self._view(plan, now)

    def get(self, number: int, now: datetime) -> wire.WaveView:
        """One wave, past or to come. Raises `UnknownWave`, also if it closed before this system began."""
        return self._view(self.plan(number, now), now)

    def plan(self, number: int, now: datetime) -> PlannedWave:
        """The times and seats of one wave, as they are recorded, else planned. Raises `UnknownWave` as `get` does."""
        wave = self._records(now).get(number)
        plan = planned(wave) if wave else self._calendar(now).wave(number)
        if plan is None or (wave is None and plan.closes_at <= self._start(now)):
            raise UnknownWave(wave=number)
        return plan

    def scheme(self, number: int, now: datetime) -> str:
        """The version of a wave's scheme. Raises `UnknownWave` as `get` does."""
        plan, wave = self.plan(number, now), self._records(now).get(number)
        return (wave and wave.scheme) or scheme(plan, self._calendar(now), self._programme)

    def schemes_used(self) -> set[str]:
        """The versions of schemes that waves have opened with or were given, as they are recorded."""
        opened, changed = self._store.waves(), self._store.changes()[1].waves
        return {one.scheme for one in opened if one.scheme} | {one.scheme for one in changed if one.scheme}

    def last_regular(self) -> int:
        """The highest number of a regular wave that has opened; 0 if none has."""
        return max((one.number for one in self._store.waves() if one.number < FIRST_EXTRA), default=0)

    def changed_soon(self, running: CalendarRules, now: datetime, until: datetime) -> PlannedWave | None:
        """A wave that opens from now `until` then by one of two calendars only: the `running` one and this."""
        changes = self._store.changes()[1]
        old, new = (Calendar(rules, changes).between(now, until) for rules in (running, self._programme.calendar))
        return next((plan for plan in (*old, *new) if plan not in old or plan not in new), None)

    def at_odds(self, now: datetime) -> Wave | None:
        """A wave that has opened, and is open now or later at other times by the calendar than by its record.

        People join by the calendar; the list is closed and frozen by the record.
        """
        calendar = Calendar(self._programme.calendar, self._store.changes()[1])
        for wave in self._store.waves():
            plan = calendar.wave(wave.number)
            # A record has milliseconds, the calendar what an administrator gave it.
            times = ((plan.opens_at, wave.opens_at), (plan.closes_at, wave.closes_at)) if plan else ()
            same = plan is not None and all(abs(one - other) < _A_SECOND for one, other in times)
            if not same and now < max(wave.closes_at, plan.closes_at if plan else wave.closes_at):
                return wave
        return None

    def check_apart(self, now: datetime) -> None:
        """Raises `WavesOverlap` if one wave that is open or to come meets another by this programme's rules."""
        Calendar(self._programme.calendar, self._store.changes()[1]).check_apart(now)

    def unopened(self, now: datetime) -> PlannedWave | None:
        """The first wave that by the programme's rules has opened here, and has no record: a step would open it now."""
        began, changes = self._store.started_at(), self._store.changes()[1]
        if began is None:
            return None
        known = {wave.number for wave in self._store.waves()} | {one.number for one in changes.waves if one.opens_at}
        waves = Calendar(self._programme.calendar, changes).since(began, now)
        return next((plan for plan in waves if plan.number not in known), None)

    def agenda(self, now: datetime) -> Agenda:
        """What a calendar program shows: the waves run here and the next ones, with those that were skipped."""
        version, changes = self._store.changes()
        calendar = Calendar(self._programme.calendar, changes)
        notes = {wave.number: wave.note for wave in self._records(now).values() if wave.note is not None}
        waves, halted = self._plans(calendar, AGENDA_AHEAD, now), calendar.halted(now, now + COMING)
        return Agenda(version, waves, (*calendar.skipped, *halted), notes)

    # Entries

    def join(self, registrant_id: str, now: datetime) -> tuple[wire.Receipt, bool]:
        """Join the open wave: a receipt, and True if it is new. One read and one write.

        `now` alone decides whether the wave is open, to the microsecond. A repeat returns the same receipt, also after
        the close until another wave opens. Raises the first that holds of `NotRegistered`; `WaveClosed`, `NotOpenYet`
        or `NoneComing`; `Barred`, `AlreadyBeneficiary`; `ConsentWithdrawn`; and, for the day the wave closes,
        `InFormalEducation`, `ExcludedOccupation`, `EducationNotAccepted`, `UnderAge`, `OverAge`.
        """
        calendar, rules = self._calendar(now), self._programme.eligibility
        wave = calendar.current(now)
        if wave is None:
            return self._joined_before(registrant_id, now), False
        applicant = self._registrations.applicant(registrant_id)
        day = closing_day(wave.closes_at)
        check_may_join(applicant, scheme(wave, calendar, self._programme), day, rules)
        if applicant.consent_withdrawn_at is not None:
            raise ConsentWithdrawn()
        check_eligible(applicant.employment, applicant.education, applicant.birth_date, day, rules)
        ticket = self._randomness(TICKET_BYTES)
        new = Entry(wave.number, registrant_id, applicant.region, ticket, now, applicant.kk_mac)
        entry = self._entries.join(new)
        return wire.receipt(entry), entry.ticket == new.ticket

    def entries_of(self, registrant_id: str, now: datetime) -> EntryViews:
        """Each wave that a person joined, the latest first, with standing and reason. Raises `NotRegistered`.

        One read of the registration, one batch for each 100 waves since then, and, if needed, one of the beneficiary
        and one of the draws that did not reach this person.
        """
        registrant = self._registrations.registrant(registrant_id)
        plans = {plan.number: plan for plan in self._calendar(now).since(registrant.registered_at, now)}
        entries = self._entries.of(registrant_id, plans)
        states = {one.wave: state_at(self._records(now).get(one.wave), plans[one.wave], now) for one in entries}
        chosen = any(one.outcome is EntryOutcome.CHOSEN for one in entries)
        places = {place.wave: place for place in self.beneficiaries.places(registrant_id)} if chosen else {}
        not_drawn = EntryStanding.NOT_CHOSEN, NOT_DRAWN
        missed = [one.wave for one in entries if standing(one, states[one.wave], None) == not_drawn]
        draws = self._store.draws(missed) if missed else {}
        entries.sort(key=lambda one: plans[one.wave].opens_at, reverse=True)
        return [
            wire.entry_view(one, states[one.wave], places.get(one.wave), draws.get(one.wave), self._results_url)
            for one in entries
        ]

    def drawn_entry(self, registrant_id: str, number: int, now: datetime) -> DrawnEntry:
        """A person's entry in a wave whose seats are settled, with its draw. Two reads; three if the person was chosen,
        or refused for the family card.

        Raises `NotFound` (the person did not join it), `SelectionNotFinished`.
        """
        entry = self._entries.find(number, registrant_id)
        if entry is None:
            raise NotFound()
        record = self._records(now).get(number)
        if record is None or record.state is not WaveState.SETTLED:
            raise SelectionNotFinished(wave=number)
        beneficiary = self.beneficiaries.at(registrant_id, number) if entry.outcome is EntryOutcome.CHOSEN else None
        full = entry.outcome is EntryOutcome.FAMILY_CARD and entry.kk_mac
        holders = len(self.beneficiaries.holders(entry.kk_mac)) if full else None
        return DrawnEntry(entry, self._store.draw(number), *standing(entry, record.state, beneficiary), holders)

    # For jobs

    def records(self) -> WaveRecords:
        """Every wave that has opened here, in order of opening, as recorded now; one query."""
        return self._store.waves()

    def numbers(self, now: datetime) -> Numbers:
        """Every wave that people could join here so far."""
        return [plan.number for plan in self._plans(self._calendar(now), 0, now)]

    def results(self, wave: int, shard: str, after: str, limit: int) -> Results:
        """The results of a settled wave in one of `rules.SHARDS`, after the registrant `after`.

        One query. A free seat that is passed on later shows once that is done.
        """
        page = self._entries.page(wave, shard, after, limit)
        return [
            Result(registrant_id, None if outcome is EntryOutcome.CHOSEN else outcome.value if outcome else NOT_DRAWN)
            for registrant_id, outcome in page
        ]

    def next_close(self, now: datetime) -> tuple[datetime | None, str]:
        """When the open wave closes, else the next one, and its scheme's version; None and "" if none is coming."""
        calendar = self._calendar(now)
        wave = calendar.current(now) or calendar.next(now)
        return (wave.closes_at, scheme(wave, calendar, self._programme)) if wave else (None, "")

    def next_opening(self, now: datetime) -> datetime | None:
        """When the next wave opens; None if none is coming."""
        following = self._calendar(now).next(now)
        return following.opens_at if following else None

    def joined_by_region(self, wave: int) -> dict[int, int]:
        """Entries by province, as published. The wave must be frozen."""
        return {row.region: row.entries for row in self._publication().regions(wave) if row.entries}

    def draw_sample(self, wave: int, size: int) -> Sampled:
        """Registrant and province of a random few of a settled wave who never held a seat, to compare with.

        The sample is published before it is returned. Later calls return the same, even for another `size`. Reads every
        list and every entry of the wave. Raises `UnknownWave`, `ListChanged`.
        """
        from .publication.samples import draw_sample  # requests never need it

        settled = self._store.wave(wave)
        if settled is None:
            raise UnknownWave(wave=wave)
        return draw_sample(settled, size, self._store.draw(wave), self._entries, self._publication())

    # Reading

    def _joined_before(self, registrant_id: str, now: datetime) -> wire.Receipt:
        calendar = self._calendar(now)
        last, following = self._last(calendar, now), calendar.next(now)
        entry = self._entries.find(last.number, registrant_id) if last else None
        if entry is not None:
            return wire.receipt(entry)
        if following is None:
            raise NoneComing()
        if last is None:
            raise NotOpenYet(wave=following.number, opens_at=iso(following.opens_at))
        raise WaveClosed(wave=last.number, closed_at=iso(last.closes_at), next_opens_at=iso(following.opens_at))

    def _plans(self, calendar: Calendar, upcoming: int, now: datetime) -> tuple[PlannedWave, ...]:
        """The waves run here, the open one and the `upcoming` next, in order of opening; a record is its own plan."""
        plans = {plan.number: plan for plan in calendar.since(self._start(now), now)}
        after = now
        for _ in range(upcoming):
            plan = calendar.next(after)
            if plan is None:
                break
            plans[plan.number] = plan
            after = plan.opens_at
        plans |= {wave.number: planned(wave) for wave in self._records(now).values()}
        return tuple(sorted(plans.values(), key=lambda plan: plan.opens_at))

    def _last(self, calendar: Calendar, now: datetime) -> PlannedWave | None:
        """The last wave that closed, if it did so here."""
        last = calendar.previous(now)
        return last if last is not None and last.closes_at > self._start(now) else None

    def _in_selection(self, last: PlannedWave | None, now: datetime) -> PlannedWave | None:
        if last is None or state_at(self._records(now).get(last.number), last, now) is WaveState.SETTLED:
            return None
        return last

    def _view(self, plan: PlannedWave, now: datetime) -> wire.WaveView:
        return wire.wave_view(plan, self._records(now).get(plan.number), now, self._results_url, self._programme.draw)

    def _calendar(self, now: datetime) -> Calendar:
        if self._calendar_kept is None or not self._fresh(self._calendar_kept[0], now):
            self._calendar_kept = now, Calendar(self._programme.calendar, self._store.changes()[1])
        return self._calendar_kept[1]

    def _records(self, now: datetime) -> dict[int, Wave]:
        if self._waves_kept is None or not self._fresh(self._waves_kept[0], now):
            self._waves_kept = now, {wave.number: wave for wave in self._store.waves()}
        return self._waves_kept[1]

    def _fresh(self, read_at: datetime, now: datetime) -> bool:
        return timedelta(0) <= now - read_at < timedelta(seconds=self._kept_s)

    def _start(self, now: datetime) -> datetime:
        """When this system began; once written it never changes."""
        if self._began is None:
            self._began = self._store.started_at()
        return self._began or now
