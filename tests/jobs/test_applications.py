"""Applications: what they share, with whom and how long."""

from __future__ import annotations

import logging
from datetime import timedelta

import msgspec
import pytest

from chalicelib.errors import NotFound
from chalicelib.jobs.errors import ApplicationWithdrawn, ConsentIncomplete, NotGraduated, UnknownVacancy, VacancyClosed
from chalicelib.jobs.wire import ApplicantQuery, PageQuery
from tests.builders.jobs import PARTNER, Market, application, every_page, offer_form
from tests.conftest import T0

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
FIRST = PageQuery()


def test_an_application_shares_with_its_partner_and_nobody_else_until_it_is_withdrawn(market: Market) -> None:
    person = market.people.add("siti", "programming")
    vacancy, other = market.post(), market.post(reference="LOK-2")
    consented = T0 + HOUR + timedelta(microseconds=123_456)
    view, new = market.jobs.apply(person, application(vacancy), consented)
    assert new
    assert (view.shared, view.consented_at, view.withdrawn_at) == (
        ["name", "phone", "certificates"],
        "2026-11-24T04:00:00.123Z",
        None,
    )
    [shown] = market.jobs.applicants(PARTNER, vacancy, ApplicantQuery()).applicants
    assert msgspec.to_builtins(shown) == {
        "application_id": view.application_id,
        "consented_at": "2026-11-24T04:00:00.123Z",
        "name": "Nama siti",
        "phone": "+628120000000",
        "certificates": [
            {
                "course": "Dasar Pemrograman",
                "provider": "Pelatihan Jaya",
                "certificate_number": "C-siti",
                "completed_at": "2026-11-23T03:00:00Z",
            }
        ],
    }
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


def test_an_application_is_refused_in_the_documented_order(market: Market) -> None:
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


def test_a_changed_and_a_closed_vacancy_keep_their_applications(market: Market) -> None:
    person = market.people.add("siti", "programming")
    vacancy = market.post()
    view, _ = market.jobs.apply(person, application(vacancy), T0)
    market.jobs.change(PARTNER, vacancy, offer_form(title="Pengembang senior", skills=("sales",)), T0)
    assert market.shown(vacancy) == ["Nama siti"]
    market.jobs.close(PARTNER, vacancy, T0)
    assert market.shown(vacancy) == ["Nama siti"]
    again, new = market.jobs.apply(person, application(vacancy), T0)
    assert (again.application_id, again.vacancy.title, again.vacancy.open, new) == (
        view.application_id,
        "Pengembang senior",
        False,
        False,
    )


def test_a_partner_pages_through_its_applicants_first_to_apply_first(market: Market) -> None:
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


def test_a_person_pages_through_their_applications_newest_first(market: Market) -> None:
    person = market.people.add("siti", "programming")
    vacancies = [market.post(reference=f"LOK-{n}") for n in range(5)]
    for n, vacancy in enumerate(vacancies):
        market.jobs.apply(person, application(vacancy), T0 + n * SECOND)
    pages = list(every_page(lambda page: market.jobs.applications(person, page, T0), PageQuery(limit=3)))
    assert [[one.vacancy.vacancy_id for one in page.applications] for page in pages] == [
        vacancies[:1:-1],
        vacancies[1::-1],
    ]


def test_the_market_stores_and_logs_nothing_that_names_a_person(
    market: Market, caplog: pytest.LogCaptureFixture
) -> None:
    person = market.people.add("siti", "programming")
    vacancy = market.post()
    with caplog.at_level(logging.DEBUG, "chalicelib"):
        market.jobs.apply(person, application(vacancy), T0)
        assert market.shown(vacancy) == ["Nama siti"]
    [shown] = [record for record in caplog.records if record.msg == "applicants_shown"]
    assert (shown.vacancy, shown.partner, shown.applicants) == (vacancy, PARTNER.id, 1)  # type: ignore[attr-defined]
    told = str([vars(record) for record in caplog.records]) + str(market.items())
    for secret in ("Nama", "+62812", "C-siti"):
        assert secret not in told
