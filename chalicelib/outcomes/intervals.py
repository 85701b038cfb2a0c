"""How sure a published share is: 95% intervals. Pure, standard library only; the methods are named with their source.

Every interval here keeps its meaning for small groups and for shares near 0 or 1, where the textbook one (the estimate
plus or minus 1.96 standard errors) does not.
"""

from __future__ import annotations

import math
from dataclasses import dataclass

Z = 1.959963984540054
"""The two-sided 95% point of the normal distribution."""


@dataclass(frozen=True, slots=True)
class Estimate:
    """An estimate and the ends of its 95% interval."""

    value: float
    lower: float
    upper: float


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
