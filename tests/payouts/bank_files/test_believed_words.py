"""Which of a bank's words are believed, for one transfer at a time."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.money import rupiah
from chalicelib.payouts.bank_files.report_lines import Line, Problem
from chalicelib.payouts.bank_files.reports import _RANK, KnownTransfer, Source, _news, judge
from chalicelib.payouts.bank_files.store import BankNote, Batch, BatchState
from chalicelib.payouts.rules import Entitlement, Kind, Outcome, State
from tests.conftest import T0

ID = "abcdefghijklmnopqrstuvwxyz"
HEAD = Entitlement(
    ID, "ani", 143, Kind.INCENTIVE, rupiah(600_000), State.SENDING, n=1, seq=2, hold=None, created_at=T0, changed_at=T0,
    attempt_seq=2, rail="bank-file",
)  # fmt: skip
APPROVED = Batch("file", BatchState.APPROVED, "maker", T0, date(2026, 11, 25), 1, rupiah(600_000), "00", "checker", T0)
KNOWN = KnownTransfer(HEAD, 1, BankNote("file"), APPROVED)
LINE = Line(7, f"{ID}-1", Outcome.SUCCEEDED, "ACSC", "file", Decimal("600000.00"), "IDR")
SOURCE = Source("ab", "importer")
PAID = replace(KNOWN, entitlement=replace(HEAD, state=State.PAID))
SPOKEN = [Outcome.PENDING, Outcome.REJECTED, Outcome.SUCCEEDED, Outcome.FAILED, Outcome.REVERSED]


def after(*outcomes: Outcome) -> KnownTransfer:
    known = KNOWN
    for outcome in outcomes:
        word = _news(replace(LINE, outcome=outcome), known, SOURCE)
        known = replace(known, note=BankNote("file", word or known.note.word))
    return known


def test_what_fits_is_believed():
    assert judge(LINE, KNOWN) is None
    assert judge(replace(LINE, amount=None, currency=None, file=None), KNOWN) is None


@pytest.mark.parametrize(
    ("line", "known", "problem"),
    [
        (replace(LINE, reference=None), KnownTransfer(), Problem.NO_REFERENCE),
        (LINE, KnownTransfer(), Problem.UNKNOWN_REFERENCE),
        (LINE, replace(KNOWN, n=2), Problem.UNKNOWN_REFERENCE),
        (LINE, replace(KNOWN, entitlement=replace(HEAD, rail="xendit-v2")), Problem.OTHER_RAIL),
        (LINE, replace(KNOWN, batch=None), Problem.NOT_IN_A_FILE),
        *((LINE, replace(KNOWN, batch=replace(APPROVED, state=state)), Problem.NOT_IN_A_FILE)
          for state in BatchState if state not in {BatchState.APPROVED, BatchState.RECALLED}),
        (replace(LINE, file="other"), KNOWN, Problem.OTHER_FILE),
        (replace(LINE, currency="USD"), KNOWN, Problem.CURRENCY),
        (replace(LINE, amount=Decimal("600000.01")), KNOWN, Problem.AMOUNT),
        (replace(LINE, outcome=None), KNOWN, Problem.UNKNOWN_WORD),
        (replace(LINE, fault=Problem.DUPLICATE), KNOWN, Problem.DUPLICATE),
        (LINE, replace(KNOWN, entitlement=replace(HEAD, n=2)), Problem.NOT_LATEST),
        (replace(LINE, outcome=Outcome.FAILED), PAID, Problem.CONTRADICTS),
        *((LINE, replace(KNOWN, entitlement=replace(HEAD, state=state)), Problem.CONTRADICTS)
          for state in (State.FAILED, State.CANCELLED, State.DUE)),
    ],
)  # fmt: skip
def test_what_does_not_fit_is_not_believed(line, known, problem):
    assert judge(line, known) is problem


def test_a_second_debit_is_told_by_the_banks_own_reference():
    debited = replace(KNOWN, note=BankNote("file", _news(replace(LINE, booking="D-1"), KNOWN, SOURCE)))
    assert judge(replace(LINE, booking="D-2"), debited) is Problem.PAID_TWICE
    assert judge(replace(LINE, booking="D-1"), debited) is judge(LINE, debited) is None


@pytest.mark.parametrize(
    ("first", "second", "problem"),
    [
        (Outcome.SUCCEEDED, Outcome.FAILED, Problem.CONTRADICTS),
        (Outcome.REVERSED, Outcome.FAILED, Problem.CONTRADICTS),
        (Outcome.FAILED, Outcome.SUCCEEDED, Problem.CONTRADICTS),
        (Outcome.FAILED, Outcome.REVERSED, Problem.CONTRADICTS),
        (Outcome.SUCCEEDED, Outcome.REVERSED, None),
        (Outcome.REVERSED, Outcome.SUCCEEDED, None),
        (Outcome.FAILED, Outcome.PENDING, None),
        (Outcome.REJECTED, Outcome.SUCCEEDED, None),
        (Outcome.REJECTED, Outcome.FAILED, None),
        (Outcome.SUCCEEDED, Outcome.REJECTED, None),
    ],
)
def test_a_later_word_may_add_and_never_deny(first, second, problem):
    assert judge(replace(LINE, outcome=second), after(first)) is problem


@given(st.lists(st.sampled_from(SPOKEN), max_size=8))
def test_whatever_is_said_in_whatever_order_the_kept_word_only_goes_on(words):
    known = KNOWN
    kept: list[Outcome] = []
    for outcome in words:
        line = replace(LINE, outcome=outcome)
        if judge(line, known) is None:
            word = _news(line, known, SOURCE)
            if word is not None:
                known = replace(known, note=BankNote("file", word))
                kept.append(outcome)
            assert judge(line, known) is None, "said again it is still believed"
            assert _news(line, known, SOURCE) is None, "and no news"
    ranks = [_RANK[each] for each in kept]
    assert ranks == sorted(ranks)
    assert [each for each in ranks if each] == sorted({each for each in ranks if each}), "only what is open comes again"
    assert not {Outcome.FAILED} & set(kept) or not {Outcome.SUCCEEDED, Outcome.REVERSED} & set(kept)
