"""What two administrators may decide: proposed by one, approved by another, once."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.aws.admin_acts import Act
from chalicelib.payouts.controls.administration import PayoutDeed
from chalicelib.payouts.controls.proposals import Decision
from chalicelib.payouts.errors import (
    NoProposal,
    NotNow,
    Superseded,
)
from chalicelib.payouts.rules import Authority, Entitlement, Hold, State
from tests.builders.payouts.states import (
    ANI,
    BUDI,
    OPEN,
    OVER,
    PLACES,
    Place,
    last,
    placed,
    propose,
    refused,
)

DECIDED = {
    **{place: {Decision.PAID, Decision.FAILED} for place in OPEN},
    Place(State.PAID): {Decision.REVERSED},
    Place(State.CANCELLED): {Decision.RETRY},
    Place(State.REVERSED): {Decision.RETRY},
}


def test_each_decision_is_proposed_in_its_places_and_refused_in_all_others(world):
    for number, place in enumerate(PLACES):
        entitlement = placed(world, f"person-{number}", place)
        for decision in Decision:
            propose_it = lambda e=entitlement, d=decision: propose(world, e, d)  # noqa: E731
            if decision in DECIDED.get(place, set()):
                propose_it()
                standing = world.administration.standing(entitlement.id)
                assert standing is not None
                assert (standing.decision, standing.maker, standing.note) == (decision, ANI, "as agreed")
                world.administration.reject(entitlement.id, ANI, "for the test", world.now)
            else:
                assert refused(propose_it, NotNow)["action"] == decision.value.lower(), place
                assert world.administration.standing(entitlement.id) is None
        assert len(world.store.events(entitlement.id)) == entitlement.seq, "a proposal moves nothing"


def test_a_proposal_is_taken_away_by_anybody_and_the_journal_says_by_whom_and_why(world):
    entitlement = placed(world, "ani", Place(State.PAID))
    for by in (ANI, BUDI):
        propose(world, entitlement, Decision.REVERSED)
        world.later(seconds=1)
        assert world.administration.reject(entitlement.id, by, "not so", world.now).maker == ANI
        refused(lambda: world.administration.approve(entitlement.id, BUDI, world.now), NoProposal)
    about = f"{entitlement.id} REVERSED proposed by {ANI}"
    newest = world.administration.acts(10)[0]
    assert newest == Act(world.now, PayoutDeed.REJECT, about, BUDI, "not so")
    assert [act.by for act in world.administration.acts(10)] == [BUDI, ANI]
    refused(lambda: world.administration.reject(entitlement.id, BUDI, "again", world.now), NoProposal)


@pytest.mark.parametrize(
    ("place", "decision", "after", "queued"),
    [
        (Place(State.SENDING), Decision.PAID, State.PAID, False),
        (Place(State.HELD, Hold.DUPLICATE), Decision.PAID, State.PAID, False),
        (Place(State.SENDING), Decision.FAILED, State.FAILED, True),
        (Place(State.HELD, Hold.KEY_EXPIRED), Decision.FAILED, State.FAILED, True),
        (Place(State.PAID), Decision.REVERSED, State.REVERSED, False),
        (Place(State.CANCELLED), Decision.RETRY, State.DUE, True),
        (Place(State.REVERSED), Decision.RETRY, State.DUE, True),
    ],
)
def test_what_was_approved_happens_once_with_both_names(world, place, decision, after, queued):
    entitlement = placed(world, "ani", place)
    propose(world, entitlement, decision)
    world.fsp.answer = OVER
    decided = world.administration.approve(entitlement.id, BUDI, world.now)
    assert (decided.state, decided.hold, decided.n) == (after, None, entitlement.n)
    event = last(world, entitlement.id)
    assert event.reason == f"decided_{decision.value.lower()}"
    assert event.authority == Authority(BUDI, "as agreed", ANI)
    refused(lambda: world.administration.approve(entitlement.id, BUDI, world.now), NoProposal)
    refused(lambda: world.administration.reject(entitlement.id, BUDI, "why", world.now), NoProposal)
    assert len(world.messages()) == queued
    assert len(world.store.events(entitlement.id)) == decided.seq


@pytest.mark.parametrize("other", [None, Decision.FAILED], ids=["taken away", "replaced"])
def test_a_proposal_that_goes_while_it_is_approved_counts_no_more(world, other):
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
