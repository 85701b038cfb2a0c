"""The questions of the surveys: one file for each version in `questions/`, checked when it is loaded.

The statistics count by the questions in `NEEDED`. Every version must have these in the same words, so that figures of
different versions can be added up.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from functools import partial
from pathlib import Path
from types import MappingProxyType
from typing import Annotated, Literal

import msgspec
from msgspec import Meta, Struct

from .. import tables
from ..config import BadConfiguration
from ..errors import all_of, raise_together
from ..values import Value
from .errors import InvalidAnswer
from .survey_rules import Group, SurveyAnswer

UNEMPLOYED = frozenset({"unemployed"})
"""The values of `employment_before` of people whom the programme means to help into work."""

WORKING = frozenset({"employee", "self_employed", "business_owner", "freelance"})
"""The values of `employment_now` of those who work or run a business."""

BUSINESS_CAPITAL = "business_capital"


class Needed(Value, frozen=True):
    """What a question must be so that it can be counted: its kind, and the choices it has at least or its whole scale.

    `of_both`: asked of both groups, which are compared by it.
    """

    kind: Literal["choice", "choices", "scale"]
    answers: frozenset[str] | range
    of_both: bool = False


NEEDED: Mapping[str, Needed] = MappingProxyType(
    {
        "employment_before": Needed("choice", UNEMPLOYED | WORKING, of_both=True),
        "employment_now": Needed("choice", UNEMPLOYED | WORKING, of_both=True),
        "incentive_use": Needed("choices", frozenset({BUSINESS_CAPITAL})),
        "recommendation": Needed("scale", range(11)),
        "satisfaction": Needed("scale", range(1, 6)),
    }
)
"""The questions behind the figures."""

StableName = Annotated[str, Meta(pattern="^[a-z0-9][a-z0-9_]{0,39}$")]
Sentence = Annotated[str, Meta(min_length=1, max_length=300)]
RawAnswer = int | str | list[str]


class Text(Struct, frozen=True, forbid_unknown_fields=True):
    """A question's wording in both languages."""

    id: Sentence
    en: Sentence


class Choice(Struct, frozen=True, forbid_unknown_fields=True):
    """One choice: its stable value and its wording in both languages."""

    value: StableName
    id: Sentence
    en: Sentence


class Question(Struct, frozen=True, forbid_unknown_fields=True):
    """`choice`: one of `choices`; `choices`: some of them, at least one; `scale`: `lowest` to `highest`.

    `about_programme`: not asked of the comparison group.
    """

    id: StableName
    kind: Literal["choice", "choices", "scale"]
    text: Text
    about_programme: bool = False
    choices: tuple[Choice, ...] = ()
    lowest: int | None = None
    highest: int | None = None


class Questionnaire(Struct, frozen=True, forbid_unknown_fields=True):
    """One version of the questions, in the order in which they are asked."""

    version: Annotated[str, Meta(pattern=r"^[0-9]{4}-[0-9]{2}$")]
    questions: tuple[Question, ...]

    def asked_of(self, group: Group) -> tuple[Question, ...]:
        return tuple(one for one in self.questions if group is Group.BENEFICIARY or not one.about_programme)


def load(folder: Path | None = None) -> dict[str, Questionnaire]:
    """Every version. Raises `BadConfiguration` naming the file and the first thing wrong with it."""
    files = sorted((folder or Path(__file__).with_name("questions")).glob("*.toml"))
    return {file.stem: _load(file) for file in files}


def check(questionnaire: Questionnaire, group: Group, answers: Mapping[str, RawAnswer]) -> dict[str, SurveyAnswer]:
    """The answers as they are kept: to each question that the group is asked, and to no other. Raises `InvalidAnswer`.

    Every question must be answered; one of the choices says that a person prefers not to. Several choices are kept
    sorted, so that the order of ticking does not matter.
    """
    asked = {question.id: question for question in questionnaire.asked_of(group)}
    # The name is the caller's own and may be anything: it is shown only if it looks like one of ours.
    strange = [name if re.fullmatch(r"[a-z0-9_]{1,40}", name) else "?" for name in answers if name not in asked]
    raise_together([_invalid(name, "unknown_question") for name in strange])
    raise_together([_invalid(name, "missing") for name in asked if name not in answers])
    checked = all_of(*(partial(_checked, question, answers[name]) for name, question in asked.items()))
    return dict(zip(asked, checked, strict=True))


def _invalid(question: str, reason: str) -> InvalidAnswer:
    return InvalidAnswer(field=f"$.answers.{question}", question=question, reason=reason)


def _checked(question: Question, answer: RawAnswer) -> SurveyAnswer:
    values = {choice.value for choice in question.choices}
    match question.kind, answer:
        case "scale", int() if question.lowest is not None and question.highest is not None:
            if question.lowest <= answer <= question.highest:
                return answer
            reason = "out_of_range"
        case "choice", str():
            if answer in values:
                return answer
            reason = "not_a_choice"
        case "choices", list():
            if not answer:
                reason = "missing"
            elif len(set(answer)) < len(answer):
                reason = "chosen_twice"
            elif values.issuperset(answer):
                return tuple(sorted(answer))
            else:
                reason = "not_a_choice"
        case _:
            reason = "wrong_type"
    raise _invalid(question.id, reason)


def _load(file: Path) -> Questionnaire:
    try:
        questionnaire = msgspec.convert(tables.read(file), Questionnaire)
    except ValueError as error:
        raise BadConfiguration(reason=f"{file.name}: {error}") from error
    for problem in _problems(questionnaire, file.stem):
        raise BadConfiguration(reason=f"{file.name}: {problem}")
    return questionnaire


def _problems(questionnaire: Questionnaire, stem: str) -> list[str]:
    """What is wrong besides the form of the file."""
    by_id = {question.id: question for question in questionnaire.questions}
    problems = []
    if questionnaire.version != stem:
        problems.append("the version is not the file's name")
    if len(by_id) < len(questionnaire.questions):
        problems.append("two questions have one id")
    problems += [f"{name}: {wrong}" for name, question in by_id.items() if (wrong := _wrong(question))]
    for name, needed in NEEDED.items():
        if name not in by_id:
            problems.append(f"{name}: missing, the statistics count by it")
        elif not _serves(by_id[name], needed):
            problems.append(f"{name}: is not as the statistics count by it")
    return problems


def _wrong(question: Question) -> str | None:
    values = [choice.value for choice in question.choices]
    if question.kind == "scale":
        bounds = (question.lowest, question.highest)
        if values or None in bounds:
            return "a scale has a lowest and a highest value and no choices"
        return None if question.lowest < question.highest else "the scale is empty"  # type: ignore[operator]  # no None
    if question.lowest is not None or question.highest is not None:
        return "choices have no lowest or highest value"
    if len(values) < 2:
        return "at least two choices"
    return "a choice is there twice" if len(set(values)) < len(values) else None


def _serves(question: Question, needed: Needed) -> bool:
    if question.kind != needed.kind or (needed.of_both and question.about_programme):
        return False
    if isinstance(needed.answers, range):
        return (question.lowest, question.highest) == (needed.answers.start, needed.answers.stop - 1)
    return needed.answers <= {choice.value for choice in question.choices}
