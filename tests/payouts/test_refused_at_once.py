"""A request is refused at once, or our own account is empty: the person is still paid in the end."""

from __future__ import annotations

import logging
from dataclasses import replace
from datetime import timedelta

import pytest

from chalicelib.payouts import alarm_words
from chalicelib.payouts.errors import PendingOutcome
from chalicelib.payouts.ledger.partitions import news_shard
from chalicelib.payouts.rules import Hold, State
from local.sandbox.provider_books import Refusal
from tests.builders.payouts.world import World, beneficiary
from tests.payouts.test_account_refused import give, shown


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


def test_a_request_of_ours_that_is_wrong_still_takes_two_administrators(world):
    refuse(world, "API_VALIDATION_ERROR")
    assert world.store.get(paid(world)).hold is Hold.REFUSED


def test_nobody_sends_again_while_the_first_may_be_sending_and_a_refused_repetition_says_nothing_of_it(world):
    world.sandbox.books.configure({"timeout_before_rate": 1.0})
    with pytest.raises(PendingOutcome):
        paid(world)
    world.sandbox.books.configure({"timeout_before_rate": 0.0})
    [head] = world.store.everything()
    world.later(seconds=world.rules.requeue_after_s - 1)
    with pytest.raises(PendingOutcome):
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


def test_once_the_account_is_filled_up_an_administrator_need_not_wait(world):
    world.sandbox.books.configure({"fail_suffix": "1234", "fail_code": "INSUFFICIENT_BALANCE"})
    entitlement = paid(world)
    world.sandbox.books.configure({"fail_suffix": ""})
    world.administration.hold(entitlement, "arn:aws:iam::1:user/ani", "filled up", world.now)
    world.administration.release(entitlement, "arn:aws:iam::1:user/ani", "filled up", world.now)
    assert world.worker.process(entitlement, world.now) is State.PAID


def test_another_account_changes_nothing_where_ours_is_empty(world):
    world.sandbox.books.configure({"fail_suffix": "1234", "fail_code": "INSUFFICIENT_BALANCE"})
    entitlement = paid(world)
    address = world.people.addresses["ani"]
    world.people.addresses["ani"] = replace(address, account_number="1234567890", version=2)
    assert world.worker.process(entitlement, world.now) is State.HELD
    assert world.store.get(entitlement).n == 1
