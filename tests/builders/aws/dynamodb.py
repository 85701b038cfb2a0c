"""A cloud with its tables on DynamoDB Local, where transactions are isolated and crowds fit; the rest is on moto."""

from __future__ import annotations

import os
from collections.abc import Iterator
from contextlib import contextmanager

import boto3
import pytest
from pynamodb.models import Model

from bench.aws.tables import create_tables
from chalicelib.accounts.items import AccountsTable
from chalicelib.accounts.signing_in.items import SignInsTable
from chalicelib.aws import dynamodb
from chalicelib.config import Settings
from chalicelib.helpdesk.store import HelpdeskTable
from chalicelib.jobs.store import JobsTable
from chalicelib.notices.store import NoticesTable
from chalicelib.outcomes.store import OutcomesTable
from chalicelib.payouts.ledger.items import PayoutsTable
from chalicelib.registration.items import RegistrationsTable
from chalicelib.training.store import TrainingTable
from chalicelib.waves.store import WavesTable
from local.cloud.patience import patience
from tests.conftest import REGION

TABLES: dict[str, type[Model]] = {
    "accounts": AccountsTable,
    "sign-ins": SignInsTable,
    "registrations": RegistrationsTable,
    "waves": WavesTable,
    "payouts": PayoutsTable,
    "training": TrainingTable,
    "jobs": JobsTable,
    "helpdesk": HelpdeskTable,
    "outcomes": OutcomesTable,
    "notices": NoticesTable,
}


@pytest.fixture(scope="session")
def endpoint() -> Iterator[str]:
    """Where DynamoDB Local is. Transactions keep their client for good: it must be one that talks to it."""
    if "GELOMBANG_TEST_DYNAMODB" not in os.environ:
        pytest.skip("needs DynamoDB Local: make test-dynamodb, make test-scale")
    dynamodb._connection.cache_clear()
    with patience():
        yield os.environ["GELOMBANG_TEST_DYNAMODB"]
    dynamodb._connection.cache_clear()


@contextmanager
def tables_on(endpoint: str, settings: Settings, monkeypatch: pytest.MonkeyPatch) -> Iterator[None]:
    """New, empty tables as the data stack has them."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", endpoint)
    client = boto3.client("dynamodb", REGION)
    names = create_tables(client, settings.stage)
    for domain, table in TABLES.items():
        dynamodb.bind(table, settings.table(domain), REGION)
    dynamodb._connection(REGION).list_tables()  # makes the client; threads would make one each
    yield
    for name in names:
        client.delete_table(TableName=name)
