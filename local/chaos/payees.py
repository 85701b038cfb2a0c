"""People who are owed money, and the comparison at the end: what was owed, what the ledger says, and what moved.

The people are set up directly through the services of a deployed stage. As if they had come through the API, each has a
registration and an address that are encrypted with a key of the stage's KMS.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass
from datetime import timedelta
from typing import Any

import msgspec

from chalicelib.aws.dynamodb import Transaction
from chalicelib.clock import utc_now, wib_date
from chalicelib.payouts.rules import Entitlement, Kind, State, entitlement_id
from chalicelib.registration.identity import parse_account_number
from chalicelib.registration.wire import FinancialAddressForm, RegistrationForm
from chalicelib.waves.rules import Beneficiary, BeneficiaryState
from chalicelib.wiring import Services

from ..demo.checks import moved_idr, unequal
from ..demo.people import Person, people
from ..sandbox.provider_books import Books, Faults

THREADS = 4
_MORE = 60
"""How many more people are invented, as some of `people` are only made to be refused."""

Progress = Callable[[str, int, int], None]


@dataclass(frozen=True)
class Payee:
    """A person who is owed an incentive. `channel` and `account_number` are written as in the provider's books.

    `unpayable`: the provider never pays into the account.
    """

    beneficiary: Beneficiary
    person: Person
    channel: str
    account_number: str
    unpayable: bool

    @property
    def entitlement_id(self) -> str:
        return entitlement_id(self.beneficiary.wave, self.beneficiary.registrant_id, Kind.INCENTIVE)

    # How this person's payout begins. The number decides it, so a seed repeats it.

    @property
    def asked_about(self) -> bool:
        """Whether the provider was asked about the account before money is due. Otherwise the worker asks."""
        return self.person.number % 4 != 0

    @property
    def messages(self) -> int:
        """How often the entitlement is queued: usually once, sometimes twice or never (then the sweep must find it)."""
        return {3: 0, 6: 2}.get(self.person.number % 10, 1)


def invent(count: int, seed: int, services: Services) -> list[Payee]:
    """Invent `count` people. The same seed gives the same people."""
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
            address = services.address_book.set(who, form, lambda _: None, now)
        else:
            address = services.registrations.addresses.set(who, form, now)
        if address.pay_from:  # a wallet waits until its person was told, and nobody here has a mailbox
            services.address_store.confirm(who, address.version, settle=True)

    _each("registrations", one, payees, progress)


def entitle(payees: Sequence[Payee], services: Services, progress: Progress) -> None:
    """Make an incentive due to each, and queue it as often as `Payee.messages` says."""

    def one(payee: Payee) -> None:
        with Transaction(services.settings.region) as tx:
            id_ = services.payouts.entitle(tx, payee.beneficiary, Kind.INCENTIVE, utc_now())
        for _ in range(payee.messages):
            services.payout_queue.send([id_])

    _each("entitlements", one, payees, progress)


def _each(step: str, do: Callable[[Payee], None], payees: Sequence[Payee], progress: Progress) -> None:
    """Do it for all in threads. The first person comes alone, as this makes the clients that the threads share."""
    do(payees[0])
    with ThreadPoolExecutor(THREADS) as pool:
        for done, _ in enumerate(pool.map(do, payees[1:]), start=2):
            progress(step, done, len(payees))


# The sums at the end


@dataclass(frozen=True)
class Aftermath:
    """The state when all is at rest.

    `books` is the provider's report, `kills` counts killed processes by function, `faults` the provider's faults.
    `received_again` counts messages that came more than once, `dead_letters` those that were given up.
    """

    payees: Sequence[Payee]
    amount_idr: int
    ledger: Sequence[Entitlement]
    books: Mapping[str, Any]
    kills: Counter[str]
    faults: Counter[str]
    received_again: int
    dead_letters: int

    @property
    def states(self) -> Counter[State]:
        return Counter(each.state for each in self.ledger)

    @property
    def paid_idr(self) -> int:
        return sum(each.amount_idr for each in self.ledger if each.state is State.PAID)

    @property
    def moved_idr(self) -> int:
        return sum(line["moved_idr"] for line in self.books["payouts"])

    def lines(self) -> Iterator[str]:
        states = self.states
        yield f"payouts: {len(self.ledger)}, paid {states[State.PAID]}, refused by the account {states[State.HELD]}"
        yield f"attempts: {sum(each.n for each in self.ledger)}, failed at the provider {self._failed}"
        yield f"processes killed: {self.kills.total()}{_listed(self.kills)}"
        yield f"faults of the provider: {self.faults.total()}{_listed(self.faults)}"
        yield f"messages received more than once: {self.received_again}, given up: {self.dead_letters}"
        yield f"rupiah: ledger {self.paid_idr}, provider {self.moved_idr}"

    @property
    def _failed(self) -> int:
        return sum(line["status"] == "FAILED" for line in self.books["payouts"])


def differences(after: Aftermath) -> Iterator[str]:
    """A sentence for each disagreement, and for each kind of mishap that did not happen, as it was not tested then."""
    owed = {payee.entitlement_id: payee for payee in after.payees}
    ledger = {each.id: each for each in after.ledger}
    yield from unequal("entitlements", owed=sorted(owed), ledger=sorted(ledger)) if owed.keys() != ledger.keys() else ()
    yield from unequal("rupiah", ledger=after.paid_idr, provider=after.moved_idr)
    moved = moved_idr(after.books)
    for id_ in owed.keys() & ledger.keys():
        payee = owed[id_]
        yield from _of_one(after, payee, ledger[id_], moved.pop((payee.channel, payee.account_number), 0))
    yield from (f"{idr} rupiah moved to an account of nobody's" for idr in moved.values() if idr)
    references = Counter(line["reference_id"] for line in after.books["payouts"])
    yield from (f"{reference} was accepted {times} times" for reference, times in references.items() if times > 1)
    yield from _missing(after)


def _of_one(after: Aftermath, payee: Payee, entitlement: Entitlement, moved: int) -> Iterator[str]:
    expected = State.HELD if payee.unpayable else State.PAID
    who = f"person {payee.person.number}"
    yield from unequal(f"{who}: state", ledger=entitlement.state.value, expected=expected.value)
    yield from unequal(f"{who}: rupiah moved", provider=moved, expected=0 if payee.unpayable else after.amount_idr)


def _missing(after: Aftermath) -> Iterator[str]:
    happened = {
        "process was killed": after.kills.total(),
        "sending timed out after it was accepted": after.faults["send timeout_after"],
        "webhook was lost": after.faults["webhook lost"],
        "webhook came twice": after.faults["webhook twice"],
        "first attempt failed": sum(
            line["status"] == "FAILED" and line["reference_id"].endswith("-1") for line in after.books["payouts"]
        ),
        "message was received more than once": after.received_again,
    }
    yield from (f"no {what}: nothing was shown" for what, times in happened.items() if not times)


def _listed(counter: Counter[str]) -> str:
    return f" ({', '.join(f'{name} {number}' for name, number in sorted(counter.items()))})" if counter else ""
