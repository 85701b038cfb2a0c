"""What the comparisons of our calls with botocore's share."""

from __future__ import annotations

import pytest

from chalicelib.aws import dynamodb
from tests.builders.aws.wire import Server


@pytest.fixture
def no_pause(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("time.sleep", lambda _seconds: None)


@pytest.fixture
def server(no_pause: None, monkeypatch: pytest.MonkeyPatch) -> Server:
    server = Server()
    monkeypatch.setattr(dynamodb, "_connection", lambda _region: server.connection)
    return server
