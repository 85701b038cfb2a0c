"""Applications: what they share, with whom and how long.

Matches: which vacancies an alumnus sees, in which order and why.
"""

from __future__ import annotations

import logging
from datetime import timedelta

import msgspec
import pytest

from chalicelib.errors import NotFound
from chalicelib.jobs.errors import ApplicationWithdrawn, ConsentIncomplete, NotGraduated, UnknownVacancy, VacancyClosed
from chalicelib.jobs.rules import MatchPlace
from chalicelib.jobs.wire import ApplicantQuery, ApplicantView, CertificateView, MatchQuery, PageQuery
from chalicelib.waves.rules import BeneficiaryState
from tests.builders.jobs import PARTNER, application, every_page, offer_form, open_market
from tests.conftest import T0

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
FIRST = PageQuery()


def test_an_application_shares_with_its_partner_and_nobody_else_until_it_is_withdrawn(market):
    person = market.people.add("siti", "programming")
    vacancy, other = market.post(), market.post(reference="LOK-2")
    consented = T0 + HOUR + timedelta(microseconds=123_456)
    view, new = market.jobs.apply(person, application(vacancy), consented)
    assert new
    assert (view.shared, view.withdrawn_at) == (["name", "phone", "certificates"], None)
    [shown] = market.jobs.applicants(PARTNER, vacancy, ApplicantQuery()).applicants
    certificate = CertificateView("Dasar Pemrograman", "Pelatihan Jaya", "C-siti", "2026-11-23T03:00:00Z")
    own = (view.application_id, view.consented_at)
    assert shown == ApplicantView(*own, "Nama siti", "+628120000000", [certificate])
    assert view.consented_at == "2026-11-24T04:00:00.123Z"
    assert market.shown(other) == []
    assert market.jobs.apply(person, application(vacancy), T0 + 2 * HOUR) == (view, False)

    withdrawn = market.jobs.withdraw(person, vacancy, T0 + 2 * HOUR)
    assert withdrawn == msgspec.structs.replace(view, withdrawn_at="2026-11-24T05:00:00Z")
    assert market.jobs.withdraw(person, vacancy, T0 + 3 * HOUR) == withdrawn
    assert market.shown(vacancy) == []
    with pytest.raises(ApplicationWithdrawn):
        market.jobs.apply(person, application(vacancy), T0 + 3 * HOUR)
    assert market.jobs.applications(person, FIRST, T0).applications == [withdrawn]
    with pytest.raises(NotFound):
        market.jobs.withdraw(person, other, T0)


def test_an_application_is_refused_in_the_documented_order(market):
    person = market.people.add("siti", "programming")
    vacancy, expiring = market.post(), market.post(reference="LOK-2", closes_at=T0 + HOUR)
    market.jobs.close(PARTNER, vacancy, T0)
    before = market.items()
    for who, form, refusal in [
        ("stranger", application("z" * 26, ("name", "phone")), ConsentIncomplete),
        ("stranger", application("z" * 26), NotGraduated),
        (person, application("z" * 26), UnknownVacancy),
        (person, application(vacancy), VacancyClosed),
        (person, application(expiring), VacancyClosed),
    ]:
        with pytest.raises(refusal):
            market.jobs.apply(who, form, T0 + HOUR)
    assert market.items() == before
    assert market.jobs.apply(person, application(expiring), T0 + HOUR - timedelta(milliseconds=1))[1]


def test_a_changed_and_a_closed_vacancy_keep_their_applications(market):
    person = market.people.add("siti", "programming")
    vacancy = market.post()
    view, _ = market.jobs.apply(person, application(vacancy), T0)
    market.jobs.change(PARTNER, vacancy, offer_form(title="Pengembang senior", skills=("sales",)), T0)
    assert market.shown(vacancy) == ["Nama siti"]
    market.jobs.close(PARTNER, vacancy, T0)
    assert market.shown(vacancy) == ["Nama siti"]
    again, new = market.jobs.apply(person, application(vacancy), T0)
    assert (again.application_id, new) == (view.application_id, False)
    assert (again.vacancy.title, again.vacancy.open) == ("Pengembang senior", False)


def test_a_partner_pages_through_its_applicants_first_to_apply_first(market):
    vacancy = market.post()
    people = [market.people.add(f"p{n}", "programming") for n in (3, 1, 4, 0, 2)]
    for n, person in enumerate(people):
        market.jobs.apply(person, application(vacancy), T0 + n * SECOND)
    del market.people.contacts["p4"]  # their registration is gone
    seen: list[str] = []
    for answer in every_page(lambda page: market.jobs.applicants(PARTNER, vacancy, page), ApplicantQuery(limit=2)):
        seen += [one.name for one in answer.applicants]
        # A cursor names no person: a partner could follow them by it from one vacancy to the next.
        assert not any(person in (answer.next_cursor or "").split(".") for person in people)
    assert seen == ["Nama p3", "Nama p1", "Nama p0", "Nama p2"]


def test_a_person_pages_through_their_applications_newest_first(market):
    person = market.people.add("siti", "programming")
    vacancies = [market.post(reference=f"LOK-{n}") for n in range(5)]
    for n, vacancy in enumerate(vacancies):
        market.jobs.apply(person, application(vacancy), T0 + n * SECOND)
    pages = every_page(lambda page: market.jobs.applications(person, page, T0), PageQuery(limit=3))
    shown = [[one.vacancy.vacancy_id for one in page.applications] for page in pages]
    assert shown == [vacancies[:1:-1], vacancies[1::-1]]


def test_the_market_stores_and_logs_nothing_that_names_a_person(market, caplog):
    person = market.people.add("siti", "programming")
    vacancy = market.post()
    with caplog.at_level(logging.DEBUG, "chalicelib"):
        market.jobs.apply(person, application(vacancy), T0)
        assert market.shown(vacancy) == ["Nama siti"]
    [shown] = [record for record in caplog.records if record.msg == "applicants_shown"]
    assert (shown.vacancy, shown.partner, shown.applicants) == (vacancy, PARTNER.id, 1)  # type: ignore[attr-defined]
    told = str([vars(record) for record in caplog.records]) + str(market.items())
    assert not [secret for secret in ("Nama", "+62812", "C-siti") if secret in told]


def test_matches_are_ranked_paged_and_give_their_reason(market):
    person = market.people.add("siti", "programming", "english", "sales", region=31)
    three = market.post(reference="a", skills=("programming", "english", "sales"), province="64")
    near_old = market.post(T0, reference="b", skills=("programming", "english"))
    near_new = market.post(T0 + SECOND, reference="c", skills=("sales", "english", "welding"))
    remote = market.post(T0 + HOUR / 2, reference="d", skills=("sales", "english"), province=None)
    far = market.post(T0 + HOUR / 2, reference="e", skills=("sales", "english"), province="64")
    market.post(reference="f", skills=("welding",))
    expired = market.post(reference="g", skills=("sales",), closes_at=T0 + HOUR)
    closed = market.post(reference="h", skills=("sales",))
    market.jobs.close(PARTNER, closed, T0)
    best = [three, near_new, near_old, remote, far]
    assert market.matched(person) == best
    assert expired in [one.vacancy.vacancy_id for one in market.jobs.matches(person, MatchQuery(), T0).matches]

    first = market.jobs.matches(person, MatchQuery(limit=2), T0 + HOUR)
    assert [(one.reason.shared_skills, one.reason.place) for one in first.matches] == [
        (["english", "programming", "sales"], MatchPlace.ELSEWHERE),
        (["english", "sales"], MatchPlace.PROVINCE),
    ]
    # What happens between two pages shifts nothing: the last one shown closes, and a better one is posted.
    market.jobs.close(PARTNER, near_new, T0)
    market.post(reference="i", skills=("programming", "english", "sales"))
    assert market.matched(person, limit=2, cursor=first.next_cursor) == [near_old, remote]
    last = market.jobs.matches(person, MatchQuery(limit=3, cursor=first.next_cursor), T0 + HOUR)
    assert last.next_cursor is None
    places = [MatchPlace.PROVINCE, MatchPlace.REMOTE, MatchPlace.ELSEWHERE]
    assert [one.reason.place for one in last.matches] == places


def test_matches_are_exact_among_the_newest_of_each_skill(empty, programme):
    market = open_market(empty, programme, newest_per_skill=2)
    person = market.people.add("siti", "sales", "english")
    market.post(T0, reference="old", skills=("sales",))
    both = market.post(T0 + SECOND, reference="both", skills=("sales", "english"), province="64")
    newer = [market.post(T0 + n * SECOND, reference=f"new-{n}", skills=("sales",)) for n in (2, 3)]
    # Two newer ones ask for sales; its other skill still finds it, and it still counts for both.
    assert market.matched(person) == [both, newer[1], newer[0]]


def test_a_person_without_a_completed_training_sees_no_vacancies(market):
    vacancy = market.post()
    market.people.add("active", "programming", state=BeneficiaryState.ACTIVE)
    market.people.add("revoked", "programming", state=BeneficiaryState.REVOKED)
    for person in ("active", "revoked", "stranger"):
        with pytest.raises(NotGraduated):
            market.jobs.matches(person, MatchQuery(), T0)
        with pytest.raises(NotGraduated):
            market.jobs.apply(person, application(vacancy), T0)
        assert market.jobs.applications(person, FIRST, T0).applications == []
    nothing = market.people.add("untaught")
    assert market.matched(nothing) == []
