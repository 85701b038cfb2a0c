"""Signing in on the test's cloud."""

from __future__ import annotations

import pytest

from chalicelib.config import Programme, Settings
from tests.builders.accounts.sign_ins import SignInsWorld


@pytest.fixture
def signing(cloud: Settings, strict_programme: Programme) -> SignInsWorld:
    """Signing in at `T0`, with production's figures."""
    return SignInsWorld(cloud, strict_programme)
