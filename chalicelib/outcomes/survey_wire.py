"""Surveys for the person who is asked: the JSON (times as `2026-11-24T03:00:00Z`)."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from typing import Annotated, Literal

from msgspec import Meta, Struct

from ..structs import fill
from .questions import Question, Questionnaire
from .survey_rules import Survey, SurveyAnswer, SurveyState, state

Answers = Annotated[
    dict[str, int | str | list[str]],
    Meta(description="By question: a whole number on a scale, the value of a choice, or a list of them."),
]


class ResponseForm(Struct, frozen=True, forbid_unknown_fields=True):
    """The answers to every question of one survey."""

    answers: Answers


class SurveyView(Struct, frozen=True):
    """A survey. `amount_idr` becomes due with the answers, whatever they are; 0: it is voluntary and unpaid.

    `questions` are those to answer, while it is open; `answers` are set once it is answered.
    """

    survey_id: str
    number: int
    group: Literal["beneficiary", "comparison"]
    wave: int
    state: Literal["open", "answered", "closed"]
    amount_idr: int
    opened_at: str
    closes_at: str
    answered_at: str | None
    version: str
    questions: tuple[Question, ...]
    answers: Mapping[str, SurveyAnswer] | None


class SurveyList(Struct, frozen=True):
    """A person's surveys, oldest first."""

    surveys: list[SurveyView]


def view(survey: Survey, questionnaire: Questionnaire, now: datetime) -> SurveyView:
    """What the person sees."""
    stands = state(survey, now)
    asked = questionnaire.asked_of(survey.group) if stands is SurveyState.OPEN else ()
    return fill(SurveyView, survey, survey_id=survey.id, state=stands, questions=asked)
