"""Administrators' decisions in every state of an entitlement: who is recorded, what is queued, who is asked."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.aws.admin_acts import Act
from chalicelib.config import Programme
from chalicelib.payouts.controls.administration import PayoutDeed
from chalicelib.payouts.controls.limits import Ceiling, Pause, day_name, envelope_name
from chalicelib.payouts.controls.proposals import Decision, Proposal
from chalicelib.payouts.errors import (
    CeilingChanged,
    NoProposal,
    NotNow,
    ProposalStands,
    ProviderObjects,
    SamePerson,
    Superseded,
)
from chalicelib.payouts.rules import WAITING, Answer, Authority, Hold, Kind, Move, Outcome, State
from tests.builders.payouts.memory import Memory
from tests.builders.payouts.states import (
    ANI,
    BUDI,
    OPEN,
    OVER,
    PLACES,
    Place,
    attempted,
    last,
    placed,
    propose,
    refused,
)
from tests.conftest import T0

LATER = T0 + timedelta(minutes=1)
HELD_BY_ADMIN = Place(State.HELD, Hold.ADMIN)
NOTHING_ALIVE = {
    Place(State.DUE),
    Place(State.FAILED),
    *(Place(State.HELD, hold) for hold in {*WAITING, Hold.ADMIN}),
}
DECIDED = {
    **{place: {Decision.PAID, Decision.FAILED} for place in OPEN},
    Place(State.PAID): {Decision.REVERSED},
    Place(State.CANCELLED): {Decision.RETRY},
    HELD_BY_ADMIN: {Decision.RELEASE},
    Place(State.REVERSED): {Decision.RETRY},
    Place(State.HELD, Hold.WRITTEN_OFF): {Decision.RETRY, Decision.WRITE_OFF},
}


@pytest.fixture
def world(programme: Programme) -> Memory:
    return Memory(programme)


def approve(world: Memory, id_: str, by: str = BUDI, seen: Proposal | None = None):
    return world.administration.approve(id_, by, world.now, seen)


# One person


@pytest.mark.parametrize(
    ("act", "allowed", "after", "reason"),
    [
        ("hold", NOTHING_ALIVE - {HELD_BY_ADMIN}, HELD_BY_ADMIN, "held_by_administrator"),
        ("cancel", NOTHING_ALIVE, Place(State.CANCELLED), "cancelled_by_administrator"),
    ],
)
@pytest.mark.parametrize("place", PLACES, ids=str)
def test_each_act_is_allowed_in_its_states_and_refused_in_all_others(world, act, allowed, after, reason, place):
    before = placed(world, "ani", place)
    world.later(seconds=1)
    call = lambda: getattr(world.administration, act)(before.id, ANI, "why", world.now)  # noqa: E731
    if place not in allowed:
        shown = f"{place.state} ({place.hold})" if place.hold else place.state
        assert refused(call, NotNow) == {"action": act, "state": shown}
        assert world.store.get(before.id) == replace(before, queued_at=before.queued_at or before.changed_at)
        return
    moved = call()
    assert (moved.state, moved.hold, moved.n, moved.seq) == (after.state, after.hold, before.n, before.seq + 1)
    event = last(world, before.id)
    assert (event.before, event.state, event.hold, event.at) == (place.state, after.state, after.hold, world.now)
    assert (event.reason, event.authority) == (reason, Authority(ANI, "why"))
    assert world.queued == [], "only what may now be paid is queued"


@pytest.mark.parametrize("act", ["hold", "cancel"])
def test_an_act_that_meets_a_worker_writes_and_queues_nothing(world, monkeypatch, act):
    stale = placed(world, "ani", Place(State.DUE))
    world.store.move(stale, Move(State.CANCELLED, "test"), T0)
    monkeypatch.setattr(world.store, "get", lambda _: stale)
    refused(lambda: getattr(world.administration, act)(stale.id, BUDI, "why", LATER), Superseded)
    assert (last(world, stale.id).authority, world.queued) == (None, [])


# Two people


@pytest.mark.parametrize("place", PLACES, ids=str)
def test_each_decision_is_proposed_in_its_states_and_refused_in_all_others(world, place):
    entitlement = placed(world, "ani", place)
    for decision in Decision:
        propose_it = lambda d=decision: propose(world, entitlement, d)  # noqa: E731
        if decision in DECIDED.get(place, set()):
            propose_it()
            standing = world.administration.standing(entitlement.id)
            assert (standing.decision, standing.maker, standing.note) == (decision, ANI, "as agreed")
            world.administration.reject(entitlement.id, ANI, "for the test", world.now)
        else:
            shown = f"{place.state} ({place.hold})" if place.hold else place.state
            assert refused(propose_it, NotNow) == {"action": decision.value.lower(), "state": shown}
            assert world.administration.standing(entitlement.id) is None
    assert len(world.store.events(entitlement.id)) == entitlement.seq, "a proposal moves nothing"


def test_only_one_proposal_stands_and_it_is_about_the_state_its_maker_saw(world, monkeypatch):
    sending = placed(world, "ani", Place(State.SENDING))
    id_, admin = sending.id, world.administration
    proposal = Proposal(Decision.PAID, sending.seq, ANI, "bank says so", LATER)
    assert admin.standing(id_) is None
    assert admin.propose(id_, Decision.PAID, ANI, "bank says so", LATER) == proposal
    assert admin.propose(id_, Decision.PAID, ANI, "said again", T0) == proposal
    assert admin.standing(id_) == proposal
    for decision, by in ((Decision.FAILED, ANI), (Decision.PAID, BUDI)):
        call = lambda d=decision, by=by: admin.propose(id_, d, by, "other", LATER)  # noqa: E731
        assert refused(call, ProposalStands) == {"decision": "PAID", "maker": ANI}
    world.store.move(sending, Move(State.HELD, "test", Hold.KEY_EXPIRED), T0)
    assert admin.standing(id_) is None, "it is out of date"
    assert refused(lambda: approve(world, id_), NoProposal) == {"entitlement_id": id_}
    world.proposals.delete(id_, proposal)
    monkeypatch.setattr(world.proposals, "put", lambda *_: False)
    call = lambda: admin.propose(id_, Decision.PAID, ANI, "why", LATER)  # noqa: E731
    assert refused(call, ProposalStands) == {"decision": "PAID", "maker": ANI}, "what stood in the way has gone"


def test_only_another_person_approves_and_only_what_was_shown(world):
    id_ = placed(world, "ani", Place(State.SENDING)).id
    seen = world.administration.propose(id_, Decision.PAID, ANI, "bank says so", T0)
    assert refused(lambda: approve(world, id_, ANI.upper()), SamePerson) == {}
    shown_other = replace(seen, decision=Decision.FAILED)
    assert refused(lambda: approve(world, id_, BUDI, shown_other), NoProposal) == {"entitlement_id": id_}
    assert approve(world, id_, BUDI, seen).state is State.PAID
    assert world.table.proposals == {}


@pytest.mark.parametrize(
    ("place", "decision", "after", "queued", "asked"),
    [
        (Place(State.SENDING), Decision.PAID, State.PAID, False, False),
        (Place(State.HELD, Hold.DUPLICATE), Decision.PAID, State.PAID, False, False),
        (Place(State.SENDING), Decision.FAILED, State.FAILED, True, True),
        (Place(State.HELD, Hold.KEY_EXPIRED), Decision.FAILED, State.FAILED, True, True),
        (Place(State.PAID), Decision.REVERSED, State.REVERSED, False, False),
        (Place(State.CANCELLED), Decision.RETRY, State.DUE, True, False),  # no attempt was ever made
        (Place(State.REVERSED), Decision.RETRY, State.DUE, True, True),
        (HELD_BY_ADMIN, Decision.RELEASE, State.DUE, True, False),
    ],
)
@pytest.mark.parametrize("said", [OVER, Answer(Outcome.REVERSED, "REVERSED")], ids=["failed", "reversed"])
def test_an_approved_decision_is_carried_out_once_under_both_names(world, place, decision, after, queued, asked, said):
    """The provider is asked only where money can be sent again."""
    entitlement = placed(world, "ani", place)
    propose(world, entitlement, decision)
    world.fsp.answer = said
    world.later(minutes=1)
    decided = approve(world, entitlement.id)
    assert (decided.state, decided.hold, decided.n) == (after, None, entitlement.n)
    assert decided.n_before == (entitlement.n if after is State.DUE else 0)
    event = last(world, entitlement.id)
    assert (event.reason, event.at) == (f"decided_{decision.value.lower()}", world.now)
    assert event.authority == Authority(BUDI, "as agreed", ANI)
    refused(lambda: approve(world, entitlement.id), NoProposal)
    refused(lambda: world.administration.reject(entitlement.id, BUDI, "why", world.now), NoProposal)
    assert world.queued == [entitlement.id] * queued
    assert world.fsp.asked == [f"{entitlement.id}-1"] * asked
    assert len(world.store.events(entitlement.id)) == decided.seq


OBJECTIONS = [
    Answer(Outcome.PENDING, "ACCEPTED"),
    Answer(Outcome.SUCCEEDED, "SUCCEEDED"),
    Answer(Outcome.DUPLICATE, "reference_known_twice"),
    Answer(Outcome.UNKNOWN, "http_500"),
]
NOT_FOUND = Answer(Outcome.NOT_FOUND, "not_found")


@pytest.mark.parametrize(
    ("place", "decision", "after"),
    [
        (Place(State.SENDING), Decision.FAILED, State.FAILED),
        (Place(State.HELD, Hold.REFUSED), Decision.FAILED, State.FAILED),
        (Place(State.REVERSED), Decision.RETRY, State.DUE),
    ],
)
def test_two_people_cannot_overrule_the_provider_if_money_could_be_sent_twice(world, place, decision, after):
    entitlement = placed(world, "ani", place)
    propose(world, entitlement, decision)
    world.later(seconds=world.rules.key_lifetime_s - 1)
    for objection in (*OBJECTIONS, NOT_FOUND):
        world.fsp.answer = objection
        assert refused(lambda: approve(world, entitlement.id), ProviderObjects) == {"fact": objection.fact}
        assert world.administration.standing(entitlement.id) is not None, "it can be approved later"
    world.later(seconds=1)
    for objection in OBJECTIONS:
        world.fsp.answer = objection
        refused(lambda: approve(world, entitlement.id), ProviderObjects)
    world.fsp.answer = NOT_FOUND
    assert approve(world, entitlement.id).state is after, "the key is dead by now"
    assert set(world.fsp.asked) == {f"{entitlement.id}-1"}


def test_decisions_are_about_the_latest_attempt(world):
    entitlement = placed(world, "ani", Place(State.FAILED))
    world.later(seconds=10)
    second = attempted(world, entitlement)
    propose(world, second, Decision.FAILED)
    world.later(seconds=world.rules.key_lifetime_s - 1)
    world.fsp.answer = NOT_FOUND
    refused(lambda: approve(world, second.id), ProviderObjects)
    assert world.fsp.asked == [f"{entitlement.id}-2"]
    world.later(seconds=1)
    assert approve(world, second.id).state is State.FAILED


# The journal


def test_anybody_may_withdraw_a_proposal_after_a_journal_line(world):
    entitlement = placed(world, "ani", Place(State.PAID))
    about = f"{entitlement.id} REVERSED proposed by {ANI}"
    for by in (ANI, BUDI):
        propose(world, entitlement, Decision.REVERSED)
        proposal = world.administration.standing(entitlement.id)
        assert world.administration.reject(entitlement.id, by, "not so", LATER) == proposal
        assert world.journal.acts[-1] == Act(LATER, PayoutDeed.REJECT, about, by, "not so")
        again = lambda: world.administration.reject(entitlement.id, BUDI, "again", LATER)  # noqa: E731
        assert refused(again, NoProposal) == {"entitlement_id": entitlement.id}
    assert len(world.journal.acts) == 2
    propose(world, entitlement, Decision.REVERSED)
    world.journal.then = world.table.proposals.clear
    assert refused(again, NoProposal) == {"entitlement_id": entitlement.id}


def test_a_pause_and_its_end_are_in_the_journal_before_they_happen(world):
    admin = world.administration
    assert admin.paused() is None
    seen = []
    world.journal.then = lambda: seen.append(admin.paused())
    pause = Pause(ANI, LATER, "odd figures")
    assert admin.pause(ANI, "odd figures", LATER) == pause
    assert admin.paused() == pause
    admin.resume(BUDI, "explained", LATER)
    assert admin.paused() is None
    assert seen == [None, pause]
    acts = [Act(LATER, PayoutDeed.PAUSE, "", ANI, "odd figures"), Act(LATER, PayoutDeed.RESUME, "", BUDI, "explained")]
    assert world.journal.acts == acts
    assert admin.acts(1) == acts[1:]


def test_a_ceiling_is_as_configured_until_it_is_set_and_only_as_it_was_read(world):
    configured, admin = world.rules.ceilings, world.administration
    day, envelope = day_name(T0), envelope_name(143, Kind.INCENTIVE)
    assert admin.ceiling(day) == Ceiling(day, configured.day_idr, configured.day_idr)
    assert admin.ceiling(envelope).ceiling_idr == configured.envelope_idr
    set_to = lambda was: admin.set_ceiling(day, was, 5, Authority(ANI, "fewer"), LATER)  # noqa: E731
    assert refused(lambda: set_to(configured.day_idr + 1), CeilingChanged) == {"name": day}
    assert world.journal.acts == []
    assert set_to(configured.day_idr) == admin.ceiling(day) == Ceiling(day, 5, 5, ANI, "fewer")
    about = f"{day} from {configured.day_idr} to 5"
    assert world.journal.acts == [Act(LATER, PayoutDeed.SET_CEILING, about, ANI, "fewer")]
