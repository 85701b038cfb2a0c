"""Partners look for people; alumni see what suits them, and some apply."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

from chalicelib.clock import iso

from ..api import Unexpected
from ..people import Part
from .crowd import Crowd, Diary, Partner

_VACANCIES = "/partners/vacancies"
_PAGE = 5
_SHARE = ["name", "phone", "certificates"]


@dataclass(frozen=True)
class Vacancy:
    id: str
    skill: str
    partner: Partner


def post_vacancy(crowd: Crowd, partner: Partner, skill: str, province: str | None) -> Vacancy:
    """A partner posts a vacancy, twice by mistake, and then corrects its salary. Raises `Unexpected`."""
    offer = {
        "title": f"Tenaga {skill}",
        "employer": "CV Contoh Karya",
        "province": province,
        "skills": [skill],
        "salary_min_idr": 3_000_000,
        "salary_max_idr": 5_000_000,
        "closes_at": iso(crowd.now().replace(microsecond=0) + timedelta(days=20)),
    }
    form = {"reference": f"V-{skill}", **offer}
    posted = crowd.signed(partner, "POST", _VACANCIES, form).expect(201).body
    if crowd.signed(partner, "POST", _VACANCIES, form, later_s=1).expect(200).body != posted:
        raise Unexpected(f"POST {_VACANCIES} gave another vacancy the second time")
    path = f"{_VACANCIES}/{posted['vacancy_id']}"
    crowd.signed(partner, "PUT", path, offer | {"salary_max_idr": 6_000_000}).expect(200)
    return Vacancy(posted["vacancy_id"], skill, partner)


def close_vacancy(crowd: Crowd, vacancy: Vacancy) -> None:
    """Let its partner take a vacancy back. Raises `Unexpected`."""
    crowd.signed(vacancy.partner, "POST", f"{_VACANCIES}/{vacancy.id}/closure").expect(200)


def read_matches(crowd: Crowd, step: str, diaries: Sequence[Diary]) -> None:
    """Alumni look for vacancies; whoever has not completed a training is told to do that first."""

    def act(diary: Diary) -> None:
        answer = crowd.call(diary, "GET", "/me/job-matches")
        if diary.completed:
            diary.matches = answer.expect(200).body["matches"]
        else:
            answer.expect(409, code="not_graduated")

    crowd.each(step, diaries, act)


def apply(crowd: Crowd, step: str) -> None:
    """Some take their best match, and agree to share name, phone and certificates; some think better of it later."""

    def act(diary: Diary) -> None:
        form = {"vacancy_id": diary.matches[0]["vacancy"]["vacancy_id"], "share": _SHARE}
        if diary.person.part is Part.EARLY:
            less = form | {"share": ["name", "phone"]}
            crowd.call(diary, "POST", "/me/job-applications", less).expect(422, code="consent_incomplete")
        application = crowd.call(diary, "POST", "/me/job-applications", form).expect(201).body
        crowd.call(diary, "POST", "/me/job-applications", form).expect(200)
        if diary.person.withdraws:
            crowd.call(diary, "POST", f"/me/job-applications/{form['vacancy_id']}/withdrawal").expect(200)
        diary.application = application

    crowd.each(step, [d for d in crowd.diaries if d.matches and d.person.applies], act)


def read_applicants(crowd: Crowd, vacancy: Vacancy, stranger: Partner) -> list[dict[str, Any]]:
    """Let its partner read who applied, page by page; a stranger sees nothing. Raises `Unexpected`."""
    path = f"{_VACANCIES}/{vacancy.id}/applicants"
    crowd.signed(stranger, "GET", path).expect(404)
    found: list[dict[str, Any]] = []
    query = {"limit": str(_PAGE)}
    while True:
        page = crowd.signed(vacancy.partner, "GET", path, query=query).expect(200).body
        found += page["applicants"]
        if page["next_cursor"] is None:
            return found
        query["cursor"] = page["next_cursor"]
