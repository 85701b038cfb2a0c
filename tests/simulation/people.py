"""Registrations for payouts: exclusion lists and financial addresses, which change during a schedule."""

from __future__ import annotations

from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial

from msgspec.structs import replace

from chalicelib.registration.errors import Excluded
from chalicelib.registration.rules import AddressCheck, FinancialAddress, Payee, Verdict
from tests.builders.payouts.world import sealed, unsealed

from .ports import KMS, Nature, Port
from .store import GET, UPDATE

_CHECKED = AddressCheck(Verdict.MATCHED, 100, datetime(2026, 11, 24, tzinfo=UTC))
"""The provider has been asked about an account before."""


def holder(person: str) -> str:
    """The name that a person gives."""
    return f"Holder {person.replace('-', ' ')}"


@dataclass
class MemoryPeople:
    """A person is their id. `owners`: whose an account is or was. `excluded`: since which step.

    `unlike`: accounts that the bank knows under another name, so that nothing may go there.
    """

    nature: Nature
    given: dict[str, FinancialAddress] = field(default_factory=dict)
    owners: dict[str, str] = field(default_factory=dict)
    excluded: dict[str, int] = field(default_factory=dict)
    unlike: set[str] = field(default_factory=set)
    waits: dict[str, datetime] = field(default_factory=dict)
    """From when an account is paid to."""

    @property
    def addresses(self) -> MemoryPeople:
        return self

    def move(
        self, person: str, *, checked: bool = True, unlike: bool = False, pay_from: datetime | None = None
    ) -> None:
        """A new account of their own; unless `checked`, the provider has yet to be asked about it."""
        account, before = f"{len(self.owners) + 1:010}", self.given.get(person)
        self.owners[account] = person
        if unlike:
            self.unlike.add(account)
        check = _CHECKED if checked and not unlike else None
        version = before.version + 1 if before else 1
        address = FinancialAddress("BNI", account, holder(person), version, check, holder(person), pay_from)
        self.given[person] = address
        if pay_from is not None:
            self.waits[account] = pay_from

    def keep_check(
        self, registrant_id: str, version: int, check: AddressCheck, *, again: bool, named: int | None = None
    ) -> bool:
        assert not again, "workers ask about what nothing is known of"

        def write() -> bool:
            address = self.given[registrant_id]
            if address.version == version:
                self.given[registrant_id] = replace(address, check=check)
            return address.version == version

        return self.nature.call(Port.WRITE, f"keep check of {registrant_id}", write, UPDATE)

    def held_under(self, account: str) -> str:
        """The name that the bank has for an account."""
        return "SOMEBODY ELSE ENTIRELY" if account in self.unlike else holder(self.owners[account]).upper()

    def payee(self, registrant_id: str) -> Payee | None:
        address = self.nature.call(Port.GET, f"address of {registrant_id}", lambda: self.given.get(registrant_id), GET)
        if address is None:
            return None
        seal = self.nature.call(Port.GET, f"key of {registrant_id}", lambda: partial(sealed, registrant_id), KMS)
        return Payee(registrant_id, address, seal)

    def check_not_excluded(self, registrant: str) -> None:
        if self.nature.call(Port.GET, f"is {registrant} excluded", lambda: registrant in self.excluded, GET):
            raise Excluded()

    def is_confirmed(self, _registrant: str) -> bool:
        return True  # no registry has a say here

    def unseal(self, registrant_id: str, body: bytes) -> bytes:
        opened = partial(unsealed, registrant_id, body)
        return self.nature.call(Port.GET, f"unseal for {registrant_id}", opened, KMS)
