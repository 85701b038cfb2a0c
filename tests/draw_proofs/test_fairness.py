"""Everybody's chance, counted over 20,000 draws by the application's own selection.

The seeds are the hashes of 0 to 19,999, so every run counts the same draws and a figure that holds holds for good;
they were taken as they come. What is tested, always against the chance that follows from docs/draw.md section 5:

- all entries together, with one chi-square. Of n entries exactly q are chosen each time, so the counts of two entries
  lean against each other, by p (1 - p) / (n - 1) a draw. The squares of what the counts are off by, over the variance
  p (1 - p) n / (n - 1) a draw, are then chi-square with n - 1 degrees of freedom;
- each entry alone, whose count is binomial: chi-square with 1 degree;
- deciles of the time of joining, and regions of 1 to 40 people: sums of such counts, together and each alone.

The bound is p > 0.001 for each of these. A fair draw falls below that once in a thousand questions; 142 are asked
here, so that fair draws with other seeds would fail one of them about once in seven times. A draw that is unfair by
three per cent fails as surely as the last tests show in `make test-deep`. `make test` counts a quarter of the draws and
shows it of twice as much: what can be told apart goes with the square root of their number.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Mapping
from fractions import Fraction
from functools import cache
from hashlib import sha256
from math import erfc, exp, isqrt, lgamma, log, sqrt

import pytest

from chalicelib.draw import leaves, selection
from chalicelib.draw.selection import Selection

DRAWS = 20_000
SEEDS = [sha256(n.to_bytes(4, "big")).digest() for n in range(DRAWS)]
P_MIN = 0.001

WAVE = 62
SIZES = {31: 40, 32: 12, 33: 5, 11: 2, 94: 1}
PEOPLE = sum(SIZES.values())
QUOTA = 13
OPEN_CHANCE = Fraction(QUOTA, PEOPLE)

RESERVED = {31: 3, 32: 4, 33: 1, 11: 3, 95: 2}
"""Region 11 has fewer entries than seats, 95 has none, 94 has no seats: three of these seats are open ones."""
RESERVED_QUOTA = 20

# Everybody in the order of joining, the regions mixed as evenly as their sizes allow: (region, leaf).
_PLACES = sorted((Fraction(2 * n + 1, 2 * size), region) for region, size in SIZES.items() for n in range(size))
JOINED = [
    (region, leaves.leaf(WAVE, region, sha256(f"ticket {place}".encode()).digest()))
    for place, (_, region) in enumerate(_PLACES)
]
LISTS = {region: b"".join(sorted(leaf for of, leaf in JOINED if of == region)) for region in SIZES}


def chosen(reserved: Mapping[int, int], quota: int) -> list[int]:
    """How often each was chosen in all the draws, in the order of joining."""
    counts: Counter[bytes] = Counter()
    for seed in SEEDS[:DRAWS]:
        counts.update(leaf for leaf, _ in Selection(LISTS, reserved, quota, seed).winners())
    return [counts[leaf] for _, leaf in JOINED]


@cache
def openly_chosen(draws: int) -> list[int]:
    return chosen({}, QUOTA)


@cache
def chosen_with_reserved_seats(draws: int) -> list[int]:
    return chosen(RESERVED, RESERVED_QUOTA)


@pytest.fixture(params=[pytest.param(DRAWS // 4, id="some"), pytest.param(DRAWS, id="all", marks=pytest.mark.deep)])
def draws(request: pytest.FixtureRequest, monkeypatch: pytest.MonkeyPatch) -> int:
    """How many draws are counted."""
    monkeypatch.setitem(globals(), "DRAWS", request.param)
    return request.param


def by_decile(counts: list[int]) -> list[tuple[int, int]]:
    """(people, how often one of them was chosen) by the time of joining."""
    tenth = PEOPLE // 10
    return [(tenth, sum(counts[start : start + tenth])) for start in range(0, PEOPLE, tenth)]


def by_region(counts: list[int]) -> dict[int, tuple[int, int]]:
    """(people, how often one of them was chosen) by region."""
    sums: Counter[int] = Counter()
    for (region, _), count in zip(JOINED, counts, strict=True):
        sums[region] += count
    return {region: (size, sums[region]) for region, size in SIZES.items()}


def together(groups: Iterable[tuple[int, int]]) -> float:
    """p of all groups of people at once, where everybody's chance is the open one."""
    spread = DRAWS * OPEN_CHANCE * (1 - OPEN_CHANCE) * Fraction(PEOPLE, PEOPLE - 1)
    groups = list(groups)
    off = sum((count - people * DRAWS * OPEN_CHANCE) ** 2 / (people * spread) for people, count in groups)
    return survival(float(off), len(groups) - 1)


def alone(people: int, count: int) -> float:
    """p of one group, where everybody's chance is the open one."""
    variance = people * OPEN_CHANCE * (1 - OPEN_CHANCE) * Fraction(PEOPLE - people, PEOPLE - 1)
    return survival(float((count - people * DRAWS * OPEN_CHANCE) ** 2 / (DRAWS * variance)), 1)


def singly(counts: list[int]) -> list[tuple[int, int]]:
    return [(1, count) for count in counts]


# Open seats


def test_every_entry_has_the_same_chance_of_an_open_seat(draws: int) -> None:
    counts = openly_chosen(draws)
    assert sum(counts) == DRAWS * QUOTA
    assert together(singly(counts)) > P_MIN
    assert min(alone(1, count) for count in counts) > P_MIN


def test_the_time_of_joining_does_not_change_the_chance(draws: int) -> None:
    deciles = by_decile(openly_chosen(draws))
    assert together(deciles) > P_MIN
    assert min(alone(*decile) for decile in deciles) > P_MIN


def test_the_size_of_a_region_does_not_change_the_chance_of_an_open_seat(draws: int) -> None:
    regions = by_region(openly_chosen(draws))
    assert together(regions.values()) > P_MIN
    assert min(alone(*region) for region in regions.values()) > P_MIN


# Reserved seats


def moments(region: int) -> tuple[Fraction, Fraction]:
    """The chance of one of the region's people, and that of two of them both: by a reserved seat or by an open one."""
    people = SIZES[region]
    taken = {one: min(seats, SIZES.get(one, 0)) for one, seats in RESERVED.items()}
    others, free = PEOPLE - sum(taken.values()), RESERVED_QUOTA - sum(taken.values())
    seats = taken.get(region, 0)
    one_open, two_open = Fraction(free, others), Fraction(free * (free - 1), others * (others - 1))
    one = Fraction(seats, people)
    if people == 1:
        return one + (1 - one) * one_open, Fraction(0)
    pairs = people * (people - 1)
    both, mixed, neither = (
        Fraction(seats * (seats - 1), pairs),
        Fraction(2 * seats * (people - seats), pairs),
        Fraction((people - seats) * (people - seats - 1), pairs),
    )
    return one + (1 - one) * one_open, both + mixed * one_open + neither * two_open


def chances_of_a_region(region: int, counts: list[int]) -> dict[str, float]:
    """p of the people of a region: what they have together, each alone, and each among the others."""
    people = SIZES[region]
    chance, both = moments(region)
    variance, covariance = chance * (1 - chance), both - chance**2 if people > 1 else Fraction(0)
    total = sum(counts)
    spread = DRAWS * (people * variance + people * (people - 1) * covariance)
    found = {"the region": survival(float((total - people * DRAWS * chance) ** 2 / spread), 1)}
    for count in counts:
        own = survival(float((count - DRAWS * chance) ** 2 / (DRAWS * variance)), 1)
        found["one of them"] = min(own, found.get("one of them", 1.0))
    if people > 1:
        off = sum((count - Fraction(total, people)) ** 2 for count in counts) / (DRAWS * (variance - covariance))
        found["among each other"] = survival(float(off), people - 1)
    return found


def of_region(region: int, counts: list[int]) -> list[int]:
    return [count for (of, _), count in zip(JOINED, counts, strict=True) if of == region]


@pytest.mark.parametrize("region", [31, 32, 33, 94])
def test_reserved_and_open_seats_together_give_each_entry_of_a_region_its_chance(region: int, draws: int) -> None:
    found = chances_of_a_region(region, of_region(region, chosen_with_reserved_seats(draws)))
    assert min(found.values()) > P_MIN, found


def test_all_are_chosen_where_there_are_fewer_entries_than_reserved_seats(draws: int) -> None:
    counts = chosen_with_reserved_seats(draws)
    assert of_region(11, counts) == [DRAWS] * SIZES[11]
    assert sum(counts) == DRAWS * RESERVED_QUOTA


# That these tests can fail


def favour(monkeypatch: pytest.MonkeyPatch, leaves: set[bytes], percent: int) -> None:
    """A selection in which the values of some are lower than they should be, by so much."""
    honest = selection._between

    def unfair(seed: bytes, tag: bytes, leaf_list: bytes, low: bytes, high: bytes) -> list[tuple[bytes, bytes]]:
        return [
            ((int.from_bytes(value, "big") * 100 // (100 + percent)).to_bytes(32, "big"), leaf)
            if leaf in leaves
            else (value, leaf)
            for value, leaf in honest(seed, tag, leaf_list, low, high)
        ]

    monkeypatch.setattr(selection, "_between", unfair)


FAVOURED: dict[str, tuple[set[bytes], int, Callable[[list[int]], float]]] = {
    "the earlier half by 3 %": ({leaf for _, leaf in JOINED[: PEOPLE // 2]}, 3, lambda n: together(by_decile(n))),
    "the largest region by 3 %": (
        {leaf for region, leaf in JOINED if region == 31},
        3,
        lambda n: together(by_region(n).values()),
    ),
    "the smallest region by 10 %": (
        {leaf for region, leaf in JOINED if region == 94},
        10,
        lambda n: together(by_region(n).values()),
    ),
    "every tenth entry by 10 %": ({leaf for _, leaf in JOINED[::10]}, 10, lambda n: together(singly(n))),
    "one entry by 10 %": ({JOINED[17][1]}, 10, lambda n: alone(1, n[17])),
}


@pytest.mark.parametrize("who", FAVOURED)
def test_a_biased_selection_is_detected(monkeypatch: pytest.MonkeyPatch, who: str, draws: int) -> None:
    leaves, percent, p = FAVOURED[who]
    favour(monkeypatch, leaves, percent * isqrt(len(SEEDS) // draws))
    assert p(chosen({}, QUOTA)) < P_MIN


def test_reusing_the_order_of_reserved_seats_for_open_ones_is_detected(
    monkeypatch: pytest.MonkeyPatch, draws: int
) -> None:
    """Who lost in a region with many seats would lose again: a mistake that every single rule of the draw survives."""
    monkeypatch.setattr(selection, "_OPEN", selection._RANK)
    counts = chosen(RESERVED, RESERVED_QUOTA)
    assert chances_of_a_region(32, of_region(32, counts))["the region"] < P_MIN
    assert chances_of_a_region(94, of_region(94, counts))["the region"] < P_MIN


@pytest.mark.parametrize(
    ("statistic", "freedom", "p"),
    [(3.841, 1, 0.05), (10.828, 1, 0.001), (16.919, 9, 0.05), (27.877, 9, 0.001), (18.467, 4, 0.001)]
    + [(77.931, 59, 0.05), (98.324, 59, 0.001), (59.703, 30, 0.001), (0, 3, 1.0)],
)
def test_the_survival_function_gives_the_figures_of_printed_tables(statistic: float, freedom: int, p: float) -> None:
    assert survival(statistic, freedom) == pytest.approx(p, rel=2e-3)


def survival(statistic: float, freedom: int) -> float:
    """The probability that chi-square with `freedom` degrees (at least 1) exceeds `statistic`.

    The upper regularised gamma function Q(freedom / 2, statistic / 2), which for whole and half arguments is a finite
    sum: Q(a + 1, x) = Q(a, x) + x^a e^-x / Gamma(a + 1), from Q(1, x) = e^-x or Q(1/2, x) = erfc(sqrt(x)) on.
    """
    x = statistic / 2
    if x <= 0:
        return 1.0
    a, total = (1.0, exp(-x)) if freedom % 2 == 0 else (0.5, erfc(sqrt(x)))
    while a < freedom / 2:
        total += exp(a * log(x) - x - lgamma(a + 1))
        a += 1
    return total
