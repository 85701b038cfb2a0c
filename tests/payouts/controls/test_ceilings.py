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
from chalicelib.payouts.controls.administration import Deed
from chalicelib.payouts.controls.ceilings import Ceiling, CeilingStore
from chalicelib.payouts.errors import CeilingChanged, Superseded
from chalicelib.payouts.rules import Authority, Entitlement, Kind, State
from chalicelib.payouts.worker import Worker
from tests.builders.crashes import Calls, Crash, die
from tests.builders.payouts.states import ANI, BUDI
from tests.builders.payouts.world import WAVE, World, running, worker
from tests.conftest import T0

INCENTIVE = 600_000
DAY = ceilings.day_name(T0)
ENVELOPE = ceilings.envelope_name(WAVE, Kind.INCENTIVE)


def with_ceilings(programme: Programme, day: int, envelope: int, block: int = 2) -> Programme:
    """Ceilings of so many incentives."""
    small = CeilingRules(day_idr=day * INCENTIVE, envelope_idr=envelope * INCENTIVE, block=block)
    return msgspec.structs.replace(programme, payouts=msgspec.structs.replace(programme.payouts, ceilings=small))


@pytest.fixture
def small(programme: Programme) -> Programme:
    return with_ceilings(programme, day=5, envelope=50)


@pytest.fixture
def world(cloud: Settings, small: Programme) -> Iterator[World]:
    with running(World(cloud, small)) as world:
        yield world


@pytest.fixture
def store(world: World) -> CeilingStore:
    return CeilingStore()


def process_all(world: World, workers: list[Worker], ids: list[str]) -> list[State]:
    return [workers[number % len(workers)].process(id_, world.now) for number, id_ in enumerate(ids)]


def set_to(world: World, name: str, was: int, now: int, by: str = ANI) -> Ceiling:
    return world.administration.set_ceiling(name, was, Rupiah(now), Authority(by, "as agreed"), world.now)


def test_no_more_is_sent_on_a_day_than_its_ceiling_and_the_next_day_goes_on(world, caplog):
    ids = [world.entitle(world.person(f"person-{number}")) for number in range(7)]
    states = process_all(world, [world.worker], ids)
    assert states == [State.PAID] * 5 + [State.DUE] * 2
    reached = [record for record in caplog.records if record.message == alarm_words.CEILING_REACHED]
    assert {(record.ceiling, record.levelno) for record in reached} == {(DAY, logging.WARNING)}
    world.now = T0.replace(hour=17) - timedelta(seconds=1)
    assert world.worker.process(ids[5], world.now) is State.DUE
    world.later(seconds=1)
    assert process_all(world, [world.worker], ids[5:]) == [State.PAID] * 2, "in Jakarta it is tomorrow"


def test_an_envelope_is_one_waves_payments_of_one_kind(cloud, programme):
    with running(World(cloud, with_ceilings(programme, day=50, envelope=2))) as world:
        people = [world.person(f"person-{number}") for number in range(3)]
        ids = [world.entitle(who) for who in people]
        assert process_all(world, [world.worker], ids) == [State.PAID, State.PAID, State.DUE]
        other = world.entitle(people[0], Kind.SURVEY_1)
        assert world.worker.process(other, world.now) is State.PAID


@pytest.mark.parametrize("block", [1, 2, 3, 7])
def test_several_workers_together_never_pass_it_and_lose_at_most_a_block_each(cloud, programme, block):
    with running(World(cloud, with_ceilings(programme, day=7, envelope=50, block=block))) as world:
        rules = with_ceilings(programme, 7, 50, block)
        workers = [worker(world.store, world.people, world.rails, rules) for _ in range(3)]
        ids = [world.entitle(world.person(f"person-{number}")) for number in range(20)]
        process_all(world, workers, ids)
        process_all(world, workers, ids)
        paid = sum(line.moved_idr for line in world.books())
        assert 7 * INCENTIVE - 3 * (block - 1) * INCENTIVE <= paid <= 7 * INCENTIVE
        # Whoever asks last of all finds what the others' memory does not hold.
        assert world.administration.ceiling(DAY).left_idr == 0


def test_the_last_part_of_a_ceiling_is_not_lost_because_it_is_less_than_a_block(store):
    assert store.take(DAY, 5, 4)
    assert not store.take(DAY, 5, 4)
    assert store.take(DAY, 5, 1)
    assert store.get(DAY) == Ceiling(DAY, Rupiah(5), 0)


def test_what_could_never_fit_opens_no_ceiling(store):
    assert not store.take(DAY, 5, 6)
    assert store.get(DAY) is None


def test_two_workers_that_open_a_ceiling_at_once_open_one(store, monkeypatch):
    opening = CeilingStore._open

    def both(self: CeilingStore, name: str, ceiling_idr: int) -> None:
        monkeypatch.setattr(CeilingStore, "_open", opening)
        assert CeilingStore().take(name, ceiling_idr, 3)  # the other is first
        opening(self, name, ceiling_idr)

    monkeypatch.setattr(CeilingStore, "_open", both)
    assert store.take(DAY, 5, 2)
    assert store.get(DAY) == Ceiling(DAY, Rupiah(5), 0)
    assert not store.take(DAY, 5, 1)


def test_the_loser_of_the_opening_takes_nothing_if_the_winner_left_too_little(store, monkeypatch):
    opening = CeilingStore._open

    def both(self: CeilingStore, name: str, ceiling_idr: int) -> None:
        monkeypatch.setattr(CeilingStore, "_open", opening)
        assert CeilingStore().take(name, ceiling_idr, 4)
        opening(self, name, ceiling_idr)

    monkeypatch.setattr(CeilingStore, "_open", both)
    assert not store.take(DAY, 5, 2)
    assert store.get(DAY) == Ceiling(DAY, Rupiah(5), 1)


def test_a_payment_that_another_worker_claimed_is_given_back(world, monkeypatch):
    ids = [world.entitle(world.person(f"person-{number}")) for number in range(6)]
    claim = world.store.claim

    def too_late(entitlement: Entitlement, *rest: object) -> Entitlement:
        raise Superseded(entitlement_id=entitlement.id)

    world.store.claim = too_late
    for id_ in ids:
        with pytest.raises(Superseded):
            world.worker.process(id_, world.now)
    world.store.claim = claim
    assert process_all(world, [world.worker], ids) == [State.PAID] * 5 + [State.DUE]


def test_a_worker_that_dies_at_any_call_never_lets_more_through(cloud, small, monkeypatch):
    with running(World(cloud, small)) as world:
        calls = Calls(monkeypatch)
        ids = [world.entitle(world.person(f"person-{number}")) for number in range(9)]
        calls.reset()
        worker(world.store, world.people, world.rails, small).process(ids[0], world.now)
        made = len(calls.made)
        assert made >= 8, "the switch, two ceilings of three calls each, the claim"
        for moment in ("before", "after"):
            for number in range(made):
                calls.reset()
                getattr(calls, moment)[number] = die
                with pytest.raises(Crash):
                    worker(world.store, world.people, world.rails, small).process(ids[1 + number % 8], world.now)
                    raise Crash  # the later calls are not made once the ceiling is reached
        calls.reset()
        for _ in range(3):
            for id_ in ids:
                worker(world.store, world.people, world.rails, small).process(id_, world.now)
        assert sum(line.moved_idr for line in world.books()) <= 5 * INCENTIVE


# What administrators set


def test_a_ceiling_is_as_configured_until_something_was_taken_or_it_was_set(world, store):
    assert world.administration.ceiling(DAY) == Ceiling(DAY, Rupiah(5 * INCENTIVE), 5 * INCENTIVE)
    assert world.administration.ceiling(ENVELOPE).ceiling_idr == 50 * INCENTIVE
    assert store.get(DAY) is None, "to look opens nothing"


def test_a_raised_ceiling_lets_what_waited_through(world):
    ids = [world.entitle(world.person(f"person-{number}")) for number in range(7)]
    process_all(world, [world.worker], ids)
    after = set_to(world, DAY, 5 * INCENTIVE, 6 * INCENTIVE)
    assert (after.ceiling_idr, after.left_idr, after.by, after.note) == (6 * INCENTIVE, INCENTIVE, ANI, "as agreed")
    assert process_all(world, [world.worker], ids) == [State.PAID] * 6 + [State.DUE]


def test_a_ceiling_may_be_lowered_below_what_was_taken_and_then_lets_nothing_through(world, store):
    ids = [world.entitle(world.person(f"person-{number}")) for number in range(6)]
    process_all(world, [world.worker], ids[:4])
    after = set_to(world, DAY, 5 * INCENTIVE, 1 * INCENTIVE)
    assert after.left_idr == -3 * INCENTIVE
    assert not store.take(DAY, 5 * INCENTIVE, 1)
    assert process_all(world, [world.worker], ids[4:]) == [State.DUE] * 2
    assert set_to(world, DAY, INCENTIVE, 5 * INCENTIVE).left_idr == INCENTIVE
    assert world.worker.process(ids[4], world.now) is State.PAID


def test_a_ceiling_is_set_before_anything_was_taken_from_it(world):
    assert set_to(world, ENVELOPE, 50 * INCENTIVE, 0).left_idr == 0
    assert world.worker.process(world.entitle(world.person("ani")), world.now) is State.DUE
    assert world.books() == []


def test_who_read_another_value_than_there_is_by_now_sets_nothing(world, store):
    for was in (4 * INCENTIVE, 0):
        with pytest.raises(CeilingChanged) as refusal:
            set_to(world, DAY, was, 9 * INCENTIVE)
        assert refusal.value.facts == {"name": DAY}
    assert store.get(DAY) is None
    set_to(world, DAY, 5 * INCENTIVE, 6 * INCENTIVE)
    with pytest.raises(CeilingChanged):
        set_to(world, DAY, 5 * INCENTIVE, 9 * INCENTIVE, BUDI)
    assert store.get(DAY).ceiling_idr == 6 * INCENTIVE


def test_of_two_who_read_the_same_value_the_second_is_told(world, store):
    read = world.administration.ceiling(DAY)
    store.change(read, Rupiah(7), ANI, "first")
    with pytest.raises(CeilingChanged):
        store.change(read, Rupiah(9), BUDI, "second")
    assert store.get(DAY) == Ceiling(DAY, Rupiah(7), 7, ANI, "first")


def test_what_workers_take_meanwhile_stays_taken(world, store):
    read = world.administration.ceiling(DAY)
    store.take(DAY, read.ceiling_idr, 3 * INCENTIVE)
    store.change(read, Rupiah(4 * INCENTIVE), ANI, "why")
    assert store.get(DAY).left_idr == INCENTIVE


def test_the_journal_says_who_set_which_ceiling_from_what_to_what(world):
    set_to(world, DAY, 5 * INCENTIVE, 6 * INCENTIVE)
    (act,) = world.administration.acts(10)
    assert (act.deed, act.by, act.note, act.at) == (Deed.SET_CEILING, ANI, "as agreed", world.now)
    assert act.about == f"{DAY} from 3000000 to 3600000"
