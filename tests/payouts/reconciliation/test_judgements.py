"""Findings about one reference of a day and about the whole ledger: exactly the planted differences."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from chalicelib.money import Rupiah
from chalicelib.payouts import rules
from chalicelib.payouts.providers.provider import Entry, StatementLine
from chalicelib.payouts.reconciliation.day_rules import DayTotals, Subject, count, count_event, judge, needs_a_look
from chalicelib.payouts.reconciliation.whole_ledger import BookLine, Difference, attempt_state, compare, totals
from chalicelib.payouts.rules import Entitlement, Hold, Kind, State
from tests.conftest import T0

ID = "a" * 26
REFERENCE = f"{ID}-1"
BY = T0 + timedelta(hours=1)
"""What changed then or later belongs to a later slice."""
AMOUNT = Rupiah(600_000)
PAID = Entitlement(ID, "ani", 143, Kind.INCENTIVE, AMOUNT, State.PAID, 1, 3, None, T0, T0, rail="rail")
LINE = StatementLine("t-1", REFERENCE, AMOUNT, Entry.SUCCEEDED, "COMPLETED", T0)
AGAIN = replace(LINE, id="t-2")
NEVER = replace(LINE, entry=Entry.UNREADABLE, word="ODD")


def found(entitlement: Entitlement | None, *lines: StatementLine, rail: str = "rail", n: int = 1) -> list[tuple]:
    subject = Subject(rail, f"{ID}-{n}", entitlement)
    return [(each.difference, each.subject, each.ledger, each.fsp) for each in judge(subject, lines, BY)]


def now(state: State, hold: Hold | None = None, n: int = 1, changed_at: datetime = T0) -> Entitlement:
    return replace(PAID, state=state, hold=hold, n=n, changed_at=changed_at)


def test_equal_records_are_no_finding():
    assert found(PAID, LINE) == []
    assert found(now(State.REVERSED), replace(LINE, entry=Entry.REVERSED)) == []
    assert found(now(State.FAILED)) == found(now(State.SENDING)) == []


@pytest.mark.parametrize("state", [State.PAID, State.REVERSED])
def test_a_payment_only_in_the_ledger_is_missing_unless_it_changed_too_late(state):
    assert found(now(state)) == [(Difference.MISSING, REFERENCE, state.value, "")]
    assert found(now(state, changed_at=BY - timedelta(microseconds=1))) != []
    assert found(now(state, changed_at=BY)) == []


@pytest.mark.parametrize(
    ("entitlement", "rail", "n"), [(None, "rail", 1), (PAID, "other", 1), (PAID, "rail", 2), (PAID, "rail", 0)]
)
def test_a_line_without_an_attempt_is_extra_and_without_a_reference_unreadable(entitlement, rail, n):
    nameless = replace(LINE, reference="", word="COMPLETED")
    assert found(entitlement, LINE, replace(AGAIN, amount_idr=None), nameless, rail=rail, n=n) == [
        (Difference.EXTRA, REFERENCE, "", "COMPLETED 600000 t-1"),
        (Difference.EXTRA, REFERENCE, "", "COMPLETED unreadable t-2"),
        (Difference.UNREADABLE, "t-1", "", "COMPLETED t-1"),
    ]


@pytest.mark.parametrize(("amount", "theirs"), [(Rupiah(1), "1"), (None, "unreadable"), (Rupiah(600_001), "600001")])
def test_a_different_amount_is_named(amount, theirs):
    assert found(PAID, replace(LINE, amount_idr=amount)) == [(Difference.AMOUNT, REFERENCE, "600000", theirs)]


def test_an_unreadable_line_is_reported_and_not_judged_further():
    odd = replace(NEVER, amount_idr=Rupiah(1))
    assert found(PAID, odd) == [(Difference.UNREADABLE, REFERENCE, "", "ODD t-1")]


@pytest.mark.parametrize(
    ("state", "entry", "difference"),
    [
        (State.PAID, Entry.REVERSED, Difference.REVERSED),
        (State.REVERSED, Entry.SUCCEEDED, Difference.REVERSED),
        (State.PAID, Entry.FAILED, Difference.STATUS),
        (State.PAID, Entry.PENDING, Difference.STATUS),
        (State.FAILED, Entry.SUCCEEDED, Difference.STATUS),
        (State.SENDING, Entry.SUCCEEDED, Difference.STATUS),
    ],
)
def test_a_lasting_disagreement_of_status_is_reported(state, entry, difference):
    line = replace(LINE, entry=entry, word="WORD")
    assert found(now(state), line) == [(difference, REFERENCE, state.value, "WORD")]
    assert found(now(state), replace(line, updated_at=BY - timedelta(microseconds=1))) != []
    assert found(now(state), replace(line, updated_at=BY)) == []
    moved = found(now(state, changed_at=BY), line)
    assert (moved == []) == (state in {State.PAID, State.REVERSED})


@pytest.mark.parametrize("order", [1, -1])
def test_two_payments_under_one_reference_are_an_extra_and_paid_twice(order):
    twice = [
        (Difference.EXTRA, REFERENCE, "PAID", "COMPLETED 600000 t-2"),
        (Difference.PAID_TWICE, "ani/INCENTIVE", "1 payment", "2 payments"),
    ]
    assert found(PAID, *[LINE, AGAIN][::order]) == twice
    over = replace(LINE, id="t-0", entry=Entry.FAILED, word="FAILED")
    assert found(PAID, *[LINE, over][::order]) == [(Difference.EXTRA, REFERENCE, "PAID", "FAILED 600000 t-0")]


def test_a_payment_of_an_earlier_attempt_beside_a_later_one_that_paid_is_paid_twice():
    second = now(State.PAID, n=2)
    assert found(second, LINE) == [
        (Difference.STATUS, REFERENCE, "FAILED", "COMPLETED"),
        (Difference.PAID_TWICE, "ani/INCENTIVE", "1 payment", "2 payments"),
    ]
    assert found(now(State.SENDING, n=2), LINE) == [(Difference.STATUS, REFERENCE, "FAILED", "COMPLETED")]
    assert found(second, replace(LINE, entry=Entry.FAILED), rail="other") == []


def test_more_is_looked_up_for_open_or_later_changed_payments():
    looks = lambda entitlement, *lines, rail="rail": needs_a_look(Subject(rail, REFERENCE, entitlement), lines)  # noqa: E731
    late = replace(LINE, updated_at=T0 + timedelta(minutes=5, microseconds=1))
    assert not looks(PAID, LINE)
    assert not looks(PAID, replace(LINE, updated_at=T0 + timedelta(minutes=5)))
    assert looks(PAID, LINE, late)
    assert looks(now(State.SENDING))
    assert looks(now(State.HELD, Hold.KEY_EXPIRED))
    assert not looks(now(State.FAILED))
    assert not looks(None, late)
    assert not looks(PAID, late, rail="other")


def test_each_line_and_each_transition_counts_once_with_its_amount():
    assert count(LINE) == DayTotals(fsp_succeeded=1, fsp_succeeded_idr=AMOUNT)
    assert count(replace(LINE, entry=Entry.REVERSED)) == DayTotals(fsp_reversed=1, fsp_reversed_idr=AMOUNT)
    assert count(replace(LINE, amount_idr=None)) == DayTotals(fsp_succeeded=1)
    for entry in (Entry.FAILED, Entry.PENDING, Entry.UNREADABLE):
        assert count(replace(LINE, entry=entry)) == DayTotals(fsp_other=1)
    assert count_event(State.PAID, 5) == DayTotals(paid=1, paid_idr=5)
    assert count_event(State.REVERSED, 5) == DayTotals(reversed=1, reversed_idr=5)


def owed(who: str, state: State = State.PAID, *, n: int = 1, wave: int = 54, hold: Hold | None = None) -> Entitlement:
    entitlement = rules.entitlement_id(wave, who, Kind.INCENTIVE)
    return Entitlement(entitlement, who, wave, Kind.INCENTIVE, Rupiah(600_000), state, n, 3, hold, T0, T0)


def line(entitlement: Entitlement, status: str = "SUCCEEDED", *, n: int = 1, amount: int = 600_000) -> BookLine:
    return BookLine(f"{entitlement.id}-{n}", amount, status, amount if status == "SUCCEEDED" else 0)


def differences(ledger: list[Entitlement], books: list[BookLine]) -> list[Difference]:
    return [each.difference for each in compare(ledger, books)]


ANI = owed("ani")


def test_equal_books_have_no_disagreement():
    retried = owed("budi", n=2)
    given_up = owed("candra", State.CANCELLED, n=3)
    ledger = [ANI, retried, given_up, owed("dewi", State.DUE, n=0), owed("eka", State.HELD, n=0, hold=Hold.NO_ADDRESS)]
    failed = [line(given_up, "FAILED", n=n) for n in (1, 2, 3)]
    books = [line(ANI), line(retried, "FAILED"), line(retried, n=2), *failed]
    assert differences(ledger, books) == []
    sums = totals(ledger, books)
    assert (sums.entitlements, sums.unsettled, sums.paid, sums.paid_idr) == (5, 2, 2, 1_200_000)
    assert (sums.fsp_payouts, sums.fsp_moved_idr) == (6, 1_200_000)


@pytest.mark.parametrize(
    ("ledger", "books", "expected"),
    [
        ([owed("ani", State.REVERSED)], [], [Difference.MISSING]),
        ([owed("ani", State.SENDING)], [], []),
        ([], [line(ANI)], [Difference.EXTRA]),
        ([ANI], [line(ANI), line(ANI, "FAILED", n=2)], [Difference.EXTRA]),
        ([ANI], [line(ANI), BookLine("made-up", 600_000, "SUCCEEDED", 600_000)], [Difference.EXTRA]),
        ([ANI], [line(ANI, "FAILED")], [Difference.STATUS]),
        ([ANI], [line(ANI, "REVERSED")], [Difference.STATUS]),
        ([ANI], [line(ANI, "NEW_WORD")], [Difference.STATUS]),
        ([owed("ani", State.FAILED)], [line(ANI)], [Difference.STATUS]),
        ([owed("ani", State.FAILED)], [line(ANI, "ACCEPTED")], [Difference.STATUS]),
        ([owed("ani", State.CANCELLED)], [line(ANI)], [Difference.STATUS]),
        ([owed("ani", State.SENDING)], [line(ANI)], [Difference.STATUS]),
        ([owed("ani", State.HELD, hold=Hold.KEY_EXPIRED)], [line(ANI)], [Difference.STATUS]),
        ([owed("ani", n=2)], [line(ANI), line(ANI, n=2)], [Difference.STATUS, Difference.PAID_TWICE]),
    ],
)
def test_a_planted_difference_is_found_and_named(ledger, books, expected):
    assert differences(ledger, books) == expected


def test_one_person_paid_under_two_ids_is_found_though_each_id_is_right():
    first, second = owed("ani", wave=54), owed("ani", wave=55)
    disagreements = compare([first, second], [line(first), line(second)])
    assert [(each.difference, each.subject) for each in disagreements] == [(Difference.PAID_TWICE, "ani/INCENTIVE")]
    assert compare([first, second], [line(first), line(second)], each_place=True) == [], "each place pays"


@pytest.mark.parametrize(
    ("ledger", "books", "expected"),
    [
        ([ANI], [], [(Difference.MISSING, f"{ANI.id}-1", "PAID", "")]),
        ([], [line(ANI, "FAILED")], [(Difference.EXTRA, f"{ANI.id}-1", "", "FAILED 0")]),
        (
            [ANI],
            [line(ANI), line(ANI)],
            [
                (Difference.EXTRA, f"{ANI.id}-1", "PAID", "SUCCEEDED 600000"),
                (Difference.PAID_TWICE, "ani/INCENTIVE", "600000", "1200000"),
            ],
        ),
        ([ANI], [line(ANI, amount=599_999)], [(Difference.AMOUNT, f"{ANI.id}-1", "600000", "599999")]),
        (
            [ANI],
            [line(ANI, "FAILED", amount=1)],
            [(Difference.AMOUNT, f"{ANI.id}-1", "600000", "1"), (Difference.STATUS, f"{ANI.id}-1", "PAID", "FAILED")],
        ),
    ],
)
def test_a_finding_shows_both_sides(ledger, books, expected):
    told = [(each.difference, each.subject, each.ledger, each.fsp) for each in compare(ledger, books)]
    assert told == expected


@pytest.mark.parametrize(
    ("state", "hold", "n", "status", "expected"),
    [
        (State.REVERSED, None, 1, "REVERSED", []),
        (State.REVERSED, None, 1, "SUCCEEDED", [Difference.STATUS]),
        (State.REVERSED, None, 1, "FAILED", [Difference.STATUS]),
        (State.SENDING, None, 1, "ACCEPTED", []),
        (State.SENDING, None, 1, "LOCKED", []),
        (State.SENDING, None, 1, "FAILED", []),
        (State.DUE, None, 1, "REVERSED", []),
        (State.HELD, Hold.ADMIN, 1, "FAILED", []),
        (State.HELD, Hold.ADMIN, 1, "ACCEPTED", [Difference.STATUS]),
        (State.HELD, Hold.DUPLICATE, 1, "ACCEPTED", []),
        (State.CANCELLED, None, 1, "EXPIRED", []),
        (State.CANCELLED, None, 1, "COMPLIANCE_REJECTED", []),
        (State.CANCELLED, None, 1, "LOCKED", [Difference.STATUS]),
        (State.SENDING, None, 2, "ACCEPTED", [Difference.STATUS]),
    ],
)
def test_the_first_attempts_outcome_must_fit_the_ledgers_state(state, hold, n, status, expected):
    assert differences([owed("ani", state, n=n, hold=hold)], [line(ANI, status)]) == expected


def test_money_is_summed_over_attempts_and_a_finished_attempt_that_moved_some_is_a_difference():
    paid = owed("ani", n=2)
    half = BookLine(f"{paid.id}-1", 600_000, "REVERSED", 1)
    told = compare([paid], [half, line(paid, n=2)])
    assert [(each.difference, each.fsp) for each in told] == [
        (Difference.STATUS, "REVERSED"),
        (Difference.PAID_TWICE, "600001"),
    ]
    assert differences([paid], [BookLine(f"{paid.id}-1", 600_000, "REVERSED", 0), line(paid, n=2)]) == []


@pytest.mark.parametrize(
    ("state", "hold", "n", "expected"),
    [
        (State.PAID, None, 1, State.PAID),
        (State.REVERSED, None, 1, State.REVERSED),
        (State.SENDING, None, 1, State.SENDING),
        (State.SENDING, None, 2, State.FAILED),
        (State.PAID, None, 2, State.FAILED),
        (State.HELD, Hold.KEY_EXPIRED, 1, State.SENDING),
        (State.HELD, Hold.NO_ADDRESS, 1, State.FAILED),
        (State.CANCELLED, None, 1, State.FAILED),
    ],
)
def test_the_ledgers_state_implies_the_first_attempts_outcome(state, hold, n, expected):
    assert attempt_state(owed("ani", state, n=n, hold=hold), 1) is expected
