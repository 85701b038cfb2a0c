"""Ten thousand people on DynamoDB Local, with the real services."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest
from botocore.session import Session as BotocoreSession

from chalicelib.config import Programme, Settings
from chalicelib.wiring import Services
from tests.builders.aws.dynamodb import endpoint, tables_on
from tests.builders.crashes import Calls
from tests.builders.waves import WavesWorld
from tests.conftest import CREATE_CLIENT, T0

from .functions import Function, Mails

__all__ = ["endpoint"]

LINES: pytest.StashKey[list[str]] = pytest.StashKey()


@pytest.fixture
def cloud(endpoint: str, cloud: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """New, empty tables; and clients of their own, as `services` takes what one of them sends."""
    monkeypatch.setattr(BotocoreSession, "create_client", CREATE_CLIENT)
    with tables_on(endpoint, cloud, monkeypatch):
        yield cloud


@pytest.fixture
def world(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> WavesWorld:
    """Waves at `T0`, three days before wave 145 opens; its clock is that of `services`."""
    return WavesWorld(cloud, programme, T0, monkeypatch)


@pytest.fixture
def services(world: WavesWorld, mails: Mails) -> Services:
    """Everything as it is deployed."""
    services = Services(world.settings, world.programme, clock=lambda: world.clock.now)
    events = services.notices._queue._sqs.meta.events
    events.register("before-call.sqs.SendMessageBatch", mails.take)
    events.register("before-call.sqs.GetQueueAttributes", mails.waiting)
    return services


@pytest.fixture
def mails() -> Mails:
    """The mails that were queued."""
    return Mails()


@pytest.fixture
def calls(monkeypatch: pytest.MonkeyPatch) -> Calls:
    return Calls(monkeypatch)


@pytest.fixture
def show(request: pytest.FixtureRequest) -> Callable[[str, Function], None]:
    """Show at the end what a job took."""
    lines = request.config.stash.setdefault(LINES, [])
    return lambda name, function: lines.append(function.line(name))


def pytest_terminal_summary(terminalreporter: pytest.TerminalReporter, config: pytest.Config) -> None:
    for line in config.stash.get(LINES, []):
        terminalreporter.write_line(line)
