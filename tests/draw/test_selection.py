"""Seats, selection and substitution compared with the simplest implementation of the rules."""

from __future__ import annotations

import tracemalloc
from fractions import Fraction

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.draw import selection
from chalicelib.draw.errors import BadSeats, NotSeated
from chalicelib.draw.leaves import leaves_of
from chalicelib.draw.selection import OPEN, Selection, allot, open_value, rank
from tests.builders.draws.files import random_lists

SEED = bytes(range(32))
REGIONS = st.sampled_from([11, 12, 13, 31, 32, 94])
sizes = st.dictionaries(REGIONS, st.integers(0, 12), max_size=5)
shares = st.dictionaries(REGIONS, st.integers(0, 6), max_size=4)


class Naive:
    """The rules as they are written, on whole sorted lists."""

    def __init__(self, lists: dict[int, bytes], reserved: dict[int, int], quota: int):
        self.leaves = {region: list(leaves_of(leaves)) for region, leaves in lists.items()}
        self.seats: dict[bytes, str] = {}
        self.gone: set[bytes] = set()
        for region in sorted(reserved):
            for leaf in self.by_rank(str(region))[: reserved[region]]:
                self.seats[leaf] = str(region)
        short = sum(max(0, seats - len(self.leaves.get(region, []))) for region, seats in reserved.items())
        for leaf in self.by_open()[: quota - sum(reserved.values()) + short]:
            self.seats[leaf] = OPEN

    def untouched(self, leaves: list[bytes]) -> list[bytes]:
        return [leaf for leaf in leaves if leaf not in self.seats and leaf not in self.gone]

    def by_rank(self, region: str) -> list[bytes]:
        return sorted(self.untouched(self.leaves.get(int(region), [])), key=lambda leaf: (rank(SEED, leaf), leaf))

    def by_open(self) -> list[bytes]:
        every = [leaf for leaves in self.leaves.values() for leaf in leaves]
        return sorted(self.untouched(every), key=lambda leaf: (open_value(SEED, leaf), leaf))

    def substitute(self, out: bytes) -> bytes | None:
        seat = self.seats.pop(out)
        self.gone.add(out)
        own = self.by_rank(seat) if seat != OPEN else []
        incoming = next(iter(own + self.by_open()), None)
        if incoming is not None:
            self.seats[incoming] = seat
        return incoming


@given(sizes, shares, st.integers(0, 40), st.data())
def test_selection_and_substitutions_are_what_the_plain_rules_give(sizes, reserved, over, data):
    lists = random_lists(60, sizes)
    quota = sum(reserved.values()) + over
    found, naive = Selection(lists, reserved, quota, SEED), Naive(lists, reserved, quota)
    assert list(found.winners()) == list(naive.seats.items())
    for _ in range(data.draw(st.integers(0, 15))):
        seated = sorted(naive.seats)
        if not seated:
            break
        out = data.draw(st.sampled_from(seated))
        seat = naive.seats[out]
        substitution = found.substitute(out, "family_card")
        assert (substitution.seat, substitution.incoming) == (seat, naive.substitute(out))
    assert dict(found.winners()) == naive.seats


@given(sizes, shares, st.integers(0, 40))
def test_every_cut_off_separates_the_chosen_from_the_others(sizes, reserved, over):
    lists = random_lists(60, sizes)
    found = Selection(lists, reserved, sum(reserved.values()) + over, SEED)
    seats = dict(found.winners())
    for region, leaves in lists.items():
        cutoff = found.reserved[region].cutoff if region in found.reserved else None
        for leaf in leaves_of(leaves):
            in_region = cutoff is not None and rank(SEED, leaf) <= cutoff
            in_open = not in_region and found.open.cutoff is not None and open_value(SEED, leaf) <= found.open.cutoff
            assert seats.get(leaf) == (str(region) if in_region else OPEN if in_open else None)


@given(st.integers(0, 5000), st.dictionaries(st.integers(10, 99), st.integers(0, 10**9)))
def test_shares_sum_to_the_reserved_seats_and_none_is_a_whole_seat_off(reserved, weights):
    shares = allot(reserved, weights)
    whole = sum(weights.values())
    assert sum(shares.values()) == (reserved if whole else 0)
    assert list(shares) == sorted(shares)
    for region, weight in weights.items():
        if whole:
            assert abs(shares.get(region, 0) - Fraction(reserved * weight, whole)) < 1


@pytest.mark.parametrize(
    ("reserved", "weights", "shares"),
    [
        pytest.param(6, {14: 1, 13: 1, 12: 1, 11: 1}, {11: 2, 12: 2, 13: 1, 14: 1}, id="equal remainders: lower codes"),
        pytest.param(5, {}, {}, id="no weights"),
        pytest.param(5, {31: 0}, {}, id="no weight"),
        pytest.param(2, {11: 0, 31: 1, 32: 1, 33: 1}, {31: 1, 32: 1}, id="no weight, no left-over seat"),
    ],
)
def test_seats_are_allotted_by_the_largest_remainders(reserved, weights, shares):
    assert allot(reserved, weights) == shares


@pytest.mark.parametrize(("reserved", "weights"), [(-1, {31: 1}), (1, {31: 2, 32: -1})])
def test_nothing_below_zero_can_be_allotted(reserved, weights):
    with pytest.raises(BadSeats):
        allot(reserved, weights)


def test_more_reserved_than_there_are_seats_is_not_drawn():
    with pytest.raises(BadSeats):
        Selection({}, {31: 2}, 1, SEED)


def test_only_a_leaf_with_a_seat_can_be_substituted():
    lists = random_lists(60, {31: 5})
    found = Selection(lists, {}, 2, SEED)
    winner = next(iter(found.winners()))[0]
    loser = next(leaf for leaf in leaves_of(lists[31]) if leaf not in dict(found.winners()))
    with pytest.raises(NotSeated):
        found.substitute(loser, "age")
    found.substitute(winner, "age")
    with pytest.raises(NotSeated):
        found.substitute(winner, "age")


def test_when_nobody_is_left_the_seat_stays_empty():
    found = Selection(random_lists(60, {31: 2}), {31: 1}, 2, SEED)
    for place, (leaf, seat) in enumerate(list(found.winners()), 1):
        assert found.substitute(leaf, "age") == selection.Substitution(place, seat, leaf, "age", None)
    assert list(found.winners()) == []


def test_replaying_what_was_recorded_brings_a_selection_to_the_same_point():
    lists = random_lists(60, {31: 40, 32: 40})
    first, again = (Selection(lists, {31: 5, 32: 5}, 14, SEED) for _ in range(2))
    recorded = [first.substitute(list(first.winners())[place][0], "age") for place in (3, 0, 13, 7, 7, 7)]
    assert [again.substitute(one.out, one.reason) for one in recorded] == recorded
    assert list(again.winners()) == list(first.winners())


def test_equal_values_are_ordered_by_leaf(monkeypatch):
    lists = random_lists(60, {31: 9})
    tied = [(b"\x01" * 32, leaf) for leaf in reversed(list(leaves_of(lists[31])))]
    monkeypatch.setattr(selection, "_between", lambda seed, tag, leaves, low, high: tied if low == b"" else [])
    found = Selection(lists, {}, 4, SEED)
    assert [leaf for leaf, _ in found.winners()] == list(leaves_of(lists[31]))[:4]


def test_the_order_goes_on_over_every_entry_beyond_the_first_bound():
    lists = random_lists(60, {31: 3000})
    found = Selection(lists, {}, 1, SEED)
    leaf = next(iter(found.winners()))[0]
    order = [leaf]
    while (incoming := found.substitute(order[-1], "age").incoming) is not None:
        order.append(incoming)
    assert order == sorted(leaves_of(lists[31]), key=lambda leaf: open_value(SEED, leaf))


def test_a_value_on_the_border_of_two_bands_is_in_one():
    leaves = random_lists(60, {31: 9})[31]
    values = sorted(rank(SEED, leaf) for leaf in leaves_of(leaves))
    tag, bound, highest = b"gelombang1/rank\0", values[4], b"\xff" * 32
    lower = selection._between(SEED, tag, leaves, b"", bound)
    upper = selection._between(SEED, tag, leaves, bound, highest)
    assert sorted(value for value, _ in lower) == values[:5]
    assert sorted(value for value, _ in upper) == values[5:]


def test_a_draw_keeps_about_as_many_values_as_seats():
    lists = random_lists(60, {31: 50_000})
    tracemalloc.start()
    found = Selection(lists, {}, 500, SEED)
    _, peak = tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert found.open.chosen == 500
    assert peak < 2_000_000  # a sort of everything takes 12 MB
