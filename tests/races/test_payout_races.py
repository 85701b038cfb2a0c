"""Workers and sweeps that truly run at the same time: one instruction, one payment, one message."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from typing import Any
from uuid import uuid4

import boto3
import msgspec
import pytest

from chalicelib import dynamo
from chalicelib.config import Programme
from chalicelib.errors import DomainError
from chalicelib.payouts import reconciliation
from chalicelib.payouts.fsp_http import HttpFsp
from chalicelib.payouts.reconciliation import Books
from chalicelib.payouts.rules import Kind, State
from chalicelib.payouts.service import Payouts, Ports
from chalicelib.payouts.store import PayoutsTable, PayoutStore
from chalicelib.registration.rules import FinancialAddress
from local.fsp import Sandbox
from tests.builders.payouts import People, ReversingSealer, beneficiary
from tests.conftest import REGION, ROOT, T0

pytestmark = [
    pytest.mark.dynamodb,
    pytest.mark.skipif("GELOMBANG_TEST_DYNAMODB" not in os.environ, reason="needs DynamoDB Local: make test-dynamodb"),
]

AT_ONCE = 8
ROUNDS = 5


class Race:
    """A ledger on DynamoDB Local, the sandbox provider, and a list for a queue."""

    def __init__(self, programme: Programme, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.queued: list[str] = []
        self.people = People()
        self.rules = programme.payouts
        queue: Any = self
        ports = Ports(self.people, ReversingSealer(), HttpFsp(sandbox.url, 20, str), queue, str)
        self.payouts = Payouts(PayoutStore(REGION), ports, programme)

    def send(self, ids: list[str]) -> None:
        self.queued += ids

    def entitle(self, name: str) -> str:
        self.people.addresses[name] = FinancialAddress("BNI", f"1{uuid4().int % 10**9:09}1", name)
        with dynamo.Transaction(REGION) as tx:
            return self.payouts.entitle(tx, beneficiary(name), Kind.INCENTIVE, T0)


@pytest.fixture
def race(monkeypatch: pytest.MonkeyPatch, programme: Programme) -> Iterator[Race]:
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", os.environ["GELOMBANG_TEST_DYNAMODB"])
    # Both keep their client for good; it must be one that talks to DynamoDB Local.
    dynamo._connection.cache_clear()
    client: Any = boto3.client("dynamodb", REGION)
    asked = json.loads((ROOT / ".chalice/data-stack.json").read_text())["Resources"]["PayoutsTable"]["Properties"]
    kept = ("AttributeDefinitions", "KeySchema", "BillingMode", "GlobalSecondaryIndexes")
    name = f"races-{uuid4().hex[:8]}-payouts"
    client.create_table(TableName=name, **{key: asked[key] for key in kept})
    dynamo.bind(PayoutsTable, name, REGION)
    with Sandbox("races") as sandbox:
        yield Race(programme, sandbox)
    client.delete_table(TableName=name)
    dynamo._connection.cache_clear()


def together(call: Callable[[], Any]) -> list[Any]:
    """The same call from many threads at once; refusals are returned, not raised."""

    def one(_: int) -> Any:
        try:
            return call()
        except DomainError as refusal:
            return refusal

    with ThreadPoolExecutor(AT_ONCE) as pool:
        return list(pool.map(one, range(AT_ONCE)))


def test_one_of_many_workers_claims_and_one_payment_is_made(race: Race) -> None:
    for round_ in range(ROUNDS):
        entitlement = race.entitle(f"person-{round_}")
        together(lambda id_=entitlement: race.payouts.process(id_, T0))
        assert race.payouts.process(entitlement, T0) is State.PAID
        history = race.payouts.history(entitlement)
        assert [attempt.n for attempt in history.attempts] == [1]
        assert [event.state for event in history.events] == [State.DUE, State.SENDING, State.PAID]
    books = msgspec.convert(race.sandbox.books.report(), Books)
    assert len(books.payouts) == ROUNDS
    assert reconciliation.compare(race.payouts.ledger(), books.payouts) == []


def test_a_failed_one_gets_one_new_attempt_however_many_workers_come(race: Race) -> None:
    race.sandbox.books.configure({"fail_rate": 1.0})
    entitlement = race.entitle("unlucky")
    assert race.payouts.process(entitlement, T0) is State.FAILED
    rested = T0 + timedelta(seconds=race.rules.requeue_after_s)
    together(lambda: race.payouts.process(entitlement, rested))
    assert race.payouts.process(entitlement, rested) is State.PAID
    assert [attempt.n for attempt in race.payouts.history(entitlement).attempts] == [1, 2]


def test_many_sweeps_queue_each_entitlement_once(race: Race) -> None:
    owed = {race.entitle(f"forgotten-{each}") for each in range(12)}
    later = T0 + timedelta(seconds=race.rules.requeue_after_s + 1)
    together(lambda: race.payouts.sweep(later))
    assert sorted(race.queued) == sorted(owed)
