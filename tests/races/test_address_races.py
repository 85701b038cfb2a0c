"""A person changes where they are paid just as they are paid: once, to an account that was right when claimed."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator
from datetime import timedelta
from functools import partial

import msgspec
import pytest

from chalicelib.aws import dynamodb
from chalicelib.aws.dynamodb import Transaction
from chalicelib.config import Programme, Settings
from chalicelib.payouts.address_checks import AddressBook
from chalicelib.payouts.controls.limits import Allowance, CeilingStore
from chalicelib.payouts.errors import Superseded
from chalicelib.payouts.ledger.store import PayoutStore
from chalicelib.payouts.providers.xendit import Xendit
from chalicelib.payouts.rules import Kind, State
from chalicelib.payouts.service import Payouts
from chalicelib.payouts.worker import Ports, Worker
from chalicelib.registration.errors import PaymentUnderWay
from chalicelib.registration.rules import FinancialAddress
from chalicelib.registration.store import PAYING_LEG
from chalicelib.registration.vault import Vault
from local.sandbox.provider import Sandbox
from tests.builders.payouts.world import AnyCode, beneficiary
from tests.builders.registration import ACCOUNT, other_form, registrations
from tests.conftest import REGION, T0

from .test_registration_races import Kms
from .together import ALWAYS, refusals, together

pytestmark = pytest.mark.dynamodb

ROUNDS = 12


class Race:
    """Registrations and the ledger on DynamoDB Local; the provider settles a minute later."""

    def __init__(self, cloud: Settings, programme: Programme, sandbox: Sandbox) -> None:
        self.sandbox = sandbox
        self.people = registrations(cloud, programme, Vault(Kms, cloud.mac_key, cloud.data_key))
        providers = AnyCode(Xendit(sandbox.url, 20, str))
        self.book = AddressBook(self.people, providers, programme.payouts.name_score_min)
        store = PayoutStore(REGION)
        self.payouts = Payouts(store, None, str, programme)  # type: ignore[arg-type]  # nothing is queued here
        allowance = Allowance(CeilingStore(), programme.payouts.ceilings)
        ports = Ports(self.book, self.people, providers, allowance)
        self.worker = Worker(store, ports, programme.payouts)
        self.number = 0

    def person(self) -> tuple[str, str]:
        """Somebody with an address, and what is owed to them."""
        self.number += 1
        name = f"person-{self.number}"
        self.people.register(name, other_form(self.number), T0)
        self.set(name, "1")
        with dynamodb.Transaction(REGION) as tx:
            return name, self.payouts.entitle(tx, beneficiary(name), Kind.INCENTIVE, T0)

    def account(self, ending: str) -> str:
        return f"{self.number:08d}{ending}"

    def set(self, name: str, ending: str) -> FinancialAddress:
        def unless_paying(tx: Transaction) -> None:
            self.payouts.check_nothing_alive(tx, PAYING_LEG, beneficiary(name))

        form = msgspec.structs.replace(ACCOUNT, account_number=self.account(ending))
        return self.book.set(name, form, unless_paying, T0)

    def paid_to(self, payout: str) -> list[str]:
        lines = self.sandbox.books.report()["payouts"]
        return [line["account_number"] for line in lines if line["reference_id"].startswith(payout)]


@pytest.fixture
def race(cloud: Settings, programme: Programme) -> Iterator[Race]:
    with Sandbox("races") as sandbox:
        sandbox.books.configure({"holder_name": ACCOUNT.holder_name, "settle_ms": 60_000})
        sandbox.books._clock = T0.timestamp
        yield Race(cloud, programme, sandbox)


@pytest.mark.parametrize("meet", [1, 2, ALWAYS])
def test_a_change_meets_a_claim_and_one_payment_goes_where_it_was_right_then(race: Race, meet: int) -> None:
    """The change is refused, and the old account is paid; or it is made before the claim is written, and one is."""
    seen: Counter[str] = Counter()
    for _ in range(ROUNDS):
        name, payout = race.person()
        change = partial(race.set, name, "2")
        claims = [partial(race.worker.process, payout, T0)] * 2
        answers = together([change, *claims], meet)
        refused = refusals(answers[:1]) == [PaymentUnderWay]
        assert refused or answers[0].account_number == race.account("2")
        assert set(refusals(answers[1:])) <= {Superseded}
        assert race.worker.process(payout, T0) is State.SENDING
        [paid] = race.paid_to(payout)
        assert paid in ({race.account("1")} if refused else {race.account("1"), race.account("2")})
        seen[f"refused {refused}, paid to the old account {paid == race.account('1')}"] += 1

        kept = race.people.payee(name).address
        assert kept is not None
        assert kept.account_number == race.account("1" if refused else "2")
        # From the claim on, no change is made.
        assert refusals(together([partial(race.set, name, "3")] * 3)) == [PaymentUnderWay] * 3
        race.sandbox.books._clock = lambda: (T0 + timedelta(seconds=61)).timestamp()
        assert race.worker.process(payout, T0) is State.PAID
        race.sandbox.books._clock = T0.timestamp
        assert race.set(name, "3").account_number == race.account("3")
    assert sum(seen.values()) == ROUNDS


def test_of_changes_at_once_each_verdict_is_of_the_address_it_stands_with(race: Race) -> None:
    """The provider knows accounts that end in 9 under another name: none of them is left with a good verdict."""
    race.sandbox.books.configure({"other_name_suffix": "9"})
    for _ in range(ROUNDS):
        name, _payout = race.person()
        together([partial(race.set, name, ending) for ending in "29292"], ALWAYS)
        kept = race.people.payee(name).address
        assert kept is not None
        if kept.check is not None:
            assert (kept.check.verdict.value == "ANOTHERS") == kept.account_number.endswith("9")
