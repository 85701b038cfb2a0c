"""Ten thousand people on DynamoDB Local, with the real services."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from chalicelib.config import Programme, Settings
from chalicelib.wiring import Services
from tests.builders.crashes import Calls
from tests.builders.dynamodb import cloud_of, endpoint
from tests.builders.waves import WavesWorld
from tests.conftest import T0

from .functions import Function
from .mails import Mails

__all__ = ["endpoint"]

LINES: pytest.StashKey[list[str]] = pytest.StashKey()


@pytest.fixture
def cloud(endpoint: str, no_real_cloud: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """New, empty tables."""
    with cloud_of("scale", endpoint, monkeypatch) as settings:
        yield settings


@pytest.fixture
def world(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> WavesWorld:
    """Waves at `T0`, three days before wave 145 opens; its clock is that of `services`."""
    world = WavesWorld(cloud, programme, T0)
    monkeypatch.setattr("moto.s3.models.utcnow", world.clock.utcnow)
    return world


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
