"""The kill switch: within one message nothing is claimed or sent; what is under way is still asked about."""

from __future__ import annotations

import logging

import pytest

from chalicelib.payouts import alarm_words
from chalicelib.payouts.rules import WAITING, State
from tests.builders.crashes import Calls, Crash, die
from tests.builders.payouts.states import ANI, BUDI, Place, placed
from tests.builders.payouts.world import World


def pause(world: World, why: str = "wrong amounts") -> None:
    world.administration.pause(ANI, why, world.now)


def resume(world: World) -> None:
    world.administration.resume(BUDI, "put right", world.now)


def test_a_worker_at_work_stops_with_its_next_message(world, caplog):
    first, second = (world.entitle(world.person(name)) for name in ("ani", "budi"))
    assert world.worker.process(first, world.now) is State.PAID
    pause(world)
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert world.worker.process(second, world.now) is State.DUE
    assert [record.message for record in caplog.records] == [alarm_words.PAUSED]
    assert len(world.books()) == 1
    resume(world)
    assert world.worker.process(second, world.now) is State.PAID


@pytest.mark.parametrize(
    "place", [Place(State.FAILED), *(Place(State.HELD, hold) for hold in sorted(WAITING))], ids=str
)
def test_nothing_is_claimed_from_any_state(world, place):
    entitlement = placed(world, "ani", place)
    pause(world)
    world.later(days=1)
    assert world.worker.process(entitlement.id, world.now) is place.state
    assert len(world.store.events(entitlement.id)) == entitlement.seq, "not even its obstacles are looked at"
    resume(world)
    assert world.worker.process(entitlement.id, world.now) is State.PAID


def test_a_message_during_the_pause_is_done_with_and_the_sweep_brings_it_back(world):
    entitlement = world.entitle(world.person("ani"))
    world.payouts.enqueue(entitlement)
    pause(world)
    assert [world.deliver(body) for body in world.messages()] == [True], "it uses up none of its tries"
    resume(world)
    world.later(seconds=world.rules.requeue_after_s + 1)
    assert world.payouts.sweep(world.now) == 1
    (message,) = world.messages()
    world.deliver(message)
    assert world.state(entitlement) is State.PAID


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", [0, 1])
def test_a_command_that_dies_never_changed_the_switch_without_a_line_about_it(world, monkeypatch, moment, number):
    calls = Calls(monkeypatch)
    for act, paused in ((pause, True), (resume, False)):
        calls.reset()
        getattr(calls, moment)[number] = die
        with pytest.raises(Crash):
            act(world)
        calls.reset()
        switched = (world.administration.paused() is not None) is paused
        assert switched is ((moment, number) == ("after", 1))
        noted = [act.deed for act in world.administration.acts(1)] == ["PAUSE" if paused else "RESUME"]
        assert noted or not switched
        world.later(seconds=1)
        act(world)
        assert (world.administration.paused() is not None) is paused
