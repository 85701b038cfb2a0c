"""What the table of outcomes keeps about a person (docs/privacy.md)."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ..aws.dynamodb import rows_of
from ..privacy.rules import Held
from .store import OutcomesTable


def of_surveys(registrant_id: str, _now: datetime) -> Iterator[Held]:
    """The surveys with their answers. One query."""
    yield from (Held("survey", row) for row in rows_of(OutcomesTable, f"S#{registrant_id}"))
