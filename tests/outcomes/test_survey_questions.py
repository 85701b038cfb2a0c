"""The questions' files, and which answers fit them."""

from __future__ import annotations

from hashlib import sha256
from pathlib import Path
from typing import Any

import pytest

from chalicelib.config import BadConfiguration, load_programme
from chalicelib.outcomes import questions
from chalicelib.outcomes.errors import InvalidAnswer
from chalicelib.outcomes.survey_rules import Group
from tests.builders.surveys import ANSWERS, COMPARED
from tests.conftest import ROOT

FOLDER = ROOT / "chalicelib/outcomes/questions"
BEFORE = 'id = "employment_before"\nkind = "choice"'
SINGLE = """id = "one"
kind = "choice"
text = { id = "a", en = "b" }
choices = [{ value = "x", id = "a", en = "b" }]
"""
ASKED = {"2026-01": "9318ef6f0296ab5144c16b96faf42db648d6ad5ee6125fa9acfce8b9613b0fde"}
"""The versions that people were or will be asked, with the SHA-256 of their files: an answer means what was asked."""


def test_a_version_that_was_asked_is_never_changed() -> None:
    assert {file.stem: sha256(file.read_bytes()).hexdigest() for file in sorted(FOLDER.glob("*.toml"))} == ASKED


@pytest.mark.parametrize("stage", ["local", "prod"])
def test_every_stage_asks_a_version_that_there_is(stage: str) -> None:
    assert load_programme(stage).surveys.questions in questions.load()


def test_each_question_is_worded_in_both_languages_and_some_are_not_for_the_comparison_group() -> None:
    asked = questions.load()["2026-01"]
    assert [question.id for question in asked.asked_of(Group.BENEFICIARY)] == list(ANSWERS)
    assert [question.id for question in asked.asked_of(Group.COMPARISON)] == list(COMPARED)
    for question in asked.questions:
        assert question.text.id != question.text.en
        assert all(choice.id != choice.en for choice in question.choices)


def test_answers_are_kept_in_the_order_asked_and_several_choices_sorted() -> None:
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
def test_an_answer_that_does_not_fit_is_refused_with_its_question_and_never_repeated(
    changes: dict[str, Any], question: str, reason: str
) -> None:
    given = {name: answer for name, answer in (ANSWERS | changes).items() if answer is not None}
    with pytest.raises(InvalidAnswer) as refused:
        questions.check(questions.load()["2026-01"], Group.BENEFICIARY, given)
    assert refused.value.facts == {"question": question, "reason": reason}


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
def test_a_file_that_is_wrong_is_refused_when_it_is_loaded(tmp_path: Path, old: str, new: str, reason: str) -> None:
    text = (FOLDER / "2026-01.toml").read_text("utf-8")
    assert old in text
    (tmp_path / "2026-01.toml").write_text(text.replace(old, new, 1), "utf-8")
    with pytest.raises(BadConfiguration) as refused:
        questions.load(tmp_path)
    assert reason in str(refused.value.facts["reason"])
