"""Workers and sweeps that truly run at the same time: one instruction, one payment, one message."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from chalicelib.aws import dynamodb
from chalicelib.config import Programme, Settings
from chalicelib.payouts import service
from chalicelib.payouts.errors import Superseded
from chalicelib.payouts.reconciliation import whole_ledger
from chalicelib.payouts.rules import State
from chalicelib.registration.rules import FinancialAddress
from local.sandbox.provider import Sandbox
from tests.builders.payouts.races import Race
from tests.builders.payouts.world import CHECKED, payee
from tests.conftest import T0

from .together import ALWAYS, refusals, together

pytestmark = pytest.mark.dynamodb

AT_ONCE = 5
ROUNDS = 5


@pytest.fixture
def race(cloud: Settings, programme: Programme) -> Iterator[Race]:
    with Sandbox("races") as sandbox:
        yield Race(cloud, programme, sandbox)


def at_once(call: Callable[[], Any]) -> list[Any]:
    return together([call] * AT_ONCE)


def test_one_of_many_workers_claims_and_one_payment_is_made(race: Race) -> None:
    for round_ in range(ROUNDS):
        entitlement = race.due(f"person-{round_}")
        answers = at_once(lambda id_=entitlement: race.worker.process(id_, T0))
        assert refusals(answers) == [Superseded] * (AT_ONCE - 1)
        assert race.worker.process(entitlement, T0) is State.PAID
        assert [attempt.n for attempt in race.store.attempts(entitlement)] == [1]
        assert [event.state for event in race.store.events(entitlement)] == [State.DUE, State.SENDING, State.PAID]
    assert len(race.books()) == ROUNDS
    assert whole_ledger.compare(race.store.everything(), race.books()) == []


def test_an_account_that_changes_while_workers_claim_is_paid_as_it_was_stored(race: Race) -> None:
    entitlement = race.due("person")
    numbers = iter(range(1_000_001, 2_000_000))
    race.people.payee = lambda name: payee(name, FinancialAddress("BNI", str(next(numbers)), name, check=CHECKED))
    at_once(lambda: race.worker.process(entitlement, T0))
    assert race.worker.process(entitlement, T0) is State.PAID
    [attempt] = race.store.attempts(entitlement)
    [line] = race.sandbox.books.report()["payouts"]
    body = json.loads(race.people.unseal("person", attempt.sealed_body))
    assert body["channel_properties"]["account_number"] == line["account_number"]


@pytest.mark.parametrize("meet", [1, ALWAYS])
def test_consumers_sweeps_and_a_provider_that_loses_answers_make_one_payment_each(race: Race, meet: int) -> None:
    """All consumers get all messages at once, again and again, while a sweep runs, until none fails any more."""
    faults = ("timeout_before_rate", "timeout_after_rate", "error_before_rate", "error_after_rate", "blind_rate")
    race.sandbox.books.configure(dict.fromkeys(faults, 0.15))
    owed = [race.due(f"person-{n}") for n in range(8)]
    records = [{"messageId": id_, "body": json.dumps({"v": 1, "entitlement_id": id_})} for id_ in owed]
    now = T0
    for _ in range(20):
        deliver = [partial(service.consume, records, race.worker, now)] * AT_ONCE
        together([*deliver, partial(race.payouts.sweep, now)], meet)
        if {each.state for each in race.store.everything()} == {State.PAID}:
            break
        now += timedelta(seconds=race.rules.requeue_after_s)
    moved = [(line["account_number"], line["moved_idr"]) for line in race.sandbox.books.report()["payouts"]]
    assert sorted(moved) == sorted((one.account_number, 600_000) for one in race.people.addresses.values())
    assert whole_ledger.compare(race.store.everything(), race.books()) == []
    for entitlement in owed:
        assert [attempt.n for attempt in race.store.attempts(entitlement)] == [1]


def test_of_many_entitlements_of_one_person_at_once_one_is_made(race: Race) -> None:
    def entitle(name: str) -> str | None:
        try:
            return race.due(name)
        except dynamodb.LegsFailed:
            return None

    for number in range(ROUNDS):
        answers = at_once(partial(entitle, f"person-{number}"))
        assert answers.count(None) == AT_ONCE - 1
    assert [each.state for each in race.store.everything()] == [State.DUE] * ROUNDS


def test_a_failed_one_gets_one_new_attempt_however_many_workers_come(race: Race) -> None:
    race.sandbox.books.configure({"fail_rate": 1.0})
    entitlement = race.due("unlucky")
    assert race.worker.process(entitlement, T0) is State.FAILED
    rested = T0 + timedelta(seconds=race.rules.requeue_after_s)
    at_once(lambda: race.worker.process(entitlement, rested))
    assert race.worker.process(entitlement, rested) is State.PAID
    assert [attempt.n for attempt in race.store.attempts(entitlement)] == [1, 2]


def test_many_sweeps_queue_each_entitlement_once(race: Race) -> None:
    owed = {race.due(f"forgotten-{each}") for each in range(12)}
    later = T0 + timedelta(seconds=race.rules.requeue_after_s + 1)
    at_once(lambda: race.payouts.sweep(later))
    assert sorted(race.queued) == sorted(owed)
