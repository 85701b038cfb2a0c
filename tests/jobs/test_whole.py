"""The job market with the real registration, waves and training, over the application's own routes."""

from __future__ import annotations

import logging

import pytest

import app as application
from chalicelib.config import Programme, Settings
from tests.e2e.gateway import BUY, DURING, Call, Gateway
from tests.e2e.refusals.jobs import APPLICANTS, APPLICATIONS, MATCHES, WITHDRAW, applying


@pytest.fixture
def gateway(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> Gateway:
    gateway = Gateway(cloud, programme)
    monkeypatch.setattr(application, "services", lambda: gateway.services)
    monkeypatch.setattr(application.app, "clock", gateway.clock)
    gateway.now = DURING
    return gateway


def test_an_alumnus_finds_a_vacancy_by_what_they_learned_and_shares_it_until_they_withdraw(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = gateway.vacancy(skills=["programming", "sales"], province="31")
    gateway.vacancy(skills=["sewing"], province="31")
    first = gateway.graduated()
    person = first.person

    # Bought, but not completed: a skill that is not there yet.
    sewing = gateway.new_course(skills="sewing", price_idr="500000")
    gateway.ok(Call(BUY, {"course_id": sewing}, person=person))
    [match] = gateway.ok(Call(MATCHES, person=person))["matches"]
    assert match["vacancy"]["vacancy_id"] == wanted
    assert match["reason"] == {"shared_skills": ["programming"], "place": "province"}

    with caplog.at_level(logging.DEBUG):
        gateway.ok(applying(wanted, person))
        path = f"/partners/vacancies/{wanted}/applicants"
        [shown] = gateway.ok(Call(APPLICANTS, path=path, partner=gateway.partner))["applicants"]
    contact = gateway.services.registrations.contact(person)
    assert contact is not None
    assert (shown["name"], shown["phone"]) == ("Siti Aminah", contact.phone)
    [certificate] = shown["certificates"]
    assert (certificate["course"], certificate["provider"]) == ("Dasar Pemrograman Python", "Pelatihan Jaya")
    told = str([vars(record) for record in caplog.records if record.name.startswith("chalicelib")])
    assert "applicants_shown" in told
    assert not any(secret in told for secret in ("Siti", contact.phone, certificate["certificate_number"], person))

    withdrawal = Call(WITHDRAW, path=f"/me/job-applications/{wanted}/withdrawal", person=person)
    withdrawn = gateway.ok(withdrawal)["withdrawn_at"]
    assert gateway.ok(Call(APPLICANTS, path=path, partner=gateway.partner))["applicants"] == []
    [mine] = gateway.ok(Call(APPLICATIONS, person=person))["applications"]
    assert (mine["withdrawn_at"], mine["application_id"]) == (withdrawn, shown["application_id"])
    assert gateway.services.jobs.counts(gateway.now).applications == 1


def test_pages_are_followed_over_http_and_a_query_that_is_none_is_refused(gateway: Gateway) -> None:
    person = gateway.alumnus
    vacancies = [gateway.vacancy() for _ in range(3)]
    seen: list[str] = []
    path = "/me/job-matches?limit=2"
    while path:
        answer = gateway.ok(Call(MATCHES, path=path, person=person))
        seen += [one["vacancy"]["vacancy_id"] for one in answer["matches"]]
        cursor = answer["next_cursor"]
        path = f"/me/job-matches?limit=2&cursor={cursor}" if cursor else ""
    assert seen == vacancies[::-1]
    for query in ("limit=0", "limit=51", "limit=two", "cursor=%00", "cursor=1", "limit=2&limit=3", "offset=3"):
        answer = gateway.send(Call(MATCHES, path=f"/me/job-matches?{query}", person=person))
        assert answer.status_code == 400, query
