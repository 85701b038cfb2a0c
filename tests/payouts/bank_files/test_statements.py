"""What a bank's reports said, as the statement of a day; on the bank-file rail whole days are compared by it."""

from __future__ import annotations

from datetime import timedelta

from chalicelib.clock import wib_date
from chalicelib.payouts.bank_files.statement import BankStatements
from chalicelib.payouts.bank_files.transfers import BankFile
from chalicelib.payouts.ledger.items import Head, partition
from chalicelib.payouts.providers.statements import Entry
from chalicelib.payouts.reconciliation import nightly
from chalicelib.payouts.reconciliation.nightly import DayComparison
from chalicelib.payouts.rules import Move, State
from tests.builders.payouts.bank import BankWorld, pain002


def differences(world: BankWorld) -> list[tuple[str, str]]:
    """Of the day of `world.now`, compared two days later."""
    comparison = DayComparison(world.store, {BankFile.rail: BankStatements(world.bank_store)})
    report = nightly.compare(comparison, wib_date(world.now), world.now + timedelta(days=2))
    return [(each.difference.value, each.subject) for each in report.found]


def test_a_word_is_a_line_of_the_time_when_it_was_imported(world):
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


def test_what_the_bank_never_said_is_missing_and_what_it_said_and_nobody_settled_is_found(world):
    batch, [paid, other] = world.sent("ani", "budi")
    world.take_in(pain002(batch, {other: "ACSC"}))
    head = Head.get(partition(other[:26]), "HEAD")
    head.update([Head.state.set("SENDING")])
    current = world.store.get(paid[:26])
    world.store.move(current, Move(State.PAID, "by hand"), world.now)
    assert differences(world) == [("missing", paid), ("status", other)]
