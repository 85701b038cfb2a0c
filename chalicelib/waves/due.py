"""What a wave owes by the clock: its next transition, or word of the last one, and since when."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta

from ..config import CalendarRules, DrawRules, Programme
from .calendar import Calendar, PlannedWave
from .publication.draw_run import round_due
from .rules import NEXT, Wave, WaveState, freeze_due, planned


def plans(calendar: Calendar, waves: Mapping[int, Wave], began: datetime, now: datetime) -> list[PlannedWave]:
    """The waves that have opened by `now` and are this system's, in order of opening; a record is its own plan."""
    found = {plan.number: plan for plan in calendar.since(began, now)} | {n: planned(w) for n, w in waves.items()}
    return sorted(found.values(), key=lambda plan: plan.opens_at)


def due(plan: PlannedWave, wave: Wave | None, state: WaveState, rules: DrawRules) -> datetime:
    """When a wave may be taken on from a state that it has come to; its seats are awarded as soon as it is drawn."""
    if wave is None or state is WaveState.SCHEDULED:
        return plan.opens_at
    if state is WaveState.OPEN:
        return plan.closes_at
    if state is WaveState.CLOSED:
        return freeze_due(plan.closes_at, rules.freeze_delay_s)
    return round_due(wave, rules)


def closing_soon(wave: Wave, rules: CalendarRules) -> datetime:
    """When the public is to be told that an open wave is about to close."""
    return wave.closes_at - timedelta(seconds=rules.closing_soon_s)


def owed(
    plan: PlannedWave, wave: Wave | None, programme: Programme, now: datetime
) -> tuple[WaveState, datetime] | None:
    """The state that a wave should be known to be in, and since when; None if it is settled and that was told.

    One that is OPEN and known to be owes word that it closes soon.
    """
    if wave is None:
        return WaveState.OPEN, plan.opens_at
    if wave.announced is not wave.state:
        before = next(state for state, after in NEXT.items() if after is wave.state)
        return wave.state, due(plan, wave, before, programme.draw)
    if wave.state is WaveState.SETTLED:
        return None
    if wave.state is WaveState.OPEN and not wave.closing_told and now < wave.closes_at:
        return WaveState.OPEN, max(wave.opens_at, closing_soon(wave, programme.calendar))
    return NEXT[wave.state], due(plan, wave, wave.state, programme.draw)
