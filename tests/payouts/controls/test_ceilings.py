"""Ceilings: workers take blocks from two of them, never more than is left; and administrators set them."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from functools import partial

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.config import Programme, Settings
from chalicelib.figures.benefits import CeilingRules
from chalicelib.money import Rupiah
from chalicelib.payouts import alarm_words
from chalicelib.payouts.controls import limits
from chalicelib.payouts.controls.limits import Allowance, Ceiling, CeilingStore
from chalicelib.payouts.errors import CeilingChanged
from chalicelib.payouts.rules import Authority, Entitlement, Kind, State
from chalicelib.payouts.worker import Worker
from tests.builders.crashes import Calls
from tests.builders.payouts.states import ANI, BUDI
from tests.builders.payouts.world import WAVE, World, new_worker, running
from tests.conftest import T0

INCENTIVE = 600_000
DAY, ENVELOPE = "DAY#2026-11-24", "WAVE#143#INCENTIVE"


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


def test_a_day_sends_at_most_its_ceiling_and_the_next_day_continues(world, caplog):
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
def test_several_workers_never_exceed_a_ceiling_and_lose_at_most_a_block_each(cloud, programme, block):
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


def test_a_worker_that_dies_at_any_call_never_exceeds_the_ceiling(world, monkeypatch):
    calls = Calls(monkeypatch)
    ids = entitled(world, 9)
    calls.reset()
    new_worker(world.services).process(ids[0], world.now)
    made = len(calls.made)
    assert made >= 8, "the pause, two ceilings of three calls each, the claim"
    for moment in ("before", "after"):
        for number in range(made):
            # The later calls are not made once the ceiling is reached.
            calls.dies(partial(new_worker(world.services).process, ids[1 + number % 8], world.now), moment, number)
    for _ in range(3):
        for id_ in ids:
            new_worker(world.services).process(id_, world.now)
    assert sum(line.moved_idr for line in world.books()) <= 5 * INCENTIVE


def test_a_raised_ceiling_lets_waiting_payouts_through(world):
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


def test_a_ceiling_can_be_set_before_use_and_only_with_its_read_value(world):
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


PLENTY = 10**12


def owed(amount: int = 10, wave: int = WAVE, kind: Kind = Kind.INCENTIVE) -> Entitlement:
    return Entitlement("a" * 26, "ani", wave, kind, Rupiah(amount), State.DUE, 0, 1, None, T0, T0)


class Purse:
    """What is left under each name; `takes` are the amounts that were asked for, with the answers."""

    def __init__(self) -> None:
        self.left: dict[str, int] = {}
        self.takes: list[tuple[str, int, bool]] = []

    def take(self, name: str, ceiling_idr: int, amount_idr: int) -> bool:
        left = self.left.setdefault(name, ceiling_idr)
        enough = left >= amount_idr
        self.left[name] = left - amount_idr if enough else left
        self.takes.append((name, amount_idr, enough))
        return enough


def allowance(purse: Purse, day: int = PLENTY, envelope: int = PLENTY, block: int = 4) -> Allowance:
    return Allowance(purse, CeilingRules(day_idr=day, envelope_idr=envelope, block=block))


def test_a_block_is_taken_from_both_ceilings_and_spent_without_asking_again():
    purse = Purse()
    mine = allowance(purse)
    assert [mine.spend(owed(), T0) for _ in range(4)] == [None] * 4
    assert purse.takes == [(DAY, 40, True), (ENVELOPE, 40, True)]
    assert mine.spend(owed(), T0) is None
    assert len(purse.takes) == 4


@pytest.mark.parametrize(("day", "envelope", "reached"), [(70, PLENTY, DAY), (PLENTY, 70, ENVELOPE)])
def test_the_last_part_is_smaller_than_a_block_and_not_lost(day, envelope, reached):
    purse = Purse()
    mine = allowance(purse, day, envelope)
    assert [mine.spend(owed(), T0) for _ in range(9)] == [None] * 7 + [reached] * 2
    assert purse.left[reached] == 0


def test_a_remainder_smaller_than_a_payment_is_not_spent():
    assert [allowance(purse := Purse(), day=19).spend(owed(), T0), purse.left[DAY]] == [None, 9]
    mine = allowance(Purse(), day=19)
    assert [mine.spend(owed(), T0) for _ in range(2)] == [None, DAY]
    assert allowance(Purse(), day=1).spend(owed(), T0) == DAY


def test_if_one_ceiling_is_reached_the_other_is_not_used():
    purse = Purse()
    mine = allowance(purse, envelope=1)
    for _ in range(5):
        assert mine.spend(owed(), T0) == ENVELOPE
    assert [take for take in purse.takes if take[0] == DAY] == [(DAY, 40, True)], "one block, for later"
    for _ in range(4):
        assert mine.spend(owed(wave=55), T0) == "WAVE#55#INCENTIVE"
    assert [take for take in purse.takes if take[0] == DAY] == [(DAY, 40, True)]


def test_each_wave_and_kind_has_its_own_envelope():
    purse = Purse()
    mine = allowance(purse, envelope=10)
    each = [owed(), owed(wave=55), owed(kind=Kind.SURVEY_1), owed(kind=Kind.SURVEY_2)]
    assert [mine.spend(one, T0) for one in each] == [None] * 4
    assert [mine.spend(one, T0) for one in each] == [limits.names(one, T0)[1] for one in each]


def test_a_day_ends_at_midnight_in_jakarta():
    midnight = datetime(2026, 11, 24, 17, tzinfo=UTC)
    assert limits.day_name(midnight - timedelta(microseconds=1)) == "DAY#2026-11-24"
    assert limits.day_name(midnight) == "DAY#2026-11-25"
    mine = allowance(Purse(), day=10)
    before, after = midnight - timedelta(seconds=1), midnight
    assert [mine.spend(owed(), now) for now in (before, before, after, after)] == [
        None,
        "DAY#2026-11-24",
        None,
        "DAY#2026-11-25",
    ]


def test_the_rest_of_yesterdays_block_does_not_count_today():
    mine = allowance(Purse(), day=40)
    assert mine.spend(owed(), T0) is None
    tomorrow = T0 + timedelta(days=1)
    assert [mine.spend(owed(), tomorrow) for _ in range(5)] == [None] * 4 + [limits.day_name(tomorrow)]


def test_an_amount_not_claimed_is_available_to_the_next_payout():
    mine = allowance(Purse(), day=10, envelope=10)
    assert mine.spend(owed(), T0) is None
    assert mine.spend(owed(), T0) == DAY
    mine.give_back(owed(), T0)
    assert [mine.spend(owed(), T0), mine.spend(owed(), T0)] == [None, DAY]


def test_a_rest_too_small_for_a_payment_is_used_with_the_next_block():
    purse = Purse()
    mine = allowance(purse, block=2)
    assert [mine.spend(owed(amount), T0) for amount in (10, 15, 25)] == [None] * 3
    assert purse.takes == [(name, amount, True) for amount in (20, 30) for name in (DAY, ENVELOPE)]


def test_only_amounts_taken_from_a_ceiling_are_spent():
    purse = Purse()
    mine = allowance(purse, day=2, envelope=2, block=1)
    assert [mine.spend(owed(1), T0) for _ in range(3)] == [None, None, DAY]
    assert purse.left == {DAY: 0, ENVELOPE: 0}


def test_a_configured_ceiling_is_unused_and_set_by_nobody():
    configured = CeilingRules(day_idr=7, envelope_idr=5, block=1)
    day, envelope = (limits.as_configured(name, configured) for name in limits.names(owed(), T0))
    assert (day.ceiling_idr, day.left_idr, day.by) == (7, 7, None)
    assert (envelope.ceiling_idr, envelope.left_idr, envelope.note) == (5, 5, None)


step = st.tuples(st.integers(0, 2), st.sampled_from([(10, Kind.INCENTIVE), (3, Kind.SURVEY_1)]), st.booleans())


@given(day=st.integers(1, 120), envelope=st.integers(1, 90), block=st.integers(1, 5), steps=st.lists(step, max_size=60))
def test_no_ceiling_is_exceeded_by_any_number_of_workers(day, envelope, block, steps):
    purse = Purse()
    workers = [allowance(purse, day, envelope, block) for _ in range(3)]
    spent: dict[str, int] = {}
    for number, (amount, kind), superseded in steps:
        one = replace(owed(amount), kind=kind)
        if workers[number].spend(one, T0) is None:
            if superseded:
                workers[number].give_back(one, T0)
                continue
            for name in limits.names(one, T0):
                spent[name] = spent.get(name, 0) + amount
    assert spent.get(DAY, 0) <= day
    assert all(value <= envelope for name, value in spent.items() if name != DAY)
