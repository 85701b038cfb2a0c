"""Exclusion lists, and the command line for them."""

from __future__ import annotations

from types import SimpleNamespace

import pytest

from admin.deployment import stages
from chalicelib.aws import dynamodb
from chalicelib.aws.admin_acts import Journal
from chalicelib.registration.exclusions import service
from chalicelib.registration.exclusions.service import ExclusionLists
from chalicelib.registration.items import ExclusionActItem, RegistrationsTable
from chalicelib.registration.store import RegistrationStore
from chalicelib.wiring import Services
from tests.builders.commands import invoke
from tests.builders.registration import vault
from tests.conftest import T0
from tests.registration.exclusions.excluding import SIGNED


@pytest.fixture(autouse=True)
def small(monkeypatch):
    """A table that is read in one part, as moto knows no segments."""
    monkeypatch.setattr(service, "SEGMENTS", 1)


@pytest.fixture
def lists(cloud):
    dynamodb.bind(RegistrationsTable, cloud.table("registrations"), cloud.region)
    return ExclusionLists(RegistrationStore(cloud.region), vault(cloud), Journal(ExclusionActItem))


@pytest.fixture
def gelombang(lists, cloud, programme, monkeypatch):
    services = Services(cloud, programme, lambda: T0)
    monkeypatch.setattr(stages, "load", lambda _: SimpleNamespace(services=services))
    monkeypatch.setattr(stages, "caller", lambda: SIGNED[0])

    def run(command, *arguments, **options):
        approved = ["--yes"] if command in ("import", "approve") and not options else []
        return invoke(["exclusion", command, "--stage", "test", *map(str, arguments), *approved], **options)

    return run
