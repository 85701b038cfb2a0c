"""What is counted of each person and each survey. Pure; every published figure follows from these counts.

A tally is counts by name for each province. Counts can be added up over the parts of a wave, over waves and over
provinces; so any part may be counted again by itself.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from ..clock import WIB
from ..payouts.rules import Entitlement, Kind, State
from ..training.rules import TrainingAccount
from ..values import Value
from ..waves.rules import Beneficiary, BeneficiaryState
from . import questions
from .survey_rules import Group, Survey, SurveyAnswer


class Count(StrEnum):
    """The names of what is counted: people, unless said otherwise."""

    REGISTERED = "registered"
    """Registrations, whatever became of them; in no wave."""
    JOINED = "joined"
    CHOSEN = "chosen"
    """Everyone who ever held a seat, even if it was revoked or came to them by a substitution."""
    POTENTIAL = "potential"
    """May still buy a training, or waits to be confirmed. Not published: it is the rest of those chosen."""
    REVOKED = "revoked"
    RECIPIENTS = "recipients"
    """Have used the benefit: bought a training and kept it (ACTIVE or GRADUATED)."""
    COMPLETED = "completed"
    """Completed at least one training."""
    GRADUATES = "graduates"
    """Completed a training and reviewed it."""
    PAID = "paid"
    """Received at least one payment that did not come back."""
    PAID_IDR = "paid_idr"
    """Whole rupiah."""
    TIMED = "timed"
    """Paid the incentive."""
    TIMED_MS = "timed_ms"
    """Milliseconds from completion to that payment, summed over these people."""
    OFFERED_1 = "survey_1_offered"
    ANSWERED_1 = "survey_1_answered"
    OFFERED_2 = "survey_2_offered"
    ANSWERED_2 = "survey_2_answered"
    UNEMPLOYED = "formerly_unemployed"
    """Of those who answered survey 1, like all that follow up to the comparison."""
    WORKING = "now_working"
    """Of the formerly unemployed."""
    CAPITAL = "business_capital"
    PROMOTERS = "promoters"
    PASSIVES = "passives"
    DETRACTORS = "detractors"
    COMPARISON_OFFERED = "comparison_offered"
    COMPARISON_ANSWERED = "comparison_answered"
    COMPARISON_UNEMPLOYED = "comparison_formerly_unemployed"
    COMPARISON_WORKING = "comparison_now_working"


SATISFACTION = "satisfaction"
REGISTERED_IN = "registered/"
"""Followed by the month (`2026-11`, WIB) in which people registered."""
PROMOTES_FROM = 9
PASSIVE_FROM = 7

Counts = Mapping[str, int]
Tally = Mapping[int, Counts]
"""Counts by province."""


class WaveTally(Value, frozen=True):
    """All that was counted of a wave. `final`: it will not be counted again. Times are those of the wave."""

    number: int
    year: int
    closes_at: datetime
    final: bool
    regions: Tally


class PastTotals(Value, frozen=True):
    """People in one province: who received the benefit, and who of them completed."""

    recipients: int
    graduates: int


class PastWave(Value, frozen=True):
    """A wave that ran before this system, in the year of its opening, by province."""

    number: int
    year: int
    regions: Mapping[int, PastTotals]


def of_beneficiary(
    who: Beneficiary, account: TrainingAccount | None, owed: Sequence[Entitlement], *, paid_at_review: bool = True
) -> Counter[str]:
    """Counts of a person who was chosen; `owed` are their entitlements.

    The time to the payment is counted only where the review makes the incentive due: other incentives do not wait for
    the completion.
    """
    paid = [each for each in owed if each.state is State.PAID]
    if who.state is BeneficiaryState.PASSED:
        # The place is counted with whoever has it now; what was paid before was paid.
        return Counter({Count.PAID_IDR: sum(each.amount_idr for each in paid)}) if paid else Counter()
    counts: Counter[str] = Counter({Count.CHOSEN: 1})
    match who.state:
        case BeneficiaryState.RESERVED | BeneficiaryState.POTENTIAL:
            counts[Count.POTENTIAL] = 1
        case BeneficiaryState.REVOKED | BeneficiaryState.LAPSED:
            counts[Count.REVOKED] = 1
        case BeneficiaryState.ACTIVE | BeneficiaryState.GRADUATED:
            counts[Count.RECIPIENTS] = 1
    if account is not None and account.completed:
        counts[Count.COMPLETED] = 1
    if who.state is BeneficiaryState.GRADUATED:
        counts[Count.GRADUATES] = 1
    if paid:
        counts[Count.PAID] = 1
        counts[Count.PAID_IDR] = sum(each.amount_idr for each in paid)
    incentive = next((each for each in paid if each.kind is Kind.INCENTIVE), None)
    if paid_at_review and incentive is not None and account is not None and account.first_completed_at is not None:
        counts[Count.TIMED] = 1
        # A partner's clock may have been ahead of ours.
        took = max(incentive.changed_at - account.first_completed_at, timedelta(0))
        counts[Count.TIMED_MS] = took // timedelta(milliseconds=1)
    return counts


def of_survey(survey: Survey) -> Counter[str]:
    """Counts of one survey that was offered. Nothing is published of the third, which the scheme of 2020 has."""
    if survey.group is Group.COMPARISON:
        return _comparison(survey)
    if survey.number == 2:
        return Counter({Count.OFFERED_2: 1, Count.ANSWERED_2: int(survey.answers is not None)})
    if survey.number > 2:
        return Counter()
    counts: Counter[str] = Counter({Count.OFFERED_1: 1})
    answers = survey.answers
    if answers is None or survey.answered_at is None:
        return counts
    counts[Count.ANSWERED_1] = 1
    counts.update(_work(answers, Count.UNEMPLOYED, Count.WORKING))
    uses = answers["incentive_use"]
    counts[Count.CAPITAL] = int(isinstance(uses, tuple) and questions.BUSINESS_CAPITAL in uses)
    counts[_opinion(int(str(answers["recommendation"])))] = 1
    month = survey.answered_at.astimezone(WIB).strftime("%Y-%m")
    counts[f"{SATISFACTION}/{month}/{answers['satisfaction']}"] = 1
    return counts


def add(tallies: Iterable[Tally]) -> dict[int, Counter[str]]:
    whole: dict[int, Counter[str]] = {}
    for tally in tallies:
        for region, counts in tally.items():
            whole.setdefault(region, Counter()).update(counts)
    return whole


def _comparison(survey: Survey) -> Counter[str]:
    counts: Counter[str] = Counter({Count.COMPARISON_OFFERED: 1})
    if survey.answers is not None:
        counts[Count.COMPARISON_ANSWERED] = 1
        counts.update(_work(survey.answers, Count.COMPARISON_UNEMPLOYED, Count.COMPARISON_WORKING))
    return counts


def _work(answers: Mapping[str, SurveyAnswer], unemployed: Count, working: Count) -> dict[str, int]:
    """Counts of a person who says they had no work before: whether they say they work or run a business now."""
    if answers["employment_before"] not in questions.UNEMPLOYED:
        return {}
    return {unemployed: 1, working: int(answers["employment_now"] in questions.WORKING)}


def _opinion(recommendation: int) -> Count:
    if recommendation >= PROMOTES_FROM:
        return Count.PROMOTERS
    return Count.PASSIVES if recommendation >= PASSIVE_FROM else Count.DETRACTORS
