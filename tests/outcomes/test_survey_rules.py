"""Which survey opens for whom, when it closes, and what a person must do next.

The questions' files, and which answers fit them.
"""

from __future__ import annotations

from datetime import timedelta
from hashlib import sha256

import msgspec
import pytest
from msgspec.structs import replace

from chalicelib.clock import iso
from chalicelib.config import BadConfiguration, Programme, load_programme
from chalicelib.outcomes import questions, survey_rules
from chalicelib.outcomes.errors import InvalidAnswer
from chalicelib.outcomes.survey_rules import Group, Survey, SurveyState
from chalicelib.waves.rules import BeneficiaryState
from chalicelib.web.me import Deadline, next_deadline
from tests.builders.surveys import ANSWERS, COMPARED, DAY, WAVE, beneficiary, with_days
from tests.conftest import ROOT, T0


def opened(programme: Programme, number: int = 1, surveys: int = 2) -> Survey | None:
    scheme = programme.scheme(WAVE)
    payments = [msgspec.structs.replace(one, times=surveys if one.kind == "SURVEY" else 1) for one in scheme.payments]
    scheme = msgspec.structs.replace(scheme, payments=tuple(payments))
    rules = with_days(programme).surveys
    return survey_rules.of_beneficiary("ani", number=number, wave=WAVE, region=31, scheme=scheme, rules=rules, now=T0)


@pytest.fixture
def survey(programme: Programme) -> Survey:
    survey = opened(programme)
    assert survey is not None
    return survey


@pytest.mark.parametrize(("surveys", "numbers"), [(1, [1]), (2, [1, 2]), (3, [1, 2])])
def test_there_are_only_as_many_surveys_as_the_scheme_has(programme, surveys, numbers):
    made = [opened(programme, number, surveys) for number in (1, 2)]
    assert [survey.number for survey in made if survey] == numbers
    assert {survey.amount_idr for survey in made if survey} == {50_000}


def test_a_survey_is_open_until_the_instant_it_closes_and_an_answered_one_stays_answered(survey):
    assert survey.closes_at == T0 + 30 * DAY
    assert survey_rules.state(survey, survey.closes_at - timedelta(microseconds=1)) is SurveyState.OPEN
    assert survey_rules.state(survey, survey.closes_at) is SurveyState.CLOSED
    answered = replace(survey, answers={}, answered_at=T0)
    assert survey_rules.state(answered, survey.closes_at) is SurveyState.ANSWERED


def test_the_comparison_survey_is_unpaid_and_not_for_beneficiaries(programme, survey):
    rules = with_days(programme).surveys
    compared = survey_rules.of_comparison("ani", wave=WAVE, region=31, rules=rules, now=T0)
    other = survey_rules.of_comparison("ani", wave=WAVE + 1, region=31, rules=rules, now=T0)
    assert (compared.group, compared.amount_idr, compared.number) == (Group.COMPARISON, 0, 1)
    assert len({compared.id, other.id, survey.id}) == 3


def test_the_next_deadline_is_of_the_open_survey_that_closes_first(survey):
    later = replace(survey, closes_at=survey.closes_at + DAY)
    answered = replace(survey, closes_at=survey.closes_at - DAY, answered_at=T0)
    assert survey_rules.next_closing([later, survey, answered], T0) is survey
    assert survey_rules.next_closing([later, survey], survey.closes_at) is later
    assert survey_rules.next_closing([answered], T0) is None


def test_the_next_deadline_is_the_earliest_of_the_first_purchase_and_an_open_survey():
    potential = beneficiary("ani", state=BeneficiaryState.POTENTIAL, buy_by=T0 + DAY)
    purchase = Deadline("first_purchase", iso(T0 + DAY))
    assert next_deadline(None, None, T0) is None
    assert next_deadline(potential, None, T0) == purchase
    assert next_deadline(potential, T0 + 2 * DAY, T0) == purchase
    assert next_deadline(potential, T0 + DAY / 2, T0) == Deadline("survey", iso(T0 + DAY / 2))
    assert next_deadline(potential, None, T0 + DAY) is None, "it has passed"
    assert next_deadline(replace(potential, state=BeneficiaryState.ACTIVE), None, T0) is None
    assert next_deadline(None, T0 + DAY, T0) == Deadline("survey", iso(T0 + DAY))


FOLDER = ROOT / "chalicelib/outcomes/questions"
BEFORE = 'id = "employment_before"\nkind = "choice"'
SINGLE = """id = "one"
kind = "choice"
text = { id = "a", en = "b" }
choices = [{ value = "x", id = "a", en = "b" }]
"""
ASKED = {"2026-01": "0f624accee1c9b1284d106187d7f3c075f1095157d79244965942ace1ac224f7"}
"""The versions that people were or will be asked, with the SHA-256 of their files: an answer means what was asked."""


def test_a_published_version_of_questions_never_changes():
    assert {file.stem: sha256(file.read_bytes()).hexdigest() for file in sorted(FOLDER.glob("*.toml"))} == ASKED


@pytest.mark.parametrize("stage", ["local", "prod"])
def test_every_stage_asks_an_existing_version(stage):
    assert load_programme(stage).surveys.questions in questions.load()


def test_each_question_is_worded_in_both_languages_and_some_are_not_for_the_comparison_group():
    asked = questions.load()["2026-01"]
    assert [question.id for question in asked.asked_of(Group.BENEFICIARY)] == list(ANSWERS)
    assert [question.id for question in asked.asked_of(Group.COMPARISON)] == list(COMPARED)
    for question in asked.questions:
        assert question.text.id != question.text.en
        assert all(choice.id != choice.en for choice in question.choices)


def test_answers_are_kept_in_the_order_asked_and_several_choices_sorted():
    given = dict(reversed(ANSWERS.items())) | {"incentive_use": ["savings", "debt"]}
    kept = questions.check(questions.load()["2026-01"], Group.BENEFICIARY, given)
    assert kept == {**ANSWERS, "incentive_use": ("debt", "savings")}
    assert list(kept) == list(ANSWERS)


@pytest.mark.parametrize(
    ("changes", "question", "reason"),
    [
        ({"employment_now": None}, "employment_now", "missing"),
        ({"employment_now": "astronaut"}, "employment_now", "not_a_choice"),
        ({"employment_now": ["employee"]}, "employment_now", "wrong_type"),
        ({"employment_now": 1}, "employment_now", "wrong_type"),
        ({"incentive_use": []}, "incentive_use", "missing"),
        ({"incentive_use": ["debt", "debt"]}, "incentive_use", "chosen_twice"),
        ({"incentive_use": ["debt", "yacht"]}, "incentive_use", "not_a_choice"),
        ({"incentive_use": "debt"}, "incentive_use", "wrong_type"),
        ({"recommendation": 11}, "recommendation", "out_of_range"),
        ({"recommendation": -1}, "recommendation", "out_of_range"),
        ({"recommendation": "9"}, "recommendation", "wrong_type"),
        ({"satisfaction": 0}, "satisfaction", "out_of_range"),
        ({"mother_tongue": "id"}, "mother_tongue", "unknown_question"),
        ({"Nama saya Siti, 3174095708950001": "x"}, "?", "unknown_question"),
    ],
)
def test_an_answer_that_does_not_fit_is_refused_with_its_question_and_never_repeated(changes, question, reason):
    given = {name: answer for name, answer in (ANSWERS | changes).items() if answer is not None}
    with pytest.raises(InvalidAnswer) as refused:
        questions.check(questions.load()["2026-01"], Group.BENEFICIARY, given)
    assert refused.value.facts == {"field": f"$.answers.{question}", "question": question, "reason": reason}


def test_every_answer_that_does_not_fit_is_told_at_once():
    with pytest.raises(InvalidAnswer) as refused:
        questions.check(
            questions.load()["2026-01"], Group.BENEFICIARY, ANSWERS | {"satisfaction": 0, "recommendation": 11}
        )
    assert {one.facts["question"] for one in (refused.value, *refused.value.others)} == {
        "satisfaction",
        "recommendation",
    }


@pytest.mark.parametrize(
    ("old", "new", "reason"),
    [
        ('version = "2026-01"', 'version = "2026-02"', "the version is not the file's name"),
        ('id = "work_kind"', 'id = "employment_now"', "two questions have one id"),
        ('id = "satisfaction"', 'id = "contentment"', "satisfaction: missing"),
        ("highest = 10", "highest = 9", "recommendation: is not as"),
        ("lowest = 1\n", "lowest = 5\n", "satisfaction: the scale is empty"),
        ("lowest = 1\n", "", "satisfaction: a scale has a lowest"),
        ('value = "business_capital"', 'value = "capital"', "incentive_use: is not as"),
        ('kind = "choices"', 'kind = "choice"', "incentive_use: is not as"),
        (BEFORE, BEFORE.replace('"choice"', '"choices"'), "employment_before: is not as"),
        (BEFORE, f"{BEFORE}\nabout_programme = true", "employment_before: is not as"),
        ('value = "manufacturing"', 'value = "agriculture"', "work_kind: a choice is there twice"),
        ('kind = "choices"', 'kind = "ticks"', "Invalid enum value"),
        ('kind = "choices"', 'kind = "choices"\nlowest = 1', "incentive_use: choices have no"),
        ('kind = "choices"', 'kind = "choices"\nhint = "x"', "unknown field"),
        ('version = "2026-01"', "version =", "2026-01.toml: "),
        ("\n[[questions]]\n", f"\n[[questions]]\n{SINGLE}\n[[questions]]\n", "one: at least two choices"),
    ],
)
def test_a_file_that_is_wrong_is_refused_when_it_is_loaded(tmp_path, old, new, reason):
    text = (FOLDER / "2026-01.toml").read_text("utf-8")
    assert old in text
    (tmp_path / "2026-01.toml").write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(BadConfiguration) as refused:
        questions.load(tmp_path)
    assert reason in str(refused.value.facts["reason"])
