"""Where a person is paid."""

from __future__ import annotations

from datetime import datetime
from typing import Protocol

from .fsp import Address
from .rules import Hold


class Registrations(Protocol):
    """`financial_address` gives the account in the clear, for paying only."""

    def financial_address(self, registrant_id: str) -> Address | None: ...


class AddressBook:
    """What the worker asks before it claims."""

    def __init__(self, registrations: Registrations) -> None:
        self._registrations = registrations

    def for_payment(self, registrant_id: str, _now: datetime) -> Address | Hold:
        """The account in the clear, for paying only; or why none may be paid."""
        return self._registrations.financial_address(registrant_id) or Hold.NO_ADDRESS
