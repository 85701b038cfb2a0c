"""When waves are: a pure function of the rules, the changes that administrators have made, and an instant.

Waves of the rules are numbered from the first one on: a wave that is moved, skipped or falls into a pause keeps its
number, and no other wave is renumbered. Waves that administrators add are numbered from `FIRST_EXTRA` up. A wave
accepts entries from `opens_at` until `closes_at`, exclusive. At most one wave is open at any instant. No wave opens in
a pause or from the end on; one that is open then stays open until its close.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, date, datetime, time, timedelta
from itertools import takewhile

from msgspec import field
from msgspec.structs import replace

from ..clock import WIB, iso
from ..figures.waves import FIRST_EXTRA, CalendarRules, ListedWave
from ..values import Value
from .errors import BadPlan, ChangeTooLate, CloseTooNear, UnknownWave, WavesOverlap

_INSTANT = timedelta(microseconds=1)
LAST = datetime(9000, 1, 1, tzinfo=UTC)
"""No wave opens from here on, and administrators may name no later instant: Python's dates end with the year 9999."""


class PlannedWave(Value, frozen=True):
    """A wave as the calendar has it. `quota` is None if the wave gets a share of the year's target when it opens."""

    number: int
    opens_at: datetime
    closes_at: datetime
    quota: int | None = None
    reserved: int = 0
    weights: Mapping[int, int] = field(default_factory=dict)


class CalendarException(Value, frozen=True):
    """All that administrators have set for one wave. Times are None if they are the regular ones; added waves always
    have times, and perhaps the version of their `scheme`.
    """

    number: int
    skipped: bool = False
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    quota: int | None = None
    reserved: int = 0
    weights: Mapping[int, int] = field(default_factory=dict)
    scheme: str | None = None


class Pause(Value, frozen=True):
    """No wave opens from `since` on until `until`; None: until an administrator resumes."""

    since: datetime
    until: datetime | None = None


class Changes(Value, frozen=True):
    """All that administrators have changed: single waves, pauses, and from when on no wave opens any more.

    An end set here stands instead of that of the rules; pauses stand beside those of the rules. The programme had
    `ended` in the times between an end that came and the change that put it off: their waves never open.
    """

    waves: tuple[CalendarException, ...] = ()
    pauses: tuple[Pause, ...] = ()
    ends_at: datetime | None = None
    ended: tuple[Pause, ...] = ()


class Calendar:
    """The waves, past and to come. Immutable; a change gives a new calendar.

    The changes take `earliest`: the first instant at which a changed wave may open, at its old and its new time.
    They raise `ChangeTooLate`, `UnknownWave`, `WavesOverlap` or `BadPlan`, in this order.
    """

    def __init__(self, rules: CalendarRules, changes: Changes = Changes()) -> None:  # noqa: B008 - immutable
        self._rules = rules
        self._planned = _planned_by(rules)
        self.changes = changes
        ruled = (Pause(pause.since.astimezone(UTC), pause.until.astimezone(UTC)) for pause in rules.pauses)
        self._pauses = (*ruled, *changes.pauses, *changes.ended)
        # With an end, or a pause without one, a search for what is to come must come to its own end.
        self.ends_at = changes.ends_at or (end_of(rules.ends_on) if rules.ends_on else LAST)
        self._stops = min(self.ends_at, LAST, *(pause.since for pause in self._pauses if pause.until is None))
        self._exceptions = {exception.number: exception for exception in changes.waves}
        planned = (self.wave(number) for number in sorted(self._exceptions))
        self._excepted = sorted((wave for wave in planned if wave is not None), key=lambda wave: wave.opens_at)

    @property
    def skipped(self) -> list[PlannedWave]:
        """The waves that were skipped, at the times they would have had, in order of opening."""
        gone = (exception for exception in self._exceptions.values() if exception.skipped)
        waves = (self._times(exception.number, exception) for exception in gone)
        return sorted((wave for wave in waves if wave is not None), key=lambda wave: wave.opens_at)

    def halted(self, start: datetime, end: datetime) -> list[PlannedWave]:
        """The waves that would open at or after `start` and before `end`, were it not for a pause or the end."""
        present = (exception for exception in self._exceptions.values() if not exception.skipped)
        excepted = (self._times(exception.number, exception) for exception in present)
        ruled = takewhile(lambda wave: wave.opens_at < end, self._planned.from_about(start))
        waves = [wave for wave in ruled if wave.number not in self._exceptions]
        waves += [wave for wave in excepted if wave is not None]
        gone = [wave for wave in waves if start <= wave.opens_at < end and not self._opens(wave.opens_at)]
        return sorted(gone, key=lambda wave: wave.opens_at)

    def wave(self, number: int) -> PlannedWave | None:
        """The wave of that number; None if it does not take place or does not exist."""
        exception = self._exceptions.get(number)
        if exception is not None and exception.skipped:
            return None
        wave = self._times(number, exception)
        if wave is None or not self._opens(wave.opens_at):
            return None
        if exception is None:
            return wave
        quota = wave.quota if exception.quota is None else exception.quota
        return replace(wave, quota=quota, reserved=exception.reserved, weights=exception.weights)

    def current(self, now: datetime) -> PlannedWave | None:
        """The wave that accepts entries at this instant."""
        return next(iter(self._meeting(now, now + _INSTANT)), None)

    def next(self, now: datetime) -> PlannedWave | None:
        """The first wave that opens after this instant; None if none is coming."""
        later = [wave for wave in self._excepted if wave.opens_at > now]
        later += next(([wave] for wave in self._ruled(now) if wave.opens_at > now), [])
        return min(later, key=lambda wave: wave.opens_at, default=None)

    def previous(self, now: datetime) -> PlannedWave | None:
        """The last wave that has closed by this instant."""
        closed = [wave for wave in self._excepted if wave.closes_at <= now]
        ruled = (
            wave
            for wave in self._planned.back_from(now)
            if wave.number not in self._exceptions and self._opens(wave.opens_at) and wave.closes_at <= now
        )
        closed += next(([wave] for wave in ruled), [])
        return max(closed, key=lambda wave: wave.closes_at, default=None)

    def between(self, start: datetime, end: datetime) -> list[PlannedWave]:
        """The waves that open at or after `start` and before `end`, in order of opening."""
        return [wave for wave in self._meeting(start, end) if wave.opens_at >= start]

    def since(self, start: datetime, now: datetime) -> list[PlannedWave]:
        """The waves that closed after `start` and have opened by `now`, in order of opening."""
        return self._meeting(start, now + _INSTANT)

    def named_scheme(self, number: int) -> str | None:
        """The version of the scheme that was named for a wave."""
        return self._exception(number).scheme

    def regular_number(self, wave: PlannedWave) -> int:
        """The number that decides a wave's scheme: its own; for an added wave, that of the wave before it."""
        return wave.number if wave.number < FIRST_EXTRA else self._planned.number_at(wave.opens_at)

    # Changes

    def move(self, number: int, opens_at: datetime, closes_at: datetime, earliest: datetime) -> Calendar:
        """Give a wave other times. A wave that was skipped or fell into a pause takes place again."""
        before = self._exception(number)
        if self.wave(number) is not None:
            self._changeable(number, earliest)
        elif self._times(number, before) is None:
            raise UnknownWave(wave=number)
        return self._with(replace(before, skipped=False, opens_at=opens_at, closes_at=closes_at), earliest)

    def skip(self, number: int, earliest: datetime) -> Calendar:
        """Skip a wave; its number is not used again."""
        self._changeable(number, earliest)
        return self._with(replace(self._exception(number), skipped=True), earliest)

    def resize(
        self, number: int, quota: int, reserved: int, weights: Mapping[int, int], earliest: datetime
    ) -> Calendar:
        """Set a wave's seats: all of them, and how many of them are reserved for regions by weight."""
        self._changeable(number, earliest)
        changed = replace(self._exception(number), quota=quota, reserved=reserved, weights=dict(weights))
        return self._with(changed, earliest)

    def add(self, wave: CalendarException, earliest: datetime) -> Calendar:
        """Add a wave; its number must be `next_extra`, its times must be set."""
        if wave.number != self.next_extra:
            raise BadPlan(reason="numbers")
        return self._with(wave, earliest)

    @property
    def next_extra(self) -> int:
        return max([FIRST_EXTRA - 1, *self._exceptions]) + 1

    def extend(self, number: int, closes_at: datetime, earliest: datetime) -> Calendar:
        """Let a wave that is open close later. Every function must have read that by the old close.

        Raises `UnknownWave`, `CloseTooNear`, `BadPlan`, `WavesOverlap`.
        """
        wave = self.wave(number)
        if wave is None:
            raise UnknownWave(wave=number)
        if wave.closes_at < earliest:
            raise CloseTooNear(wave=number, closes_at=iso(wave.closes_at), earliest=iso(earliest))
        if closes_at <= wave.closes_at:
            raise BadPlan(reason="times")
        return self._with(replace(self._exception(number), opens_at=wave.opens_at, closes_at=closes_at))

    def pause(self, since: datetime, until: datetime | None, earliest: datetime) -> Calendar:
        """Let no wave open from `since` on until `until` (None: until `resume`)."""
        if not since < (until or LAST) <= LAST:
            raise BadPlan(reason="times")
        pauses = dict.fromkeys((*self.changes.pauses, Pause(since, until)))
        return self._halting(replace(self.changes, pauses=tuple(pauses)), since, earliest)

    def resume(self, at: datetime, earliest: datetime) -> Calendar:
        """End at that instant the pause that an administrator has set for it; pauses of the rules stay.

        Raises `BadPlan` if there is none.
        """
        over = [one for one in self.changes.pauses if one.since <= at and (one.until is None or at < one.until)]
        if not over or at > LAST:
            raise BadPlan(reason="no_pause" if at <= LAST else "times")
        ended = dict.fromkeys(replace(one, until=at) if one in over else one for one in self.changes.pauses)
        left = tuple(one for one in ended if one.until is None or one.since < one.until)
        return self._halting(replace(self.changes, pauses=left), at, earliest)

    def end(self, at: datetime | None, earliest: datetime) -> Calendar:
        """Let no wave open from that instant on, earlier or later than it was; None: the end is that of the rules."""
        if at is not None and at > LAST:
            raise BadPlan(reason="times")
        after = Calendar(self._rules, replace(self.changes, ends_at=at))
        if self.ends_at < min(after.ends_at, earliest):
            gone = (*self.changes.ended, Pause(self.ends_at, earliest))
            after = Calendar(self._rules, replace(after.changes, ended=gone))
        return self._halting(after.changes, min(after._stops, self._stops), earliest)

    def check_apart(self, since: datetime) -> None:
        """Raises `WavesOverlap` if an added or moved wave that closes after `since` meets another."""
        for wave in (one for one in self._excepted if one.closes_at > since):
            self._check_alone(wave)

    # Arithmetic

    def _opens(self, opens_at: datetime) -> bool:
        """Whether a wave may open then: there is no pause, and the end has not come."""
        paused = any(one.since <= opens_at and (one.until is None or opens_at < one.until) for one in self._pauses)
        return not paused and opens_at < self._stops

    def _times(self, number: int, exception: CalendarException | None) -> PlannedWave | None:
        """A wave's times: as an administrator set them, else by the rules; None if there is no such wave."""
        planned = self._planned.wave(number)
        if exception is not None and exception.opens_at is not None and exception.closes_at is not None:
            return PlannedWave(number, exception.opens_at, exception.closes_at, planned.quota if planned else None)
        return planned

    def _ruled(self, start: datetime) -> Iterator[PlannedWave]:
        """The waves of the rules of which no single one was changed, in order of opening, from about `start` on."""
        return (
            wave
            for wave in takewhile(lambda wave: wave.opens_at < self._stops, self._planned.from_about(start))
            if wave.number not in self._exceptions and self._opens(wave.opens_at)
        )

    def _meeting(self, start: datetime, end: datetime) -> list[PlannedWave]:
        """The waves that are open at some instant of [start, end), in order of opening."""
        ruled = takewhile(lambda wave: wave.opens_at < end, self._ruled(start))
        waves = [wave for wave in (*ruled, *self._excepted) if wave.opens_at < end and wave.closes_at > start]
        return sorted(waves, key=lambda wave: wave.opens_at)

    def _exception(self, number: int) -> CalendarException:
        return self._exceptions.get(number) or CalendarException(number)

    def _changeable(self, number: int, earliest: datetime) -> PlannedWave:
        wave = self.wave(number)
        if wave is None:
            raise UnknownWave(wave=number)
        self._not_before(number, wave.opens_at, earliest)
        return wave

    def _not_before(self, number: int, opens_at: datetime, earliest: datetime) -> None:
        if opens_at < earliest:
            raise ChangeTooLate(wave=number, opens_at=iso(opens_at), earliest=iso(earliest))

    def _with(self, exception: CalendarException, earliest: datetime | None = None) -> Calendar:
        waves = self._exceptions | {exception.number: exception}
        changed = Calendar(self._rules, replace(self.changes, waves=tuple(waves[number] for number in sorted(waves))))
        wave = changed.wave(exception.number)
        if wave is None:
            if not exception.skipped:
                raise BadPlan(reason="halted")
            return changed
        if earliest is not None:
            self._not_before(wave.number, wave.opens_at, earliest)
        _check(wave)
        changed._check_alone(wave)
        return changed

    def _check_alone(self, wave: PlannedWave) -> None:
        others = [one for one in self._meeting(wave.opens_at, wave.closes_at) if one.number != wave.number]
        if others:
            raise WavesOverlap(wave=wave.number, other=others[0].number)

    def _halting(self, changes: Changes, since: datetime, earliest: datetime) -> Calendar:
        """With other pauses, or another end, which change nothing before `since`."""
        changed = Calendar(self._rules, changes)
        before, after = self.between(since, earliest), changed.between(since, earliest)
        for wave in before + after:
            if (wave in before) != (wave in after):
                self._not_before(wave.number, wave.opens_at, earliest)
        changed.check_apart(since)
        return changed


class _Regular:
    """Waves at equal distances, for ever. A wave has closed when the next one opens."""

    def __init__(self, first: int, opens_at: datetime, rules: CalendarRules) -> None:
        self._number = first
        self._first = opens_at.astimezone(UTC)
        self._every = timedelta(days=rules.every_days)
        self._lasts = timedelta(hours=rules.open_hours)

    def wave(self, number: int) -> PlannedWave | None:
        if not self._number <= number < FIRST_EXTRA or number - self._number > (LAST - self._first) // self._every:
            return None
        opens_at = self._first + (number - self._number) * self._every
        return PlannedWave(number, opens_at, opens_at + self._lasts)

    def number_at(self, instant: datetime) -> int:
        """The number of the last wave that has opened by then; of the first, if none has."""
        return self._number + max((instant - self._first) // self._every, 0)

    def from_about(self, start: datetime) -> Iterator[PlannedWave]:
        """In order of opening, from no later than the first that closes after `start`."""
        number = self.number_at(start)
        while (wave := self.wave(number)) is not None:
            yield wave
            number += 1

    def back_from(self, end: datetime) -> Iterator[PlannedWave]:
        """The waves that have opened by `end`, the last one first."""
        number = self.number_at(end)
        while (wave := self.wave(number)) is not None:
            if wave.opens_at <= end:
                yield wave
            number -= 1


class _Listed:
    """The waves of a list, whose times do not overlap, in order of opening."""

    def __init__(self, first: int, waves: Iterable[PlannedWave]) -> None:
        self._number = first
        self._waves = sorted(waves, key=lambda wave: wave.opens_at)

    def wave(self, number: int) -> PlannedWave | None:
        return next((wave for wave in self._waves if wave.number == number), None)

    def number_at(self, instant: datetime) -> int:
        return next((wave.number for wave in self.back_from(instant)), self._number)

    def from_about(self, start: datetime) -> Iterator[PlannedWave]:
        return (wave for wave in self._waves if wave.closes_at > start)

    def back_from(self, end: datetime) -> Iterator[PlannedWave]:
        return (wave for wave in reversed(self._waves) if wave.opens_at <= end)


def _planned_by(rules: CalendarRules) -> _Regular | _Listed:
    first = rules.first_opens_at or min(one.opens_at for one in rules.waves)
    if not rules.waves:
        return _Regular(rules.first_wave, first, rules)
    moved = first - min(one.opens_at for one in rules.waves)
    return _Listed(rules.first_wave, (_listed(one, moved) for one in rules.waves))


def _listed(wave: ListedWave, moved: timedelta) -> PlannedWave:
    opens_at, closes_at = wave.opens_at + moved, wave.closes_at + moved
    return PlannedWave(wave.number, opens_at.astimezone(UTC), closes_at.astimezone(UTC), wave.quota)


def end_of(day: date) -> datetime:
    """The instant at which a WIB day ends; that of a day after `LAST` is some instant after it."""
    return datetime.combine(min(day, LAST.date()) + timedelta(days=1), time(), WIB).astimezone(UTC)


def _check(wave: PlannedWave) -> None:
    quota = wave.quota
    rules = {
        "times": wave.opens_at < wave.closes_at <= LAST,
        "quota": quota is None or quota >= 0,
        "reserved": wave.reserved == 0 or (quota is not None and 0 < wave.reserved <= quota),
        "weights": all(11 <= region <= 99 and weight >= 0 for region, weight in wave.weights.items())
        and (wave.reserved == 0 or sum(wave.weights.values()) > 0),
    }
    for reason, holds in rules.items():
        if not holds:
            raise BadPlan(reason=reason)
