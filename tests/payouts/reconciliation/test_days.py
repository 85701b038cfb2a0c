"""A day of the ledger against the provider's list of transactions: what differs is found, and nothing else."""

from __future__ import annotations

from dataclasses import replace
from datetime import date
from typing import Any

import pytest

from chalicelib.payouts.controls.administration import Decision
from chalicelib.payouts.errors import PendingOutcome, StatementUnreadable
from chalicelib.payouts.rules import State
from local.sandbox import provider
from tests.builders.payouts.days import Days
from tests.builders.payouts.states import refused

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
def test_what_the_provider_does_not_know_has_otherwise_or_denies_is_found(world, altered, difference):
    entitlement = world.pay("ani")
    world.sandbox.books._db.execute(altered)
    world.at(21, 3)
    assert world.found(20) == [(difference, f"{entitlement}-1")]


def test_what_nobody_here_sent_is_extra_whoever_it_looks_like(world):
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


def test_money_that_moved_and_that_the_ledger_does_not_know_is_found(world):
    world.sandbox.books.configure({"timeout_after_rate": 1.0})
    refused(lambda: world.pay("ani"), PendingOutcome)
    world.sandbox.books.configure({"timeout_after_rate": 0.0})
    (entitlement,) = [each.id for each in world.store.everything()]
    world.at(21, 3)
    assert world.state(entitlement) is State.SENDING
    assert world.found(20) == [("status", f"{entitlement}-1")]

    world.worker.process(entitlement, world.now)
    assert world.found(20) == [], "the ledger has it by now, if late"
    world.at(22, 3)
    assert world.found(21) == []


def test_a_provider_that_does_not_answer_is_told_of_and_nothing_is_compared(world):
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


def test_a_reversal_that_the_ledger_missed_is_found_on_its_own_day_whenever_that_is(world):
    entitlement = world.pay("ani")
    world.at(24, 11)
    world.sandbox.books.reverse(f"{entitlement}-1")
    world.at(25, 3)
    assert world.found(24) == [("reversed", f"{entitlement}-1")]
    assert world.found(23) == []


def test_a_reversal_that_only_two_administrators_know_is_found(world):
    entitlement = world.pay("ani")
    world.at(22, 11)
    decide(world, entitlement, Decision.REVERSED)
    world.at(23, 3)
    assert world.found(22) == [("reversed", f"{entitlement}-1")]


def test_the_same_reference_paid_again_weeks_later_is_found(world):
    entitlement = world.pay("ani")
    world.at(27, 9)
    world.book(f"{entitlement}-1")
    world.at(28, 3)
    found = world.found(27)
    assert ("paid_twice", "ani/INCENTIVE") in found
    assert ("extra", f"{entitlement}-1") in found
    assert len(found) == 2


def test_one_person_paid_for_one_kind_under_two_waves_is_found(world):
    first = world.person("ani")
    for who in (first, replace(first, wave=144)):
        world.worker.process(world.entitle(who), world.now)
    world.at(21, 3)
    assert world.found(20) == [("paid_twice", "ani/INCENTIVE")]


def test_an_earlier_attempt_that_did_pay_is_found(world):
    entitlement = world.pay("ani", "7770000")
    world.person("ani", "1234567")
    world.people.addresses["ani"] = replace(world.people.addresses["ani"], version=2)
    world.later(hours=1)
    world.worker.process(entitlement, world.now)
    assert world.state(entitlement) is State.PAID
    world.at(21, 3)
    assert world.found(20) == []

    world.sandbox.books._db.execute("update payouts set outcome = 'SUCCEEDED'")
    assert world.found(20) == [("status", f"{entitlement}-1"), ("paid_twice", "ani/INCENTIVE")]


@pytest.mark.parametrize("settle_s", [30, 120, 3 * 3600])
@pytest.mark.parametrize("heard_after_s", [0, 60, 5 * 3600])
def test_around_midnight_nothing_is_found_that_agrees(world, settle_s, heard_after_s):
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
def test_around_midnight_everything_is_found_on_one_day_and_only_once(world, moment):
    world.at(*moment)
    missing, wrong = world.pay("ani"), world.pay("budi")
    world.book("somebody-else")
    world.sandbox.books._db.execute("delete from payouts where reference = ?", [f"{missing}-1"])
    world.sandbox.books._db.execute("update payouts set amount = 1 where reference = ?", [f"{wrong}-1"])
    world.at(22, 3)
    found = [each for day in (19, 20, 21) for each in world.found(day)]
    assert found == [("missing", f"{missing}-1"), ("extra", "somebody-else"), ("amount", f"{wrong}-1")]


def test_a_provider_whose_clock_is_ahead_or_behind_makes_no_difference(world):
    for name, skew_s in (("ani", 200), ("budi", -200)):
        world.at(20, 23, 58)
        entitlement = world.entitle(world.person(name))
        now = world.now
        world.later(seconds=skew_s)
        world.worker.process(entitlement, now)
    world.at(22, 3)
    assert [world.found(day) for day in (19, 20, 21)] == [[], [], []]


def test_a_paid_one_that_was_opened_again_is_compared_by_its_own_attempt(world):
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
