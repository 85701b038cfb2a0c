"""Applications, changes and closures that truly run at the same time: each application once, none after a closure."""

from __future__ import annotations

import pytest

from chalicelib.config import Programme, Settings
from chalicelib.jobs.errors import ApplicationWithdrawn, VacancyClosed, VacancyReferenceUsed
from chalicelib.jobs.store import JobsTable
from chalicelib.jobs.wire import ApplicantQuery, PageQuery, PostingView
from tests.builders.jobs import PARTNER, Market, application, offer_form, open_market, posting
from tests.conftest import T0

from .together import ALWAYS, refusals, together

pytestmark = pytest.mark.dynamodb

AT_ONCE = 8
ROUNDS = 5
ALL = ApplicantQuery(limit=20)


@pytest.fixture
def scene(cloud: Settings, programme: Programme) -> Market:
    return open_market(cloud, programme)


def listed(vacancy: str) -> set[str]:
    """The skills under which a vacancy is listed."""
    found = [item.pk for item in JobsTable.scan() if item.sk.endswith(f"#{vacancy}")]
    return {pk.removeprefix("SKILL#") for pk in found if pk.startswith("SKILL#")}


def test_of_many_same_applications_one_is_new_and_all_get_the_same_answer(scene: Market) -> None:
    for number in range(ROUNDS):
        vacancy = scene.post(reference=f"LOK-{number}")
        person = scene.people.add(f"person-{number}", "programming")
        answers = together([lambda v=vacancy, p=person: scene.jobs.apply(p, application(v), T0)] * AT_ONCE)
        assert sorted(new for _, new in answers) == [False] * (AT_ONCE - 1) + [True]
        assert len({view.application_id for view, _ in answers}) == 1
        assert len(scene.jobs.applicants(PARTNER, vacancy, ALL).applicants) == 1
    assert scene.jobs.counts(T0).applications == ROUNDS


def test_many_people_apply_to_one_vacancy_at_once_and_every_one_is_kept_and_counted(scene: Market) -> None:
    vacancy = scene.post()
    people = [scene.people.add(f"person-{number}", "programming") for number in range(AT_ONCE)]
    together([lambda p=person: scene.jobs.apply(p, application(vacancy), T0) for person in people], ALWAYS)
    assert len(scene.jobs.applicants(PARTNER, vacancy, ALL).applicants) == AT_ONCE
    assert scene.jobs.counts(T0).applications == AT_ONCE


def test_an_application_meets_a_closure_and_is_kept_whole_or_refused(scene: Market) -> None:
    for number in range(ROUNDS * 2):
        vacancy = scene.post(reference=f"LOK-{number}")
        people = [scene.people.add(f"person-{number}-{n}", "programming") for n in range(3)]
        answers = together(
            [
                lambda v=vacancy: scene.jobs.close(PARTNER, v, T0),
                *(lambda v=vacancy, p=person: scene.jobs.apply(p, application(v), T0) for person in people),
            ],
            ALWAYS,
        )
        kept = [person for person, answer in zip(people, answers[1:], strict=True) if isinstance(answer, tuple)]
        assert refusals(answers) == [VacancyClosed] * (len(people) - len(kept))
        shown = scene.jobs.applicants(PARTNER, vacancy, ALL).applicants
        assert {one.name for one in shown} == {f"Nama {person}" for person in kept}
        assert listed(vacancy) == set()


def test_of_changes_and_a_closure_at_once_the_lists_follow_the_vacancy(scene: Market) -> None:
    sets = [("sales",), ("english", "sales"), ("teaching", "programming"), ("welding",)]
    for number in range(ROUNDS):
        vacancy = scene.post(reference=f"LOK-{number}")
        changes = [
            lambda v=vacancy, s=skills: scene.jobs.change(PARTNER, v, offer_form(skills=s), T0) for skills in sets
        ]
        answers = together(changes, ALWAYS)
        assert refusals(answers) == []
        [now] = [
            one for one in scene.jobs.posted(PARTNER, PageQuery(limit=50), T0).vacancies if one.vacancy_id == vacancy
        ]
        assert listed(vacancy) == set(now.skills)
        assert tuple(now.skills) in {tuple(sorted(skills)) for skills in sets}

        answers = together([*changes, lambda v=vacancy: scene.jobs.close(PARTNER, v, T0)], ALWAYS)
        assert set(refusals(answers)) <= {VacancyClosed}
        assert isinstance(answers[-1], PostingView)
        assert listed(vacancy) == set()


def test_of_many_same_postings_one_is_new_and_of_two_on_one_reference_one_is_refused(scene: Market) -> None:
    for number in range(ROUNDS):
        form = posting(reference=f"LOK-{number}")
        answers = together([lambda f=form: scene.jobs.post(PARTNER, f, T0)] * AT_ONCE)
        assert sorted(new for _, new in answers) == [False] * (AT_ONCE - 1) + [True]
        both = [posting(reference=f"DUA-{number}", title=title) for title in ("Satu", "Dua")]
        answers = together([lambda f=form: scene.jobs.post(PARTNER, f, T0) for form in both])
        assert refusals(answers) == [VacancyReferenceUsed]
    assert scene.jobs.counts(T0).vacancies == 2 * ROUNDS


def test_a_withdrawal_meets_a_repeated_application_and_nothing_is_shown_after_it(scene: Market) -> None:
    for number in range(ROUNDS):
        vacancy = scene.post(reference=f"LOK-{number}")
        person = scene.people.add(f"person-{number}", "programming")
        scene.jobs.apply(person, application(vacancy), T0)
        withdraw = [lambda v=vacancy, p=person: scene.jobs.withdraw(p, v, T0)] * 3
        apply = [lambda v=vacancy, p=person: scene.jobs.apply(p, application(v), T0)] * 3
        answers = together([*withdraw, *apply], ALWAYS)
        assert {view.withdrawn_at for view in answers[:3]} == {"2026-11-24T03:00:00Z"}
        assert set(refusals(answers)) <= {ApplicationWithdrawn}
        assert scene.jobs.applicants(PARTNER, vacancy, ALL).applicants == []
