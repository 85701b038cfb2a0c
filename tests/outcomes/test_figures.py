"""The intervals against published values, to the digits that were published.

Which figures about small groups are withheld, and which others would reveal them.
"""

from __future__ import annotations

import math
import random
from fractions import Fraction

import pytest

from chalicelib.outcomes.figures import Sum, net_promoter, newcombe, wilson, withheld
from chalicelib.outcomes.statistics_wire import FEWEST


@pytest.mark.parametrize(
    ("successes", "n", "lower", "upper"),
    [(81, 263, 0.2553, 0.3662), (15, 148, 0.0624, 0.1605), (0, 20, 0.0, 0.1611), (1, 29, 0.0061, 0.1718)],
)
def test_wilsons_interval_is_the_one_in_newcombes_table(successes, n, lower, upper):
    # Newcombe, Two-sided confidence intervals for the single proportion, Statistics in Medicine 17 (1998) 857-872,
    # table I, method 3.
    got = wilson(successes, n)
    assert (got.value, round(got.lower, 4), round(got.upper, 4)) == (successes / n, lower, upper)


@pytest.mark.parametrize(
    ("one", "other", "lower", "upper"),
    [
        ((56, 70), (48, 80), 0.0524, 0.3339),
        ((9, 10), (3, 10), 0.1705, 0.8090),
        ((6, 7), (2, 7), 0.0582, 0.8062),
        ((5, 56), (0, 29), -0.0381, 0.1926),
        ((0, 10), (0, 20), -0.1611, 0.2775),
        ((0, 10), (0, 10), -0.2775, 0.2775),
        ((10, 10), (0, 20), 0.6791, 1.0),
        ((10, 10), (0, 10), 0.6075, 1.0),
    ],
)
def test_the_difference_of_two_shares_is_the_one_in_newcombes_table(one, other, lower, upper):
    # Newcombe, Interval estimation for the difference between independent proportions, Statistics in Medicine 17
    # (1998) 873-890, table II, method 10.
    got = newcombe(*one, *other)
    assert (round(got.lower, 4), round(got.upper, 4)) == (lower, upper)
    assert got.value == pytest.approx(one[0] / one[1] - other[0] / other[1])


@pytest.mark.parametrize(
    ("one", "other"), [((300, 0.45), (240, 0.3)), ((60, 0.45), (45, 0.3)), ((300, 0.1), (20, 0.05))]
)
def test_the_interval_of_a_difference_covers_the_truth_in_95_of_100_cases(one, other):
    # Computed and not tried: the probability of each pair of counts, summed up where the interval has the difference.
    def likely(n, share):
        return {k: p for k in range(n + 1) if (p := math.comb(n, k) * share**k * (1 - share) ** (n - k)) > 1e-6}

    truth, covered = one[1] - other[1], 0.0
    for k, p in likely(*one).items():
        for m, q in likely(*other).items():
            got = newcombe(k, one[0], m, other[0])
            covered += p * q if got.lower <= truth <= got.upper else 0
    assert 0.945 < covered < 0.97


def test_a_share_of_everybody_or_nobody_keeps_to_its_scale():
    assert wilson(0, 7).lower == 0
    assert wilson(7, 7).upper == 1
    assert wilson(1, 10**9).lower >= 0


def test_the_net_promoter_score_is_worked_out_by_hand():
    # 15 of 36 promote and 9 detract: 41.67 - 25. With the pseudo-answers 15.75, 9.75 and 39:
    # centre 6/39 = 0.15385, variance (25.5/39 - 0.15385^2)/39 = 0.016158, half 1.96 * 0.127116 = 0.249143.
    got = net_promoter(15, 12, 9)
    assert got.value == pytest.approx(100 * 6 / 36)
    assert (round(got.lower, 1), round(got.upper, 1)) == (-9.5, 40.3)


@pytest.mark.parametrize(("answers", "score"), [((10, 0, 0), 100), ((0, 0, 10), -100), ((0, 10, 0), 0), ((3, 0, 3), 0)])
def test_the_score_runs_from_minus_to_plus_one_hundred(answers, score):
    got = net_promoter(*answers)
    assert got.value == score
    assert -100 <= got.lower <= got.value <= got.upper <= 100


def test_more_answers_make_every_interval_narrower():
    for few, many in [
        (wilson(3, 10), wilson(300, 1000)),
        (newcombe(3, 10, 2, 10), newcombe(300, 1000, 200, 1000)),
        (net_promoter(5, 3, 2), net_promoter(500, 300, 200)),
    ]:
        assert math.isclose(few.value, many.value)
        assert many.upper - many.lower < (few.upper - few.lower) / 5


def test_a_share_of_an_impossible_group_and_a_score_of_no_answers_are_refused():
    for wrong in ((1, 0), (3, 2), (-1, 2), (0, 0)):
        with pytest.raises(ValueError, match="share"):
            wilson(*wrong)
    for answers in ((0, 0, 0), (-1, 2, 3)):
        with pytest.raises(ValueError, match="answers"):
            net_promoter(*answers)


def test_figures_about_ten_people_are_shown_and_about_nine_withheld():
    assert withheld({"a": 10, "b": 9, "c": 0, "d": 1}, []) == {"b", "d"}


PUBLIC = {"public": {"total"}}
STATES = {**PUBLIC, "unpublished": {"potential"}}


@pytest.mark.parametrize(
    ("parts", "options", "hidden"),
    [
        ({"aceh": 4, "bali": 30, "riau": 12, "papua": 0}, {}, {"aceh", "riau"}),  # the smallest other part goes along
        ({"aceh": 4, "bali": 30, "riau": 5}, {}, {"aceh", "riau", "bali"}),  # two of fewer than ten take a third
        ({"aceh": 4, "bali": 30, "riau": 6}, {}, {"aceh", "riau"}),  # two of ten hide each other
        ({"aceh": 4, "bali": 0}, {}, {"aceh", "total"}),  # a small total goes with its only part
        # Where the total is known, that it is all one province's would follow from the others' being nobody.
        ({"aceh": 3, "bali": 0, "riau": 0}, PUBLIC, {"aceh", "bali"}),
        # What is never published hides a small part as well as any, and needs no hiding itself.
        ({"revoked": 3, "recipients": 500, "potential": 40}, STATES, {"revoked", "potential"}),
        ({"revoked": 3, "recipients": 500, "potential": 0}, STATES, {"revoked", "recipients"}),
        ({"revoked": 0, "recipients": 500, "potential": 40}, STATES, {"potential"}),
    ],
)
def test_withholding_a_small_part_withholds_another_that_would_reveal_it(parts, options, hidden):
    cells = parts | {"total": sum(parts.values())}
    assert withheld(cells, [Sum("total", list(parts))], **options) == hidden


def test_a_part_is_hidden_along_rows_and_columns():
    cells = {("w1", "a"): 5, ("w1", "b"): 40, ("w1", "c"): 50, ("w2", "a"): 20, ("w2", "b"): 60, ("w2", "c"): 70}
    hidden = withheld(*two_way(cells))
    # Alone in its row and in its column it would follow from either.
    assert hidden & cells.keys() == {("w1", "a"), ("w1", "b"), ("w2", "a"), ("w2", "b")}


def two_way(inner: dict[tuple[str, str], int]) -> tuple[dict[tuple[str, str], int], list[Sum[tuple[str, str]]]]:
    rows = sorted({row for row, _ in inner})
    columns = sorted({column for _, column in inner})
    cells = dict(inner)
    sums = []
    for row in rows:
        parts = [(row, column) for column in columns]
        cells[row, ""] = sum(inner[part] for part in parts)
        sums.append(Sum((row, ""), parts))
    for one in columns:
        parts = [(row, one) for row in rows]
        cells["", one] = sum(inner[part] for part in parts)
        sums.append(Sum(("", one), parts))
    cells["", ""] = sum(inner.values())
    sums += [Sum(("", ""), [(row, "") for row in rows]), Sum(("", ""), [("", one) for one in columns])]
    return cells, sums


@pytest.mark.parametrize("seed", range(20))
def test_no_sums_of_a_table_reveal_a_withheld_figure(seed):
    chance = random.Random(seed)
    inner = {(f"w{w}", f"p{p}"): chance.choice([0, 2, 7, 15, 40, 300]) for w in range(4) for p in range(6)}
    cells, sums = two_way(inner)
    hidden = withheld(cells, sums)

    assert solvable(hidden, sums) == []
    assert {key for key, people in cells.items() if 0 < people < FEWEST} <= hidden
    for one in sums:
        unknown = [key for key in (one.total, *one.parts) if key in hidden]
        assert len(unknown) != 1
        if one.total not in hidden and 0 < sum(cells[key] for key in unknown) < FEWEST:
            assert cells[one.total] == sum(cells[key] for key in unknown), "nobody else was left to hide them"


def solvable(hidden: set[tuple[str, str]], sums: list[Sum[tuple[str, str]]]) -> list[tuple[str, str]]:
    """The withheld figures that the sums determine: exact elimination over the unknowns."""
    unknowns = sorted(hidden)
    rows = []
    for one in sums:
        row = [Fraction(0)] * len(unknowns)
        for key, sign in [(one.total, -1), *((part, 1) for part in one.parts)]:
            if key in hidden:
                row[unknowns.index(key)] += sign
        rows.append(row)
    lead = 0
    for at in range(len(unknowns)):
        pivot = next((r for r in range(lead, len(rows)) if rows[r][at]), None)
        if pivot is None:
            continue
        rows[lead], rows[pivot] = rows[pivot], rows[lead]
        rows[lead] = [value / rows[lead][at] for value in rows[lead]]
        for r in range(len(rows)):
            if r != lead and rows[r][at]:
                factor = rows[r][at]
                rows[r] = [value - factor * base for value, base in zip(rows[r], rows[lead], strict=True)]
        lead += 1
    return [
        unknowns[at]
        for row in rows
        for at in [next((i for i, value in enumerate(row) if value), -1)]
        if at >= 0 and sum(1 for value in row if value) == 1
    ]
