"""Comparing two books of the same days: equal ones agree, and each altered payment is found."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field
from datetime import UTC, date, datetime, timedelta
from itertools import pairwise
from types import SimpleNamespace
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.clock import WIB, iso
from chalicelib.money import Rupiah
from chalicelib.payouts import rules
from chalicelib.payouts.errors import StatementUnreadable
from chalicelib.payouts.ledger.records import NEWS_SHARDS, News, news_shard
from chalicelib.payouts.providers.provider import UNNAMED, Entry, StatementLine
from chalicelib.payouts.reconciliation import day_rules, nightly
from chalicelib.payouts.reconciliation.day_rules import DayReport, DayTotals, SlicePart
from chalicelib.payouts.reconciliation.nightly import DayComparison
from chalicelib.payouts.reconciliation.whole_ledger import Difference, Disagreement, payment
from chalicelib.payouts.rules import Entitlement, Kind, State
from tests.builders.payouts.days import compare

AMOUNT = Rupiah(600_000)
RAIL = "xendit-v2"


def owed(who: str, state: State, at: datetime, n: int = 1, wave: int = 54) -> Entitlement:
    """An incentive that came into its state at an instant, with so many attempts."""
    id_ = rules.entitlement_id(wave, who, Kind.INCENTIVE)
    return Entitlement(id_, who, wave, Kind.INCENTIVE, AMOUNT, state, n, 3, None, at, at, rail=RAIL if n else None)


@dataclass
class Ledger:
    """Entitlements, and when each came into which state: (instant, state, attempt), oldest first."""

    heads: dict[str, Entitlement] = field(default_factory=dict)
    told: dict[str, list[tuple[datetime, State, int]]] = field(default_factory=dict)

    def put(self, entitlement: Entitlement, *told: tuple[datetime, State, int]) -> None:
        self.heads[entitlement.id] = entitlement
        self.told[entitlement.id] = list(told) or [(entitlement.changed_at, entitlement.state, entitlement.n)]

    def transitions(self, shard: str, after: str, until: datetime, limit: int) -> list[tuple[News, Entitlement]]:
        assert shard in NEWS_SHARDS
        rows = sorted(
            (f"{iso(at)}|{id_}/{place}", at, state, self.heads[id_])
            for id_, told in self.told.items()
            for place, (at, state, _) in enumerate(told)
            if news_shard(replace(self.heads[id_], state=state)) == shard
        )
        return [
            (News(e.id, e.registrant_id, e.wave, e.kind, e.amount_idr, state, at, e.state, e.hold, key), e)
            for key, at, state, e in rows
            if key > after and iso(at) <= iso(until)
        ][:limit]

    def batch(self, ids: Iterable[str]) -> list[Entitlement]:
        return [self.heads[id_] for id_ in ids if id_ in self.heads]

    def events(self, entitlement_id: str) -> list[Any]:
        return [SimpleNamespace(at=at, state=state, n=n) for at, state, n in self.told[entitlement_id]]

    def attempts(self, entitlement_id: str) -> list[Any]:
        return [SimpleNamespace(n=n, rail=RAIL) for n in range(1, self.heads[entitlement_id].n + 1)]


@dataclass
class Statement:
    """What a provider says; `looked_up` counts references that were asked for by themselves."""

    lines: list[StatementLine] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)
    booked: int = 0

    def add(
        self, reference: str, at: datetime, entry: Entry = Entry.SUCCEEDED, amount: Rupiah | None = AMOUNT
    ) -> StatementLine:
        self.booked += 1
        line = StatementLine(f"txn_{self.booked}", reference, amount, entry, entry.value, at)
        self.lines.append(line)
        return line

    def change(self, line: StatementLine, **changes: Any) -> None:
        self.lines[self.lines.index(line)] = replace(line, **changes)

    def between(self, since: datetime, until: datetime) -> Iterator[StatementLine]:
        yield from (line for line in self.lines if since <= line.updated_at < until)

    def of(self, references: Sequence[str]) -> Mapping[str, Sequence[StatementLine]]:
        self.looked_up += references
        return {each: [line for line in self.lines if line.reference == each] for each in references}


MIDNIGHT = datetime(2026, 11, 21, tzinfo=WIB).astimezone(UTC)
NOW = MIDNIGHT + timedelta(days=4)
DAYS = [date(2026, 11, day) for day in (19, 20, 21, 22, 23)]


@dataclass
class Books:
    """Both sides, and what is expected to be found of them."""

    ledger: Ledger
    statement: Statement

    def reports(self, now: datetime = NOW) -> list[DayReport]:
        comparison = DayComparison(self.ledger, {RAIL: self.statement})  # type: ignore[arg-type]  # what is read of a store
        return [compare(comparison, day, now) for day in DAYS]

    def found(self) -> list[tuple[Difference, str]]:
        """Every finding of every day; the same one may be found on the day of either side."""
        found = [(each.difference, each.subject) for report in self.reports() for each in report.found]
        return sorted(set(found))


@pytest.fixture
def books() -> Books:
    return Books(Ledger(), Statement())


def paid(books: Books, who: str = "ani", at: datetime = MIDNIGHT, late: timedelta = timedelta(0)) -> str:
    """Paid at the provider at an instant, and in the ledger so much later; the reference."""
    entitlement = owed(who, State.PAID, at + late)
    books.ledger.put(entitlement)
    books.statement.add(f"{entitlement.id}-1", at)
    return f"{entitlement.id}-1"


def test_the_slices_of_a_day_are_adjacent_and_cover_it():
    slices = [each for day in DAYS for each in day_rules.slices(day)]
    assert all(one.until == other.since for one, other in pairwise(slices))
    assert day_rules.slices(DAYS[2])[0].since == MIDNIGHT
    assert [each.name for each in day_rules.slices(DAYS[2])] == ["00", "03", "06", "09", "12", "15", "18", "21"]


@pytest.mark.parametrize(
    ("wib", "latest"),
    [((21, 1, 59), 19), ((21, 2, 0), 20), ((21, 23, 59), 20), ((22, 0, 0), 20), ((22, 2, 0), 21)],
)
def test_a_day_is_compared_two_hours_after_its_end(wib, latest):
    day, hour, minute = wib
    assert day_rules.latest_over(datetime(2026, 11, day, hour, minute, tzinfo=WIB)) == date(2026, 11, latest)


@pytest.mark.parametrize("entry", Entry)
@pytest.mark.parametrize(
    ("state", "allowed"),
    [
        (State.PAID, {Entry.SUCCEEDED: None, Entry.REVERSED: Difference.REVERSED}),
        (State.REVERSED, {Entry.REVERSED: None, Entry.SUCCEEDED: Difference.REVERSED}),
        (State.SENDING, {Entry.PENDING: None, Entry.FAILED: None, Entry.REVERSED: None}),
        (State.FAILED, {Entry.FAILED: None, Entry.REVERSED: None}),
        (State.CANCELLED, {Entry.FAILED: None, Entry.REVERSED: None}),
        (State.DUE, {Entry.FAILED: None, Entry.REVERSED: None}),
    ],
)
def test_each_state_agrees_with_its_statuses(books, state, allowed, entry):
    entitlement = owed("ani", state, MIDNIGHT)
    books.ledger.put(entitlement)
    books.statement.add(f"{entitlement.id}-1", MIDNIGHT, entry)
    default = Difference.UNREADABLE if entry is Entry.UNREADABLE else Difference.STATUS
    expected = allowed.get(entry, default)
    assert books.found() == ([(expected, f"{entitlement.id}-1")] if expected else [])


def test_an_attempt_by_another_provider_does_not_account_for_a_line(books):
    reference = paid(books)
    head = books.ledger.heads[reference[:-2]]
    books.ledger.put(replace(head, rail="bank-file"), (MIDNIGHT - timedelta(days=30), State.PAID, 1))
    assert books.found() == [(Difference.EXTRA, reference)]


def test_a_payment_by_a_provider_without_a_statement_stops_the_comparison(books):
    reference = paid(books)
    books.ledger.put(replace(books.ledger.heads[reference[:-2]], rail="carrier-pigeon"))
    with pytest.raises(StatementUnreadable, match="no_statement_of_carrier-pigeon"):
        books.reports()


def test_a_line_without_a_reference_is_reported_by_its_id(books):
    books.statement.lines = [
        StatementLine("txn_7", "", Rupiah(1), Entry.UNREADABLE, "SUCCESS", MIDNIGHT),
        StatementLine(UNNAMED, "", None, Entry.UNREADABLE, "unreadable", MIDNIGHT),
    ]
    assert books.found() == [(Difference.UNREADABLE, "txn_7"), (Difference.UNREADABLE, UNNAMED)]


def test_payments_that_agree_within_the_window_are_not_looked_up(books):
    for number in range(30):
        paid(books, f"p{number}", MIDNIGHT + timedelta(minutes=number), late=timedelta(minutes=number))
    assert books.found() == []
    assert books.statement.looked_up == []


def test_a_payment_recorded_a_day_late_is_looked_up_and_agrees(books):
    reference = paid(books, late=timedelta(hours=30))
    assert books.found() == []
    assert books.statement.looked_up == [reference, reference], "on the day of either side"


@pytest.mark.parametrize(("second_s", "late_s"), [(25_200, 24_900), (24_000, 24_900), (20_000, 20_100)])
def test_a_second_payment_is_found_though_the_ledger_heard_of_the_first_only_after_it(books, second_s, late_s):
    reference = paid(books, late=timedelta(seconds=late_s))
    books.statement.add(reference, MIDNIGHT + timedelta(seconds=second_s))
    assert (Difference.EXTRA, reference) in books.found()
    assert (Difference.PAID_TWICE, "ani/INCENTIVE") in books.found()


def test_for_a_nearly_empty_statement_the_look_ups_are_limited(books, monkeypatch):
    monkeypatch.setattr(nightly, "LOOKUPS", 3)
    references = [paid(books, f"p{number}") for number in range(10)]
    books.statement.lines.clear()
    assert books.found() == sorted((Difference.MISSING, each) for each in references)
    assert len(books.statement.looked_up) == 3


def test_a_payment_that_moves_meanwhile_is_left_to_its_slice(books):
    reference = paid(books, at=MIDNIGHT - timedelta(hours=1))
    (line,) = books.statement.lines
    now = MIDNIGHT + timedelta(hours=2)
    books.statement.change(line, entry=Entry.REVERSED, updated_at=now - timedelta(minutes=1))
    books.ledger.put(books.ledger.heads[reference[:-2]])
    comparison = DayComparison(books.ledger, {RAIL: books.statement})  # type: ignore[arg-type]  # as above
    assert compare(comparison, DAYS[1], now).found == []
    assert books.found() == [(Difference.REVERSED, reference)]


def test_a_days_report_is_the_sum_of_its_slices_without_repeats():
    same = Disagreement(Difference.AMOUNT, "r-1", "1", "2")
    parts = [
        SlicePart(DayTotals(paid=1, paid_idr=5), [same], [("ani/INCENTIVE", "txn_1")]),
        SlicePart(DayTotals(paid=2, fsp_other=1), [same], [("ani/INCENTIVE", "txn_1"), ("budi/INCENTIVE", "txn_2")]),
        SlicePart(DayTotals(), [], [("budi/INCENTIVE", "txn_3")]),
    ]
    report = day_rules.whole(DAYS[0], parts)
    assert report.totals == DayTotals(paid=3, paid_idr=5, fsp_other=1)
    assert report.found == [same, Disagreement(Difference.PAID_TWICE, "budi/INCENTIVE", "1 payment", "2 payments")]
    assert day_rules.as_csv(report) == (
        b"day,difference,subject,ledger,provider\n"
        b"2026-11-19,amount,r-1,1,2\n"
        b"2026-11-19,paid_twice,budi/INCENTIVE,1 payment,2 payments\n"
    )


# Random books

MOMENTS = st.one_of(
    st.integers(-24 * 3600, 40 * 3600), st.sampled_from([-1, 0, 1, -301, 301, 3 * 3600, 3 * 3600 - 1, 24 * 3600])
).map(lambda seconds: MIDNIGHT + timedelta(seconds=seconds))
LATE = st.one_of(st.integers(-200, 0), st.integers(0, 20 * 3600), st.sampled_from([0, 1, 3600, 3601]))
LIVES = st.sampled_from(["paid", "retried", "failed", "sending", "returned", "cancelled", "again", "due"])


def live(books: Books, who: str, life: str, at: datetime, late: timedelta) -> None:
    """One entitlement's life, told to both sides; the ledger hears of each thing `late`."""
    state = {"failed": State.FAILED, "sending": State.SENDING, "cancelled": State.CANCELLED, "due": State.DUE}
    heard, back = at + late, at + timedelta(hours=5)
    n = {"retried": 2, "again": 2, "due": 0}.get(life, 1)
    e = owed(who, state.get(life, State.PAID), heard, n)
    match life:
        case "paid" | "sending":
            books.ledger.put(e)
            books.statement.add(f"{e.id}-1", at, Entry.SUCCEEDED if life == "paid" else Entry.PENDING)
        case "failed" | "cancelled":
            books.ledger.put(e)
            books.statement.add(f"{e.id}-1", at, Entry.FAILED)
        case "retried":
            books.ledger.put(e)
            books.statement.add(f"{e.id}-1", at - timedelta(hours=1), Entry.FAILED)
            books.statement.add(f"{e.id}-2", at)
        case "returned":
            books.ledger.put(
                replace(e, state=State.REVERSED, changed_at=back + late),
                (heard, State.PAID, 1),
                (back + late, State.REVERSED, 1),
            )
            books.statement.add(f"{e.id}-1", back, Entry.REVERSED)
        case "again":
            books.ledger.put(
                replace(e, changed_at=back + late + timedelta(hours=1)),
                (heard, State.PAID, 1),
                (back + late, State.REVERSED, 1),
                (back + late + timedelta(hours=1), State.PAID, 2),
            )
            books.statement.add(f"{e.id}-1", back, Entry.REVERSED)
            books.statement.add(f"{e.id}-2", back + timedelta(hours=1))
        case _:
            books.ledger.put(e, (at, State.DUE, 0))


def lost(books: Books, line: StatementLine) -> set[Difference]:
    books.statement.lines.remove(line)
    return {Difference.MISSING} if settled(books, line) in {State.PAID, State.REVERSED} else set()


def dearer(books: Books, line: StatementLine) -> set[Difference]:
    books.statement.change(line, amount_idr=Rupiah(600_001))
    return {Difference.AMOUNT}


def denied(books: Books, line: StatementLine) -> set[Difference]:
    books.statement.change(line, entry=Entry.FAILED)
    return {Difference.STATUS} if settled(books, line) in {State.PAID, State.REVERSED} else set()


def returned(books: Books, line: StatementLine) -> set[Difference]:
    books.statement.change(line, entry=Entry.REVERSED, updated_at=line.updated_at + timedelta(hours=6))
    return {Difference.REVERSED} if settled(books, line) is State.PAID else set()


def arrived(books: Books, line: StatementLine) -> set[Difference]:
    books.statement.change(line, entry=Entry.SUCCEEDED)
    match settled(books, line):
        case State.PAID:
            return set()
        case State.REVERSED:
            return {Difference.REVERSED}
    head = books.ledger.heads[line.reference[:26]]
    return {Difference.STATUS} | ({Difference.PAID_TWICE} if head.state is State.PAID else set())


def doubled(books: Books, line: StatementLine) -> set[Difference]:
    books.statement.add(line.reference, line.updated_at + timedelta(hours=7), line.entry)
    return {Difference.EXTRA} | ({Difference.PAID_TWICE} if line.entry is Entry.SUCCEEDED else set())


def garbled(books: Books, line: StatementLine) -> set[Difference]:
    books.statement.change(line, entry=Entry.UNREADABLE)
    return {Difference.UNREADABLE}


def settled(books: Books, line: StatementLine) -> State | None:
    """The state of the attempt of a line: that of the entitlement, if it is the latest one."""
    head = books.ledger.heads[line.reference[:26]]
    return head.state if line.reference.endswith(f"-{head.n}") else None


ALTERATIONS = [lost, dearer, denied, returned, arrived, doubled, garbled]


@settings(max_examples=150)
@given(
    lives=st.lists(st.tuples(LIVES, MOMENTS, LATE), max_size=8),
    alterations=st.lists(
        st.tuples(st.integers(0, 7), st.sampled_from(ALTERATIONS)), max_size=4, unique_by=lambda a: a[0]
    ),
    strangers=st.lists(MOMENTS, max_size=2),
)
def test_exactly_the_altered_payments_are_found(lives: list[Any], alterations: list[Any], strangers: list[datetime]):
    books = Books(Ledger(), Statement())
    for number, (life, at, late) in enumerate(lives):
        live(books, f"person-{number}", life, at, timedelta(seconds=late))
    expected: set[tuple[Difference, str]] = set()
    untouched = list(books.statement.lines)
    for which, alter in alterations:
        own = [line for line in untouched if books.ledger.heads[line.reference[:26]].registrant_id == f"person-{which}"]
        if own:
            line = own[-1]
            who = payment(books.ledger.heads[line.reference[:26]], each_place=False)
            for difference in alter(books, line):
                expected.add((difference, who if difference is Difference.PAID_TWICE else line.reference))
    for number, at in enumerate(strangers):
        books.statement.add(f"stranger-{number}", at)
        expected.add((Difference.EXTRA, f"stranger-{number}"))

    assert books.found() == sorted(expected)
    if not expected:
        reports = books.reports()
        assert sum(report.totals.fsp_succeeded for report in reports) == sum(
            line.entry is Entry.SUCCEEDED for line in books.statement.lines
        )
