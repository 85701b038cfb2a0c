"""Changes of the calendar by administrators, each recorded with who made it, when and why."""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta

from ..aws.admin_acts import Act, Signed
from ..clock import iso
from ..config import Programme
from ..errors import Unavailable
from .calendar import Calendar, CalendarException, PlannedWave
from .store import WaveStore

CHANGE_MARGIN_S = 5
"""Added to the time that a change of the calendar takes to reach every function: clocks differ, and writes take time.
"""

CHANGE_TRIES = 5
"""How often a change of the calendar is decided again when it collides with another one."""


class CalendarChanges:
    """The use cases; for the errors see `Calendar`. `signed`: who changes it, and why; None if no person does."""

    def __init__(self, programme: Programme, store: WaveStore) -> None:
        self._programme = programme
        self._store = store
        self._kept_s = programme.calendar.exceptions_cached_s
        self._calendar_kept: tuple[datetime, Calendar] | None = None

    def move(
        self, number: int, opens_at: datetime, closes_at: datetime, now: datetime, signed: Signed | None = None
    ) -> None:
        """Give a wave other times, or let one that was skipped take place."""
        self._change(now, lambda calendar, earliest: calendar.move(number, opens_at, closes_at, earliest), signed)

    def skip(self, number: int, now: datetime, signed: Signed | None = None) -> None:
        self._change(now, lambda calendar, earliest: calendar.skip(number, earliest), signed)

    def resize(
        self,
        number: int,
        quota: int,
        reserved: int,
        weights: Mapping[int, int],
        now: datetime,
        signed: Signed | None = None,
    ) -> None:
        """Set a wave's seats, and how many of them are reserved for regions by weight."""
        self._change(
            now, lambda calendar, earliest: calendar.resize(number, quota, reserved, weights, earliest), signed
        )

    def acts(self) -> Iterator[Act]:
        """The changes by administrators, newest first."""
        return self._store.journal.all()

    def skipped(self) -> tuple[PlannedWave, ...]:
        """The waves that do not take place, at the times that they would have had."""
        return tuple(Calendar(self._programme.calendar, self._store.exceptions()[1]).skipped)

    def add(
        self,
        opens_at: datetime,
        closes_at: datetime,
        quota: int | None,
        now: datetime,
        signed: Signed | None = None,
    ) -> int:
        def add(calendar: Calendar, earliest: datetime) -> Calendar:
            extra = CalendarException(calendar.next_extra, opens_at=opens_at, closes_at=closes_at, quota=quota)
            return calendar.add(extra, earliest)

        return self._change(now, add, signed).next_extra - 1

    def _change(
        self, now: datetime, change: Callable[[Calendar, datetime], Calendar], signed: Signed | None
    ) -> Calendar:
        # A function that has just read the exceptions does not read them again for that long. The same time again lets
        # a write that is on its way arrive.
        earliest = now + timedelta(seconds=2 * self._kept_s + CHANGE_MARGIN_S)
        for _ in range(CHANGE_TRIES):
            version, exceptions = self._store.exceptions()
            changed = change(Calendar(self._programme.calendar, exceptions), earliest)
            act = _act([one for one in changed.exceptions if one not in exceptions], signed, now)
            if self._store.replace_exceptions(version, changed.exceptions, act):
                self._calendar_kept = None
                return changed
        raise Unavailable()


def _act(changed: Sequence[CalendarException], signed: Signed | None, now: datetime) -> Act | None:
    """The record of a change of one wave; None if nothing changes."""
    if signed is None or not changed:
        return None
    (wave,) = changed
    facts = [f"wave {wave.number}"]
    if wave.skipped:
        facts.append("skipped")
    if wave.opens_at is not None and wave.closes_at is not None:
        facts.append(f"opens {iso(wave.opens_at)} closes {iso(wave.closes_at)}")
    if wave.quota is not None:
        facts.append(f"quota {wave.quota} reserved {wave.reserved} weights {dict(wave.weights)}")
    return Act(now, "CALENDAR", " ".join(facts), signed.by, signed.note)
