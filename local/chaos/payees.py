"""People who are owed money, set up straight through the services of a deployed stage: what matters comes after that.

Each has a registration and an address that are sealed under a key of the stage's own KMS, as if they had come through
the API.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta

import msgspec

from chalicelib.aws.dynamodb import Transaction
from chalicelib.clock import utc_now, wib_date
from chalicelib.payouts.rules import Kind, entitlement_id
from chalicelib.registration.identity import parse_account_number
from chalicelib.registration.wire import FinancialAddressForm, RegistrationForm
from chalicelib.waves.rules import Beneficiary, BeneficiaryState
from chalicelib.wiring import Services

from ..demo.people import Person, people
from ..sandbox.provider_books import Books, Faults

THREADS = 4
_MORE = 60
"""Invented besides, as some of `people` are there to be refused."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Payee:
    """Who is owed an incentive; `channel` and `account_number` as the provider's books have them.

    `unpayable`: the provider never pays into the account.
    """

    beneficiary: Beneficiary
    person: Person
    channel: str
    account_number: str
    unpayable: bool

    @property
    def entitlement_id(self) -> str:
        """What this person is owed, as the ledger names it."""
        return entitlement_id(self.beneficiary.wave, self.beneficiary.registrant_id, Kind.INCENTIVE)

    # How this person's payout begins. All of it follows from the number, so that a seed repeats it.

    @property
    def asked_about(self) -> bool:
        """Whether the provider has been asked about the account before money is due; else the worker must."""
        return self.person.number % 4 != 0

    @property
    def messages(self) -> int:
        """How often the entitlement is queued: mostly once, sometimes never (the sweep must find it) or twice."""
        return {3: 0, 6: 2}.get(self.person.number % 10, 1)


def invent(count: int, seed: int, services: Services) -> list[Payee]:
    """So many people, the same for the same seed."""
    suffix, programme, now = Faults().fail_suffix, services.programme, utc_now()
    invented = [each for each in people(seed, count + _MORE, wib_date(now), programme, suffix) if each.refusal is None]
    scheme = programme.schemes[-1]
    found = []
    for person in invented[:count]:
        code, number = person.address["code"], person.address["account_number"]
        beneficiary = Beneficiary(
            registrant_id=f"chaos-{person.number:05}",
            wave=scheme.first_wave,
            card_number=f"{person.number:016}",
            scheme=scheme.version,
            seat="open",
            state=BeneficiaryState.GRADUATED,
            awarded_at=now,
            region=int(person.form["province"]),
            buy_by=now + timedelta(days=15),
            graduated_at=now,
        )
        account = parse_account_number(programme.payouts.kinds[code], number)
        found.append(Payee(beneficiary, person, f"ID_{code}", account, number.endswith(suffix)))
    return found


def register(payees: Sequence[Payee], services: Services, bank: Books, progress: Progress) -> None:
    """Register each with an address, and open the accounts at the provider."""
    bank.open_accounts(
        {
            "code": payee.channel.removeprefix("ID_"),
            "account_number": payee.account_number,
            "holder_name": payee.person.address["holder_name"],
        }
        for payee in payees
    )

    def one(payee: Payee) -> None:
        who, now = payee.beneficiary.registrant_id, utc_now()
        services.registrations.register(who, msgspec.convert(payee.person.form, RegistrationForm), now)
        form = msgspec.convert(payee.person.address, FinancialAddressForm)
        if payee.asked_about:
            services.address_book.set(who, form, lambda _: None, now)
        else:
            services.registrations.set_financial_address(who, form, now)

    _each("registrations", one, payees, progress)


def entitle(payees: Sequence[Payee], services: Services, progress: Progress) -> None:
    """Owe each an incentive, and queue it as often as it is to be."""

    def one(payee: Payee) -> None:
        with Transaction(services.settings.region) as tx:
            id_ = services.payouts.entitle(tx, payee.beneficiary, Kind.INCENTIVE, utc_now())
        for _ in range(payee.messages):
            services.payouts.enqueue(id_)

    _each("entitlements", one, payees, progress)


def _each(step: str, do: Callable[[Payee], None], payees: Sequence[Payee], progress: Progress) -> None:
    """The first alone: it makes the clients that all threads share."""
    do(payees[0])
    with ThreadPoolExecutor(THREADS) as pool:
        for done, _ in enumerate(pool.map(do, payees[1:]), start=2):
            progress(step, done, len(payees))
