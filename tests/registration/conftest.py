"""The registration service on the test's cloud."""

from __future__ import annotations

import pytest

from chalicelib.registration.service import Registrations
from tests.builders.registration import registrations


@pytest.fixture
def service(cloud, programme) -> Registrations:
    return registrations(cloud, programme)
