from __future__ import annotations

import json
from datetime import timedelta

import boto3
import pytest

from chalicelib.aws import dynamodb
from chalicelib.money import Rupiah
from chalicelib.payouts.errors import (
    InvalidCallback,
    PendingOutcome,
    Superseded,
    UnknownEntitlement,
)
from chalicelib.payouts.ledger.items import PayoutsTable
from chalicelib.payouts.ledger.store import ENTITLEMENT_LEG
from chalicelib.payouts.rules import Answer, Hold, Kind, Move, Outcome, State
from tests.builders.payouts.world import CALLBACK_TOKEN, beneficiary, incentive_id
from tests.conftest import REGION, T0


def test_an_entitlement_is_paid_and_the_books_agree_to_the_rupiah(world):
    entitlement = world.entitle(world.person("ani"))

    assert world.worker.process(entitlement, world.now) is State.PAID
    assert [(line.reference_id, line.moved_idr) for line in world.books()] == [(f"{entitlement}-1", 600_000)]
    assert world.disagreements() == []


def test_the_id_is_derived_and_a_second_entitling_fails_in_its_own_leg(world):
    who = world.person("ani")
    assert world.entitle(who) == incentive_id("ani")
    with pytest.raises(dynamodb.LegsFailed) as failed:
        world.entitle(who)
    assert ENTITLEMENT_LEG in failed.value.legs
    assert [each.id for each in world.store.everything()] == [incentive_id("ani")]


def test_history_has_every_transition_in_order(world):
    entitlement = world.entitle(world.person("ani"))
    world.worker.process(entitlement, world.now)
    events = world.store.events(entitlement)
    assert [(event.seq, event.before, event.state) for event in events] == [
        (1, None, State.DUE),
        (2, State.DUE, State.SENDING),
        (3, State.SENDING, State.PAID),
    ]


def test_without_an_address_it_is_held_and_goes_on_once_there_is_one(world):
    entitlement = world.entitle(beneficiary("ani"))
    assert world.worker.process(entitlement, world.now) is State.HELD
    assert world.store.get(entitlement).hold is Hold.NO_ADDRESS
    assert world.worker.process(entitlement, world.now) is State.HELD
    assert len(world.store.events(entitlement)) == 2, "a second look at a held one changes nothing"

    world.person("ani")
    assert world.worker.process(entitlement, world.now) is State.PAID


def test_a_person_on_an_exclusion_list_is_not_paid_until_they_are_off_it(world):
    entitlement = world.entitle(world.person("ani"))
    world.people.excluded.add("ani")
    assert world.worker.process(entitlement, world.now) is State.HELD
    assert world.books() == []

    world.people.excluded.clear()
    assert world.worker.process(entitlement, world.now) is State.PAID


def test_whoever_sets_an_address_while_on_an_exclusion_list_is_no_longer_asked_for_one(world):
    who = beneficiary("ani")
    world.people.excluded.add("ani")
    entitlement = world.entitle(who)
    world.worker.process(entitlement, world.now)
    assert [view.state for view in world.payouts.of(who)] == ["needs_financial_address"]

    world.person("ani")
    assert world.worker.process(entitlement, world.now) is State.HELD
    assert [view.state for view in world.payouts.of(who)] == ["under_review"]
    last = world.store.events(entitlement)[-1]
    assert (last.before, last.state, last.hold, last.reason) == (
        State.HELD,
        State.HELD,
        Hold.EXCLUDED,
        "on_exclusion_list",
    )
    world.people.excluded.clear()
    assert world.worker.process(entitlement, world.now) is State.PAID


def test_whoever_is_off_the_list_and_has_no_address_any_more_is_asked_for_one(world):
    who = world.person("ani")
    world.people.excluded.add("ani")
    entitlement = world.entitle(who)
    world.worker.process(entitlement, world.now)
    assert [view.state for view in world.payouts.of(who)] == ["under_review"]

    world.people.excluded.clear()
    world.people.addresses.clear()
    assert world.worker.process(entitlement, world.now) is State.HELD
    assert [view.state for view in world.payouts.of(who)] == ["needs_financial_address"]
    assert world.store.events(entitlement)[-1].hold is Hold.NO_ADDRESS


def test_a_failed_attempt_is_made_again_under_a_new_key_after_a_pause(world):
    world.sandbox.books.configure({"fail_rate": 1.0})
    entitlement = world.entitle(world.person("ani"))
    assert world.worker.process(entitlement, world.now) is State.FAILED
    assert world.worker.process(entitlement, world.now) is State.FAILED, "doubled messages use up no attempts"
    assert len(world.books()) == 1

    world.later(seconds=world.rules.requeue_after_s)
    assert world.worker.process(entitlement, world.now) is State.PAID
    assert [line.reference_id for line in world.books()] == [f"{entitlement}-1", f"{entitlement}-2"]
    assert world.disagreements() == []


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
    with pytest.raises(PendingOutcome):
        world.worker.process(entitlement, world.now)
    assert world.state(entitlement) is State.SENDING

    world.sandbox.books.configure({"timeout_after_rate": 0.0})
    assert world.worker.process(entitlement, world.now) is State.PAID
    assert len(world.books()) == 1


@pytest.mark.parametrize("fault", ["timeout_before_rate", "error_before_rate", "error_after_rate"])
def test_an_unknown_outcome_repeats_the_same_bytes_even_when_the_address_has_changed_since(world, fault):
    world.sandbox.books.configure({fault: 1.0})
    entitlement = world.entitle(world.person("ani", account_number="1111111111"))
    with pytest.raises(PendingOutcome):
        world.worker.process(entitlement, world.now)

    world.sandbox.books.configure({fault: 0.0})
    world.person("ani", account_number="2222222222")
    world.later(seconds=world.rules.requeue_after_s)
    assert world.worker.process(entitlement, world.now) is State.PAID
    report = world.sandbox.books.report()["payouts"]
    assert [line["account_number"] for line in report] == ["1111111111"]


def test_a_pending_payout_waits_for_the_hint_or_the_sweep(world):
    world.sandbox.books.configure({"settle_ms": 60_000})
    entitlement = world.entitle(world.person("ani"))
    assert world.worker.process(entitlement, world.now) is State.SENDING
    world.later(seconds=61)
    world.payouts.hint(CALLBACK_TOKEN, f"{entitlement}-1")
    assert [world.deliver(body) for body in world.messages()] == [True]
    assert world.state(entitlement) is State.PAID


def test_money_that_came_back_is_learnt_from_a_hint(world):
    entitlement = world.entitle(world.person("ani"))
    world.worker.process(entitlement, world.now)
    world.sandbox.books.reverse(f"{entitlement}-1")
    assert world.disagreements() != []
    assert world.worker.process(entitlement, world.now) is State.REVERSED
    assert world.disagreements() == []
    assert world.worker.process(entitlement, world.now) is State.REVERSED


@pytest.mark.parametrize("amount", [None, Rupiah(599_999)])
def test_a_reversal_of_another_amount_is_recorded_and_is_an_error_in_the_log(world, monkeypatch, caplog, amount):
    entitlement = world.entitle(world.person("ani"))
    world.worker.process(entitlement, world.now)
    monkeypatch.setattr(world.fsp, "status", lambda _reference: Answer(Outcome.REVERSED, "REVERSED", amount))
    assert world.worker.process(entitlement, world.now) is State.REVERSED
    assert world.store.events(entitlement)[-1].reason == "reversed_amount_differs"
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["payout_moved"]


def test_a_paid_one_that_the_provider_denies_is_an_error_in_the_log(world, monkeypatch, caplog):
    entitlement = world.entitle(world.person("ani"))
    world.worker.process(entitlement, world.now)
    monkeypatch.setattr(world.fsp, "status", lambda _reference: Answer(Outcome.DUPLICATE, "reference_known_twice"))
    assert world.worker.process(entitlement, world.now) is State.PAID
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["payout_contradicted"]


def test_a_hint_about_a_paid_one_is_done_with_though_the_provider_does_not_answer(world):
    entitlement = world.entitle(world.person("ani"))
    world.worker.process(entitlement, world.now)
    world.sandbox.books.reverse(f"{entitlement}-1")
    world.sandbox.books.configure({"error_before_rate": 1.0})
    world.payouts.hint(CALLBACK_TOKEN, f"{entitlement}-1")
    assert [world.deliver(body) for body in world.messages()] == [True]
    assert world.state(entitlement) is State.PAID

    world.sandbox.books.configure({"error_before_rate": 0.0})
    world.payouts.hint(CALLBACK_TOKEN, f"{entitlement}-1")
    assert [world.deliver(body) for body in world.messages()] == [True]
    assert world.state(entitlement) is State.REVERSED, "the next hint asks again"


def test_after_most_of_the_keys_life_it_is_only_asked_about(world):
    world.sandbox.books.configure({"timeout_before_rate": 1.0})
    entitlement = world.entitle(world.person("ani"))
    with pytest.raises(PendingOutcome):
        world.worker.process(entitlement, world.now)
    world.sandbox.books.configure({"timeout_before_rate": 0.0})

    world.now = T0 + timedelta(seconds=world.rules.key_lifetime_s * world.rules.resend_before_percent // 100)
    assert world.worker.process(entitlement, world.now) is State.HELD
    assert world.store.get(entitlement).hold is Hold.KEY_EXPIRED
    assert world.books() == []
    assert world.worker.process(entitlement, world.now) is State.HELD


def test_a_held_attempt_is_settled_by_the_providers_own_word(world):
    world.sandbox.books.configure({"timeout_before_rate": 1.0})
    entitlement = world.entitle(world.person("ani"))
    with pytest.raises(PendingOutcome):
        world.worker.process(entitlement, world.now)
    world.sandbox.books.configure({"timeout_before_rate": 0.0})
    stored = world.store.attempt(world.store.get(entitlement))
    world.now = T0 + timedelta(days=1)
    world.worker.process(entitlement, world.now)

    # The first sending was only slow: it arrives a day late.
    _, _, body = stored.sealed_body.partition(b"\0")
    world.sandbox.books.send(stored.key, body[::-1])
    assert world.worker.process(entitlement, world.now) is State.PAID
    assert world.disagreements() == []


def test_our_key_with_another_body_is_an_alarm_and_nothing_touches_it_again(world):
    world.sandbox.books.configure({"timeout_before_rate": 1.0})
    entitlement = world.entitle(world.person("ani"))
    with pytest.raises(PendingOutcome):
        world.worker.process(entitlement, world.now)
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


def test_of_two_workers_with_the_same_reading_one_is_superseded(world):
    entitlement = world.store.get(world.entitle(world.person("ani")))
    world.store.move(entitlement, Move(State.HELD, "first", Hold.NO_ADDRESS), world.now)
    with pytest.raises(Superseded):
        world.store.move(entitlement, Move(State.HELD, "second", Hold.NO_ADDRESS), world.now)
    assert [event.reason for event in world.store.events(entitlement.id)] == ["entitled", "first"]


def test_a_transition_that_is_not_in_the_table_cannot_be_written(world):
    entitlement = world.store.get(world.entitle(world.person("ani")))
    with pytest.raises(ValueError, match="no transition from DUE to PAID"):
        world.store.move(entitlement, Move(State.PAID, "wish"), world.now)


def test_what_is_stored_of_an_instruction_is_sealed(world):
    entitlement = world.entitle(world.person("ani", account_number="8887776665"))
    world.worker.process(entitlement, world.now)
    stored = boto3.client("dynamodb", REGION).scan(TableName=PayoutsTable.Meta.table_name)["Items"]
    assert {item["sk"]["S"] for item in stored} >= {"HEAD", "EVENT#000001", "EVENT#000002"}
    assert "8887776665" not in str(stored)
    assert "Holder" not in str(stored)


def test_the_queue_carries_an_id_and_nothing_else(world):
    entitlement = world.entitle(world.person("ani"))
    world.payouts.enqueue(entitlement)
    assert [json.loads(body) for body in world.messages()] == [{"v": 1, "entitlement_id": entitlement}]


def test_the_sweep_queues_what_was_forgotten_and_only_that(world):
    forgotten = world.entitle(world.person("ani"))
    paid = world.entitle(world.person("budi", account_number="2"))
    world.worker.process(paid, world.now)
    assert world.payouts.sweep(world.now) == 0, "too young"

    world.later(seconds=world.rules.requeue_after_s + 1)
    assert world.payouts.sweep(world.now) == 1
    assert [json.loads(body)["entitlement_id"] for body in world.messages()] == [forgotten]
    assert world.payouts.sweep(world.now) == 0, "queued a moment ago"
    world.later(seconds=world.rules.requeue_after_s + 1)
    assert world.payouts.sweep(world.now) == 1, "that message was lost, so it is queued again"


def test_the_sweep_comes_back_to_a_held_one_seldom(world):
    entitlement = world.entitle(beneficiary("ani"))
    world.worker.process(entitlement, world.now)
    world.later(seconds=world.rules.requeue_after_s + 1)
    assert world.payouts.sweep(world.now) == 0
    world.later(seconds=world.rules.requeue_after_s * world.rules.held_look_factor)
    assert world.payouts.sweep(world.now) == 1


@pytest.mark.parametrize("token", ["", "test-callback-tokem", "tést"])
def test_a_forged_webhook_is_refused(world, token):
    with pytest.raises(InvalidCallback):
        world.payouts.hint(token, f"{incentive_id('ani')}-1")
    assert world.messages() == []


def test_a_hint_settles_nothing_and_a_foreign_reference_is_ignored(world):
    entitlement = world.entitle(world.person("ani"))
    world.payouts.hint(CALLBACK_TOKEN, f"{entitlement}-1")
    world.payouts.hint(CALLBACK_TOKEN, "invoice-17")
    assert world.state(entitlement) is State.DUE
    assert len(world.messages()) == 1


def test_a_foreign_reference_that_only_looks_like_one_of_ours_is_done_with_at_once(world):
    world.payouts.hint(CALLBACK_TOKEN, f"{incentive_id('nobody')}-1")
    assert [world.deliver(body) for body in world.messages()] == [True]


def test_a_person_sees_their_own_entitlements_by_kind(world):
    who = world.person("ani")
    world.entitle(who, Kind.SURVEY_1)
    world.worker.process(world.entitle(who), world.now)
    world.entitle(world.person("budi"))

    views = world.payouts.of(who)
    assert [(view.kind, view.amount_idr, view.state) for view in views] == [
        ("INCENTIVE", 600_000, "paid"),
        ("SURVEY_1", 50_000, "waiting"),
    ]
    assert world.payouts.of(None) == []


def test_an_unknown_entitlement_is_said_to_be_unknown(world):
    with pytest.raises(UnknownEntitlement):
        world.worker.process(incentive_id("nobody"), world.now)
