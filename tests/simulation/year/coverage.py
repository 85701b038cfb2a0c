"""How often the published interval covers a planted effect: generated answers, counted and judged by the real rules.

Nobody registers here and nothing is stored: only the pure count (`tally_rules`) and the pure figures are used.
"""

from __future__ import annotations

import math
import random
from bisect import bisect, bisect_left
from collections import Counter
from datetime import UTC, datetime, timedelta
from itertools import accumulate

from chalicelib.money import rupiah
from chalicelib.outcomes import figures, tally_rules
from chalicelib.outcomes.survey_rules import Group, Survey

from .people import survey_answers
from .rates import Rates

OPENED = datetime(2023, 9, 1, tzinfo=UTC)
TRAINED, COMPARED = 500, 400
"""Who answer, of each group."""


def covers(seed: int, rates: Rates) -> bool:
    """Whether the interval of the difference has the planted effect in it."""
    dice = random.Random(seed)
    counts: Counter[str] = Counter()
    for group, people, more in ((Group.BENEFICIARY, TRAINED, rates.effect), (Group.COMPARISON, COMPARED, 0.0)):
        for number in range(people):
            unemployed = dice.random() < rates.unemployed
            works = dice.random() < rates.works_after + more if unemployed else True
            beneficiary = group is Group.BENEFICIARY
            happy = dice.randrange(11)
            given = survey_answers(unemployed=unemployed, works=works, about_programme=beneficiary, happy=happy)
            answers = {name: tuple(one) if isinstance(one, list) else one for name, one in given.items()}
            counts += tally_rules.of_survey(
                Survey(
                    f"survey-{number}", f"person-{number}", 1, group, 54, 31, "2026-01", rupiah(0), OPENED,
                    OPENED + timedelta(days=30), answers, OPENED + timedelta(days=1),
                )
            )  # fmt: skip
    gap = figures.outcomes(counts, lambda _: True).working_difference
    return gap.lower is not None and gap.upper is not None and gap.lower <= rates.effect <= gap.upper


def coverage(seeds: int, rates: Rates) -> int:
    """In how many of the seeds 0 to `seeds` - 1."""
    return sum(covers(seed, rates) for seed in range(seeds))


def by_chance(seeds: int) -> tuple[int, int]:
    """In how many of so many seeds an interval of exactly 95% covers, at the least and at the most, 95 times in 100."""
    sums = list(accumulate(math.comb(seeds, hits) * 0.95**hits * 0.05 ** (seeds - hits) for hits in range(seeds + 1)))
    return bisect(sums, 0.025), bisect_left(sums, 0.975)
