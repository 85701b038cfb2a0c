"""What the table of notices keeps about a person (docs/privacy.md)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ..aws.dynamodb import get_rows, rows_of
from ..privacy.rules import Held
from .store import NoticesTable


def of_notices(registrant_id: str, _now: datetime) -> Iterator[Held]:
    """The notices, the mailbox with its closed contacts, and the link that ends reminders. Two queries, one get."""
    yield from (Held("notice", row) for row in rows_of(NoticesTable, f"N#{registrant_id}"))
    for row in rows_of(NoticesTable, f"M#{registrant_id}"):
        yield Held("mailbox" if row["sk"]["S"] == "MAILBOX" else "closed_contact", row)
        if "token" in row:
            found = get_rows(NoticesTable, [(f"U#{row['token']['S']}", "TOKEN")], None)
            yield from (Held("reminder_link", one) for one in found)
