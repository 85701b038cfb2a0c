"""What the table of jobs keeps about a person (docs/privacy.md)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ..aws.dynamodb import get_rows, rows_of
from ..privacy.rules import Held
from .store import ApplicationItem, JobsTable, applicant_of


def of_jobs(registrant_id: str, _now: datetime) -> Iterator[Held]:
    """The applications, then what the partners are shown. One query, and a batch get for each 100 that are shown."""
    shown = list[tuple[str, str]]()
    for row in rows_of(JobsTable, f"A#{registrant_id}"):
        yield Held("job_application", row)
        if "withdrawn_at" not in row:
            shown.append(applicant_of(ApplicationItem.from_raw_data(row)))
    found = get_rows(JobsTable, shown, None)
    yield from (Held("shared_application", row) for row in sorted(found, key=lambda one: str(one["pk"]["S"])))
