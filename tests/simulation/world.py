"""The real services over ports in memory: workers, the queue's function, webhooks, the passing of time."""

from __future__ import annotations

import random
from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Any

import msgspec
from msgspec.structs import replace

from chalicelib.config import load_programme
from chalicelib.figures.benefits import CeilingRules
from chalicelib.payouts import wire
from chalicelib.payouts.address_checks import AddressBook
from chalicelib.payouts.controls.administration import Administration, PayoutStores
from chalicelib.payouts.controls.limits import Allowance
from chalicelib.payouts.plans import plan_rules
from chalicelib.payouts.providers.provider import Providers
from chalicelib.payouts.providers.xendit import Xendit
from chalicelib.payouts.rules import Kind, State
from chalicelib.payouts.service import Payouts, consume
from chalicelib.payouts.worker import Ports, Worker
from tests.builders.payouts.world import beneficiary
from tests.conftest import T0

from .oracle import Oracle
from .people import MemoryPeople
from .ports import MemoryQueue, Nature, Scheduler, Task
from .provider import Provider, Transport
from .store import (
    MemoryCeilingStore,
    MemoryJournalStore,
    MemoryPauseStore,
    MemoryPayoutStore,
    MemoryProposalStore,
    MemoryTransaction,
    Table,
)

PROGRAMME = load_programme("prod")
CALLBACK_TOKEN = "agreed with the provider"
FUNCTION_S = 60
"""After so long a function is killed."""


def receive_webhook(payouts: Payouts, token: str, raw: bytes) -> None:
    """As the route does."""
    payouts.hint(token, msgspec.json.decode(raw, type=wire.FspHint).reference)


@dataclass(frozen=True)
class Parts:
    """The code that is simulated. The planted bugs replace some of it."""

    worker: type[Worker] = Worker
    payouts: type[Payouts] = Payouts
    administration: type[Administration] = Administration
    store: type[MemoryPayoutStore] = MemoryPayoutStore
    allowance: type[Allowance] = Allowance
    fsp: type[Xendit] = Xendit
    webhook: Callable[[Payouts, str, bytes], None] = receive_webhook


class World:
    """Everything of one schedule. `note` is told what happens."""

    def __init__(
        self, dice: random.Random, parts: Parts, ceilings: CeilingRules | None, note: Callable[[str], None]
    ) -> None:
        self.dice = dice
        self.parts = parts
        self.now = T0
        self.rules = PROGRAMME.payouts if ceilings is None else replace(PROGRAMME.payouts, ceilings=ceilings)
        self.programme = replace(PROGRAMME, payouts=self.rules)
        self.table = Table()
        self.scheduler = Scheduler(dice, lambda task, error: self.oracle.unexpected(task.name, error))
        self.nature = Nature(dice, self.scheduler.pause, note)
        self.provider = Provider(dice, lambda: self.now.timestamp(), self.rules.key_lifetime_s)
        self.queue = MemoryQueue(self.nature, dice)
        self.people = MemoryPeople(self.nature)
        self._connect()
        self.consumers = [Consumer(self, f"consumer {number}") for number in range(3)]
        scheme = {scheme.version: scheme for scheme in self.programme.schemes}["2023"]
        self.oracle = Oracle(self, {kind: plan_rules.amount(kind, scheme, 31) for kind in plan_rules.kinds(scheme)})
        self.table.watch = self.oracle.committed
        self.provider.heard = self.oracle.heard
        self.provider.accepted = self.oracle.accepted
        self.provider.held_under = self.people.held_under

    def _connect(self) -> None:
        parts, table, nature = self.parts, self.table, self.nature
        self.store = parts.store(table, nature, self.dice, lag=0.2)
        self.ceilings = MemoryCeilingStore(table, nature)
        fsp = parts.fsp("http://provider", self.rules.fsp_timeout_s, lambda: "key")
        fsp._http = Transport(self.provider, nature, self.dice)  # type: ignore[assignment]
        self.providers = Providers({fsp.rail: fsp}, self.rules.codes)
        queue: Any = self.queue
        self.payouts = parts.payouts(self.store, queue, lambda: CALLBACK_TOKEN, self.programme)
        pause, proposals = MemoryPauseStore(table, nature), MemoryProposalStore(table, nature)
        books = PayoutStores(self.store, proposals, pause, self.ceilings, MemoryJournalStore(table, nature))
        self.administration = parts.administration(books, self.providers, queue, self.rules)

    def new_worker(self) -> Worker:
        """With an allowance of its own, as each process has."""
        people: Any = self.people
        allowance = self.parts.allowance(self.ceilings, self.rules.ceilings)
        ports = Ports(AddressBook(people, self.providers, self.rules.name_score_min), people, self.providers, allowance)
        return self.parts.worker(self.store, ports, self.rules)

    def entitle(self, person: str, kind: Kind) -> None:
        """What a review does; any number of times."""
        tx: Any = MemoryTransaction(self.table, self.nature)
        with tx:
            entitlement = self.payouts.entitle(tx, beneficiary(person), kind, self.now)
        self.payouts.queue.send([entitlement])

    def look_again(self, person: str) -> None:
        """What giving an account does, after it is stored."""
        self.payouts.look_again(beneficiary(person), self.now)

    def webhook(self, token: str, reference: str, status: str) -> None:
        """A call of the provider's, or of anybody."""
        body = {"event": "payout", "data": {"reference_id": reference, "status": status}}
        self.parts.webhook(self.payouts, token, msgspec.json.encode(body))

    def later(self, seconds: float) -> None:
        """Time passes; what is on its way arrives within minutes, and functions reach their time-outs."""
        if seconds >= 300:
            self.land_all()
        self.now += timedelta(seconds=seconds)
        self.scheduler.kill_late(self.now.timestamp())
        self.nature.note(f"{seconds} s later: {self.now:%d %H:%M:%S}")

    def land_all(self) -> None:
        """Requests that their senders have given up reach the provider after all."""
        while self.nature.under_way:
            self.land()

    def land(self) -> None:
        """One of them."""
        if self.nature.under_way:
            self.nature.note("a sending that had timed out arrives")
            self.nature.under_way.pop(self.dice.randrange(len(self.nature.under_way)))()


class Consumer:
    """The function behind the queue: one worker, one batch at a time."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self.name = name
        self.busy = False
        self._worker = world.new_worker()

    def start(self, at_most: int) -> None:
        """Take a batch and work on it as a task of its own."""
        world = self._world
        batch = world.queue.take(at_most)
        if not batch:
            return
        self.busy = True
        unacknowledged = list(batch)

        def work() -> None:
            records = [{"messageId": message.id, "body": message.body} for message in batch]
            answer = consume(records, self, world.now)
            failed = {failure["itemIdentifier"] for failure in answer["batchItemFailures"]}
            lost = {message.id for message in batch if world.dice.random() < world.nature.rate / 2}
            unacknowledged[:] = [message for message in batch if message.id in failed | lost]
            died.clear()

        def ended() -> None:
            world.queue.give_back(unacknowledged)
            self.busy = False
            if died:
                self._worker = world.new_worker()

        died = [True]
        world.scheduler.start(self.name, work, world.now.timestamp() + FUNCTION_S, ended)

    def process(self, entitlement_id: str, now: datetime) -> State:
        """The worker's, watched."""
        task: Task | None = self._world.scheduler.current
        if task is not None:
            task.since = self._world.scheduler.step
        try:
            return self._worker.process(entitlement_id, now)
        except Exception as error:
            self._world.oracle.unexpected(self.name, error)
            raise
