"""The intervals against published values, to the digits that were published."""

from __future__ import annotations

import math

import pytest

from chalicelib.outcomes.figures import net_promoter, newcombe, wilson


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


@pytest.mark.parametrize("wrong", [(1, 0), (3, 2), (-1, 2), (0, 0)])
def test_a_share_of_an_impossible_group_is_refused(wrong):
    with pytest.raises(ValueError, match="share"):
        wilson(*wrong)


@pytest.mark.parametrize("wrong", [(0, 0, 0), (-1, 2, 3)])
def test_a_score_of_no_answers_is_refused(wrong):
    with pytest.raises(ValueError, match="answers"):
        net_promoter(*wrong)
