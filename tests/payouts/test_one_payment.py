"""One payment, with the real stores and queue (on moto) and a provider over HTTP: paid once after a crash at any call.

Random schedules and planted bugs are in `tests/simulation`, those on DynamoDB Local in `tests/races`; what a payment
costs is in `tests/bench`.
"""

from __future__ import annotations

from collections.abc import Callable
from contextlib import suppress
from types import SimpleNamespace
from typing import Any

import pytest
import urllib3
from botocore.exceptions import ClientError
from pynamodb.exceptions import PynamoDBException

from chalicelib.errors import DomainError
from chalicelib.payouts.rules import State
from tests.builders.crashes import Calls, Crash, die
from tests.builders.payouts.world import World, running

INCENTIVE_IDR = 600_000


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    """The calls to AWS and to the provider."""
    calls, request = Calls(monkeypatch), urllib3.PoolManager.request
    provider = SimpleNamespace(meta=SimpleNamespace(service_model=SimpleNamespace(service_name="provider")))

    def watched(pool: urllib3.PoolManager, method: str, url: str, **more: Any) -> Any:
        return calls._watched(lambda *_: request(pool, method, url, **more))(provider, method, url)

    monkeypatch.setattr(urllib3.PoolManager, "request", watched)
    monkeypatch.setattr("chalicelib.aws.dynamodb.time.sleep", lambda _seconds: None)
    # A sweep asks every partition of the index: with all 32 that is most of the time these tests take.
    monkeypatch.setattr("chalicelib.payouts.ledger.records.SHARDS", 1)
    return calls


def throttled() -> None:
    raise ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "any")


def one_payment(world: World, calls: Calls, where: str, at: int, what: Callable[[], object]) -> int:
    entitlement = world.entitle(world.person("ani"))
    calls.reset()
    getattr(calls, where)[at] = what
    with suppress(Crash, DomainError, ClientError, PynamoDBException):
        world.worker.process(entitlement, world.now)
    made = len(calls.made)
    calls.reset()
    world.run_to_rest()
    assert world.state(entitlement) is State.PAID
    assert [line.moved_idr for line in world.books()] == [INCENTIVE_IDR], "one instruction, whatever happened"
    assert world.disagreements() == []
    world.wipe()
    return made


@pytest.mark.parametrize(
    ("where", "what"), [("before", die), ("after", die), ("before", throttled)], ids=["before", "after", "throttled"]
)
def test_a_crash_at_any_call_pays_once_in_the_end(cloud, programme, calls, where, what):
    with running(World(cloud, programme)) as world:
        made = one_payment(world, calls, where, -1, what)
    assert made >= 5, "get, claim, send, status, settle"
    for at in range(made):
        with running(World(cloud, programme)) as world:
            one_payment(world, calls, where, at, what)
