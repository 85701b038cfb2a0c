"""Sessions on the test's cloud."""

from __future__ import annotations

import pytest

from chalicelib.config import Programme, Settings
from tests.builders.accounts.accounts import Device
from tests.builders.accounts.sessions import Entrance
from tests.builders.accounts.streets import Street


@pytest.fixture
def entrance(cloud: Settings, programme: Programme) -> Entrance:
    return Entrance(cloud, programme)


@pytest.fixture
def phone() -> Device:
    return Device()


@pytest.fixture
def street(cloud: Settings, programme: Programme) -> Street:
    return Street(cloud, programme)
