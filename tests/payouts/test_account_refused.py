"""Failures that the person or we can remove: they use up no attempt, and the person is paid in the end."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.payouts import alarm_words
from chalicelib.payouts.controls.proposals import Decision
from chalicelib.payouts.errors import OutcomeNotKnown
from chalicelib.payouts.ledger.records import news_shard
from chalicelib.payouts.rules import Hold, State
from chalicelib.payouts.steps import retries_at
from local.sandbox.provider_books import Refusal
from tests.builders.payouts.states import ANI, BUDI
from tests.builders.payouts.world import World, beneficiary

DAY = 86_400


def refused(world: World, code: str = "DESTINATION_MAXIMUM_LIMIT") -> str:
    """Ani's incentive, which her wallet would not take."""
    world.sandbox.books.configure({"fail_code": code})
    entitlement = world.entitle(world.person("ani", "99990000"))
    assert world.worker.process(entitlement, world.now) is State.HELD
    return entitlement


def give(world: World, account_number: str) -> None:
    """Ani sets her address, as the route does."""
    address = world.people.addresses["ani"]
    if address.account_number != account_number:
        new = replace(address, account_number=account_number, version=address.version + 1)
        world.people.addresses["ani"] = new
    world.payouts.look_again(beneficiary("ani"), world.now)
    for body in world.messages():
        world.deliver(body)


def shown(world: World) -> tuple[str, str]:
    [view] = world.payouts.of(beneficiary("ani"))
    return view.state, view.to_do


def test_a_full_wallet_uses_up_no_attempt(world):
    entitlement = refused(world)
    held = world.store.get(entitlement)
    assert (held.hold, held.n, held.n_before) == (Hold.ACCOUNT_REFUSED, 1, 1)
    assert world.store.events(entitlement)[-1].reason == "DESTINATION_MAXIMUM_LIMIT"
    for _ in range(48):
        world.later(seconds=world.rules.requeue_after_s * world.rules.held_look_factor + 1)
        assert world.payouts.sweep(world.now) == 1
        assert [world.deliver(body) for body in world.messages()] == [True]
    assert world.state(entitlement) is State.HELD
    assert len(world.books()) == 1


def test_a_new_account_is_found_by_the_sweep_if_the_request_died_after_it_was_stored(world):
    entitlement = refused(world)
    address = world.people.addresses["ani"]
    world.people.addresses["ani"] = replace(address, account_number="1234567890", version=2)
    world.run_to_rest()
    assert world.state(entitlement) is State.PAID


def test_a_new_account_revives_what_three_refusals_would_have_ended(world):
    entitlement = refused(world)
    for number in range(2, 5):
        world.later(hours=2)
        give(world, f"{number}0000")
        assert world.state(entitlement) is State.HELD
    assert len(world.books()) == 4
    give(world, "1234567890")
    assert world.state(entitlement) is State.PAID
    assert [line.moved_idr for line in world.books()] == [0, 0, 0, 0, 600_000]
    assert world.disagreements() == []


def test_setting_the_same_account_again_allows_a_new_attempt_after_a_rest(world):
    entitlement = refused(world)
    world.sandbox.books.configure({"fail_suffix": ""})
    rest = world.rules.requeue_after_s * world.rules.held_look_factor
    world.later(seconds=rest - 1)
    give(world, "99990000")
    assert world.state(entitlement) is State.HELD, "else each click would be an attempt"
    world.later(seconds=1)
    give(world, "99990000")
    assert world.state(entitlement) is State.PAID
    assert "person_says_mended" in [event.reason for event in world.store.events(entitlement)]


def test_a_refused_account_is_retried_after_growing_numbers_of_days(world):
    entitlement = refused(world)
    for n, days in ((1, 3), (2, 10), (3, 30), (4, 30)):
        assert world.store.get(entitlement).n == n
        world.later(seconds=days * DAY - 1)
        assert world.worker.process(entitlement, world.now) is State.HELD
        assert world.store.get(entitlement).n == n
        world.later(seconds=1)
        if n == 4:
            world.sandbox.books.configure({"fail_suffix": ""})
        world.worker.process(entitlement, world.now)
    assert world.state(entitlement) is State.PAID
    assert world.disagreements() == []


def test_refusals_and_passing_failures_are_counted_apart(world):
    entitlement = refused(world)
    world.later(days=3)
    world.sandbox.books.configure({"fail_code": "TEMPORARY_TRANSFER_ERROR"})
    assert world.worker.process(entitlement, world.now) is State.FAILED
    for state in (State.FAILED, State.CANCELLED):
        world.later(seconds=max(world.rules.failed_rest_s))
        assert world.worker.process(entitlement, world.now) is state
    assert world.store.get(entitlement).n == 4, "three passing failures, and the refusal"


def test_the_person_sees_what_to_do_and_when_it_is_tried_again(world):
    entitlement = refused(world)
    [view] = world.payouts.of(beneficiary("ani"))
    assert (view.state, view.to_do) == ("account_refused", "mend_account")
    assert view.until == world.now + timedelta(days=3) == retries_at(world.store.get(entitlement), world.rules)
    give(world, "1234567890")
    assert shown(world) == ("paid", "nothing")


def test_a_payout_that_no_attempt_can_fix_waits_for_an_administrator(world):
    entitlement = refused(world, "SLS_RECIPIENT")
    assert world.store.get(entitlement).hold is Hold.ADMIN
    give(world, "1234567890")
    world.run_to_rest()
    assert (world.state(entitlement), len(world.books())) == (State.HELD, 1)
    assert shown(world) == ("under_review", "wait")


def test_a_code_that_is_new_to_us_is_held_and_not_tried_again_within_minutes(world):
    entitlement = refused(world, "A_CODE_THAT_IS_NEW")
    assert world.store.get(entitlement).hold is Hold.ACCOUNT_REFUSED
    world.run_to_rest()
    assert len(world.books()) == 1


def refuse(world: World, code: str, suffix: str = "1234") -> None:
    """The provider refuses what is to go to account numbers that end so."""
    send = type(world.sandbox.books).send

    def refused(key: str, body: bytes):
        if f'{suffix}"'.encode() in body:
            raise Refusal(400, code, "refused")
        return send(world.sandbox.books, key, body)

    world.sandbox.books.send = refused


def paid(world: World) -> str:
    """Ani's incentive, after a worker has come to it."""
    entitlement = world.entitle(world.person("ani", "99991234"))
    world.worker.process(entitlement, world.now)
    return entitlement


def test_an_account_that_is_refused_at_once_waits_for_the_person_and_uses_up_no_attempt(world):
    refuse(world, "RECIPIENT_ACCOUNT_NUMBER_ERROR")
    entitlement = paid(world)
    held = world.store.get(entitlement)
    assert (held.hold, held.n, held.n_before) == (Hold.ACCOUNT_REFUSED, 1, 1)
    assert world.store.events(entitlement)[-1].reason == "RECIPIENT_ACCOUNT_NUMBER_ERROR"
    [view] = world.payouts.of(beneficiary("ani"))
    assert (view.state, view.to_do, view.until) == ("account_refused", "mend_account", world.now + timedelta(days=3))
    assert news_shard(held) is not None, "of which the person is told"
    world.run_to_rest()
    assert world.books() == []
    give(world, "1234567890")
    assert world.state(entitlement) is State.PAID
    assert shown(world) == ("paid", "nothing")
    assert world.disagreements() == []


def test_a_refused_repetition_says_nothing_about_the_first_sending(world):
    world.sandbox.books.configure({"timeout_before_rate": 1.0})
    with pytest.raises(OutcomeNotKnown):
        paid(world)
    world.sandbox.books.configure({"timeout_before_rate": 0.0})
    [head] = world.store.everything()
    world.later(seconds=world.rules.requeue_after_s - 1)
    with pytest.raises(OutcomeNotKnown):
        world.worker.process(head.id, world.now)
    assert world.books() == []
    refuse(world, "RECIPIENT_ACCOUNT_NUMBER_ERROR")
    world.later(seconds=1)
    assert world.worker.process(head.id, world.now) is State.HELD
    assert world.store.get(head.id).hold is Hold.REFUSED


@pytest.mark.parametrize("at_once", [True, False])
def test_an_empty_account_of_ours_rings_and_is_tried_again_hours_later_and_cancels_nothing(world, caplog, at_once):
    if at_once:
        refuse(world, "INSUFFICIENT_BALANCE")
    else:
        world.sandbox.books.configure({"fail_suffix": "1234", "fail_code": "INSUFFICIENT_BALANCE"})
    entitlement = paid(world)
    hours = timedelta(hours=1)
    for n, wait in enumerate([1 * hours, 4 * hours, 12 * hours, 24 * hours, 24 * hours], 1):
        held = world.store.get(entitlement)
        assert (held.hold, held.n, held.n_before) == (Hold.OUR_SIDE, n, n)
        assert [r.message for r in caplog.records if r.levelno >= logging.ERROR] == [alarm_words.MOVED] * n
        [view] = world.payouts.of(beneficiary("ani"))
        assert (view.state, view.to_do, view.until) == ("in_progress", "wait", world.now + wait)
        world.later(seconds=wait.total_seconds() - 1)
        assert world.worker.process(entitlement, world.now) is State.HELD
        assert world.store.get(entitlement).n == n
        world.later(seconds=1)
        if n == 5:
            world.sandbox.books.__dict__.pop("send", None)
            world.sandbox.books.configure({"fail_suffix": ""})
        world.worker.process(entitlement, world.now)
    assert world.state(entitlement) is State.PAID
    assert world.disagreements() == []


def test_after_refilling_our_account_an_administrator_can_retry_at_once(world):
    world.sandbox.books.configure({"fail_suffix": "1234", "fail_code": "INSUFFICIENT_BALANCE"})
    entitlement = paid(world)
    world.sandbox.books.configure({"fail_suffix": ""})
    world.administration.hold(entitlement, ANI, "filled up", world.now)
    world.administration.propose(entitlement, Decision.RELEASE, ANI, "filled up", world.now)
    world.administration.approve(entitlement, BUDI, world.now)
    assert world.worker.process(entitlement, world.now) is State.PAID


def test_another_account_of_the_person_does_not_help_if_ours_is_empty(world):
    world.sandbox.books.configure({"fail_suffix": "1234", "fail_code": "INSUFFICIENT_BALANCE"})
    entitlement = paid(world)
    address = world.people.addresses["ani"]
    world.people.addresses["ani"] = replace(address, account_number="1234567890", version=2)
    assert world.worker.process(entitlement, world.now) is State.HELD
    assert world.store.get(entitlement).n == 1
