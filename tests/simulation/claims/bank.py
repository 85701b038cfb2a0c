"""A bank that pays or fails, and says which at once or days later. The product's worker asks and instructs it."""

from __future__ import annotations

import random
from collections.abc import Callable
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

from chalicelib.money import rupiah
from chalicelib.payouts.address_checks import AddressBook
from chalicelib.payouts.ledger.store import PayoutStore
from chalicelib.payouts.providers.provider import Inquiry, Providers
from chalicelib.payouts.rules import Answer, Entitlement, Outcome, entitlement_of
from chalicelib.payouts.worker import Ports, Worker
from chalicelib.registration.rules import AddressCheck, FinancialAddress, Payee, Registrant, Verdict
from chalicelib.registration.service import Registrations
from tests.conftest import T0

from ..accounts.processes import PROGRAMME
from .world import World

_ADDRESS = FinancialAddress("BNI", "0000000001", "Pemilik", check=AddressCheck(Verdict.MATCHED, 100, T0))
"""Of everybody. Accounts have a simulation of their own (`tests/simulation/people.py`)."""
Sent = Callable[[Entitlement, Registrant | None, int], None]


class Bank:
    """`sent` is told of each entitlement whose first instruction arrives, of its person as the worker read them, and
    how many writes there had been when the worker began. The person is None if a later worker sends it.
    """

    def __init__(self, world: World, dice: random.Random, store: PayoutStore, sent: Sent) -> None:
        self._world, self._dice, self._store, self.sent = world, dice, store, sent
        self.paid: set[str] = set()
        """References of the attempts that paid."""
        self._known_at: dict[str, datetime] = {}

    def look(self, one: Entitlement, now: datetime) -> None:
        """A worker takes up an entitlement."""
        people = _People(self._world.services.registrations)
        provider: Any = _Instructed(self, one, people, self._world.cloud.written)
        providers = Providers({provider.rail: provider}, PROGRAMME.payouts.codes)
        allowance: Any = SimpleNamespace(spend=lambda *_: None, give_back=lambda *_: None)
        registrations: Any = people
        book = AddressBook(registrations, providers, PROGRAMME.payouts.name_score_min)
        figures = self._world.services.programme.payouts
        Worker(self._store, Ports(book, registrations, providers, allowance), figures).process(one.id, now)

    def take(self, key: str) -> bool:
        """An instruction arrives; whether it is the first of its reference."""
        if key in self._known_at:
            return False
        if self._dice.random() < 0.8:
            self.paid.add(key)
        self._known_at[key] = self._world.now + timedelta(hours=self._dice.choice([0, 0, 30, 60]))
        return True

    def word(self, key: str, amount_idr: int) -> Answer:
        known_at = self._known_at.get(key)
        if known_at is None:
            return Answer(Outcome.NOT_FOUND, "NOT_FOUND")
        if self._world.now < known_at:
            return Answer(Outcome.PENDING, "ACCEPTED", rupiah(amount_idr))
        outcome = Outcome.SUCCEEDED if key in self.paid else Outcome.FAILED
        return Answer(outcome, outcome.value, rupiah(amount_idr))


class _People:
    """The registrations. Each person in them has an account at the bank."""

    def __init__(self, registrations: Registrations) -> None:
        self._registrations, self.addresses = registrations, self
        self.is_confirmed, self.check_not_excluded = registrations.is_confirmed, registrations.check_not_excluded
        self.read: Registrant | None = None

    def payee(self, registrant_id: str) -> Payee:
        self.read = self._registrations.registrant(registrant_id)
        return Payee(self.read, _ADDRESS, bytes, contested=self.read.contested)

    def unseal(self, _registrant_id: str, body: bytes) -> bytes:
        return body


class _Instructed:
    """The bank as one worker meets it while it looks at one entitlement."""

    rail = PROGRAMME.payouts.codes[_ADDRESS.code].rail

    def __init__(self, bank: Bank, one: Entitlement, people: _People, began: int) -> None:
        self._bank, self._one, self._people, self._began = bank, one, people, began

    def inquire(self, _address: FinancialAddress) -> Inquiry:
        raise AssertionError("every account was asked about")

    def render(self, reference: str, _one: Entitlement, _address: FinancialAddress) -> bytes:
        return reference.encode()

    def send(self, key: str, _body: bytes) -> Answer:
        self._bank._world.scheduler.pause()
        assert entitlement_of(key) == self._one.id
        if self._bank.take(key):
            self._bank.sent(self._one, self._people.read, self._began)
        self._bank._world.scheduler.pause()
        return self.status(key)

    def status(self, reference: str) -> Answer:
        return self._bank.word(reference, self._one.amount_idr)
