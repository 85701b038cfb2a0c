"""Before the freeze, entries of people who may no longer take part are removed and counted by reason."""

from __future__ import annotations

import json
from collections import Counter
from collections.abc import Callable
from datetime import date, datetime, timedelta

import pytest
from msgspec.structs import replace

from chalicelib.config import Programme
from chalicelib.draw.leaves import leaves_of
from chalicelib.registration.rules import Education, Employment, Standing, Verification
from chalicelib.time_budget import TimeBudget
from chalicelib.waves import entries, freeze, rules
from chalicelib.waves.freeze import ONE_BATCH_S, OUTCOMES, REMOVED_AT_ONCE, RemovedEntries
from chalicelib.waves.rules import REMOVALS, SHARDS, EntryOutcome, WaveState, shard_of
from chalicelib.waves.step import Transition
from tests.builders.crashes import SOME_OR_ALL, Calls, Crash, die
from tests.builders.people import registrant, schooled
from tests.builders.places import TWO_WEEKS, entered, in_two_waves, leaf_of, play, standings
from tests.builders.waves import CLOSES, FREEZES, OPENS, ROUND, WAVE, WavesWorld, outcome
from tests.conftest import T0

WEEK = timedelta(days=7)
FROZEN = FREEZES

CHANGES: dict[EntryOutcome, Callable[[WavesWorld, str], object]] = {
    EntryOutcome.EXCLUDED: lambda world, who: world.people.excluded.add(who),
    EntryOutcome.EXCLUDED_OCCUPATION: lambda world, who: changed(world, who, employment=Employment.POLICE),
    EntryOutcome.IN_FORMAL_EDUCATION: lambda world, who: changed(world, who, employment=Employment.STUDENT),
    EntryOutcome.EDUCATION_NOT_ACCEPTED: lambda world, who: changed(world, who, education=Education.NONE),
    EntryOutcome.UNDER_AGE: lambda world, who: changed(world, who, birth_date=date(2008, 12, 1)),
    EntryOutcome.OVER_AGE: lambda world, who: changed(world, who, birth_date=date(1961, 11, 30)),
    EntryOutcome.WITHDRAWN: lambda world, who: world.people.by_id.pop(who),
    EntryOutcome.ALREADY_BENEFICIARY: lambda world, who: changed(world, who, standing=Standing.BENEFICIARY),
    EntryOutcome.BARRED: lambda world, who: changed(world, who, standing=Standing.REVOKED),
    EntryOutcome.NOT_CONFIRMED: lambda world, who: said(world, who, Verification.MISMATCH, FROZEN - WEEK),
}


@pytest.fixture
def programme(programme: Programme) -> Programme:
    """It demands an education."""
    return schooled(programme)


def changed(world: WavesWorld, who: str, **changes: object) -> None:
    world.people.add(replace(world.people.by_id[who], **changes))


def said(world: WavesWorld, who: str, state: Verification, told_at: datetime) -> None:
    """Let the civil registry have said this of a person, and the person be told then."""
    changed(world, who, verification=state, verified_at=told_at)


@pytest.fixture
def world(world: WavesWorld) -> WavesWorld:
    """Its stage has a civil registry."""
    world.restart(settings=replace(world.settings, registry_url="http://registry.invalid"))
    return world


def closed(world: WavesWorld, *names: str, quota: int = 2) -> None:
    """A wave that these people joined, up to its close."""
    entered(world, quota, *names)
    world.at(OPENS, CLOSES)


def test_every_reason_removes_exactly_its_entries(world, tmp_path):
    assert set(CHANGES) == REMOVALS == set(OUTCOMES.values())
    closed(world, *CHANGES, "a", "b", "c")
    for reason, change in CHANGES.items():
        change(world, reason)
    assert world.at(FREEZES) == [Transition(WAVE, WaveState.FROZEN)]
    assert world.result(WAVE, "removals.json") == {
        "removed": [{"reason": reason, "entries": 1} for reason in sorted(CHANGES)]
    }
    assert {leaf.hex() for leaf in leaves_of(world.files(WAVE)["leaves/31.bin"])} == {
        leaf_of(world, name) for name in "abc"
    }
    assert world.wired().waves.get(WAVE, world.clock.now).entries == 3
    # Each is told at once, in the selection that goes on for the others, and in the results.
    told = standings(world)
    assert {reason: told[reason] for reason in CHANGES if reason in told} == {
        reason: reason for reason in CHANGES if reason is not EntryOutcome.WITHDRAWN
    }
    assert {told[name] for name in "abc"} == {"in_selection"}
    world.at(ROUND)
    assert world.store.wave(WAVE).chosen == 2
    results = {
        one.registrant_id: one.reason
        for shard in range(SHARDS)
        for one in world.waves.results(WAVE, f"{shard:02d}", "", 100)
    }
    assert {reason: results[reason] for reason in CHANGES} == {reason: reason for reason in CHANGES}
    assert sorted(results[name] or "chosen" for name in "abc") == ["chosen", "chosen", "not_drawn"]
    assert world.failed_checks(WAVE, tmp_path) == []


def test_whose_data_differ_is_removed_only_if_they_were_told_a_week_before_the_freeze(world):
    """Whom the registry has not answered about is never removed, and one reason does not tell a NIK's existence."""
    late = {"late": Verification.MISMATCH, "later": Verification.UNKNOWN_NIK}
    early = {"early": Verification.MISMATCH, "unknown": Verification.UNKNOWN_NIK}
    closed(world, *late, *early, "pending", "verified")
    for who, state in late.items():
        said(world, who, state, FROZEN - WEEK + timedelta(microseconds=1))
    for who, state in early.items():
        said(world, who, state, FROZEN - WEEK)
    said(world, "verified", Verification.VERIFIED, OPENS - 2 * WEEK)
    world.at(FREEZES)
    assert world.result(WAVE, "removals.json") == {"removed": [{"reason": "not_confirmed", "entries": 2}]}
    assert {who for who, told in standings(world).items() if told == "not_confirmed"} == set(early)


def test_without_a_registry_nobody_is_removed_for_what_one_said(world):
    world.restart(settings=replace(world.settings, registry_url="none"))
    closed(world, "early", "b")
    said(world, "early", Verification.MISMATCH, OPENS - 2 * WEEK)
    world.at(FREEZES)
    assert world.result(WAVE, "removals.json") == {"removed": []}


def test_everybody_may_be_removed(world, tmp_path):
    closed(world, "a", "b")
    world.people.excluded |= {"a", "b"}
    play(world)
    assert world.result(WAVE, "regions.json") == []
    assert world.result(WAVE, "removals.json") == {"removed": [{"reason": "excluded", "entries": 2}]}
    assert world.store.wave(WAVE).chosen == 0
    assert world.failed_checks(WAVE, tmp_path) == []


def test_a_person_chosen_in_another_wave_meanwhile_is_removed(world):
    """They joined the second wave while the first waited for its beacon."""
    in_two_waves(world)
    world.beacons.silent = False
    play(world, wave_later=1)
    assert world.result(WAVE + 1, "removals.json") == {"removed": [{"reason": "already_beneficiary", "entries": 1}]}
    assert [one.reason for one in world.wired().waves.entries_of("a", world.clock.now)] == ["already_beneficiary", None]


def crowd(world: WavesWorld, size: int) -> list[str]:
    """So many people of one shard. Every third of them is excluded once the wave is closed."""
    names = [name for name in (f"person-{n}" for n in range(size * SHARDS * 2)) if shard_of(name) == "07"][:size]
    assert len(names) == size
    closed(world, *names)
    world.people.excluded |= set(names[::3])
    return names


def test_a_hundred_people_are_two_batches(world, monkeypatch):
    names = crowd(world, 2 * REMOVED_AT_ONCE)
    asked: list[list[str]] = []
    unfit = world.people.unfit

    def watched(some, day, scheme, _told_by):
        asked.append(list(some))
        assert day == date(2026, 11, 30), "the day that the wave closed"
        return unfit(some, day, scheme, None)

    monkeypatch.setattr(world.people, "unfit", watched)
    world.at(FREEZES)
    assert [len(some) for some in asked] == [REMOVED_AT_ONCE, REMOVED_AT_ONCE]
    assert sorted(name for some in asked for name in some) == sorted(names)
    assert world.result(WAVE, "removals.json") == {"removed": [{"reason": "excluded", "entries": len(names[::3])}]}


def test_a_step_without_time_ends_quietly_and_the_next_continues(world, monkeypatch):
    crowd(world, 2 * REMOVED_AT_ONCE)
    asked, unfit = Counter[str](), world.people.unfit

    def slow(some, day, scheme, _told_by):
        asked.update(some)
        world.clock.now += timedelta(seconds=30)
        return unfit(some, day, scheme, None)

    monkeypatch.setattr(world.people, "unfit", slow)
    world.clock.now = FREEZES
    assert world.step(deadline_s=30 + ONE_BATCH_S - 1) == []
    assert (len(asked), "note.txt" in world.files(WAVE)) == (REMOVED_AT_ONCE, False)
    world.clock.now = FREEZES
    assert world.step(deadline_s=200) == [Transition(WAVE, WaveState.FROZEN)]
    again = [name for name, times in asked.items() if times > 1]
    assert again, "who was still in of a shard that was not done"
    assert world.people.excluded.isdisjoint(again)


def test_a_screened_shard_is_not_screened_again(world, monkeypatch):
    closed(world, *(f"person-{n}" for n in range(40)))
    removals = RemovedEntries(world.services.transaction)
    done = {shard for shard in range(SHARDS) if shard % 2}
    for shard in done:
        removals.set_screened(WAVE, shard)
    assert removals.screened(WAVE) == done
    asked: list[str] = []
    monkeypatch.setattr(world.people, "unfit", lambda some, *_: asked.extend(some) or {})
    world.at(FREEZES)
    assert sorted(asked) == sorted(n for n in world.people.by_id if int(shard_of(n)) not in done)
    assert removals.screened(WAVE) == set(range(SHARDS))


def test_a_slow_step_removes_nobody_from_a_shard_that_another_has_finished(world, monkeypatch):
    """The other has made the lists by then, perhaps; what this one learned since comes too late."""
    closed(world, "a", "b")
    unfit = world.people.unfit
    slow = world.wired().stepper

    def overtaken(some, day, scheme, _told_by):
        monkeypatch.setattr(world.people, "unfit", unfit)
        assert [one.state for one in world.wired().stepper.advance(FREEZES, 60, world.clock.seconds)] == [
            WaveState.FROZEN
        ]
        world.people.excluded |= {"a", "b"}
        return unfit(some, day, scheme, None)

    world.clock.now = FREEZES
    monkeypatch.setattr(world.people, "unfit", overtaken)
    before = world.files(WAVE)
    assert before == {}
    assert slow.advance(FREEZES, 60, world.clock.seconds) == []
    assert {one.outcome for one in world.entries.candidates(WAVE)} == {None}
    assert world.result(WAVE, "removals.json") == {"removed": []}


def test_an_entry_that_another_step_removed_meanwhile_keeps_its_reason(world):
    names = crowd(world, 5)
    removals = RemovedEntries(world.services.transaction)
    assert removals.remove(WAVE, 7, {names[0]: EntryOutcome.EXCLUDED})
    assert removals.remove(WAVE, 7, {names[0]: EntryOutcome.WITHDRAWN, names[1]: EntryOutcome.OVER_AGE})
    assert removals.remove(WAVE, 7, {names[0]: EntryOutcome.WITHDRAWN})
    assert [world.entries.outcome(WAVE, name) for name in names[:2]] == [EntryOutcome.EXCLUDED, EntryOutcome.OVER_AGE]
    removals.set_screened(WAVE, 7)
    assert not removals.remove(WAVE, 7, {names[2]: EntryOutcome.EXCLUDED})
    assert world.entries.find(WAVE, names[2]).outcome is None


def test_a_transaction_removes_as_many_entries_as_it_may_have_legs(world):
    names = crowd(world, REMOVED_AT_ONCE)
    assert RemovedEntries(world.services.transaction).remove(WAVE, 7, dict.fromkeys(names, EntryOutcome.EXCLUDED))
    assert {one.outcome for one in world.entries.candidates(WAVE)} == {EntryOutcome.EXCLUDED}


@SOME_OR_ALL
def test_a_freeze_that_dies_at_any_call_gives_the_same_bytes(world, monkeypatch, picked):
    """Also where a hundred people are several batches, and one is removed in each of them."""
    for module in (rules, entries):
        monkeypatch.setattr(module, "SHARDS", 2)
    monkeypatch.setattr(freeze, "REMOVED_AT_ONCE", 2)
    calls = Calls(monkeypatch)

    def prepare() -> None:
        world.forget()
        world.clock.now = T0
        closed(world, *"abcdefgh")
        world.people.add(registrant("late", employment=Employment.POLICE))
        world.people.excluded |= set("adg")
        world.clock.now = FREEZES
        calls.reset()

    prepare()
    world.step()
    operations = [operation for _, operation in calls.made]
    expected = outcome(world)
    assert expected["record"].state is WaveState.FROZEN
    assert operations.count("TransactWriteItems") >= 3
    assert json.loads(expected["files"]["removals.json"]) == {"removed": [{"reason": "excluded", "entries": 3}]}
    for number in picked(range(len(operations))):
        prepare()
        died: list[int] = []
        calls.before[number] = lambda number=number, died=died: (died.append(number), die())
        with pytest.raises(Crash):
            world.step()
        calls.reset()
        world.at(FREEZES + timedelta(seconds=1))
        assert died
        assert outcome(world) == expected, f"died at call {number}"


def test_other_waves_continue_while_one_runs_out_of_time(world, monkeypatch):
    closed(world, "a")

    def short(wave: object, scheme: str, budget: TimeBudget) -> None:
        budget.need(10_000)

    monkeypatch.setattr(world.stepper._freeze, "run", short)
    assert world.at(OPENS + TWO_WEEKS) == [Transition(WAVE + 1, WaveState.OPEN)]
    assert world.store.wave(WAVE).state is WaveState.CLOSED
