"""Two people who say that a NIK is theirs."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.config import Settings
from tests.builders.claims import Town


@pytest.fixture
def town(cloud: Settings, programme: Any) -> Town:
    return Town(cloud, programme)
