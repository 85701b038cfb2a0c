"""When months fall due: a table, and any instant against a calendar that is walked day by day; what a plan has left."""

from __future__ import annotations

from datetime import UTC, date, datetime, timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from msgspec.structs import replace

from chalicelib.clock import WIB, wib_date
from chalicelib.config import Programme
from chalicelib.figures.schemes import Payment, Scheme
from chalicelib.payouts.plans import plan_rules
from chalicelib.payouts.plans.plan_rules import Kind, Stop, begun, months_after, moved_on, stopped, to_come
from tests.builders.payouts.world import beneficiary
from tests.conftest import T0

ANI = beneficiary("ani")
NOON = timedelta(hours=12)


def wib(day: str, after_midnight: timedelta = NOON) -> datetime:
    return datetime.combine(date.fromisoformat(day), datetime.min.time(), WIB) + after_midnight


@pytest.mark.parametrize(
    ("first", "days"),
    [
        ("2026-01-31", ["2026-02-28", "2026-03-31", "2026-04-30", "2026-05-31"]),
        ("2028-01-31", ["2028-02-29", "2028-03-31"]),
        ("2028-02-29", ["2028-03-29", "2028-04-29"]),
        ("2027-11-30", ["2027-12-30", "2028-01-30", "2028-02-29", "2028-03-30"]),
        ("2026-12-31", ["2027-01-31", "2027-02-28"]),
        ("2100-01-30", ["2100-02-28", "2100-03-30"]),
    ],
)
@pytest.mark.parametrize("time", [timedelta(0), timedelta(hours=6, minutes=59), NOON, timedelta(hours=23, minutes=59)])
def test_a_month_falls_due_on_the_day_of_the_first_or_on_the_last_there_is(first, days, time):
    for months, day in enumerate(days, start=1):
        assert months_after(wib(first, time).astimezone(UTC), months) == wib(day, time)


def walked(first: date, months: int) -> date:
    """The same by walking from day to day: the latest day of that month whose number is not above the first's."""
    day, passed, found = first, 0, first
    while passed <= months:
        day += timedelta(days=1)
        passed += day.day == 1
        if passed == months and day.day <= first.day:
            found = day
    return found


@given(hours=st.integers(0, 81 * 365 * 24), months=st.integers(1, 11))
def test_any_instant_falls_due_as_a_calendar_that_is_walked_says(hours, months):
    first = datetime(2020, 1, 1, tzinfo=UTC) + timedelta(hours=hours)
    due = months_after(first, months)
    assert wib_date(due) == walked(wib_date(first), months)
    assert due.astimezone(WIB).time() == first.astimezone(WIB).time()
    assert due.tzinfo is UTC


def test_a_stage_plays_a_month_in_seconds():
    assert months_after(T0, 3, 5) == T0 + timedelta(seconds=15)


def monthly(times: int = 4, **more: int) -> Scheme:
    payment = Payment(kind="INCENTIVE", trigger="review", amount_idr=600_000, times=times, **more)
    return Scheme(version="2020", first_wave=1, training_idr=1_000_000, payments=(payment,))


def test_a_plan_has_every_month_but_the_first_once():
    plan = begun(ANI, monthly(), wib("2026-01-31"), None)
    left = to_come(plan, monthly(), None)
    assert [(each.kind, each.amount_idr, each.due_at) for each in left] == [
        (Kind.INCENTIVE_2, 600_000, wib("2026-02-28")),
        (Kind.INCENTIVE_3, 600_000, wib("2026-03-31")),
        (Kind.INCENTIVE_4, 600_000, wib("2026-04-30")),
    ]
    for kind in (Kind.INCENTIVE_2, Kind.INCENTIVE_3, Kind.INCENTIVE_4):
        assert plan.kind is kind
        plan = moved_on(plan, monthly(), None)
    assert (plan.due_at, to_come(plan, monthly(), None)) == (None, [])


def test_nothing_falls_due_after_the_end_of_a_plan():
    scheme, now = monthly(12, ends_after_days=61), wib("2026-01-31")
    who = replace(ANI, awarded_at=now)
    assert [each.due_at for each in to_come(begun(who, scheme, now, None), scheme, None)] == [
        wib("2026-02-28"),
        wib("2026-03-31"),
    ]
    late = begun(replace(ANI, awarded_at=now - timedelta(days=60)), scheme, now, None)
    assert (late.number, late.due_at) == (2, None)


def test_a_plan_that_was_stopped_has_nothing_to_come():
    plan = stopped(begun(ANI, monthly(), T0, None), Stop.DIED, T0)
    assert (plan.stopped, plan.stopped_at, to_come(plan, monthly(), None)) == (Stop.DIED, T0, [])


def test_only_months_that_follow_a_first_make_a_plan(programme: Programme):
    attendance = Payment(kind="INCENTIVE", trigger="attendance", amount_idr=1, times=4)
    attended = replace(monthly(), payments=(attendance,))
    for scheme in (programme.scheme(54), monthly(1), attended, replace(monthly(), payments=())):
        assert begun(ANI, scheme, T0, None) is None
    assert len(plan_rules.INCENTIVES) == 12
    assert len(plan_rules.SURVEYS) == 3
