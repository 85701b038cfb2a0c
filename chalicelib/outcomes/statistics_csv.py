"""`/statistics.csv`: a line for each wave and province. Pure.

An empty cell is a figure that is withheld, or a share of nobody. Satisfaction by month has no place in one line; it is
in the JSON.
"""

from __future__ import annotations

import csv
import io
from collections.abc import Iterator

from .statistics_wire import Outcomes, ProvinceOfWave, Share, WaveStatistics

_SHARES = (
    "survey_1_response",
    "survey_2_response",
    "comparison_response",
    "working",
    "comparison_working",
    "business_capital",
)
_NUMBERS = {
    "working_difference": ("difference", "lower", "upper"),
    "net_promoter": ("answers", "promoters", "passives", "detractors", "score", "lower", "upper"),
    "days_to_payment": ("people", "mean_days"),
}
_PROGRESS = ("joined", "chosen", "revoked", "completed", "graduates", "paid", "paid_idr")

COLUMNS = (
    *("wave", "year", "province", "province_name"),
    *_PROGRESS,
    *(f"{share}_{part}" for share in _SHARES for part in Share.__struct_fields__),
    *(f"{name}_{part}" for name, parts in _NUMBERS.items() for part in parts),
)
HEADER = ",".join(COLUMNS) + "\r\n"


def lines(wave: WaveStatistics) -> str:
    """The lines of a wave."""
    text = io.StringIO()
    csv.writer(text).writerows([wave.number, wave.year, *_province(one)] for one in wave.provinces)
    return text.getvalue()


def _province(one: ProvinceOfWave) -> Iterator[object]:
    yield one.code
    yield one.name
    yield from (getattr(one.progress, name) for name in _PROGRESS)
    yield from _outcomes(one.outcomes)


def _outcomes(outcomes: Outcomes) -> Iterator[object]:
    for name in _SHARES:
        yield from (getattr(getattr(outcomes, name), part) for part in Share.__struct_fields__)
    for name, parts in _NUMBERS.items():
        yield from (getattr(getattr(outcomes, name), part) for part in parts)
