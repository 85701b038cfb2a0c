"""Joining a wave by one click, and what the person and the public see."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import pytest

from chalicelib.aws import dynamodb
from chalicelib.config import Programme
from chalicelib.draw.leaves import leaf
from chalicelib.errors import DomainError
from chalicelib.registration.errors import EducationNotAccepted, ExcludedOccupation, NotRegistered, OverAge, UnderAge
from chalicelib.registration.rules import Education, Employment, Standing
from chalicelib.waves import rules
from chalicelib.waves.errors import AlreadyBeneficiary, Barred, NotOpenYet, UnknownWave, WaveClosed
from chalicelib.waves.rules import SHARDS, shard_of
from chalicelib.waves.store import ExceptionsItem
from tests.builders.crashes import Calls
from tests.builders.people import registrant, schooled
from tests.builders.waves import CLOSES, OPENS, WAVE, WavesWorld
from tests.conftest import T0

MS = timedelta(milliseconds=1)


@pytest.fixture
def programme(programme: Programme) -> Programme:
    """It demands an education."""
    return schooled(programme)


@pytest.fixture
def calls(monkeypatch) -> Calls:
    return Calls(monkeypatch)


@pytest.fixture
def siti(world: WavesWorld) -> str:
    """Someone who may join, on the day that the wave is open; the first step was taken before it opened."""
    world.step()
    world.people.add(registrant("siti"))
    world.clock.now = OPENS
    return "siti"


def test_the_first_click_gives_a_receipt(world, siti):
    receipt, new = world.waves.join(siti, OPENS + MS)
    assert new
    assert (receipt.wave, receipt.region, receipt.joined_at) == (WAVE, 31, "2026-11-27T05:00:00.001Z")
    assert receipt.leaf == leaf(WAVE, 31, bytes.fromhex(receipt.ticket)).hex()


def test_a_second_click_returns_the_same_receipt(world, siti):
    first, _ = world.waves.join(siti, OPENS)
    world.people.add(registrant(siti, region=32))
    again, new = world.waves.join(siti, OPENS + timedelta(hours=1))
    assert (again, new) == (first, False)


def test_a_click_costs_one_read_and_one_write(world, siti, calls):
    """The one read, of the registration, is `People` here; that it is one is registration's own test."""
    world.people.add(registrant("budi"))
    world.waves.join("budi", OPENS)
    for name in ("siti", "siti"):
        calls.reset()
        world.waves.join(name, OPENS + MS)
        assert calls.made == [("dynamodb", "UpdateItem")]


@pytest.mark.parametrize(
    ("now", "error"),
    [
        (OPENS - MS, NotOpenYet),
        (OPENS, None),
        (CLOSES - MS, None),
        (CLOSES, WaveClosed),
        (CLOSES + MS, WaveClosed),
    ],
)
def test_the_clock_decides_to_the_millisecond_whatever_is_recorded(world, siti, now, error):
    assert world.store.wave(WAVE) is None, "no trigger came"
    if error is None:
        assert world.waves.join(siti, now)[1]
    else:
        with pytest.raises(error):
            world.waves.join(siti, now)
        assert list(world.entries.candidates(WAVE)) == []


def test_a_record_that_says_open_does_not_let_anybody_in_after_the_close(world, siti):
    world.at(OPENS)
    assert world.store.wave(WAVE).state is rules.WaveState.OPEN
    with pytest.raises(WaveClosed) as caught:
        world.waves.join(siti, CLOSES)
    assert caught.value.facts == {
        "wave": WAVE,
        "closed_at": "2026-11-30T17:00:00Z",
        "next_opens_at": "2026-12-11T05:00:00Z",
    }


def test_a_person_who_joined_gets_the_receipt_after_the_close_too(world, siti):
    first, _ = world.waves.join(siti, CLOSES - MS)
    assert world.waves.join(siti, CLOSES + timedelta(hours=1)) == (first, False)


def test_before_the_system_has_run_a_wave_the_next_one_is_named(world, siti):
    with pytest.raises(NotOpenYet) as caught:
        world.waves.join(siti, T0)
    assert caught.value.facts == {"wave": WAVE, "opens_at": "2026-11-27T05:00:00Z"}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"standing": Standing.REVOKED}, Barred),
        ({"standing": Standing.BENEFICIARY, "beneficiary_wave": 144}, AlreadyBeneficiary),
        ({"employment": Employment.CIVIL_SERVANT}, ExcludedOccupation),
        ({"education": Education.NONE}, EducationNotAccepted),
        ({"birth_date": date(2008, 12, 1)}, UnderAge),
        ({"birth_date": date(1961, 11, 30)}, OverAge),
        ({"birth_date": date(2008, 11, 30)}, None),
        ({"birth_date": date(1961, 12, 1)}, None),
    ],
)
def test_eligibility_is_decided_for_the_monday_on_which_the_wave_closes(world, siti, changes, error):
    world.people.add(registrant("budi", **changes))
    if error is None:
        assert world.waves.join("budi", OPENS)[1]
    else:
        with pytest.raises(error):
            world.waves.join("budi", OPENS)


def test_nobody_joins_without_a_registration(world, siti):
    with pytest.raises(NotRegistered):
        world.waves.join("nobody", OPENS)


def test_entries_are_spread_over_64_partitions_by_person():
    shards = [shard_of(f"person-{n}") for n in range(10_000)]
    counts = {shard: shards.count(shard) for shard in set(shards)}
    assert set(counts) == {f"{n:02d}" for n in range(SHARDS)}
    assert max(counts.values()) < 2 * min(counts.values())


def test_every_entry_is_found_again_over_many_pages(world, siti, monkeypatch):
    original = dynamodb.query_body
    monkeypatch.setattr(dynamodb, "query_body", lambda table, asked: original(table, asked | {"Limit": 2}))
    names = [f"person-{n}" for n in range(150)]
    world.join(*names)
    assert sorted(one.registrant_id for one in world.entries.candidates(WAVE)) == sorted(names)
    assert max(len(page) for shard in range(SHARDS) for page in world.entries.pages(WAVE, shard)) == 2


# What is shown


def test_waves_are_shown_as_the_clock_says_until_more_is_recorded(world, siti):
    def states(now: datetime) -> tuple[str, str]:
        return world.waves.get(WAVE, now).state, world.waves.current(now).state

    assert states(T0) == ("SCHEDULED", "SCHEDULED")
    assert states(OPENS) == ("OPEN", "OPEN")
    assert states(CLOSES) == ("CLOSED", "CLOSED")
    assert world.waves.current(CLOSES).number == WAVE, "in selection until it is settled"


def test_the_list_has_past_waves_of_this_system_and_the_next_three(world, siti):
    world.at(OPENS)
    views = world.wired().waves.list(OPENS)
    assert [(view.number, view.state) for view in views] == [
        (145, "OPEN"),
        (146, "SCHEDULED"),
        (147, "SCHEDULED"),
        (148, "SCHEDULED"),
    ]
    assert views[0].quota == 333_333, "a third of the year's target: two more waves open in 2026"
    assert [view.entries for view in views] == [None] * 4
    later = world.wired().waves.list(CLOSES + timedelta(days=20))
    assert [view.number for view in later] == [145, 146, 147, 148, 149]


def test_none_is_coming_while_the_waves_of_half_a_year_are_skipped(world, siti):
    assert not world.wired().waves.listed(T0).none_coming
    for number in range(WAVE, WAVE + 13):
        world.waves.skip(number, T0)
    paused = world.wired().waves.listed(T0)
    assert (paused.waves, paused.none_coming) == ([], True)
    later = world.wired().waves.listed(T0 + timedelta(days=30))
    assert ([view.number for view in later.waves], later.none_coming) == ([WAVE + 13, WAVE + 14], False)


@pytest.mark.parametrize("number", [0, 53, 54, 144, 100_001])
def test_a_wave_from_before_this_system_is_unknown(world, siti, number):
    with pytest.raises(UnknownWave):
        world.waves.get(number, OPENS)


def test_a_person_sees_each_wave_they_joined_the_latest_first(world, siti):
    world.waves.join(siti, OPENS)
    in_two_weeks = OPENS + timedelta(days=14)
    world.waves.join(siti, in_two_weeks)
    entries = world.waves.entries_of(siti, in_two_weeks)
    assert [(entry.wave, entry.standing, entry.reason) for entry in entries] == [
        (146, "waiting_for_closing", None),
        (145, "in_selection", None),
    ]
    assert entries[1].receipt == world.waves.join(siti, CLOSES)[0]
    world.people.add(registrant("budi"))
    assert world.waves.entries_of("budi", in_two_weeks) == []


# The calendar


def test_a_wave_that_is_added_can_be_joined_everywhere(world, siti):
    now = T0
    other = world.wired().waves
    with pytest.raises(NotOpenYet):
        other.join(siti, now)
    opens_at = now + timedelta(seconds=10)
    number = world.waves.add(opens_at, opens_at + timedelta(minutes=1), 5, now)
    for waves in (world.waves, other):
        assert waves.join(siti, opens_at)[0].wave == number
        assert waves.get(number, opens_at).quota == 5


def test_changes_of_the_calendar_do_not_undo_each_other(world, siti, monkeypatch):
    original = world.store.changes
    other = world.wired().waves

    def overtaken():
        read = original()
        monkeypatch.setattr(world.store, "changes", original)
        other.resize(146, 7, 0, {}, T0)
        return read

    monkeypatch.setattr(world.store, "changes", overtaken)
    world.waves.skip(147, T0)
    later = world.wired().waves
    assert later.get(146, T0).quota == 7
    with pytest.raises(UnknownWave):
        later.get(147, T0)


def test_a_change_whose_answer_is_lost_is_made_once(world, siti, monkeypatch):
    """The client library writes again, and the second write meets the first."""
    save = ExceptionsItem.save

    def twice(item, **conditions):
        save(item, **conditions)
        save(item, **conditions)

    monkeypatch.setattr(ExceptionsItem, "save", twice)
    opens_at = T0 + timedelta(hours=1)
    assert world.waves.add(opens_at, opens_at + timedelta(hours=1), 5, T0) == 100_001
    assert [one.number for one in world.store.changes()[1].waves] == [100_001]


def test_a_change_too_late_for_some_function_to_read_is_refused(world, siti):
    latest = OPENS - timedelta(seconds=2 * world.programme.calendar.exceptions_cached_s + 5)
    world.waves.resize(WAVE, 5, 0, {}, latest)
    for change in (
        lambda now: world.waves.resize(WAVE, 6, 0, {}, now),
        lambda now: world.waves.skip(WAVE, now),
        lambda now: world.waves.move(WAVE, OPENS + timedelta(days=1), CLOSES, now),
    ):
        with pytest.raises(DomainError, match="calendar_change_too_late"):
            change(latest + MS)
    assert world.wired().waves.get(WAVE, OPENS).quota == 5
