"""A world of payouts whose days are compared with the sandbox's own list of transactions."""

from __future__ import annotations

import json
from datetime import date, datetime
from typing import Any

import boto3

from chalicelib.clock import WIB
from chalicelib.config import Programme, Settings
from chalicelib.payouts.providers.provider import Statements
from chalicelib.payouts.providers.xendit_statements import XenditStatements
from chalicelib.payouts.reconciliation import day_rules
from chalicelib.payouts.reconciliation.day_rules import DayReport
from chalicelib.payouts.reconciliation.nightly import DayComparison, DayStore, NightlyComparison
from tests.conftest import REGION

from .world import API_KEY, World

RAIL = "xendit-v2"


def compare(comparison: DayComparison, day: date, now: datetime) -> DayReport:
    """Compare one day now, whatever was compared before."""
    return day_rules.whole(day, [comparison.part(piece, now) for piece in comparison.slices(day, now)])


class Days(World):
    """`now` is set by WIB times; `statements` may be replaced before a comparison is made."""

    def __init__(self, settings: Settings, programme: Programme) -> None:
        super().__init__(settings, programme)
        self.s3 = boto3.client("s3", REGION)
        self.bucket = settings.reports_bucket
        self.statements: Statements = XenditStatements(self.sandbox.url, 20, lambda: API_KEY, lambda _: None)
        self.days = DayStore(self.s3, self.bucket)
        self.services.day_comparison = self.comparison

    def at(self, day: int, hour: int, minute: int = 0, second: int = 0) -> datetime:
        """Make it this time of November 2026 in WIB."""
        self.now = datetime(2026, 11, day, hour, minute, second, tzinfo=WIB)
        return self.now

    def pay(self, name: str, account: str = "1234567890") -> str:
        """Entitle and process once, now."""
        entitlement = self.entitle(self.person(name, account))
        self.worker.process(entitlement, self.now)
        return entitlement

    def comparison(self) -> DayComparison:
        return DayComparison(self.store, {RAIL: self.statements})

    def report(self, day: int) -> DayReport:
        """One day, compared now."""
        return compare(self.comparison(), date(2026, 11, day), self.now)

    def found(self, day: int) -> list[tuple[str, str]]:
        """Difference and subject of each finding."""
        return [(each.difference.value, each.subject) for each in self.report(day).found]

    def daily(self) -> NightlyComparison:
        return NightlyComparison(self.comparison(), self.days, "gelombang-test")

    def book(self, reference: str, amount: int = 600_000, key: str = "another key") -> None:
        """A payout in the provider's books that was not made here."""
        body: dict[str, Any] = {
            "reference_id": reference,
            "channel_code": "ID_BNI",
            "channel_properties": {"account_number": "999111", "account_holder_name": "Holder"},
            "amount": amount,
            "currency": "IDR",
        }
        self.sandbox.books.send(key, json.dumps(body).encode())
