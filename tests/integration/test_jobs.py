"""Vacancies, matches and applications on the production template's table."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from typing import Any

import boto3
import msgspec
import pytest

from chalicelib.config import Programme, Settings
from chalicelib.errors import NotFound
from chalicelib.jobs.errors import (
    ApplicationWithdrawn,
    ClosingTimeOutOfRange,
    ConsentIncomplete,
    NotGraduated,
    UnknownSkill,
    UnknownVacancy,
    VacancyClosed,
    VacancyReferenceUsed,
)
from chalicelib.jobs.rules import JobCounts, Place, Vacancy
from chalicelib.jobs.wire import ApplicantQuery, MatchQuery, PageQuery
from chalicelib.registration.errors import UnknownRegion
from chalicelib.waves.rules import BeneficiaryState
from tests.builders.jobs import CLOSES, PARTNER, RIVAL, Market, application, market, offer_form, posting
from tests.conftest import T0
from tests.conftest import cloud as cloud_of_one_test

HOUR = timedelta(hours=1)
SECOND = timedelta(seconds=1)
FIRST = PageQuery()


@pytest.fixture(scope="module")
def one_cloud() -> Iterator[Settings]:
    """One cloud for all tests here, since they only need its table."""
    with contextmanager(cloud_of_one_test.__wrapped__)(None) as settings:
        yield settings


@pytest.fixture
def cloud(one_cloud: Settings, no_real_cloud: None) -> Settings:
    """The cloud with an empty table."""
    table = boto3.resource("dynamodb", one_cloud.region).Table(one_cloud.table("jobs"))
    for row in table.scan()["Items"]:
        table.delete_item(Key={"pk": row["pk"], "sk": row["sk"]})
    return one_cloud


@pytest.fixture
def scene(cloud: Settings, programme: Programme) -> Market:
    return market(cloud, programme)


def items(cloud: Settings, prefix: str = "") -> list[dict[str, Any]]:
    rows: list[dict[str, Any]] = boto3.resource("dynamodb", cloud.region).Table(cloud.table("jobs")).scan()["Items"]
    return sorted((row for row in rows if row["pk"].startswith(prefix)), key=lambda row: (row["pk"], row["sk"]))


def listed(cloud: Settings) -> list[str]:
    """The skills under which vacancies are listed."""
    return [row["pk"].removeprefix("SKILL#") for row in items(cloud, "SKILL#")]


def matched(scene: Market, person: str, **page: Any) -> list[str]:
    return [one.vacancy.vacancy_id for one in scene.jobs.matches(person, MatchQuery(**page), T0 + HOUR).matches]


def applicants(scene: Market, vacancy: str) -> list[str]:
    return [one.name for one in scene.jobs.applicants(PARTNER, vacancy, ApplicantQuery()).applicants]


# Vacancies


def test_a_posting_again_gives_the_vacancy_as_it_is_now_and_another_one_is_refused(
    scene: Market, cloud: Settings
) -> None:
    first, new = scene.jobs.post(PARTNER, posting(), T0)
    assert new
    before = items(cloud)
    assert scene.jobs.post(PARTNER, posting(), T0 + HOUR) == (first, False)
    with pytest.raises(VacancyReferenceUsed) as refused:
        scene.jobs.post(PARTNER, posting(title="Lain"), T0)
    assert refused.value.facts == {"vacancy_id": first.vacancy_id}
    assert items(cloud) == before
    assert (first.partner, first.province, first.posted_at, first.open) == (
        "Kerja Jaya",
        "31",
        "2026-11-24T03:00:00Z",
        True,
    )

    scene.jobs.change(PARTNER, first.vacancy_id, offer_form(title="Pengembang senior"), T0 + HOUR)
    late, new = scene.jobs.post(PARTNER, posting(), CLOSES + HOUR)
    assert (late.title, late.open, new) == ("Pengembang senior", False, False)
    other, new = scene.jobs.post(RIVAL, posting(), T0)
    assert new
    assert other.vacancy_id != first.vacancy_id


def test_a_vacancy_that_is_refused_writes_nothing(scene: Market, cloud: Settings) -> None:
    for changes, refusal in [
        ({"province": "99"}, UnknownRegion),
        ({"skills": ("juggling",)}, UnknownSkill),
        ({"closes_at": T0}, ClosingTimeOutOfRange),
    ]:
        with pytest.raises(refusal):
            scene.jobs.post(PARTNER, posting(**changes), T0)
    assert items(cloud) == []
    vacancy = scene.post()
    before = items(cloud)
    with pytest.raises(UnknownSkill):
        scene.jobs.change(PARTNER, vacancy, offer_form(skills=("juggling",)), T0)
    assert items(cloud) == before


def test_a_change_of_skills_moves_the_vacancy_to_their_lists(scene: Market, cloud: Settings) -> None:
    vacancy = scene.post(skills=("programming", "english"))
    assert listed(cloud) == ["english", "programming"]
    changed = scene.jobs.change(PARTNER, vacancy, offer_form(skills=("sales", "english"), province=None), T0 + HOUR)
    assert (changed.skills, changed.province, changed.posted_at) == (["english", "sales"], None, "2026-11-24T03:00:00Z")
    assert listed(cloud) == ["english", "sales"]
    assert all(row["skills"] == {"english", "sales"} and "province" not in row for row in items(cloud, "SKILL#"))
    before = items(cloud)
    assert (
        scene.jobs.change(PARTNER, vacancy, offer_form(skills=("english", "sales"), province=None), T0 + 2 * HOUR)
        == changed
    )
    assert items(cloud) == before


def test_a_closed_vacancy_is_on_no_list_and_stays_closed(scene: Market, cloud: Settings) -> None:
    vacancy = scene.post()
    closed = scene.jobs.close(PARTNER, vacancy, T0 + HOUR)
    assert (closed.open, closed.closed_at) == (False, "2026-11-24T04:00:00Z")
    assert scene.jobs.close(PARTNER, vacancy, T0 + 2 * HOUR) == closed
    with pytest.raises(VacancyClosed):
        scene.jobs.change(PARTNER, vacancy, offer_form(), T0 + HOUR)
    assert scene.jobs.post(PARTNER, posting(), T0 + HOUR) == (closed, False)
    assert items(cloud, "SKILL#") == items(cloud, "OPEN") == []


def test_an_expired_vacancy_is_open_again_with_a_later_closing_time(scene: Market, cloud: Settings) -> None:
    vacancy = scene.post(closes_at=T0 + HOUR)
    later = T0 + 2 * HOUR
    for row in (*items(cloud, "SKILL#"), *items(cloud, "OPEN")):
        # What DynamoDB does to them by then.
        boto3.resource("dynamodb", cloud.region).Table(cloud.table("jobs")).delete_item(
            Key={"pk": row["pk"], "sk": row["sk"]}
        )
    person = scene.people.add("siti", "programming")
    assert scene.jobs.matches(person, MatchQuery(), later).matches == []
    assert scene.jobs.change(PARTNER, vacancy, offer_form(), later).open
    assert [one.vacancy.vacancy_id for one in scene.jobs.matches(person, MatchQuery(), later).matches] == [vacancy]


def test_the_vacancies_of_a_partner_who_is_revoked_are_closed_all_and_no_others(
    scene: Market, cloud: Settings, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr("chalicelib.jobs.service._CLOSED_AT_ONCE", 2)
    mine = [scene.post(T0 + n * SECOND, reference=f"LOK-{n}") for n in range(5)]
    others = scene.post(by=RIVAL)
    scene.jobs.close(PARTNER, mine[3], T0)
    replace, calls = scene.vacancies.replace, []

    def dies(old: Vacancy, new: Vacancy) -> bool:
        calls.append(new.id)
        if len(calls) == 3:
            raise SystemExit
        return replace(old, new)

    with monkeypatch.context() as patch, pytest.raises(SystemExit):
        patch.setattr(scene.vacancies, "replace", dies)
        scene.jobs.close_all(PARTNER.id, T0 + HOUR)
    assert scene.jobs.close_all(PARTNER.id, T0 + HOUR) == 2
    assert scene.jobs.close_all(PARTNER.id, T0 + HOUR) == 0
    page = scene.jobs.posted(PARTNER, FIRST, T0).vacancies
    assert [one.closed_at for one in page].count("2026-11-24T04:00:00Z") == 4
    assert {row["sk"].partition("#")[2] for row in items(cloud, "SKILL#")} == {others}


def test_a_partner_pages_through_its_own_vacancies_newest_first(scene: Market) -> None:
    mine = [scene.post(T0 + n * SECOND, reference=f"LOK-{n}") for n in range(5)]
    scene.post(T0, by=RIVAL)
    seen: list[str] = []
    page = PageQuery(limit=2)
    while True:
        answer = scene.jobs.posted(PARTNER, page, T0)
        seen += [one.vacancy_id for one in answer.vacancies]
        if answer.next_cursor is None:
            break
        page = msgspec.structs.replace(page, cursor=answer.next_cursor)
    assert seen == mine[::-1]


def test_another_partners_vacancy_is_not_there(scene: Market) -> None:
    vacancy = scene.post()
    for use in (
        lambda: scene.jobs.change(RIVAL, vacancy, offer_form(), T0),
        lambda: scene.jobs.close(RIVAL, vacancy, T0),
        lambda: scene.jobs.applicants(RIVAL, vacancy, ApplicantQuery()),
        lambda: scene.jobs.close(PARTNER, "z" * 26, T0),
    ):
        with pytest.raises(NotFound):
            use()


# Matches


def test_matches_are_ranked_paged_and_give_their_reason(scene: Market) -> None:
    person = scene.people.add("siti", "programming", "english", "sales", region=31)
    three = scene.post(reference="a", skills=("programming", "english", "sales"), province="64")
    near_old = scene.post(T0, reference="b", skills=("programming", "english"))
    near_new = scene.post(T0 + SECOND, reference="c", skills=("sales", "english", "welding"))
    remote = scene.post(T0 + HOUR / 2, reference="d", skills=("sales", "english"), province=None)
    far = scene.post(T0 + HOUR / 2, reference="e", skills=("sales", "english"), province="64")
    scene.post(reference="f", skills=("welding",))
    expired = scene.post(reference="g", skills=("sales",), closes_at=T0 + HOUR)
    closed = scene.post(reference="h", skills=("sales",))
    scene.jobs.close(PARTNER, closed, T0)
    best = [three, near_new, near_old, remote, far]
    assert matched(scene, person) == best
    assert expired in [one.vacancy.vacancy_id for one in scene.jobs.matches(person, MatchQuery(), T0).matches]

    first = scene.jobs.matches(person, MatchQuery(limit=2), T0 + HOUR)
    assert [(one.reason.shared_skills, one.reason.place) for one in first.matches] == [
        (["english", "programming", "sales"], Place.ELSEWHERE),
        (["english", "sales"], Place.PROVINCE),
    ]
    # What happens between two pages shifts nothing: the last one shown closes, and a better one is posted.
    scene.jobs.close(PARTNER, near_new, T0)
    scene.post(reference="i", skills=("programming", "english", "sales"))
    assert matched(scene, person, limit=2, cursor=first.next_cursor) == [near_old, remote]
    last = scene.jobs.matches(person, MatchQuery(limit=3, cursor=first.next_cursor), T0 + HOUR)
    assert (len(last.matches), last.next_cursor) == (3, None)


def test_matches_are_exact_among_the_newest_of_each_skill(cloud: Settings, programme: Programme) -> None:
    scene = market(cloud, programme, newest_per_skill=2)
    person = scene.people.add("siti", "sales", "english")
    scene.post(T0, reference="old", skills=("sales",))
    both = scene.post(T0 + SECOND, reference="both", skills=("sales", "english"), province="64")
    newer = [scene.post(T0 + n * SECOND, reference=f"new-{n}", skills=("sales",)) for n in (2, 3)]
    # Two newer ones ask for sales; its other skill still finds it, and it still counts for both.
    assert matched(scene, person) == [both, newer[1], newer[0]]


def test_who_has_not_graduated_sees_no_market(scene: Market) -> None:
    vacancy = scene.post()
    scene.people.add("active", "programming", state=BeneficiaryState.ACTIVE)
    scene.people.add("revoked", "programming", state=BeneficiaryState.REVOKED)
    for person in ("active", "revoked", "stranger"):
        with pytest.raises(NotGraduated):
            scene.jobs.matches(person, MatchQuery(), T0)
        with pytest.raises(NotGraduated):
            scene.jobs.apply(person, application(vacancy), T0)
        assert scene.jobs.applications(person, FIRST, T0).applications == []
    nothing = scene.people.add("untaught")
    assert matched(scene, nothing) == []


# Applications


def test_an_application_shares_with_its_partner_and_nobody_else_until_it_is_withdrawn(scene: Market) -> None:
    person = scene.people.add("siti", "programming")
    vacancy, other = scene.post(), scene.post(reference="LOK-2")
    consented = T0 + HOUR + timedelta(microseconds=123_456)
    view, new = scene.jobs.apply(person, application(vacancy), consented)
    assert new
    assert (view.shared, view.consented_at, view.withdrawn_at) == (
        ["name", "phone", "certificates"],
        "2026-11-24T04:00:00.123Z",
        None,
    )
    [shown] = scene.jobs.applicants(PARTNER, vacancy, ApplicantQuery()).applicants
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
    assert applicants(scene, other) == []
    assert scene.jobs.apply(person, application(vacancy), T0 + 2 * HOUR) == (view, False)

    withdrawn = scene.jobs.withdraw(person, vacancy, T0 + 2 * HOUR)
    assert withdrawn == msgspec.structs.replace(view, withdrawn_at="2026-11-24T05:00:00Z")
    assert scene.jobs.withdraw(person, vacancy, T0 + 3 * HOUR) == withdrawn
    assert applicants(scene, vacancy) == []
    with pytest.raises(ApplicationWithdrawn):
        scene.jobs.apply(person, application(vacancy), T0 + 3 * HOUR)
    assert scene.jobs.applications(person, FIRST, T0).applications == [withdrawn]
    with pytest.raises(NotFound):
        scene.jobs.withdraw(person, other, T0)


def test_an_application_is_refused_in_the_documented_order(scene: Market, cloud: Settings) -> None:
    person = scene.people.add("siti", "programming")
    vacancy, expiring = scene.post(), scene.post(reference="LOK-2", closes_at=T0 + HOUR)
    scene.jobs.close(PARTNER, vacancy, T0)
    before = items(cloud)
    for who, form, refusal in [
        ("stranger", application("z" * 26, ("name", "phone")), ConsentIncomplete),
        ("stranger", application("z" * 26), NotGraduated),
        (person, application("z" * 26), UnknownVacancy),
        (person, application(vacancy), VacancyClosed),
        (person, application(expiring), VacancyClosed),
    ]:
        with pytest.raises(refusal):
            scene.jobs.apply(who, form, T0 + HOUR)
    assert items(cloud) == before
    assert scene.jobs.apply(person, application(expiring), T0 + HOUR - timedelta(milliseconds=1))[1]


def test_a_changed_and_a_closed_vacancy_keep_their_applications(scene: Market) -> None:
    person = scene.people.add("siti", "programming")
    vacancy = scene.post()
    view, _ = scene.jobs.apply(person, application(vacancy), T0)
    scene.jobs.change(PARTNER, vacancy, offer_form(title="Pengembang senior", skills=("sales",)), T0)
    assert applicants(scene, vacancy) == ["Nama siti"]
    scene.jobs.close(PARTNER, vacancy, T0)
    assert applicants(scene, vacancy) == ["Nama siti"]
    again, new = scene.jobs.apply(person, application(vacancy), T0)
    assert (again.application_id, again.vacancy.title, again.vacancy.open, new) == (
        view.application_id,
        "Pengembang senior",
        False,
        False,
    )


def test_a_partner_pages_through_its_applicants_first_to_apply_first(scene: Market) -> None:
    vacancy = scene.post()
    people = [scene.people.add(f"p{n}", "programming") for n in (3, 1, 4, 0, 2)]
    for n, person in enumerate(people):
        scene.jobs.apply(person, application(vacancy), T0 + n * SECOND)
    del scene.people.contacts["p4"]  # their registration is gone
    seen: list[str] = []
    page = ApplicantQuery(limit=2)
    while True:
        answer = scene.jobs.applicants(PARTNER, vacancy, page)
        seen += [one.name for one in answer.applicants]
        if answer.next_cursor is None:
            break
        # A cursor names no person: a partner could follow them by it from one vacancy to the next.
        assert not any(person in answer.next_cursor.split(".") for person in people)
        page = msgspec.structs.replace(page, cursor=answer.next_cursor)
    assert seen == ["Nama p3", "Nama p1", "Nama p0", "Nama p2"]


def test_a_person_pages_through_their_applications_newest_first(scene: Market) -> None:
    person = scene.people.add("siti", "programming")
    vacancies = [scene.post(reference=f"LOK-{n}") for n in range(5)]
    for n, vacancy in enumerate(vacancies):
        scene.jobs.apply(person, application(vacancy), T0 + n * SECOND)
    first = scene.jobs.applications(person, PageQuery(limit=3), T0)
    rest = scene.jobs.applications(person, PageQuery(limit=3, cursor=first.next_cursor), T0)
    assert [one.vacancy.vacancy_id for one in (*first.applications, *rest.applications)] == vacancies[::-1]
    assert rest.next_cursor is None


def test_the_market_stores_and_logs_nothing_that_names_a_person(
    scene: Market, cloud: Settings, caplog: pytest.LogCaptureFixture
) -> None:
    person = scene.people.add("siti", "programming")
    vacancy = scene.post()
    with caplog.at_level(logging.DEBUG, "chalicelib"):
        scene.jobs.apply(person, application(vacancy), T0)
        assert applicants(scene, vacancy) == ["Nama siti"]
    [shown] = [record for record in caplog.records if record.msg == "applicants_shown"]
    assert (shown.vacancy, shown.partner, shown.applicants) == (vacancy, PARTNER.id, 1)  # type: ignore[attr-defined]
    told = str([vars(record) for record in caplog.records]) + str(items(cloud))
    for secret in ("Nama", "+62812", "C-siti"):
        assert secret not in told


def test_the_counts_are_of_what_is_open_now_and_of_all_that_was_ever_posted_and_sent(scene: Market) -> None:
    person = scene.people.add("siti", "programming")
    vacancies = [scene.post(reference=f"LOK-{n}") for n in range(4)]
    scene.post(reference="short", closes_at=T0 + HOUR)
    scene.jobs.post(PARTNER, posting(reference="short", closes_at=T0 + HOUR), T0)
    scene.jobs.close(PARTNER, vacancies[0], T0)
    scene.jobs.change(PARTNER, vacancies[1], offer_form(closes_at=T0 + 2 * HOUR), T0)
    for vacancy in vacancies[1:]:
        scene.jobs.apply(person, application(vacancy), T0)
        scene.jobs.apply(person, application(vacancy), T0)
    scene.jobs.withdraw(person, vacancies[1], T0)
    assert scene.jobs.counts(T0) == JobCounts(open_vacancies=4, vacancies=5, applications=3)
    assert scene.jobs.counts(T0 + HOUR).open_vacancies == 3
    assert scene.jobs.counts(T0 + 2 * HOUR).open_vacancies == 2
    assert scene.jobs.counts(CLOSES) == JobCounts(open_vacancies=0, vacancies=5, applications=3)
