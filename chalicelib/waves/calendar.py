"""When waves are: a pure function of the rules, the exceptions that administrators have set, and an instant.

Regular waves are numbered from the first one on, for ever: a wave that is moved or skipped keeps its number, and no
other wave is renumbered. Waves that administrators add are numbered from `FIRST_EXTRA` up. A wave accepts entries from
`opens_at` until `closes_at`, exclusive. At most one wave is open at any instant.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping
from datetime import UTC, datetime, timedelta

from msgspec import field
from msgspec.structs import replace

from ..clock import iso
from ..figures import CalendarRules
from ..values import Value
from .errors import BadPlan, ChangeTooLate, UnknownWave, WavesOverlap

FIRST_EXTRA = 100_001
"""The first number of an added wave; regular numbers reach it in some 3,800 years."""

_INSTANT = timedelta(microseconds=1)


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
    have times.
    """

    number: int
    skipped: bool = False
    opens_at: datetime | None = None
    closes_at: datetime | None = None
    quota: int | None = None
    reserved: int = 0
    weights: Mapping[int, int] = field(default_factory=dict)


class Calendar:
    """The waves, past and to come. Immutable; a change gives a new calendar.

    The four changes take `earliest`: the first instant at which a changed wave may open, at its old and its new time.
    They raise `ChangeTooLate`, `UnknownWave`, `WavesOverlap` or `BadPlan`, in this order.
    """

    def __init__(self, rules: CalendarRules, exceptions: Iterable[CalendarException] = ()) -> None:
        self._rules = rules
        self._first = rules.first_opens_at.astimezone(UTC)
        self._every = timedelta(days=rules.every_days)
        self._lasts = timedelta(hours=rules.open_hours)
        self._exceptions = {exception.number: exception for exception in exceptions}
        planned = (self.wave(number) for number in sorted(self._exceptions))
        self._excepted = sorted((wave for wave in planned if wave is not None), key=lambda wave: wave.opens_at)

    @property
    def exceptions(self) -> tuple[CalendarException, ...]:
        """What differs from the rules, ascending by number."""
        return tuple(self._exceptions[number] for number in sorted(self._exceptions))

    @property
    def skipped(self) -> list[PlannedWave]:
        """The waves that do not take place, at the times they would have had, in order of opening."""
        gone = (exception for exception in self._exceptions.values() if exception.skipped)
        waves = (self._times(exception.number, exception) for exception in gone)
        return sorted((wave for wave in waves if wave is not None), key=lambda wave: wave.opens_at)

    def wave(self, number: int) -> PlannedWave | None:
        """The wave of that number; None if it is skipped or does not exist."""
        exception = self._exceptions.get(number)
        if exception is not None and exception.skipped:
            return None
        regular = self._times(number, exception)
        if regular is None or exception is None:
            return regular
        return replace(regular, quota=exception.quota, reserved=exception.reserved, weights=exception.weights)

    def current(self, now: datetime) -> PlannedWave | None:
        """The wave that accepts entries at this instant."""
        return next(iter(self._meeting(now, now + _INSTANT)), None)

    def next(self, now: datetime) -> PlannedWave:
        """The first wave that opens after this instant."""
        index = max(self._index(now) + 1, 0)
        while (number := self._rules.first_wave + index) in self._exceptions:
            index += 1
        later = [wave for wave in self._excepted if wave.opens_at > now]
        return min([*later, self._regular(number)], key=lambda wave: wave.opens_at)

    def previous(self, now: datetime) -> PlannedWave | None:
        """The last wave that has closed by this instant."""
        closed = [wave for wave in self._excepted if wave.closes_at <= now]
        for number in range(self._rules.first_wave + self._index(now), self._rules.first_wave - 1, -1):
            wave = self._regular(number)
            if number not in self._exceptions and wave.closes_at <= now:
                closed.append(wave)
                break
        return max(closed, key=lambda wave: wave.closes_at, default=None)

    def between(self, start: datetime, end: datetime) -> list[PlannedWave]:
        """The waves that open at or after `start` and before `end`, in order of opening."""
        return [wave for wave in self._meeting(start, end) if wave.opens_at >= start]

    def since(self, start: datetime, now: datetime) -> list[PlannedWave]:
        """The waves that closed after `start` and have opened by `now`, in order of opening."""
        return self._meeting(start, now + _INSTANT)

    def regular_number(self, wave: PlannedWave) -> int:
        """The number that decides a wave's scheme: its own; for an added wave, that of the wave before it."""
        if wave.number < FIRST_EXTRA:
            return wave.number
        return self._rules.first_wave + max(self._index(wave.opens_at), 0)

    # Changes

    def move(self, number: int, opens_at: datetime, closes_at: datetime, earliest: datetime) -> Calendar:
        """Give a wave other times. A wave that was skipped takes place again."""
        before = self._exception(number)
        if not before.skipped:
            self._changeable(number, earliest)
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

    # Arithmetic

    def _index(self, instant: datetime) -> int:
        """How many periods after the first wave's regular opening; negative before it."""
        return (instant - self._first) // self._every

    def _regular(self, number: int) -> PlannedWave:
        opens_at = self._first + (number - self._rules.first_wave) * self._every
        return PlannedWave(number, opens_at, opens_at + self._lasts)

    def _times(self, number: int, exception: CalendarException | None) -> PlannedWave | None:
        """A wave's times: as an administrator set them, else by the rules; None if there is no such wave."""
        if exception is not None and exception.opens_at is not None and exception.closes_at is not None:
            return PlannedWave(number, exception.opens_at, exception.closes_at)
        return self._regular(number) if self._rules.first_wave <= number < FIRST_EXTRA else None

    def _meeting(self, start: datetime, end: datetime) -> list[PlannedWave]:
        """The waves that are open at some instant of [start, end), in order of opening."""
        # A regular wave has closed when the next one opens. So the one before `start` is the earliest that can matter.
        indexes = range(max(self._index(start), 0), max(self._index(end), -1) + 1)
        regular: Iterator[PlannedWave] = (
            self._regular(self._rules.first_wave + index)
            for index in indexes
            if self._rules.first_wave + index not in self._exceptions
        )
        waves = [wave for wave in (*regular, *self._excepted) if wave.opens_at < end and wave.closes_at > start]
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

    def _with(self, exception: CalendarException, earliest: datetime) -> Calendar:
        changed = Calendar(self._rules, (self._exceptions | {exception.number: exception}).values())
        wave = changed.wave(exception.number)
        if wave is None:
            return changed
        self._not_before(wave.number, wave.opens_at, earliest)
        _check(wave)
        for other in changed._meeting(wave.opens_at, wave.closes_at):
            if other.number != wave.number:
                raise WavesOverlap(wave=wave.number, other=other.number)
        return changed


def _check(wave: PlannedWave) -> None:
    quota = wave.quota
    rules = {
        "times": wave.opens_at < wave.closes_at,
        "quota": quota is None or quota >= 0,
        "reserved": wave.reserved == 0 or (quota is not None and 0 < wave.reserved <= quota),
        "weights": all(11 <= region <= 99 and weight >= 0 for region, weight in wave.weights.items())
        and (wave.reserved == 0 or sum(wave.weights.values()) > 0),
    }
    for reason, holds in rules.items():
        if not holds:
            raise BadPlan(reason=reason)
