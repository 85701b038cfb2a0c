"""How the payouts' stores read: consistently, and with no more calls than they say. moto would hide a stale read."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from chalicelib.payouts.bank_files.store import BankStore, Batch, BatchState
from chalicelib.payouts.controls.administration import JournalStore
from chalicelib.payouts.controls.ceilings import Ceiling, CeilingStore
from chalicelib.payouts.controls.pause import PauseStore
from chalicelib.payouts.controls.proposals import ProposalStore
from chalicelib.payouts.errors import CeilingChanged, Superseded, UnknownBatch, UnknownEntitlement
from chalicelib.payouts.rules import Hold, Move, State
from tests.builders.aws_calls import Call, wrap_calls
from tests.builders.payouts.states import Place, attempted, placed, refused
from tests.builders.payouts.world import World, incentive_id
from tests.conftest import REGION, T0

READS = {"GetItem", "BatchGetItem", "Query", "Scan", "TransactGetItems"}


class Watch:
    """Every call to DynamoDB: its operation and its parameters."""

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.calls: list[tuple[str, Any]] = []

        def watching(call: Call) -> Call:
            def watched(client: Any, operation: str, parameters: Any) -> Any:
                if client.meta.service_model.service_name == "dynamodb":
                    self.calls.append((operation, parameters))
                return call(client, operation, parameters)

            return watched

        wrap_calls(monkeypatch, watching)

    def taken(self) -> list[str]:
        """The operations since the last look."""
        operations = [operation for operation, _ in self.calls]
        self.calls.clear()
        return operations


def consistent(operation: str, parameters: dict[str, Any]) -> bool:
    if operation == "BatchGetItem":
        return all(table.get("ConsistentRead") is True for table in parameters["RequestItems"].values())
    return parameters.get("ConsistentRead") is True


@pytest.fixture
def watch(world: World, monkeypatch: pytest.MonkeyPatch) -> Watch:
    return Watch(monkeypatch)


def test_every_read_is_consistent_but_those_of_an_index(world, watch):
    ledger, bank = world.store, BankStore(REGION)
    sending = placed(world, "ani", Place(State.SENDING))
    batch = Batch("b" * 26, BatchState.COLLECTING, "arn:ani", T0, date(2026, 11, 25))
    bank.begin(batch, [f"{sending.id}-1"])
    watch.calls.clear()
    ledger.get(sending.id)
    ledger.get_for_work(sending.id)
    ledger.batch([sending.id])
    ledger.attempt(sending)
    ledger.attempts(sending.id)
    ledger.events(sending.id)
    list(ledger.everything())
    ProposalStore().get(sending.id)
    PauseStore().get()
    CeilingStore().get("DAY#2026-11-24")
    JournalStore().latest(5)
    bank.note(f"{sending.id}-1")
    bank.said_between(T0, T0 + timedelta(days=1))
    bank.batch(batch.id)
    bank.batches()
    bank.references(batch.id)
    read = [(operation, parameters) for operation, parameters in watch.calls if operation in READS]
    assert len(read) == len(watch.calls) >= 17
    assert [each for each in read if not consistent(*each)] == []


def test_what_an_index_says_is_read_again_where_it_is_decided_upon(world, watch):
    BankStore(REGION).awaiting()
    world.store.unsettled("U#0", T0, 10)
    world.store.transitions("00", "2026-11-01T00:00:00Z", T0, 10)
    assert watch.calls
    assert all("IndexName" in parameters for operation, parameters in watch.calls if operation == "Query")


def test_at_a_reached_ceiling_taking_costs_one_write_and_one_read_and_opens_nothing(watch):
    ceilings = CeilingStore()
    assert ceilings.take("DAY#1", 100, 100)
    assert watch.taken() == ["UpdateItem", "GetItem", "PutItem", "UpdateItem"]
    assert not ceilings.take("DAY#1", 100, 1)
    assert watch.taken() == ["UpdateItem", "GetItem"]
    assert not ceilings.take("DAY#2", 100, 101)
    assert watch.taken() == ["UpdateItem", "GetItem"]
    ceilings.change(Ceiling("DAY#3", 100, 100), 7, "arn:ani", "less")
    assert ceilings.get("DAY#3") == Ceiling("DAY#3", 7, 7, "arn:ani", "less")


def test_a_refusal_names_what_it_is_about(world):
    ledger, nobody = world.store, incentive_id("nobody")
    for read in (ledger.get, ledger.get_for_work):
        assert refused(lambda read=read: read(nobody), UnknownEntitlement) == {"entitlement_id": nobody}
    due = placed(world, "ani", Place(State.DUE))
    ledger.move(due, Move(State.HELD, "held", Hold.ADMIN), T0)
    late = lambda: ledger.move(due, Move(State.CANCELLED, "late"), T0)  # noqa: E731
    assert refused(late, Superseded) == {"entitlement_id": due.id}
    assert refused(lambda: BankStore(REGION).batch("none"), UnknownBatch) == {"batch": "none"}
    ceilings = CeilingStore()
    assert ceilings.take("DAY#1", 100, 1)
    wrong = lambda: ceilings.change(Ceiling("DAY#1", 99, 99), 50, "arn:ani", "less")  # noqa: E731
    assert refused(wrong, CeilingChanged) == {"name": "DAY#1"}


def test_a_second_attempt_is_read_as_the_latest_and_both_are_kept_in_order(world):
    first = placed(world, "ani", Place(State.FAILED))
    second = attempted(world, first)
    assert [each.n for each in world.store.attempts(first.id)] == [1, 2]
    assert world.store.attempt(second).key == f"{first.id}-2"
    assert world.store.attempt(first).key == f"{first.id}-1"


def test_a_claim_leaves_its_place_in_the_sweep_and_any_other_transition_takes_the_last(world):
    due = placed(world, "ani", Place(State.DUE))
    world.later(hours=1)
    sending = attempted(world, due)
    assert (world.store.get(due.id).queued_at, world.store.get(due.id).changed_at) == (T0, world.now)
    world.later(hours=1)
    world.store.move(sending, Move(State.FAILED, "over"), world.now)
    assert world.store.get(due.id).queued_at == world.now
