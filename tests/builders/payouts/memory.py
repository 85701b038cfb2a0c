"""Payouts with stores in memory, which `tests/simulation/test_the_double.py` compares with the real ones."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence

import pytest

from chalicelib.aws.admin_acts import Act
from chalicelib.config import Programme
from chalicelib.payouts.controls.administration import Administration, PayoutStores
from chalicelib.payouts.rules import Answer, Kind, Outcome
from chalicelib.payouts.service import Payouts
from chalicelib.waves.rules import Beneficiary
from tests.builders.payouts.states import Saying
from tests.builders.payouts.world import AnyCode, People, World
from tests.conftest import T0
from tests.simulation.ports import Nature
from tests.simulation.store import (
    MemoryCeilingStore,
    MemoryPauseStore,
    MemoryPayoutStore,
    MemoryProposalStore,
    MemoryTransaction,
    Table,
)

FACTS = ("entitlement", "state", "n", "reason", "ceiling", "waiting", "queued", "count")


def logged(caplog: pytest.LogCaptureFixture) -> list[tuple]:
    """Level, message and those of the facts that each line has."""
    return [
        (each.levelname, each.message, *(getattr(each, name) for name in FACTS if hasattr(each, name)))
        for each in caplog.records
    ]


class Journal:
    """Keeps acts; `then` happens after each."""

    def __init__(self) -> None:
        self.acts: list[Act] = []
        self.then: Callable[[], object] = int

    def add(self, act: Act) -> None:
        self.acts.append(act)
        self.then()

    def latest(self, limit: int) -> list[Act]:
        return self.acts[::-1][:limit]


class Provider:
    """Has never heard of anything."""

    rail = "xendit-v2"

    def render(self, reference: str, *_: object) -> bytes:
        return reference.encode()

    def status(self, _: str) -> Answer:
        return Answer(Outcome.NOT_FOUND, "not_found")


class Memory:
    """A `World` in memory, and its own queue. `queued`: what was sent; `waiting`: how many messages it says it has."""

    def __init__(self, programme: Programme) -> None:
        self.now, self.rules, self.token = T0, programme.payouts, "token"
        self.table, dice = Table(), random.Random("memory")
        self.nature = Nature(dice, int, len)
        self.store = MemoryPayoutStore(self.table, self.nature, dice)
        self.ceilings = MemoryCeilingStore(self.table, self.nature)
        self.proposals = MemoryProposalStore(self.table, self.nature)
        self.journal, self.people, self.fsp = Journal(), People(), Saying(Provider())
        self.queued: list[str] = []
        self.waiting = 0
        self.payouts = Payouts(self.store, self, lambda: self.token, programme)
        pauses = MemoryPauseStore(self.table, self.nature)
        stores = PayoutStores(self.store, self.proposals, pauses, self.ceilings, self.journal)
        self.administration = Administration(stores, AnyCode(self.fsp), self, self.rules)

    person, later, state = World.person, World.later, World.state

    def send(self, ids: Sequence[str]) -> None:
        self.queued += ids

    def backlog(self) -> int:
        return self.waiting

    def entitle(self, who: Beneficiary, kind: Kind = Kind.INCENTIVE) -> str:
        with MemoryTransaction(self.table, self.nature) as tx:
            return self.payouts.entitle(tx, who, kind, self.now)
