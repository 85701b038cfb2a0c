"""A world of payouts whose provider may be told what to say (`world.fsp.answer`); a town of a person and a bank."""

from __future__ import annotations

from collections.abc import Iterator
from typing import Any

import pytest

from chalicelib.config import Programme, Settings
from tests.builders.payouts.desk import Desk
from tests.builders.payouts.states import Saying
from tests.builders.payouts.town import Town
from tests.builders.payouts.world import World, running


@pytest.fixture
def world(cloud: Settings, programme: Programme) -> Iterator[World]:
    with running(World(cloud, programme, Saying)) as world:
        yield world


@pytest.fixture
def town(cloud: Settings, programme: Programme) -> Iterator[Town]:
    with running(World(cloud, programme)) as world:
        yield Town(cloud, programme, world)


@pytest.fixture
def desk(world: Any, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(world, monkeypatch)
