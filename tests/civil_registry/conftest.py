"""A stage with a civil registry, for the tests of what is asked of it."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.config import Settings
from local.sandbox.registry import Registry
from tests.civil_registry.asking import Stage, stage_of


@pytest.fixture(scope="module")
def running() -> Iterator[Registry]:
    with Registry("asking") as registry:
        yield registry


@pytest.fixture
def stage(cloud: Settings, programme: Any, running: Registry) -> Stage:
    return stage_of(cloud, programme, running)
