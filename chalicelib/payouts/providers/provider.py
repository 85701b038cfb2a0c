"""The two ports to a financial service provider (FSP): it moves the money, and its statement says what it did.

The configuration says which provider pays each bank or wallet; an attempt stays with the provider that it had. The
ledger is compared with the statement, which settles nothing. The statement is another source than the status query that
settles payments, because comparing with that one again would prove nothing.
"""

from __future__ import annotations

from collections.abc import Iterator, Mapping, Sequence
from datetime import datetime
from enum import StrEnum
from typing import Protocol

from ...figures.benefits import PayoutCode
from ...money import Rupiah
from ...registration.rules import FinancialAddress
from ...values import Hidden, Value
from ..rules import Answer, Entitlement


class InquiryOutcome(StrEnum):
    """What a provider says of an account."""

    FOUND = "FOUND"
    NOT_FOUND = "NOT_FOUND"
    UNKNOWN = "UNKNOWN"
    """No answer, or none yet: ask again."""
    NOT_OFFERED = "NOT_OFFERED"
    """It does not answer such questions about this bank or wallet."""


class Inquiry(Hidden, frozen=True):
    """The answer to an account inquiry; if FOUND, with the holder's name. Its repr leaves the name out."""

    outcome: InquiryOutcome
    holder_name: str = ""


class Provider(Protocol):
    """A provider. The idempotency key of an instruction is its reference too.

    No method raises for what the provider or the network does: time-outs, 5xx and nonsense are `Outcome.UNKNOWN`, a
    status in unknown words is `Outcome.PENDING`.
    """

    @property
    def rail(self) -> str:
        """A short name, stored with each attempt."""
        ...

    def inquire(self, address: FinancialAddress) -> Inquiry:
        """Under which name the provider knows an account. Answers soon, or UNKNOWN: people wait for it."""
        ...

    def render(self, reference: str, entitlement: Entitlement, address: FinancialAddress) -> bytes:
        """The exact bytes of the instruction: the same arguments give the same bytes."""
        ...

    def send(self, key: str, body: bytes) -> Answer:
        """Instruct the provider. The same key and bytes never pay twice while the provider remembers the key."""
        ...

    def status(self, reference: str) -> Answer:
        """What the provider knows of a reference now; NOT_FOUND if nothing."""
        ...


class Providers:
    """The providers by their names, and which one serves which of the programme's `payouts.codes`."""

    def __init__(self, providers: Mapping[str, Provider], codes: Mapping[str, PayoutCode]) -> None:
        self._providers = providers
        self._codes = codes

    def serves(self, code: str) -> bool:
        """Whether a bank or wallet is paid now; people may have accounts at one that was taken out."""
        return code in self._codes

    def of_code(self, code: str) -> Provider:
        """The provider that pays into a bank or wallet now."""
        return self._providers[self._codes[code].rail]

    def named(self, rail: str) -> Provider:
        """The provider of an attempt, whatever the configuration says by now."""
        return self._providers[rail]


UNNAMED = "unnamed"
"""The id of a transaction whose own id cannot be read."""


class Entry(StrEnum):
    """What a line says of one movement of money, whatever the provider's words."""

    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    """Over, and no money moved."""
    REVERSED = "REVERSED"
    """The money has come back, or was set aside and never left."""
    UNREADABLE = "UNREADABLE"
    """Incomplete, or in words that this programme does not know."""


class StatementLine(Value, frozen=True):
    """One transaction as it stands: `id` is the provider's, `word` its own word for the status; none of it is personal.

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
        """Every transaction whose latest change was at `since` or later and before `until`, in any order.

        A transaction that changes later belongs to the time of its later change. One without a readable time of change
        counts as of `since` and is UNREADABLE.
        """
        ...

    def of(self, references: Sequence[str]) -> Mapping[str, Sequence[StatementLine]]:
        """Every transaction of each reference, whenever it was; a reference without any may be left out."""
        ...
