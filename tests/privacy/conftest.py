"""The application behind its gateway."""

from __future__ import annotations

from collections.abc import Iterator

import pytest

from chalicelib.config import Programme, Settings
from tests.e2e.gateway import Gateway, serving


@pytest.fixture
def gateway(cloud: Settings, programme: Programme) -> Iterator[Gateway]:
    with serving(cloud, programme) as gateway:
        yield gateway
