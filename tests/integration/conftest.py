"""What several integration tests share."""

from __future__ import annotations

import pytest

from chalicelib.config import Programme, Settings
from tests.builders.waves import WavesWorld
from tests.conftest import T0


@pytest.fixture
def world(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> WavesWorld:
    """Waves on the test's cloud, at `T0`, three days before wave 145 opens."""
    world = WavesWorld(cloud, programme, T0)
    monkeypatch.setattr("moto.s3.models.utcnow", world.clock.utcnow)
    return world
