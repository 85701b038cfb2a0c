"""Simultaneous requests about jobs, complaints, surveys and mails: one of each, limits kept."""

from __future__ import annotations

from datetime import datetime
from functools import partial
from typing import Any

import pytest

from chalicelib.accounts.contacts.contact import Contact
from chalicelib.accounts.contacts.directory import Reach
from chalicelib.aws import dynamodb
from chalicelib.config import Programme, Settings
from chalicelib.helpdesk.errors import AlreadyAnswered, TooManyGrievances
from chalicelib.helpdesk.rules import AboutRegistration, Category, GrievanceState
from chalicelib.helpdesk.wire import GrievanceForm
from chalicelib.jobs.errors import ApplicationWithdrawn, VacancyClosed, VacancyReferenceUsed
from chalicelib.jobs.store import JobsTable
from chalicelib.jobs.wire import ApplicantQuery, PageQuery, PostingView
from chalicelib.notices.mailer import Mailer
from chalicelib.notices.rules import Kind, NoticeState
from chalicelib.notices.store import NoticeStore
from chalicelib.outcomes import questions
from chalicelib.outcomes.errors import SurveyAlreadyAnswered
from chalicelib.outcomes.store import SurveyStore
from chalicelib.outcomes.surveys import Surveys
from chalicelib.payouts.ledger.items import Head
from chalicelib.payouts.ledger.store import PayoutStore
from chalicelib.payouts.service import Payouts
from tests.builders.helpdesk import ADMIN, Desk
from tests.builders.jobs import PARTNER, Market, application, offer_form, open_market, posting
from tests.builders.notices import CHOSEN, DEADLINE, Ses
from tests.builders.surveys import DAY, People, beneficiary, response, survey_of
from tests.conftest import REGION, T0

from .conftest import Queue
from .together import ALWAYS, AT_ONCE, ROUNDS, refusals, the_new_one, together

pytestmark = pytest.mark.dynamodb

ALL = ApplicantQuery(limit=20)


@pytest.fixture
def scene(cloud: Settings, programme: Programme) -> Market:
    return open_market(cloud, programme)


def listed(vacancy: str) -> set[str]:
    """The skills under which a vacancy is listed."""
    found = [item.pk for item in JobsTable.scan() if item.sk.endswith(f"#{vacancy}")]
    return {pk.removeprefix("SKILL#") for pk in found if pk.startswith("SKILL#")}


def test_many_equal_applications_at_once_are_one(scene: Market) -> None:
    for number in range(ROUNDS):
        vacancy = scene.post(reference=f"LOK-{number}")
        person = scene.people.add(f"person-{number}", "programming")
        the_new_one(together([partial(scene.jobs.apply, person, application(vacancy), T0)] * AT_ONCE))
        assert len(scene.jobs.applicants(PARTNER, vacancy, ALL).applicants) == 1
    assert scene.jobs.counts(T0).applications == ROUNDS


def test_many_people_apply_to_one_vacancy_at_once_and_every_one_is_kept_and_counted(scene: Market) -> None:
    vacancy = scene.post()
    people = [scene.people.add(f"person-{number}", "programming") for number in range(AT_ONCE)]
    together([partial(scene.jobs.apply, person, application(vacancy), T0) for person in people], ALWAYS)
    assert len(scene.jobs.applicants(PARTNER, vacancy, ALL).applicants) == AT_ONCE
    assert scene.jobs.counts(T0).applications == AT_ONCE


def test_an_application_during_a_closure_is_stored_whole_or_refused(scene: Market) -> None:
    for number in range(ROUNDS * 2):
        vacancy = scene.post(reference=f"LOK-{number}")
        people = [scene.people.add(f"person-{number}-{n}", "programming") for n in range(3)]
        applications = [partial(scene.jobs.apply, person, application(vacancy), T0) for person in people]
        answers = together([partial(scene.jobs.close, PARTNER, vacancy, T0), *applications], ALWAYS)
        kept = [person for person, answer in zip(people, answers[1:], strict=True) if isinstance(answer, tuple)]
        assert refusals(answers) == [VacancyClosed] * (len(people) - len(kept))
        shown = scene.jobs.applicants(PARTNER, vacancy, ALL).applicants
        assert {one.name for one in shown} == {f"Nama {person}" for person in kept}
        assert listed(vacancy) == set()


def test_after_simultaneous_changes_the_lists_match_the_vacancy(scene: Market) -> None:
    sets = [("sales",), ("english", "sales"), ("teaching", "programming"), ("welding",)]
    for number in range(ROUNDS):
        vacancy = scene.post(reference=f"LOK-{number}")
        changes = [partial(scene.jobs.change, PARTNER, vacancy, offer_form(skills=skills), T0) for skills in sets]
        assert refusals(together(changes, ALWAYS)) == []
        posted = scene.jobs.posted(PARTNER, PageQuery(limit=50), T0).vacancies
        [now] = [one for one in posted if one.vacancy_id == vacancy]
        assert listed(vacancy) == set(now.skills)
        assert tuple(now.skills) in {tuple(sorted(skills)) for skills in sets}

        answers = together([*changes, partial(scene.jobs.close, PARTNER, vacancy, T0)], ALWAYS)
        assert set(refusals(answers)) <= {VacancyClosed}
        assert isinstance(answers[-1], PostingView)
        assert listed(vacancy) == set()


def test_many_equal_postings_are_one_and_a_different_one_is_refused(scene: Market) -> None:
    for number in range(ROUNDS):
        the_new_one(together([partial(scene.jobs.post, PARTNER, posting(reference=f"LOK-{number}"), T0)] * AT_ONCE))
        both = [posting(reference=f"DUA-{number}", title=title) for title in ("Satu", "Dua")]
        answers = together([partial(scene.jobs.post, PARTNER, form, T0) for form in both])
        assert refusals(answers) == [VacancyReferenceUsed]
    assert scene.jobs.counts(T0).vacancies == 2 * ROUNDS


def test_after_a_withdrawal_during_a_repeated_application_nothing_is_shown(scene: Market) -> None:
    for number in range(ROUNDS):
        vacancy = scene.post(reference=f"LOK-{number}")
        person = scene.people.add(f"person-{number}", "programming")
        scene.jobs.apply(person, application(vacancy), T0)
        withdraw = [partial(scene.jobs.withdraw, person, vacancy, T0)] * 3
        apply = [partial(scene.jobs.apply, person, application(vacancy), T0)] * 3
        answers = together([*withdraw, *apply], ALWAYS)
        assert {view.withdrawn_at for view in answers[:3]} == {"2026-11-24T03:00:00Z"}
        assert set(refusals(answers)) <= {ApplicationWithdrawn}
        assert scene.jobs.applicants(PARTNER, vacancy, ALL).applicants == []


@pytest.fixture
def desk(cloud: Settings, programme: Programme) -> Desk:
    return Desk(cloud, programme)


def form(text: str) -> GrievanceForm:
    return GrievanceForm(AboutRegistration(), Category.OTHER, text)


def test_many_clicks_at_once_file_one_grievance(desk: Desk) -> None:
    for n in range(ROUNDS):
        person = f"person-{n}"
        the_new_one(together([partial(desk.helpdesk.file, person, form("Halo."), T0)] * AT_ONCE, ALWAYS))
        assert desk.store.unanswered_of(person) == 1


def test_many_grievances_at_once_do_not_exceed_the_limit(desk: Desk) -> None:
    limit = desk.figures.open_max
    for n in range(ROUNDS):
        person = f"person-{n}"
        files = [partial(desk.helpdesk.file, person, form(f"Pengaduan {k}."), T0) for k in range(AT_ONCE)]
        answers = together(files, ALWAYS)
        assert refusals(answers) == [TooManyGrievances] * (AT_ONCE - limit)
        assert len(desk.helpdesk.of(person)) == desk.store.unanswered_of(person) == limit


def test_of_many_simultaneous_answers_one_counts_and_is_told_once(desk: Desk) -> None:
    for n in range(ROUNDS):
        number = desk.file(f"person-{n}").number
        answers = [partial(desk.helpdesk.answer, number, f"Jawaban {k % 2}.", ADMIN, T0) for k in range(4)]
        done = together([*answers, partial(desk.helpdesk.escalate, number, "Ke hukum.", ADMIN, T0)], ALWAYS)
        assert done[:4].count(True) == 1
        assert done[:4].count(False) == 1, "the same words again"
        assert refusals(done[:4]) == [AlreadyAnswered] * 2
        assert desk.helpdesk.show(number).answer == f"Jawaban {done.index(True) % 2}."
        assert desk.helpdesk.of(f"person-{n}")[0].state is GrievanceState.ANSWERED
        assert desk.queued() == [(f"person-{n}", f"grievance_answered/{number}")]
        assert desk.store.unanswered_of(f"person-{n}") == 0
    assert desk.helpdesk.counts().answered == ROUNDS


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def store(cloud: Settings) -> SurveyStore:
    return SurveyStore(lambda: dynamodb.Transaction(REGION))


@pytest.fixture
def surveys(store: SurveyStore, queue: Queue, programme: Programme) -> Surveys:
    unused: Any = None
    any_queue: Any = queue
    payouts = Payouts(PayoutStore(REGION), any_queue, unused, programme)
    people = People()
    people.chosen = {f"person-{number}": beneficiary(f"person-{number}") for number in range(ROUNDS)}
    return Surveys(store, questions.load(), people, payouts)


def test_devices_that_answer_differently_at_once_leave_one_answer_and_one_entitlement(
    surveys: Surveys, store: SurveyStore, queue: Queue, programme: Programme
) -> None:
    for number in range(ROUNDS):
        person = f"person-{number}"
        survey = store.open(survey_of(beneficiary(person), programme, T0))
        forms = [response(recommendation=rating) for rating in range(AT_ONCE)]
        answers = together([partial(surveys.respond, person, survey.id, form, T0) for form in forms])
        assert refusals(answers) == [SurveyAlreadyAnswered] * (AT_ONCE - 1)
        [(view, new)] = [answer for answer in answers if isinstance(answer, tuple)]
        [kept] = store.of(person)
        assert new
        assert kept.answers == view.answers
    heads = list(Head.scan(Head.sk == "HEAD"))
    assert len(heads) == ROUNDS
    assert sorted(queue.ids) == sorted(head.pk.removeprefix("P#") for head in heads)


def test_the_same_answers_at_once_are_all_accepted_and_one_is_new(
    surveys: Surveys, store: SurveyStore, queue: Queue, programme: Programme
) -> None:
    for number in range(ROUNDS):
        survey = store.open(survey_of(beneficiary(f"person-{number}"), programme, T0))
        the_new_one(together([partial(surveys.respond, survey.registrant_id, survey.id, response(), T0)] * AT_ONCE))
    assert len(queue.ids) == ROUNDS


def test_two_runs_that_open_a_survey_at_once_agree_on_when_it_closes(store: SurveyStore, programme: Programme) -> None:
    for number in range(ROUNDS):
        first, second = (survey_of(beneficiary(f"person-{number}"), programme, now) for now in (T0, T0 + DAY))
        held = together([partial(store.open, one) for one in (first, second)])
        assert held[0] == held[1] == store.of(first.registrant_id)[0]


class Addresses:
    """Everybody has one."""

    def contacts(self, account_id: str, at: datetime) -> Reach:
        return Reach({"c0": Contact("email", f"{account_id}@example.org")}, "id")


@pytest.mark.parametrize("kind", [Kind.CHOSEN, Kind.PURCHASE_DEADLINE])
def test_only_one_of_many_consumers_sends_a_mail(cloud: Settings, programme: Programme, kind: Kind) -> None:
    store, ses = NoticeStore(REGION), Ses()
    mailers = [
        Mailer(store, Addresses(), ses, None, "https://api", lambda n, k=k: bytes([k]) * n) for k in range(AT_ONCE)
    ]
    facts = CHOSEN if kind is Kind.CHOSEN else DEADLINE
    for n in range(ROUNDS):
        person = f"person-{n}"
        told = together([partial(store.add, person, kind, "event", facts, T0)] * AT_ONCE)
        assert sorted(told) == [False] * (AT_ONCE - 1) + [True], "an event is kept once"

        together([partial(mailer.process, person, "event", T0) for mailer in mailers], meet=ALWAYS)

        assert [to for to, *_ in ses.taken] == [f"person-{k}@example.org" for k in range(n + 1)]
        notice = store.notice(person, "event")
        assert notice is not None
        assert notice.state is NoticeState.SENT
        if kind is Kind.PURCHASE_DEADLINE:
            assert (ses.taken[-1][2] or "").endswith(str(store.mailbox(person).token)), "the link in the mail works"
