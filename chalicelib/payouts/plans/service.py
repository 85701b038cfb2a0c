"""Plans of monthly instalments: the hourly job that makes each one due, and what ends a plan.

An instalment and its plan, moved on to the next number, are one transaction. So the job may die anywhere, run twice at
once or not for months: the next run makes each missed month due, once.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Iterable, Iterator
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from ...aws.dynamodb import LegsFailed
from ...aws.failures import Trouble, apart
from ...clock import WIB
from ...config import Programme
from ...errors import Unavailable
from ...time_budget import OutOfTime, TimeBudget
from ...waves.rules import Beneficiary
from .. import rules
from ..errors import NothingToCome
from ..ledger.records import plan_shards
from ..ledger.store import PayoutStore
from . import plan_rules
from .plan_rules import Instalment, Plan, Stop, moved_on, stopped
from .store import PLAN_LEG, PlanKey

if TYPE_CHECKING:
    from ..service import PayoutQueue

log = logging.getLogger(__name__)

ONE_PERSON_S = 5
"""No person is begun with less time left than this: four calls for a month, each with its retries."""

PAGE = 100

TRIES = 20
"""How often a plan is read to stop it: once for each month that was missed, and again where the job comes first."""


class Plans:
    """The use cases. Any number of runs, at any time, come to the same end. Methods take an aware UTC instant."""

    def __init__(self, store: PayoutStore, queue: PayoutQueue, programme: Programme) -> None:
        self._store, self._queue = store, queue
        self._schemes = {scheme.version: scheme for scheme in programme.schemes}
        self._month_s = programme.payouts.month_s

    def run(self, now: datetime, deadline_s: float, seconds: Callable[[], float] = time.monotonic) -> bool:
        """Make due what falls due up to `now` and fits into `deadline_s` seconds; returns whether that was all of it.

        An unforeseen error holds up nobody else; all are raised at the end in one `ExceptionGroup`.
        """
        budget, trouble = TimeBudget(now, deadline_s, seconds), Trouble()
        try:
            for shard in plan_shards():
                budget.need(ONE_PERSON_S)
                for page in _pages(self._store.plans.due(shard, now)):
                    self._page(page, now, budget, trouble)
        except OutOfTime:
            log.info("plans_go_on_later")
            return False
        if trouble.unforeseen:
            raise ExceptionGroup("instalments that could not be made due", trouble.unforeseen)
        return not trouble.held_up

    def of(self, beneficiary: Beneficiary | None) -> tuple[Plan | None, list[Instalment]]:
        """A person's plan, and what of it is not due yet; one batch get, if their scheme pays by month.

        Where attended months are paid there is a plan only once it was stopped.
        """
        if beneficiary is None:
            return None, []
        scheme = self._schemes[beneficiary.scheme]
        if not plan_rules.is_monthly(scheme) and not plan_rules.is_attended(scheme):
            return None, []
        plan = next(iter(self._store.plans.many([(beneficiary.registrant_id, beneficiary.wave)])), None)
        return plan, self.left(plan) if plan else []

    def left(self, plan: Plan) -> list[Instalment]:
        """What of a plan is not due yet, the next one first."""
        return plan_rules.to_come(plan, self._schemes[plan.scheme], self._month_s)

    def budget(self, shard: str) -> Counter[str]:
        """The rupiah that the plans of one of `records.plan_shards` will make due, by month in WIB (`2027-01`).

        A query and a batch get for each hundred plans: for an administrator, never for a request.
        """
        months: Counter[str] = Counter()
        for page in _pages(self._store.plans.going_on(shard)):
            for plan in self._store.plans.many(page):
                for each in self.left(plan):
                    months[f"{each.due_at.astimezone(WIB):%Y-%m}"] += each.amount_idr
        return months

    def stop(self, key: PlanKey, why: Stop, now: datetime) -> Plan:
        """End a plan, after what is due by now was made due; returns it as it is then. A stopped one stays as it is.

        Raises `NothingToCome` if there is no plan, or it came to its end; `Unavailable` if the job was always quicker.
        """
        for _ in range(TRIES):
            plan = self._store.plans.of(key)
            if plan is None or (plan.due_at is None and plan.stopped is None):
                raise NothingToCome(registrant=key[0])
            if plan.stopped is not None:
                return plan
            if plan.due_at is not None and plan.due_at <= now:
                entitlement_id = self._entitle(plan, self._next(plan), now)
                if entitlement_id is not None:
                    self._queue.send([entitlement_id])
            elif self._store.plans.stop(plan, ended := stopped(plan, why, now)):
                return ended
        raise Unavailable()

    def stop_attendance(self, who: Beneficiary, why: Stop, now: datetime) -> Plan:
        """Let no further month of attendance be paid to a person; returns what says so. The first stop counts."""
        plan = Plan(who.registrant_id, who.wave, who.region, who.scheme, now.replace(microsecond=0), 1, None)
        ended = stopped(plan, why, now)
        try:
            with self._store.transaction() as tx:
                self._store.plans.add(tx, ended)
        except LegsFailed:
            return self._store.plans.of((who.registrant_id, who.wave)) or ended
        return ended

    def _page(self, page: list[PlanKey], until: datetime, budget: TimeBudget, trouble: Trouble) -> None:
        entitled: list[str] = []
        try:
            for plan in self._store.plans.many(page):
                budget.need(ONE_PERSON_S)
                with apart(plan.wave, trouble):
                    self._catch_up(plan, until, budget, entitled)
        finally:
            self._queue.send(entitled)  # the sweep finds what is lost here

    def _catch_up(self, plan: Plan, until: datetime, budget: TimeBudget, entitled: list[str]) -> None:
        """Make each month of a plan due that fell due.

        Of who is on an exclusion list too: the month is held while they are, so a list that is retracted costs nobody
        a month. Whose exclusion is final is stopped by an administrator.
        """
        while plan.due_at is not None and plan.due_at <= until:
            now, after = budget.now(), self._next(plan)
            entitlement_id = self._entitle(plan, after, now)
            if entitlement_id is None:
                return
            entitled.append(entitlement_id)
            plan = after

    def _next(self, plan: Plan) -> Plan:
        return moved_on(plan, self._schemes[plan.scheme], self._month_s)

    def _entitle(self, plan: Plan, after: Plan, now: datetime) -> str | None:
        """The plan's next instalment, with the plan moved on; None if another run came first."""
        entitlement = rules.entitled(plan, plan.kind, self._schemes[plan.scheme], now)
        try:
            with self._store.transaction() as tx:
                self._store.plans.move(tx, plan, after)
                self._store.add(tx, entitlement, "instalment")
        except LegsFailed as failed:
            if PLAN_LEG in failed.legs:
                return None
            # The ledger is ahead of the plan, which was restored to an earlier time: the plan follows it, alone.
            log.error("plan_behind", extra={"wave": plan.wave, "number": plan.number})
            with suppress(LegsFailed), self._store.transaction() as tx:
                self._store.plans.move(tx, plan, after)
        return entitlement.id


def _pages(rows: Iterable[PlanKey]) -> Iterator[list[PlanKey]]:
    waiting = iter(rows)
    while page := list(islice(waiting, PAGE)):
        yield page
