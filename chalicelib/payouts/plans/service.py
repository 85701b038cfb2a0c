"""Plans of monthly instalments: the job that makes each one due, and what ends a plan.

An instalment and its plan, moved on to the next number, are one transaction. So the job may die anywhere, run twice at
once or not for months: the next run makes each missed month due, once.
"""

from __future__ import annotations

import logging
import time
from collections import Counter
from collections.abc import Callable, Collection, Iterable, Iterator
from concurrent.futures import ThreadPoolExecutor
from contextlib import suppress
from datetime import datetime
from itertools import islice
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ...aws.dynamodb import LegsFailed, Transaction
from ...aws.failures import Trouble, apart
from ...clock import WIB
from ...config import Programme
from ...errors import Unavailable
from ...ids import same_person
from ...time_budget import OutOfTime, TimeBudget
from ...waves.rules import Beneficiary
from .. import rules
from ..errors import NothingToCome, NothingToContinue, SamePerson
from ..ledger.records import plan_shards
from ..ledger.store import PayoutStore
from . import plan_rules
from .plan_rules import Instalment, Kind, Plan, Stop, moved_on, stopped
from .store import PLAN_LEG, PlanKey

if TYPE_CHECKING:
    from ..service import PayoutQueue

log = logging.getLogger(__name__)

ONE_PERSON_S = 5
"""No person is begun with less time left than this: four calls for a month, each with its retries."""

THREADS = 8
"""Of a run on AWS, which mostly waits for it. A client keeps ten connections open."""

PAGE = 100

TRIES = 20
"""How often a plan is read to stop it: once for each month that was missed, and again where the job comes first."""


class Plans:
    """The use cases. Any number of runs, at any time, come to the same end. Methods take an aware UTC instant."""

    def __init__(self, store: PayoutStore, queue: PayoutQueue, programme: Programme) -> None:
        self._store, self._queue = store, queue
        self._schemes = {scheme.version: scheme for scheme in programme.schemes}
        self._month_s = programme.payouts.month_s

    def run(
        self, now: datetime, deadline_s: float, seconds: Callable[[], float] = time.monotonic, threads: int = 1
    ) -> bool:
        """Make due what falls due up to `now` and fits into `deadline_s` seconds; returns whether that was all of it.

        Each of the `threads` takes a partition at a time. An unforeseen error holds up nobody else; all are raised at
        the end in one `ExceptionGroup`.
        """
        budget, trouble = TimeBudget(now, deadline_s, seconds), Trouble()

        def whole(shard: str) -> bool:
            try:
                budget.need(ONE_PERSON_S)
                for page in _pages(self._store.plans.due(shard, now)):
                    self.make_due(page, now, budget, trouble)
            except OutOfTime:
                return False
            return True

        if threads == 1:
            done = all(map(whole, plan_shards()))
        else:
            with ThreadPoolExecutor(threads, "plans") as pool:
                done = all(pool.map(whole, plan_shards()))
        if not done:
            log.info("plans_go_on_later")
            return False
        if trouble.unforeseen:
            raise ExceptionGroup("instalments that could not be made due", trouble.unforeseen)
        return not trouble.held_up

    def run_at_once(self, now: datetime, deadline_s: float) -> bool:
        """As `run`, by `THREADS` threads."""
        return self.run(now, deadline_s, threads=THREADS)

    def of(
        self, beneficiary: Beneficiary | None, entitled: Collection[str] = ()
    ) -> tuple[Plan | None, list[Instalment]]:
        """A person's plan, and what of it is not due yet; one read, unless all incentives are among the `entitled`.

        Where they do not follow by month there is a plan only once they were stopped.
        """
        if beneficiary is None or self._last(beneficiary) in {None, *entitled}:
            return None, []
        plan = self._store.plans.of(_key(beneficiary))
        return plan, self.left(plan) if plan else []

    def left(self, plan: Plan) -> list[Instalment]:
        """What of a plan is not due yet, the next one first."""
        return plan_rules.to_come(plan, self._schemes[plan.scheme], self._month_s)

    def budget(self, shard: str, after: str = "") -> tuple[Counter[str], str]:
        """The rupiah that a page of plans of one of `records.plan_shards` will make due, by month in WIB (`2027-01`).

        And after what the next page begins; empty after the last. A query and a batch get.
        """
        months: Counter[str] = Counter()
        page, after = self._store.plans.going_on(shard, after)
        for plan in self._store.plans.many(page):
            for each in self.left(plan):
                months[f"{each.due_at.astimezone(WIB):%Y-%m}"] += each.amount_idr
        return months, after

    def stop(self, who: Beneficiary, why: Stop, now: datetime, also: Callable[[Transaction], object] = bool) -> Plan:
        """End a person's incentives, after what is due by now was made due; returns the plan as it is then.

        A plan that has not begun does not begin. A stopped one stays as it is. `also` adds to the transaction. Raises
        `NothingToCome` if all incentives came; `Unavailable` if others were always quicker.
        """
        for _ in range(TRIES):
            plan = self._store.plans.of(_key(who))
            if plan is not None and plan.stopped is not None:
                return plan
            last = self._last_id(who)
            if last is None or (plan.due_at is None if plan else bool(self._store.batch([last]))):
                raise NothingToCome(registrant=who.registrant_id)
            if plan is not None and plan.due_at is not None and plan.due_at <= now:
                entitlement_id = self._entitle(plan, self._next(plan), now)
                if entitlement_id is not None:
                    self._queue.send([entitlement_id])
                continue
            ended = stopped(plan or plan_rules.unbegun(who, self._schemes[who.scheme], now), why, now)
            with suppress(LegsFailed):
                with self._store.transaction() as tx:
                    if plan is None:
                        self._store.plans.add(tx, ended)
                        self._store.check_absent(tx, last)  # a review or a month that comes now may be the last one
                    else:
                        self._store.plans.move(tx, plan, ended)
                    also(tx)
                return ended
        raise Unavailable()

    def propose(self, who: Beneficiary, by: str, note: str, now: datetime) -> Plan:
        """Propose that a stopped plan goes on, in place of an earlier proposal; returns it with this.

        Raises `NothingToContinue`.
        """
        plan = self._store.plans.of(_key(who))
        if plan is None or plan.stopped is None:
            raise NothingToContinue(registrant=who.registrant_id)
        proposed = replace(plan, maker=by, note=note, made_at=now)
        return self._change(plan, proposed, bool) or proposed

    def approve(self, who: Beneficiary, seen: Plan, by: str, also: Callable[[Transaction], object]) -> Plan | None:
        """Let a stopped plan go on as another person proposed; None if it has not begun, and begins as any other.

        `seen` is the plan with the proposal as it was shown; `also` adds to the transaction. The job makes due what
        fell due meanwhile. Raises `NothingToContinue` (also if anything has changed since), `SamePerson`.
        """
        if seen.stopped is None or seen.maker is None:
            raise NothingToContinue(registrant=who.registrant_id)
        if same_person(seen.maker, by):
            raise SamePerson()
        return self._change(seen, plan_rules.continued(seen, who, self._schemes[who.scheme], self._month_s), also)

    def reject(self, who: Beneficiary, also: Callable[[Plan, Transaction], object]) -> Plan:
        """Take the proposal away that a stopped plan goes on, one's own or another's; returns the plan with it.

        `also` adds to the transaction. Raises `NothingToContinue`.
        """
        plan = self._store.plans.of(_key(who))
        if plan is None or plan.maker is None:
            raise NothingToContinue(registrant=who.registrant_id)
        self._change(plan, replace(plan, maker=None, note=None, made_at=None), lambda tx: also(plan, tx))
        return plan

    def _change(self, before: Plan, after: Plan | None, also: Callable[[Transaction], object]) -> Plan | None:
        try:
            with self._store.transaction() as tx:
                if after is None:
                    self._store.plans.remove(tx, before)
                else:
                    self._store.plans.move(tx, before, after)
                also(tx)
        except LegsFailed as failed:
            raise NothingToContinue(registrant=before.registrant_id) from failed
        return after

    def _last(self, who: Beneficiary) -> Kind | None:
        incentives = self._schemes[who.scheme].incentives
        return plan_rules.INCENTIVES[incentives - 1] if incentives else None

    def _last_id(self, who: Beneficiary) -> str | None:
        last = self._last(who)
        return rules.entitlement_id(who.wave, who.registrant_id, last) if last else None

    def make_due(self, page: list[PlanKey], until: datetime, budget: TimeBudget, trouble: Trouble) -> None:
        """Make due what fell due `until` then of at most `PAGE` plans, and queue it. Raises `OutOfTime`."""
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


def _key(who: Beneficiary) -> PlanKey:
    return who.registrant_id, who.wave


def _pages(rows: Iterable[PlanKey]) -> Iterator[list[PlanKey]]:
    waiting = iter(rows)
    while page := list(islice(waiting, PAGE)):
        yield page
