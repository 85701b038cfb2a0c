"""A run that revokes places may die at any call, or interleave with another: the published bytes are the same."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from itertools import count
from typing import Any

import boto3
import pytest

from chalicelib.registration.rules import Standing
from chalicelib.waves.places import revocation
from chalicelib.waves.rules import EntryOutcome
from tests.builders.aws.calls import Call, wrap_calls
from tests.builders.crashes import SOME_OR_ALL, Calls, Crash, worth_it
from tests.builders.people import registrant
from tests.builders.places import buy, entered
from tests.builders.waves import CLOSES, FREEZES, PEOPLE, ROUND, WAVE, WavesWorld, joined, outcome

pytestmark = pytest.mark.usefixtures("few_partitions")

SECOND = timedelta(seconds=1)
DUE = ROUND + timedelta(seconds=75)
LATE = DUE + timedelta(seconds=10)


@pytest.fixture
def calls(world: WavesWorld, monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(monkeypatch)


def ending(world: WavesWorld) -> dict[str, Any]:
    """All that a run leaves behind, but the instants and the random card numbers."""
    places = world.waves.beneficiaries.of_many(sorted(world.people.by_id))
    return outcome(world) | {
        "states": {one.registrant_id: (one.state, one.revoked_seq) for one in places},
        "barred": {name for name, person in world.people.by_id.items() if person.standing is Standing.REVOKED},
        "told": {person_and_event: facts["wave"] for person_and_event, facts in world.mailbox.told.items()},
        "left_to_do": set(left_to_do(world)),
    }


def left_to_do(world: WavesWorld) -> Iterator[str]:
    far = LATE + timedelta(days=1)
    for shard in range(revocation.SHARDS):
        yield from (one.registrant_id for one in world.waves.beneficiaries.potential(f"{shard:02d}", far))


class Beginning:
    """The world as a test made it, to come back to: the table, the substitutions, the people, what they were told."""

    def __init__(self, world: WavesWorld) -> None:
        self._world = world
        self._client = boto3.client("dynamodb", world.settings.region)
        self._items = self._scan()
        self._people = dict(world.people.by_id)
        self._substitutions = world.files(WAVE)["substitutions.json"]

    def again(self) -> None:
        self._write([{"DeleteRequest": {"Key": {key: one[key] for key in ("pk", "sk")}}} for one in self._scan()])
        self._write([{"PutRequest": {"Item": one}} for one in self._items])
        self._world.people.by_id = dict(self._people)
        self._world.mailbox.told.clear()
        self._world.publication.put(WAVE, {"substitutions.json": self._substitutions})
        self._world.clock.now = DUE

    def _scan(self) -> list[dict[str, Any]]:
        pages = self._client.get_paginator("scan").paginate(TableName=self._world.settings.table("waves"))
        return [item for page in pages for item in page["Items"]]

    def _write(self, requests: list[dict[str, Any]]) -> None:
        for start in range(0, len(requests), 25):
            batch = {self._world.settings.table("waves"): requests[start : start + 25]}
            self._client.batch_write_item(RequestItems=batch)


@pytest.fixture
def beginning(world: WavesWorld, calls: Calls) -> Beginning:
    """Four seats, two reserved, six people: one of the four buys, one of the two who are left is barred by then."""
    joined(world)
    world.at(CLOSES, FREEZES, ROUND)
    chosen = [name for name in PEOPLE if world.waves.beneficiaries.of(name)]
    left = [name for name in PEOPLE if name not in chosen]
    assert buy(world, chosen[0])
    world.people.add(registrant(left[0], standing=Standing.REVOKED))
    return Beginning(world)


def play(
    world: WavesWorld, beginning: Beginning, calls: Calls, other: Callable[[], object] | None = None, at: int = 0
) -> list[str]:
    """Before the nth call of the first run another one happens, and the next goes on; the operations of the first."""
    beginning.again()
    calls.reset()
    if other:
        calls.before[at] = other
    world.expire(DUE)
    operations = [operation for _, operation in calls.made]
    calls.reset()
    world.expire(DUE + SECOND)
    return operations


@SOME_OR_ALL
def test_a_run_that_dies_at_any_call_is_continued_with_the_same_result(world, beginning, calls, tmp_path, picked):
    operations = play(world, beginning, calls)
    expected = ending(world)
    assert world.failed_checks(WAVE, tmp_path) == []
    assert {EntryOutcome.CHOSEN, EntryOutcome.INELIGIBLE} == set(expected["outcomes"].values())
    assert expected["year"] == expected["record"].chosen == 2
    assert expected["record"].revoked_count == expected["record"].passed_count == 3
    deaths = [("before", number) for number in worth_it(operations)]
    # Dying after a call is dying before the next, except where others are told in between.
    deaths += [("after", number) for number, name in enumerate(operations) if name == "TransactWriteItems"]
    for when, number in picked(deaths):
        beginning.again()
        assert calls.dies(partial(world.expire, DUE), when, number), "it did not come to this call"
        world.expire(DUE + SECOND)
        assert ending(world) == expected, f"died at call {number}, {operations[number]}"


@SOME_OR_ALL
def test_two_runs_at_once_have_the_same_result_wherever_they_interleave(world, beginning, calls, picked):
    operations = play(world, beginning, calls)
    expected = ending(world)
    met: list[object] = []

    def other_run() -> None:
        met.append(world.wired().revocation.run(DUE, 60, world.clock.seconds))

    points = picked(worth_it(operations))
    for number in points:
        play(world, beginning, calls, other_run, number)
        assert ending(world) == expected, f"met at call {number}, {operations[number]}"
    assert len(met) == len(points), "it came to every call"


class Deaths:
    """Kills whoever makes the nth call of an operation, before it or after it; once each, in the order given."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch, *deaths: tuple[str, int, str]) -> None:
        self.left = list(deaths)
        self._begin()
        wrap_calls(monkeypatch, self._watched)

    def _watched(self, original: Call) -> Call:
        def call(client: Any, operation: str, parameters: Any) -> Any:
            due = self._is_due(operation)
            if due == "before":
                raise Crash
            answer = original(client, operation, parameters)
            if due == "after":
                raise Crash
            return answer

        return call

    def _begin(self) -> None:
        self._numbers = count(1)

    def _is_due(self, operation: str) -> str | None:
        if not self.left or self.left[0][0] != operation:
            return None
        _, number, when = self.left[0]
        if next(self._numbers) < number:
            return None
        self.left.pop(0)
        self._begin()
        return when


def deaths_of(scale: int) -> list[tuple[str, int, str]]:
    """In the order in which they come, one in each run: eight runs die, and each gets a little further."""
    seats = 30 * scale
    return [
        ("TransactWriteItems", 10 * scale, "before"),  # a place is about to be revoked
        ("TransactWriteItems", 10 * scale, "after"),  # one is, and nobody knows
        ("BatchGetItem", 2, "after"),  # between two partitions
        ("TransactWriteItems", seats - (20 * scale - 1) + scale + 1, "before"),  # a next one is about to be chosen
        ("TransactWriteItems", (scale + 1) // 2, "after"),  # one is, and registration does not know
        ("PutObject", 1, "after"),  # published, and not written down
        ("TransactWriteItems", 1, "after"),  # written down, and everyone is still listed
        ("UpdateItem", 10 * scale, "after"),
    ]


def many_overdue(world: WavesWorld, scale: int) -> None:
    """Of 30 who are chosen nobody buys anything; of the 4 who are left one is no longer eligible."""
    entered(world, 30 * scale, *(f"person-{n}" for n in range(34 * scale)))
    world.at(CLOSES, FREEZES, ROUND)
    assert world.take_awards(*world.queued_awards()) == []
    world.at(ROUND)
    left = sorted(one.registrant_id for one in world.entries.candidates(WAVE) if one.outcome is None)
    world.people.excluded.update(left[::10])
    assert len(list(left_to_do(world))) == 30 * scale


@pytest.mark.parametrize("scale", [1, pytest.param(10, marks=pytest.mark.deep)])
def test_many_places_have_the_same_result_though_every_run_dies(world, monkeypatch, tmp_path, scale):
    monkeypatch.setattr(revocation, "PAGE", 10 * scale)
    many_overdue(world, scale)
    beginning = Beginning(world)
    world.expire(DUE)
    expected = ending(world)
    substitutions = world.result(WAVE, "substitutions.json")
    assert [row["reason"] for row in substitutions].count("revoked") == 30 * scale
    assert sum(row["in"] is None for row in substitutions) == 30 * scale - expected["year"]
    assert world.failed_checks(WAVE, tmp_path) == []
    beginning.again()
    deaths = Deaths(monkeypatch, *deaths_of(scale))
    while deaths.left:
        with pytest.raises(Crash):
            world.expire(DUE)
    world.expire(DUE)
    world.expire(DUE)
    assert ending(world) == expected
