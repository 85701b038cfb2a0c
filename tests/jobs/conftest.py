"""A job market for each test."""

from __future__ import annotations

from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest

from chalicelib.config import Programme, Settings
from tests.builders.jobs import Market, open_market
from tests.conftest import cloud as cloud_of_one_test


@pytest.fixture(scope="module")
def one_cloud() -> Iterator[Settings]:
    """One cloud for all tests of a file, where each only needs an empty table."""
    with contextmanager(cloud_of_one_test.__wrapped__)(None) as settings:
        yield settings


@pytest.fixture
def empty(one_cloud: Settings, no_real_cloud: None) -> Settings:
    """That cloud, its table `jobs` empty."""
    table = boto3.resource("dynamodb", one_cloud.region).Table(one_cloud.table("jobs"))
    for row in table.scan()["Items"]:
        table.delete_item(Key={"pk": row["pk"], "sk": row["sk"]})
    return one_cloud


@pytest.fixture
def market(empty: Settings, programme: Programme) -> Market:
    """A job market with nobody and nothing in it."""
    return open_market(empty, programme)
