"""The ledger with its queue and the sandbox provider; how its stores read (moto would hide a stale read); the news."""

from __future__ import annotations

import json
from datetime import date, datetime, timedelta
from typing import Any

import boto3
import pytest
from msgspec.structs import replace

from chalicelib.aws.job_progress import OVERLAP, CursorFields, Cursors
from chalicelib.clock import iso
from chalicelib.payouts.bank_files.store import BankStore, Batch, BatchState
from chalicelib.payouts.controls.administration import JournalStore
from chalicelib.payouts.controls.limits import Ceiling, CeilingStore, PauseStore
from chalicelib.payouts.controls.proposals import ProposalStore
from chalicelib.payouts.errors import CeilingChanged, OutcomeNotKnown, Superseded, UnknownBatch, UnknownEntitlement
from chalicelib.payouts.ledger.items import PayoutsTable
from chalicelib.payouts.ledger.records import NEWS_SHARDS, News, news_shard, unsettled_shard, unsettled_shards
from chalicelib.payouts.rules import Entitlement, Hold, Kind, Move, State
from tests.builders.aws.calls import Call, wrap_calls
from tests.builders.payouts.states import Place, attempted, placed, refused
from tests.builders.payouts.world import CALLBACK_TOKEN, World, beneficiary, incentive_id
from tests.conftest import REGION, T0


def test_a_provider_that_always_fails_is_given_up_after_three_attempts(world):
    world.sandbox.books.configure({"fail_code": "TEMPORARY_TRANSFER_ERROR"})
    entitlement = world.entitle(world.person("ani", account_number="99990000"))
    world.run_to_rest()
    assert world.state(entitlement) is State.CANCELLED
    assert [line.moved_idr for line in world.books()] == [0, 0, 0]
    assert world.disagreements() == []
    assert [attempt.key for attempt in world.store.attempts(entitlement)] == [f"{entitlement}-{n}" for n in (1, 2, 3)]


@pytest.mark.parametrize("fault", ["timeout_before_rate", "error_before_rate", "error_after_rate"])
def test_an_unknown_outcome_repeats_the_same_bytes_even_when_the_address_has_changed_since(world, fault):
    world.sandbox.books.configure({fault: 1.0})
    entitlement = world.entitle(world.person("ani", account_number="1111111111"))
    refused(lambda: world.worker.process(entitlement, world.now), OutcomeNotKnown)

    world.sandbox.books.configure({fault: 0.0})
    world.person("ani", account_number="2222222222")
    world.later(seconds=world.rules.requeue_after_s)
    assert world.worker.process(entitlement, world.now) is State.PAID
    report = world.sandbox.books.report()["payouts"]
    assert [line["account_number"] for line in report] == ["1111111111"]


def test_a_request_that_the_provider_refuses_is_held(world):
    entitlement = world.entitle(world.person("ani", account_number=""))
    assert world.worker.process(entitlement, world.now) is State.HELD
    assert world.store.get(entitlement).hold is Hold.REFUSED
    assert world.store.events(entitlement)[-1].reason == "API_VALIDATION_ERROR"


def test_a_stored_instruction_is_encrypted(world):
    entitlement = world.entitle(world.person("ani", account_number="8887776665"))
    world.worker.process(entitlement, world.now)
    stored = boto3.client("dynamodb", REGION).scan(TableName=PayoutsTable.Meta.table_name)["Items"]
    assert {item["sk"]["S"] for item in stored} >= {"HEAD", "EVENT#000001", "EVENT#000002"}
    assert "8887776665" not in str(stored)
    assert "Holder" not in str(stored)


def test_an_obstacle_is_shown_to_the_person_and_a_new_one_is_recorded(world):
    who = beneficiary("ani")
    entitlement = world.entitle(who)

    def shown(state: State = State.HELD) -> tuple[str, Hold | None, str]:
        assert world.worker.process(entitlement, world.now) is state
        [view] = world.payouts.of(who)
        return view.state, world.store.get(entitlement).hold, world.store.events(entitlement)[-1].reason

    assert shown() == shown() == ("needs_financial_address", Hold.NO_ADDRESS, "no_financial_address")
    assert len(world.store.events(entitlement)) == 2, "a second look at a held one changes nothing"
    world.people.excluded.add("ani")
    world.person("ani")
    assert shown() == ("under_review", Hold.EXCLUDED, "on_exclusion_list")
    world.people.excluded.clear()
    world.people.addresses.clear()
    assert shown() == ("needs_financial_address", Hold.NO_ADDRESS, "no_financial_address")
    assert world.books() == []
    world.person("ani")
    assert shown(State.PAID) == ("paid", None, "SUCCEEDED")


def hinted(world: World, reference: str) -> None:
    """A webhook about a reference comes, and its message is done with."""
    world.payouts.hint(CALLBACK_TOKEN, reference)
    assert [world.deliver(body) for body in world.messages()] == [True]


def test_hints_lead_to_settlement_and_reversal_even_if_the_provider_is_silent_first(world):
    world.sandbox.books.configure({"settle_ms": 60_000})
    entitlement = world.entitle(world.person("ani"))
    assert world.worker.process(entitlement, world.now) is State.SENDING
    world.later(seconds=61)
    hinted(world, f"{entitlement}-1")
    assert world.state(entitlement) is State.PAID
    world.sandbox.books.reverse(f"{entitlement}-1")
    assert world.disagreements() != []
    world.sandbox.books.configure({"error_before_rate": 1.0})
    hinted(world, f"{entitlement}-1")
    assert world.state(entitlement) is State.PAID
    world.sandbox.books.configure({"error_before_rate": 0.0})
    hinted(world, f"{entitlement}-1")
    assert world.state(entitlement) is State.REVERSED, "the next hint asks again"
    assert world.disagreements() == []
    assert world.worker.process(entitlement, world.now) is State.REVERSED


def test_late_in_the_keys_life_an_attempt_is_only_asked_about_and_not_sent(world):
    world.sandbox.books.configure({"timeout_before_rate": 1.0})
    entitlement = world.entitle(world.person("ani"))
    refused(lambda: world.worker.process(entitlement, world.now), OutcomeNotKnown)
    world.sandbox.books.configure({"timeout_before_rate": 0.0})
    stored = world.store.attempt(world.store.get(entitlement))

    world.now = T0 + timedelta(seconds=world.rules.key_lifetime_s * world.rules.resend_before_percent // 100)
    for _ in range(2):
        assert world.worker.process(entitlement, world.now) is State.HELD
        assert world.store.get(entitlement).hold is Hold.KEY_EXPIRED
    assert world.books() == []

    # The first sending was only slow: it arrives late.
    world.sandbox.books.send(stored.key, world.people.unseal("ani", stored.sealed_body))
    assert world.worker.process(entitlement, world.now) is State.PAID
    assert world.disagreements() == []


def test_the_sweep_queues_exactly_forgotten_payouts_and_held_ones_seldom(world):
    forgotten, held = world.entitle(world.person("ani")), world.entitle(beneficiary("citra"))
    for entitlement in (world.entitle(world.person("budi", account_number="2")), held):
        world.worker.process(entitlement, world.now)
    assert world.payouts.sweep(world.now) == 0, "too young"

    message = {"v": 1, "entitlement_id": forgotten}
    world.later(seconds=world.rules.requeue_after_s + 1)
    assert world.payouts.sweep(world.now) == 1
    assert [json.loads(body) for body in world.messages()] == [message], "an id and nothing else"
    assert world.payouts.sweep(world.now) == 0, "queued a moment ago"
    world.later(seconds=world.rules.requeue_after_s * world.rules.held_look_factor)
    assert world.payouts.sweep(world.now) == 2, "that message was lost, so it is queued again"
    assert {json.loads(body)["entitlement_id"] for body in world.messages()} == {forgotten, held}


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


def test_rows_of_an_index_are_read_again_before_a_decision(world, watch):
    list(BankStore(REGION).awaiting())
    world.store.unsettled("U#0", T0, 10)
    world.store.transitions("00", "2026-11-01T00:00:00Z", T0, 10)
    assert watch.calls
    assert all("IndexName" in parameters for operation, parameters in watch.calls if operation == "Query")


def test_at_a_reached_ceiling_a_try_costs_one_write_and_one_read(watch):
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


def test_a_claim_keeps_its_place_in_the_sweep_and_other_transitions_take_the_last(world):
    due = placed(world, "ani", Place(State.DUE))
    world.later(hours=1)
    sending = attempted(world, due)
    assert (world.store.get(due.id).queued_at, world.store.get(due.id).changed_at) == (T0, world.now)
    world.later(hours=1)
    world.store.move(sending, Move(State.FAILED, "over"), world.now)
    assert world.store.get(due.id).queued_at == world.now


DUE = Entitlement("a" * 26, "ani", 143, Kind.INCENTIVE, 600_000, State.DUE, 0, 1, None, T0, T0)


@pytest.mark.parametrize(
    ("state", "hold", "rail", "unsettled", "news"),
    [
        (State.DUE, None, None, "U#0", None),
        (State.FAILED, None, "bank-file", "U#0", None),
        (State.SENDING, None, "xendit-v2", "U#0", None),
        (State.SENDING, None, "bank-file", "H#0", None),
        (State.HELD, Hold.KEY_EXPIRED, "xendit-v2", "H#0", None),
        (State.HELD, Hold.NO_ADDRESS, None, "H#0", "00"),
        (State.HELD, Hold.ADMIN, None, None, None),
        (State.PAID, None, "xendit-v2", None, "00"),
        (State.CANCELLED, None, None, None, "00"),
    ],
)
def test_only_unsettled_payouts_and_news_are_in_the_indexes(state, hold, rail, unsettled, news):
    one = replace(DUE, state=state, hold=hold, rail=rail)
    assert (unsettled_shard(one), news_shard(one)) == (unsettled, news)


@pytest.mark.parametrize(("digit", "place"), [("a", 0), ("b", 1), ("p", 15), ("q", 0), ("z", 9), ("2", 10), ("7", 15)])
def test_the_first_digit_of_an_id_names_its_partition_and_all_are_swept(digit, place):
    one = replace(DUE, id=digit + "c" * 25)
    assert unsettled_shard(one) == f"U#{place}"
    assert news_shard(replace(one, state=State.PAID)) == f"{place:02}"
    assert (f"U#{place}", False) in set(unsettled_shards())
    assert (f"H#{place}", True) in set(unsettled_shards())
    assert f"{place:02}" in NEWS_SHARDS


class CursorItem(CursorFields, PayoutsTable):
    pass


def read(world: World, until: datetime, after: str = iso(T0), limit: int = 100) -> list[News]:
    """All the news, page by page."""
    found = []
    for shard in NEWS_SHARDS:
        start = after
        while page := world.payouts.news(shard, start, until, limit):
            assert len(page) <= limit
            found += page
            start = page[-1].key
    return found


def test_news_show_the_present_state(world: World) -> None:
    paid = world.entitle(world.person("ani"))
    held = world.entitle(beneficiary("budi"))
    world.worker.process(paid, world.now)
    world.worker.process(held, world.now)
    world.sandbox.books.reverse(f"{paid}-1")
    world.later(hours=1)
    world.worker.process(paid, world.now)
    world.person("budi")
    world.worker.process(held, world.now)

    lines = read(world, world.now)

    told = sorted((line.registrant_id, line.at, line.state, line.latest, line.hold) for line in lines)
    assert told == [
        ("ani", T0, State.PAID, State.REVERSED, None),
        ("ani", world.now, State.REVERSED, State.REVERSED, None),
        ("budi", T0, State.HELD, State.PAID, None),
        ("budi", world.now, State.PAID, State.PAID, None),
    ]
    assert {(line.wave, line.kind) for line in lines} == {(143, Kind.INCENTIVE)}
    assert len(read(world, T0)) == 2, "what happened later is not read yet"
    assert read(world, T0, after=iso(world.now)) == [], "nothing is between an instant and an earlier one"


def test_pages_lose_nothing_of_what_happened_at_one_instant(world: World) -> None:
    people = [beneficiary(f"person-{number}") for number in range(40)]
    ids = {world.entitle(person) for person in people}
    for entitlement in ids:
        world.worker.process(entitlement, world.now)

    lines = read(world, world.now, limit=2)

    assert sorted(line.entitlement_id for line in lines) == sorted(ids)
    assert {line.hold for line in lines} == {Hold.NO_ADDRESS}
    assert len({line.key for line in lines}) == len(ids)


def test_a_cursor_only_advances_and_the_last_minutes_are_read_again(world: World) -> None:
    cursors = Cursors(CursorItem)
    assert cursors.start("mails", "07", T0) == iso(T0)

    later = T0 + timedelta(hours=1)
    cursors.advance("mails", "07", later)
    cursors.advance("mails", "07", T0 + timedelta(minutes=30))

    assert cursors.start("mails", "07", T0) == iso(later - OVERLAP)
    assert cursors.start("mails", "08", T0) == iso(T0), "each shard has its own"
    assert cursors.start("other", "07", T0) == iso(T0)
