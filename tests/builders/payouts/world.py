"""A world for payouts: the ledger and its queue on moto, and the sandbox provider over HTTP on loopback."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import timedelta
from functools import partial
from typing import Any

import msgspec
from msgspec.structs import replace

from chalicelib.aws import dynamodb
from chalicelib.config import Programme, Settings
from chalicelib.payouts import rules, service
from chalicelib.payouts.ledger.items import PayoutsTable
from chalicelib.payouts.providers.provider import Provider, Providers
from chalicelib.payouts.providers.xendit import Xendit
from chalicelib.payouts.reconciliation import whole_ledger
from chalicelib.payouts.reconciliation.whole_ledger import BookLine, Disagreement, ProviderBooks
from chalicelib.payouts.rules import Kind, State
from chalicelib.payouts.worker import Worker
from chalicelib.registration.errors import Excluded, NotConfirmed
from chalicelib.registration.rules import AddressCheck, FinancialAddress, Payee, Verdict
from chalicelib.waves.rules import Beneficiary
from chalicelib.wiring import Services
from local.sandbox.provider import Sandbox
from tests.builders.aws.calls import drained, wipe
from tests.builders.people import beneficiary
from tests.conftest import REGION, T0

API_KEY = "test-api-key"
CALLBACK_TOKEN = "test-callback-token"
WAVE = 143
CHECKED = AddressCheck(Verdict.MATCHED, 100, T0)
"""The provider has been asked about an account, and nothing stands in the way."""


class Addresses(dict[str, FinancialAddress]):
    """By person."""

    def payee(self, registrant_id: str) -> Payee | None:
        return payee(registrant_id, self[registrant_id]) if registrant_id in self else None

    def keep_check(
        self, registrant_id: str, version: int, check: AddressCheck, *, again: bool, named: int | None = None
    ) -> bool:
        address = self[registrant_id]
        if address.version != version:
            return False
        self[registrant_id] = replace(address, check=check)
        return True


@dataclass
class People:
    """Registrations as payouts see them."""

    addresses: Addresses = field(default_factory=Addresses)
    excluded: set[str] = field(default_factory=set)
    unconfirmed: set[str] = field(default_factory=set)

    def is_confirmed(self, registrant: Any) -> bool:
        return registrant not in self.unconfirmed

    def check_not_excluded(self, registrant: Any) -> None:
        if registrant in self.excluded:
            raise Excluded()

    def check_may_spend(self, registrant_id: str, *, given: bool = True) -> None:
        if registrant_id in self.unconfirmed or not given:
            raise NotConfirmed()
        if self.is_excluded(registrant_id):
            raise Excluded()

    def is_excluded(self, registrant_id: str) -> bool:
        return registrant_id in self.excluded

    def seal(self, registrant_id: str, plain: bytes) -> bytes:
        return sealed(registrant_id, plain)

    def unseal(self, registrant_id: str, sealed: bytes) -> bytes:
        return unsealed(registrant_id, sealed)


def payee(registrant_id: str, address: FinancialAddress) -> Payee:
    """A person is their id."""
    who: Any = registrant_id
    return Payee(who, address, partial(sealed, registrant_id))


def sealed(registrant_id: str, plain: bytes) -> bytes:
    """Not secret, but what is stored is not what is sent, and it opens for its own person only."""
    return registrant_id.encode() + b"\0" + plain[::-1]


def unsealed(registrant_id: str, sealed: bytes) -> bytes:
    """Opens what `sealed` made."""
    owner, _, reversed_plain = sealed.partition(b"\0")
    assert owner == registrant_id.encode(), "sealed for another person"
    return reversed_plain[::-1]


class AnyCode(Providers):
    """One provider for every bank and wallet, under whatever name."""

    def __init__(self, fsp: Provider) -> None:
        self._fsp = fsp

    def serves(self, code: str) -> bool:
        return True

    def of_code(self, code: str) -> Provider:
        return self._fsp

    def named(self, rail: str) -> Provider:
        return self._fsp


def built(settings: Settings, programme: Programme, people: Any, provider: Provider) -> Services:
    """The services of payouts, for these people and by this provider."""
    services: Any = Services(settings, programme)
    services.registrations, services.providers = people, AnyCode(provider)
    return services


def new_worker(services: Any) -> Worker:
    """A worker with an allowance of its own, as each process has."""
    vars(services).pop("payout_worker", None)
    return services.payout_worker


class World:
    """Everything a payout meets. `now` moves only when a test moves it; the provider's clock is the same."""

    def __init__(
        self,
        settings: Settings,
        programme: Programme,
        wrap: Callable[[Provider], Provider] = lambda fsp: fsp,
        seed: str = "seed",
    ) -> None:
        self.now = T0
        self.rules = programme.payouts
        self.sandbox = Sandbox(seed, api_key=API_KEY, clock=lambda: self.now.timestamp())
        self.people = People()
        self.fsp = wrap(Xendit(self.sandbox.url, 20, lambda: API_KEY))
        self.services = built(settings, programme, self.people, self.fsp)
        self.store, self.payouts = self.services.payout_store, self.services.payouts
        self.worker, self.administration = self.services.payout_worker, self.services.payout_administration
        self._queue_url = settings.payouts_queue_url

    def person(self, registrant_id: str, account_number: str = "1234567890") -> Beneficiary:
        """Somebody with an account that has been asked about."""
        address = FinancialAddress("BNI", account_number, f"Holder {registrant_id}", check=CHECKED)
        self.people.addresses[registrant_id] = address
        return beneficiary(registrant_id)

    def entitle(self, who: Beneficiary, kind: Kind = Kind.INCENTIVE) -> str:
        with dynamodb.Transaction(REGION) as tx:
            return self.payouts.entitle(tx, who, kind, self.now)

    def state(self, entitlement_id: str) -> State:
        return self.store.get(entitlement_id).state

    def later(self, **delta: float) -> None:
        self.now += timedelta(**delta)

    def messages(self) -> list[str]:
        """Take every message off the queue."""
        return [message["Body"] for message in drained(self._queue_url)]

    def deliver(self, body: str) -> bool:
        """Hand a message to the consumer; True if it is done with."""
        record = {"messageId": "m-1", "body": body}
        return service.consume([record], self.worker, self.now) == {"batchItemFailures": []}

    def run_to_rest(self) -> None:
        """Sweep and deliver, with the passing of time, until all is settled or only what waits for a person is left."""
        for _ in range(8):
            self.later(seconds=self.rules.requeue_after_s * self.rules.held_look_factor + 1)
            self.payouts.sweep(self.now)
            for body in self.messages():
                self.deliver(body)
            if all(each.state in {State.PAID, State.CANCELLED, State.REVERSED} for each in self.store.everything()):
                return

    def books(self) -> list[BookLine]:
        return msgspec.convert(self.sandbox.books.report(), ProviderBooks).payouts

    def disagreements(self) -> list[Disagreement]:
        return whole_ledger.compare(self.store.everything(), self.books())

    def wipe(self) -> None:
        wipe(PayoutsTable)


@contextmanager
def running(world: World) -> Iterator[World]:
    with world.sandbox:
        yield world


def incentive_id(registrant_id: str) -> str:
    return rules.entitlement_id(WAVE, registrant_id, Kind.INCENTIVE)
