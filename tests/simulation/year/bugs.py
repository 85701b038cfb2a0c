"""Planted bugs of a year: plausible mistakes with the calendar. The year must find each, or it proves nothing.

Each entry says how a bug is planted, after how many days it must be found, and in which year it is looked for.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import AbstractContextManager
from datetime import date, datetime, time, timedelta
from typing import Any, NamedTuple
from unittest.mock import patch

from msgspec.structs import replace

from chalicelib.clock import WIB, wib_date
from chalicelib.outcomes.survey_job import SurveyJob
from chalicelib.payouts.plans import plan_rules
from chalicelib.waves.places import place_rules
from chalicelib.waves.step import WaveStep
from chalicelib.waves.store import WaveStore
from infrastructure.grants import GRANTS

from .rates import Rates

SMALL = Rates(
    people=300, seats=0.1, waves=6, first_day=date(2023, 12, 10), joins=0.3, early=0.9, paused_wave=4, paused_days=15
)
"""Six waves around New Year and 29 February, one of which a pause halts."""


class Bug(NamedTuple):
    """`found_by`: a part of what the oracle says of it."""

    plant: Callable[[], AbstractContextManager[Any]]
    days: int
    found_by: str
    rates: Rates = SMALL


def _survey_missed() -> AbstractContextManager[Any]:
    """Of incentives that were paid at a weekend: the job thinks in working days."""
    due = SurveyJob._due

    def careless(job: SurveyJob, line: Any, *given: Any) -> Any:
        return None if line.at.astimezone(WIB).weekday() >= 5 else due(job, line, *given)

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

    return patch.object(place_rules, "buy_by", careless)


def _instalment_doubled() -> AbstractContextManager[Any]:
    """The 31st of a month that has none is a day of the next, which has its own: 31 January, 2 March, 31 March."""
    months_after = plan_rules.months_after

    def careless(first: datetime, months: int, month_s: int | None = None) -> datetime:
        local = first.astimezone(WIB)
        return months_after(local.replace(day=1), months, month_s) + timedelta(days=local.day - 1)

    return patch.object(plan_rules, "months_after", careless)


def _pause_over_a_close() -> AbstractContextManager[Any]:
    """While the programme pauses nothing is done, not even for a wave that is open."""
    advance = WaveStep.advance

    def careless(step: WaveStep, now: datetime, *given: Any) -> Any:
        pauses = step._store.changes()[1].pauses
        return [] if any(one.since <= now < one.until for one in pauses if one.until) else advance(step, now, *given)

    return patch.object(WaveStep, "advance", careless)


def _right_missing() -> AbstractContextManager[Any]:
    """The policy of the function that opens surveys forgets the table of surveys."""
    given = [grant for grant in GRANTS["open_surveys"] if "-outcomes" not in str(grant["Resource"])]
    return patch.dict(GRANTS, open_surveys=given)


BUGS = {
    "a right missing": Bug(_right_missing, 8, "open_surveys has no right to dynamodb:"),
    "a survey missed": Bug(_survey_missed, 120, "missing: survey 1"),
    # Hardly anybody joins at New Year, so that the wave leaves seats whatever chance makes of the rest.
    "a seat lost at New Year": Bug(_seat_lost, 30, "the year says", replace(SMALL, holiday=0.01)),
    "an instalment doubled on the 31st": Bug(
        _instalment_doubled, 140, "instalment", replace(SMALL, scheme="2020", people=500, seats=0.4, joins=0.6)
    ),
    "a pause over a close": Bug(_pause_over_a_close, 60, "after its close"),
    "a leap day": Bug(_leap_day, 80, "must be used before"),
}
