"""The port to a financial service provider (FSP), which moves the money."""

from __future__ import annotations

from dataclasses import dataclass
from enum import StrEnum
from typing import Protocol

from .rules import Answer, Entitlement


class Found(StrEnum):
    """What a provider says of an account."""

    FOUND = "FOUND"
    NOT_FOUND = "NOT_FOUND"
    UNKNOWN = "UNKNOWN"
    """No answer, or none yet: ask again."""
    NOT_OFFERED = "NOT_OFFERED"
    """It does not answer such questions about this bank or wallet."""


@dataclass(frozen=True, repr=False)
class Inquiry:
    """The answer to an account inquiry; if FOUND, under which name it is held. Has no repr that could leak."""

    outcome: Found
    holder_name: str = ""


class Address(Protocol):
    """A person's bank account or wallet; `code` is one of the programme's `payouts.codes`."""

    @property
    def code(self) -> str: ...
    @property
    def account_number(self) -> str: ...
    @property
    def holder_name(self) -> str: ...


class Fsp(Protocol):
    """A provider. The idempotency key of an instruction is its reference too.

    No method raises for anything that the provider or the network does: time-outs, 5xx and nonsense are
    `Outcome.UNKNOWN`, a status in unknown words is `Outcome.PENDING`.
    """

    @property
    def rail(self) -> str:
        """A short name, stored with each attempt."""
        ...

    def inquire(self, address: Address) -> Inquiry:
        """Under which name the provider knows an account. Soon answered or UNKNOWN: people wait for it."""
        ...

    def render(self, reference: str, entitlement: Entitlement, address: Address) -> bytes:
        """The exact bytes of the instruction: the same arguments give the same bytes."""
        ...

    def send(self, key: str, body: bytes) -> Answer:
        """Instruct the provider. The same key and bytes never pay twice while the provider remembers the key."""
        ...

    def status(self, reference: str) -> Answer:
        """What the provider knows of a reference now; NOT_FOUND if nothing."""
        ...
