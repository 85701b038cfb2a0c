"""The world of payouts by bank files."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import partial
from itertools import count

import pytest

from chalicelib.config import Programme, Settings
from tests.builders.crashes import Calls, Crash, die
from tests.builders.payouts.bank import BankWorld


@pytest.fixture
def world(cloud: Settings, programme: Programme) -> BankWorld:
    return BankWorld(cloud, programme)


@pytest.fixture(params=[pytest.param(5, id="some"), pytest.param(1, id="all", marks=pytest.mark.deep)])
def each_call(
    world: BankWorld, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> Callable[..., Iterator[Callable[..., None]]]:
    """Gives, in an empty ledger each time, what runs an action with a death, or another event, at its next call.

    At every fifth call in `make test`, at every one in `make test-deep`.
    """
    calls = Calls(monkeypatch)

    def act(where: str, at: int, made: list[int], action: Callable[[], object], event=die) -> None:
        calls.reset()
        getattr(calls, where)[at] = event
        with suppress(Crash):
            action()
        made.append(len(calls.made))
        calls.reset()

    def each(where: str, more_than: int) -> Iterator[Callable[..., None]]:
        for at in count(step=request.param):
            world.wipe()
            made: list[int] = []
            yield partial(act, where, at, made)
            if max(made) <= at:
                assert at > more_than
                return

    return each
