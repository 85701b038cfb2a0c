"""Trainings on the test's cloud."""

from __future__ import annotations

import pytest

from chalicelib.config import Programme, Settings
from tests.builders.training import Scene, scene


@pytest.fixture
def stage(cloud: Settings, programme: Programme) -> Scene:
    """Two people with a seat; no partner and no course yet."""
    return scene(cloud, programme)
