"""Random schedules of payouts on DynamoDB Local, by workers that truly run at once, with faults at every call.

What `tests/simulation` shows of many thousands of schedules with stores in memory, some hundreds show of the real ones.
"""

from __future__ import annotations

import json
import logging
import random
import threading
import time
from collections import Counter
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import contextmanager
from datetime import timedelta
from functools import partial
from itertools import pairwise
from typing import Any
from unittest.mock import patch

import pytest
from botocore.exceptions import BotoCoreError, ClientError, ReadTimeoutError
from pynamodb.exceptions import PynamoDBException

from chalicelib.aws import dynamodb
from chalicelib.config import Programme, Settings
from chalicelib.errors import DomainError
from chalicelib.payouts import rules, wire
from chalicelib.payouts.address_checks import AddressBook
from chalicelib.payouts.controls.limits import Allowance, CeilingStore
from chalicelib.payouts.ledger.store import PayoutStore
from chalicelib.payouts.providers.provider import Providers
from chalicelib.payouts.providers.xendit import Xendit
from chalicelib.payouts.rules import NEXT, Entitlement, Kind, Move, State
from chalicelib.payouts.service import Payouts, consume
from chalicelib.payouts.worker import Ports, Worker
from tests.builders.aws.calls import Call, wrap_calls
from tests.conftest import REGION, T0
from tests.simulation.people import MemoryPeople
from tests.simulation.ports import Died, Nature
from tests.simulation.provider import Payout, Provider, Transport
from tests.simulation.world import CALLBACK_TOKEN, beneficiary

from .together import ALWAYS, together

pytestmark = pytest.mark.dynamodb

SCHEDULES = 500
AMOUNT_IDR = 600_000
PASSING = (DomainError, PynamoDBException, ClientError, BotoCoreError)


class Spoiler:
    """Spoils a share of the calls to DynamoDB, as the simulation does: before or after they took effect."""

    def __init__(self, dice: random.Random) -> None:
        self._dice = dice
        self._here = threading.local()
        self.rate = self.late_rate = 0.0
        self.calls = 0
        self.spoilt: Counter[str] = Counter()

    def wrap(self, original: Call) -> Call:
        """A call that may be spoilt."""
        return lambda *arguments: self._spoilt(original, *arguments)

    def _spoilt(self, original: Call, client: Any, operation: str, parameters: Any) -> Any:
        self.calls += 1
        if self._dice.random() < self.late_rate:
            time.sleep(self._dice.random() / 200)
        if getattr(self._here, "looking", False) or self._dice.random() >= self.rate:
            return original(client, operation, parameters)
        fault = self._dice.choice(["crash before", "crash after", "throttle", "time-out before", "reply lost"])
        self.spoilt[fault] += 1
        if fault == "throttle":
            raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, operation)
        if fault in {"crash after", "reply lost"}:
            original(client, operation, parameters)
        raise Died if fault.startswith("crash") else ReadTimeoutError(endpoint_url="dynamodb")

    @contextmanager
    def looking(self) -> Iterator[None]:
        """This thread's calls are the test's own meanwhile."""
        self._here.looking = True
        try:
            yield
        finally:
            self._here.looking = False


class Witnessed(PayoutStore):
    """The real store; `twice` are transitions that succeeded although another one from the same state had."""

    def __init__(self, region: str) -> None:
        super().__init__(region)
        self._lock = threading.Lock()
        self._made: set[tuple[str, int]] = set()
        self.twice: list[str] = []

    def _transition(self, before: Entitlement, after: Entitlement, move: Move, **more: Any) -> None:
        super()._transition(before, after, move, **more)
        with self._lock:
            if (after.id, after.seq) in self._made:
                self.twice.append(f"{before.state} -> {after.state} was made a second time")
            self._made.add((after.id, after.seq))


class Schedule:
    """A ledger on DynamoDB Local, the provider of the simulation, and a list for a queue."""

    def __init__(self, seed: int, programme: Programme, settings: Settings, spoiler: Spoiler) -> None:
        self.dice = random.Random(f"races {seed}")
        self.now = T0
        self.rules = programme.payouts
        self.spoiler = spoiler
        self.wire = Nature(self.dice, int, len)
        self.people = MemoryPeople(Nature(self.dice, int, len))
        self.provider = Provider(self.dice, lambda: self.now.timestamp(), self.rules.key_lifetime_s)
        self.provider.accepted, self.provider.heard = self.accepted, self.heard
        self.provider.held_under = self.people.held_under
        self.store = Witnessed(settings.region)
        self.queued: list[str] = []
        self.wrong = self.store.twice
        queue: Any = self
        self.payouts = Payouts(self.store, queue, lambda: CALLBACK_TOKEN, programme)
        fsp = Xendit("http://provider", 1, lambda: "key")
        fsp._http = OneByOne(self.provider, self.wire, self.dice)
        self.providers = Providers({fsp.rail: fsp}, self.rules.codes)
        self.persons = [f"person-{seed}-{number}" for number in range(self.dice.choice([1, 1, 1, 2]))]
        self.ids = [rules.entitlement_id(143, person, Kind.INCENTIVE) for person in self.persons]

    def send(self, ids: list[str]) -> None:
        self.queued += [id_ for id_ in ids if id_ in self.ids]  # others' may be left in the index

    def backlog(self) -> int:
        return len(self.queued)

    def worker(self) -> Worker:
        people: Any = self.people
        addresses = AddressBook(people, self.providers, self.rules.name_score_min)
        allowance = Allowance(CeilingStore(), self.rules.ceilings)
        return Worker(self.store, Ports(addresses, people, self.providers, allowance), self.rules)

    def play(self) -> None:
        habits, dice = self.provider.habits, self.dice
        habits.fails, habits.reverses = dice.choice([0.0, 0.5]), dice.choice([0.0, 0.5])
        habits.slow, habits.lags = dice.choice([0.0, 0.5]), dice.choice([0.0, 0.3])
        for person in self.persons:
            self.people.move(person)
            with dynamodb.Transaction(REGION) as tx:
                self.payouts.entitle(tx, beneficiary(person), Kind.INCENTIVE, self.now)
        for _ in range(dice.randrange(1, 3)):
            self.spoiler.rate, self.wire.rate = dice.choice([(0.0, 0.2), (0.1, 0.0), (0.1, 0.2)])
            self._round()
            self.now += timedelta(seconds=dice.choice([1, 310, 3_700, 70_000]))
        self.spoiler.rate = self.wire.rate = habits.lags = 0.0
        self._rest()
        self._check_rest()

    def _round(self) -> None:
        """All consumers get all messages at once; they meet before their writes, or run as chance has it."""
        records = [{"messageId": id_, "body": wire.encode_message(id_)} for id_ in self.ids]
        calls = [partial(consume, records, self.worker(), self.now) for _ in range(self.dice.choice([2, 3]))]
        if self.dice.random() < 0.3:
            calls.append(partial(self.payouts.sweep, self.now))
        survivors = [partial(surviving, call) for call in calls]
        if self.dice.random() < 0.5:
            together(survivors, self.dice.choice([1, 2, ALWAYS]))
            return
        self.spoiler.late_rate = 0.3
        with ThreadPoolExecutor(len(survivors)) as pool:
            list(pool.map(lambda call: call(), survivors))
        self.spoiler.late_rate = 0.0

    def _rest(self) -> None:
        self._settle()
        self.now += timedelta(hours=40)
        self._consume(self.ids)
        self._settle()  # who has waited for days may have been tried once more

    def _settle(self) -> None:
        """Let all of it come to its end, whatever often an account of ours is short."""
        for _ in range(100):
            if all(not rules.needs_another_look(each.state, each.hold) for each in self.store.batch(self.ids)):
                return
            self.now += timedelta(hours=13)
            self.payouts.sweep(self.now)
            taken, self.queued = self.queued, []
            self._consume(taken)

    def _consume(self, ids: list[str]) -> None:
        for id_ in ids:
            consume([{"messageId": id_, "body": wire.encode_message(id_)}], self.worker(), self.now)

    def heard(self, key: str, body: bytes) -> None:
        """Nothing is sent that was not stored, byte by byte."""
        person = self.people.owners[json.loads(body)["channel_properties"]["account_number"]]
        with self.spoiler.looking():
            stored = {attempt.key: attempt.sealed_body for attempt in self.store.attempts(key[:26])}
        if key not in stored or self.people.unseal(person, stored[key]) != body:
            self.wrong.append(f"{key} was sent and not stored")

    def accepted(self, payout: Payout) -> None:
        """A person has one live instruction."""
        now, person = self.provider.clock(), self.people.owners[payout.account]
        own = [each for each in self.provider.payouts if self.people.owners[each.account] == person]
        if sum(each.alive(now) for each in own) > 1:
            self.wrong.append(f"{person} has two live instructions")

    def _check_rest(self) -> None:
        now = self.provider.clock()
        for head in self.store.batch(self.ids):
            self._check_history(head)
            own = [each for each in self.provider.payouts if self.people.owners[each.account] == head.registrant_id]
            net = sum(each.net(now) for each in own)
            expected = AMOUNT_IDR if head.state is State.PAID else 0
            unknown = head.hold is rules.Hold.KEY_EXPIRED and not self.provider.of_key(f"{head.id}-{head.n}")
            # Their account or ours keeps them waiting for days, or a person must look.
            waits = head.hold in {rules.Hold.ACCOUNT_REFUSED, rules.Hold.OUR_SIDE, rules.Hold.ADMIN, rules.Hold.REFUSED}
            stuck = head.state not in rules.AT_REST and not unknown and not waits
            if net != expected or stuck:
                self.wrong.append(f"{head.registrant_id}: {head.state} {head.hold}, and the provider has {net}")

    def _check_history(self, head: Entitlement) -> None:
        events = self.store.events(head.id)
        keys = [attempt.key for attempt in self.store.attempts(head.id)]
        follows = all(
            after.seq == before.seq + 1 and after.before is before.state and after.state in NEXT[before.state]
            for before, after in pairwise(events)
        )
        if not follows or events[-1].seq != head.seq or keys != [f"{head.id}-{n}" for n in range(1, head.n + 1)]:
            self.wrong.append(f"{head.registrant_id}: the history does not follow")


class OneByOne(Transport):
    """One request at a time."""

    _lock = threading.Lock()

    def request(self, *arguments: Any, **named: Any) -> Any:
        with self._lock:
            return super().request(*arguments, **named)


def surviving(call: Callable[[], Any]) -> None:
    """What kills or refuses a function ends it, and nothing else."""
    try:
        call()
    except (Died, *PASSING):
        return


@pytest.fixture
def spoiler(cloud: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Spoiler]:
    spoiler = Spoiler(random.Random("spoiler"))
    wrap_calls(monkeypatch, spoiler.wrap)
    with patch("chalicelib.payouts.ledger.records.SHARDS", 1):
        logging.disable(logging.CRITICAL)
        yield spoiler
        logging.disable(logging.NOTSET)
    spoiler.rate = 0.0


def test_workers_that_run_at_once_keep_the_promise(programme: Programme, cloud: Settings, spoiler: Spoiler) -> None:
    ends: Counter[State] = Counter()
    for seed in range(SCHEDULES):
        schedule = Schedule(seed, programme, cloud, spoiler)
        schedule.play()
        assert not schedule.wrong, f"schedule {seed}: {schedule.wrong}"
        ends.update(each.state for each in schedule.store.batch(schedule.ids))
    assert min(spoiler.spoilt.values()) > SCHEDULES / 10, "every fault was injected"
    assert ends.keys() == {State.PAID, State.REVERSED, State.CANCELLED, State.HELD}, ends


def test_a_transition_without_its_conditions_is_found(
    programme: Programme, cloud: Settings, spoiler: Spoiler, monkeypatch: pytest.MonkeyPatch
) -> None:
    put = dynamodb.Transaction.put
    monkeypatch.setattr(dynamodb.Transaction, "put", lambda tx, leg, item, _condition: put(tx, leg, item))
    for seed in range(SCHEDULES // 10):
        schedule = Schedule(seed, programme, cloud, spoiler)
        schedule.play()
        if schedule.wrong:
            return
    pytest.fail("the schedules do not find it")
