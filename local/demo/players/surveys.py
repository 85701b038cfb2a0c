"""People are asked what became of them; most answer."""

from __future__ import annotations

from collections.abc import Mapping
from typing import Any

from ..people import Part, Person
from .crowd import Crowd, Diary

SURVEY_1 = "SURVEY_1"

_BEFORE = {"jobseeker": "unemployed", "laid_off": "unemployed", "worker": "employee", "entrepreneur": "self_employed"}
"""What somebody who registered with this employment says of the time before."""


def read_surveys(crowd: Crowd, step: str) -> None:

    def act(diary: Diary) -> None:
        diary.surveys = crowd.call(diary, "GET", "/me/surveys").expect(200).body["surveys"]

    crowd.each(step, [d for d in crowd.registered if d.receipt], act)


def answer(crowd: Crowd, step: str) -> None:
    """Most of those who are asked answer; some click twice, some leave a question out or change their mind."""

    def act(diary: Diary) -> None:
        (survey,) = diary.surveys
        path = f"/me/surveys/{survey['survey_id']}/response"
        said = answers(diary.person, survey)
        if diary.person.part is Part.EARLY:
            without = {name: value for name, value in said.items() if name != "employment_now"}
            crowd.call(diary, "POST", path, {"answers": without}).expect(422, code="survey_answer_invalid")
        crowd.call(diary, "POST", path, {"answers": said}).expect(201)
        diary.answers = said
        if diary.person.part is Part.DOUBLE_CLICKS:
            crowd.call(diary, "POST", path, {"answers": said}).expect(200)
            changed = said | {"employment_now": "other"}
            crowd.call(diary, "POST", path, {"answers": changed}).expect(409, code="survey_already_answered")
        if survey["amount_idr"]:
            diary.due.add(SURVEY_1)

    crowd.each(step, [d for d in crowd.registered if d.surveys and d.person.answers], act)


def answers(person: Person, survey: Mapping[str, Any]) -> dict[str, Any]:
    """What this person says to the questions of a survey; it follows from their number."""
    before = _BEFORE[person.form["employment"]]
    found_work = person.number % (2 if survey["amount_idr"] else 4) == 0
    now = ("self_employed" if person.number % 3 == 0 else "employee") if found_work else before
    said = {
        "employment_before": before,
        "employment_now": now,
        "work_kind": "none" if now == "unemployed" else "trade",
        "income_bracket": "none" if now == "unemployed" else "2_5m_to_under_5m",
        "certificate_used": "for_a_job" if now == "employee" else "not_yet",
        "incentive_use": ["business_capital", "daily_needs"] if person.number % 3 == 0 else ["daily_needs"],
        "recommendation": (10, 9, 8, 6, 10)[person.number % 5],
        "satisfaction": 5 - person.number % 3,
    }
    return {question["id"]: said[question["id"]] for question in survey["questions"]}
