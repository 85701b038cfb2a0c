"""Comparing the ledger with the provider's own record, both ways. Everything found is listed; nothing is repaired."""

from __future__ import annotations

from collections import Counter, defaultdict
from collections.abc import Iterable
from enum import StrEnum

from msgspec import Struct

from ...values import Value
from .. import rules
from ..rules import Entitlement, State


class BookLine(Struct, frozen=True):
    """One payout in the provider's record; `moved_idr` is what has left and not come back."""

    reference_id: str
    amount: int
    status: str
    moved_idr: int


class ProviderBooks(Struct, frozen=True):
    """The provider's record."""

    payouts: list[BookLine]


class Difference(StrEnum):
    """What may be wrong."""

    MISSING = "missing"
    """The ledger has it paid or reversed; the provider does not know it."""
    EXTRA = "extra"
    """The provider has a payout that no attempt of the ledger accounts for."""
    AMOUNT = "amount"
    STATUS = "status"
    """The provider's status does not fit the ledger's state."""
    REVERSED = "reversed"
    """The provider says that the money came back and the ledger does not, or the other way round."""
    PAID_TWICE = "paid_twice"
    """One person received more than one amount for one kind (of one place, where people may have several), whatever
    the ids say.
    """
    UNREADABLE = "unreadable"
    """A line of the provider that is incomplete or in unknown words: for a person to read."""


class Disagreement(Value, frozen=True):
    """One finding. `subject` is a reference or a `payment`; no word of it is personal data."""

    difference: Difference
    subject: str
    ledger: str
    fsp: str


class LedgerTotals(Value, frozen=True):
    """Both sides in whole rupiah. They agree only if no disagreement is left."""

    entitlements: int
    unsettled: int
    """Neither paid, reversed nor cancelled; zero when everything has come to rest."""
    paid: int
    paid_idr: int
    fsp_payouts: int
    fsp_moved_idr: int


_OVER = {"FAILED", "CANCELLED", "EXPIRED", "COMPLIANCE_REJECTED"}


def payment(entitlement: Entitlement, *, each_place: bool) -> str:
    """The person and the kind of payment, whatever the ids say: `registrant/kind`.

    `each_place`: the programme lets people be chosen again, and each place pays; then `registrant/wave/kind`.
    """
    who, kind = entitlement.registrant_id, entitlement.kind.value
    return f"{who}/{entitlement.wave}/{kind}" if each_place else f"{who}/{kind}"


def compare(
    ledger: Iterable[Entitlement], books: Iterable[BookLine], *, each_place: bool = False
) -> list[Disagreement]:
    """Every disagreement, in the order of entitlements, then what only the provider has, then persons.

    `each_place` as for `payment`.
    """
    entitlements = list(ledger)
    lines: dict[str, list[BookLine]] = defaultdict(list)
    for line in books:
        lines[line.reference_id].append(line)
    found: list[Disagreement] = []
    moved: Counter[str] = Counter()
    owed: dict[str, int] = {}
    for entitlement in entitlements:
        person = payment(entitlement, each_place=each_place)
        owed[person] = entitlement.amount_idr
        for n in range(1, entitlement.n + 1):
            reference = rules.reference(entitlement.id, n)
            of_attempt = lines.pop(reference, [])
            found += _attempt(entitlement, n, reference, of_attempt)
            moved[person] += sum(line.moved_idr for line in of_attempt)
    found += [
        Disagreement(Difference.EXTRA, reference, "", f"{line.status} {line.moved_idr}")
        for reference, extra in lines.items()
        for line in extra
    ]
    found += [
        Disagreement(Difference.PAID_TWICE, person, str(owed[person]), str(total))
        for person, total in moved.items()
        if total > owed[person]
    ]
    return found


def totals(ledger: Iterable[Entitlement], books: Iterable[BookLine]) -> LedgerTotals:
    entitlements, lines = list(ledger), list(books)
    paid = [each for each in entitlements if each.state is State.PAID]
    return LedgerTotals(
        entitlements=len(entitlements),
        unsettled=sum(each.state not in rules.AT_REST for each in entitlements),
        paid=len(paid),
        paid_idr=sum(each.amount_idr for each in paid),
        fsp_payouts=len(lines),
        fsp_moved_idr=sum(line.moved_idr for line in lines),
    )


def _attempt(entitlement: Entitlement, n: int, reference: str, lines: list[BookLine]) -> list[Disagreement]:
    """One attempt against the provider's payouts of its reference; one unknown to the provider moved nothing."""
    state = attempt_state(entitlement, n)
    if not lines:
        paid = state in {State.PAID, State.REVERSED}
        return [Disagreement(Difference.MISSING, reference, state.value, "")] if paid else []
    found = [
        Disagreement(Difference.EXTRA, reference, state.value, f"{line.status} {line.moved_idr}") for line in lines[1:]
    ]
    for line in lines:
        if line.amount != entitlement.amount_idr:
            found.append(Disagreement(Difference.AMOUNT, reference, str(entitlement.amount_idr), str(line.amount)))
        if not _goes_with(state, line):
            found.append(Disagreement(Difference.STATUS, reference, state.value, line.status))
    return found


def attempt_state(entitlement: Entitlement, n: int) -> State:
    """PAID, REVERSED, FAILED (or come back), or SENDING for one whose outcome the ledger does not know.

    Every attempt but the latest failed, or came back before two administrators opened the entitlement again.
    """
    if n < entitlement.n or entitlement.state is State.CANCELLED or rules.nothing_alive(entitlement):
        return State.FAILED
    return State.SENDING if entitlement.state is State.HELD else entitlement.state


def _goes_with(state: State, line: BookLine) -> bool:
    match state:
        case State.PAID:
            return line.status == "SUCCEEDED"
        case State.REVERSED:
            return line.status == "REVERSED"
        case State.FAILED:
            return line.status in _OVER or (line.status == "REVERSED" and line.moved_idr == 0)
        case _:
            # Under way: the records disagree only if the money has moved and the ledger does not know it.
            return line.moved_idr == 0
