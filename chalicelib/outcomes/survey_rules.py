"""Surveys: who is asked when, until when, and what an answer leads to. Pure.

Answers never decide about money: the group alone decides what is paid.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec.structs import replace

from ..figures.benefits import SurveyRules
from ..figures.schemes import Scheme
from ..ids import derived_id
from ..money import Rupiah, rupiah
from ..payouts.plans.plan_rules import SURVEYS, amount
from ..values import Value

SurveyAnswer = int | str | tuple[str, ...]
"""One question's answer: a number on a scale, a choice, or several choices (sorted)."""


class Group(StrEnum):
    """The two groups that a survey compares."""

    BENEFICIARY = "beneficiary"
    """Chosen, trained and paid the incentive; each answered survey is paid too."""
    COMPARISON = "comparison"
    """Joined the same wave and was not chosen, drawn by the wave's seed; voluntary and unpaid."""


class SurveyState(StrEnum):
    """What a person sees of a survey."""

    OPEN = "open"
    ANSWERED = "answered"
    CLOSED = "closed"


class Survey(Value, frozen=True):
    """One person's survey about one wave. `number`: from 1 on; the comparison group has the first only.

    `region` is the province of the entry, `version` that of the questions, `amount_idr` what an answer makes due (0 for
    the comparison group). `answers` and `answered_at` are set together, once.
    """

    id: str
    registrant_id: str
    number: int
    group: Group
    wave: int
    region: int
    version: str
    amount_idr: Rupiah
    opened_at: datetime
    closes_at: datetime
    answers: Mapping[str, SurveyAnswer] | None = None
    answered_at: datetime | None = None
    left_out: bool = False
    """The person has restricted what is done with their data: no reminder, and it is not counted."""


def of_beneficiary(
    registrant_id: str, *, number: int, wave: int, region: int, scheme: Scheme, rules: SurveyRules, now: datetime
) -> Survey | None:
    """The survey that opens now for a person paid the incentive long enough ago; None if their scheme has none."""
    if number > scheme.surveys:
        return None
    survey = of_comparison(registrant_id, wave=wave, region=region, rules=rules, now=now)
    return replace(
        survey,
        id=derived_id("survey/v1", wave, registrant_id, SURVEYS[number - 1].value),
        number=number,
        group=Group.BENEFICIARY,
        amount_idr=amount(SURVEYS[number - 1], scheme, region),
    )


def of_comparison(registrant_id: str, *, wave: int, region: int, rules: SurveyRules, now: datetime) -> Survey:
    """The first survey, offered to a person who was not chosen in the wave."""
    return Survey(
        id=derived_id("survey/v1", wave, registrant_id, Group.COMPARISON.value),
        registrant_id=registrant_id,
        number=1,
        group=Group.COMPARISON,
        wave=wave,
        region=region,
        version=rules.questions,
        amount_idr=rupiah(0),
        opened_at=now,
        closes_at=now + timedelta(seconds=rules.open_s),
    )


def state(survey: Survey, now: datetime) -> SurveyState:
    """`closes_at` is exclusive; an answered survey stays answered."""
    if survey.answered_at is not None:
        return SurveyState.ANSWERED
    return SurveyState.OPEN if now < survey.closes_at else SurveyState.CLOSED


def next_closing(surveys: list[Survey], now: datetime) -> Survey | None:
    still_open = [survey for survey in surveys if state(survey, now) is SurveyState.OPEN]
    return min(still_open, key=lambda survey: survey.closes_at, default=None)
