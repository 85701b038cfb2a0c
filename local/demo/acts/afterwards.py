"""What a programme is judged by: what became of people, whether they found work, whether they were heard."""

from __future__ import annotations

from datetime import datetime, timedelta

from ..players import helpdesk, jobs, surveys
from ..players.training import Shelf
from ..scene import Scene

SETTLING_S = 6
"""A little longer than a paid incentive waits for its survey in the local stage."""

VACANCIES = (("english", None), ("web_development", "31"), ("digital_marketing", None), ("data_analysis", "32"))
"""Skill and province of each; the last one is closed again."""


def ask(scene: Scene, paid_at: datetime) -> None:
    """The first survey opens, for those who were paid and for a sample of those who were not chosen."""
    crowd = scene.crowd
    scene.clock.wait_until(paid_at + timedelta(seconds=SETTLING_S), "a survey opens some seconds after the payment")
    scene.admin.fire("open_surveys")
    surveys.read_surveys(crowd, "people look for surveys")
    paid = sum(any(each["amount_idr"] for each in diary.surveys) for diary in crowd.diaries)
    asked = sum(bool(diary.surveys) for diary in crowd.diaries)
    scene.tell(f"surveys: {paid} who were paid are asked, and to compare {asked - paid} who were not chosen")
    surveys.answer(crowd, "they answer")
    surveys.read_surveys(crowd, "")


def match(scene: Scene, shelf: Shelf) -> None:
    """Partners post vacancies, alumni see those that suit them and apply; each partner reads its own applicants."""
    crowd, partners = scene.crowd, list(shelf.partners.values())
    posted = [
        jobs.post_vacancy(crowd, partners[turn % len(partners)], skill, province)
        for turn, (skill, province) in enumerate(VACANCIES)
    ]
    jobs.close_vacancy(crowd, posted[-1])
    jobs.read_matches(crowd, "alumni look at vacancies", [d for d in crowd.diaries if d.bought])
    jobs.apply(crowd, "some apply")
    for vacancy in posted:
        stranger = next(each for each in partners if each != vacancy.partner)
        crowd.applicants[vacancy.id] = jobs.read_applicants(crowd, vacancy, stranger)
    matched = sum(bool(diary.matches) for diary in crowd.diaries)
    applied = sum(diary.application is not None for diary in crowd.diaries)
    read = sum(map(len, crowd.applicants.values()))
    scene.tell(f"jobs: {matched} alumni see vacancies that suit them, {applied} apply; partners read {read} applicants")


def hear(scene: Scene, wave: int) -> None:
    """Some appeal or complain; the office escalates one, and answers all."""
    crowd = scene.crowd
    lost = [d for d in crowd.diaries if d.entry and d.entry["reason"] == "not_drawn"][:3]
    unpaid = [d for d in crowd.diaries if any(each["state"] == "account_refused" for each in d.payouts)][:1]
    helpdesk.appeal(crowd, "some appeal", wave, lost)
    helpdesk.complain_of_payment(crowd, "somebody asks for the money", unpaid)
    answered = scene.admin.answer_grievances()
    helpdesk.read_answers(crowd, "they read the answers")
    scene.tell(f"helpdesk: {len(lost)} appeals with their evidence, {len(unpaid)} complaint; {answered} are answered")
