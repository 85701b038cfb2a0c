"""`PUT /me/registration` and `GET /me`, measured: calls by service, capacity units, and CPU per request.

    python -m bench.me [REQUESTS] [--json]

Every registration is that of a new person. `GET /me` is asked by a beneficiary who has a financial address. The two
take turns, in process and with HTTP counted. With GELOMBANG_AWS_CLIENT=ordinary in the environment, the application
uses botocore's own clients of DynamoDB and KMS.
"""

from __future__ import annotations

import sys
from typing import Any

from .aws.endpoint import Index
from .harness import REGISTRATION, Report, Table, command, machine
from .race import Stage, Way, race
from .requests import CONTEXT, HANDLERS, NOW, REGISTRATIONS, beneficiary, event, expect, handler

REQUESTS = 500
TURN = 10
INDEXES = (Index(("registered_shard", "pk"), frozenset({"region"})),)
"""The indexes of the table of registrations, as in `infrastructure/data_stack.py`."""


class Registrations:
    """Registers a new person in each run."""

    def __init__(self, _stage: Stage) -> None:
        self._handler, self._people = handler(HANDLERS["gelombang"]), 0

    def prepare(self) -> dict[str, Any]:
        self._people += 1
        person = f"{self._people:08x}-0000-4000-8000-000000000000"
        own = {"nik": f"317409570895{self._people:04}", "phone": f"0812{30_000_000 + self._people}"}
        return event("PUT", "/me/registration", person, NOW, REGISTRATION | own)

    def run(self, given: dict[str, Any]) -> dict[str, Any]:
        return self._handler(given, CONTEXT)

    def check(self, _given: dict[str, Any], answer: dict[str, Any]) -> None:
        expect(answer, 201)


class Looks(Registrations):
    """Asks `GET /me` for one person in every run. Everything that the answer can show is stored for them."""

    def __init__(self, stage: Stage) -> None:
        super().__init__(stage)
        for stage.counted in (False, True):
            self._keep("looking")
            self.run(self.prepare())  # a process reads the calendar now and then, not for each request

    def prepare(self) -> dict[str, Any]:
        return event("GET", "/me", "looking", NOW)

    def check(self, _given: dict[str, Any], answer: dict[str, Any]) -> None:
        me = expect(answer, 200)
        if None in (me["registration"], me["financial_address"], me["beneficiary"], me["balance_idr"]):
            raise RuntimeError(f"something is missing in {sorted(me)}")

    def _keep(self, person: str) -> None:
        import app
        from chalicelib.accounts.sessions.rules import Account, KeptContact
        from chalicelib.aws.attributes import item_of
        from chalicelib.registration.wire import FinancialAddressForm
        from chalicelib.waves.places.items import BeneficiaryItem
        from chalicelib.waves.rules import BeneficiaryState, shard_of

        expect(self.run(event("PUT", "/me/registration", person, NOW, REGISTRATION)), 201)
        address = FinancialAddressForm("BNI", "0123456789", REGISTRATION["name"])
        app.services().registrations.addresses.set(person, address, NOW)
        key = app.services().vault.new_key(person)
        contact = KeptContact("a" * 26, "0" * 64, "email", key.seal("contact/1", b"siti@example.com"), NOW)
        app.services().account_store.add_account(Account(person, key.wrapped, "id", NOW, (contact,)))
        place, shard = beneficiary(person, BeneficiaryState.POTENTIAL, NOW), shard_of(person)
        kept = {"kk_mac": "0" * 64, "roster_shard": f"{place.wave}#{shard}", "potential_shard": shard}
        app.services().waves  # noqa: B018 - binds the table that places are in
        item_of(BeneficiaryItem, f"B#{person}", "BENEFICIARY", place, **kept).save()


WAYS = {"PUT /me/registration": Registrations, "GET /me": Looks}


def report(requests: int) -> Report:
    ways = [Way(name, work) for name, work in WAYS.items()]
    raced = race(ways, requests, turn=TURN, indexes={REGISTRATIONS: INDEXES})
    about = f"Requests of one person: medians of {len(raced[0].runs[False])} each, in turns of {TURN}"
    return Report("me", about, machine(), [Table("a request", {each.way.name: each.row() for each in raced})], [])


if __name__ == "__main__":
    sys.exit(command(__doc__ or "", report, REQUESTS))
