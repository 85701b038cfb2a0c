"""Random schedules and a crash at every call, against an oracle that knows persons and accounts, not our ids.

With the real stores and queue (on moto, one call after the other) and a provider over real HTTP. Many more schedules,
races and planted bugs are in `tests/simulation`.
"""

from __future__ import annotations

import os
import random
from collections import Counter
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from itertools import pairwise
from unittest.mock import patch

import pytest
import urllib3
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from pynamodb.exceptions import PynamoDBException

from chalicelib.config import Programme, Settings
from chalicelib.errors import DomainError
from chalicelib.payouts import rules
from chalicelib.payouts.rules import NEXT, State
from tests.builders.aws_calls import wrap_calls
from tests.builders.payouts.world import CALLBACK_TOKEN, World, incentive_id, running

SCHEDULES = int(os.environ.get("SCHEDULES", "40"))
STEPS = 14
INCENTIVE_IDR = 600_000
RATES = ("timeout_before_rate", "timeout_after_rate", "error_before_rate", "error_after_rate")
# Three people: one whose account never works, one who sets an address late.
ACCOUNTS = {"ani": "1111111111", "budi": "2222222222", "candra": "3333330000"}


class Died(BaseException):
    """The function was killed; nothing may catch it."""


THROTTLED = (ClientError, PynamoDBException)


class Chaos:
    """Counts the calls to AWS and to the provider, and spoils the k-th one."""

    def __init__(self) -> None:
        self.calls = 0
        self.spoil_at: int | None = None
        self.how = "before"

    @contextmanager
    def at(self, k: int | None, how: str) -> Iterator[None]:
        self.calls, self.spoil_at, self.how = 0, k, how
        try:
            yield
        finally:
            self.spoil_at = None

    def wrap(self, original: Callable[..., object]) -> Callable[..., object]:
        def call(*args: object, **kwargs: object) -> object:
            self.calls += 1
            if self.calls != self.spoil_at:
                return original(*args, **kwargs)
            if self.how == "throttled" and isinstance(args[0], BaseClient):
                refusal = {"Error": {"Code": "ThrottlingException", "Message": ""}}
                raise ClientError(refusal, str(args[1]))
            if self.how == "after":
                original(*args, **kwargs)
            raise Died

        return call


@pytest.fixture
def chaos(monkeypatch: pytest.MonkeyPatch) -> Iterator[Chaos]:
    chaos = Chaos()
    wrap_calls(monkeypatch, chaos.wrap)
    with (
        patch.object(urllib3.PoolManager, "request", chaos.wrap(urllib3.PoolManager.request)),
        patch("chalicelib.aws.dynamodb.time.sleep", lambda _seconds: None),
        # A sweep asks every partition of the index: with all 32 that is most of the time these tests take.
        patch("chalicelib.payouts.ledger.partitions.SHARDS", 1),
    ):
        yield chaos


def check_promise(world: World) -> None:
    """At every moment, by the provider's own books: a person's account has at most one instruction alive or paid."""
    alive: Counter[str] = Counter()
    moved: Counter[str] = Counter()
    for line in world.sandbox.books.report()["payouts"]:
        alive[line["account_number"]] += line["status"] in {"ACCEPTED", "SUCCEEDED"}
        moved[line["account_number"]] += line["moved_idr"]
    assert all(count <= 1 for count in alive.values()), alive
    assert all(amount <= INCENTIVE_IDR for amount in moved.values()), moved


def check_history(world: World) -> None:
    """Every state follows from the one before it by the table, and every key belongs to one attempt."""
    keys: list[str] = []
    stored = {attempt.key for each in world.store.everything() for attempt in world.store.attempts(each.id)}
    for each in world.store.everything():
        events = world.store.events(each.id)
        assert [event.seq for event in events] == list(range(1, each.seq + 1))
        assert events[-1].state is each.state
        for before, after in pairwise(events):
            assert after.before is before.state
            assert after.state in NEXT[before.state]
            assert after.n >= before.n
        keys += [attempt.key for attempt in world.store.attempts(each.id)]
    assert len(keys) == len(set(keys))
    sent = {line["idempotency_key"] for line in world.sandbox.books.report()["payouts"]}
    assert sent <= stored, "nothing was sent without a stored attempt"


def check_rest(world: World) -> None:
    """With the faults over and time gone by: nothing is stuck and both books say the same, to the rupiah."""
    assert world.disagreements() == []
    for each in world.store.everything():
        expected = {State.CANCELLED} if each.registrant_id == "candra" else {State.PAID, State.CANCELLED}
        waits = each.registrant_id == "candra" and each.hold is rules.Hold.ACCOUNT_REFUSED
        given_up = waits or each.hold is rules.Hold.KEY_EXPIRED
        assert each.state in expected or given_up, (each.registrant_id, each.state, each.hold)


def start(world: World, dice: random.Random) -> list[str]:
    """People become entitled; the queue may lose the first message."""
    inbox: list[str] = []
    world.people.addresses.clear()
    for name, account in ACCOUNTS.items():
        entitlement = world.entitle(world.person(name, account))
        if name == "budi" and dice.random() < 0.5:
            del world.people.addresses[name]
        if dice.random() < 0.8:
            world.payouts.enqueue(entitlement)
    return inbox


def misbehave(world: World, dice: random.Random) -> None:
    faults: dict[str, object] = {name: dice.choice([0.0, 0.1, 0.2]) for name in RATES}
    world.sandbox.books.configure(
        faults
        | {
            "fail_rate": dice.choice([0.0, 0.5]),
            "settle_ms": dice.choice([0, 0, 30_000]),
            "blind_rate": dice.choice([0.0, 0.3]),
        }
    )


def step(world: World, chaos: Chaos, dice: random.Random, inbox: list[str]) -> None:
    """One thing happens, and one of its calls may go wrong."""
    spoiled = dice.randrange(1, 9) if dice.random() < 0.35 else None
    action = dice.choice([deliver] * 6 + [sweep, hint, wait, wait, set_addresses])
    with chaos.at(spoiled, dice.choice(["before", "after", "throttled"])), suppress(Died, DomainError, *THROTTLED):
        action(world, dice, inbox)


def deliver(world: World, dice: random.Random, inbox: list[str]) -> None:
    """Any message, in any order; one that was done with is sometimes delivered again."""
    if inbox:
        body = dice.choice(inbox)
        if world.deliver(body) and dice.random() < 0.7:
            inbox.remove(body)


def sweep(world: World, dice: random.Random, inbox: list[str]) -> None:
    world.payouts.sweep(world.now)


def hint(world: World, dice: random.Random, inbox: list[str]) -> None:
    """For anybody's any attempt, whether it was made or not; sometimes forged."""
    entitlement = incentive_id(dice.choice(list(ACCOUNTS)))
    token = "forged" if dice.random() < 0.3 else CALLBACK_TOKEN
    world.payouts.hint(token, rules.reference(entitlement, dice.randrange(1, 4)))


def wait(world: World, dice: random.Random, inbox: list[str]) -> None:
    world.later(seconds=dice.choice([1, 25, 25, 300, 20_000, 70_000]))


def set_addresses(world: World, dice: random.Random, inbox: list[str]) -> None:
    for name, account in ACCOUNTS.items():
        world.person(name, account)


def play(world: World, chaos: Chaos, seed: int) -> None:
    dice = random.Random(seed)
    misbehave(world, dice)
    inbox = start(world, dice)
    for _ in range(STEPS):
        inbox += world.messages()
        step(world, chaos, dice, inbox)
        check_promise(world)
    world.sandbox.books.configure(dict.fromkeys([*RATES, "blind_rate"], 0.0))
    for name, account in ACCOUNTS.items():
        world.person(name, account)
    world.run_to_rest()
    check_promise(world)
    check_history(world)
    check_rest(world)


def play_all(cloud: Settings, programme: Programme, chaos: Chaos, seeds: range) -> None:
    for seed in seeds:
        with running(World(cloud, programme, seed=str(seed))) as world:
            world.messages()
            play(world, chaos, seed)
            world.wipe()


@pytest.mark.parametrize("block", range(4))
def test_random_schedules_keep_the_promise_and_end_with_equal_books(cloud, programme, chaos, block):
    size = SCHEDULES // 4
    play_all(cloud, programme, chaos, range(block * size, (block + 1) * size))


# A crash at every single call.


def one_payment(world: World, chaos: Chaos, k: int | None, how: str) -> int:
    entitlement = world.entitle(world.person("ani"))
    with chaos.at(k, how):
        with suppress(Died, DomainError, *THROTTLED):
            world.worker.process(entitlement, world.now)
        calls = chaos.calls
    world.run_to_rest()
    assert world.state(entitlement) is State.PAID
    assert [line.moved_idr for line in world.books()] == [INCENTIVE_IDR], "one instruction, whatever happened"
    assert world.disagreements() == []
    return calls


@pytest.mark.parametrize("how", ["before", "after", "throttled"])
def test_a_crash_at_any_call_pays_once_in_the_end(cloud, programme, chaos, how):
    with running(World(cloud, programme)) as world:
        calls = one_payment(world, chaos, None, how)
        world.wipe()
    assert calls >= 5, "get, claim, send, status, settle"
    for k in range(1, calls + 1):
        with running(World(cloud, programme)) as world:
            one_payment(world, chaos, k, how)
            world.wipe()
