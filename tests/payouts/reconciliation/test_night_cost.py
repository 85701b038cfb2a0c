"""What a night's comparison with the providers may cost: its calls to AWS, as `docs/costs.md` has them."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import pytest

from chalicelib.payouts.bank_files.statement import BankStatements
from chalicelib.payouts.bank_files.store import BankStore
from chalicelib.payouts.bank_files.transfers import BankFile
from chalicelib.payouts.reconciliation.nightly import DayComparison, NightlyComparison
from tests.builders.aws_calls import stated
from tests.builders.crashes import Calls
from tests.builders.payouts.days import RAIL, Days
from tests.conftest import REGION

EMPTY = Counter(
    {
        "dynamodb GetItem": 1,  # the last day that is done
        "s3 GetObject": 8,  # whether a slice is done
        "dynamodb Query": 8 * 16 + 11,  # the ledger's news; the bank's words of each WIB day that a reading touches
        "s3 PutObject": 8 + 1,
        "dynamodb PutItem": 1,
    }
)
PAYMENT = Counter({"dynamodb Query": 1, "dynamodb BatchGetItem": 2})
"""The end of its page of news; its entitlement for that page and for the provider's line."""


def night(world: Days) -> Counter[str]:
    """The calls of the function's first run after a day."""
    statements = {RAIL: world.statements, BankFile.rail: BankStatements(BankStore(REGION))}
    with pytest.MonkeyPatch.context() as patch:
        calls = Calls(patch)
        NightlyComparison(DayComparison(world.store, statements), world.days, "gelombang-test").run(world.now, 880)
        return Counter(f"{service} {operation}" for service, operation in calls.made)


def test_a_day_without_payments_costs_what_the_page_says(world: Days) -> None:
    world.at(21, 2, 30)
    assert night(world) == EMPTY
    assert stated("a day without payments") == EMPTY.total()


def test_a_payment_that_agrees_adds_what_the_page_says(world: Days) -> None:
    world.at(20, 10)
    world.pay("ani")
    world.at(21, 2, 30)
    assert night(world) == EMPTY + PAYMENT
    assert stated("a payment that agrees") == PAYMENT.total()


def test_one_that_is_looked_up_adds_one_batch_get(world: Days) -> None:
    world.at(20, 10)
    world.pay("ani")
    world.sandbox.books._db.execute("update payouts set outcome = 'FAILED'")
    world.at(21, 2, 30)
    assert night(world) == EMPTY + PAYMENT + Counter({"dynamodb BatchGetItem": 1})


def test_a_night_with_nothing_to_do_reads_one_item(world: Days) -> None:
    world.at(21, 2, 30)
    night(world)
    world.now += timedelta(hours=1)
    assert night(world) == Counter({"dynamodb GetItem": 1})
