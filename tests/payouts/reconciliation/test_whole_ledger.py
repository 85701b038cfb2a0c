"""Planted differences: each is found and named, and nothing else is."""

from __future__ import annotations

import pytest

from chalicelib.money import Rupiah
from chalicelib.payouts import rules
from chalicelib.payouts.reconciliation.whole_ledger import BookLine, Difference, attempt_state, compare, totals
from chalicelib.payouts.rules import Entitlement, Hold, Kind, State
from tests.conftest import T0


def owed(who: str, state: State = State.PAID, *, n: int = 1, wave: int = 54, hold: Hold | None = None) -> Entitlement:
    entitlement = rules.entitlement_id(wave, who, Kind.INCENTIVE)
    return Entitlement(entitlement, who, wave, Kind.INCENTIVE, Rupiah(600_000), state, n, 3, hold, T0, T0)


def line(entitlement: Entitlement, status: str = "SUCCEEDED", *, n: int = 1, amount: int = 600_000) -> BookLine:
    return BookLine(f"{entitlement.id}-{n}", amount, status, amount if status == "SUCCEEDED" else 0)


def found(ledger: list[Entitlement], books: list[BookLine]) -> list[Difference]:
    return [each.difference for each in compare(ledger, books)]


ANI = owed("ani")


def test_equal_books_have_no_disagreement():
    retried = owed("budi", n=2)
    given_up = owed("candra", State.CANCELLED, n=3)
    ledger = [ANI, retried, given_up, owed("dewi", State.DUE, n=0), owed("eka", State.HELD, n=0, hold=Hold.NO_ADDRESS)]
    failed = [line(given_up, "FAILED", n=n) for n in (1, 2, 3)]
    books = [line(ANI), line(retried, "FAILED"), line(retried, n=2), *failed]
    assert found(ledger, books) == []
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
    assert found(ledger, books) == expected


def test_one_person_paid_under_two_ids_is_found_though_each_id_is_right():
    first, second = owed("ani", wave=54), owed("ani", wave=55)
    disagreements = compare([first, second], [line(first), line(second)])
    assert [(each.difference, each.subject) for each in disagreements] == [(Difference.PAID_TWICE, "ani/INCENTIVE")]


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
def test_a_finding_says_what_either_side_has(ledger, books, expected):
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
def test_the_first_attempts_end_must_go_with_where_the_ledger_stands(state, hold, n, status, expected):
    assert found([owed("ani", state, n=n, hold=hold)], [line(ANI, status)]) == expected


def test_money_of_one_person_adds_up_over_attempts_and_an_over_attempt_that_moved_some_is_a_difference():
    paid = owed("ani", n=2)
    half = BookLine(f"{paid.id}-1", 600_000, "REVERSED", 1)
    told = compare([paid], [half, line(paid, n=2)])
    assert [(each.difference, each.fsp) for each in told] == [
        (Difference.STATUS, "REVERSED"),
        (Difference.PAID_TWICE, "600001"),
    ]
    assert found([paid], [BookLine(f"{paid.id}-1", 600_000, "REVERSED", 0), line(paid, n=2)]) == []


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
def test_what_became_of_the_first_attempt_follows_from_where_the_ledger_stands(state, hold, n, expected):
    assert attempt_state(owed("ani", state, n=n, hold=hold), 1) is expected
