"""The cloud of the other tests, with its tables on DynamoDB Local: moto's transactions are not isolated."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.config import Programme, Settings
from chalicelib.waves import entries, rules
from tests.builders.aws_calls import wrap_calls
from tests.builders.dynamodb import cloud_of, endpoint
from tests.builders.waves import WavesWorld
from tests.conftest import T0

from .together import meeting_before_writes

__all__ = ["endpoint"]


@pytest.fixture
def cloud(endpoint: str, no_real_cloud: None, monkeypatch: pytest.MonkeyPatch) -> Iterator[Settings]:
    """New, empty tables; calls of threads that run together meet before their writes."""
    wrap_calls(monkeypatch, meeting_before_writes)
    with cloud_of("races", endpoint, monkeypatch) as settings:
        yield settings


@pytest.fixture
def world(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> WavesWorld:
    """Waves at `T0`, three days before wave 145 opens."""
    return waves_world(cloud, programme, monkeypatch)


def waves_world(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> WavesWorld:
    """The world of waves with other figures than the stage's, and four partitions a wave: each is a call."""
    for module in (rules, entries):
        monkeypatch.setattr(module, "SHARDS", 4)
    world = WavesWorld(cloud, programme, T0)
    monkeypatch.setattr("moto.s3.models.utcnow", world.clock.utcnow)
    return world
