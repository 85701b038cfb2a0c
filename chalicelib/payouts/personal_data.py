"""What the ledger keeps about a person (docs/privacy.md)."""

from __future__ import annotations

from collections.abc import Iterator, Sequence

from ..aws.dynamodb import rows_of
from ..privacy.rules import Held, known
from .ledger.items import PayoutsTable

_KINDS = {
    "HEAD": "payout",
    "EVENT": "payout_event",
    "PROPOSAL": "payout_proposal",
    "BANK": "bank_transfer",
    "BANKSAID": "bank_rejection",
}


def of_payouts(registrant_id: str, entitlements: Sequence[str]) -> Iterator[Held]:
    """Each of these entitlements with its history, then the plans of monthly payments. A query for each, and one."""
    for one in entitlements:
        for row in rows_of(PayoutsTable, f"P#{one}"):
            yield known("payouts", _KINDS, row)
    for row in rows_of(PayoutsTable, f"PLAN#{registrant_id}"):
        yield Held("payment_plan", row)
