"""A world whose days are compared."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.config import Programme, Settings
from tests.builders.payouts.days import Days
from tests.builders.payouts.world import running


@pytest.fixture
def world(cloud: Settings, programme: Programme) -> Iterator[Days]:
    with running(Days(cloud, programme)) as world:
        world.at(20, 9)
        yield world
