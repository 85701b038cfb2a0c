"""What the table of the help desk keeps about a person (docs/privacy.md)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ..aws.dynamodb import get_rows, rows_of
from ..privacy.rules import Held
from .store import HelpdeskTable


def of_helpdesk(registrant_id: str, _now: datetime) -> Iterator[Held]:
    """How many are unanswered, the grievances, then their numbers. One query, and a batch get for each 100."""
    numbers = list[tuple[str, str]]()
    for row in rows_of(HelpdeskTable, f"H#{registrant_id}"):
        filed = row["sk"]["S"].startswith("G#")
        yield Held("grievance" if filed else "open_grievances", row)
        numbers += [(f"N#{row['sk']['S'].rpartition('#')[2]}", "NUMBER")] if filed else []
    found = get_rows(HelpdeskTable, numbers, None)
    yield from (Held("grievance_number", row) for row in sorted(found, key=lambda one: str(one["pk"]["S"])))
