"""A person and a bank that knows her account."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.config import Programme, Settings
from tests.builders.payouts.town import Town
from tests.builders.payouts.world import World, running


@pytest.fixture
def town(cloud: Settings, programme: Programme) -> Iterator[Town]:
    with running(World(cloud, programme)) as world:
        yield Town(cloud, programme, world)
