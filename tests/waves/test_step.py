"""The step with any trigger, and the year's seats that a wave takes and returns."""

from __future__ import annotations

from datetime import timedelta

import pytest
from botocore.exceptions import ClientError

from chalicelib.draw import note as notes
from chalicelib.waves.errors import NotOpenYet
from chalicelib.waves.rules import WaveState
from chalicelib.waves.step import Transition
from tests.builders.waves import CLOSES, FREEZES, OPENS, PEOPLE, ROUND, WAVE, joined, with_target
from tests.conftest import T0

SECOND = timedelta(seconds=1)


def test_a_wave_passes_through_all_states(world, tmp_path):
    joined(world)
    assert world.at(OPENS + SECOND) == [Transition(WAVE, WaveState.OPEN)]
    assert world.at(CLOSES) == [Transition(WAVE, WaveState.CLOSED)]
    assert world.at(FREEZES - SECOND) == []
    assert world.at(FREEZES) == [Transition(WAVE, WaveState.FROZEN)]
    assert world.wired().waves.get(WAVE, FREEZES).entries == 6
    assert world.at(ROUND - SECOND) == []
    assert world.at(ROUND) == [Transition(WAVE, WaveState.DRAWN), Transition(WAVE, WaveState.SETTLED)]
    assert world.step() == []
    assert world.failed_checks(WAVE, tmp_path) == []
    view = world.wired().waves.get(WAVE, ROUND)
    assert (view.state, view.quota, view.entries, view.chosen) == ("SETTLED", 4, 6, 4)
    standings = {name: world.wired().waves.entries_of(name, ROUND)[0] for name in PEOPLE}
    assert sorted(entry.standing for entry in standings.values()) == ["chosen"] * 4 + ["not_chosen"] * 2
    for name, entry in standings.items():
        assert (world.waves.beneficiaries.of(name) is not None) == (entry.standing == "chosen")
        assert (entry.reason == "not_drawn") == (entry.standing == "not_chosen")
        assert (entry.drawn is not None) == (entry.standing == "not_chosen")
    assert standings[PEOPLE[5]].standing == "chosen", "the only one of a region with a reserved seat"


def test_a_person_not_drawn_sees_their_values_and_the_cut_offs(world):
    joined(world)
    world.at(FREEZES, ROUND)
    missed = [entry for name in PEOPLE for entry in world.wired().waves.entries_of(name, ROUND) if entry.drawn]
    result = world.result(WAVE, "result.json")
    for entry in missed:
        assert entry.drawn.open > entry.drawn.open_cutoff == result["open"]["cutoff"]
        assert entry.drawn.rank > entry.drawn.rank_cutoff == result["reserved"][0]["cutoff"]


def test_one_trigger_long_after_everything_was_due_still_makes_a_draw_that_verifies(world, tmp_path):
    """Only what the later freeze names differs: its instant and its round, and so whom the draw chooses."""
    joined(world)
    world.at(OPENS, CLOSES, FREEZES)
    on_time = world.files(WAVE)
    world.forget()
    world.clock.now = T0
    joined(world)
    late = CLOSES + timedelta(hours=7, milliseconds=1)
    assert [done.state for done in world.at(late)] == [WaveState.OPEN, WaveState.CLOSED, WaveState.FROZEN]
    files = world.files(WAVE)
    differing = {
        one.split()[0]
        for one, other in zip(files["note.txt"].splitlines(), on_time["note.txt"].splitlines(), strict=True)
        if one != other
    }
    assert differing == {b"frozen", b"beacon"}
    assert {name: body for name, body in files.items() if name != "note.txt"} == {
        name: body for name, body in on_time.items() if name != "note.txt"
    }
    note = notes.parse(files["note.txt"])
    assert note.frozen == late.replace(microsecond=0) + SECOND, "the present, in whole seconds"
    world.at(note.frozen + timedelta(seconds=10))
    assert world.store.wave(WAVE).state is WaveState.SETTLED
    assert world.failed_checks(WAVE, tmp_path) == []


def test_a_freeze_that_is_a_little_late_still_names_the_nominal_round(world):
    joined(world)
    world.at(FREEZES + 3 * SECOND)
    assert notes.parse(world.files(WAVE)["note.txt"]).frozen == FREEZES
    world.at(ROUND)
    assert world.store.wave(WAVE).state is WaveState.SETTLED


# Publishing in time


def test_a_note_published_after_its_round_is_replaced_by_one_with_a_later_round(world, tmp_path, monkeypatch):
    joined(world)
    real = world.publication._put

    def slow(wave, name, body, **conditions):
        if name == "note.txt":
            world.clock.now += timedelta(seconds=20)
        real(wave, name, body, **conditions)

    monkeypatch.setattr(world.publication, "_put", slow)
    world.at(FREEZES)
    assert world.store.wave(WAVE).state is WaveState.CLOSED
    before = world.files(WAVE)
    too_late = before.pop("note.txt")
    assert notes.parse(too_late).frozen == FREEZES
    assert "wave_frozen" not in [event["event"] for event in world.heard()]
    monkeypatch.undo()
    monkeypatch.setattr("moto.s3.models.utcnow", world.clock.utcnow)
    now = world.clock.now
    world.people.excluded.add(PEOPLE[0])  # too late to be removed: the lists are out
    world.step()
    after = world.files(WAVE)
    assert notes.parse(after.pop("note.txt")).frozen == now
    assert after == before
    world.at(now + timedelta(seconds=10))
    assert world.store.wave(WAVE).state is WaveState.SETTLED
    assert world.failed_checks(WAVE, tmp_path) == []


def test_lists_that_the_note_does_not_commit_to_are_never_drawn_from(world):
    joined(world)
    world.at(FREEZES)
    leaves = world.files(WAVE)["leaves/31.bin"]
    world.publication.put(WAVE, {"leaves/31.bin": leaves[:-32]})
    assert world.at(ROUND) == []
    assert world.store.wave(WAVE).state is WaveState.FROZEN
    world.publication.put(WAVE, {"leaves/31.bin": leaves})
    assert [done.state for done in world.step()] == [WaveState.DRAWN, WaveState.SETTLED]


# More than one wave


def test_a_silent_beacon_delays_its_own_wave_only(world):
    joined(world)
    world.at(OPENS, CLOSES, FREEZES)
    world.beacons.silent = True
    in_two_weeks = timedelta(days=14)
    assert world.at(OPENS + in_two_weeks) == [Transition(146, WaveState.OPEN)]
    assert world.wired().waves.entries_of(PEOPLE[0], world.clock.now)[0].standing == "in_selection"
    world.beacons.silent = False
    assert [(done.wave, done.state) for done in world.step()] == [(WAVE, WaveState.DRAWN), (WAVE, WaveState.SETTLED)]


def test_an_unforeseen_error_in_one_wave_is_raised_after_the_others_continued(world, monkeypatch):
    world.step()
    world.at(OPENS)

    def broken(wave, scheme, budget):
        raise ZeroDivisionError

    monkeypatch.setattr(world.stepper._freeze, "run", broken)
    with pytest.raises(ExceptionGroup) as caught:
        world.at(OPENS + timedelta(days=14))
    assert [type(one) for one in caught.value.exceptions] == [ZeroDivisionError]
    assert world.store.wave(146).state is WaveState.OPEN


def test_a_busy_table_delays_a_wave_until_the_next_step_without_an_alarm(world, monkeypatch):
    world.step()
    world.at(OPENS)

    def busy(wave, scheme, budget):
        raise ClientError({"Error": {"Code": "TransactionConflictException", "Message": ""}}, "UpdateItem")

    with monkeypatch.context() as patched:
        patched.setattr(world.stepper._freeze, "run", busy)
        assert world.at(FREEZES) == [Transition(WAVE, WaveState.CLOSED)]
    assert world.step() == [Transition(WAVE, WaveState.FROZEN)]


def test_a_wave_that_nobody_joined_is_drawn_like_any_other(world, tmp_path):
    world.step()
    world.waves.resize(WAVE, 3, 1, {31: 1}, T0)
    world.at(OPENS, CLOSES, FREEZES, ROUND)
    assert world.store.wave(WAVE).chosen == 0
    assert world.store.allotted(2026) == 0
    assert world.failed_checks(WAVE, tmp_path) == []


def test_a_wave_closed_before_this_system_began_is_not_run(world):
    world.clock.now = CLOSES
    assert world.step() == []
    assert world.store.waves() == []
    with pytest.raises(NotOpenYet):
        world.waves.join("anybody", CLOSES)


def test_a_wave_open_when_the_system_began_is_run(world):
    assert world.at(CLOSES - SECOND) == [Transition(WAVE, WaveState.OPEN)]


def test_quotas_never_exceed_the_years_target(world):
    world.restart(programme=with_target(world.programme, 100))
    world.step()
    world.waves.resize(146, 90, 0, {}, T0)
    world.beacons.silent = True  # or seats that nobody took would come back
    for n in range(4):
        world.at(OPENS + n * timedelta(days=14))
    quotas = {wave.number: wave.quota for wave in world.store.waves()}
    # 145, 146 and 147 open in 2026. A third for 145; all that is left for 146, which was to have 90; none for 147.
    assert quotas == {145: 33, 146: 67, 147: 0, 148: 100 // 26}
    assert world.store.allotted(2026) == 100
    assert world.store.allotted(2027) == 100 // 26


def test_unfilled_seats_return_to_the_year(world):
    world.restart(programme=with_target(world.programme, 90))
    world.step()
    world.clock.now = OPENS
    world.join(*PEOPLE[:2])
    world.at(OPENS, CLOSES, FREEZES)
    assert world.store.allotted(2026) == 30
    world.at(ROUND)
    assert world.store.allotted(2026) == 2
    world.at(OPENS + timedelta(days=14))
    assert world.store.wave(146).quota == (90 - 2) // 2


def test_cutting_a_quota_cuts_reserved_seats_too(world):
    world.restart(programme=with_target(world.programme, 3))
    world.waves.resize(WAVE, 10, 5, {31: 1}, T0)
    world.at(OPENS)
    record = world.store.wave(WAVE)
    assert (record.quota, record.reserved) == (3, 3)


def test_seats_taken_by_another_wave_at_the_same_moment_are_counted(world, monkeypatch):
    world.restart(programme=with_target(world.programme, 90))
    original = world.store.allotted

    def overtaken(year):
        before = original(year)
        monkeypatch.undo()
        from chalicelib.waves.store import YearItem

        YearItem("YEAR#2026", "SEATS", allotted=60).save()
        return before

    monkeypatch.setattr(world.store, "allotted", overtaken)
    world.at(OPENS)
    assert world.store.wave(WAVE).quota == 10
    assert world.store.allotted(2026) == 70
