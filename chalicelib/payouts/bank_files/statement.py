"""The bank's imported reports as a provider's statement: the latest kept word on each transfer, as of its import.

What an import applied to nothing (references that are not ours, other amounts) is no line here: the import reports it.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, datetime

from ..providers.statements import Entry, StatementLine
from ..rules import Outcome
from .store import BankStore

_ENTRIES = {
    Outcome.PENDING: Entry.PENDING,
    Outcome.SUCCEEDED: Entry.SUCCEEDED,
    Outcome.FAILED: Entry.FAILED,
    Outcome.REJECTED: Entry.FAILED,
    Outcome.REVERSED: Entry.REVERSED,
}
_LONG_AGO = datetime(1970, 1, 1, tzinfo=UTC)


class BankStatements:
    """See the port. One transfer is one transaction, named by its reference."""

    def __init__(self, store: BankStore) -> None:
        self._store = store

    def between(self, since: datetime, until: datetime) -> Iterator[StatementLine]:
        """What was kept from `since` to before `until`."""
        return self._lines(self._store.said_between(since, until))

    def of(self, references: Sequence[str]) -> Mapping[str, Sequence[StatementLine]]:
        """What was kept of each reference, dated long ago: no kept word is still on its way."""
        return {line.reference: [line] for line in self._lines(dict.fromkeys(references, _LONG_AGO))}

    def _lines(self, said: Mapping[str, datetime]) -> Iterator[StatementLine]:
        for reference, note in self._store.notes(said).items():
            if note.counts is not None:
                answer = note.counts.answer
                entry = _ENTRIES.get(answer.outcome, Entry.UNREADABLE)
                amount, word = answer.amount_idr, answer.fact or entry.value
                yield StatementLine(reference, reference, amount, entry, word, said[reference])
