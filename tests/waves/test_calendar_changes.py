"""Pauses, the end, and any changes at any time: what has begun is never touched, and what was passed over stays so."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.waves.calendar import FIRST_EXTRA, Calendar, CalendarException, PlannedWave, end_of
from chalicelib.waves.errors import BadPlan, ChangeTooLate, CloseTooNear, UnknownWave, WavesOverlap
from tests.waves.test_calendar import CALENDAR, DAY, LONG_AGO, MS, RULED, RULES, WIB_OPENING, naive, wave

MARGIN = timedelta(seconds=125)
KINDS = ["move", "skip", "resize", "add", "extend", "pause", "resume", "end", "withdraw"]
HOURS = st.integers(-24 * 60, 24 * 90)


def begun(calendar: Calendar, earliest: datetime) -> dict[int, PlannedWave]:
    """The waves that have opened, or open too soon to be changed."""
    return {one.number: one for one in naive(calendar) if one.opens_at < earliest}


def change(
    calendar: Calendar, kind: str, number: int, since: datetime, until: datetime, earliest: datetime
) -> Calendar:
    if kind == "move":
        return calendar.move(number, since, until, earliest)
    if kind == "skip":
        return calendar.skip(number, earliest)
    if kind == "resize":
        return calendar.resize(number, 5, 0, {}, earliest)
    if kind == "add":
        return calendar.add(CalendarException(calendar.next_extra, opens_at=since, closes_at=until), earliest)
    if kind == "extend":
        return calendar.extend(number, until, earliest)
    if kind == "pause":
        return calendar.pause(since, until if number % 2 else None, earliest)
    if kind == "resume":
        return calendar.resume(since, earliest)
    return calendar.end(since if kind == "end" else None, earliest)


@given(
    st.sampled_from(RULED),
    st.lists(
        st.tuples(
            st.sampled_from(KINDS),
            st.integers(0, 24 * 40),
            st.one_of(st.integers(54, 64), st.integers(FIRST_EXTRA, FIRST_EXTRA + 3)),
            HOURS,
            st.integers(1, 24 * 30),
        ),
        max_size=12,
    ),
)
def test_no_change_at_any_time_touches_a_wave_that_has_begun_or_begins_one_late(rules, acts):
    """But that an open one is extended: who read the old close has lost nothing."""
    calendar, now = Calendar(rules), WIB_OPENING
    for kind, wait, number, hours, lasts in acts:
        now += timedelta(hours=wait)
        earliest, since = now + MARGIN, now + timedelta(hours=hours)
        before = begun(calendar, earliest)
        try:
            calendar = change(calendar, kind, number, since, since + timedelta(hours=lasts), earliest)
        except (WavesOverlap, UnknownWave, BadPlan, ChangeTooLate, CloseTooNear):
            continue
        after = begun(calendar, earliest)
        if kind == "extend" and number in before:
            assert earliest <= before[number].closes_at < after[number].closes_at
            before[number] = msgspec.structs.replace(before[number], closes_at=after[number].closes_at)
        assert after == before


def test_no_wave_opens_in_a_pause_and_one_that_is_open_stays_open():
    paused = CALENDAR.pause(wave(60).opens_at + MS, wave(62).opens_at, LONG_AGO)
    assert paused.current(wave(60).closes_at - MS).number == 60
    assert [paused.wave(number) for number in (61,)] == [None]
    assert paused.next(wave(60).opens_at).number == 62
    assert [one.number for one in paused.halted(wave(59).opens_at, wave(70).opens_at)] == [61]
    with pytest.raises(BadPlan, match="halted"):
        paused.move(59, wave(61).opens_at, wave(61).closes_at, LONG_AGO)
    again = paused.move(61, wave(62).opens_at + 5 * DAY, wave(62).closes_at + 5 * DAY, LONG_AGO)
    assert again.next(wave(62).opens_at).number == 61


def test_a_pause_without_an_end_lasts_until_it_is_resumed():
    paused = CALENDAR.pause(wave(60).opens_at, None, LONG_AGO)
    assert paused.next(wave(59).opens_at) is None
    assert paused.previous(wave(80).opens_at).number == 59
    resumed = paused.resume(wave(65).opens_at, LONG_AGO)
    assert resumed.next(wave(59).opens_at).number == 65
    with pytest.raises(BadPlan, match="no_pause"):
        resumed.resume(wave(65).opens_at, LONG_AGO)
    assert paused.resume(wave(60).opens_at, LONG_AGO).changes == CALENDAR.changes, "one that never was"


def test_nothing_opens_from_the_end_on_and_the_end_may_be_put_off():
    ended = CALENDAR.end(wave(60).opens_at, LONG_AGO)
    assert ended.next(wave(59).opens_at) is None
    assert ended.wave(60) is None
    assert ended.end(wave(61).opens_at, LONG_AGO).next(wave(59).opens_at).number == 60


def test_a_halt_or_its_end_that_some_function_may_not_have_read_is_refused():
    opens_at, paused = wave(60).opens_at, CALENDAR.pause(wave(60).opens_at, None, LONG_AGO)
    ended = CALENDAR.end(wave(60).opens_at, LONG_AGO)
    changes = [
        lambda earliest: CALENDAR.pause(opens_at, None, earliest),
        lambda earliest: paused.resume(opens_at, earliest),
        lambda earliest: CALENDAR.end(opens_at, earliest),
    ]
    for change in changes:
        change(opens_at)
        with pytest.raises(ChangeTooLate):
            change(opens_at + MS)
    assert ended.end(None, opens_at).wave(60) == wave(60)
    for again in (wave(62).opens_at, None):
        assert ended.end(again, opens_at + MS).wave(60) is None, "never opened, as the programme had ended"
        assert ended.end(again, opens_at + MS).next(opens_at).number == 61


def test_an_end_that_came_is_put_off_and_the_waves_between_stay_unopened():
    """Whose end it was, and however often."""
    by_file = Calendar(msgspec.structs.replace(RULES, ends_on=wave(60).opens_at.date() - DAY))
    for calendar in (by_file, CALENDAR.end(wave(60).opens_at, LONG_AGO)):
        again = calendar.end(wave(70).opens_at, wave(65).opens_at + MS)
        numbers = [one.number for one in again.between(wave(58).opens_at, wave(80).opens_at)]
        assert numbers == [58, 59, *range(66, 70)]
        twice = again.end(wave(90).opens_at, wave(72).opens_at)
        numbers = [one.number for one in twice.between(wave(58).opens_at, wave(80).opens_at)]
        assert numbers == [58, 59, *range(66, 70), *range(72, 80)]


@pytest.mark.parametrize("days", [14, 29, 30, 3_660])
@pytest.mark.parametrize("number", [-1, 0, 53, 100_000, FIRST_EXTRA, 10**30])
def test_any_number_is_that_of_a_wave_or_of_none(days, number):
    calendar = Calendar(msgspec.structs.replace(RULES, every_days=days))
    found = calendar.wave(number)
    assert (found is not None) == (days == 14 and number == 100_000)
    if found is None:
        with pytest.raises(UnknownWave):
            calendar.skip(number, LONG_AGO)
    assert calendar.next(datetime(9999, 12, 31, tzinfo=UTC)) is None


LATE = datetime(9999, 12, 31, 23, tzinfo=UTC)


@pytest.mark.parametrize(
    "change",
    [
        lambda: CALENDAR.move(60, wave(60).opens_at, LATE, LONG_AGO),
        lambda: CALENDAR.extend(60, LATE, LONG_AGO),
        lambda: CALENDAR.pause(wave(60).opens_at, LATE, LONG_AGO),
        lambda: CALENDAR.pause(LATE, None, LONG_AGO),
        lambda: CALENDAR.pause(wave(60).opens_at, None, LONG_AGO).resume(LATE, LONG_AGO),
        lambda: CALENDAR.end(end_of(date.max), LONG_AGO),
    ],
)
def test_an_instant_at_the_end_of_time_is_refused(change):
    with pytest.raises(BadPlan) as caught:
        change()
    assert caught.value.facts == {"reason": "times"}


def test_waves_that_take_place_again_may_not_overlap_one_that_was_put_between():
    paused = CALENDAR.pause(wave(60).opens_at, None, LONG_AGO)
    before = wave(60).opens_at - DAY
    between = paused.add(CalendarException(FIRST_EXTRA, opens_at=before, closes_at=before + 2 * DAY), LONG_AGO)
    with pytest.raises(WavesOverlap):
        between.resume(wave(60).opens_at, LONG_AGO)
    assert between.resume(wave(60).closes_at, LONG_AGO).next(before).number == 61
