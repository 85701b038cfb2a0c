"""The lines of one bank report, and which of them go together. Pure: no ledger, no input."""

from __future__ import annotations

from collections import Counter
from collections.abc import Iterable, Iterator, Sequence
from decimal import Decimal
from enum import StrEnum

from msgspec.structs import replace

from ...values import Value
from .. import failure_causes, rules
from ..rules import Outcome

MOVED = frozenset({Outcome.SUCCEEDED, Outcome.REVERSED})
OVER = frozenset({Outcome.FAILED, Outcome.REJECTED})
"""Outcomes in which a transfer ended without moving money."""


class Problem(StrEnum):
    """Why a line was not applied."""

    UNKNOWN_REFERENCE = "unknown_reference"
    """Not an attempt of this ledger."""
    NO_REFERENCE = "no_reference"
    UNKNOWN_FILE = "unknown_file"
    OTHER_RAIL = "other_rail"
    """The attempt goes through another provider."""
    NOT_IN_A_FILE = "not_in_an_approved_file"
    OTHER_FILE = "other_file"
    """The bank names another file than the one that the transfer was in."""
    AMOUNT = "amount_differs"
    CURRENCY = "currency_differs"
    TOTALS = "totals_differ"
    """The bank's count or sum of a file is not ours."""
    UNKNOWN_WORD = "unknown_word"
    """A status that this programme does not know: the transfer stays pending."""
    TWICE = "twice_in_one_file"
    """Two words about one transfer, or about all of a file, that contradict each other."""
    FEE = "fee_or_other_debit"
    """A smaller booking beside the debit of a transfer: the bank's fee, or else a person looks."""
    PAID_TWICE = "debited_twice"
    """Two debits for one transfer, by the bank's own references."""
    DUPLICATE = "rejected_as_duplicate"
    """The bank rejects it as a repetition: the first one may well be alive, so nothing has failed."""
    NO_CODE = "rejected_without_a_code"
    """The reason is missing or words only: it may be a repetition too. Two people decide."""
    ONE_PERSON = "rejection_awaits_another_person"
    """Believed once another person has imported a report that says the same of the transfer."""
    CONTRADICTS = "contradicts_what_was_applied"
    NOT_LATEST = "not_the_latest_attempt"


class Line(Value, frozen=True):
    """One statement about one transfer. `number` is its line in the file; `outcome` is None if its words are not known.

    `word` is the bank's code, never free text. `fault` is what the reader of the file found wrong with the line.
    """

    number: int
    reference: str | None
    outcome: Outcome | None
    word: str
    file: str | None = None
    amount: Decimal | None = None
    currency: str | None = None
    booked: bool = False
    """Whether the statement is of a booking on our account."""
    booking: str | None = None
    """The bank's own reference of that booking."""
    fault: Problem | None = None
    narrative: str = ""
    """The bank's own text: for people only, and sealed where it is kept."""
    of_all: bool = False
    """Whether it is said of the whole file; its fault is then told once."""

    @property
    def said(self) -> tuple[object, ...]:
        """All that the line says, whatever its place in the file."""
        return self.outcome, self.word, self.file, self.amount, self.currency, self.booking, self.fault


class WholeFile(Value, frozen=True):
    """A statement about all transfers of a file without a line of their own, with the bank's count and sum if given."""

    number: int
    file: str
    outcome: Outcome | None
    word: str
    count: Decimal | None = None
    total: Decimal | None = None
    fault: Problem | None = None
    narrative: str = ""


class Finding(Value, frozen=True):
    """A line that was not applied, and why; `reference` only if it is one that we made."""

    number: int
    problem: Problem
    reference: str | None = None
    word: str = ""
    narrative: str = ""


def once_each(lines: Iterable[Line], findings: list[Finding]) -> Iterator[Line]:
    """What counts of each transfer's lines: the furthest word, or a debit and its return. The rest become findings."""
    by_reference: dict[str, list[Line]] = {}
    for line in lines:
        if line.reference is None or line.fault is Problem.FEE:
            findings.append(finding(line, Problem.NO_REFERENCE if line.reference is None else Problem.FEE))
        else:
            by_reference.setdefault(line.reference, []).append(line)
    for group in by_reference.values():
        # A repeated status counts once. Two bookings are two, unless the bank gives both the same reference.
        said = list(
            {
                (place if each.booked and not each.booking else None, *each.said): each
                for place, each in enumerate(group)
            }.values()
        )
        debits = [each for each in said if each.booked and each.outcome is Outcome.SUCCEEDED]
        whole = max((each.amount or 0 for each in debits), default=0)
        fees = [each for each in debits if each.amount is not None and each.amount < whole]
        findings.extend(finding(each, Problem.FEE) for each in fees)
        rest = [each for each in said if each not in fees]
        problem = _clash(rest)
        if problem is None:
            yield from _furthest(rest)
            continue
        # A line that says "paid" stays: only the ledger tells whether the transfer might be sent again.
        paid = next((each for each in rest if each.outcome is Outcome.SUCCEEDED), None)
        findings.extend(finding(each, problem) for each in rest if each is not paid)
        if paid is not None:
            yield replace(paid, fault=problem)


def _clash(said: Sequence[Line]) -> Problem | None:
    """Why several words about one transfer are not believed; None if they go together."""
    booked = Counter(each.outcome for each in said if each.booked)
    if booked[Outcome.SUCCEEDED] > 1:
        return Problem.PAID_TWICE
    outcomes = {each.outcome for each in said}
    clear = outcomes <= OVER | {Outcome.PENDING} or not outcomes & OVER
    return None if clear and booked[Outcome.REVERSED] <= 1 else Problem.TWICE


def _furthest(said: Sequence[Line]) -> list[Line]:
    """Of several words that go together those that count, in their order; unknown words stay, to be reported."""
    outcomes = {each.outcome for each in said}
    pending = [each for each in said if each.outcome is Outcome.PENDING]
    if outcomes & OVER:
        over = Outcome.REJECTED if Outcome.REJECTED in outcomes else Outcome.FAILED
        told = min((each for each in said if each.outcome is over), key=_gravity)
        # Where a repetition was rejected and another is pending, the pending one is the first, and it counts.
        return [told, *pending[:1]] if told.fault is Problem.DUPLICATE else [told]
    moved = [each for each in said if each.outcome in MOVED]
    moved.sort(key=lambda each: each.outcome is Outcome.REVERSED)
    return [*(moved or pending[:1]), *(each for each in said if each.outcome is None)]


def _gravity(line: Line) -> tuple[str, int, str]:
    return line.fault or "", failure_causes.gravity(line.word), line.word


def finding(line: Line, problem: Problem) -> Finding:
    """That a line was not applied, or waits for people; `reference` only if it is one that we made."""
    ours = line.reference is not None and rules.entitlement_of(line.reference) is not None
    return Finding(line.number, problem, line.reference if ours else None, line.word, line.narrative)
