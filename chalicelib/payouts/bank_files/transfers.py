"""The provider that is paid through files and answers with files: a bank.

Nothing is called here. An instruction is rendered and kept with its attempt; people put it into a file (`export`). What
the bank's reports say of it is kept (`reports`) and answers the status query. So the worker treats a bank as any other
provider. The reference is the `EndToEndId` (at most 35 characters; ours have 31). Keys do not expire here: an
instruction in no file has not been sent, and a reference is in one file at most.

The words that were kept are also the bank's statement: the latest word on each transfer, dated by its import. Lines
that an import did not apply are not in it; the import reports them.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import UTC, date, datetime

import msgspec
from msgspec import Struct

from ...figures.benefits import PayoutCode
from ...money import Rupiah
from ...registration.rules import FinancialAddress
from ...values import Value
from ..providers.provider import Entry, Inquiry, InquiryOutcome, StatementLine
from ..rules import Answer, Entitlement, Outcome
from .store import RAIL, BankStore


class Transfer(Struct, frozen=True):
    """One credit transfer, as an attempt keeps it (sealed): whole rupiah to an account at the bank with this BIC."""

    reference: str
    bic: str
    account_number: str
    holder_name: str
    amount_idr: int
    remittance: str


class Order(Value, frozen=True):
    """All that a file says: its own name, when it was made, when the bank is to pay, and the transfers."""

    batch: str
    made_at: datetime
    execute_on: date
    transfers: tuple[Transfer, ...]

    @property
    def sum_idr(self) -> Rupiah:
        return Rupiah(sum(each.amount_idr for each in self.transfers))


class BankFile:
    """See the module. `codes` are the programme's; each that is paid by this rail has a BIC (`config` checks it)."""

    rail = RAIL

    def __init__(self, store: BankStore, codes: Mapping[str, PayoutCode]) -> None:
        self._store = store
        self._codes = codes

    def inquire(self, address: FinancialAddress) -> Inquiry:  # noqa: ARG002 - the port's
        """Such a bank answers no questions; a wrong account comes back as a rejection."""
        return Inquiry(InquiryOutcome.NOT_OFFERED)

    def render(self, reference: str, entitlement: Entitlement, address: FinancialAddress) -> bytes:
        """JSON with the fields always in the same order; the text for the person's statement comes last."""
        bic = self._codes[address.code].bic
        if bic is None:
            raise ValueError(f"{address.code} has no BIC")
        remittance = f"Gelombang {entitlement.wave} {entitlement.kind.value}"
        amount = entitlement.amount_idr
        return msgspec.json.encode(
            Transfer(reference, bic, address.account_number, address.holder_name, amount, remittance)
        )

    def send(self, key: str, body: bytes) -> Answer:  # noqa: ARG002 - the port's; the ledger keeps the body
        """Nothing is sent: the attempt waits for the next file."""
        if not key.strip():
            raise ValueError("a sending needs a reference")
        return Answer(Outcome.PENDING, "awaits_bank_file")

    def status(self, reference: str) -> Answer:
        """What the bank said, or PENDING; an instruction of ours is never NOT_FOUND."""
        return self._store.answer(reference) or Answer(Outcome.PENDING, "awaits_bank_file")


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
        """What was kept of each reference, dated long ago, because no kept word is still on its way."""
        return {line.reference: [line] for line in self._lines(dict.fromkeys(references, _LONG_AGO))}

    def _lines(self, said: Mapping[str, datetime]) -> Iterator[StatementLine]:
        for reference, note in self._store.notes(said).items():
            if note.counts is not None:
                answer = note.counts.answer
                entry = _ENTRIES.get(answer.outcome, Entry.UNREADABLE)
                amount, word = answer.amount_idr, answer.fact or entry.value
                yield StatementLine(reference, reference, amount, entry, word, said[reference])
