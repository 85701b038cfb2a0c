"""Comparing days of the ledger with the provider's transactions, and the nightly run: findings, reports, costs."""

from __future__ import annotations

import json
import logging
from collections import Counter
from collections.abc import Iterator
from datetime import date, timedelta
from itertools import product
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.config import Programme, Settings
from chalicelib.payouts.bank_files.store import BankStore
from chalicelib.payouts.bank_files.transfers import BankFile, BankStatements
from chalicelib.payouts.controls.administration import Decision
from chalicelib.payouts.errors import DayNotOver, OutcomeNotKnown, StatementUnreadable
from chalicelib.payouts.ledger.records import news_shard
from chalicelib.payouts.reconciliation import day_rules, nightly
from chalicelib.payouts.reconciliation.nightly import Behind, DayComparison, NightlyComparison, report_key
from chalicelib.payouts.rules import State
from chalicelib.wiring import Services
from local.sandbox import provider
from tests.builders.aws.calls import stated
from tests.builders.crashes import Calls, some_of
from tests.builders.payouts.days import RAIL, Days, compare
from tests.builders.payouts.states import refused
from tests.builders.payouts.world import running
from tests.conftest import REGION


@pytest.fixture
def world(cloud: Settings, programme: Programme) -> Iterator[Days]:
    with running(Days(cloud, programme)) as world:
        world.at(20, 9)
        yield world


ANI, BUDI = "arn:aws:iam::1:user/ani", "arn:aws:iam::1:user/budi"


def decide(world: Days, entitlement: str, decision: Decision) -> None:
    world.administration.propose(entitlement, decision, ANI, "because", world.now)
    world.administration.approve(entitlement, BUDI, world.now)


def test_a_day_on_which_both_agree_has_totals_and_no_difference(world):
    world.pay("ani")
    world.pay("budi", "7770000")
    came_back = world.pay("candra")
    world.at(20, 15)
    world.sandbox.books.reverse(f"{came_back}-1")
    world.worker.process(came_back, world.now)
    world.at(21, 3)

    report = world.report(20)

    assert report.found == []
    assert (report.totals.paid, report.totals.paid_idr, report.totals.reversed) == (2, 1_200_000, 1)
    assert (report.totals.fsp_succeeded, report.totals.fsp_reversed, report.totals.fsp_other) == (1, 1, 1)


@pytest.mark.parametrize(
    ("altered", "difference"),
    [
        ("delete from payouts", "missing"),
        ("update payouts set amount = 600001", "amount"),
        ("update payouts set outcome = 'FAILED'", "status"),
    ],
)
def test_payments_unknown_to_denied_by_or_different_at_the_provider_are_found(world, altered, difference):
    entitlement = world.pay("ani")
    world.sandbox.books._db.execute(altered)
    world.at(21, 3)
    assert world.found(20) == [(difference, f"{entitlement}-1")]


def test_a_payment_not_sent_by_us_is_extra_whatever_its_reference(world):
    entitlement = world.pay("ani")
    world.book("somebody-else", key="k1")
    world.book(f"{'a' * 26}-1", key="k2")
    world.book(f"{entitlement}-2", key="k3")
    world.at(21, 3)
    assert sorted(world.found(20)) == [
        ("extra", f"{'a' * 26}-1"),
        ("extra", f"{entitlement}-2"),
        ("extra", "somebody-else"),
        ("paid_twice", "ani/INCENTIVE"),
    ]


def test_moved_money_that_the_ledger_lacks_is_found(world):
    world.sandbox.books.configure({"timeout_after_rate": 1.0})
    refused(lambda: world.pay("ani"), OutcomeNotKnown)
    world.sandbox.books.configure({"timeout_after_rate": 0.0})
    (entitlement,) = [each.id for each in world.store.everything()]
    world.at(21, 3)
    assert world.state(entitlement) is State.SENDING
    assert world.found(20) == [("status", f"{entitlement}-1")]

    world.worker.process(entitlement, world.now)
    assert world.found(20) == [], "the ledger has it by now, if late"
    world.at(22, 3)
    assert world.found(21) == []


def test_an_unreachable_provider_is_reported_and_nothing_is_compared(world):
    world.pay("ani")
    world.at(21, 3)
    world.sandbox.books.configure({"error_before_rate": 1.0})
    with pytest.raises(StatementUnreadable, match="http_503"):
        world.daily().run(world.now, 880)
    assert world.days.last_done() is None

    world.sandbox.books.configure({"error_before_rate": 0.3, "timeout_before_rate": 0.1})
    world.daily().run(world.now, 880)
    assert world.days.last_done() == date(2026, 11, 20)


@pytest.mark.parametrize("moment", [(20, 0, 30), (20, 2, 59), (20, 12, 0), (20, 23, 59)])
def test_a_line_that_does_not_say_when_it_changed_is_found_on_its_day(world, moment, monkeypatch):
    world.at(*moment)
    world.book("ours-it-is-not")
    page = provider.page

    def timeless(*args: Any) -> dict[str, Any]:
        answered = page(*args)
        return answered | {"data": [line | {"updated": None, "created": None} for line in answered["data"]]}

    monkeypatch.setattr(provider, "page", timeless)
    world.at(21, 3)
    assert ("extra", "ours-it-is-not") in world.found(20)


def test_a_reversal_that_only_two_administrators_know_is_found(world):
    entitlement = world.pay("ani")
    world.at(22, 11)
    decide(world, entitlement, Decision.REVERSED)
    world.at(23, 3)
    assert world.found(22) == [("reversed", f"{entitlement}-1")]


def test_one_person_paid_for_one_kind_under_two_waves_is_found(world):
    first = world.person("ani")
    for who in (first, replace(first, wave=144)):
        world.worker.process(world.entitle(who), world.now)
    world.at(21, 3)
    assert world.found(20) == [("paid_twice", "ani/INCENTIVE")]
    comparison = world.comparison()
    comparison._each_place = True  # as where a programme lets people be chosen again
    assert compare(comparison, date(2026, 11, 20), world.now).found == []


@pytest.mark.parametrize(("settle_s", "heard_after_s"), some_of(product([30, 120, 3 * 3600], [0, 60, 5 * 3600]), 2))
def test_payments_around_midnight_that_agree_are_no_difference(world, settle_s, heard_after_s):
    world.sandbox.books.configure({"settle_ms": settle_s * 1000})
    world.at(20, 23, 59, 15)
    entitlements = [world.pay("ani")]
    world.at(20, 23, 59, 59)
    entitlements.append(world.pay("budi"))
    world.later(seconds=settle_s + heard_after_s)
    for each in entitlements:
        assert world.worker.process(each, world.now) is State.PAID
    world.at(22, 3)
    days = [world.report(day) for day in (19, 20, 21)]
    assert [day.found for day in days] == [[], [], []]
    assert sum(day.totals.paid for day in days) == sum(day.totals.fsp_succeeded for day in days) == 2


@pytest.mark.parametrize("moment", [(20, 23, 59, 59), (21, 0, 0, 0), (20, 21, 0, 0), (21, 2, 59, 59)])
def test_differences_around_midnight_are_found_on_one_day_only(world, moment):
    world.at(*moment)
    missing, wrong = world.pay("ani"), world.pay("budi")
    world.book("somebody-else")
    world.sandbox.books._db.execute("delete from payouts where reference = ?", [f"{missing}-1"])
    world.sandbox.books._db.execute("update payouts set amount = 1 where reference = ?", [f"{wrong}-1"])
    world.at(22, 3)
    found = [each for day in (19, 20, 21) for each in world.found(day)]
    assert found == [("missing", f"{missing}-1"), ("extra", "somebody-else"), ("amount", f"{wrong}-1")]


def test_a_reopened_payout_is_compared_by_each_attempt(world):
    entitlement = world.pay("ani")
    world.at(21, 9)
    world.sandbox.books.reverse(f"{entitlement}-1")
    world.worker.process(entitlement, world.now)
    world.at(21, 12)
    decide(world, entitlement, Decision.RETRY)
    world.worker.process(entitlement, world.now)
    assert world.state(entitlement) is State.PAID
    world.at(22, 3)
    assert [world.found(day) for day in (20, 21)] == [[], []]


def test_a_day_that_is_not_over_is_not_compared(world):
    world.at(21, 1, 59)
    with pytest.raises(DayNotOver, match="2026-11-19"):
        world.report(20)
    world.at(21, 2)
    assert world.found(20) == []


def written(world: Days) -> list[str]:
    """The report of the 20th."""
    body = world.s3.get_object(Bucket=world.bucket, Key=report_key(date(2026, 11, 20)))["Body"]
    return body.read().decode().splitlines()


def test_the_report_has_a_line_for_each_difference_and_no_account_or_name(world, caplog):
    entitlement = world.pay("ani", "1234567890")
    world.sandbox.books._db.execute("update payouts set amount = 600001")
    world.at(21, 3)

    with caplog.at_level(logging.INFO):
        world.daily().run(world.now, 880)

    assert written(world) == [
        "day,difference,subject,ledger,provider",
        f"2026-11-20,amount,{entitlement}-1,600000,600001",
    ]
    everything = "".join(
        world.s3.get_object(Bucket=world.bucket, Key=one["Key"])["Body"].read().decode()
        for one in world.s3.list_objects_v2(Bucket=world.bucket)["Contents"]
    )
    assert "1234567890" not in everything
    assert "Holder" not in everything


def metrics(caplog: pytest.LogCaptureFixture) -> list[tuple[str, int, str]]:
    """Day, number and level of each line that tells of a day."""
    lines = [record for record in caplog.records if record.getMessage() == "payouts_reconciled"]
    for line in lines:
        (about,) = line._aws["CloudWatchMetrics"]
        assert about["Namespace"] == "gelombang-test"
        assert about["Metrics"] == [{"Name": "PayoutDifferences", "Unit": "Count"}]
        json.dumps(line._aws)
    return [(line.day, line.PayoutDifferences, line.levelname) for line in lines]


def test_missed_days_are_compared_and_a_second_run_has_nothing_to_do(world, caplog):
    world.at(21, 2, 30)
    world.daily().run(world.now, 880)
    world.at(22, 9)
    world.book("somebody-else")
    world.at(24, 2, 30)
    with caplog.at_level(logging.INFO):
        world.daily().run(world.now, 880)
        world.daily().run(world.now, 880)
    assert metrics(caplog)[-3:] == [("2026-11-21", 0, "INFO"), ("2026-11-22", 1, "ERROR"), ("2026-11-23", 0, "INFO")]
    assert world.days.last_done() == date(2026, 11, 23)


def test_a_run_without_time_goes_on_where_it_stopped(world):
    world.pay("ani")
    world.book("somebody-else")
    world.at(21, 2, 30)
    passed = 0.0

    def seconds() -> float:
        nonlocal passed
        passed += 20
        return passed

    runs = 0
    while world.days.last_done() is None:
        world.daily().run(world.now, 550, seconds)
        runs += 1
        assert runs < 30
    assert runs > 3
    [line] = written(world)[1:]
    assert line.startswith("2026-11-20,extra,somebody-else,,SUCCESS 600000 ")


def test_a_run_a_whole_day_behind_fails_and_rings(world):
    world.at(22, 3)
    world.daily().run(world.now, 880)
    world.at(23, 3)
    world.daily().run(world.now, 0)
    world.at(24, 3)
    with pytest.raises(Behind, match="2026-11-22"):
        world.daily().run(world.now, 0)
    world.daily().run(world.now, 880)
    assert world.days.last_done() == date(2026, 11, 23)


def test_a_difference_changes_nothing_in_the_ledger_or_at_the_provider(world):
    world.pay("ani")
    world.sandbox.books._db.execute("update payouts set amount = 600001")
    world.at(21, 3)
    ledger, books = list(world.store.everything()), world.sandbox.books.report()
    world.daily().run(world.now, 880)
    assert list(world.store.everything()) == ledger
    assert world.sandbox.books.report() == books
    assert world.messages() == []


def test_a_run_that_dies_at_any_call_is_continued_with_the_same_result(world, monkeypatch):
    entitlement = world.pay("ani")
    world.sandbox.books._db.execute("update payouts set amount = 600001")
    world.at(21, 3)
    monkeypatch.setattr(day_rules, "SLICE", timedelta(hours=12))
    monkeypatch.setattr(nightly, "NEWS_SHARDS", [news_shard(world.store.get(entitlement))])
    calls = Calls(monkeypatch)
    died = 0
    while calls.dies(lambda: world.daily().run(world.now, 880), "after", died):
        assert world.days.last_done() in {None, date(2026, 11, 20)}
        died += 1
    assert died >= 5
    assert written(world)[1:] == [f"2026-11-20,amount,{entitlement}-1,600000,600001"]
    assert world.days.last_done() == date(2026, 11, 20)


def test_a_deployment_compares_by_every_rail_that_it_pays_by(cloud, programme):
    services = Services(cloud, programme)
    providers = {code.rail for code in programme.payouts.codes.values()} | {"bank-file"}
    assert providers <= set(services.day_comparison()._statements)
    assert isinstance(services.daily_reconciliation, NightlyComparison)


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


def test_a_payment_that_is_looked_up_adds_one_batch_get(world: Days) -> None:
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
