"""The published statistics, as JSON. Every definition, with numerator and denominator, is in docs/outcomes.md.

Null is a share of nobody, or a figure that is withheld: about fewer than ten people, or giving such a one away. Shares
run from 0 to 1, net promoter scores from -100 to 100; `lower` and `upper` are the ends of a 95% interval.

`/statistics.csv` has a line for each wave and province; null is an empty cell there, and satisfaction by month is left
out. Pure.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from msgspec import Struct
from msgspec.structs import astuple

FEWEST = 10
"""People; a figure about fewer is withheld."""


class Ratio(Struct, frozen=True):
    """How many of how many, and what share that is."""

    numerator: int | None = None
    denominator: int | None = None
    share: float | None = None
    lower: float | None = None
    upper: float | None = None


class Gap(Struct, frozen=True):
    """One share less another, from -1 to 1."""

    difference: float | None = None
    lower: float | None = None
    upper: float | None = None


class NetPromoter(Struct, frozen=True):
    """The net promoter score, with the answers that it is made of."""

    answers: int | None = None
    promoters: int | None = None
    passives: int | None = None
    detractors: int | None = None
    score: float | None = None
    lower: float | None = None
    upper: float | None = None


class MonthView(Struct, frozen=True):
    """Satisfaction from 1 to 5 in the answers of one month (`2026-11`, WIB); `satisfied`: those who gave 4 or 5."""

    month: str
    answers: int | None = None
    mean: float | None = None
    satisfied: Ratio = Ratio()


class Days(Struct, frozen=True):
    """An average of days over so many people."""

    people: int | None = None
    mean_days: float | None = None


class Progress(Struct, frozen=True):
    """How far people have come: numbers of people, and what was paid in whole rupiah."""

    joined: int | None = None
    chosen: int | None = None
    revoked: int | None = None
    completed: int | None = None
    graduates: int | None = None
    paid: int | None = None
    paid_idr: int | None = None


class Outcomes(Struct, frozen=True):
    """What became of people, as they say. `working`: of the formerly unemployed, who now work or run a business."""

    survey_1_response: Ratio
    survey_2_response: Ratio
    comparison_response: Ratio
    working: Ratio
    comparison_working: Ratio
    working_difference: Gap
    business_capital: Ratio
    net_promoter: NetPromoter
    satisfaction: list[MonthView]
    days_to_payment: Days


class RecipientCounts(Struct, frozen=True):
    """People who used the benefit, and apart from them those who completed a training and reviewed it."""

    recipients: int | None = None
    graduates: int | None = None


class Totals(Struct, frozen=True):
    """Totals imported of the waves before this system, this system's own, and both together."""

    before_this_system: RecipientCounts = RecipientCounts()
    this_system: RecipientCounts = RecipientCounts()
    since_the_start: RecipientCounts = RecipientCounts()


class YearView(Struct, frozen=True):
    """A year (WIB, of the waves' openings): `participants` are those chosen less those revoked."""

    year: int
    target: int
    participants: int
    share_of_target: float
    progress: Progress


class ProvinceOfWave(Struct, frozen=True):
    """A province in one wave."""

    code: str
    name: str
    progress: Progress
    outcomes: Outcomes


class Province(Struct, frozen=True):
    """A province over all waves of this system."""

    code: str
    name: str
    registered: int | None
    totals: Totals
    progress: Progress
    outcomes: Outcomes


class WaveLine(Struct, frozen=True):
    """A wave in the list of waves; by province it is at `/statistics/waves/{number}`."""

    number: int
    year: int
    progress: Progress
    closes_at: str | None = None
    working: Ratio = Ratio()
    comparison_working: Ratio = Ratio()
    business_capital: Ratio = Ratio()
    net_promoter: NetPromoter = NetPromoter()
    days_to_payment: Days = Days()


class RegisteredIn(Struct, frozen=True):
    """The people who registered in one month (`2026-11`, WIB), of those who are registered now."""

    month: str
    registered: int | None = None


class JobMarket(Struct, frozen=True):
    """Cases, not people: nothing is withheld."""

    open_vacancies: int = 0
    vacancies: int = 0
    applications: int = 0


class Grievances(Struct, frozen=True):
    """Cases, not people: nothing is withheld. `open` has neither the escalated nor the answered ones."""

    open: int = 0
    escalated: int = 0
    answered: int = 0
    overdue: int = 0
    counted_at: str | None = None


class WaveStatistics(Struct, frozen=True):
    """One wave, by province. `final`: too long ago to be counted again."""

    number: int
    year: int
    closes_at: str
    computed_at: str
    final: bool
    progress: Progress
    outcomes: Outcomes
    provinces: list[ProvinceOfWave]


class Statistics(Struct, frozen=True):
    """The whole programme. `computed_at` is null before the first count; `counted_from` is when that count began."""

    counted_from: str | None
    computed_at: str | None
    fewest_people_shown: int
    registered: int | None
    totals: Totals
    progress: Progress
    outcomes: Outcomes
    years: list[YearView]
    provinces: list[Province]
    waves: list[WaveLine]
    job_market: JobMarket
    grievances: Grievances
    registrations: list[RegisteredIn] = []


NOTHING = Outcomes(Ratio(), Ratio(), Ratio(), Ratio(), Ratio(), Gap(), Ratio(), NetPromoter(), [], Days())

BEFORE_THE_FIRST = Statistics(
    counted_from=None,
    computed_at=None,
    fewest_people_shown=FEWEST,
    registered=None,
    totals=Totals(),
    progress=Progress(),
    outcomes=NOTHING,
    years=[],
    provinces=[],
    waves=[],
    job_market=JobMarket(),
    grievances=Grievances(),
)
"""What is answered while nothing has been counted yet."""


_SHARES = (
    "survey_1_response",
    "survey_2_response",
    "comparison_response",
    "working",
    "comparison_working",
    "business_capital",
)
_COLUMNS_OF: dict[str, type[Struct]] = {
    **dict.fromkeys(_SHARES, Ratio),
    "working_difference": Gap,
    "net_promoter": NetPromoter,
    "days_to_payment": Days,
}

COLUMNS = (
    *("wave", "year", "province", "province_name"),
    *Progress.__struct_fields__,
    *(f"{name}_{part}" for name, kind in _COLUMNS_OF.items() for part in kind.__struct_fields__),
)
HEADER = ",".join(COLUMNS) + "\r\n"


def lines(wave: WaveStatistics) -> str:
    text = io.StringIO()
    csv.writer(text).writerows([wave.number, wave.year, *_cells(one)] for one in wave.provinces)
    return text.getvalue()


def _cells(one: ProvinceOfWave) -> Iterator[object]:
    yield from (one.code, one.name, *astuple(one.progress))
    for name in _COLUMNS_OF:
        yield from astuple(getattr(one.outcomes, name))
