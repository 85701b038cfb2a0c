"""What follows a training, over HTTP with all real parts: paid surveys, jobs, a partner's pages."""

from __future__ import annotations

import logging
from collections.abc import Iterator
from datetime import timedelta

import pytest

from chalicelib.config import Programme, Settings
from chalicelib.notices.store import NoticeItem
from chalicelib.payouts.rules import Move, State
from tests.builders.surveys import ANSWERS
from tests.builders.waves import WAVE

from . import routes
from .gateway import Call, Gateway, serving
from .refusals.partners import applying, withdrawing
from .world import invoke


@pytest.fixture
def gateway(cloud: Settings, programme: Programme) -> Iterator[Gateway]:
    with serving(cloud, programme) as gateway:
        yield gateway


def test_a_paid_incentive_leads_to_a_survey_and_its_answer_to_the_surveys_money(gateway: Gateway) -> None:
    (person, payout), ledger = gateway.being_paid(), gateway.services.payout_store
    ledger.move(ledger.get(payout), Move(State.PAID, "succeeded"), gateway.now)
    invoke("open_surveys")
    assert gateway.ok(Call(routes.SURVEYS, person=person)) == {"surveys": []}, "not yet"

    figures = gateway.services.programme
    gateway.now += timedelta(seconds=max(figures.surveys.after_s[0], figures.training.buy_within_s or 0))
    invoke("open_surveys")

    [survey] = gateway.ok(Call(routes.SURVEYS, person=person))["surveys"]
    assert (survey["state"], survey["wave"], survey["amount_idr"]) == ("open", WAVE, 50_000)
    assert [question["id"] for question in survey["questions"]] == list(ANSWERS)
    assert gateway.ok(Call(routes.ME, person=person))["next_deadline"] == {"what": "survey", "at": survey["closes_at"]}
    assert f"survey_open/{survey['survey_id']}" in [notice.sk for notice in NoticeItem.query(f"N#{person}")]

    answered = gateway.ok(Call(routes.RESPOND, {"answers": ANSWERS}, person=person).at(survey["survey_id"]))
    assert (answered["state"], answered["questions"]) == ("answered", [])
    assert gateway.ok(Call(routes.ME, person=person))["next_deadline"] is None
    payouts = gateway.ok(Call(routes.PAYOUTS, person=person))["payouts"]
    assert [(one["kind"], one["amount_idr"], one["state"]) for one in payouts] == [
        ("INCENTIVE", 600_000, "paid"),
        ("SURVEY_1", 50_000, "waiting"),
    ]


def test_a_person_is_written_to_in_the_language_that_they_chose_last(gateway: Gateway) -> None:
    person = gateway.registered()
    assert gateway.ok(Call(routes.ME, person=person))["language"] == "id"
    gateway.ok(Call(routes.LANGUAGE, {"language": "en"}, person=person))
    assert gateway.ok(Call(routes.ME, person=person))["language"] == "en"
    reached = gateway.services.directory.contacts(person, gateway.now)
    assert reached is not None
    assert reached.language == "en"


def test_an_alumnus_finds_a_vacancy_by_what_they_learned_and_shares_it_until_they_withdraw(
    gateway: Gateway, caplog: pytest.LogCaptureFixture
) -> None:
    wanted = gateway.vacancy(skills=["programming", "sales"], province="31")
    gateway.vacancy(skills=["sewing"], province="31")
    person = gateway.graduated().person

    # Bought, but not completed: a skill that is not there yet.
    sewing = gateway.new_course(skills="sewing", price_idr="500000")
    gateway.ok(Call(routes.BUY, {"course_id": sewing}, person=person))
    [match] = gateway.ok(Call(routes.MATCHES, person=person))["matches"]
    assert match["vacancy"]["vacancy_id"] == wanted
    assert match["reason"] == {"shared_skills": ["programming"], "place": "province"}

    with caplog.at_level(logging.DEBUG):
        gateway.ok(applying(wanted, person))
        applicants = Call(routes.APPLICANTS, partner=gateway.partner).at(wanted)
        [shown] = gateway.ok(applicants)["applicants"]
    contact = gateway.services.registrations.contact(person)
    assert contact is not None
    assert (shown["name"], shown["phone"]) == ("Siti Aminah", contact.phone)
    [certificate] = shown["certificates"]
    assert (certificate["course"], certificate["provider"]) == ("Dasar Pemrograman Python", "Pelatihan Jaya")
    told = str([vars(record) for record in caplog.records if record.name.startswith("chalicelib")])
    assert "applicants_shown" in told
    assert not any(secret in told for secret in ("Siti", contact.phone, certificate["certificate_number"], person))

    withdrawn = gateway.ok(withdrawing(wanted, person))["withdrawn_at"]
    assert gateway.ok(applicants)["applicants"] == []
    [mine] = gateway.ok(Call(routes.APPLICATIONS, person=person))["applications"]
    assert (mine["withdrawn_at"], mine["application_id"]) == (withdrawn, shown["application_id"])
    assert gateway.services.jobs.counts(gateway.now).applications == 1


def test_pages_are_followed_over_http_and_a_malformed_query_is_refused(gateway: Gateway) -> None:
    person = gateway.alumnus
    vacancies = [gateway.vacancy() for _ in range(3)]
    seen: list[str] = []
    path = "/me/job-matches?limit=2"
    while path:
        answer = gateway.ok(Call(routes.MATCHES, path=path, person=person))
        seen += [one["vacancy"]["vacancy_id"] for one in answer["matches"]]
        cursor = answer["next_cursor"]
        path = f"/me/job-matches?limit=2&cursor={cursor}" if cursor else ""
    assert seen == vacancies[::-1]
    for query in ("limit=0", "limit=51", "limit=two", "cursor=%00", "cursor=1", "limit=2&limit=3", "offset=3"):
        answer = gateway.send(Call(routes.MATCHES, path=f"/me/job-matches?{query}", person=person))
        assert answer.status_code == 400, query


def test_all_pages_may_be_read_in_one_second_and_each_only_once(gateway: Gateway) -> None:
    vacancy = gateway.vacancy()
    applications = [gateway.ok(applying(vacancy, gateway.graduated().person))["application_id"] for _ in range(3)]
    first = Call(routes.APPLICANTS, partner=gateway.partner, signed_at=gateway.now).at(vacancy)
    query, read = {"limit": "1"}, []
    while True:
        call = first.but(query=dict(query))
        page = gateway.ok(call)
        assert gateway.send(call).json_body["code"] == "partner_request_replayed"
        read += page["applicants"]
        if page["next_cursor"] is None:
            break
        query["cursor"] = page["next_cursor"]
    assert len(read) == len(applications) == 3


def test_a_signature_is_valid_for_its_page_only(gateway: Gateway) -> None:
    overheard = Call(routes.APPLICANTS, query={"limit": "1"}, partner=gateway.partner, signed_at=gateway.now)
    overheard = overheard.at(gateway.vacancy())
    for query in ("", "?limit=2", "?limit=1&limit=1", "?limit=1&cursor=", "?LIMIT=1"):
        assert gateway.send(overheard, asked=query).json_body["code"] == "partner_signature_invalid", query
    assert gateway.send(overheard, asked="?limi%74=1").json_body == {"applicants": [], "next_cursor": None}
