"""Acts of one administrator, decisions of two, the provider's answer above both, and the pause."""

from __future__ import annotations

import logging
from datetime import timedelta
from functools import partial
from typing import Any

import pytest

from chalicelib.aws import dynamodb
from chalicelib.aws.admin_acts import Act
from chalicelib.payouts import alarm_words
from chalicelib.payouts.controls.administration import JournalStore, PayoutDeed
from chalicelib.payouts.controls.proposals import Decision
from chalicelib.payouts.errors import NoProposal, NotNow, ProviderObjects, Superseded
from chalicelib.payouts.rules import WAITING, Answer, Entitlement, Hold, Outcome, State
from tests.builders.crashes import Calls
from tests.builders.payouts.states import ANI, BUDI, OVER, Place, placed, propose, refused
from tests.builders.payouts.world import World
from tests.conftest import REGION, T0


def test_no_worker_or_sweep_touches_a_held_or_cancelled_payout(world):
    entitlement = placed(world, "ani", Place(State.DUE))
    world.administration.hold(entitlement.id, ANI, "why", world.now)
    world.later(days=2)
    assert world.payouts.sweep(world.now) == 0
    assert world.worker.process(entitlement.id, world.now) is State.HELD
    propose(world, entitlement, Decision.RELEASE)
    world.administration.approve(entitlement.id, BUDI, world.now)
    refused(lambda: propose(world, entitlement, Decision.RELEASE), NotNow)
    (message,) = world.messages()
    world.people.excluded.add("ani")
    assert world.deliver(message)
    assert world.store.get(entitlement.id).hold is Hold.EXCLUDED, "everything is tested anew"
    world.administration.cancel(entitlement.id, ANI, "why", world.now)
    world.people.excluded.clear()
    world.later(days=2)
    assert world.payouts.sweep(world.now) == 0
    assert world.worker.process(entitlement.id, world.now) is State.CANCELLED
    assert world.books() == []


@pytest.mark.parametrize("other", [None, Decision.FAILED], ids=["taken away", "replaced"])
def test_a_proposal_withdrawn_during_its_approval_does_not_count(world, other):
    entitlement = placed(world, "ani", Place(State.SENDING))
    propose(world, entitlement, Decision.PAID)
    approve = world.store.approve

    def meanwhile(*arguments: Any) -> Entitlement:
        world.administration.reject(entitlement.id, ANI, "why", world.now)
        if other is not None:
            propose(world, entitlement, other)
        return approve(*arguments)

    world.store.approve = meanwhile
    refused(lambda: world.administration.approve(entitlement.id, BUDI, world.now), Superseded)
    assert world.state(entitlement.id) is State.SENDING


def test_a_reopened_entitlement_gets_new_attempts_and_keys(world):
    entitlement = placed(world, "ani", Place(State.DUE))
    world.person("ani", "2220000")  # an account that the sandbox never pays
    world.sandbox.books.configure({"fail_code": "TEMPORARY_TRANSFER_ERROR"})

    def use_up() -> None:
        while world.worker.process(entitlement.id, world.now) is State.FAILED:
            world.later(seconds=max(world.rules.failed_rest_s))

    use_up()
    assert world.store.get(entitlement.id).n == world.rules.attempts_max
    propose(world, entitlement, Decision.RETRY)
    opened = world.administration.approve(entitlement.id, BUDI, world.now)
    assert (opened.state, opened.n, opened.n_before) == (State.DUE, 3, 3)
    use_up()
    assert world.state(entitlement.id) is State.CANCELLED
    assert [each.n for each in world.store.attempts(entitlement.id)] == [1, 2, 3, 4, 5, 6]
    assert {line.moved_idr for line in world.books()} == {0}


def test_returned_money_is_paid_again_and_the_books_agree(world):
    entitlement = placed(world, "ani", Place(State.DUE))
    assert world.worker.process(entitlement.id, world.now) is State.PAID
    propose(world, entitlement, Decision.REVERSED)
    world.administration.approve(entitlement.id, BUDI, world.now)
    propose(world, entitlement, Decision.RETRY, BUDI)
    assert refused(lambda: world.administration.approve(entitlement.id, ANI, world.now), ProviderObjects) == {
        "fact": "SUCCEEDED"
    }
    world.sandbox.books.reverse(f"{entitlement.id}-1")
    world.administration.approve(entitlement.id, ANI, world.now)
    assert world.worker.process(entitlement.id, world.now) is State.PAID
    assert sorted(line.moved_idr for line in world.books()) == [0, 600_000]
    assert world.disagreements() == []


def test_an_approval_that_dies_at_any_call_leaves_one_transition(world, monkeypatch):
    def started(name: str) -> Entitlement:
        entitlement = placed(world, name, Place(State.HELD, Hold.KEY_EXPIRED))
        propose(world, entitlement, Decision.FAILED)
        world.messages()
        return entitlement

    world.fsp.answer = OVER
    calls = Calls(monkeypatch)
    entitlement = started("whole")
    calls.reset()
    world.administration.approve(entitlement.id, BUDI, world.now)
    made = [operation for _, operation in calls.made]
    assert made == ["GetItem", "GetItem", "GetItem", "TransactWriteItems", "SendMessageBatch"]
    for moment in ("before", "after"):
        for number, operation in enumerate(made):
            entitlement = started(f"{moment}-{number}")
            assert calls.dies(partial(world.administration.approve, entitlement.id, BUDI, world.now), moment, number)
            committed = (moment, operation) == ("after", "TransactWriteItems") or number == len(made) - 1
            assert world.state(entitlement.id) is (State.FAILED if committed else State.HELD), (moment, operation)
            if committed:
                refused(lambda e=entitlement: world.administration.approve(e.id, BUDI, world.now), NoProposal)
            else:
                world.administration.approve(entitlement.id, BUDI, world.now)
            assert [event.reason for event in world.store.events(entitlement.id)].count("decided_failed") == 1
    world.later(seconds=world.rules.requeue_after_s + 1)
    world.messages()
    assert world.payouts.sweep(world.now) == 1 + 2 * len(made), "the sweep finds what no message is about"


def test_a_reopened_entitlement_is_not_sent_with_an_old_key(world):
    """The first attempt turns up at the provider only after two people called it over."""
    entitlement = placed(world, "ani", Place(State.SENDING))
    world.later(seconds=world.rules.key_lifetime_s)
    propose(world, entitlement, Decision.FAILED)
    world.fsp.answer = Answer(Outcome.NOT_FOUND, "not_found")
    world.administration.approve(entitlement.id, BUDI, world.now)
    world.fsp.answer = None
    world.later(seconds=world.rules.requeue_after_s)
    assert world.worker.process(entitlement.id, world.now) is State.PAID
    assert [line.reference_id for line in world.books()] == [f"{entitlement.id}-2"]


def pause(world: World, why: str = "wrong amounts") -> None:
    world.administration.pause(ANI, why, world.now)


def resume(world: World) -> None:
    world.administration.resume(BUDI, "put right", world.now)


def test_a_pause_stops_a_worker_at_its_next_message(world, caplog):
    first, second = (world.entitle(world.person(name)) for name in ("ani", "budi"))
    assert world.worker.process(first, world.now) is State.PAID
    pause(world)
    caplog.clear()
    with caplog.at_level(logging.WARNING):
        assert world.worker.process(second, world.now) is State.DUE
    assert [record.message for record in caplog.records] == [alarm_words.PAUSED]
    assert len(world.books()) == 1
    resume(world)
    assert world.worker.process(second, world.now) is State.PAID


@pytest.mark.parametrize(
    "place", [Place(State.FAILED), *(Place(State.HELD, hold) for hold in sorted(WAITING))], ids=str
)
def test_during_a_pause_nothing_is_claimed_in_any_state(world, place):
    entitlement = placed(world, "ani", place)
    pause(world)
    world.later(days=1)
    assert world.worker.process(entitlement.id, world.now) is place.state
    assert len(world.store.events(entitlement.id)) == entitlement.seq, "not even its obstacles are looked at"
    resume(world)
    assert world.worker.process(entitlement.id, world.now) is State.PAID


def test_a_message_during_a_pause_is_consumed_and_queued_again_by_the_sweep(world):
    entitlement = world.entitle(world.person("ani"))
    world.payouts.queue.send([entitlement])
    pause(world)
    assert [world.deliver(body) for body in world.messages()] == [True], "it uses up none of its tries"
    resume(world)
    world.later(seconds=world.rules.requeue_after_s + 1)
    assert world.payouts.sweep(world.now) == 1
    (message,) = world.messages()
    world.deliver(message)
    assert world.state(entitlement) is State.PAID


@pytest.mark.parametrize("moment", ["before", "after"])
@pytest.mark.parametrize("number", [0, 1])
def test_a_command_that_dies_never_changes_the_pause_without_a_journal_line(world, monkeypatch, moment, number):
    calls = Calls(monkeypatch)
    for act, paused in ((pause, True), (resume, False)):
        assert calls.dies(partial(act, world), moment, number)
        switched = (world.administration.paused() is not None) is paused
        assert switched is ((moment, number) == ("after", 1))
        noted = [act.deed for act in world.administration.acts(1)] == ["PAUSE" if paused else "RESUME"]
        assert noted or not switched
        world.later(seconds=1)
        act(world)
        assert (world.administration.paused() is not None) is paused


def test_the_journal_has_each_act_once_and_is_read_newest_first(world):
    journal = JournalStore()
    acts = [Act(T0 + timedelta(hours=hours), PayoutDeed.PAUSE, f"{hours}", ANI, "why") for hours in range(3)]
    for act in (*acts[:2], acts[0]):
        journal.add(act)
    with dynamodb.Transaction(REGION) as tx:
        journal.add_to(tx, acts[2])
    assert journal.latest(2) == acts[:0:-1]
    assert list(journal.all()) == acts[::-1]
