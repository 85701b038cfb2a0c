"""Planted bugs of a year: plausible mistakes with the calendar. The year must find each, or it proves nothing.

A bug of another landing is added here as one more entry: how it is planted, and after how many days it must be found.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from unittest.mock import patch

from chalicelib.clock import WIB, wib_date
from chalicelib.outcomes.survey_job import SurveyJob
from chalicelib.waves import award
from chalicelib.waves.store import WaveStore

from .rates import Rates

SMALL = Rates(people=300, waves=6, first_day=date(2023, 12, 10), joins=0.3, early=0.9)
"""Six waves around New Year and 29 February."""


class Bug(NamedTuple):
    """`found_by`: a part of what the oracle says of it."""

    plant: Callable[[], AbstractContextManager[Any]]
    days: int
    found_by: str


def _survey_missed() -> AbstractContextManager[Any]:
    """Of incentives that were paid from the 29th on: "the same day of the next month" may be no day."""
    due = SurveyJob._due

    def careless(job: SurveyJob, line: Any, *given: Any) -> Any:
        return None if line.at.astimezone(WIB).day >= 29 else due(job, line, *given)

    return patch.object(SurveyJob, "_due", careless)


def _seat_lost() -> AbstractContextManager[Any]:
    """What a wave leaves goes back to the year in which it is settled, and not to the one that it took it from."""
    settle = WaveStore.settle

    def careless(store: WaveStore, wave: Any, _year: int, chosen: int, now: datetime) -> bool:
        return settle(store, wave, now.astimezone(WIB).year, chosen, now)

    return patch.object(WaveStore, "settle", careless)


def _leap_day() -> AbstractContextManager[Any]:
    """The deadline is counted with a February of 28 days."""

    def careless(awarded_at: datetime, rules: Any) -> datetime:
        day = wib_date(awarded_at)
        end = day + timedelta(days=rules.buy_within_days)
        leap = any((day + timedelta(days=n)).strftime("%m%d") == "0229" for n in range((end - day).days))
        return datetime.combine(end + timedelta(days=leap), time(), WIB)

    return patch.object(award, "buy_by", careless)


BUGS = {
    "a survey missed": Bug(_survey_missed, 120, "missing: survey 1"),
    "a seat lost at New Year": Bug(_seat_lost, 30, "the year says"),
    "a leap day": Bug(_leap_day, 80, "must be used before"),
}
