"""Whoever sends notices in tests."""

from __future__ import annotations

import pytest

from chalicelib.config import Programme, Settings
from tests.builders.notices import PostOffice


@pytest.fixture
def office(cloud: Settings, programme: Programme) -> PostOffice:
    return PostOffice(cloud, programme)
