"""From counts to the published figures: shares with 95% intervals, and null if too few people are behind them. Pure.

Each method is named with its source. The intervals hold for small groups and for shares near 0 or 1, where the textbook
interval (the estimate plus or minus 1.96 standard errors) does not.

A figure about 1 to 9 people is withheld; a figure about nobody is shown. If only one figure of a sum were withheld, it
would follow from the total and the other parts. So a second one is withheld with it (secondary suppression), the
smallest that will do. The figures withheld together are about at least ten people, because the total less the parts
that are shown tells their sum.
"""

from __future__ import annotations

import math
from collections import deque
from collections.abc import Callable, Collection, Iterable, Mapping, Sequence
from typing import Generic, TypeVar

from ..values import Value
from .statistics_wire import FEWEST, Days, Gap, MonthView, NetPromoter, Outcomes, Progress, Ratio
from .tally_rules import SATISFACTION, Count, Counts

Shown = Callable[[str], bool]
"""Whether a group of people, by its name, may be shown at a place."""

DAY_MS = 86_400_000
DIGITS = 4
"""The decimal places of a share; a score has two fewer, as it runs to 100."""

GROUPS = (
    *(Count.JOINED, Count.CHOSEN, Count.REVOKED, Count.COMPLETED, Count.GRADUATES, Count.PAID, Count.TIMED),
    *(Count.OFFERED_1, Count.ANSWERED_1, Count.OFFERED_2, Count.ANSWERED_2, Count.UNEMPLOYED),
    *(Count.COMPARISON_OFFERED, Count.COMPARISON_ANSWERED, Count.COMPARISON_UNEMPLOYED),
)
"""The groups that figures are about, besides the months. If a group is too small, every figure about it is hidden."""


def progress(counts: Counts, shown: Shown) -> Progress:
    of_whom = {name: Count(name) for name in Progress.__struct_fields__} | {"paid_idr": Count.PAID}
    return Progress(**{name: counts.get(name, 0) if shown(group) else None for name, group in of_whom.items()})


def outcomes(counts: Counts, shown: Shown) -> Outcomes:
    def of(part: Count, whole: Count) -> Ratio:
        return _share(counts.get(part, 0), counts.get(whole, 0)) if shown(whole) else Ratio()

    def response(answered: Count, offered: Count) -> Ratio:
        return of(answered, offered) if shown(answered) else Ratio()

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
    """How many people answered in each month; each month is a group (`satisfaction/2026-11`)."""
    return {name: sum(scores.values()) for name, scores in _months(counts).items()}


def _months(counts: Counts) -> dict[str, dict[int, int]]:
    found: dict[str, dict[int, int]] = {}
    for name, people in counts.items():
        if name.startswith(f"{SATISFACTION}/"):
            month, _, score = name.rpartition("/")
            found.setdefault(month, {})[int(score)] = people
    return found


def _month(name: str, scores: Mapping[int, int], shown: Shown) -> MonthView:
    month = name.rpartition("/")[2]
    if not shown(name):
        return MonthView(month)
    answers = sum(scores.values())
    mean = sum(score * people for score, people in scores.items()) / answers if answers else None
    satisfied = _share(sum(people for score, people in scores.items() if score >= 4), answers)
    return MonthView(month, answers, None if mean is None else round(mean, 2), satisfied)


def _share(numerator: int, denominator: int) -> Ratio:
    if not denominator:
        return Ratio(numerator, denominator)
    return Ratio(numerator, denominator, *wilson(numerator, denominator).rounded(DIGITS))


def _difference(one: Ratio, other: Ratio) -> Gap:
    if not one.denominator or not other.denominator or one.numerator is None or other.numerator is None:
        return Gap()
    estimate = newcombe(one.numerator, one.denominator, other.numerator, other.denominator)
    return Gap(*estimate.rounded(DIGITS))


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


NORMAL_95 = 1.959963984540054
"""The two-sided 95% point of the normal distribution."""


class IntervalEstimate(Value, frozen=True):
    """An estimate and the ends of its 95% interval."""

    value: float
    lower: float
    upper: float

    def rounded(self, digits: int) -> tuple[float, float, float]:
        """All three, to so many decimal places."""
        return round(self.value, digits), round(self.lower, digits), round(self.upper, digits)


def wilson(successes: int, n: int) -> IntervalEstimate:
    """A share with Wilson's score interval (Wilson 1927), without continuity correction; from 0 to 1.

    `n` must be above zero, because nobody has no share. Raises ValueError for impossible counts.
    """
    if not 0 <= successes <= n or n == 0:
        raise ValueError("a share needs somebody to be a share of")
    share = successes / n
    z, scale = NORMAL_95, 1 + NORMAL_95 * NORMAL_95 / n
    centre = (share + z * z / (2 * n)) / scale
    half = z / scale * math.sqrt(share * (1 - share) / n + z * z / (4 * n * n))
    # Rounding must not move an end past the exact value that the formula has there.
    lower = 0.0 if successes == 0 else max(0.0, centre - half)
    upper = 1.0 if successes == n else min(1.0, centre + half)
    return IntervalEstimate(share, lower, upper)


def newcombe(successes: int, n: int, other_successes: int, other_n: int) -> IntervalEstimate:
    """The difference of two independent shares, the first less the other, from -1 to 1.

    Newcombe's hybrid of the two score intervals (Statistics in Medicine 17 (1998) 873-890, method 10), without
    continuity correction. Raises ValueError for impossible counts.
    """
    one, other = wilson(successes, n), wilson(other_successes, other_n)
    difference = one.value - other.value
    return IntervalEstimate(
        difference,
        difference - math.hypot(one.value - one.lower, other.upper - other.value),
        difference + math.hypot(one.upper - one.value, other.value - other.lower),
    )


def net_promoter(promoters: int, passives: int, detractors: int) -> IntervalEstimate:
    """The net promoter score: percent who give 9 or 10 less percent who give 0 to 6; from -100 to 100, never clipped.

    Its interval is the adjusted Wald one with three pseudo-answers, 3/4 of them promoters and 3/4 detractors (Rocks,
    The American Statistician 70 (2016) 365-372), cut off at the ends of the scale. At least one person must have
    answered. Raises ValueError for impossible counts.
    """
    n = promoters + passives + detractors
    if min(promoters, passives, detractors) < 0 or n == 0:
        raise ValueError("a score needs answers")
    up, down, adjusted_n = promoters + 0.75, detractors + 0.75, n + 3
    centre = (up - down) / adjusted_n
    half = NORMAL_95 * math.sqrt(((up + down) / adjusted_n - centre * centre) / adjusted_n)
    score = 100 * (promoters - detractors) / n
    return IntervalEstimate(score, 100 * max(-1.0, centre - half), 100 * min(1.0, centre + half))


K = TypeVar("K")


class Sum(Value, Generic[K], frozen=True):
    """A total and its parts, which readers know to add up."""

    total: K
    parts: Sequence[K]


def withheld(
    cells: Mapping[K, int], sums: Iterable[Sum[K]], public: Collection[K] = (), unpublished: Collection[K] = ()
) -> set[K]:
    """The cells not to show. `cells` are people by any key; every key of `sums` is among them.

    `public` cells are published elsewhere: always shown, and counted as known in every sum. `unpublished` cells are
    shown nowhere: they hide others and need no hiding themselves; those with people are among the result.

    Each sum is protected by itself, which need not protect a chain of several: this is the usual heuristic, not a
    proof.
    """
    table = _Table(cells, list(sums), public, unpublished)
    for key, people in cells.items():
        if people and (key in unpublished or (people < FEWEST and key not in public)):
            table.hide(key)
    while table.waiting:
        another = table.another(table.waiting.popleft())
        if another is not None:
            table.hide(another)
    return table.hidden


class _Table(Generic[K]):
    """Cells and their sums while the withheld cells are determined."""

    def __init__(
        self, cells: Mapping[K, int], sums: list[Sum[K]], public: Collection[K], unpublished: Collection[K]
    ) -> None:
        self.hidden: set[K] = set()
        self.waiting: deque[int] = deque()
        """The sums to look at, by number."""
        self._cells = cells
        self._sums = sums
        self._public = public
        self._unpublished = unpublished
        self._hidden_in = [0] * len(sums)
        self._of_cell: dict[K, list[int]] = {}
        for number, one in enumerate(sums):
            for key in (one.total, *one.parts):
                self._of_cell.setdefault(key, []).append(number)

    def hide(self, key: K) -> None:
        """Withhold a cell; all its sums must be looked at again, as one more cell may be needed."""
        self.hidden.add(key)
        for number in self._of_cell.get(key, ()):
            self._hidden_in[number] += 1
            self.waiting.append(number)

    def another(self, number: int) -> K | None:
        """The cell to withhold next, so that a sum gives nothing away; None if it does not, or nothing is left."""
        one = self._sums[number]
        parts = [part for part in one.parts if part in self.hidden]
        total_shown = one.total not in self.hidden
        unknown = parts if total_shown else [*parts, one.total]
        if all(key in self._unpublished for key in unknown):
            return None
        lone = len(unknown) == 1
        few = total_shown and sum(self._cells[part] for part in parts) < FEWEST
        if not lone and not few:
            return None
        shown = [key for key in (*one.parts, one.total) if key not in self.hidden and key not in self._public]
        peopled = [key for key in shown if self._cells[key]]
        if peopled:
            # The one with the fewest other sums in which nothing is hidden yet, because each of those needs a second
            # hidden cell. Of equal ones a part comes before the total, then the smallest.
            return min(peopled, key=lambda key: (self._alone(key, number), key == one.total, self._cells[key]))
        # All others are about nobody: hiding one of them leaves open whose the figure is. If none is left, nothing
        # helps.
        return shown[0] if lone and shown else None

    def _alone(self, key: K, besides: int) -> int:
        return sum(1 for number in self._of_cell[key] if number != besides and not self._hidden_in[number])
