"""Ceilings in the table: never passed by several workers, opened once, set by administrators as they read them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta

import msgspec
import pytest

from chalicelib.config import CeilingRules, Programme, Settings
from chalicelib.money import Rupiah
from chalicelib.payouts import alarm_words
from chalicelib.payouts.controls import ceilings
from chalicelib.payouts.controls.ceilings import Ceiling, CeilingStore
from chalicelib.payouts.errors import CeilingChanged
from chalicelib.payouts.rules import Authority, Kind, State
from chalicelib.payouts.worker import Worker
from tests.builders.crashes import Calls, Crash, die
from tests.builders.payouts.states import ANI, BUDI
from tests.builders.payouts.world import WAVE, World, new_worker, running
from tests.conftest import T0

INCENTIVE = 600_000
DAY = ceilings.day_name(T0)
ENVELOPE = ceilings.envelope_name(WAVE, Kind.INCENTIVE)


def with_ceilings(programme: Programme, day: int, envelope: int, block: int = 2) -> Programme:
    """Ceilings of so many incentives."""
    small = CeilingRules(day_idr=day * INCENTIVE, envelope_idr=envelope * INCENTIVE, block=block)
    return msgspec.structs.replace(programme, payouts=msgspec.structs.replace(programme.payouts, ceilings=small))


@pytest.fixture
def world(cloud: Settings, programme: Programme) -> Iterator[World]:
    with running(World(cloud, with_ceilings(programme, day=5, envelope=50))) as world:
        yield world


def entitled(world: World, count: int) -> list[str]:
    return [world.entitle(world.person(f"person-{number}")) for number in range(count)]


def process_all(world: World, workers: list[Worker], ids: list[str]) -> list[State]:
    return [workers[number % len(workers)].process(id_, world.now) for number, id_ in enumerate(ids)]


def set_to(world: World, name: str, was: int, now: int, by: str = ANI) -> Ceiling:
    return world.administration.set_ceiling(name, was, Rupiah(now), Authority(by, "as agreed"), world.now)


def test_no_more_is_sent_on_a_day_than_its_ceiling_and_the_next_day_goes_on(world, caplog):
    ids = entitled(world, 7)
    states = process_all(world, [world.worker], ids)
    assert states == [State.PAID] * 5 + [State.DUE] * 2
    reached = [record for record in caplog.records if record.message == alarm_words.CEILING_REACHED]
    assert {(record.ceiling, record.levelno) for record in reached} == {(DAY, logging.WARNING)}
    world.now = T0.replace(hour=17) - timedelta(seconds=1)
    assert world.worker.process(ids[5], world.now) is State.DUE
    world.later(seconds=1)
    assert process_all(world, [world.worker], ids[5:]) == [State.PAID] * 2, "in Jakarta it is tomorrow"


@pytest.mark.parametrize("block", [1, 2, 3, 7])
def test_several_workers_together_never_pass_it_and_lose_at_most_a_block_each(cloud, programme, block):
    with running(World(cloud, with_ceilings(programme, day=7, envelope=50, block=block))) as world:
        workers = [new_worker(world.services) for _ in range(3)]
        ids = entitled(world, 20)
        process_all(world, workers, ids)
        process_all(world, workers, ids)
        paid = sum(line.moved_idr for line in world.books())
        assert 7 * INCENTIVE - 3 * (block - 1) * INCENTIVE <= paid <= 7 * INCENTIVE
        # Whoever asks last of all finds what the others' memory does not hold.
        assert world.administration.ceiling(DAY).left_idr == 0


@pytest.mark.parametrize(
    ("first", "second", "left"), [(3, 2, 0), (4, 2, 1), (5, 3, 0)], ids=["enough", "too little", "nothing"]
)
def test_two_workers_that_open_a_ceiling_together_open_one(world, monkeypatch, first, second, left):
    opening = CeilingStore._open

    def both(self: CeilingStore, name: str, ceiling_idr: int) -> None:
        monkeypatch.setattr(CeilingStore, "_open", opening)
        assert CeilingStore().take(name, ceiling_idr, first)  # the other is first
        opening(self, name, ceiling_idr)

    monkeypatch.setattr(CeilingStore, "_open", both)
    assert CeilingStore().take(DAY, 5, second) is (first + second <= 5)
    assert CeilingStore().get(DAY) == Ceiling(DAY, Rupiah(5), left)


def test_a_worker_that_dies_at_any_call_never_lets_more_through(world, monkeypatch):
    calls = Calls(monkeypatch)
    ids = entitled(world, 9)
    calls.reset()
    new_worker(world.services).process(ids[0], world.now)
    made = len(calls.made)
    assert made >= 8, "the switch, two ceilings of three calls each, the claim"
    for moment in ("before", "after"):
        for number in range(made):
            calls.reset()
            getattr(calls, moment)[number] = die
            with pytest.raises(Crash):
                new_worker(world.services).process(ids[1 + number % 8], world.now)
                raise Crash  # the later calls are not made once the ceiling is reached
    calls.reset()
    for _ in range(3):
        for id_ in ids:
            new_worker(world.services).process(id_, world.now)
    assert sum(line.moved_idr for line in world.books()) <= 5 * INCENTIVE


def test_a_raised_ceiling_lets_what_waited_through_and_a_lowered_one_nothing(world):
    ids = entitled(world, 7)
    assert world.administration.ceiling(DAY) == Ceiling(DAY, Rupiah(5 * INCENTIVE), 5 * INCENTIVE)
    assert CeilingStore().get(DAY) is None, "to look opens nothing"
    process_all(world, [world.worker], ids[:4])
    lowered = set_to(world, DAY, 5 * INCENTIVE, 1 * INCENTIVE)
    assert lowered == Ceiling(DAY, Rupiah(INCENTIVE), -3 * INCENTIVE, ANI, "as agreed"), "below what was taken"
    assert not CeilingStore().take(DAY, 5 * INCENTIVE, 1)
    assert process_all(world, [world.worker], ids[4:]) == [State.DUE] * 3
    assert set_to(world, DAY, INCENTIVE, 6 * INCENTIVE, BUDI).left_idr == 2 * INCENTIVE
    assert process_all(world, [world.worker], ids) == [State.PAID] * 6 + [State.DUE]


def test_a_ceiling_is_set_before_anything_was_taken_and_only_by_who_read_its_value(world):
    for was in (4 * INCENTIVE, 0):
        with pytest.raises(CeilingChanged) as refusal:
            set_to(world, ENVELOPE, was, 9 * INCENTIVE)
        assert refusal.value.facts == {"name": ENVELOPE}
    assert CeilingStore().get(ENVELOPE) is None
    assert set_to(world, ENVELOPE, 50 * INCENTIVE, 0).left_idr == 0
    assert world.worker.process(world.entitle(world.person("ani")), world.now) is State.DUE
    assert world.books() == []
    [act] = world.administration.acts(10)
    assert (act.deed, act.about, act.at) == ("SET_CEILING", f"{ENVELOPE} from 30000000 to 0", world.now)
    assert (act.by, act.note) == (ANI, "as agreed")
