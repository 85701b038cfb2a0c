"""A wave of twelve thousand is settled, ten thousand deadlines come near, ten thousand are paid: `write_notices`."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta

import pytest

from chalicelib.notice_writer import PAGE, PAGE_S
from chalicelib.notices.store import NoticeItem
from chalicelib.payouts.ledger.records import NEWS_SHARDS
from chalicelib.payouts.rules import Kind, entitlement_id
from chalicelib.waves.rules import SHARDS
from chalicelib.wiring import Services
from tests.builders.crashes import Calls
from tests.builders.waves import ROUND, WAVE, WavesWorld

from .crowd import names, paid, settled
from .functions import MANY, Function
from .mails import Mails

pytestmark = pytest.mark.dynamodb

SECOND = timedelta(seconds=1)
BUY_BY = ROUND + 75 * SECOND
LEFT = MANY // 5
LARGE = 2 * MANY // SHARDS
"""More than any partition of people has."""


def test_ten_thousand_are_told_of_results_deadlines_and_payments_though_run_after_run_is_cut_short(
    world: WavesWorld, services: Services, calls: Calls, mails: Mails, show: Callable[[str, Function], None]
) -> None:
    def run_of(now: datetime) -> Function:
        world.clock.now = now
        return Function(calls, lambda deadline_s, seconds: services.notice_writer.run(now, deadline_s, seconds))

    chosen, left = settled(world, names(MANY + LEFT), MANY)
    everybody = chosen + left

    results = run_of(ROUND + SECOND)
    results.is_killed_after(MANY // 2)
    assert MANY * 0.3 < len(told()) < MANY * 0.6
    results.has_time_for(MANY // 2, PAGE_S)
    assert MANY * 0.6 < len(told()) < MANY
    results.lives()
    expected = [(one, f"chosen/{WAVE}") for one in chosen] + [(one, f"not_chosen/{WAVE}") for one in left]
    assert told() == sorted(expected)
    # A page of a partition is remembered; one at most is told again after a death.
    assert len(everybody) <= results.made("PutItem") <= len(everybody) + 4 * SHARDS + PAGE
    show("write_notices, results", results)

    [mark_s, _] = world.programme.notices.remind_before_s
    reminders = run_of(BUY_BY - mark_s * SECOND)
    reminders.is_killed_after(MANY // 2)
    assert MANY * 0.3 < len(told()) - len(expected) < MANY * 0.7
    reminders.has_time_for(MANY // 4, PAGE_S)
    assert MANY * 0.4 < len(told()) - len(expected) < MANY
    reminders.lives()
    expected += [(one, f"purchase_deadline/{WAVE}/{mark_s}") for one in chosen]
    assert told() == sorted(expected)
    # A partition is remembered, and the last one is looked at again once; results are told no more.
    assert MANY <= reminders.made("PutItem") <= MANY + 2 * SHARDS + 2 * LARGE
    show("write_notices, deadlines", reminders)

    at = BUY_BY + SECOND
    paid((WAVE, one, at + n // 100 * timedelta(minutes=6)) for n, one in enumerate(chosen))
    payments = run_of(at + timedelta(days=1))
    payments.is_killed_after(MANY // 2)
    assert MANY * 0.3 < len(told()) - len(expected) < MANY * 0.7
    payments.has_time_for(MANY // 4, PAGE_S)
    assert MANY * 0.4 < len(told()) - len(expected) < MANY
    payments.lives()
    expected += [(one, f"paid/{entitlement_id(WAVE, one, Kind.INCENTIVE)}") for one in chosen]
    assert told() == sorted(expected)
    # A page is remembered, and of each shard what was paid in its last five minutes is read again.
    assert MANY <= payments.made("PutItem") <= MANY + MANY // PAGE + 6 * len(NEWS_SHARDS) + 2 * (PAGE + 100)
    show("write_notices, payments", payments)

    assert len(mails.taken) == len(set(mails.taken)), "nobody is mailed twice"
    # Whoever dies between a page's notices and its messages leaves them to the sweep.
    assert len(mails.taken) >= len(expected) - 3 * PAGE


def told() -> list[tuple[str, str]]:
    """Who was told which event."""
    return sorted((item.pk.removeprefix("N#"), item.sk) for item in NoticeItem.scan(NoticeItem.pk.startswith("N#")))
