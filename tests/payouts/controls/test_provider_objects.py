"""The provider's word above two administrators, new rounds, and a checker who dies."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.payouts.controls.proposals import Decision
from chalicelib.payouts.errors import (
    NoProposal,
    ProviderObjects,
)
from chalicelib.payouts.rules import Answer, Entitlement, Hold, Outcome, State
from tests.builders.crashes import Calls, Crash, die
from tests.builders.payouts.states import (
    ANI,
    BUDI,
    OVER,
    Place,
    attempted,
    placed,
    propose,
    refused,
)

OBJECTIONS = [
    Answer(Outcome.PENDING, "ACCEPTED"),
    Answer(Outcome.SUCCEEDED, "SUCCEEDED"),
    Answer(Outcome.DUPLICATE, "reference_known_twice"),
    Answer(Outcome.UNKNOWN, "http_500"),
]


@pytest.mark.parametrize(
    ("place", "decision"),
    [
        (Place(State.SENDING), Decision.FAILED),
        (Place(State.HELD, Hold.REFUSED), Decision.FAILED),
        (Place(State.REVERSED), Decision.RETRY),
    ],
    ids=str,
)
def test_the_providers_word_stands_above_two_people_where_money_may_be_sent_again(world, place, decision):
    entitlement = placed(world, "ani", place)
    propose(world, entitlement, decision)
    approve = lambda: world.administration.approve(entitlement.id, BUDI, world.now)  # noqa: E731
    world.later(seconds=world.rules.key_lifetime_s - 1)
    for objection in (*OBJECTIONS, Answer(Outcome.NOT_FOUND, "not_found")):
        world.fsp.answer = objection
        assert refused(approve, ProviderObjects) == {"fact": objection.fact}
        assert world.administration.standing(entitlement.id) is not None, "it can be approved later"
    world.later(seconds=1)
    for objection in OBJECTIONS:
        world.fsp.answer = objection
        refused(approve, ProviderObjects)
    world.fsp.answer = Answer(Outcome.NOT_FOUND, "not_found")
    assert approve().state is (State.FAILED if decision is Decision.FAILED else State.DUE), "the key is dead by now"
    assert set(world.fsp.asked) == {f"{entitlement.id}-1"}


def test_where_no_money_can_be_sent_again_the_provider_is_not_asked(world):
    for name, place, decision in (
        ("a", Place(State.SENDING), Decision.PAID),
        ("b", Place(State.PAID), Decision.REVERSED),
        ("c", Place(State.CANCELLED), Decision.RETRY),
    ):
        entitlement = placed(world, name, place)
        propose(world, entitlement, decision)
        world.administration.approve(entitlement.id, BUDI, world.now)
    assert world.fsp.asked == [], "of the third, no attempt was ever made"


def test_a_new_round_has_its_own_attempts_and_its_own_keys(world):
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


def test_money_that_came_back_is_paid_again_and_the_books_agree(world):
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


def test_a_checker_who_dies_at_any_call_leaves_one_transition_and_nothing_stuck(world, monkeypatch):
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
            calls.reset()
            getattr(calls, moment)[number] = die
            with pytest.raises(Crash):
                world.administration.approve(entitlement.id, BUDI, world.now)
            calls.reset()
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


def test_an_entitlement_that_is_opened_again_is_not_sent_with_an_old_key(world):
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


def test_decisions_are_about_the_latest_attempt(world):
    entitlement = placed(world, "ani", Place(State.FAILED))
    world.later(seconds=10)
    second = attempted(world, entitlement)
    propose(world, second, Decision.FAILED)
    world.later(seconds=world.rules.key_lifetime_s - 1)
    world.fsp.answer = Answer(Outcome.NOT_FOUND, "not_found")
    refused(lambda: world.administration.approve(second.id, BUDI, world.now), ProviderObjects)
    assert world.fsp.asked == [f"{entitlement.id}-2"]
    world.later(seconds=1)
    assert world.now - second.changed_at == timedelta(seconds=world.rules.key_lifetime_s)
    assert world.administration.approve(second.id, BUDI, world.now).state is State.FAILED
