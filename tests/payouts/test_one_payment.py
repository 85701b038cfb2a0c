"""One payment, with the real stores and queue (on moto) and a provider over real HTTP: paid once whichever call dies,
and what it costs.

Random schedules and planted bugs are in `tests/simulation`, those on DynamoDB Local in `tests/races`. CPU is compared
by `make bench`, where the machine is quiet.
"""

from __future__ import annotations

import subprocess
import sys
from collections.abc import Callable, Iterator
from contextlib import contextmanager, suppress
from unittest.mock import patch

import pytest
import urllib3
from botocore.client import BaseClient
from botocore.exceptions import ClientError
from pynamodb.exceptions import PynamoDBException

from chalicelib.errors import DomainError
from chalicelib.payouts.rules import State
from tests.builders.aws_calls import wrap_calls
from tests.builders.payouts.world import World, running
from tests.conftest import ROOT

INCENTIVE_IDR = 600_000


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
        patch("chalicelib.payouts.ledger.records.SHARDS", 1),
    ):
        yield chaos


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


@pytest.fixture(scope="module")
def printed() -> dict[str, list[str]]:
    # A process of its own: the benchmark builds the services from its own environment.
    ran = subprocess.run(
        [sys.executable, "-m", "bench.payout", "20"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    assert ran.returncode == 0, ran.stdout + ran.stderr
    return {line[:24].strip(): line[24:].split() for line in ran.stdout.splitlines()}


def test_a_paid_payout_makes_one_read_and_two_transactions(printed: dict[str, list[str]]) -> None:
    # And both ceilings are touched at every twentieth payout.
    assert printed["gelombang"][:5] == ["3.10", "0", "2.00", "8.10", "2.00"]


def test_who_is_paid_costs_two_more_reads_and_one_call_to_kms(printed: dict[str, list[str]]) -> None:
    # Three of its six read units are the person's: the registration, the account, and whether they denied a change.
    assert printed["gelombang, people too"][:5] == ["5.10", "1", "6.00", "8.10", "2.00"]


@pytest.mark.parametrize(
    ("step", "transactions", "write_units", "index_units"),
    [("store", 1, 4, 1), ("claim", 1, 4, 0), ("settle", 1, 4, 2)],
)
def test_each_step_is_one_transaction_of_four_units(
    step: str, transactions: int, write_units: int, index_units: int, printed: dict[str, list[str]]
) -> None:
    assert [int(figure) for figure in printed[step]] == [transactions, write_units, index_units]
