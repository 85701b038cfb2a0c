"""The plan of a wave, its seats, its scheme, and when its next step is due. Pure: no AWS, no present time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from ..config import Programme
from ..figures.waves import CalendarRules, DrawRules
from .calendar import Calendar, PlannedWave
from .rules import NEXT, Wave, WaveState, freeze_due, round_due


def seats_for(wave: PlannedWave, left: int, waves_left: int) -> int:
    """A wave's quota when it opens: as the administrator set it, else its share; never more than the year has left.

    `left`: seats of the year's target that no wave has been allotted; `waves_left`: waves of the year from this on.
    """
    left = max(left, 0)
    return left // waves_left if wave.quota is None else min(wave.quota, left)


def planned(wave: Wave) -> PlannedWave:
    """The plan of a wave that has been opened: its own record, no longer the calendar."""
    return PlannedWave(wave.number, wave.opens_at, wave.closes_at, wave.quota, wave.reserved, wave.weights)


def scheme(plan: PlannedWave, calendar: Calendar, programme: Programme) -> str:
    """The version of the scheme that a wave opens with: as named for it, else that of its number in the programme."""
    return calendar.named_scheme(plan.number) or programme.scheme(calendar.regular_number(plan)).version


def scheme_of(wave: Wave, calendar: Calendar, programme: Programme) -> str:
    """The version of an opened wave's scheme, whatever the programme has said since."""
    return wave.scheme or scheme(planned(wave), calendar, programme)


def plans(calendar: Calendar, waves: Mapping[int, Wave], began: datetime, now: datetime) -> list[PlannedWave]:
    """The waves that have opened by `now` and are this system's, in order of opening; a record is its own plan."""
    found = {plan.number: plan for plan in calendar.since(began, now)} | {n: planned(w) for n, w in waves.items()}
    return sorted(found.values(), key=lambda plan: plan.opens_at)


def due(plan: PlannedWave, wave: Wave | None, state: WaveState, rules: DrawRules) -> datetime:
    """When a wave may be taken on from a state; a drawn wave is awarded at once."""
    if wave is None or state is WaveState.SCHEDULED:
        return plan.opens_at
    # By the record: the wave may have been extended since the plan was made.
    if state is WaveState.OPEN:
        return wave.closes_at
    if state is WaveState.CLOSED:
        return freeze_due(wave.closes_at, rules.freeze_delay_s)
    return round_due(wave, rules)


def closing_soon(wave: Wave, rules: CalendarRules) -> datetime:
    """When the public is to be told that an open wave is about to close."""
    return wave.closes_at - timedelta(seconds=rules.closing_soon_s)


def owed(
    plan: PlannedWave, wave: Wave | None, programme: Programme, now: datetime
) -> tuple[WaveState, datetime] | None:
    """The state in which a wave should be known to be, and since when; None if it is settled and that was told.

    What an extension makes due was not due before it. A wave that is OPEN, and known to be so with its close, is next
    due to be told to close soon.
    """
    if wave is None:
        return WaveState.OPEN, plan.opens_at
    if wave.announced is not wave.state:
        before = next(state for state, after in NEXT.items() if after is wave.state)
        return wave.state, due(plan, wave, before, programme.draw)
    known_from = wave.extended_at or wave.opens_at
    if wave.extension_told < wave.extended:
        return wave.state, known_from
    if wave.state is WaveState.SETTLED:
        return None
    if wave.state is WaveState.OPEN and not wave.closing_told and now < wave.closes_at:
        return WaveState.OPEN, max(known_from, closing_soon(wave, programme.calendar))
    return NEXT[wave.state], due(plan, wave, wave.state, programme.draw)
