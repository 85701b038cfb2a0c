"""What administrators may do to payouts, alone and as two, and everything that is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.payouts.controls.proposals import Decision
from chalicelib.payouts.errors import (
    NoProposal,
    NotNow,
    Superseded,
    UnknownEntitlement,
)
from chalicelib.payouts.rules import WAITING, Authority, Entitlement, Hold, Move, State
from tests.builders.payouts.states import ANI, BUDI, PLACES, Place, last, placed, refused
from tests.builders.payouts.world import incentive_id

NOTHING_ALIVE = {
    Place(State.DUE),
    Place(State.FAILED),
    *(Place(State.HELD, hold) for hold in {*WAITING, Hold.ADMIN}),
}
HELD_BY_ADMIN = Place(State.HELD, Hold.ADMIN)


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
