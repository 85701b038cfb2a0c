"""A step may die before or after any call, and another may run between any two: the result is the same."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta
from functools import partial

import pytest

from chalicelib.waves import entries, rules
from chalicelib.waves.rules import NEXT, WaveState
from chalicelib.waves.step import Transition
from tests.builders.crashes import SOME_OR_ALL, Calls, Crash, die, worth_it
from tests.builders.waves import CLOSES, FREEZES, OPENS, PEOPLE, ROUND, WAVE, WavesWorld, joined, outcome
from tests.conftest import T0

SECOND = timedelta(seconds=1)
PHASES = {
    "opening": (OPENS, OPENS + SECOND),
    "closing": (CLOSES, CLOSES + SECOND),
    "freeze": (FREEZES, FREEZES + SECOND),
    "draw and award": (ROUND, ROUND + SECOND),
}


@pytest.fixture
def calls(world: WavesWorld, monkeypatch: pytest.MonkeyPatch) -> Calls:
    """With four partitions a wave instead of 64, since each is a call that may be the last."""
    monkeypatch.setattr(rules, "SHARDS", 4)
    monkeypatch.setattr(entries, "SHARDS", 4)
    return Calls(monkeypatch)


def prepare(world: WavesWorld) -> None:
    """Six people, four seats. Four are one family and one is excluded by the freeze: seats fall free for good."""
    world.forget()
    world.clock.now = T0
    joined(world)
    world.family(*PEOPLE[:4])
    world.people.excluded.add(PEOPLE[4])


def play(world: WavesWorld, calls: Calls, phase: str, plan: Callable[[], None]) -> tuple[list[Transition], list[str]]:
    """A whole wave: what is planned happens in `phase`, and after a crash the next step goes on a little later.

    Returns the transitions, and the operations that were called in the phase; of one that died, that it did.
    """
    prepare(world)
    done: list[Transition] = []
    operations: list[str] = []
    for name, (due, again) in PHASES.items():
        world.clock.now = due
        if due == ROUND:
            world.people.excluded.add(PEOPLE[5])
        calls.reset()
        if name == phase:
            plan()
        try:
            done += world.step()
        except Crash:
            calls.reset()
            done += world.at(again)
            operations.append("died")
        if name == phase and not operations:
            operations = [operation for _, operation in calls.made]
        calls.reset()
    return done + world.at(ROUND + timedelta(minutes=1)), operations


@SOME_OR_ALL
@pytest.mark.parametrize("phase", PHASES)
def test_a_step_that_dies_at_any_call_is_continued_with_the_same_result(world, calls, tmp_path, phase, picked):
    _, operations = play(world, calls, phase, lambda: None)
    expected = outcome(world)
    assert expected["record"].state is WaveState.SETTLED
    assert {"excluded", "family_card", "ineligible"} <= set(expected["outcomes"].values())
    assert world.failed_checks(WAVE, tmp_path) == []
    deaths = [(calls.before, number) for number in range(len(operations))]
    # Dying after a call is dying before the next, except where registration is told in between.
    deaths += [(calls.after, number) for number, name in enumerate(operations) if name == "TransactWriteItems"]
    for when, number in picked(deaths):
        assert play(world, calls, phase, partial(when.__setitem__, number, die))[1] == ["died"]
        assert outcome(world) == expected, f"died at call {number}, {operations[number]}"


@SOME_OR_ALL
@pytest.mark.parametrize("phase", PHASES)
def test_two_steps_at_once_have_the_same_result_wherever_they_interleave(world, calls, phase, picked):
    """At each call of one step another one, in another function, does all that is due."""
    _, operations = play(world, calls, phase, lambda: None)
    expected = outcome(world)
    others: list[Transition] = []
    met: list[int] = []

    def other_step() -> None:
        met.append(len(met))
        others.extend(world.wired().stepper.advance(world.clock.now, 60, world.clock.seconds))

    points = picked(worth_it(operations))
    for number in points:
        others.clear()
        done, _ = play(world, calls, phase, partial(calls.before.__setitem__, number, other_step))
        assert outcome(world) == expected, f"met at call {number}, {operations[number]}"
        states = sorted(one.state for one in (*done, *others))
        assert states == sorted(NEXT.values()), f"met at call {number}: each transition is recorded once"
    assert len(met) == len(points), "it came to every call"
