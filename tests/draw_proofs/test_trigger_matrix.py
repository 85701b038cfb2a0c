"""Every failure of a trigger at every transition of a wave: the published files always have the same final hash.

The delays are production's: 15 minutes from the close to the freeze, 30 from the freeze to the beacon's round. Only
what the note declares may differ: a freeze that comes when half of the 30 minutes is gone declares the present, since
its nominal round could exist before the note is seen (`rules.frozen_at`). So each cell is compared with a run in which
every trigger is on time but for the freeze, which comes at the instant that the cell's note declares. Beside the
published files, all that the wave leaves in the tables is compared, too.

`pytest -rP tests/draw_proofs/test_trigger_matrix.py` prints the hash of every cell.
"""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager
from datetime import datetime, timedelta
from functools import partial
from hashlib import sha256
from itertools import product
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from chalicelib.config import Programme, Settings
from chalicelib.draw import note as notes
from chalicelib.waves import entries, rules
from chalicelib.waves.rules import EntryOutcome, WaveState, round_due
from tests.builders.crashes import SOME_OR_ALL, Calls, some_of
from tests.builders.waves import CLOSES, OPENS, PEOPLE, WAVE, WavesWorld, outcome
from tests.conftest import T0
from tests.conftest import cloud as cloud_of_one_test

SECOND, MINUTE, HOUR = timedelta(seconds=1), timedelta(minutes=1), timedelta(hours=1)
FREEZES = CLOSES + 15 * MINUTE
BEACON_DELAY_S = 1800
FAMILY, LAST_ONE, OF_ANOTHER_REGION = PEOPLE[:4], PEOPLE[4], PEOPLE[5]
ALONE, EXCLUDED = "person-6", "person-7"
NO_AWARDS_S = 3
"""So little time that a step draws and begins no award."""

ACTIONS = ("open", "close", "freeze", "draw", "award")
WAYS = ("on time", "late 6 h", "doubled", "concurrent", "3 missed", "clock 5 s fast", "clock 5 s slow")
WRITES = {"DeleteItem", "PutItem", "UpdateItem", "TransactWriteItems", "PutObject", "Publish", "SendMessageBatch"}


def left_behind(world: WavesWorld) -> dict[str, Any]:
    """All of `outcome` but when awards were queued, and whether somebody was there to tell that it closes soon."""
    left = outcome(world)
    return left | {"record": replace(left["record"], closing_told=False, awards_sent_at=None, award_sends=0)}


@pytest.fixture(scope="module")
def one_cloud() -> Iterator[Settings]:
    """One cloud for all cells; each begins by emptying it."""
    with contextmanager(cloud_of_one_test.__wrapped__)(None) as settings:
        yield settings


@pytest.fixture
def world(
    one_cloud: Settings, no_real_cloud: None, programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> WavesWorld:
    """The waves of a stage with production's delays, on the development chain; two partitions a wave."""
    for module in (rules, entries):
        monkeypatch.setattr(module, "SHARDS", 2)
    monkeypatch.setattr(entries, "THREADS", 1)  # so that the nth call is the same in every life
    chain = msgspec.structs.replace(programme.draw.pinned, delay_s=BEACON_DELAY_S)
    awards = msgspec.structs.replace(programme.draw.awards, batch=2, ahead_from=1)
    chains = {programme.draw.chain: chain}
    draw = msgspec.structs.replace(programme.draw, freeze_delay_s=900, chains=chains, awards=awards)
    return WavesWorld(one_cloud, msgspec.structs.replace(programme, draw=draw), T0, monkeypatch)


@pytest.fixture
def calls(world: WavesWorld, monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(monkeypatch)


Trigger = Callable[[], object]


class Life:
    """One wave from its first join to its last award; what comes between the triggers is the same in every cell."""

    def __init__(self, world: WavesWorld) -> None:
        self.world = world
        world.forget()
        world.clock.now = T0
        world.stepper.advance(T0, 60, world.clock.seconds)
        world.waves.resize(WAVE, 5, 2, {31: 1, 32: 1}, T0)
        world.clock.now = OPENS + SECOND
        # Whether anybody may join is decided by the clock, so people are there before the first trigger.
        world.join(*FAMILY, ALONE, EXCLUDED)
        world.join(OF_ANOTHER_REGION, region=32)
        world.family(*FAMILY)

    def run(self, action: str, triggers: list[tuple[datetime, timedelta]], around: Callable[[Trigger], None]) -> None:
        """The triggers of one action, each at a true instant by a clock that is off by so much.

        `around` makes each of them happen, in its way.
        """
        for instant, off in sorted(triggers, key=lambda one: one[0]):
            self._come_to(instant)
            around(partial(self.step, action, off))

    def step(self, action: str, off: timedelta = timedelta(0)) -> None:
        """What a function does that is started now. Awards are queued, taken in, and gone on with in the next step."""
        world = self.world
        deadline_s = NO_AWARDS_S if action == "draw" else 60
        world.wired().stepper.advance(world.clock.now + off, deadline_s, world.clock.seconds)
        if action == "award":
            messages = world.queued_awards()
            assert world.take_awards(*messages, *reversed(messages)) == []
            world.wired().stepper.advance(world.clock.now + off, deadline_s, world.clock.seconds)

    def due(self, action: str) -> datetime:
        """When an action is due at the earliest, by what is recorded by then."""
        wave = self.world.store.wave(WAVE)
        if action in ("open", "close", "freeze"):
            return {"open": OPENS, "close": CLOSES, "freeze": FREEZES}[action]
        assert wave is not None
        due = round_due(wave, self.world.programme.draw)
        return due if action == "draw" else due + MINUTE

    def _come_to(self, instant: datetime) -> None:
        """The last one joins two seconds before the close; people become unfit before the freeze and after it."""
        world = self.world
        last = CLOSES - 2 * SECOND
        if instant > last and LAST_ONE not in world.people.by_id:
            world.clock.now = last
            world.join(LAST_ONE)
        if instant >= CLOSES:
            world.people.excluded.add(EXCLUDED)
        wave = world.store.wave(WAVE)
        if wave is not None and wave.note is not None:
            world.people.excluded.add(OF_ANOTHER_REGION)
        world.clock.now = max(instant, world.clock.now)


def triggers(way: str, due: datetime) -> list[tuple[datetime, timedelta]]:
    """(true instant, how far the clock is off) of the triggers of an action that is due; nothing comes before them."""
    if way == "late 6 h":
        return [(due + 6 * HOUR, timedelta(0))]
    if way == "3 missed":  # there is one a minute
        return [(due + 3 * MINUTE, timedelta(0))]
    if way.startswith("clock"):
        off = 5 * SECOND if way.endswith("fast") else -5 * SECOND
        return [(due + seconds * SECOND, off) for seconds in (-6, -5, -1, 0, 4, 5)]
    return [(due, timedelta(0))]


def play(world: WavesWorld, way: str, around: Mapping[str, Callable[[Trigger], None]]) -> dict[str, Any]:
    """A whole life, some of its actions triggered in some way; what it leaves behind."""
    life = Life(world)
    for action in ACTIONS:
        due = max(life.due(action), world.clock.now)
        life.run(action, triggers(way if action in around else "on time", due), around.get(action, once))
    return left_behind(world)


def once(trigger: Trigger) -> None:
    trigger()


def twice(trigger: Trigger) -> None:
    trigger()
    trigger()


def final_hash(files: dict[str, bytes]) -> str:
    """One hash over the names and the contents of all published files."""
    whole = sha256()
    for name, content in sorted(files.items()):
        whole.update(sha256(name.encode()).digest() + sha256(content).digest())
    return whole.hexdigest()


PLAIN: dict[datetime, dict[str, Any]] = {}
"""What a life comes to in which nothing goes wrong, by the instant that its freeze declares."""


def plain(world: WavesWorld, frozen: datetime) -> dict[str, Any]:
    """The life whose freeze is triggered once, when it declares that instant."""
    if frozen not in PLAIN:
        life = Life(world)
        for action in ACTIONS:
            instant = frozen if action == "freeze" else life.due(action)
            life.run(action, [(instant, timedelta(0))], once)
        PLAIN[frozen] = left_behind(world)
    return PLAIN[frozen]


def declared(left: dict[str, Any]) -> datetime:
    return notes.parse(left["files"]["note.txt"]).frozen


def test_the_reference_run_has_every_kind_of_event(world, tmp_path):
    left = plain(world, FREEZES)
    assert left["record"].state is left["record"].announced is WaveState.SETTLED
    assert {EntryOutcome.FAMILY_CARD, EntryOutcome.INELIGIBLE} <= set(left["outcomes"].values())
    assert left["record"].award_batches > 1
    assert json.loads(left["files"]["removals.json"]) == {"removed": [{"reason": "excluded", "entries": 1}]}
    assert json.loads(left["files"]["substitutions.json"]) != []
    assert declared(left) == FREEZES
    assert world.failed_checks(WAVE, tmp_path) == []


@pytest.mark.parametrize(("way", "action"), some_of(product([way for way in WAYS if way != "concurrent"], ACTIONS), 3))
def test_a_failing_trigger_changes_no_published_byte(world, tmp_path, way, action):
    left = play(world, way, {action: twice if way == "doubled" else once})
    assert world.failed_checks(WAVE, tmp_path) == []
    assert left["record"].state is WaveState.SETTLED
    late = {"close", "freeze"} if way == "late 6 h" else set()
    assert (declared(left) == FREEZES) == (action not in late)
    assert left == plain(world, declared(left))
    show(way, action, left)


@SOME_OR_ALL
def test_two_triggers_at_once_change_no_published_byte_wherever_they_meet(world, calls, picked):
    """Before the first call of the one, or before a write, when it has read all, another does what is due.

    In each life they meet once in every action: in the first life at the first of its calls or writes, and so on.
    """
    expected = plain(world, FREEZES)
    made: dict[str, list[str]] = {}

    def counted(action: str, trigger: Trigger) -> None:
        calls.reset()
        trigger()
        made[action] = [operation for _, operation in calls.made]

    assert play(world, "on time", {action: partial(counted, action) for action in ACTIONS}) == expected
    meetings = {
        action: [number for number, operation in enumerate(operations) if not number or operation in WRITES]
        for action, operations in made.items()
    }

    def meeting(action: str, number: int, trigger: Trigger) -> None:
        calls.reset()
        met: list[None] = []
        calls.before[number] = lambda: (met.append(None), trigger())
        trigger()
        assert met, f"{action} did not come to call {number}"
        assert calls.made[number][1] == made[action][number]
        calls.reset()

    for life in picked(range(max(map(len, meetings.values())))):
        here = {action: numbers[life] for action, numbers in meetings.items() if life < len(numbers)}
        left = play(world, "on time", {action: partial(meeting, action, number) for action, number in here.items()})
        assert left == expected, f"met at {[(action, number, made[action][number]) for action, number in here.items()]}"
    for action in ACTIONS:
        assert len(meetings[action]) > 3
        show("concurrent", action, left)


def show(way: str, action: str, left: dict[str, Any]) -> None:
    print(f"{way:15} {action:7} {final_hash(left['files'])}")  # noqa: T201 - the table, for whoever asks with -rP
