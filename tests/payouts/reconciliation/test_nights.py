"""The nightly comparison as it runs: missed, doubled, short of time, killed; its report, its metric, its command."""

from __future__ import annotations

import json
import logging
from datetime import date, timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import CliRunner, Result

from admin.commands.payouts import reconcile
from admin.commands.payouts.payout import payout
from admin.deployment import stages
from chalicelib.payouts.errors import DayNotOver
from chalicelib.payouts.reconciliation import day_rules
from chalicelib.payouts.reconciliation.day_store import DayStore, report_key
from chalicelib.payouts.reconciliation.nightly import Behind, NightlyComparison
from chalicelib.wiring import Services
from tests.builders.payouts.days import Days


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


def test_days_that_were_missed_are_made_up_for_and_a_second_run_has_nothing_to_do(world, caplog):
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


def test_one_that_falls_a_whole_day_behind_fails_so_that_it_rings(world):
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


def test_a_run_that_dies_at_any_call_is_gone_on_with_to_the_same_end(world, monkeypatch):
    entitlement = world.pay("ani")
    world.sandbox.books._db.execute("update payouts set amount = 600001")
    world.at(21, 3)
    monkeypatch.setattr(day_rules, "SLICE", timedelta(hours=12))

    died = 0
    while True:
        calls = Dying(died)
        store = DayStore(calls.watch(world.s3), world.bucket)
        store.mark_done, store.last_done = calls.count(store.mark_done), calls.count(store.last_done)
        comparison = calls.watch(world.comparison())
        try:
            NightlyComparison(comparison, store, "gelombang-test").run(world.now, 880)
        except Died:
            assert world.days.last_done() in {None, date(2026, 11, 20)}
            died += 1
        else:
            break
        if died == 5:
            # Whatever the earlier deaths left is used from here on; begin once more from nothing, too.
            for one in world.s3.list_objects_v2(Bucket=world.bucket).get("Contents", []):
                world.s3.delete_object(Bucket=world.bucket, Key=one["Key"])
    assert died >= 5
    assert written(world)[1:] == [f"2026-11-20,amount,{entitlement}-1,600000,600001"]
    assert world.days.last_done() == date(2026, 11, 20)


class Died(Exception):
    """The function was killed."""


class Dying:
    """Lets so many calls happen; the next one happens, too, and then all is over."""

    def __init__(self, calls: int) -> None:
        self._left = calls

    def count(self, call: Any) -> Any:
        def counted(*args: Any, **named: Any) -> Any:
            answer = call(*args, **named)
            self._left -= 1
            if self._left < 0:
                raise Died
            return answer

        return counted

    def watch(self, whole: Any) -> Any:
        """Count its calls."""
        names = [name for name in ("get_object", "put_object", "slices", "part") if hasattr(whole, name)]
        return SimpleNamespace(**{name: self.count(getattr(whole, name)) for name in names})


def command(world: Days, monkeypatch: pytest.MonkeyPatch, *words: str) -> Result:
    services = SimpleNamespace(day_comparison=world.comparison)
    monkeypatch.setattr(stages, "load", lambda _: SimpleNamespace(services=services))
    monkeypatch.setattr(reconcile, "utc_now", lambda: world.now)
    return CliRunner().invoke(payout, ["reconcile", "--stage", "test", *words])


def test_the_command_shows_both_sides_and_ends_with_code_1_if_they_differ(world, monkeypatch, tmp_path):
    entitlement = world.pay("ani")
    world.at(21, 3)
    result = command(world, monkeypatch)
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "2026-11-20 ledger: 1 paid, Rp600.000; 0 reversed, Rp0",
        "2026-11-20 providers: 1 succeeded, Rp600.000; 0 reversed, Rp0; 0 other",
        "differences: 0",
    ]
    world.sandbox.books._db.execute("update payouts set amount = 600001")
    result = command(world, monkeypatch, "--date", "2026-11-20", "--out", str(tmp_path / "day.csv"))
    assert result.exit_code == 1
    assert f"amount: {entitlement}-1: ledger 600000, provider 600001" in result.output
    assert (tmp_path / "day.csv").read_text().count("\n") == 2


def test_the_command_says_when_it_cannot_compare(world, monkeypatch):
    world.at(21, 3)
    assert "day_not_over" in command(world, monkeypatch, "--date", "2026-11-21").output
    world.sandbox.books.configure({"error_before_rate": 1.0})
    result = command(world, monkeypatch)
    assert result.exit_code == 2
    assert "statement_unreadable" in result.output


def test_a_deployment_compares_by_every_rail_that_it_pays_by(cloud, programme):
    services = Services(cloud, programme)
    providers = {code.rail for code in programme.payouts.codes.values()} | {"bank-file"}
    assert providers <= set(services.day_comparison()._statements)
    assert isinstance(services.daily_reconciliation, NightlyComparison)
