"""Seeded schedules of plans over months of virtual time, which must find each planted bug.

The job comes late, twice at once or not for months, and calls fail or kill it. People drop out and die.
The oracle knows only when each person began and stopped, and a calendar that it walks day by day.
"""

from __future__ import annotations

import random
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.clock import WIB
from chalicelib.config import Programme
from chalicelib.payouts.plans import plan_rules, service
from chalicelib.payouts.plans.plan_rules import INCENTIVES, Kind, Plan, Stop
from chalicelib.payouts.plans.service import Plans
from chalicelib.payouts.service import Payouts
from tests.builders.crashes import some_of
from tests.builders.payouts.world import beneficiary
from tests.simulation.oracle import EXPECTED
from tests.simulation.ports import MemoryQueue, Nature, Scheduler
from tests.simulation.store import MemoryPayoutStore, MemoryPlanStore, MemoryTransaction, Table

from .test_plan_rules import walked

DAY = timedelta(days=1)
MONTHS = plan_rules.months_after
INSTALMENTS = 4


class Months:
    """A schedule: five people of the scheme of 2020 in eight months. `wrong` is what the oracle found."""

    def __init__(self, seed: int, programme: Programme) -> None:
        self.dice = random.Random(f"plans {seed}")
        self.wrong: list[str] = []
        # Most begin at the end of a month; 2028 is a leap year.
        self.now = self.dice.choice([datetime(2027, 12, 29, tzinfo=UTC), datetime(2028, 1, 29, tzinfo=UTC)])
        self.table = Table()
        self.scheduler = Scheduler(self.dice, self._failed)
        self.nature = Nature(self.dice, self.scheduler.pause, len)
        self.nature.rate = self.dice.choice([0.0, 0.05, 0.2])
        self.scheduler.stay = self.dice.choice([0.0, 0.5, 0.9])
        self.people = {}
        queue: Any = MemoryQueue(self.nature, self.dice)
        programme = replace(programme, payouts=replace(programme.payouts, month_s=None))
        self.store = MemoryPayoutStore(self.table, self.nature, self.dice)
        self.payouts = Payouts(self.store, queue, str, programme)
        self.plans = Plans(self.store, queue, programme)

    def play(self) -> list[str]:
        dice = self.dice
        for number in range(5):
            self._later(dice.random() * dice.choice([1, 1, 12]) * DAY)
            self._begin(f"person-{number}")
        for _ in range(30):
            self._later(dice.choice([1 / 24, 1, 3, 10, 20, 60]) * dice.random() * DAY)
            for _ in range(dice.choice([0, 1, 1, 2])):
                self.scheduler.start("job", lambda: self.plans.run(self.now, 900, lambda: 0))
            if dice.random() < 0.1:
                self._stop(f"person-{dice.randrange(5)}", dice.choice(list(Stop)))
            if dice.random() < 0.1:
                self._continue(f"person-{dice.randrange(5)}")
            for _ in range(dice.choice([5, 40])):
                if self.scheduler.tasks:
                    self.scheduler.resume()
            self._look()
            if dice.random() < 0.2:
                self._rest()
        self._rest()
        return self.wrong

    def _rest(self) -> None:
        """Nobody is at work, and one run comes to its end."""
        self.scheduler.finish()
        rate, self.nature.rate = self.nature.rate, 0.0
        if not self.plans.run(self.now, 900, lambda: 0):
            self.wrong.append("a run left something undone")
        self._look(at_rest=True)
        self.nature.rate = rate

    def _begin(self, person: str) -> None:
        tx: Any = MemoryTransaction(self.table, self.nature)
        self.people[person] = who = beneficiary(person, scheme="2020", awarded_at=self.now)

        def begin() -> None:
            with tx:
                self.payouts.entitle(tx, who, Kind.INCENTIVE, self.now)

        self.scheduler.start("review", begin)
        while self.scheduler.tasks:
            self.scheduler.resume()

    def _stop(self, person: str, why: Stop) -> None:
        self.scheduler.start("stop", lambda: self.plans.stop(self.people[person], why, self.now))

    def _continue(self, person: str) -> None:
        def go_on() -> None:
            proposed = self.plans.propose(self.people[person], "arn:ani", "by mistake", self.now)
            self.plans.approve(self.people[person], proposed, "arn:budi", bool)

        self.scheduler.start("continue", go_on)

    def _later(self, time: timedelta) -> None:
        self.now += time

    def _failed(self, task: Any, error: Exception) -> None:
        if isinstance(error, ExceptionGroup) or not isinstance(error, EXPECTED):
            self.wrong.append(f"{task.name}: {error!r}")

    def _look(self, *, at_rest: bool = False) -> None:
        for (person, _), plan in self.table.plans.items():
            has = [head.kind for head in self.table.heads.values() if head.registrant_id == person]
            until = plan.stopped_at or self.now
            due = [kind for kind, at in self._falls_due(plan) if at <= until and plan.number > 1]
            done = at_rest or plan.stopped is not None
            if not (set(due) if done else set(due[:1])) <= set(has) <= set(due):
                self.wrong.append(f"{person} has {sorted(has)} of {due}, from {plan.first_at}, {plan.stopped}")
            if any(head.amount_idr != 600_000 for head in self.table.heads.values()):
                self.wrong.append("another amount than the scheme's")

    def _falls_due(self, plan: Plan) -> Iterator[tuple[Kind, datetime]]:
        first = plan.first_at.astimezone(WIB)
        for months, kind in enumerate(INCENTIVES[:INSTALMENTS]):
            day = walked(first.date(), months) if months else first.date()
            yield kind, datetime.combine(day, first.time(), WIB)


@pytest.fixture(autouse=True)
def quick(monkeypatch: pytest.MonkeyPatch, caplog: pytest.LogCaptureFixture) -> None:
    """One partition instead of sixteen, and no log."""
    monkeypatch.setattr("chalicelib.payouts.ledger.records.SHARDS", 1)
    caplog.set_level("CRITICAL")


@pytest.mark.parametrize("block", some_of(range(4), 4))
def test_every_month_comes_once_in_its_time_and_none_after_a_stop(block: int, programme: Programme):
    stopped = set()
    for seed in range(block * 30, (block + 1) * 30):
        months = Months(seed, programme)
        assert months.play() == [], f"seed {seed}"
        stopped |= {plan.stopped for plan in months.table.plans.values()}
    assert {None} < stopped <= {None, *Stop}, "some were stopped, and some were not"


def overflowing(first: datetime, months: int, month_s: int | None = None) -> datetime:
    """The 31st of a month of thirty days is the first of the next: so two fall due within it."""
    wib = first.astimezone(WIB)
    return MONTHS(wib.replace(day=1), months) + (wib.day - 1) * DAY


def drifting(plan: Plan, scheme: Any, month_s: int | None) -> Plan:
    """A month is counted from the one before, so the day of a short one stays."""
    after = _moved_on(plan, scheme, month_s)
    return replace(after, due_at=after.due_at and MONTHS(plan.due_at or plan.first_at, 1))


def losing(plan: Plan, scheme: Any, month_s: int | None) -> Plan:
    """Whatever was missed besides is skipped."""
    after = _moved_on(plan, scheme, month_s)
    return _moved_on(after, scheme, month_s) if after.due_at and plan.number == 2 else after


_moved_on, _continued = plan_rules.moved_on, plan_rules.continued


class Apart(MemoryPlanStore):
    """The plan is moved on before the instalment is written."""

    def move(self, tx: Any, before: Plan, after: Plan) -> None:
        if self._as_read(before):
            self._write(after)


class DeafToAStop(MemoryPlanStore):
    """Notes a stop, and goes on."""

    def move(self, tx: Any, before: Plan, after: Plan) -> None:
        super().move(tx, before, replace(after, due_at=before.due_at) if after.stopped else after)


class EndsWhatIsDue(Plans):
    def stop(self, who: Any, why: Stop, now: datetime, also: Any = bool) -> Plan:
        plan = self._store.plans.of((who.registrant_id, who.wave))
        assert plan is not None
        with self._store.transaction() as tx:
            self._store.plans.move(tx, plan, ended := plan_rules.stopped(plan, why, now))
        return ended


def forgetting(plan: Plan, who: Any, scheme: Any, month_s: int | None) -> Plan | None:
    """What fell due while it was stopped is lost."""
    after = _continued(plan, who, scheme, month_s)
    while after is not None and after.due_at is not None and plan.made_at and after.due_at <= plan.made_at:
        after = _moved_on(after, scheme, month_s)
    return after


def starting_over(plan: Plan, who: Any, scheme: Any, month_s: int | None) -> Plan | None:
    """The months are counted from when it goes on."""
    after = _continued(plan, who, scheme, month_s)
    return after and replace(after, first_at=(plan.made_at or plan.first_at).replace(microsecond=0))


BUGS: dict[str, Any] = {
    "two on the 31st": ((plan_rules, "months_after", overflowing),),
    "a short month stays short": ((service, "moved_on", drifting),),
    "a month lost in catching up": ((service, "moved_on", losing),),
    "the plan without its instalment": Apart,
    "an instalment after a stop": DeafToAStop,
    "a stop that ends what is due": EndsWhatIsDue,
    "a month lost to a stop by mistake": ((plan_rules, "continued", forgetting),),
    "months counted from the end of a stop": ((plan_rules, "continued", starting_over),),
}


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str, programme: Programme, monkeypatch: pytest.MonkeyPatch):
    planted = BUGS[bug]
    for module, name, instead in planted if isinstance(planted, tuple) else ():
        monkeypatch.setattr(module, name, instead)
    for seed in range(60):
        months = Months(seed, programme)
        if planted is EndsWhatIsDue:
            months.plans.__class__ = planted
        elif isinstance(planted, type):
            months.store.plans.__class__ = planted
        if months.play():
            return
    pytest.fail("not found in 60 schedules")
