"""The allowance of a worker: blocks taken from two ceilings, spent from memory, never more than there is."""

from __future__ import annotations

from dataclasses import replace
from datetime import UTC, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.config import CeilingRules
from chalicelib.money import Rupiah
from chalicelib.payouts import rules
from chalicelib.payouts.controls import ceilings
from chalicelib.payouts.controls.ceilings import Allowance
from chalicelib.payouts.rules import Entitlement, Kind, State
from tests.conftest import T0

ID = rules.entitlement_id(54, "ani", Kind.INCENTIVE)
DAY, ENVELOPE = "DAY#2026-11-24", "WAVE#54#INCENTIVE"
PLENTY = 10**12


def owed(amount: int = 10, wave: int = 54, kind: Kind = Kind.INCENTIVE) -> Entitlement:
    return Entitlement(ID, "ani", wave, kind, Rupiah(amount), State.DUE, 0, 1, None, T0, T0)


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


def test_what_is_left_over_below_one_payment_is_not_spent():
    assert [allowance(purse := Purse(), day=19).spend(owed(), T0), purse.left[DAY]] == [None, 9]
    mine = allowance(Purse(), day=19)
    assert [mine.spend(owed(), T0) for _ in range(2)] == [None, DAY]
    assert allowance(Purse(), day=1).spend(owed(), T0) == DAY


def test_where_one_ceiling_is_reached_nothing_is_spent_under_the_other():
    purse = Purse()
    mine = allowance(purse, envelope=1)
    for _ in range(5):
        assert mine.spend(owed(), T0) == ENVELOPE
    assert [take for take in purse.takes if take[0] == DAY] == [(DAY, 40, True)], "one block, for later"
    for _ in range(4):
        assert mine.spend(owed(wave=55), T0) == "WAVE#55#INCENTIVE"
    assert [take for take in purse.takes if take[0] == DAY] == [(DAY, 40, True)]


def test_envelopes_are_apart_by_wave_and_by_kind():
    purse = Purse()
    mine = allowance(purse, envelope=10)
    each = [owed(), owed(wave=55), owed(kind=Kind.SURVEY_1), owed(kind=Kind.SURVEY_2)]
    assert [mine.spend(one, T0) for one in each] == [None] * 4
    assert [mine.spend(one, T0) for one in each] == [ceilings.names(one, T0)[1] for one in each]


def test_a_day_ends_at_midnight_in_jakarta():
    midnight = datetime(2026, 11, 24, 17, tzinfo=UTC)
    assert ceilings.day_name(midnight - timedelta(microseconds=1)) == "DAY#2026-11-24"
    assert ceilings.day_name(midnight) == "DAY#2026-11-25"
    mine = allowance(Purse(), day=10)
    before, after = midnight - timedelta(seconds=1), midnight
    assert [mine.spend(owed(), now) for now in (before, before, after, after)] == [
        None,
        "DAY#2026-11-24",
        None,
        "DAY#2026-11-25",
    ]


def test_what_was_left_of_yesterdays_block_is_no_part_of_today():
    mine = allowance(Purse(), day=40)
    assert mine.spend(owed(), T0) is None
    tomorrow = T0 + timedelta(days=1)
    assert [mine.spend(owed(), tomorrow) for _ in range(5)] == [None] * 4 + [ceilings.day_name(tomorrow)]


def test_what_was_not_claimed_after_all_is_there_for_the_next_one():
    mine = allowance(Purse(), day=10, envelope=10)
    assert mine.spend(owed(), T0) is None
    assert mine.spend(owed(), T0) == DAY
    mine.give_back(owed(), T0)
    assert [mine.spend(owed(), T0), mine.spend(owed(), T0)] == [None, DAY]


def test_a_rest_that_was_too_little_for_one_payment_is_spent_with_the_next_block():
    purse = Purse()
    mine = allowance(purse, block=2)
    assert [mine.spend(owed(amount), T0) for amount in (10, 15, 25)] == [None] * 3
    assert purse.takes == [(name, amount, True) for amount in (20, 30) for name in (DAY, ENVELOPE)]


def test_not_one_rupiah_is_spent_that_was_not_taken():
    purse = Purse()
    mine = allowance(purse, day=2, envelope=2, block=1)
    assert [mine.spend(owed(1), T0) for _ in range(3)] == [None, None, DAY]
    assert purse.left == {DAY: 0, ENVELOPE: 0}


def test_a_ceiling_as_configured_is_whole_and_nobodys():
    configured = CeilingRules(day_idr=7, envelope_idr=5, block=1)
    day, envelope = (ceilings.as_configured(name, configured) for name in ceilings.names(owed(), T0))
    assert (day.ceiling_idr, day.left_idr, day.by) == (7, 7, None)
    assert (envelope.ceiling_idr, envelope.left_idr, envelope.note) == (5, 5, None)


step = st.tuples(st.integers(0, 2), st.sampled_from([(10, Kind.INCENTIVE), (3, Kind.SURVEY_1)]), st.booleans())


@given(day=st.integers(1, 120), envelope=st.integers(1, 90), block=st.integers(1, 5), steps=st.lists(step, max_size=60))
def test_however_many_workers_spend_and_give_back_no_ceiling_is_passed(day, envelope, block, steps):
    purse = Purse()
    workers = [allowance(purse, day, envelope, block) for _ in range(3)]
    spent: dict[str, int] = {}
    for number, (amount, kind), superseded in steps:
        one = replace(owed(amount), kind=kind)
        if workers[number].spend(one, T0) is None:
            if superseded:
                workers[number].give_back(one, T0)
                continue
            for name in ceilings.names(one, T0):
                spent[name] = spent.get(name, 0) + amount
    assert spent.get(DAY, 0) <= day
    assert all(value <= envelope for name, value in spent.items() if name != DAY)
