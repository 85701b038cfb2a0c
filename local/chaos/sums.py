"""Money after the chaos: who was owed what, what the ledger says, and what moved by the provider's books."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterator, Mapping, Sequence
from dataclasses import dataclass
from typing import Any

from chalicelib.payouts.rules import Entitlement, State

from ..demo.sums.played import unequal
from .payees import Payee


@dataclass(frozen=True)
class Aftermath:
    """What is there when all is at rest. `books` is the provider's report; the counters are of what went wrong on the
    way: processes killed by function, and the provider's faults.

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
    """Everything that does not agree, and any kind of mishap that did not happen: then nothing has been shown."""
    owed = {payee.entitlement_id: payee for payee in after.payees}
    ledger = {each.id: each for each in after.ledger}
    yield from unequal("entitlements", owed=sorted(owed), ledger=sorted(ledger)) if owed.keys() != ledger.keys() else ()
    yield from unequal("rupiah", ledger=after.paid_idr, provider=after.moved_idr)
    moved: Counter[tuple[str, str]] = Counter()
    for line in after.books["payouts"]:
        moved[line["channel_code"], line["account_number"]] += line["moved_idr"]
    for id_ in owed.keys() & ledger.keys():
        payee = owed[id_]
        yield from _of_one(after, payee, ledger[id_], moved.pop((payee.channel, payee.account_number), 0))
    yield from (f"{idr} rupiah moved to an account of nobody's" for idr in moved.values() if idr)
    references = Counter(line["reference_id"] for line in after.books["payouts"])
    yield from (f"{reference} was accepted {times} times" for reference, times in references.items() if times > 1)
    yield from _missing(after)


def _of_one(after: Aftermath, payee: Payee, entitlement: Entitlement, moved_idr: int) -> Iterator[str]:
    expected = State.HELD if payee.unpayable else State.PAID
    who = f"person {payee.person.number}"
    yield from unequal(f"{who}: state", ledger=entitlement.state.value, expected=expected.value)
    yield from unequal(f"{who}: rupiah moved", provider=moved_idr, expected=0 if payee.unpayable else after.amount_idr)


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
