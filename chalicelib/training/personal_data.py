"""What the table of trainings keeps about a person (docs/privacy.md)."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import suppress
from functools import cache

from ..aws.dynamodb import get_rows, rows_of
from ..privacy.rules import Held, Row
from ..registration.errors import NotRegistered
from ..vault import MacKind, PersonKey
from .store import TrainingTable, certificate_guard, is_account


def of_trainings(
    registrant_id: str, key: Callable[[str], PersonKey], mac: Callable[[MacKind, str], str]
) -> Iterator[Held]:
    """The accounts and the trainings, the attended months, then their guards.

    Two queries; a batch get for each 100 guards; with a certificate also the person's key and a call of KMS each.
    """
    key, guards = cache(key), list[tuple[str, str]]()
    for held in taken(registrant_id):
        yield held
        if held.kind == "training":
            guards.append((f"CODE#{held.row['redeem_code']['S']}", "CODE"))
        if "sealed_certificate" in held.row:
            with suppress(NotRegistered):  # only where one table was restored alone
                guards.append(_certificate(held.row, key(registrant_id), mac))
    for row in sorted(get_rows(TrainingTable, guards, None), key=lambda one: str(one["pk"]["S"])):
        yield Held("redeem_code" if row["sk"]["S"] == "CODE" else "certificate", row)


def taken(registrant_id: str) -> Iterator[Held]:
    """The account and the trainings, then the attended months. Two queries."""
    for row in rows_of(TrainingTable, f"T#{registrant_id}"):
        yield Held("training_account" if is_account(row["sk"]["S"]) else "training", row)
    for row in rows_of(TrainingTable, f"M#{registrant_id}"):
        yield Held("attended_month", row)


def _certificate(row: Row, key: PersonKey, mac: Callable[[MacKind, str], str]) -> tuple[str, str]:
    number = key.unseal("certificate/1", row["sealed_certificate"]["B"]).decode()
    return f"CERT#{mac('certificate', certificate_guard(row['partner_id']['S'], number))}", "CERT"
