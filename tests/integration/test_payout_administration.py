"""What administrators may do to payouts, alone and as two, and everything that is refused."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import replace
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.config import Programme, Settings
from chalicelib.errors import DomainError
from chalicelib.payouts.errors import (
    NoProposal,
    NotNow,
    ProposalStands,
    ProviderObjects,
    SamePerson,
    Superseded,
    UnknownEntitlement,
)
from chalicelib.payouts.journal import Act, Deed
from chalicelib.payouts.proposals import Decision
from chalicelib.payouts.rules import Answer, Authority, Entitlement, Hold, Move, Outcome, State
from tests.builders.crashes import Calls, Crash, die
from tests.builders.payout_states import ANI, BUDI, PLACES, Place, Saying, attempted, placed
from tests.builders.payouts import World, incentive_id, running

NOTHING_ALIVE = {
    Place(State.DUE),
    Place(State.FAILED),
    *(Place(State.HELD, hold) for hold in (Hold.NO_ADDRESS, Hold.EXCLUDED, Hold.UNVERIFIED, Hold.ADMIN)),
}
HELD_BY_ADMIN = Place(State.HELD, Hold.ADMIN)
OPEN = {
    Place(State.SENDING),
    *(
        Place(State.HELD, hold)
        for hold in (Hold.KEY_EXPIRED, Hold.REFUSED, Hold.DUPLICATE, Hold.AMOUNT_DIFFERS)
    ),
}  # fmt: skip
DECIDED = {
    **{place: {Decision.PAID, Decision.FAILED} for place in OPEN},
    Place(State.PAID): {Decision.REVERSED},
    Place(State.CANCELLED): {Decision.RETRY},
    Place(State.REVERSED): {Decision.RETRY},
}
OVER = Answer(Outcome.FAILED, "FAILED")


@pytest.fixture
def saying() -> list[Saying]:
    return []


@pytest.fixture
def world(cloud: Settings, programme: Programme, saying: list[Saying]) -> Iterator[World]:
    def wrap(fsp: Any) -> Any:
        saying.append(Saying(fsp))
        return saying[0]

    with running(World(cloud, programme, wrap)) as world:
        yield world


def refused(call: Callable[[], object], error: type[DomainError]) -> dict[str, Any]:
    """The facts of the refusal."""
    with pytest.raises(error) as refusal:
        call()
    return refusal.value.facts


def last(world: World, entitlement_id: str) -> Any:
    return world.store.events(entitlement_id)[-1]


def propose(world: World, entitlement: Entitlement, decision: Decision, by: str = ANI) -> None:
    world.administration.propose(entitlement.id, decision, by, "as agreed", world.now)


# One person


@pytest.mark.parametrize(
    ("act", "allowed", "after", "reason"),
    [
        ("hold", NOTHING_ALIVE - {HELD_BY_ADMIN}, HELD_BY_ADMIN, "held_by_administrator"),
        ("release", {HELD_BY_ADMIN}, Place(State.DUE), "released_by_administrator"),
        ("cancel", NOTHING_ALIVE, Place(State.CANCELLED), "cancelled_by_administrator"),
    ],
)
def test_each_act_is_possible_in_its_places_and_refused_in_all_others(world, act, allowed, after, reason):
    assert allowed <= set(PLACES)
    for number, place in enumerate(PLACES):
        before = placed(world, f"person-{number}", place)
        world.later(seconds=1)
        call = lambda id_=before.id: getattr(world.administration, act)(id_, ANI, "why", world.now)  # noqa: E731
        if place not in allowed:
            shown = f"{place.state} ({place.hold})" if place.hold else place.state
            assert refused(call, NotNow) == {"action": act, "state": shown}
            assert world.store.get(before.id) == replace(before, queued_at=before.queued_at or before.changed_at), place
            continue
        moved = call()
        assert (moved.state, moved.hold, moved.n, moved.seq) == (after.state, after.hold, before.n, before.seq + 1)
        event = last(world, before.id)
        assert (event.before, event.reason, event.authority) == (place.state, reason, Authority(ANI, "why")), place
    assert len(world.messages()) == (act == "release"), "only what may now be paid is queued"


def test_what_is_held_no_worker_and_no_sweep_touches_until_it_is_released_once(world):
    entitlement = placed(world, "ani", Place(State.DUE))
    world.administration.hold(entitlement.id, ANI, "why", world.now)
    world.later(days=2)
    assert world.payouts.sweep(world.now) == 0
    assert world.worker.process(entitlement.id, world.now) is State.HELD
    world.administration.release(entitlement.id, BUDI, "looked into", world.now)
    refused(lambda: world.administration.release(entitlement.id, BUDI, "again", world.now), NotNow)
    (message,) = world.messages()
    assert world.deliver(message)
    assert world.state(entitlement.id) is State.PAID


def test_after_a_release_the_exclusion_lists_are_asked_anew(world):
    entitlement = placed(world, "ani", HELD_BY_ADMIN)
    world.people.excluded.add("ani")
    world.administration.release(entitlement.id, ANI, "why", world.now)
    world.worker.process(entitlement.id, world.now)
    assert world.store.get(entitlement.id).hold is Hold.EXCLUDED


def test_what_is_cancelled_is_never_paid_whatever_message_comes(world):
    entitlement = placed(world, "ani", Place(State.FAILED))
    world.administration.cancel(entitlement.id, ANI, "why", world.now)
    world.later(days=2)
    assert world.payouts.sweep(world.now) == 0
    assert world.worker.process(entitlement.id, world.now) is State.CANCELLED
    assert world.books() == []


@pytest.mark.parametrize("act", ["hold", "release", "cancel"])
def test_an_act_that_meets_a_worker_writes_nothing(world, act):
    entitlement = placed(world, "ani", HELD_BY_ADMIN if act == "release" else Place(State.DUE))
    read = world.store.get

    def then_moved(id_: str) -> Entitlement:
        seen = read(id_)
        world.store.move(seen, Move(State.CANCELLED, "somebody else"), world.now)
        return seen

    world.store.get = then_moved
    refused(lambda: getattr(world.administration, act)(entitlement.id, ANI, "why", world.now), Superseded)
    world.store.get = read
    assert last(world, entitlement.id).authority is None
    assert world.messages() == []


def test_what_the_ledger_does_not_have_is_said_by_every_method(world):
    nobody, admin, now = incentive_id("nobody"), world.administration, world.now
    for call in (
        lambda: admin.hold(nobody, ANI, "why", now),
        lambda: admin.release(nobody, ANI, "why", now),
        lambda: admin.cancel(nobody, ANI, "why", now),
        lambda: admin.propose(nobody, Decision.PAID, ANI, "why", now),
        lambda: admin.approve(nobody, ANI, now),
    ):
        refused(call, UnknownEntitlement)
    assert admin.standing(nobody) is None
    refused(lambda: admin.reject(nobody, ANI, "why", now), NoProposal)


# Two people: proposing


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


def test_the_same_proposal_again_changes_nothing_and_another_waits_until_it_is_taken_away(world):
    entitlement = placed(world, "ani", Place(State.SENDING))
    propose(world, entitlement, Decision.PAID)
    standing = world.administration.standing(entitlement.id)
    world.later(seconds=5)
    propose(world, entitlement, Decision.PAID)
    assert world.administration.standing(entitlement.id) == standing
    for decision, by in ((Decision.FAILED, ANI), (Decision.PAID, BUDI)):
        facts = refused(lambda d=decision, b=by: propose(world, entitlement, d, b), ProposalStands)
        assert facts == {"decision": "PAID", "maker": ANI}
    world.administration.reject(entitlement.id, BUDI, "not so", world.now)
    propose(world, entitlement, Decision.FAILED, BUDI)
    assert world.administration.standing(entitlement.id).decision is Decision.FAILED


def test_a_proposal_is_out_of_date_once_the_entitlement_moved_on_and_can_be_replaced(world, saying):
    entitlement = placed(world, "ani", Place(State.SENDING))
    propose(world, entitlement, Decision.FAILED)
    saying[0].answer = Answer(Outcome.SUCCEEDED, "SUCCEEDED", entitlement.amount_idr)
    assert world.worker.process(entitlement.id, world.now) is State.PAID
    assert world.administration.standing(entitlement.id) is None
    refused(lambda: world.administration.approve(entitlement.id, BUDI, world.now), NoProposal)
    propose(world, entitlement, Decision.REVERSED, BUDI)
    assert world.administration.approve(entitlement.id, ANI, world.now).state is State.REVERSED


def test_a_proposal_is_taken_away_by_anybody_and_the_journal_says_by_whom_and_why(world):
    entitlement = placed(world, "ani", Place(State.PAID))
    for by in (ANI, BUDI):
        propose(world, entitlement, Decision.REVERSED)
        world.later(seconds=1)
        assert world.administration.reject(entitlement.id, by, "not so", world.now).maker == ANI
        refused(lambda: world.administration.approve(entitlement.id, BUDI, world.now), NoProposal)
    about = f"{entitlement.id} REVERSED proposed by {ANI}"
    newest = world.administration.acts(10)[0]
    assert newest == Act(world.now, Deed.REJECT, about, BUDI, "not so")
    assert [act.by for act in world.administration.acts(10)] == [BUDI, ANI]
    refused(lambda: world.administration.reject(entitlement.id, BUDI, "again", world.now), NoProposal)


# Two people: approving


@pytest.mark.parametrize(
    "spelling",
    [
        ANI,
        f" {ANI}\n",
        ANI.upper(),
        ANI.replace("payout-maker", "payout-checker"),
        "arn:aws:iam::123456789012:user/ani@example.go.id",
        "arn:aws:iam::123456789012:user/staff/Ani@example.go.id",
    ],
)
def test_nobody_approves_their_own_proposal_under_any_spelling_or_role(world, spelling):
    entitlement = placed(world, "ani", Place(State.PAID))
    propose(world, entitlement, Decision.REVERSED)
    refused(lambda: world.administration.approve(entitlement.id, spelling, world.now), SamePerson)
    assert world.state(entitlement.id) is State.PAID
    assert world.administration.standing(entitlement.id) is not None


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
def test_what_was_approved_happens_once_with_both_names(world, saying, place, decision, after, queued):
    entitlement = placed(world, "ani", place)
    propose(world, entitlement, decision)
    saying[0].answer = OVER
    decided = world.administration.approve(entitlement.id, BUDI, world.now)
    assert (decided.state, decided.hold, decided.n) == (after, None, entitlement.n)
    event = last(world, entitlement.id)
    assert event.reason == f"decided_{decision.value.lower()}"
    assert event.authority == Authority(BUDI, "as agreed", ANI)
    refused(lambda: world.administration.approve(entitlement.id, BUDI, world.now), NoProposal)
    refused(lambda: world.administration.reject(entitlement.id, BUDI, "why", world.now), NoProposal)
    assert len(world.messages()) == queued
    assert len(world.store.events(entitlement.id)) == decided.seq


def test_only_what_the_checker_was_shown_is_approved(world):
    entitlement = placed(world, "ani", Place(State.SENDING))
    propose(world, entitlement, Decision.PAID)
    shown = world.administration.standing(entitlement.id)
    world.administration.reject(entitlement.id, ANI, "a trick", world.now)
    propose(world, entitlement, Decision.FAILED)
    refused(lambda: world.administration.approve(entitlement.id, BUDI, world.now, shown), NoProposal)
    assert world.state(entitlement.id) is State.SENDING


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
def test_the_providers_word_stands_above_two_people_where_money_may_be_sent_again(world, saying, place, decision):
    entitlement = placed(world, "ani", place)
    propose(world, entitlement, decision)
    approve = lambda: world.administration.approve(entitlement.id, BUDI, world.now)  # noqa: E731
    world.later(seconds=world.rules.key_lifetime_s - 1)
    for objection in (*OBJECTIONS, Answer(Outcome.NOT_FOUND, "not_found")):
        saying[0].answer = objection
        assert refused(approve, ProviderObjects) == {"fact": objection.fact}
        assert world.administration.standing(entitlement.id) is not None, "it can be approved later"
    world.later(seconds=1)
    for objection in OBJECTIONS:
        saying[0].answer = objection
        refused(approve, ProviderObjects)
    saying[0].answer = Answer(Outcome.NOT_FOUND, "not_found")
    assert approve().state is (State.FAILED if decision is Decision.FAILED else State.DUE), "the key is dead by now"
    assert set(saying[0].asked) == {f"{entitlement.id}-1"}


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.REVERSED])
def test_what_the_provider_says_is_over_need_not_wait_for_the_key_to_die(world, saying, outcome):
    entitlement = placed(world, "ani", Place(State.HELD, Hold.AMOUNT_DIFFERS))
    propose(world, entitlement, Decision.FAILED)
    saying[0].answer = Answer(outcome, outcome.value)
    assert world.administration.approve(entitlement.id, BUDI, world.now).state is State.FAILED


def test_where_no_money_can_be_sent_again_the_provider_is_not_asked(world, saying):
    for name, place, decision in (
        ("a", Place(State.SENDING), Decision.PAID),
        ("b", Place(State.PAID), Decision.REVERSED),
        ("c", Place(State.CANCELLED), Decision.RETRY),
    ):
        entitlement = placed(world, name, place)
        propose(world, entitlement, decision)
        world.administration.approve(entitlement.id, BUDI, world.now)
    assert saying[0].asked == [], "of the third, no attempt was ever made"


def test_a_new_round_has_its_own_attempts_and_its_own_keys(world):
    entitlement = placed(world, "ani", Place(State.DUE))
    world.person("ani", "2220000")  # an account that the sandbox never pays

    def use_up() -> None:
        while world.worker.process(entitlement.id, world.now) is State.FAILED:
            world.later(seconds=world.rules.requeue_after_s)

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


def test_a_checker_who_dies_at_any_call_leaves_one_transition_and_nothing_stuck(world, saying, monkeypatch):
    def started(name: str) -> Entitlement:
        entitlement = placed(world, name, Place(State.HELD, Hold.KEY_EXPIRED))
        propose(world, entitlement, Decision.FAILED)
        world.messages()
        return entitlement

    saying[0].answer = OVER
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


def test_an_entitlement_that_is_opened_again_is_not_sent_with_an_old_key(world, saying):
    """The first attempt turns up at the provider only after two people called it over."""
    entitlement = placed(world, "ani", Place(State.SENDING))
    world.later(seconds=world.rules.key_lifetime_s)
    propose(world, entitlement, Decision.FAILED)
    saying[0].answer = Answer(Outcome.NOT_FOUND, "not_found")
    world.administration.approve(entitlement.id, BUDI, world.now)
    saying[0].answer = None
    world.later(seconds=world.rules.requeue_after_s)
    assert world.worker.process(entitlement.id, world.now) is State.PAID
    assert [line.reference_id for line in world.books()] == [f"{entitlement.id}-2"]


def test_decisions_are_about_the_latest_attempt(world, saying):
    entitlement = placed(world, "ani", Place(State.FAILED))
    world.later(seconds=10)
    second = attempted(world, entitlement)
    propose(world, second, Decision.FAILED)
    world.later(seconds=world.rules.key_lifetime_s - 1)
    saying[0].answer = Answer(Outcome.NOT_FOUND, "not_found")
    refused(lambda: world.administration.approve(second.id, BUDI, world.now), ProviderObjects)
    assert saying[0].asked == [f"{entitlement.id}-2"]
    world.later(seconds=1)
    assert world.now - second.changed_at == timedelta(seconds=world.rules.key_lifetime_s)
    assert world.administration.approve(second.id, BUDI, world.now).state is State.FAILED
