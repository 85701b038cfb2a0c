"""The calendar of waves and its exceptions."""

from __future__ import annotations

from datetime import UTC, date, datetime, time, timedelta
from itertools import pairwise

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.clock import WIB
from chalicelib.config import load_programme
from chalicelib.figures.waves import CalendarRules, PlannedPause
from chalicelib.waves.calendar import FIRST_EXTRA, Calendar, CalendarException, PlannedWave
from chalicelib.waves.errors import BadPlan, ChangeTooLate, CloseTooNear, UnknownWave, WavesOverlap

RULES = load_programme("production").calendar
CALENDAR = Calendar(RULES)
MS = timedelta(milliseconds=1)
LONG_AGO = datetime(2000, 1, 1, tzinfo=UTC)
WIB_OPENING = datetime(2023, 6, 2, 12, tzinfo=WIB)


def wave(number, calendar=CALENDAR):
    planned = calendar.wave(number)
    assert planned is not None
    return planned


@pytest.mark.parametrize("number", range(54, 154))
def test_a_wave_opens_and_closes_to_the_millisecond(number):
    opens_at = WIB_OPENING + timedelta(days=14 * (number - 54))
    closes_at = opens_at + timedelta(days=3, hours=12)
    assert (opens_at.weekday(), opens_at.hour) == (4, 12), "Friday noon"
    assert (closes_at.weekday(), closes_at.hour) == (1, 0), "as Tuesday begins"

    def current(now):
        found = CALENDAR.current(now)
        return found and found.number

    assert [current(opens_at + late) for late in (-MS, 0 * MS, MS)] == [None, number, number]
    assert [current(closes_at + late) for late in (-MS, 0 * MS, MS)] == [number, None, None]
    assert CALENDAR.next(opens_at - MS).number == number
    assert CALENDAR.next(opens_at).number == number + 1
    previous = [CALENDAR.previous(closes_at + late) for late in (-MS, 0 * MS, MS)]
    assert [found.number if found else 53 for found in previous] == [number - 1, number, number]


def test_the_published_dates_of_the_first_waves_hold():
    dates = {54: "2023-06-02", 55: "2023-06-16", 58: "2023-07-28"}
    assert {number: str(wave(number).opens_at.astimezone(WIB).date()) for number in dates} == dates


def test_there_is_no_wave_before_the_first():
    assert CALENDAR.wave(53) is None
    assert CALENDAR.current(WIB_OPENING - MS) is None
    assert CALENDAR.previous(WIB_OPENING) is None
    assert CALENDAR.next(LONG_AGO).number == 54
    assert CALENDAR.between(LONG_AGO, WIB_OPENING) == []


def test_between_returns_waves_that_open_from_the_start_until_before_the_end():
    year = CALENDAR.between(datetime(2023, 1, 1, tzinfo=WIB), datetime(2024, 1, 1, tzinfo=WIB))
    assert [planned.number for planned in year] == list(range(54, 70))
    one = CALENDAR.between(wave(60).opens_at, wave(61).opens_at)
    assert [planned.number for planned in one] == [60]


def test_since_includes_a_wave_that_was_open_then():
    found = CALENDAR.since(wave(60).closes_at - MS, wave(62).opens_at)
    assert [planned.number for planned in found] == [60, 61, 62]
    assert [planned.number for planned in CALENDAR.since(wave(60).closes_at, wave(61).opens_at)] == [61]


def test_a_moved_wave_keeps_its_number_and_not_its_old_time():
    old = wave(60)
    opens_at, closes_at = old.opens_at + timedelta(days=5), old.closes_at + timedelta(days=5)
    moved = CALENDAR.move(60, opens_at, closes_at, LONG_AGO)
    assert moved.current(old.opens_at) is None
    assert wave(60, moved) == moved.current(opens_at)
    assert moved.next(old.opens_at).number == 60
    assert moved.previous(closes_at).number == 60
    assert moved.current(closes_at) is None
    assert wave(61, moved) == wave(61)


def test_a_wave_may_be_moved_past_others():
    moved = CALENDAR.move(60, wave(62).opens_at + timedelta(days=5), wave(62).closes_at + timedelta(days=5), LONG_AGO)
    openings = [planned.number for planned in moved.between(wave(59).opens_at, wave(63).opens_at)]
    assert openings == [59, 61, 62, 60]
    assert moved.next(wave(59).opens_at).number == 61


def test_a_skipped_wave_does_not_take_place_and_others_keep_their_numbers():
    skipped = CALENDAR.skip(60, LONG_AGO)
    assert skipped.wave(60) is None
    assert skipped.current(wave(60).opens_at) is None
    assert skipped.next(wave(59).opens_at).number == 61
    assert skipped.previous(wave(61).opens_at).number == 59
    with pytest.raises(UnknownWave):
        skipped.skip(60, LONG_AGO)


def test_a_skipped_wave_takes_place_again_when_it_is_given_a_time():
    again = CALENDAR.skip(60, LONG_AGO).move(60, wave(60).opens_at, wave(60).closes_at, LONG_AGO)
    assert again.wave(60) == wave(60)


def test_an_added_wave_has_a_number_that_no_regular_wave_has():
    opens_at = wave(60).opens_at + timedelta(days=7)
    extra = CalendarException(CALENDAR.next_extra, opens_at=opens_at, closes_at=opens_at + timedelta(minutes=2))
    added = CALENDAR.add(extra, LONG_AGO)
    assert added.current(opens_at).number == FIRST_EXTRA == 100_001
    assert added.next(wave(60).opens_at).number == FIRST_EXTRA
    assert added.next(opens_at).number == 61
    assert added.regular_number(added.current(opens_at)) == 60, "its scheme is that of the wave before it"
    assert added.next_extra == FIRST_EXTRA + 1
    assert added.skip(FIRST_EXTRA, LONG_AGO).next_extra == FIRST_EXTRA + 1, "a number is never used again"


def test_an_added_wave_takes_the_next_number_only():
    opens_at = wave(60).opens_at + timedelta(days=7)
    with pytest.raises(BadPlan):
        CALENDAR.add(CalendarException(61, opens_at=opens_at, closes_at=opens_at + MS), LONG_AGO)


def test_a_resized_wave_keeps_its_time_and_a_moved_one_its_size():
    resized = CALENDAR.resize(60, 500, 100, {31: 2, 32: 1}, LONG_AGO)
    moved = resized.move(60, wave(60).opens_at + MS, wave(60).closes_at, LONG_AGO)
    assert (wave(60, resized).opens_at, wave(60, resized).quota) == (wave(60).opens_at, 500)
    assert (wave(60, moved).quota, wave(60, moved).reserved, wave(60, moved).weights) == (500, 100, {31: 2, 32: 1})


@pytest.mark.parametrize(
    ("quota", "reserved", "weights", "reason"),
    [
        (-1, 0, {}, "quota"),
        (5, 6, {31: 1}, "reserved"),
        (5, -1, {31: 1}, "reserved"),
        (5, 5, {}, "weights"),
        (5, 5, {31: 0}, "weights"),
        (5, 5, {31: -1, 32: 5}, "weights"),
        (5, 5, {7: 1}, "weights"),
    ],
)
def test_impossible_numbers_of_seats_are_refused(quota, reserved, weights, reason):
    with pytest.raises(BadPlan) as caught:
        CALENDAR.resize(60, quota, reserved, weights, LONG_AGO)
    assert caught.value.facts == {"reason": reason}


def test_a_wave_must_close_after_it_opens():
    with pytest.raises(BadPlan):
        CALENDAR.move(60, wave(60).opens_at, wave(60).opens_at, LONG_AGO)


def test_waves_never_overlap():
    with pytest.raises(WavesOverlap) as caught:
        CALENDAR.move(60, wave(60).opens_at, wave(61).opens_at + MS, LONG_AGO)
    assert caught.value.facts == {"wave": 60, "other": 61}
    back_to_back = CALENDAR.move(60, wave(60).opens_at, wave(61).opens_at, LONG_AGO)
    assert back_to_back.current(wave(61).opens_at).number == 61


def test_a_wave_can_be_changed_only_early_enough_before_it_opens():
    opens_at, closes_at = wave(60).opens_at, wave(60).closes_at
    later = timedelta(days=4)
    changes = [
        lambda earliest: CALENDAR.skip(60, earliest),
        lambda earliest: CALENDAR.resize(60, 5, 0, {}, earliest),
        lambda earliest: CALENDAR.move(60, opens_at + later, closes_at + later, earliest),
        lambda earliest: CALENDAR.move(61, opens_at + later, closes_at + later, earliest + later),
    ]
    for change in changes:
        change(opens_at)
        with pytest.raises(ChangeTooLate):
            change(opens_at + MS)


def test_an_unknown_wave_cannot_be_changed():
    for number in (53, FIRST_EXTRA):
        with pytest.raises(UnknownWave):
            CALENDAR.resize(number, 5, 0, {}, LONG_AGO)


def test_exceptions_survive_being_stored():
    changed = CALENDAR.resize(60, 500, 100, {31: 2}, LONG_AGO).skip(61, LONG_AGO).changes
    text = msgspec.json.encode(changed.waves)
    assert msgspec.json.decode(text, type=tuple[CalendarException, ...]) == changed.waves


DAY = timedelta(days=1)
LIST = msgspec.convert(
    {
        "exceptions_cached_s": 60,
        "closing_soon_s": 43_200,
        "first_wave": 54,
        # At distances that no rule has; the last one in the year after.
        "waves": [
            {"number": 54 + n, "opens_at": WIB_OPENING + day * DAY, "closes_at": WIB_OPENING + (day + n % 5 + 1) * DAY}
            for n, day in enumerate([0, 3, 9, 14, 40, 47, 60, 90, 120, 200, 206, 300])
        ],
    },
    CalendarRules,
)
PAUSES = tuple(
    PlannedPause(
        since=WIB_OPENING + day * DAY, until=WIB_OPENING + (day + lasts) * DAY, why_id="Pemilu", why_en="A vote"
    )
    for day, lasts in ((29, 10), (100, 45))
)
RULED = [
    RULES,
    LIST,
    msgspec.structs.replace(RULES, pauses=PAUSES, ends_on=date(2023, 12, 31)),
    msgspec.structs.replace(LIST, pauses=PAUSES, ends_on=date(2024, 3, 1)),
]


@st.composite
def calendars(draw):
    """Calendars after a handful of changes, whatever of them is allowed."""
    calendar = Calendar(draw(st.sampled_from(RULED)))
    hours = st.integers(0, 24 * 14 * 12)
    kinds = ["move", "skip", "add", "extend", "pause", "resume", "end"]
    for kind in draw(st.lists(st.sampled_from(kinds), max_size=8)):
        opens_at = WIB_OPENING + timedelta(hours=draw(hours))
        closes_at = opens_at + timedelta(hours=draw(st.integers(1, 24 * 20)))
        try:
            if kind == "add":
                extra = CalendarException(calendar.next_extra, opens_at=opens_at, closes_at=closes_at)
                calendar = calendar.add(extra, LONG_AGO)
            elif kind == "skip":
                calendar = calendar.skip(draw(st.integers(54, 64)), LONG_AGO)
            elif kind == "extend":
                calendar = calendar.extend(draw(st.integers(54, 64)), closes_at, LONG_AGO)
            elif kind == "pause":
                calendar = calendar.pause(opens_at, draw(st.sampled_from([closes_at, None])), LONG_AGO)
            elif kind == "resume":
                calendar = calendar.resume(opens_at, LONG_AGO)
            elif kind == "end":
                calendar = calendar.end(opens_at, LONG_AGO)
            else:
                calendar = calendar.move(draw(st.integers(54, 64)), opens_at, closes_at, LONG_AGO)
        except (WavesOverlap, UnknownWave, BadPlan):
            continue
    return calendar


def naive(calendar: Calendar) -> list[PlannedWave]:
    """Every wave that takes place, by the plain words of the rules, far beyond the times that the tests ask about."""
    rules, changes = calendar._rules, calendar.changes
    times = {one.number: (one.opens_at, one.closes_at) for one in rules.waves}
    if rules.first_opens_at:
        lasts, first = timedelta(hours=rules.open_hours), rules.first_opens_at
        opens = {54 + n: first + n * rules.every_days * DAY for n in range(80)}
        times = {number: (at, at + lasts) for number, at in opens.items()}
    for one in changes.waves:
        if one.opens_at:
            times[one.number] = (one.opens_at, one.closes_at)
        if one.skipped:
            times.pop(one.number, None)
    pauses = [*rules.pauses, *changes.pauses, *changes.ended]
    ends_at = changes.ends_at
    if ends_at is None and rules.ends_on:
        ends_at = datetime.combine(rules.ends_on, time(), WIB) + DAY
    for number, (at, _) in list(times.items()):
        if any(one.since <= at and (one.until is None or at < one.until) for one in pauses) or (
            ends_at is not None and at >= ends_at
        ):
            del times[number]
    return sorted((PlannedWave(number, *when) for number, when in times.items()), key=lambda one: one.opens_at)


@given(calendars(), st.integers(0, 24 * 14 * 12 * 2))
def test_all_questions_to_the_calendar_agree_after_any_changes(calendar, half_hours):
    """`current`, `next`, `previous` and `between` against a plain search through all the waves there are."""
    now = WIB_OPENING + timedelta(minutes=30 * half_hours)
    waves = naive(calendar)
    numbers = [*range(50, 90), *range(FIRST_EXTRA, calendar.next_extra)]
    found = [planned for number in numbers if (planned := calendar.wave(number))]
    assert sorted(found, key=lambda one: one.opens_at) == [one for one in waves if one.number in numbers]
    assert all(one.closes_at <= other.opens_at for one, other in pairwise(waves))
    assert calendar.current(now) == next((one for one in waves if one.opens_at <= now < one.closes_at), None)
    assert calendar.next(now) == next((one for one in waves if one.opens_at > now), None)
    assert calendar.previous(now) == next((one for one in reversed(waves) if one.closes_at <= now), None)
    end = now + timedelta(days=30)
    assert calendar.between(now, end) == [one for one in waves if now <= one.opens_at < end]
    assert calendar.since(now, end) == [one for one in waves if one.closes_at > now and one.opens_at <= end]
    assert not {one.number for one in calendar.halted(now, end)} & {one.number for one in waves}


def test_an_open_wave_is_extended_while_every_function_reads_it_before_the_old_close():
    old = wave(60)
    extended = CALENDAR.extend(60, old.closes_at + DAY, old.closes_at)
    assert extended.current(old.closes_at).number == 60
    assert extended.current(old.closes_at + DAY) is None
    assert wave(60, extended).opens_at == old.opens_at
    for closes_at, earliest, refusal in [
        (old.closes_at + DAY, old.closes_at + MS, CloseTooNear),
        (old.closes_at, LONG_AGO, BadPlan),
        (old.closes_at - MS, LONG_AGO, BadPlan),
        (wave(61).opens_at + MS, LONG_AGO, WavesOverlap),
    ]:
        with pytest.raises(refusal):
            CALENDAR.extend(60, closes_at, earliest)
    with pytest.raises(UnknownWave):
        CALENDAR.extend(53, old.closes_at + DAY, LONG_AGO)


def test_a_stage_may_move_a_list_as_a_whole():
    calendar = Calendar(msgspec.structs.replace(LIST, first_opens_at=datetime(2100, 1, 1, 5, tzinfo=UTC)))
    assert [calendar.next(LONG_AGO).opens_at, calendar.next(LONG_AGO).number] == [
        datetime(2100, 1, 1, 5, tzinfo=UTC),
        54,
    ]
    assert calendar.wave(55).opens_at - calendar.wave(54).opens_at == 3 * DAY


def test_a_listed_wave_has_the_quota_of_the_list_until_an_administrator_sets_another():
    waves = (msgspec.structs.replace(LIST.waves[0], quota=800), *LIST.waves[1:])
    calendar = Calendar(msgspec.structs.replace(LIST, waves=waves))
    moved = calendar.move(54, WIB_OPENING - 3 * DAY, WIB_OPENING - DAY, LONG_AGO)
    assert [wave(54, one).quota for one in (calendar, moved, moved.resize(54, 7, 0, {}, LONG_AGO))] == [800, 800, 7]
