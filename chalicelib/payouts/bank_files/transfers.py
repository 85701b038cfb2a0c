"""The rail on which money goes by a file to a bank, and its answers come back by files.

Nothing is called here: an instruction is rendered and kept with its attempt; people put it into a file (`bank_files`);
what the bank's reports say of it is kept (`bank_reports`), and that is the answer to a status query. So the worker
treats a bank as any other provider. The reference is the `EndToEndId` (at most 35 characters; ours have 31). Keys have
no life here: what is in no file has not been sent, and a reference is in one file at most.
"""

from __future__ import annotations

from collections.abc import Mapping
from dataclasses import dataclass
from datetime import date, datetime
from typing import Protocol

import msgspec
from msgspec import Struct

from ...config import PayoutCode
from ...money import Rupiah
from ...registration.rules import FinancialAddress
from ..providers.provider import Inquiry, InquiryOutcome
from ..rules import Answer, Entitlement, Outcome


class Transfer(Struct, frozen=True):
    """One credit transfer, as an attempt keeps it (sealed): whole rupiah to an account at the bank with this BIC."""

    reference: str
    bic: str
    account_number: str
    holder_name: str
    amount_idr: int
    remittance: str


@dataclass(frozen=True)
class Order:
    """All that a file says: its own name, when it was made, when the bank is to pay, and the transfers."""

    batch: str
    made_at: datetime
    execute_on: date
    transfers: tuple[Transfer, ...]

    @property
    def sum_idr(self) -> Rupiah:
        """The control sum."""
        return Rupiah(sum(each.amount_idr for each in self.transfers))


class Answers(Protocol):
    """What the bank's reports said of a reference; None if nothing."""

    def answer(self, reference: str) -> Answer | None: ...


class BankFile:
    """See the module. `codes` are the programme's; one that is paid by this rail has a BIC (`config` holds it so)."""

    rail = "bank-file"

    def __init__(self, answers: Answers, codes: Mapping[str, PayoutCode]) -> None:
        self._answers = answers
        self._codes = codes

    def inquire(self, address: FinancialAddress) -> Inquiry:  # noqa: ARG002 - the port's
        """A bank that is sent files answers no questions; what is wrong with an account comes back as a rejection."""
        return Inquiry(InquiryOutcome.NOT_OFFERED)

    def render(self, reference: str, entitlement: Entitlement, address: FinancialAddress) -> bytes:
        """JSON with the fields always in the same order; what the person may read on their statement comes last."""
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
        """What the bank said, or that it has said nothing yet; an instruction of ours is never NOT_FOUND."""
        return self._answers.answer(reference) or Answer(Outcome.PENDING, "awaits_bank_file")


def transfer(body: bytes) -> Transfer:
    """The transfer of an attempt's body."""
    return msgspec.json.decode(body, type=Transfer)
