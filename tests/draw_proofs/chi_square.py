"""How likely a chi-square statistic is by chance. Standard library only."""

from __future__ import annotations

from math import erfc, exp, lgamma, log, sqrt


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
