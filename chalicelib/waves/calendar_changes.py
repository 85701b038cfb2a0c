"""Changes of the calendar by administrators, each recorded with who made it, when and why."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Iterator, Mapping
from datetime import date, datetime, timedelta

from ..aws.admin_acts import Act, Signed
from ..clock import iso
from ..config import Programme
from ..errors import Unavailable
from .calendar import LAST, Calendar, CalendarException, Changes, Pause, PlannedWave, end_of
from .errors import ChangeTooLate, UnknownScheme, WaveNotOpen
from .rules import WaveState
from .store import Halt, WaveStore

CHANGE_MARGIN_S = 5
"""Added to the time that a change of the calendar takes to reach every function: clocks differ, and writes take time.
"""

COMING = timedelta(days=183)
"""How far ahead lists look. Administrators who skip the waves until then let the programme pause."""

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
        """Give a wave other times, or let one that was skipped take place. One that has opened keeps its times."""

        def move(calendar: Calendar, earliest: datetime) -> Calendar:
            if (wave := self._store.wave(number)) is not None:
                raise ChangeTooLate(wave=number, opens_at=iso(wave.opens_at), earliest=iso(earliest))
            return calendar.move(number, opens_at, closes_at, earliest)

        self._change(now, move, signed)

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

    def skipped(self, now: datetime) -> tuple[PlannedWave, ...]:
        """The waves that were skipped, and those of the next half a year that a pause or the end keeps from opening.

        At the times that they would have had.
        """
        calendar = Calendar(self._programme.calendar, self._store.changes()[1])
        return (*calendar.skipped, *calendar.halted(now, now + COMING))

    def add(
        self,
        opens_at: datetime,
        closes_at: datetime,
        quota: int | None,
        now: datetime,
        signed: Signed | None = None,
        scheme: str | None = None,
    ) -> int:
        """Add a wave, with the version of its scheme (None: that of the wave before it). Raises `UnknownScheme` too."""
        versions = [one.version for one in self._programme.schemes]
        if scheme is not None and scheme not in versions:
            raise UnknownScheme(scheme=scheme, known=", ".join(versions))

        def add(calendar: Calendar, earliest: datetime) -> Calendar:
            return calendar.add(
                CalendarException(
                    calendar.next_extra, opens_at=opens_at, closes_at=closes_at, quota=quota, scheme=scheme
                ),
                earliest,
            )

        return self._change(now, add, signed).next_extra - 1

    def extend(self, number: int, closes_at: datetime, now: datetime, signed: Signed | None = None) -> None:
        """Let the open wave close later: in its record and in the calendar by one write. Raises `WaveNotOpen` too."""

        def extend(calendar: Calendar, earliest: datetime) -> Calendar:
            wave = self._store.wave(number)
            if wave is None or wave.state is not WaveState.OPEN:
                raise WaveNotOpen(wave=number)
            return calendar.extend(number, closes_at, earliest)

        self._change(now, extend, signed, number)

    def pause(self, since: datetime | None, until: datetime | None, now: datetime, signed: Signed) -> None:
        """Let no wave open from `since` on (None: as soon as every function has read it) until `until` (None: until
        `resume`).
        """
        self._change(now, lambda calendar, earliest: calendar.pause(since or earliest, until, earliest), signed)

    def resume(self, at: datetime | None, now: datetime, signed: Signed) -> None:
        """End the pause that is set for then (None: as soon as every function has read it)."""
        self._change(now, lambda calendar, earliest: calendar.resume(at or earliest, earliest), signed)

    def end(self, on: date | None, now: datetime, signed: Signed) -> None:
        """Let no wave open after this WIB day; None: the programme's own end, or none, stands again.

        Waves whose time fell while the programme had ended stay unopened.
        """
        at = end_of(on) if on else None
        self._change(now, lambda calendar, earliest: calendar.end(at, earliest), signed)

    def _change(
        self,
        now: datetime,
        change: Callable[[Calendar, datetime], Calendar],
        signed: Signed | None,
        extended: int | None = None,
    ) -> Calendar:
        # A function that has just read the changes does not read them again for that long. The same time again lets
        # a write that is on its way arrive.
        earliest = now + timedelta(seconds=2 * self._kept_s + CHANGE_MARGIN_S)
        for _ in range(CHANGE_TRIES):
            version, before = self._store.changes()
            changed = change(Calendar(self._programme.calendar, before), earliest)
            act = _act(before, changed.changes, signed, now)
            longer = changed.wave(extended) if extended is not None else None
            halts = [self._halt(event, at, facts, changed) for event, at, facts in _halts(before, changed)]
            if self._store.replace_changes(version, changed.changes, now, act, longer, halts):
                self._calendar_kept = None
                return changed
        raise Unavailable()

    def _halt(self, event: str, at: datetime, facts: Mapping[str, str | None], changed: Calendar) -> Halt:
        last = changed.previous(at)
        return Halt(event, last.number if last else self._programme.calendar.first_wave, facts)


def _halts(before: Changes, changed: Calendar) -> Iterator[tuple[str, datetime, dict[str, str | None]]]:
    """What a change is to the public: an event, the instant that it is about, and its facts."""
    after = changed.changes
    told, left = _longest(before.pauses), _longest(after.pauses)
    for since, until in left.items():
        if (since, until) not in told.items():
            facts = {"no_wave_from_at": iso(since), "no_wave_until_at": iso(until) if until else None}
            yield "programme_paused", since, facts
    for since in sorted(told.keys() - left.keys()):
        yield "programme_pause_withdrawn", since, {"was_from_at": iso(since)}
    ends = {"no_wave_from_at": iso(changed.ends_at) if changed.ends_at < LAST else None, "no_wave_until_at": None}
    if after.ends_at is not None and after.ends_at != before.ends_at:
        yield "programme_ends", after.ends_at, ends
    if after.ends_at is None and before.ends_at is not None:
        yield "programme_end_withdrawn", before.ends_at, ends | {"was_from_at": iso(before.ends_at)}


def _longest(pauses: Iterable[Pause]) -> dict[datetime, datetime | None]:
    """Until when it pauses, by the instant from which: of pauses that begin together the public knows the longest."""
    return {pause.since: pause.until for pause in sorted(pauses, key=lambda pause: pause.until or LAST)}


def _act(before: Changes, after: Changes, signed: Signed | None, now: datetime) -> Act | None:
    """The record of a change; None if nothing changes."""
    if signed is None or before == after:
        return None
    facts: list[str] = []
    for wave in after.waves:
        if wave not in before.waves:
            facts += _facts(wave)
    facts += [f"paused {_span(pause)}" for pause in after.pauses if pause not in before.pauses]
    facts += [f"not paused {_span(pause)}" for pause in before.pauses if pause not in after.pauses]
    if after.ends_at is not None and after.ends_at != before.ends_at:
        facts.append(f"no wave opens from {iso(after.ends_at)}")
    if after.ends_at is None and before.ends_at is not None:
        facts.append(f"withdrawn: no wave opens from {iso(before.ends_at)}")
    facts += [f"never opened {_span(gone)}" for gone in after.ended if gone not in before.ended]
    return Act(now, "CALENDAR", " ".join(facts), signed.by, signed.note)


def _span(pause: Pause) -> str:
    return f"from {iso(pause.since)} until {iso(pause.until) if pause.until else 'it is resumed'}"


def _facts(wave: CalendarException) -> list[str]:
    facts = [f"wave {wave.number}"]
    if wave.skipped:
        facts.append("skipped")
    if wave.opens_at is not None and wave.closes_at is not None:
        facts.append(f"opens {iso(wave.opens_at)} closes {iso(wave.closes_at)}")
    if wave.quota is not None:
        facts.append(f"quota {wave.quota} reserved {wave.reserved} weights {dict(wave.weights)}")
    if wave.scheme is not None:
        facts.append(f"scheme {wave.scheme}")
    return facts
