from __future__ import annotations

import json
from datetime import timedelta

import boto3
import pytest

from chalicelib.payouts.errors import PendingOutcome
from chalicelib.payouts.ledger.items import PayoutsTable
from chalicelib.payouts.rules import Hold, State
from tests.builders.payouts.states import refused
from tests.builders.payouts.world import CALLBACK_TOKEN, World, beneficiary
from tests.conftest import REGION, T0


def test_a_provider_that_always_fails_is_given_up_after_three_attempts(world):
    world.sandbox.books.configure({"fail_code": "TEMPORARY_TRANSFER_ERROR"})
    entitlement = world.entitle(world.person("ani", account_number="99990000"))
    world.run_to_rest()
    assert world.state(entitlement) is State.CANCELLED
    assert [line.moved_idr for line in world.books()] == [0, 0, 0]
    assert world.disagreements() == []
    assert [attempt.key for attempt in world.store.attempts(entitlement)] == [f"{entitlement}-{n}" for n in (1, 2, 3)]


def test_accepted_but_unanswered_is_asked_about_and_never_sent_under_another_key(world):
    world.sandbox.books.configure({"timeout_after_rate": 1.0})
    entitlement = world.entitle(world.person("ani"))
    refused(lambda: world.worker.process(entitlement, world.now), PendingOutcome)
    assert world.state(entitlement) is State.SENDING

    world.sandbox.books.configure({"timeout_after_rate": 0.0})
    assert world.worker.process(entitlement, world.now) is State.PAID
    assert len(world.books()) == 1


@pytest.mark.parametrize("fault", ["timeout_before_rate", "error_before_rate", "error_after_rate"])
def test_an_unknown_outcome_repeats_the_same_bytes_even_when_the_address_has_changed_since(world, fault):
    world.sandbox.books.configure({fault: 1.0})
    entitlement = world.entitle(world.person("ani", account_number="1111111111"))
    refused(lambda: world.worker.process(entitlement, world.now), PendingOutcome)

    world.sandbox.books.configure({fault: 0.0})
    world.person("ani", account_number="2222222222")
    world.later(seconds=world.rules.requeue_after_s)
    assert world.worker.process(entitlement, world.now) is State.PAID
    report = world.sandbox.books.report()["payouts"]
    assert [line["account_number"] for line in report] == ["1111111111"]


def test_our_key_with_another_body_is_an_alarm_and_nothing_touches_it_again(world):
    world.sandbox.books.configure({"timeout_before_rate": 1.0})
    entitlement = world.entitle(world.person("ani"))
    refused(lambda: world.worker.process(entitlement, world.now), PendingOutcome)
    world.sandbox.books.configure({"timeout_before_rate": 0.0})
    stranger = {
        "reference_id": "somebody-else",
        "channel_code": "ID_BCA",
        "channel_properties": {"account_number": "555", "account_holder_name": "X"},
        "amount": 600_000,
        "currency": "IDR",
    }
    world.sandbox.books.send(f"{entitlement}-1", json.dumps(stranger).encode())

    world.later(seconds=world.rules.requeue_after_s)
    assert world.worker.process(entitlement, world.now) is State.HELD
    assert world.store.get(entitlement).hold is Hold.DUPLICATE
    assert world.worker.process(entitlement, world.now) is State.HELD
    world.later(days=2)
    assert world.payouts.sweep(world.now) == 0


def test_a_request_that_the_provider_refuses_is_held(world):
    entitlement = world.entitle(world.person("ani", account_number=""))
    assert world.worker.process(entitlement, world.now) is State.HELD
    assert world.store.get(entitlement).hold is Hold.REFUSED
    assert world.store.events(entitlement)[-1].reason == "API_VALIDATION_ERROR"


def test_what_is_stored_of_an_instruction_is_sealed(world):
    entitlement = world.entitle(world.person("ani", account_number="8887776665"))
    world.worker.process(entitlement, world.now)
    stored = boto3.client("dynamodb", REGION).scan(TableName=PayoutsTable.Meta.table_name)["Items"]
    assert {item["sk"]["S"] for item in stored} >= {"HEAD", "EVENT#000001", "EVENT#000002"}
    assert "8887776665" not in str(stored)
    assert "Holder" not in str(stored)


def test_what_stands_in_the_way_is_shown_to_the_person_and_recorded_anew_when_it_is_another(world):
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


def test_settlement_and_reversal_are_learnt_from_hints_even_if_the_provider_is_silent_at_the_first(world):
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


def test_after_most_of_the_keys_life_it_is_only_asked_about_and_settled_by_the_providers_own_word(world):
    world.sandbox.books.configure({"timeout_before_rate": 1.0})
    entitlement = world.entitle(world.person("ani"))
    refused(lambda: world.worker.process(entitlement, world.now), PendingOutcome)
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


def test_the_sweep_queues_what_was_forgotten_and_only_that_and_a_held_one_seldom(world):
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
