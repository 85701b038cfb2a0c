"""Taking a consent back, and what follows: no join, no entry that counts, no seat; a place stays."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.notices.store import NoticeItem
from chalicelib.registration.errors import ConsentWithdrawn
from chalicelib.registration.store import RegistrationOvertaken
from chalicelib.waves.rules import closing_day
from tests.builders.waves import CLOSES
from tests.e2e import routes
from tests.e2e.gateway import Call, Gateway
from tests.e2e.refusals.partners import applying


def withdraw(gateway: Gateway, person: str, consent: str = "registration") -> dict[str, Any]:
    return dict(gateway.ok(Call(routes.WITHDRAW_CONSENT, person=person).at(consent)))


def consents(gateway: Gateway, person: str, query: str = "") -> list[dict[str, Any]]:
    return list(gateway.ok(Call(routes.CONSENTS, path=f"/me/consents{query}", person=person))["consents"])


def test_whoever_takes_it_back_may_not_join_until_they_give_it_again(gateway: Gateway) -> None:
    form = gateway.form()
    person = gateway.sent(gateway.registration(form)).person
    [before] = consents(gateway, person)
    assert (before["consent_id"], before["version"], before["withdrawn_at"]) == ("registration", "2026-01", None)
    assert before["what_follows"].keys() == {"id", "en"}
    taken = withdraw(gateway, person)
    assert withdraw(gateway, person) == taken, "again is no error"
    assert taken == before | {"withdrawn_at": taken["withdrawn_at"]}

    join, me = Call(routes.JOIN, person=person), Call(routes.ME, person=person)
    assert gateway.send(join).json_body["code"] == "consent_withdrawn"
    assert gateway.ok(me)["why_not"] == "consent_withdrawn"
    told = [notice for notice in NoticeItem.query(f"N#{person}") if notice.sk.startswith("consent_changed/")]
    assert [notice.facts for notice in told] == [{"what": "consent"}]

    corrected = gateway.ok(Call(routes.CORRECT, {"education": "diploma"}, person=person))
    assert corrected["education"] == "diploma"
    assert corrected["consent_withdrawn_at"] == taken["withdrawn_at"], "a correction gives no consent"

    gateway.ok(Call(routes.REGISTER, form, person=person))
    [again] = consents(gateway, person)
    assert again["withdrawn_at"] is None
    assert again["given_at"] > taken["withdrawn_at"]
    gateway.ok(join)


@pytest.mark.parametrize("route", [routes.REGISTER, routes.CORRECT])
def test_a_consent_that_is_given_again_must_be_one_that_may_be_given(gateway: Gateway, route: str) -> None:
    form = gateway.form()
    person = gateway.sent(gateway.registration(form)).person
    withdraw(gateway, person)
    given = form if route == routes.REGISTER else {}
    answer = gateway.send(Call(route, given | {"consent_version": "1999-01"}, person=person))
    assert answer.json_body["code"] == "consent_missing"
    gateway.ok(Call(route, given | {"consent_version": "2026-01"}, person=person))
    assert consents(gateway, person)[0]["withdrawn_at"] is None


def test_an_entry_does_not_count_while_the_consent_is_taken_back(gateway: Gateway) -> None:
    person, other = gateway.registered(), gateway.registered()
    gateway.ok(Call(routes.JOIN, person=person))
    withdraw(gateway, person)
    people, day = gateway.services.registrations, closing_day(CLOSES)
    assert people.unfit([person, other], day, "2023") == {person: ConsentWithdrawn}
    with pytest.raises(ConsentWithdrawn):
        people.check_still_eligible(people.registrant(person), day)


def test_a_place_stays_with_what_is_due(gateway: Gateway) -> None:
    person = gateway.graduated().person
    gateway.ok(applying(gateway.vacancy(), person))
    [registration, application] = consents(gateway, person)
    assert (registration["kind"], application["kind"]) == ("registration", "job_application")
    withdraw(gateway, person)
    assert [one["state"] for one in gateway.ok(Call(routes.PAYOUTS, person=person))["payouts"]] == ["waiting"]
    taken = withdraw(gateway, person, application["consent_id"])
    assert taken["withdrawn_at"] is not None
    applicants = Call(routes.APPLICANTS, partner=gateway.partner).at(application["vacancy_id"])
    assert gateway.ok(applicants)["applicants"] == []
    assert [one["withdrawn_at"] is None for one in consents(gateway, person)] == [False, False]


def test_pages_of_consents_are_the_same_whatever_their_length(gateway: Gateway) -> None:
    person = gateway.alumnus
    for _ in range(3):
        gateway.ok(applying(gateway.vacancy(), person))
    whole = [one["consent_id"] for one in consents(gateway, person)]
    assert len(whole) == 4
    read: list[str] = []
    while True:
        cursor = f"&cursor={read[-1]}" if read else ""
        page = consents(gateway, person, f"?limit=3{cursor}")
        read += [one["consent_id"] for one in page]
        if len(page) < 3:
            break
    assert read == whole


@pytest.mark.parametrize("unknown", ["job_application-" + "a" * 26, "registration-x", "reminders"])
def test_only_a_consent_of_ones_own_is_taken_back(gateway: Gateway, unknown: str) -> None:
    call = Call(routes.WITHDRAW_CONSENT, person=gateway.registered()).at(unknown)
    assert gateway.send(call).json_body["code"] == "not_found"
    nobody = Call(routes.WITHDRAW_CONSENT, person=gateway.stranger()).at("registration")
    assert gateway.send(nobody).json_body["code"] == "not_found"


def test_a_withdrawal_that_another_change_overtook_is_decided_again(
    gateway: Gateway, monkeypatch: pytest.MonkeyPatch
) -> None:
    person, store = gateway.registered(), gateway.services.registration_store
    save, overtaken = store.save, iter([True])

    def first(*given: Any, **named: Any) -> None:
        if next(overtaken, False):
            raise RegistrationOvertaken()
        save(*given, **named)

    monkeypatch.setattr(store, "save", first)
    assert withdraw(gateway, person)["withdrawn_at"] is not None
