"""Planted differences: each is found and named, and nothing else is."""

from __future__ import annotations

import pytest

from chalicelib.money import Rupiah
from chalicelib.payouts import rules
from chalicelib.payouts.reconciliation import BookLine, Difference, compare, totals
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
    books = [
        line(ANI),
        line(retried, "FAILED"),
        line(retried, n=2),
        *(line(given_up, "FAILED", n=n) for n in (1, 2, 3)),
    ]
    assert found(ledger, books) == []
    sums = totals(ledger, books)
    assert (sums.entitlements, sums.unsettled, sums.paid, sums.paid_idr) == (5, 2, 2, 1_200_000)
    assert (sums.fsp_payouts, sums.fsp_moved_idr) == (6, 1_200_000)


@pytest.mark.parametrize(
    ("ledger", "books", "expected"),
    [
        ([ANI], [], [Difference.MISSING]),
        ([owed("ani", State.REVERSED)], [], [Difference.MISSING]),
        ([], [line(ANI)], [Difference.EXTRA]),
        ([ANI], [line(ANI), line(ANI, "FAILED", n=2)], [Difference.EXTRA]),
        ([ANI], [line(ANI), BookLine("made-up", 600_000, "SUCCEEDED", 600_000)], [Difference.EXTRA]),
        ([ANI], [line(ANI, amount=599_999)], [Difference.AMOUNT]),
        ([ANI], [line(ANI, "FAILED")], [Difference.STATUS]),
        ([ANI], [line(ANI, "REVERSED")], [Difference.STATUS]),
        ([ANI], [line(ANI, "NEW_WORD")], [Difference.STATUS]),
        ([owed("ani", State.FAILED)], [line(ANI)], [Difference.STATUS]),
        ([owed("ani", State.FAILED)], [line(ANI, "ACCEPTED")], [Difference.STATUS]),
        ([owed("ani", State.CANCELLED)], [line(ANI)], [Difference.STATUS]),
        ([owed("ani", State.SENDING)], [line(ANI)], [Difference.STATUS]),
        ([owed("ani", State.HELD, hold=Hold.KEY_EXPIRED)], [line(ANI)], [Difference.STATUS]),
        ([owed("ani", n=2)], [line(ANI), line(ANI, n=2)], [Difference.STATUS, Difference.PAID_TWICE]),
        ([ANI], [line(ANI), line(ANI)], [Difference.EXTRA, Difference.PAID_TWICE]),
    ],
)
def test_a_planted_difference_is_found_and_named(ledger, books, expected):
    assert found(ledger, books) == expected


@pytest.mark.parametrize("status", ["ACCEPTED", "LOCKED", "FAILED"])
def test_what_is_under_way_disagrees_only_once_money_has_moved_unknown_to_the_ledger(status):
    assert found([owed("ani", State.SENDING)], [line(ANI, status)]) == []
    assert found([owed("ani", State.SENDING)], []) == []


def test_one_person_paid_under_two_ids_is_found_though_each_id_is_right():
    first, second = owed("ani", wave=54), owed("ani", wave=55)
    disagreements = compare([first, second], [line(first), line(second)])
    assert [(each.difference, each.subject) for each in disagreements] == [
        (Difference.PAID_TWICE, "ani/INCENTIVE"),
    ]
