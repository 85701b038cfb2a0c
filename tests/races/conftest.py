"""The cloud of the other tests, with its tables on DynamoDB Local: moto's transactions are not isolated."""

from __future__ import annotations

from collections.abc import Iterator
from hashlib import sha256
from os import urandom

import pytest

from chalicelib.config import Programme, Settings
from chalicelib.waves import entries, rules
from local.sandbox.provider import Sandbox
from tests.builders.aws.calls import wrap_calls
from tests.builders.aws.dynamodb import endpoint, tables_on
from tests.builders.waves import WavesWorld
from tests.conftest import T0

from .together import meeting_before_writes

__all__ = ["endpoint"]


@pytest.fixture
def cloud(endpoint: str, cloud: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """New, empty tables; calls of threads that run together wait for each other before their writes."""
    wrap_calls(monkeypatch, meeting_before_writes)
    with tables_on(endpoint, cloud, monkeypatch):
        yield cloud


@pytest.fixture
def world(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> WavesWorld:
    """Waves at `T0`, three days before wave 145 opens."""
    return waves_world(cloud, programme, monkeypatch)


@pytest.fixture
def sandbox() -> Iterator[Sandbox]:
    with Sandbox("races") as sandbox:
        yield sandbox


def waves_world(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> WavesWorld:
    """The world of waves with other figures than the stage's, and four partitions a wave: each is a call."""
    for module in (rules, entries):
        monkeypatch.setattr(module, "SHARDS", 4)
    return WavesWorld(cloud, programme, T0, monkeypatch)


class Queue:
    """Keeps what would be queued."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def send(self, ids: list[str]) -> None:
        self.ids += ids

    def backlog(self) -> int:
        return len(self.ids)


class Kms:
    """The three calls that registration makes, in next to no time, so that all come to their writes together."""

    def generate_mac(self, Message: bytes, **_: str) -> dict[str, bytes]:  # noqa: N803 - KMS's own names
        return {"Mac": sha256(Message).digest()}

    def generate_data_key(self, **_: object) -> dict[str, bytes]:
        key = urandom(32)
        return {"CiphertextBlob": b"wrapped" + key, "Plaintext": key}

    def decrypt(self, CiphertextBlob: bytes, **_: object) -> dict[str, bytes]:  # noqa: N803 - as above
        return {"Plaintext": CiphertextBlob.removeprefix(b"wrapped")}
