"""From counts to the figures that are shown: shares with 95% intervals, and null where people are too few. Pure.

Each method is named with its source. The intervals hold for small groups and for shares near 0 or 1, where the textbook
one (the estimate plus or minus 1.96 standard errors) does not.
"""

from __future__ import annotations

import math
from collections.abc import Callable, Mapping
from dataclasses import dataclass

from .statistics_wire import Days, Difference, Month, NetPromoter, Outcomes, Progress, Share
from .tally_rules import SATISFACTION, Count, Counts

Shown = Callable[[str], bool]
"""Whether a group of people, by its name, may be shown at the place in question."""

DAY_MS = 86_400_000
DIGITS = 4
"""Of a share; a score has two fewer, as it runs to 100."""

GROUPS = (
    *(Count.JOINED, Count.CHOSEN, Count.REVOKED, Count.COMPLETED, Count.GRADUATES, Count.PAID, Count.TIMED),
    *(Count.OFFERED_1, Count.ANSWERED_1, Count.OFFERED_2, Count.ANSWERED_2, Count.UNEMPLOYED),
    *(Count.COMPARISON_OFFERED, Count.COMPARISON_ANSWERED, Count.COMPARISON_UNEMPLOYED),
)
"""The groups that figures are about, besides the months. A group that is too small hides every figure about it."""


def progress(counts: Counts, shown: Shown) -> Progress:
    """How far people have come."""

    def people(name: Count) -> int | None:
        return counts.get(name, 0) if shown(name) else None

    return Progress(
        joined=people(Count.JOINED),
        chosen=people(Count.CHOSEN),
        revoked=people(Count.REVOKED),
        completed=people(Count.COMPLETED),
        graduates=people(Count.GRADUATES),
        paid=people(Count.PAID),
        paid_idr=counts.get(Count.PAID_IDR, 0) if shown(Count.PAID) else None,
    )


def outcomes(counts: Counts, shown: Shown) -> Outcomes:
    """What became of people."""

    def of(part: Count, whole: Count) -> Share:
        return _share(counts.get(part, 0), counts.get(whole, 0)) if shown(whole) else Share()

    def response(answered: Count, offered: Count) -> Share:
        return of(answered, offered) if shown(answered) else Share()

    working = of(Count.WORKING, Count.UNEMPLOYED)
    comparison = of(Count.COMPARISON_WORKING, Count.COMPARISON_UNEMPLOYED)
    return Outcomes(
        survey_1_response=response(Count.ANSWERED_1, Count.OFFERED_1),
        survey_2_response=response(Count.ANSWERED_2, Count.OFFERED_2),
        comparison_response=response(Count.COMPARISON_ANSWERED, Count.COMPARISON_OFFERED),
        working=working,
        comparison_working=comparison,
        working_difference=_difference(working, comparison),
        business_capital=of(Count.CAPITAL, Count.ANSWERED_1),
        net_promoter=_net_promoter(counts) if shown(Count.ANSWERED_1) else NetPromoter(),
        satisfaction=[_month(name, scores, shown) for name, scores in sorted(_months(counts).items())],
        days_to_payment=_days(counts) if shown(Count.TIMED) else Days(),
    )


def months(counts: Counts) -> dict[str, int]:
    """How many people answered in each month; each a group of its own (`satisfaction/2026-11`)."""
    return {name: sum(scores.values()) for name, scores in _months(counts).items()}


def _months(counts: Counts) -> dict[str, dict[int, int]]:
    found: dict[str, dict[int, int]] = {}
    for name, people in counts.items():
        if name.startswith(f"{SATISFACTION}/"):
            month, _, score = name.rpartition("/")
            found.setdefault(month, {})[int(score)] = people
    return found


def _month(name: str, scores: Mapping[int, int], shown: Shown) -> Month:
    month = name.rpartition("/")[2]
    if not shown(name):
        return Month(month)
    answers = sum(scores.values())
    mean = sum(score * people for score, people in scores.items()) / answers if answers else None
    satisfied = _share(sum(people for score, people in scores.items() if score >= 4), answers)
    return Month(month, answers, None if mean is None else round(mean, 2), satisfied)


def _share(numerator: int, denominator: int) -> Share:
    if not denominator:
        return Share(numerator, denominator)
    return Share(numerator, denominator, *wilson(numerator, denominator).rounded(DIGITS))


def _difference(one: Share, other: Share) -> Difference:
    if not one.denominator or not other.denominator or one.numerator is None or other.numerator is None:
        return Difference()
    estimate = newcombe(one.numerator, one.denominator, other.numerator, other.denominator)
    return Difference(*estimate.rounded(DIGITS))


def _net_promoter(counts: Counts) -> NetPromoter:
    promoters, passives, detractors = (
        counts.get(name, 0) for name in (Count.PROMOTERS, Count.PASSIVES, Count.DETRACTORS)
    )
    answers = promoters + passives + detractors
    if not answers:
        return NetPromoter(0, 0, 0, 0)
    estimate = net_promoter(promoters, passives, detractors)
    return NetPromoter(answers, promoters, passives, detractors, *estimate.rounded(DIGITS - 2))


def _days(counts: Counts) -> Days:
    people = counts.get(Count.TIMED, 0)
    return Days(people, round(counts[Count.TIMED_MS] / people / DAY_MS, 2) if people else None)


Z = 1.959963984540054
"""The two-sided 95% point of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate and the ends of its 95% interval."""

    value: float
    lower: float
    upper: float

    def rounded(self, digits: int) -> tuple[float, float, float]:
        """All three, to so many decimal places."""
        return round(self.value, digits), round(self.lower, digits), round(self.upper, digits)


def wilson(successes: int, n: int) -> Estimate:
    """A share with Wilson's score interval (Wilson 1927), without continuity correction; from 0 to 1.

    `n` must be above zero: of nobody there is no share. Refuses impossible counts with ValueError.
    """
    _check(successes, n)
    share = successes / n
    centre = (share + Z * Z / (2 * n)) / (1 + Z * Z / n)
    half = Z / (1 + Z * Z / n) * math.sqrt(share * (1 - share) / n + Z * Z / (4 * n * n))
    # Rounding must not push an end past what the formula gives exactly there.
    lower = 0.0 if successes == 0 else max(0.0, centre - half)
    upper = 1.0 if successes == n else min(1.0, centre + half)
    return Estimate(share, lower, upper)


def newcombe(successes: int, n: int, other_successes: int, other_n: int) -> Estimate:
    """The difference of two independent shares, the first less the other, from -1 to 1.

    Newcombe's hybrid of the two score intervals (Statistics in Medicine 17 (1998) 873-890, method 10), without
    continuity correction. Refuses impossible counts with ValueError.
    """
    one, other = wilson(successes, n), wilson(other_successes, other_n)
    difference = one.value - other.value
    return Estimate(
        difference,
        difference - math.hypot(one.value - one.lower, other.upper - other.value),
        difference + math.hypot(one.upper - one.value, other.value - other.lower),
    )


def net_promoter(promoters: int, passives: int, detractors: int) -> Estimate:
    """The net promoter score: percent who give 9 or 10 less percent who give 0 to 6; from -100 to 100, never clipped.

    Its interval is the adjusted Wald one with three pseudo-answers, 3/4 of them promoters and 3/4 detractors (Rocks,
    The American Statistician 70 (2016) 365-372), cut off at the ends of the scale. Somebody must have answered; refuses
    impossible counts with ValueError.
    """
    n = promoters + passives + detractors
    if min(promoters, passives, detractors) < 0 or n == 0:
        raise ValueError("a score needs answers")
    up, down, adjusted_n = promoters + 0.75, detractors + 0.75, n + 3
    centre = (up - down) / adjusted_n
    half = Z * math.sqrt(((up + down) / adjusted_n - centre * centre) / adjusted_n)
    return Estimate(100 * (promoters - detractors) / n, 100 * max(-1.0, centre - half), 100 * min(1.0, centre + half))


def _check(successes: int, n: int) -> None:
    if not 0 <= successes <= n or n == 0:
        raise ValueError("a share needs somebody to be a share of")
