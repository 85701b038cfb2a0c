"""Simultaneous clicks and triggers: one entry a person, each transition once, the same files."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from functools import partial
from pathlib import Path

import msgspec
import pytest
from msgspec.structs import replace

from chalicelib.config import Programme, Settings
from chalicelib.draw import note as notes
from chalicelib.ids import system_randomness
from chalicelib.waves.calendar import Calendar
from chalicelib.waves.errors import WavesOverlap
from chalicelib.waves.freeze import RemovedEntries
from chalicelib.waves.rules import NEXT, REMOVALS, WaveState, chain_of, shard_of
from chalicelib.waves.step import Transition
from tests.builders.people import registrant
from tests.builders.waves import CLOSES, FREEZES, OPENS, PEOPLE, ROUND, WAVE, WavesWorld, joined, outcome, with_target
from tests.conftest import T0

from .conftest import waves_world
from .together import ALWAYS, ROUNDS, refusals, the_new_one, together

pytestmark = pytest.mark.dynamodb

CLICKS = 20


@pytest.fixture
def opened(world: WavesWorld) -> WavesWorld:
    """The wave is open, and every ticket is another one."""
    world.step()
    world.randomness = system_randomness
    return world


@pytest.mark.parametrize("devices", [2, CLICKS])
def test_one_person_on_many_devices_gets_one_ticket_and_one_device_is_told_it_is_new(
    opened: WavesWorld, devices: int
) -> None:
    for number in range(ROUNDS):
        opened.people.add(registrant(f"person-{number}"))
        functions = [opened.wired().waves for _ in range(devices)]
        answers = together(partial(waves.join, f"person-{number}", OPENS) for waves in functions)
        assert the_new_one(answers).ticket == opened.entries.find(WAVE, f"person-{number}").ticket.hex()
    assert len(list(opened.entries.candidates(WAVE))) == ROUNDS


def test_many_people_on_two_devices_each_get_a_ticket_of_their_own(opened: WavesWorld) -> None:
    names = [f"person-{n}" for n in range(CLICKS)]
    opened.people.add(*map(registrant, names))
    answers = together(partial(opened.wired().waves.join, name, OPENS) for name in names * 2)
    assert [receipt for receipt, _ in answers[:CLICKS]] == [receipt for receipt, _ in answers[CLICKS:]]
    assert sorted(new for _, new in answers) == [False] * CLICKS + [True] * CLICKS
    assert len({receipt.ticket for receipt, _ in answers}) == CLICKS
    assert sorted(one.registrant_id for one in opened.entries.candidates(WAVE)) == sorted(names)


TWO_WEEKS = timedelta(days=14)
SECOND = timedelta(seconds=1)


def prepare(world: WavesWorld) -> None:
    """Six people, four seats. Four are one family, one is excluded by the freeze and one by the draw."""
    world.forget()
    world.clock.now = T0
    joined(world)
    world.family(*PEOPLE[:4])
    world.people.excluded.add(PEOPLE[4])


def trigger(world: WavesWorld, now: datetime, triggers: int, meet: int) -> list[Transition]:
    """So many triggers at once, each in a function of its own; what they recorded together."""
    world.clock.now = now
    calls = [partial(world.wired().stepper.advance, now, 60, world.clock.seconds) for _ in range(triggers)]
    return [transition for done in together(calls, meet) for transition in done]


def play(world: WavesWorld, triggers: int, meet: int = 1) -> list[Transition]:
    prepare(world)
    done = trigger(world, T0, triggers, meet)
    for now in (OPENS + SECOND, CLOSES, FREEZES):
        done += trigger(world, now, triggers, meet)
    world.people.excluded.add(PEOPLE[5])
    return done + trigger(world, ROUND, triggers, meet)


@pytest.mark.parametrize("triggers", [2, 5])
def test_simultaneous_triggers_have_the_same_result_as_one(world: WavesWorld, tmp_path: Path, triggers: int) -> None:
    play(world, 1)
    expected = outcome(world)
    assert expected["record"].state is expected["record"].announced is WaveState.SETTLED
    assert {"excluded", "family_card", "ineligible"} <= set(expected["outcomes"].values())
    assert expected["year"] == expected["record"].chosen == len(expected["beneficiaries"])
    assert world.failed_checks(WAVE, tmp_path) == []
    world.heard()
    for meet in (1, 2, ALWAYS):
        done = play(world, triggers, meet)
        assert outcome(world) == expected
        assert sorted(one.state for one in done) == sorted(NEXT.values()), "each transition is recorded once"
        told = [event["event"] for event in world.heard()]
        assert list(dict.fromkeys(told)) == [f"wave_{state.lower()}" for state in NEXT.values()]


def test_after_a_shard_is_marked_no_screening_removes_anybody(
    world: WavesWorld,
) -> None:
    removals = RemovedEntries(world.services.transaction)
    for number in range(ROUNDS):
        prepare(world)
        world.at(OPENS + SECOND, CLOSES)
        own = [name for name in PEOPLE if shard_of(name) == shard_of(PEOPLE[0])]
        shard = int(shard_of(PEOPLE[0]))
        seen: list[dict[str, str | None]] = []

        def look(shard: int = shard) -> dict[str, str | None]:
            return {who: outcome for page in world.entries.pages(WAVE, shard) for who, _, _, outcome in page}

        def finish(shard: int = shard, seen: list[dict[str, str | None]] = seen) -> None:
            removals.set_screened(WAVE, shard)
            seen.append(look(shard))

        late = [partial(removals.remove, WAVE, shard, {name: reason}) for name in own for reason in REMOVALS]
        together([*late[:number], finish, *late[number:]])
        assert seen == [look()]
        assert not any(remove() for remove in late)


def take(world: WavesWorld, messages: list[str]) -> None:
    """Take messages in as the queue has it: those that failed come again."""
    while messages:
        messages = world.take_awards(*messages)


def test_batches_taken_by_many_consumers_have_the_result_of_the_walk(
    world: WavesWorld, cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    play(world, 1)
    expected = outcome(world)
    awards = msgspec.structs.replace(programme.draw.awards, batch=2, ahead_from=1)
    draw = msgspec.structs.replace(programme.draw, awards=awards)
    queueing = waves_world(cloud, msgspec.structs.replace(programme, draw=draw), monkeypatch)
    for meet in (1, 2, ALWAYS):
        play(queueing, 5, meet)
        assert queueing.store.wave(WAVE).state is WaveState.DRAWN
        messages = 5 * queueing.queued_awards()
        assert messages, "those that drew queued them"
        together([partial(take, queueing, messages[n:] + messages[:n]) for n in range(5)], meet)
        trigger(queueing, ROUND + SECOND, 5, meet)
        assert queueing.queued_awards() == []
        reached = outcome(queueing)
        record = replace(reached["record"], award_batches=0, award_sends=0, awards_sent_at=None)
        assert reached | {"record": record} == expected
    assert queueing.failed_checks(WAVE, tmp_path) == []


def test_opening_takes_the_quota_from_the_year_once(world: WavesWorld) -> None:
    for meet in (1, 2, ALWAYS):
        prepare(world)
        for now in (OPENS + SECOND, CLOSES, FREEZES):
            trigger(world, now, 5, meet)
            assert world.store.allotted(2026) == world.store.wave(WAVE).quota == 4


def test_many_freezes_with_different_clocks_publish_one_note(world: WavesWorld, tmp_path: Path) -> None:
    """Those that are late would commit to a later round each."""
    for meet in (1, ALWAYS):
        prepare(world)
        world.at(OPENS + SECOND, CLOSES)
        world.clock.now = FREEZES
        late = [FREEZES + timedelta(seconds=n) for n in (0, 6, 7, 8, 9)]
        together([partial(world.wired().stepper.advance, now, 60, world.clock.seconds) for now in late], meet)
        record = world.store.wave(WAVE)
        assert record.state is WaveState.FROZEN
        assert record.note.encode() == world.files(WAVE)["note.txt"]
        committed = notes.parse(record.note.encode())
        due = notes.round_time(chain_of(world.programme.draw, committed.chain), committed.round)
        trigger(world, due, 5, meet)
        assert world.store.wave(WAVE).state is WaveState.SETTLED
        assert world.store.wave(WAVE).note == record.note
        assert world.failed_checks(WAVE, tmp_path / str(meet)) == []


@pytest.fixture
def scarce(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> WavesWorld:
    """A year with six seats left, of which each of its last three waves would take four."""
    world = waves_world(cloud, with_target(programme, 6), monkeypatch)
    for number in range(WAVE, WAVE + 3):
        world.waves.resize(number, 4, 0, {}, T0)
    world.step()
    return world


def quotas(world: WavesWorld) -> list[int]:
    return [wave.quota for wave in world.store.waves()]


def test_late_simultaneous_triggers_take_the_years_seats_in_order(scarce: WavesWorld) -> None:
    trigger(scarce, OPENS + 2 * TWO_WEEKS, 5, ALWAYS)
    assert [wave.state for wave in scarce.store.waves()] == [WaveState.FROZEN] * 2 + [WaveState.OPEN]
    assert quotas(scarce) == [4, 2, 0]
    assert scarce.store.allotted(2026) == 6


def test_waves_that_open_at_once_never_exceed_the_years_target_together(scarce: WavesWorld) -> None:
    calendar = Calendar(scarce.programme.calendar, scarce.store.changes()[1])
    plans = [calendar.wave(number) for number in range(WAVE, WAVE + 3)]
    calls: list[Callable[[], bool]] = [partial(scarce.wired().stepper._open, plan, calendar) for plan in plans * 2]
    opened = together(calls)
    assert sorted(opened) == [False] * 3 + [True] * 3
    assert sorted(quotas(scarce)) == [0, 2, 4]
    assert scarce.store.allotted(2026) == 6


def test_seats_that_a_wave_gives_back_while_another_opens_are_counted_once(scarce: WavesWorld) -> None:
    """Nobody joined the first wave; as it gives its four seats back, the second one takes some."""
    scarce.beacons.silent = True
    for now in (OPENS, CLOSES, FREEZES):
        scarce.at(now)
    scarce.beacons.silent = False
    scarce.clock.now = OPENS + TWO_WEEKS
    first = scarce.store.wave(WAVE)
    scarce.store.put_draw(WAVE, scarce.stepper._drawing.run(first))
    assert scarce.store.step(first, WaveState.DRAWN)
    drawn = scarce.store.wave(WAVE)
    calendar = Calendar(scarce.programme.calendar, scarce.store.changes()[1])
    settle = partial(scarce.store.settle, drawn, 2026, 0, scarce.clock.now)
    plans = [calendar.wave(WAVE + n) for n in (1, 2)]
    answers = together([settle] * 3 + [partial(scarce.wired().stepper._open, plan, calendar) for plan in plans])
    assert sorted(answers[:3]) == [False, False, True]
    assert answers[3:] == [True] * 2
    assert scarce.store.allotted(2026) == sum(quotas(scarce)[1:]) <= 6


def test_only_one_of_many_waves_is_added_for_the_same_days(world: WavesWorld) -> None:
    opens, closes = CLOSES + timedelta(days=1), CLOSES + timedelta(days=2)
    answers = together(partial(world.wired().waves.add, opens, closes, n, T0) for n in range(1, 6))
    assert refusals(answers) == [WavesOverlap] * 4
    [added] = world.store.changes()[1].waves
    assert added.number in answers


def test_no_change_of_the_calendar_is_lost_among_many_at_once(world: WavesWorld) -> None:
    together(partial(world.wired().waves.resize, WAVE + n, 10 + n, 0, {}, T0) for n in range(5))
    version, changes = world.store.changes()
    assert version == 5
    assert [(one.number, one.quota) for one in changes.waves] == [(WAVE + n, 10 + n) for n in range(5)]
