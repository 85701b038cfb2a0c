"""Applying the bank's reports: which statuses count, which lines match no transfer, a day's statement."""

from __future__ import annotations

from datetime import date, timedelta
from decimal import Decimal

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from admin.bank import reports
from chalicelib.aws import dynamodb
from chalicelib.aws.job_progress import Cursors
from chalicelib.clock import wib_date
from chalicelib.config import Settings
from chalicelib.money import rupiah
from chalicelib.notices.store import NoticesTable, TellingCursor
from chalicelib.payouts.bank_files.report_lines import Line, Problem
from chalicelib.payouts.bank_files.reports import _RANK, KnownTransfer, Source, _news, judge
from chalicelib.payouts.bank_files.store import BankNote, Batch, BatchState
from chalicelib.payouts.bank_files.transfers import BankFile, BankStatements
from chalicelib.payouts.ledger.items import Head, PayoutsTable, partition
from chalicelib.payouts.ledger.records import NEWS_SHARDS
from chalicelib.payouts.providers.provider import Entry
from chalicelib.payouts.reconciliation.nightly import DayComparison
from chalicelib.payouts.rules import Entitlement, Kind, Move, Outcome, State
from tests.builders.payouts.bank import CHECKER, MAKER, BankWorld, camt054, entry, pain002, told_of
from tests.builders.payouts.days import compare
from tests.conftest import T0


def test_one_person_cannot_have_money_sent_again_by_a_report_of_rejections(world):
    """A report is a file that anybody could have written: without this one person could do what `resolve` forbids."""
    batch, [paid, rejected] = world.sent("ani", "budi")
    raw = pain002(batch, {paid: "ACSC", rejected: "RJCT AC04"})
    for who in (MAKER, MAKER, f"arn:aws:sts::123456789012:assumed-role/other/{MAKER.rpartition('/')[2]}"):
        assert told_of(world.take_in(raw, who)) == [(Problem.ONE_PERSON, rejected)]
    assert (world.state(paid), world.state(rejected)) == (State.PAID, State.SENDING)
    another = pain002(batch, {rejected: "RJCT AC01"})
    assert told_of(world.take_in(another)) == [(Problem.ONE_PERSON, rejected)], "it says something else"

    done = world.take_in(raw, CHECKER)
    assert (done.news, done.known, done.findings, world.state(rejected)) == (1, 1, [], State.HELD)
    assert world.take_in(raw, MAKER).findings == [], "known by now"


def test_two_people_of_the_roster_import_what_somebody_rejected_before_there_was_one(world):
    batch, [rejected] = world.sent("ani")
    raw = pain002(batch, {rejected: "RJCT AC04"})
    for who in (MAKER, "person/s1", "person/s1"):  # nothing tells whether these are one
        assert told_of(world.take_in(raw, who)) == [(Problem.ONE_PERSON, rejected)]
    assert world.take_in(raw, "person/b1").findings == []
    assert world.state(rejected) == State.HELD


def test_a_notification_reports_returned_money(world):
    _, [reference] = world.sent("ani")
    assert world.take_in(camt054(entry(reference, ref="D-1"))).news == 1
    assert world.state(reference) is State.PAID
    back = camt054(entry(reference, returned="AC04", ref="C-1"))
    assert world.take_in(back).news == 1
    assert world.state(reference) is State.REVERSED
    assert world.store.events(reference[:26])[-1].reason == "BOOKED_RETURN_AC04"
    assert (world.take_in(back).known, world.take_in(camt054(entry(reference, ref="D-1"))).known) == (1, 1)


@pytest.mark.parametrize(
    ("words", "twice"),
    [
        (["C-1", "D-1"], []),
        (["C-1", ""], []),
        (["C-1", "D-1", "D-1"], []),
        (["C-1", "D-1", "D-2"], [2]),
        (["C-1", "C-1", "D-1"], []),
        (["C-1", "D-1", "C-1", "D-1"], []),
        (["C-1", "D-1", "C-2", "D-2"], [3]),
        (["ACSC", "D-1", "D-2", "D-1"], [2]),
    ],
)
def test_a_second_debit_is_reported_and_a_return_or_status_before_it_is_no_debit(world, words, twice):
    batch, [reference] = world.sent("ani")
    state = State.PAID if "ACSC" in words else State.REVERSED
    for place, word in enumerate(words):
        booking = camt054(entry(reference, returned="AC04" if word.startswith("C") else "", ref=word))
        done = world.take_in(pain002(batch, {reference: word}) if word == "ACSC" else booking)
        assert place or done.news == 1
        assert told_of(done) == ([(Problem.PAID_TWICE, reference)] if place in twice else [])
        assert world.state(reference) is state


def test_a_debit_and_its_return_in_one_notification_are_applied_in_order(world):
    _, [reference] = world.sent("ani")
    done = world.take_in(camt054(entry(reference, returned="AC01", ref="C-1"), entry(reference, ref="D-1")))
    assert (done.news, done.findings, world.state(reference)) == (2, [], State.REVERSED)


def test_the_same_report_again_changes_nothing(world):
    batch, references = world.sent("ani", "budi", "citra")
    raw = pain002(batch, dict(zip(references, ["ACSC", "RJCT AB08", "ACSP"], strict=True)))
    assert (world.take_in(raw, MAKER).news, world.take_in(raw).news) == (2, 1)
    before = {each: world.store.events(each[:26]) for each in references}
    again = world.take_in(raw)
    assert (again.news, again.known, again.findings) == (0, 3, [])
    assert {each: world.store.events(each[:26]) for each in references} == before


def test_lines_that_do_not_fit_are_reported_and_not_applied(world):
    batch, [ani, budi, citra, dewi] = world.sent("ani", "budi", "citra", "dewi")
    waiting = world.claimed("eko")
    stranger = "a" * 26 + "-1"
    done = world.take_in(
        pain002(batch, [
            (stranger, "ACSC"), ("RENT-1", "ACSC"), (waiting, "ACSC"),
            (ani, "ACSC"), (ani, "RJCT AC04"), (budi, "RJCT AM05"),
        ])
    )  # fmt: skip
    assert told_of(done) == [
        (Problem.UNKNOWN_REFERENCE, stranger),
        (Problem.UNKNOWN_REFERENCE, None),
        (Problem.NOT_IN_A_FILE, waiting),
        (Problem.TWICE, ani),
        (Problem.TWICE, ani),
        (Problem.DUPLICATE, budi),
    ]
    assert [each.number for each in done.findings] == sorted(each.number for each in done.findings)
    assert told_of(world.take_in(pain002("other-file", {citra: "ACSC"}))) == [(Problem.OTHER_FILE, citra)]
    bookings = camt054(
        entry(citra, "599999.00"), entry(dewi, currency="USD"), entry(ani, "600000.50"), entry("NOTPROVIDED"),
        entry(budi, ref="D-1"), entry(budi, ref="D-2"),
    )  # fmt: skip
    assert told_of(world.take_in(bookings)) == [
        (Problem.AMOUNT, citra),
        (Problem.CURRENCY, dewi),
        (Problem.AMOUNT, ani),
        (Problem.NO_REFERENCE, None),
        (Problem.PAID_TWICE, budi),
        (Problem.PAID_TWICE, budi),
    ]
    assert {world.state(each) for each in (ani, budi, citra, dewi, waiting)} == {State.SENDING}


def test_a_notification_never_fails_anything_and_a_bare_credit_is_no_return(world):
    _, [reference] = world.sent("ani")
    credit = entry(reference).replace("DBIT", "CRDT")
    assert told_of(world.take_in(camt054(credit))) == [(Problem.UNKNOWN_WORD, reference)]
    assert world.take_in(camt054(entry(reference, status="PDNG"))).news == 1
    assert world.state(reference) is State.SENDING


def test_a_whole_file_is_rejected_with_a_reason_and_never_as_a_repetition(world):
    batch, references = world.sent("ani", "budi")
    for why, problem in (
        ("RJCT", Problem.NO_CODE),
        ("RJCT AM05", Problem.DUPLICATE),
        ("RJCT DU01", Problem.DUPLICATE),
    ):
        assert told_of(world.take_in(pain002(batch, {}, why))) == [(problem, None)]
    assert told_of(world.take_in(pain002("nobodys", {}, "RJCT AC01"))) == [(Problem.UNKNOWN_FILE, None)]
    wrong = pain002(batch, {}, "RJCT AC01", "<OrgnlNbOfTxs>3</OrgnlNbOfTxs>")
    assert told_of(world.take_in(wrong)) == [(Problem.TOTALS, None)]
    assert {world.state(each) for each in references} == {State.SENDING}
    assert world.take_in(pain002(batch, {}, "ACTC")).findings == []
    right = pain002(batch, {}, "RJCT AC01", "<OrgnlNbOfTxs>2</OrgnlNbOfTxs><OrgnlCtrlSum>1200000</OrgnlCtrlSum>")
    assert world.take_in_by_two(right).news == 2
    assert [world.state(each) for each in references] == [State.HELD, State.HELD]


def test_a_status_is_stored_with_its_importer_and_without_personal_data(world):
    batch, [reference] = world.sent("ani")
    world.take_in(pain002(batch, {reference: "ACSC"}))
    word = world.bank_store.note(reference).word
    assert (word.answer.outcome, word.answer.amount_idr, word.imported_by) == (Outcome.SUCCEEDED, 600_000, CHECKER)
    assert world.bank_store.note("a" * 26 + "-1") == BankNote()
    rows = [repr(row.serialize()) for row in PayoutsTable.scan()]
    assert not [row for row in rows if "1234567890" in row or "Holder" in row]
    assert world.now - timedelta(days=1) < world.bank_store.batch(batch).made_at


def test_readers_of_the_news_find_all_that_a_long_import_settles(world: BankWorld, cloud: Settings) -> None:
    """Each line takes ten minutes here; after each of them a job reads up to the present and moves its cursor there."""
    dynamodb.bind(NoticesTable, cloud.table("notices"), cloud.region)
    batch, references = world.sent("ani", "budi", "citra")
    _, statements = reports.read(pain002(batch, dict.fromkeys(references, "ACSC")))
    cursors, followed = Cursors(TellingCursor), set()

    def follow() -> None:
        for shard in NEWS_SHARDS:
            lines = world.payouts.news(shard, cursors.start("job", shard, T0), world.now, 100)
            followed.update(line.registrant_id for line in lines if line.state is State.PAID)
            cursors.advance("job", shard, world.now)

    def one_after_another(lines):
        for line in lines:
            yield line
            world.later(minutes=10)
            follow()

    world.reports.take_in(statements, Source("ab", CHECKER), lambda: world.now, one_after_another)
    assert followed == {"ani", "budi", "citra"}


def differences(world: BankWorld) -> list[tuple[str, str]]:
    """Of the day of `world.now`, compared two days later."""
    comparison = DayComparison(world.store, {BankFile.rail: BankStatements(world.bank_store)})
    report = compare(comparison, wib_date(world.now), world.now + timedelta(days=2))
    return [(each.difference.value, each.subject) for each in report.found]


def test_a_status_belongs_to_the_time_of_its_import(world):
    batch, [reference] = world.sent("ani")
    world.later(days=3)
    world.take_in(pain002(batch, {reference: "ACSC"}))
    statements = BankStatements(world.bank_store)
    hour = timedelta(hours=1)
    (line,) = statements.between(world.now, world.now + hour)
    told = (line.reference, line.entry, line.amount_idr, line.updated_at)
    assert told == (reference, Entry.SUCCEEDED, 600_000, world.now)
    assert list(statements.between(world.now - hour, world.now)) == []
    assert [each.entry for each in statements.of([reference])[reference]] == [Entry.SUCCEEDED]
    assert world.state(reference) is State.PAID
    assert differences(world) == []


def test_the_comparison_finds_payments_unknown_to_the_bank_and_unsettled_statuses(world):
    batch, [paid, other] = world.sent("ani", "budi")
    world.take_in(pain002(batch, {other: "ACSC"}))
    head = Head.get(partition(other[:26]), "HEAD")
    head.update([Head.state.set("SENDING")])
    current = world.store.get(paid[:26])
    world.store.move(current, Move(State.PAID, "by hand"), world.now)
    assert differences(world) == [("missing", paid), ("status", other)]


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


def test_a_status_that_fits_is_applied():
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
def test_a_status_that_does_not_fit_is_not_applied(line, known, problem):
    assert judge(line, known) is problem


def test_a_second_debit_is_recognised_by_the_banks_reference():
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
def test_a_later_status_may_add_to_an_earlier_one_but_not_deny_it(first, second, problem):
    assert judge(replace(LINE, outcome=second), after(first)) is problem


@given(st.lists(st.sampled_from(SPOKEN), max_size=8))
def test_the_stored_status_only_advances_in_any_order_of_reports(words):
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
