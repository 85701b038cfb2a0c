"""The port to a provider's own account of what it did, which the ledger is compared with: only read, never believed.

It is another source than the status query that settles payments (`provider.Provider.status`), as comparing with that
one again would prove nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from ...money import Rupiah

UNNAMED = "unnamed"
"""The id of a transaction whose own cannot be read."""


class Entry(StrEnum):
    """What a line says of one movement of money, whatever words the provider used."""

    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    """Over, and no money moved."""
    REVERSED = "REVERSED"
    """The money has come back, or never left after it had been set aside."""
    UNREADABLE = "UNREADABLE"
    """In words that this programme does not know, or not whole."""


@dataclass(frozen=True)
class StatementLine:
    """One transaction as it stands: `id` is the provider's, `word` its own word for it; none of it is personal.

    `amount_idr` is None if it is not a number of whole rupiah. `updated_at` is when the transaction last changed.
    """

    id: str
    reference: str
    amount_idr: Rupiah | None
    entry: Entry
    word: str
    updated_at: datetime


class Statements(Protocol):
    """What one provider says it did. Both methods raise `StatementUnreadable` rather than leave anything out."""

    def between(self, since: datetime, until: datetime) -> Iterator[StatementLine]:
        """Every transaction whose latest change was at `since` or later and before `until`, in no order.

        A transaction that changes later is not there any more: it is in the time of its later change. One of which
        nobody can tell when it changed is there as of `since`, UNREADABLE.
        """
        ...

    def of(self, references: Sequence[str]) -> Mapping[str, Sequence[StatementLine]]:
        """Every transaction of each reference, whenever it was; a reference without any may be left out."""
        ...
