"""Vacancies: posted, changed, closed and counted, on the production template's table."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.errors import NotFound
from chalicelib.jobs.errors import ClosingTimeOutOfRange, UnknownSkill, VacancyClosed, VacancyReferenceUsed
from chalicelib.jobs.rules import JobCounts, Vacancy
from chalicelib.jobs.wire import ApplicantQuery, MatchQuery, PageQuery
from chalicelib.registration.errors import UnknownRegion
from tests.builders.jobs import CLOSES, PARTNER, RIVAL, application, every_page, offer_form, posting
from tests.conftest import T0

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
FIRST = PageQuery()


def test_a_posting_again_gives_the_vacancy_as_it_is_now_and_another_one_is_refused(market):
    first, new = market.jobs.post(PARTNER, posting(), T0)
    assert new
    before = market.items()
    assert market.jobs.post(PARTNER, posting(), T0 + HOUR) == (first, False)
    with pytest.raises(VacancyReferenceUsed) as refused:
        market.jobs.post(PARTNER, posting(title="Lain"), T0)
    assert refused.value.facts == {"vacancy_id": first.vacancy_id}
    assert market.items() == before
    told = (first.partner, first.province, first.posted_at, first.open)
    assert told == ("Kerja Jaya", "31", "2026-11-24T03:00:00Z", True)
    market.jobs.change(PARTNER, first.vacancy_id, offer_form(title="Pengembang senior"), T0 + HOUR)
    late, new = market.jobs.post(PARTNER, posting(), CLOSES + HOUR)
    assert (late.title, late.open, new) == ("Pengembang senior", False, False)
    other, new = market.jobs.post(RIVAL, posting(), T0)
    assert new
    assert other.vacancy_id != first.vacancy_id


def test_a_vacancy_that_is_refused_writes_nothing(market):
    for changes, refusal in [
        ({"province": "99"}, UnknownRegion),
        ({"skills": ("juggling",)}, UnknownSkill),
        ({"closes_at": T0}, ClosingTimeOutOfRange),
    ]:
        with pytest.raises(refusal):
            market.jobs.post(PARTNER, posting(**changes), T0)
    assert market.items() == []
    vacancy = market.post()
    before = market.items()
    with pytest.raises(UnknownSkill):
        market.jobs.change(PARTNER, vacancy, offer_form(skills=("juggling",)), T0)
    assert market.items() == before


def test_a_change_of_skills_moves_the_vacancy_to_their_lists(market):
    vacancy = market.post(skills=("programming", "english"))
    assert market.listed() == ["english", "programming"]
    changed = market.jobs.change(PARTNER, vacancy, offer_form(skills=("sales", "english"), province=None), T0 + HOUR)
    assert (changed.skills, changed.province, changed.posted_at) == (["english", "sales"], None, "2026-11-24T03:00:00Z")
    assert market.listed() == ["english", "sales"]
    assert all(row["skills"] == {"english", "sales"} and "province" not in row for row in market.items("SKILL#"))
    before, same = market.items(), offer_form(skills=("english", "sales"), province=None)
    assert market.jobs.change(PARTNER, vacancy, same, T0 + 2 * HOUR) == changed
    assert market.items() == before


def test_a_closed_vacancy_is_on_no_list_and_stays_closed(market):
    vacancy = market.post()
    closed = market.jobs.close(PARTNER, vacancy, T0 + HOUR)
    assert (closed.open, closed.closed_at) == (False, "2026-11-24T04:00:00Z")
    assert market.jobs.close(PARTNER, vacancy, T0 + 2 * HOUR) == closed
    with pytest.raises(VacancyClosed):
        market.jobs.change(PARTNER, vacancy, offer_form(), T0 + HOUR)
    assert market.jobs.post(PARTNER, posting(), T0 + HOUR) == (closed, False)
    assert market.items("SKILL#") == market.items("OPEN") == []


def test_a_later_closing_time_reopens_an_expired_vacancy(market):
    vacancy = market.post(closes_at=T0 + HOUR)
    later = T0 + 2 * HOUR
    for row in (*market.items("SKILL#"), *market.items("OPEN")):
        # What DynamoDB does to them by then.
        market.table.delete_item(Key={"pk": row["pk"], "sk": row["sk"]})
    person = market.people.add("siti", "programming")
    assert market.jobs.matches(person, MatchQuery(), later).matches == []
    assert market.jobs.change(PARTNER, vacancy, offer_form(), later).open
    assert [one.vacancy.vacancy_id for one in market.jobs.matches(person, MatchQuery(), later).matches] == [vacancy]


def test_revoking_a_partner_closes_exactly_its_vacancies(market, monkeypatch):
    monkeypatch.setattr("chalicelib.jobs.service._CLOSED_AT_ONCE", 2)
    mine = [market.post(T0 + n * SECOND, reference=f"LOK-{n}") for n in range(5)]
    others = market.post(by=RIVAL)
    market.jobs.close(PARTNER, mine[3], T0)
    replace, calls = market.jobs._store.replace, []

    def dies(old: Vacancy, new: Vacancy) -> bool:
        calls.append(new.id)
        if len(calls) == 3:
            raise SystemExit
        return replace(old, new)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(market.jobs._store, "replace", dies)
        market.jobs.close_all(PARTNER.id, T0 + HOUR)
    assert market.jobs.close_all(PARTNER.id, T0 + HOUR) == 2
    assert market.jobs.close_all(PARTNER.id, T0 + HOUR) == 0
    page = market.jobs.posted(PARTNER, FIRST, T0).vacancies
    assert [one.closed_at for one in page].count("2026-11-24T04:00:00Z") == 4
    assert {row["sk"].partition("#")[2] for row in market.items("SKILL#")} == {others}


def test_a_partner_pages_through_its_own_vacancies_newest_first(market):
    mine = [market.post(T0 + n * SECOND, reference=f"LOK-{n}") for n in range(5)]
    market.post(T0, by=RIVAL)
    pages = every_page(lambda page: market.jobs.posted(PARTNER, page, T0), PageQuery(limit=2))
    assert [one.vacancy_id for page in pages for one in page.vacancies] == mine[::-1]


def test_a_vacancy_of_another_partner_is_not_found(market):
    vacancy = market.post()
    for use, *given in (
        (market.jobs.change, RIVAL, vacancy, offer_form(), T0),
        (market.jobs.close, RIVAL, vacancy, T0),
        (market.jobs.applicants, RIVAL, vacancy, ApplicantQuery()),
        (market.jobs.close, PARTNER, "z" * 26, T0),
    ):
        with pytest.raises(NotFound):
            use(*given)


def test_anybody_may_read_the_vacancies_that_take_applications_the_first_to_close_first(market):
    ids = [market.post(reference=f"LOK-{n}", closes_at=T0 + (9 - n) * HOUR) for n in range(5)]
    market.jobs.close(PARTNER, ids[2], T0)
    market.jobs.change(PARTNER, ids[0], offer_form(closes_at=T0 + HOUR, description="Menulis program."), T0)
    pages = [*every_page(lambda page: market.jobs.open(page, T0), PageQuery(limit=2))]
    assert [one.vacancy_id for page in pages for one in page.vacancies] == [ids[0], ids[4], ids[3], ids[1]]
    assert pages[0].vacancies[0].description == "Menulis program."
    assert market.jobs.post(PARTNER, posting(reference="LOK-1", closes_at=T0 + 8 * HOUR), T0)[1] is False
    # A page is kept for a minute; what has closed is not on the next one.
    late = T0 + HOUR
    assert [one.vacancy_id for one in market.jobs.open(PageQuery(), late).vacancies] == [ids[4], ids[3], ids[1]]
    market.jobs.close(PARTNER, ids[1], late)
    assert len(market.jobs.open(PageQuery(), late + timedelta(seconds=59)).vacancies) == 3
    assert len(market.jobs.open(PageQuery(), late + timedelta(seconds=60)).vacancies) == 2


def test_open_vacancies_and_all_postings_and_applications_are_counted(market):
    person = market.people.add("siti", "programming")
    vacancies = [market.post(reference=f"LOK-{n}") for n in range(4)]
    market.post(reference="short", closes_at=T0 + HOUR)
    market.jobs.post(PARTNER, posting(reference="short", closes_at=T0 + HOUR), T0)
    market.jobs.close(PARTNER, vacancies[0], T0)
    market.jobs.change(PARTNER, vacancies[1], offer_form(closes_at=T0 + 2 * HOUR), T0)
    for vacancy in vacancies[1:]:
        market.jobs.apply(person, application(vacancy), T0)
        market.jobs.apply(person, application(vacancy), T0)
    market.jobs.withdraw(person, vacancies[1], T0)
    for now, still_open in ((T0, 4), (T0 + HOUR, 3), (T0 + 2 * HOUR, 2), (CLOSES, 0)):
        assert market.jobs.counts(now) == JobCounts(still_open, vacancies=5, applications=3)
