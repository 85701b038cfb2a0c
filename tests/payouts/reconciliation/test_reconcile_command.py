"""The command `payout reconcile`: both sides of a day, in as many runs of the function as a day takes."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from typing import Any

import pytest

from admin import client
from admin import desk as desk_
from chalicelib.config import Programme, Settings
from chalicelib.payouts.reconciliation import nightly
from chalicelib.payouts.reconciliation.nightly import DayComparison
from tests.builders.aws.functions import Functions
from tests.builders.payouts.days import Days
from tests.builders.payouts.desk import Desk
from tests.builders.payouts.world import running


@pytest.fixture
def world(cloud: Settings, programme: Programme) -> Iterator[Days]:
    with running(Days(cloud, programme)) as world:
        world.at(20, 9)
        yield world


@pytest.fixture
def desk(world, monkeypatch) -> Desk:
    services = world.services

    def again(detail: Any) -> None:
        compared = services.daily_reconciliation
        services.comparisons.run(detail, world.now, lambda one: compared.again(one, world.now, world.left_s))

    world.left_s = 880
    monkeypatch.setattr(desk_.Desk, "client", lambda *_: Functions(reconcile_payouts=again))
    monkeypatch.setattr(client.time, "sleep", lambda _: None)
    return Desk(world, monkeypatch)


def test_the_command_shows_both_sides_and_ends_with_code_1_if_they_differ(world, desk, tmp_path):
    entitlement = world.pay("ani")
    world.at(21, 3)
    told = desk.found("reconcile")
    assert (told["day"], told["differences"]) == ("2026-11-20", [])
    assert [told[f"ledger_{name}"] for name in ("paid", "paid_idr", "reversed", "reversed_idr")] == [1, 600_000, 0, 0]
    assert [told[f"providers_{name}"] for name in ("succeeded", "succeeded_idr", "other")] == [1, 600_000, 0]
    world.sandbox.books._db.execute("update payouts set amount = 600001")
    result = desk.run("reconcile", "--date", "2026-11-20", "--out", str(tmp_path / "day.csv"))
    assert result.exit_code == 1
    assert result.output.splitlines()[-1].split() == ["amount", f"{entitlement}-1", "600000", "600001"]
    assert (tmp_path / "day.csv").read_text().count("\n") == 2


def test_the_command_says_when_it_cannot_compare(world, desk):
    world.at(21, 3)
    assert "day_not_over" in desk.refused("reconcile", "--date", "2026-11-21")
    world.sandbox.books.configure({"error_before_rate": 1.0})
    result = desk.run("reconcile")
    assert result.exit_code == 2
    assert "statement_unreadable" in result.output


def test_the_command_compares_in_as_many_runs_as_it_takes_each_slice_once(world, desk, monkeypatch):
    entitlement = world.pay("ani")
    world.sandbox.books._db.execute("update payouts set amount = 600001")
    world.at(21, 3)
    took = iter(range(1000))
    compared, part = list[str](), DayComparison.part
    monkeypatch.setattr(DayComparison, "part", lambda *args: compared.append(args[1].name) or part(*args))
    monkeypatch.setattr(nightly.TimeBudget, "_passed", lambda _: 0 if next(took) % 2 else 880)  # a run has one slice
    result = desk.run("reconcile", "--json")
    assert result.exit_code == 1
    assert [one["subject"] for one in json.loads(result.stdout)["differences"]] == [f"{entitlement}-1"]
    assert compared == sorted(set(compared))
    assert len(compared) == 8


def test_the_command_is_told_what_ends_the_function_and_when_nothing_comes_of_it(world, desk, monkeypatch):
    world.at(21, 3)
    services = world.services
    with monkeypatch.context() as patch:
        patch.setattr(DayComparison, "part", lambda *_: {}["none"])
        assert "reconcile_payouts failed: KeyError; its log is" in desk.refused("reconcile")
    assert desk.found("reconcile")["differences"] == [], "what failed keeps nothing from being done again"
    begun = list[Any]()
    monkeypatch.setattr(desk_.Desk, "client", lambda *_: Functions(reconcile_payouts=begun.append))
    with monkeypatch.context() as patch:
        patch.setattr(client.time, "sleep", lambda _: patch.setattr(services.comparisons, "_lives", timedelta(0)))
        assert "no end within its time" in desk.refused("reconcile")
    services.comparisons._lives = timedelta(seconds=1_000)
    begun.clear()

    def ends(_: int) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(client.time, "sleep", ends)
    assert [desk.run("reconcile").exit_code for _ in range(2)] == [1, 1]
    assert len(begun) == 1, "the second waits for what the first began"
