"""What one administrator may do to payouts, and where it is refused."""

from __future__ import annotations

from dataclasses import replace

import pytest

from chalicelib.payouts.errors import NotNow
from chalicelib.payouts.rules import WAITING, Authority, Hold, State
from tests.builders.payouts.states import ANI, BUDI, PLACES, Place, last, placed, refused

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


def test_what_is_held_or_cancelled_no_worker_and_no_sweep_touches_until_it_is_released_once(world):
    entitlement = placed(world, "ani", Place(State.DUE))
    world.administration.hold(entitlement.id, ANI, "why", world.now)
    world.later(days=2)
    assert world.payouts.sweep(world.now) == 0
    assert world.worker.process(entitlement.id, world.now) is State.HELD
    world.administration.release(entitlement.id, BUDI, "looked into", world.now)
    refused(lambda: world.administration.release(entitlement.id, BUDI, "again", world.now), NotNow)
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
