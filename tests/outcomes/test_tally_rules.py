"""The counts of one person and of one survey."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.money import rupiah
from chalicelib.outcomes.survey_rules import Group, Survey
from chalicelib.outcomes.tally_rules import Count, add, of_beneficiary, of_survey
from chalicelib.payouts.rules import Entitlement, Kind, State
from chalicelib.waves.rules import BeneficiaryState
from tests.builders.surveys import ANSWERS, COMPARED, beneficiary
from tests.conftest import T0

DAY = timedelta(days=1)
SITI = beneficiary("siti")


@dataclass(frozen=True)
class Account:
    completed: int = 0
    first_completed_at: datetime | None = None


def owed(kind: Kind = Kind.INCENTIVE, state: State = State.PAID, **changes: Any) -> Entitlement:
    amount = rupiah(600_000 if kind is Kind.INCENTIVE else 50_000)
    entitlement = Entitlement("e", "siti", 143, kind, amount, state, 1, 3, None, T0 - DAY, T0)
    return replace(entitlement, **changes)


def survey(**changes: Any) -> Survey:
    asked = Survey("s", "siti", 1, Group.BENEFICIARY, 143, 31, "2026-01", rupiah(50_000), T0, T0 + 30 * DAY)
    return replace(asked, **changes)


def answered(at: datetime = T0, **answers: Any) -> Survey:
    kept = ANSWERS | {"incentive_use": tuple(ANSWERS["incentive_use"])} | answers
    return survey(answers=kept, answered_at=at)


@pytest.mark.parametrize(
    ("state", "counted"),
    [
        (BeneficiaryState.POTENTIAL, {Count.POTENTIAL}),
        (BeneficiaryState.REVOKED, {Count.REVOKED}),
        (BeneficiaryState.ACTIVE, {Count.RECIPIENTS}),
        (BeneficiaryState.GRADUATED, {Count.RECIPIENTS, Count.GRADUATES}),
    ],
)
def test_beneficiaries_are_counted_by_state(state, counted):
    assert of_beneficiary(replace(SITI, state=state), None, []).keys() == counted | {Count.CHOSEN}
    active = replace(SITI, state=BeneficiaryState.ACTIVE)  # a training is completed before it is reviewed
    assert of_beneficiary(active, Account(2), [])[Count.COMPLETED] == 1
    assert Count.COMPLETED not in of_beneficiary(active, Account(0), [])


def test_only_payments_that_were_not_reversed_count_as_paid():
    account = Account(1, T0 - 3 * DAY)
    both = of_beneficiary(SITI, account, [owed(), owed(Kind.SURVEY_1)])
    assert (both[Count.PAID], both[Count.PAID_IDR]) == (1, 650_000)
    assert (both[Count.TIMED], both[Count.TIMED_MS]) == (1, 3 * 86_400_000)
    ahead = of_beneficiary(SITI, Account(1, T0 + DAY), [owed()])  # by a partner's clock
    assert (ahead[Count.TIMED], ahead[Count.TIMED_MS]) == (1, 0)
    for state in set(State) - {State.PAID}:
        assert not of_beneficiary(SITI, account, [owed(state=state)]).keys() & {Count.PAID, Count.PAID_IDR, Count.TIMED}
    counts = of_beneficiary(SITI, account, [owed(state=State.HELD), owed(Kind.SURVEY_1)])
    assert counts[Count.PAID] == 1
    assert Count.TIMED not in counts, "the days to payment are those of the incentive"


def test_an_incentive_that_waits_for_no_review_is_counted_and_not_timed():
    """A stipend for attendance is paid months before the completion."""
    working = replace(SITI, state=BeneficiaryState.ACTIVE)
    account = Account(1, T0 - DAY)
    counts = of_beneficiary(working, account, [owed()], paid_at_review=False)
    assert (counts[Count.PAID], counts[Count.PAID_IDR]) == (1, owed().amount_idr)
    assert Count.TIMED not in counts


def test_unanswered_surveys_count_as_offered_and_second_surveys_when_answered():
    assert +of_survey(survey()) == {Count.OFFERED_1: 1}
    assert +of_survey(survey(number=2)) == {Count.OFFERED_2: 1}
    assert of_survey(survey(number=3)) == {}, "a third one is in no figure"
    assert +of_survey(survey(group=Group.COMPARISON)) == {Count.COMPARISON_OFFERED: 1}
    second = +of_survey(replace(answered(), number=2))
    assert second == {Count.OFFERED_2: 1, Count.ANSWERED_2: 1}, "and the second is counted in its response alone"
    assert not +of_survey(replace(answered(), number=3)), "and the third, of the scheme of 2020, not with the second"


def test_answers_are_counted_by_month_in_wib():
    last_minute_of_november_in_utc = datetime(2026, 11, 30, 23, 59, tzinfo=UTC)
    assert +of_survey(answered(last_minute_of_november_in_utc)) == {
        Count.OFFERED_1: 1,
        Count.ANSWERED_1: 1,
        Count.UNEMPLOYED: 1,
        Count.WORKING: 1,
        Count.CAPITAL: 1,
        Count.PROMOTERS: 1,
        "satisfaction/2026-12/4": 1,
    }


@pytest.mark.parametrize(
    ("before", "now", "unemployed", "working"),
    [
        ("unemployed", "unemployed", 1, 0),
        ("unemployed", "student", 1, 0),
        ("unemployed", "employee", 1, 1),
        ("unemployed", "business_owner", 1, 1),
        ("unemployed", "freelance", 1, 1),
        ("employee", "business_owner", 0, 0),
        ("homemaker", "employee", 0, 0),
    ],
)
@pytest.mark.parametrize("group", Group)
def test_only_formerly_unemployed_people_count_for_employment(group, before, now, unemployed, working):
    kept = (ANSWERS if group is Group.BENEFICIARY else COMPARED) | {"employment_before": before, "employment_now": now}
    counts = of_survey(survey(group=group, answers=kept, answered_at=T0))
    beneficiary_group = group is Group.BENEFICIARY
    assert counts[Count.UNEMPLOYED if beneficiary_group else Count.COMPARISON_UNEMPLOYED] == unemployed
    assert counts[Count.WORKING if beneficiary_group else Count.COMPARISON_WORKING] == working
    assert counts[Count.COMPARISON_ANSWERED] == (not beneficiary_group)


@pytest.mark.parametrize(
    ("score", "opinion"),
    [(0, Count.DETRACTORS), (6, Count.DETRACTORS), (7, Count.PASSIVES), (8, Count.PASSIVES), (9, Count.PROMOTERS)],
)
def test_recommendations_are_counted_in_three_groups(score, opinion):
    counts = of_survey(answered(recommendation=score))
    assert [counts[name] for name in (Count.PROMOTERS, Count.PASSIVES, Count.DETRACTORS)].count(1) == 1
    assert counts[opinion] == 1


def test_tallies_add_up_by_province():
    assert add([{31: {"a": 1}}, {31: {"a": 2, "b": 1}, 32: {"a": 5}}, {}]) == {31: {"a": 3, "b": 1}, 32: {"a": 5}}
