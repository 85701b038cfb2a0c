"""Signing in on the test's cloud."""

from __future__ import annotations

import pytest

from chalicelib.config import Programme, Settings, load_programme
from tests.builders.accounts.sign_ins import SignInsWorld


@pytest.fixture
def signing(cloud: Settings, programme: Programme) -> SignInsWorld:
    """At `T0`, with production's figures."""
    from msgspec.structs import replace

    return SignInsWorld(cloud, replace(programme, accounts=load_programme("prod").accounts))
