"""The terms of answered grievances: first the evidence of an appeal goes, then all of it."""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from ..aws.dynamodb import LegsFailed, Transaction, update_if
from ..clock import parse_iso
from ..figures.people import RetentionRules
from .store import GrievanceItem, NumberItem


class AnsweredTerms:
    def __init__(self, transaction: Callable[[], Transaction], figures: RetentionRules) -> None:
        self._transaction = transaction
        self._evidence = timedelta(days=figures.evidence_days)
        self._whole = timedelta(days=figures.grievances_days)

    def end(self, rows: Sequence[Mapping[str, Any]], now: datetime) -> Counter[str]:
        """End what is past its term; a transaction or a write for each. Returns how many `grievances` and `evidence`
        went.
        """
        gone = Counter[str]()
        for row in rows:
            answered = row["sk"]["S"].startswith("G#") and row.get("answered_at")
            if answered and parse_iso(answered["S"]) + self._whole <= now:
                gone["grievances"] += self._forget(row)
            elif answered and "evidence" in row and parse_iso(answered["S"]) + self._evidence <= now:
                item = GrievanceItem(row["pk"]["S"], row["sk"]["S"])
                gone["evidence"] += update_if(item, [GrievanceItem.evidence.remove()], GrievanceItem.evidence.exists())
        return gone

    def _forget(self, row: Mapping[str, Any]) -> bool:
        """Delete a grievance with its number. False if it is gone."""
        item = GrievanceItem(row["pk"]["S"], row["sk"]["S"])
        try:
            with self._transaction() as tx:
                tx.delete("number", NumberItem(f"N#{item.sk.rpartition('#')[2]}", "NUMBER"))
                tx.delete("grievance", item, GrievanceItem.answered_at.exists())
        except LegsFailed:
            return False
        return True
