"""A survey from the payment of the incentive to its own money, over HTTP and the daily function, on all real parts."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

import app as application
from chalicelib.config import Programme, Settings
from chalicelib.notices.store import NoticeItem
from chalicelib.payouts import rules
from chalicelib.payouts.ledger.records import StoredAttempt
from chalicelib.payouts.ledger.store import PayoutStore
from chalicelib.payouts.rules import Kind, Move, State
from tests.builders.waves import WAVE

from . import routes
from .gateway import ANSWERS, Call, Gateway, serving


@pytest.fixture
def gateway(cloud: Settings, programme: Programme) -> Iterator[Gateway]:
    with serving(cloud, programme) as gateway:
        yield gateway


def pay_incentive(gateway: Gateway, person: str) -> None:
    """The ledger after the provider paid it."""
    services = gateway.services
    beneficiary = services.waves.beneficiaries.of(person)
    assert beneficiary is not None
    with services.transaction() as tx:
        entitlement = services.payouts.entitle(tx, beneficiary, Kind.INCENTIVE, gateway.now)
    store = PayoutStore(services.settings.region)
    attempt = StoredAttempt(1, rules.reference(entitlement, 1), b"sealed", gateway.now, "test")
    claimed = store.claim(store.get(entitlement), attempt, gateway.now)
    store.move(claimed, Move(State.PAID, "succeeded"), gateway.now)


def run_daily_job() -> None:
    context: Any = SimpleNamespace(get_remaining_time_in_millis=lambda: 900_000)
    application.open_surveys({"id": "", "detail": {}, "resources": [], "source": "", "time": "", "detail-type": "",
                              "version": "", "account": "", "region": ""}, context)  # fmt: skip


def test_a_paid_incentive_leads_to_a_survey_and_its_answer_to_the_surveys_money(gateway: Gateway) -> None:
    person = gateway.chosen().registrant_id
    pay_incentive(gateway, person)
    run_daily_job()
    assert gateway.ok(Call("GET /me/surveys", person=person)) == {"surveys": []}, "not yet"

    figures = gateway.services.programme
    gateway.now += timedelta(seconds=max(figures.surveys.after_s[0], figures.training.buy_within_s or 0))
    run_daily_job()

    [survey] = gateway.ok(Call("GET /me/surveys", person=person))["surveys"]
    assert (survey["state"], survey["wave"], survey["amount_idr"]) == ("open", WAVE, 50_000)
    assert [question["id"] for question in survey["questions"]] == list(ANSWERS)
    assert gateway.ok(Call("GET /me", person=person))["next_deadline"] == {"what": "survey", "at": survey["closes_at"]}
    events = [notice.sk for notice in NoticeItem.query(f"N#{person}")]
    assert f"survey_open/{survey['survey_id']}" in events

    answered = gateway.ok(Call(routes.RESPOND, {"answers": ANSWERS}, person=person).at(survey["survey_id"]))
    assert (answered["state"], answered["questions"]) == ("answered", [])
    assert gateway.ok(Call("GET /me", person=person))["next_deadline"] is None
    payouts = gateway.ok(Call("GET /me/payouts", person=person))["payouts"]
    assert [(one["kind"], one["amount_idr"], one["state"]) for one in payouts] == [
        ("INCENTIVE", 600_000, "paid"),
        ("SURVEY_1", 50_000, "waiting"),
    ]
