"""A backlog of the queue must not feed itself."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.config import Programme, Settings
from chalicelib.payouts import service
from chalicelib.payouts.rules import State
from tests.builders.payouts.world import World, running


@pytest.fixture
def world(cloud: Settings, programme: Programme) -> Iterator[World]:
    with running(World(cloud, programme)) as world:
        yield world


def test_a_sweep_adds_nothing_to_a_long_queue_and_finds_everything_once_that_is_short(
    world: World, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(service, "BACKLOG_MAX", 2)
    ids = [world.entitle(world.person(f"p{number}")) for number in range(3)]
    for id_ in ids:
        world.payouts.enqueue(id_)
    world.later(seconds=world.rules.requeue_after_s + 1)
    assert world.payouts.sweep(world.now) is None
    assert len(world.messages()) == 3  # all are lost, and none was marked as queued
    assert world.payouts.sweep(world.now) == 3
    for body in world.messages():
        assert world.deliver(body)
    world.run_to_rest()
    assert {world.state(id_) for id_ in ids} == {State.PAID}


def test_a_queue_that_is_just_as_long_as_it_may_be_is_added_to(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(service, "BACKLOG_MAX", 1)
    world.payouts.enqueue(world.entitle(world.person("p1")))
    world.later(seconds=world.rules.requeue_after_s + 1)
    assert world.payouts.sweep(world.now) == 1
