"""A ledger on DynamoDB Local, the sandbox provider, and a list for a queue."""

from __future__ import annotations

from uuid import uuid4

import msgspec

from chalicelib.aws import dynamodb
from chalicelib.config import Programme, Settings
from chalicelib.payouts.ledger.records import StoredAttempt
from chalicelib.payouts.providers.xendit import Xendit
from chalicelib.payouts.reconciliation.whole_ledger import BookLine, ProviderBooks
from chalicelib.payouts.rules import Hold, Kind, Move, State, reference
from chalicelib.payouts.worker import Worker
from chalicelib.registration.rules import FinancialAddress
from local.sandbox.provider import Sandbox
from tests.builders.payouts.world import CHECKED, People, beneficiary, built, new_worker, sealed
from tests.conftest import REGION, T0


class Race:
    """See the module; `queued` are the ids that were sent."""

    def __init__(self, settings: Settings, programme: Programme, sandbox: Sandbox) -> None:
        self.sandbox, self.people, self.rules = sandbox, People(), programme.payouts
        self.queued: list[str] = []
        self.fsp = Xendit(sandbox.url, 20, str)
        self.services = built(settings, programme, self.people, self.fsp)
        self.services.payout_queue = self
        self.store, self.payouts = self.services.payout_store, self.services.payouts
        self.worker, self.administration = self.services.payout_worker, self.services.payout_administration

    def send(self, ids: list[str]) -> None:
        self.queued += ids

    def backlog(self) -> int:
        return len(self.queued)

    def new_worker(self) -> Worker:
        return new_worker(self.services)

    def books(self) -> list[BookLine]:
        return msgspec.convert(self.sandbox.books.report(), ProviderBooks).payouts

    def moved_idr(self) -> int:
        return sum(line.moved_idr for line in self.books())

    def due(self, name: str) -> str:
        """A new person's entitlement."""
        number = f"1{uuid4().int % 10**9:09}1"
        self.people.addresses[name] = FinancialAddress("BNI", number, name, check=CHECKED)
        with dynamodb.Transaction(REGION) as tx:
            return self.payouts.entitle(tx, beneficiary(name), Kind.INCENTIVE, T0)

    def unknown(self, name: str, hold: Hold | None = None) -> str:
        """With an attempt that the provider never got; SENDING, or HELD."""
        entitlement = self.store.get(self.due(name))
        key = reference(entitlement.id, 1)
        body = sealed(name, self.fsp.render(key, entitlement, self.people.addresses[name]))
        claimed = self.store.claim(entitlement, StoredAttempt(1, key, body, T0, "xendit-v2"), T0)
        if hold:
            self.store.move(claimed, Move(State.HELD, "test", hold), T0)
        return entitlement.id
