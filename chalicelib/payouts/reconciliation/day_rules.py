"""The rules by which one day of the ledger is compared with what the providers say of it. Pure.

A day is a WIB day. It is compared in slices, once it has been over for `GRACE`. A line of a statement belongs to the
slice of its latest change, a payment to the slice in which the ledger recorded it. Each is first sought on the other
side in a wider window. If they do not agree there, the reference is looked up at any time. So the two sides may have
different days, and nothing falls between two days: a later change belongs to a later slice.
"""

from __future__ import annotations

import csv
import io
from collections import defaultdict
from collections.abc import Iterable, Mapping, Sequence
from datetime import UTC, date, datetime, time, timedelta

from msgspec import Struct

from ...clock import WIB, wib_date
from ...values import Value
from ..providers.provider import UNNAMED, Entry, StatementLine
from ..rules import Entitlement, State
from .whole_ledger import Difference, Disagreement, attempt_state, payment

GRACE = timedelta(hours=2)
"""How long one side may lag behind the other; webhook, sweep and queue take minutes."""

SLICE = timedelta(hours=3)

BEFORE = timedelta(hours=1)
"""How long before the ledger's record of a payment the provider's line is read at once, and not looked up by itself."""

SKEW = timedelta(minutes=5)
"""How far the provider's clock may be ahead of ours."""

_PROOF = {State.PAID, State.REVERSED}
"""What the ledger records only after the provider has said it."""

_WEIGHT = {entry: weight for weight, entry in enumerate(Entry)} | {Entry.SUCCEEDED: -2, Entry.REVERSED: -1}
_COLUMNS = ("day", "difference", "subject", "ledger", "provider")


class Slice(Struct, frozen=True):
    """From `since` to before `until`; `name` is the WIB hour in which it begins, `00` to `21`."""

    name: str
    since: datetime
    until: datetime


class DayTotals(Struct, frozen=True):
    """What each side recorded, in whole rupiah. Around midnight the ledger may have a payment one day later."""

    paid: int = 0
    paid_idr: int = 0
    reversed: int = 0
    reversed_idr: int = 0
    fsp_succeeded: int = 0
    fsp_succeeded_idr: int = 0
    fsp_reversed: int = 0
    fsp_reversed_idr: int = 0
    fsp_other: int = 0

    def __add__(self, other: DayTotals) -> DayTotals:
        return DayTotals(*(getattr(self, name) + getattr(other, name) for name in self.__struct_fields__))


class SlicePart(Struct, frozen=True):
    """What one slice came to. `received`: `registrant/kind` and transaction of each line that says it succeeded."""

    totals: DayTotals
    found: list[Disagreement]
    received: list[tuple[str, str]]


class DayReport(Value, frozen=True):
    """What a day came to."""

    day: date
    totals: DayTotals
    found: Sequence[Disagreement]


class Subject(Value, frozen=True):
    """A reference at one provider, with its entitlement as it stands now; None if the ledger has none."""

    rail: str
    reference: str
    entitlement: Entitlement | None

    @property
    def n(self) -> int:
        """The attempt's number in the reference."""
        return int(self.reference.rpartition("-")[2])


def slices(day: date) -> list[Slice]:
    """The slices of a WIB day, in UTC."""
    midnight = datetime.combine(day, time(), WIB).astimezone(UTC)
    starts = [midnight + n * SLICE for n in range(timedelta(days=1) // SLICE)]
    return [Slice(f"{start.astimezone(WIB):%H}", start, start + SLICE) for start in starts]


def latest_over(now: datetime) -> date:
    """The latest WIB day that may be compared."""
    return wib_date(now - GRACE) - timedelta(days=1)


def judge(
    subject: Subject, lines: Sequence[StatementLine], settled_by: datetime, *, each_place: bool = False
) -> list[Disagreement]:
    """Every disagreement about one reference. What changed at `settled_by` or later is left to its own slice.

    `each_place` as for `whole_ledger.payment`.
    """
    entitlement, reference = subject.entitlement, subject.reference
    if entitlement is None or not _is_attempt(subject, entitlement):
        return [_extra(line, "") if line.reference else _unreadable(line) for line in lines]
    state = attempt_state(entitlement, subject.n)
    moving = entitlement.state in _PROOF and entitlement.changed_at >= settled_by
    if not lines:
        missing = state in _PROOF and not moving
        return [Disagreement(Difference.MISSING, reference, state.value, "")] if missing else []
    first, *others = sorted(lines, key=lambda line: (_WEIGHT[line.entry], line.id))
    found = [_extra(line, state.value) for line in others]
    for line in lines:
        if line.entry is Entry.UNREADABLE:
            found.append(_unreadable(line))
        elif line.amount_idr != entitlement.amount_idr:
            theirs = "unreadable" if line.amount_idr is None else str(line.amount_idr)
            found.append(Disagreement(Difference.AMOUNT, reference, str(entitlement.amount_idr), theirs))
    difference = _difference(state, first.entry)
    if difference is not None and not moving and first.updated_at < settled_by:
        found.append(Disagreement(difference, reference, state.value, first.word))
    return found + _paid_twice(subject, lines, entitlement, payment(entitlement, each_place=each_place))


def needs_a_look(subject: Subject, lines: Sequence[StatementLine]) -> bool:
    """Whether the lines of a window may be incomplete, though they agree.

    That is so if something has been open for long, or if the provider and the ledger recorded it at different times.
    Two transactions under one reference look like this when no window holds both. A transaction that the ledger
    recorded soon after is in the window of that record.
    """
    entitlement = subject.entitlement
    if entitlement is None or not _is_attempt(subject, entitlement):
        return False
    if attempt_state(entitlement, subject.n) is State.SENDING:
        return True
    recorded = entitlement.changed_at
    return any(not recorded - BEFORE <= line.updated_at <= recorded + SKEW for line in lines)


def count(line: StatementLine) -> DayTotals:
    amount = line.amount_idr or 0
    match line.entry:
        case Entry.SUCCEEDED:
            return DayTotals(fsp_succeeded=1, fsp_succeeded_idr=amount)
        case Entry.REVERSED:
            return DayTotals(fsp_reversed=1, fsp_reversed_idr=amount)
        case _:
            return DayTotals(fsp_other=1)


def count_event(state: State, amount_idr: int) -> DayTotals:
    if state is State.PAID:
        return DayTotals(paid=1, paid_idr=amount_idr)
    return DayTotals(reversed=1, reversed_idr=amount_idr)


def whole(day: date, parts: Iterable[SlicePart]) -> DayReport:
    """The report of a day's parts: each disagreement once, and who was paid by more than one transaction."""
    totals = DayTotals()
    found: dict[tuple[Difference, str, str, str], Disagreement] = {}
    received: dict[str, set[str]] = defaultdict(set)
    for part in parts:
        totals += part.totals
        found |= {(each.difference, each.subject, each.ledger, each.fsp): each for each in part.found}
        for who, transaction in part.received:
            received[who].add(transaction)
    told = {each.subject for each in found.values() if each.difference is Difference.PAID_TWICE}
    twice = [
        Disagreement(Difference.PAID_TWICE, who, "1 payment", f"{len(transactions)} payments")
        for who, transactions in received.items()
        if len(transactions) > 1 and who not in told
    ]
    order = list(Difference)
    everything = sorted(
        [*found.values(), *twice], key=lambda each: (order.index(each.difference), each.subject, each.ledger, each.fsp)
    )
    return DayReport(day, totals, everything)


def as_csv(report: DayReport) -> bytes:
    """A line for each disagreement, below one that names the columns; the same report gives the same bytes."""
    text = io.StringIO()
    rows = csv.writer(text, lineterminator="\n")
    rows.writerow(_COLUMNS)
    rows.writerows((report.day, each.difference, each.subject, each.ledger, each.fsp) for each in report.found)
    return text.getvalue().encode()


def grouped(lines: Iterable[StatementLine]) -> Mapping[str, list[StatementLine]]:
    """Lines by reference; of a transaction that was read more than once, the last reading."""
    transactions: dict[str | int, StatementLine] = {}
    for place, line in enumerate(lines):
        transactions[line.id if line.id != UNNAMED else place] = line
    by_reference: dict[str, list[StatementLine]] = defaultdict(list)
    for line in transactions.values():
        by_reference[line.reference].append(line)
    return by_reference


def _is_attempt(subject: Subject, entitlement: Entitlement) -> bool:
    """Whether the ledger has this attempt. Earlier ones must not have paid at all, so their rail is not asked for."""
    if subject.n == entitlement.n:
        return entitlement.rail in {None, subject.rail}
    return 1 <= subject.n < entitlement.n


def _difference(state: State, entry: Entry) -> Difference | None:
    match state, entry:
        case _, Entry.UNREADABLE:
            return None  # has been told as such
        case (State.PAID, Entry.SUCCEEDED) | (State.REVERSED, Entry.REVERSED):
            return None
        case (State.PAID, Entry.REVERSED) | (State.REVERSED, Entry.SUCCEEDED):
            return Difference.REVERSED
        case State.FAILED, Entry.FAILED | Entry.REVERSED:
            return None
        case State.SENDING, Entry.PENDING | Entry.FAILED | Entry.REVERSED:
            return None  # nothing has moved that the ledger does not know; the sweep goes on asking
        case _:
            return Difference.STATUS


def _paid_twice(
    subject: Subject, lines: Sequence[StatementLine], entitlement: Entitlement, who: str
) -> list[Disagreement]:
    received = [line for line in lines if line.entry is Entry.SUCCEEDED]
    another = bool(received) and subject.n < entitlement.n and entitlement.state is State.PAID
    if len(received) + another < 2:
        return []
    return [Disagreement(Difference.PAID_TWICE, who, "1 payment", f"{len(received) + another} payments")]


def _extra(line: StatementLine, ledger: str) -> Disagreement:
    amount = "unreadable" if line.amount_idr is None else str(line.amount_idr)
    return Disagreement(Difference.EXTRA, line.reference, ledger, f"{line.word} {amount} {line.id}")


def _unreadable(line: StatementLine) -> Disagreement:
    return Disagreement(Difference.UNREADABLE, line.reference or line.id, "", f"{line.word} {line.id}")
