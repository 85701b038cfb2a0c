"""Restricting what is done with one's data: at once, some things stop, and what is a duty goes on."""

from __future__ import annotations

from typing import Any

from chalicelib.notices.rules import Kind, Notice, NoticeState, withheld
from chalicelib.outcomes.store import SurveyStore
from tests.builders.aws.rights import rights_of
from tests.builders.surveys import ANSWERS, survey_of
from tests.e2e import routes
from tests.e2e.gateway import Call, Gateway
from tests.e2e.refusals.partners import applying


def restrict(gateway: Gateway, person: str, *, restricted: bool = True) -> dict[str, Any]:
    with rights_of("api"):
        return dict(gateway.ok(Call(routes.RESTRICT, {"restricted": restricted}, person=person)))


def registered(gateway: Gateway) -> int:
    store = gateway.services.registration_store
    return sum(sum(store.registered(shard).values()) for shard in range(64))


def test_it_holds_at_once_and_says_what_stops_and_what_goes_on(gateway: Gateway) -> None:
    person = gateway.registered()
    look = Call(routes.RESTRICTION, person=person)
    assert gateway.ok(look)["restricted_at"] is None
    view = restrict(gateway, person)
    assert view == restrict(gateway, person) == gateway.ok(look), "again is no error"
    assert view["restricted_at"] is not None
    assert all(words.keys() == {"id", "en"} for words in (*view["stops"], *view["goes_on"]))
    assert (len(view["stops"]), len(view["goes_on"])) == (4, 6)
    gateway.ok(Call(routes.CORRECT, {"education": "diploma"}, person=person))
    assert gateway.ok(look)["restricted_at"] == view["restricted_at"], "a correction does not end it"
    assert restrict(gateway, person, restricted=False)["restricted_at"] is None


def test_surveys_and_registrations_are_not_counted_and_no_survey_is_opened(gateway: Gateway) -> None:
    person = gateway.graduated().person
    services = gateway.services
    place = services.waves.beneficiaries.of(person)
    assert place is not None
    survey = survey_of(place, services.programme, gateway.now)
    store = SurveyStore(services.transaction)
    assert services.surveys
    store.open(survey)
    gateway.ok(Call(routes.RESPOND, {"answers": ANSWERS}, person=person).at(survey.id))

    def counted() -> tuple[int, int, bool]:
        of_wave = sum(len(list(store.of_wave(place.wave, f"{shard:02d}"))) for shard in range(64))
        return of_wave, registered(gateway), person in services.registration_store.unrestricted([person])

    before = counted()
    assert (before[0], before[2]) == (1, True)
    restrict(gateway, person)
    assert counted() == (0, before[1] - 1, False)
    [left_out] = store.of(person)
    assert left_out.left_out
    assert left_out.answers is not None, "they are kept"
    restrict(gateway, person, restricted=False)
    assert counted() == before


def test_no_vacancy_is_matched_and_no_partner_is_shown_an_application(gateway: Gateway) -> None:
    vacancy, person = gateway.vacancy(), gateway.graduated().person
    gateway.ok(applying(vacancy, person))
    shown = Call(routes.APPLICANTS, partner=gateway.partner).at(vacancy)
    matches = Call(routes.MATCHES, person=person)
    assert [len(gateway.ok(shown)["applicants"]), bool(gateway.ok(matches)["matches"])] == [1, True]
    restrict(gateway, person)
    assert [gateway.ok(shown)["applicants"], gateway.ok(matches)["matches"]] == [[], []]
    restrict(gateway, person, restricted=False)
    assert [len(gateway.ok(shown)["applicants"]), bool(gateway.ok(matches)["matches"])] == [1, True]


def test_reminders_stop_and_what_concerns_the_person_is_told(gateway: Gateway) -> None:
    person = gateway.registered()
    restrict(gateway, person)
    mailbox, now = gateway.services.mailboxes.mailbox(person), gateway.now
    facts = {"closes_at": "2999-01-01T00:00:00Z", "amount_idr": 0, "buy_by": "2999-01-01T00:00:00Z"}

    def stopped(kind: Kind) -> bool:
        return withheld(Notice(person, "event", kind, facts, NoticeState.QUEUED, now, now), mailbox, now) is not None

    assert [stopped(kind) for kind in (Kind.SURVEY_OPEN, Kind.PURCHASE_DEADLINE)] == [True, True]
    assert [stopped(kind) for kind in (Kind.PAID, Kind.CHOSEN, Kind.ACCOUNT_CHANGED)] == [False, False, False]
    assert mailbox.refused == frozenset(), "what the person chose comes back with its end"


def test_a_place_and_its_payments_go_on(gateway: Gateway) -> None:
    person, payout = gateway.being_paid()
    restrict(gateway, person)
    assert gateway.ok(Call(routes.PAYOUTS, person=person))["payouts"][0]["payout_id"] == payout
    assert gateway.ok(Call(routes.ME, person=person))["beneficiary"] is not None
