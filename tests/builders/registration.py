"""People with valid defaults, and the registration service on the test's cloud."""

from __future__ import annotations

from datetime import date
from typing import Any

import boto3
import msgspec

from chalicelib.config import Programme, Settings
from chalicelib.registration.rules import Education, Employment
from chalicelib.registration.service import Registrations
from chalicelib.registration.wire import FinancialAddressForm, RegistrationForm
from chalicelib.vault import Vault
from chalicelib.wiring import Services

SITI = RegistrationForm(
    nik="3174095708950001",
    kk="3174091203180002",
    name="Siti Aminah",
    birth_date=date(1995, 8, 17),
    phone="0812-3456-7890",
    province="31",
    regency="3174",
    education=Education.SENIOR_HIGH,
    employment=Employment.JOBSEEKER,
    consent_version="2026-01",
)
ACCOUNT = FinancialAddressForm(code="BNI", account_number="0123456789", holder_name="Siti Aminah")


def form(**changes: Any) -> RegistrationForm:
    """Siti's form, changed."""
    return msgspec.structs.replace(SITI, **changes)


def other_form(n: int, **changes: Any) -> RegistrationForm:
    """The form of somebody else, another one for each n below 10,000."""
    return form(nik=f"317409570895{n:04d}", phone=f"081234{n:06d}", **changes)


def vault(cloud: Settings) -> Vault:
    """The vault on the test's keys."""
    return Vault(lambda: boto3.client("kms", cloud.region), cloud.mac_key, cloud.data_key)


def registrations(cloud: Settings, programme: Programme, with_vault: Vault | None = None) -> Registrations:
    """The service on the test's table."""
    services = Services(cloud, programme)
    if with_vault is not None:
        services.vault = with_vault
    return services.registrations


def rows(cloud: Settings, prefix: str = "") -> list[dict[str, Any]]:
    """What the table holds in partitions that begin so, in DynamoDB's own form."""
    items = boto3.client("dynamodb", cloud.region).scan(TableName=cloud.table("registrations"))["Items"]
    return [item for item in items if item["pk"]["S"].startswith(prefix)]


def guards(cloud: Settings, kind: str) -> dict[str, str]:
    """Who holds each guarded number of a kind."""
    return {row["pk"]["S"]: row["registrant"]["S"] for row in rows(cloud, f"U#{kind}#")}
