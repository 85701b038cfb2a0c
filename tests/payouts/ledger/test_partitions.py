"""In which partition of each index an entitlement is: one that moves to another is not found by who looks there."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.payouts.ledger.partitions import NEWS_SHARDS, news_shard, unsettled_shard, unsettled_shards
from chalicelib.payouts.rules import Entitlement, Hold, Kind, State
from tests.conftest import T0

DUE = Entitlement("a" * 26, "ani", 143, Kind.INCENTIVE, 600_000, State.DUE, 0, 1, None, T0, T0)


@pytest.mark.parametrize(
    ("state", "hold", "rail", "unsettled", "news"),
    [
        (State.DUE, None, None, "U#0", None),
        (State.FAILED, None, "bank-file", "U#0", None),
        (State.SENDING, None, "xendit-v2", "U#0", None),
        (State.SENDING, None, "bank-file", "H#0", None),
        (State.HELD, Hold.KEY_EXPIRED, "xendit-v2", "H#0", None),
        (State.HELD, Hold.NO_ADDRESS, None, "H#0", "00"),
        (State.HELD, Hold.ADMIN, None, None, None),
        (State.PAID, None, "xendit-v2", None, "00"),
        (State.CANCELLED, None, None, None, "00"),
    ],
)
def test_what_waits_and_what_is_news_has_a_place_and_nothing_else(state, hold, rail, unsettled, news):
    one = replace(DUE, state=state, hold=hold, rail=rail)
    assert (unsettled_shard(one), news_shard(one)) == (unsettled, news)


@pytest.mark.parametrize(("digit", "place"), [("a", 0), ("b", 1), ("p", 15), ("q", 0), ("z", 9), ("2", 10), ("7", 15)])
def test_the_first_digit_of_an_id_says_which_partition_and_every_one_is_looked_at(digit, place):
    one = replace(DUE, id=digit + "c" * 25)
    assert unsettled_shard(one) == f"U#{place}"
    assert news_shard(replace(one, state=State.PAID)) == f"{place:02}"
    assert (f"U#{place}", False) in set(unsettled_shards())
    assert (f"H#{place}", True) in set(unsettled_shards())
    assert f"{place:02}" in NEWS_SHARDS
