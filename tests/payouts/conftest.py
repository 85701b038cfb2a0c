"""A world of payouts whose provider may be told what to say (`world.fsp.answer`)."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.config import Programme, Settings
from tests.builders.payouts.states import Saying
from tests.builders.payouts.world import World, running


@pytest.fixture
def world(cloud: Settings, programme: Programme) -> Iterator[World]:
    with running(World(cloud, programme, Saying)) as world:
        yield world
