"""Entitlements in every state, made by the ledger's own transitions, and a provider with one fixed answer."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from typing import Any

import pytest

from chalicelib.errors import DomainError
from chalicelib.payouts import rules
from chalicelib.payouts.controls.proposals import Decision
from chalicelib.payouts.ledger.records import Event, StoredAttempt
from chalicelib.payouts.providers.provider import Provider
from chalicelib.payouts.rules import ALIVE, Answer, Entitlement, Hold, Move, Outcome, State
from tests.builders.payouts.world import World, sealed

ANI = "arn:aws:iam::123456789012:user/ani@example.go.id"
BUDI = "arn:aws:iam::123456789012:user/budi@example.go.id"


@dataclass(frozen=True)
class Place:
    """A state, and why it is held if it is."""

    state: State
    hold: Hold | None = None

    def __str__(self) -> str:
        return f"{self.state} {self.hold or ''}".rstrip()


PLACES = tuple(
    place
    for state in State
    for place in ([Place(state, hold) for hold in Hold] if state is State.HELD else [Place(state)])
)
"""Every state, and HELD for every reason."""

_ATTEMPTED = {State.SENDING, State.PAID, State.FAILED, State.REVERSED}


def placed(world: World, name: str, place: Place) -> Entitlement:
    """A new person's entitlement in a place; if the place has had an attempt, with one that is stored and not sent."""
    entitlement = world.store.get(world.entitle(world.person(name)))
    if place.state in _ATTEMPTED or place.hold in ALIVE:
        entitlement = attempted(world, entitlement)
    if place.state is State.REVERSED:
        entitlement = world.store.move(entitlement, Move(State.PAID, "test"), world.now)
    if place.state not in {State.DUE, State.SENDING}:
        entitlement = world.store.move(entitlement, Move(place.state, "test", place.hold), world.now)
    assert (entitlement.state, entitlement.hold) == (place.state, place.hold)
    return entitlement


def attempted(world: World, entitlement: Entitlement) -> Entitlement:
    """The entitlement with one more attempt that is stored and not sent."""
    n = entitlement.n + 1
    key = rules.reference(entitlement.id, n)
    address = world.people.addresses[entitlement.registrant_id]
    body = world.fsp.render(key, entitlement, address)
    stored = StoredAttempt(n, key, sealed(entitlement.registrant_id, body), world.now, "xendit-v2")
    return world.store.claim(entitlement, stored, world.now)


class Saying:
    """A provider that answers status queries with `answer` while it is set; `asked` are the references asked about."""

    def __init__(self, fsp: Provider) -> None:
        self._fsp = fsp
        self.rail = fsp.rail
        self.answer: Answer | None = None
        self.asked: list[str] = []

    def __getattr__(self, name: str) -> object:
        return getattr(self._fsp, name)

    def status(self, reference: str) -> Answer:
        self.asked.append(reference)
        return self.answer or self._fsp.status(reference)


OPEN = {Place(State.SENDING), *(Place(State.HELD, hold) for hold in ALIVE)}
"""Where an attempt may be alive."""

OVER = Answer(Outcome.FAILED, "FAILED")
"""What a provider says of an attempt that moved nothing."""


def refused(call: Callable[[], object], error: type[DomainError]) -> dict[str, Any]:
    """The facts of the refusal."""
    with pytest.raises(error) as refusal:
        call()
    return refusal.value.facts


def last(world: World, entitlement_id: str) -> Event:
    """The latest line of its history."""
    return world.store.events(entitlement_id)[-1]


def propose(world: World, entitlement: Entitlement, decision: Decision, by: str = ANI) -> None:
    world.administration.propose(entitlement.id, decision, by, "as agreed", world.now)
