"""What a wave owes by the clock, and since when: production's figures, each state, told and untold."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest

from chalicelib.config import load_programme
from chalicelib.draw.note import Note, beacon_round, round_time
from chalicelib.waves.calendar import Calendar, CalendarException
from chalicelib.waves.rules import Wave, WaveState, owed, planned, plans

PROD = load_programme("prod")
OPENS = datetime(2026, 11, 27, 5, tzinfo=UTC)
CLOSES = datetime(2026, 11, 30, 17, tzinfo=UTC)
SOON = CLOSES - timedelta(hours=12)
FREEZES = CLOSES + timedelta(minutes=15)
CHAIN = PROD.draw.chains["quicknet"]
NOTE = Note(145, 9, 10, 0, bytes(32), FREEZES, CHAIN.hash, beacon_round(CHAIN, FREEZES))
ROUND = round_time(CHAIN, NOTE.round)
LATE = NOTE.frozen + timedelta(minutes=40)
"""A list that was frozen too late for the regular round."""


def wave(name: str, **changes: Any) -> Wave:
    state = WaveState(name)
    note = NOTE.encode().decode() if state in (WaveState.FROZEN, WaveState.DRAWN, WaveState.SETTLED) else None
    return replace(Wave(145, state, OPENS, CLOSES, 10, 0, {}, note, announced=state), **changes)


@pytest.mark.parametrize(
    ("record", "now", "debt"),
    [
        pytest.param(None, OPENS, ("OPEN", OPENS), id="not opened"),
        pytest.param(wave("OPEN", announced=None), OPENS, ("OPEN", OPENS), id="opened, not announced"),
        pytest.param(wave("OPEN"), OPENS, ("OPEN", SOON), id="not told that it closes soon"),
        pytest.param(wave("OPEN", closing_told=True), OPENS, ("CLOSED", CLOSES), id="not closed"),
        pytest.param(wave("OPEN"), CLOSES, ("CLOSED", CLOSES), id="too late to tell, and not closed"),
        pytest.param(wave("CLOSED", announced=WaveState.OPEN), CLOSES, ("CLOSED", CLOSES), id="close not told"),
        pytest.param(wave("CLOSED"), CLOSES, ("FROZEN", FREEZES), id="not frozen"),
        pytest.param(wave("FROZEN", announced=WaveState.CLOSED), ROUND, ("FROZEN", FREEZES), id="note not told"),
        pytest.param(wave("FROZEN"), ROUND, ("DRAWN", ROUND), id="not drawn"),
        pytest.param(wave("DRAWN", announced=WaveState.FROZEN), ROUND, ("DRAWN", ROUND), id="draw not told"),
        pytest.param(wave("DRAWN"), ROUND, ("SETTLED", ROUND), id="seats not given"),
        pytest.param(wave("SETTLED", announced=WaveState.DRAWN), ROUND, ("SETTLED", ROUND), id="end not told"),
        pytest.param(wave("SETTLED"), ROUND, None, id="settled and told"),
    ],
)
def test_what_a_wave_owes(record, now, debt):
    plan = planned(wave("OPEN"))
    assert owed(plan, record, PROD, now) == debt


def test_a_draw_is_due_when_the_round_of_its_own_note_is():
    committed = replace(NOTE, frozen=LATE, round=beacon_round(CHAIN, LATE))
    frozen = wave("FROZEN", note=committed.encode().decode())
    assert owed(planned(frozen), frozen, PROD, LATE) == (WaveState.DRAWN, round_time(CHAIN, committed.round))


def test_a_wave_that_opens_within_its_last_hours_is_to_be_told_of_from_its_opening_on():
    short = wave("OPEN", opens_at=CLOSES - timedelta(hours=1))
    assert owed(planned(short), short, PROD, CLOSES - timedelta(minutes=1)) == (WaveState.OPEN, short.opens_at)


def test_a_wave_owes_by_its_own_record_however_the_calendar_has_it_now():
    moved = CalendarException(145, opens_at=OPENS + timedelta(days=2), closes_at=CLOSES + timedelta(days=2))
    calendar, began = Calendar(PROD.calendar, [moved]), OPENS - timedelta(days=3)
    assert plans(calendar, {}, began, OPENS) == []
    assert [plan.opens_at for plan in plans(calendar, {145: wave("OPEN")}, began, OPENS)] == [OPENS]


def test_a_wave_that_is_skipped_or_was_over_before_this_system_began_owes_nothing():
    skipped = Calendar(PROD.calendar, [CalendarException(145, skipped=True)])
    assert plans(skipped, {}, OPENS, CLOSES) == []
    assert plans(Calendar(PROD.calendar), {}, CLOSES, CLOSES + timedelta(days=1)) == []
