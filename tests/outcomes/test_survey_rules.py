"""Which survey opens for whom, when it closes, and what a person must do next."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta

import msgspec
import pytest

from chalicelib.clock import iso
from chalicelib.config import Programme
from chalicelib.outcomes import survey_rules
from chalicelib.outcomes.survey_rules import Group, Survey, SurveyState
from chalicelib.waves.rules import BeneficiaryState
from chalicelib.web.me import Deadline, next_deadline
from tests.builders.surveys import DAY, WAVE, beneficiary, with_days
from tests.conftest import T0

INSTANT = timedelta(microseconds=1)


def opened(programme: Programme, number: int = 1, surveys: int = 2) -> Survey | None:
    scheme = msgspec.structs.replace(programme.scheme(WAVE), surveys=surveys)
    rules = with_days(programme).surveys
    return survey_rules.of_beneficiary("ani", number=number, wave=WAVE, region=31, scheme=scheme, rules=rules, now=T0)


@pytest.fixture
def survey(programme: Programme) -> Survey:
    survey = opened(programme)
    assert survey is not None
    return survey


@pytest.mark.parametrize(("surveys", "numbers"), [(1, [1]), (2, [1, 2]), (3, [1, 2])])
def test_there_are_only_as_many_surveys_as_the_scheme_has(
    programme: Programme, surveys: int, numbers: list[int]
) -> None:
    made = [opened(programme, number, surveys) for number in (1, 2)]
    assert [survey.number for survey in made if survey] == numbers
    assert {survey.amount_idr for survey in made if survey} == {50_000}


def test_a_survey_is_open_until_the_instant_it_closes_and_an_answered_one_stays_answered(survey: Survey) -> None:
    assert survey.closes_at == T0 + 30 * DAY
    assert survey_rules.state(survey, survey.closes_at - INSTANT) is SurveyState.OPEN
    assert survey_rules.state(survey, survey.closes_at) is SurveyState.CLOSED
    answered = replace(survey, answers={}, answered_at=T0)
    assert survey_rules.state(answered, survey.closes_at) is SurveyState.ANSWERED


def test_the_comparison_survey_is_unpaid_and_no_beneficiarys(programme: Programme, survey: Survey) -> None:
    rules = with_days(programme).surveys
    compared = survey_rules.of_comparison("ani", wave=WAVE, region=31, rules=rules, now=T0)
    other = survey_rules.of_comparison("ani", wave=WAVE + 1, region=31, rules=rules, now=T0)
    assert (compared.group, compared.amount_idr, compared.number) == (Group.COMPARISON, 0, 1)
    assert len({compared.id, other.id, survey.id}) == 3


def test_the_open_survey_that_closes_first_counts(survey: Survey) -> None:
    later = replace(survey, closes_at=survey.closes_at + DAY)
    answered = replace(survey, closes_at=survey.closes_at - DAY, answered_at=T0)
    assert survey_rules.next_closing([later, survey, answered], T0) is survey
    assert survey_rules.next_closing([later, survey], survey.closes_at) is later
    assert survey_rules.next_closing([answered], T0) is None


def test_the_next_deadline_is_the_earliest_of_the_first_purchase_and_an_open_survey() -> None:
    potential = beneficiary("ani", state=BeneficiaryState.POTENTIAL, buy_by=T0 + DAY)
    purchase = Deadline("first_purchase", iso(T0 + DAY))
    assert next_deadline(None, None, T0) is None
    assert next_deadline(potential, None, T0) == purchase
    assert next_deadline(potential, T0 + 2 * DAY, T0) == purchase
    assert next_deadline(potential, T0 + DAY / 2, T0) == Deadline("survey", iso(T0 + DAY / 2))
    assert next_deadline(potential, None, T0 + DAY) is None, "it has passed"
    assert next_deadline(replace(potential, state=BeneficiaryState.ACTIVE), None, T0) is None
    assert next_deadline(None, T0 + DAY, T0) == Deadline("survey", iso(T0 + DAY))
