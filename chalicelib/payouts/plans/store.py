"""Plans in DynamoDB. A plan that goes on is in the ledger's sparse index, in partitions of its own, by its due time."""

from __future__ import annotations

import json
from collections.abc import Iterator, Sequence
from datetime import datetime

from pynamodb.expressions.condition import Condition

from ...aws.attributes import item_of
from ...aws.dynamodb import Transaction, find, get_batch
from ...structs import fill
from ..ledger.items import PlanIndex, PlanItem
from ..ledger.records import plan_shard
from .plan_rules import Plan

PLAN_LEG = "plan"
STOPPED_LEG = "stopped"
GOING_ON_LEG = "going_on"

PlanKey = tuple[str, int]
"""A person and the wave that chose them."""


class PlanStore:
    """Reads and conditional writes of the bound table."""

    def add(self, tx: Transaction, plan: Plan) -> None:
        """Put a new plan into the caller's transaction. The leg `PLAN_LEG` fails if the person has one."""
        tx.put(PLAN_LEG, _item(plan), PlanItem.pk.does_not_exist())

    def move(self, tx: Transaction, before: Plan, after: Plan) -> None:
        """Put a plan as it is now into the caller's transaction. `PLAN_LEG` fails if it is not as it was read."""
        tx.put(PLAN_LEG, _item(after), _as_read(before))

    def remove(self, tx: Transaction, before: Plan) -> None:
        """Take a plan that has not begun away. `PLAN_LEG` fails if it is not as it was read."""
        tx.delete(PLAN_LEG, _item(before), _as_read(before))

    def check_stopped(self, tx: Transaction, key: PlanKey, *, stopped: bool) -> None:
        """Require in the caller's transaction that the person's payments are `stopped`, or are not.

        The leg that fails is `GOING_ON_LEG`, or `STOPPED_LEG`.
        """
        now = PlanItem.stopped
        leg, holds = (GOING_ON_LEG, now.exists()) if stopped else (STOPPED_LEG, now.does_not_exist())
        tx.check(leg, PlanItem, _keys(key), holds)

    def of(self, key: PlanKey) -> Plan | None:
        """One consistent read."""
        item = find(PlanItem, *_keys(key))
        return _plan(item) if item else None

    def many(self, keys: Sequence[PlanKey]) -> list[Plan]:
        """The plans of at most 100 people, as they are now, in no order; one batch get."""
        return [_plan(item) for item in get_batch(PlanItem, [_keys(key) for key in keys])]

    def due(self, shard: str, until: datetime) -> Iterator[PlanKey]:
        """Whose next instalment of one of `records.plan_shards` falls due up to `until`, the earliest first.

        By an index, so moments late, and read page by page.
        """
        for row in PlanItem.due.query(shard, PlanIndex.due_at <= until.replace(microsecond=0), page_size=100):
            yield _key(row)

    def going_on(self, shard: str, after: str = "") -> tuple[list[PlanKey], str]:
        """A hundred people whose plans of a partition go on, the earliest due first, and after what the next hundred
        begin; empty after the last. One query of the index.
        """
        rows = PlanItem.due.query(shard, limit=100, last_evaluated_key=json.loads(after) if after else None)
        found = [_key(row) for row in rows]
        return found, json.dumps(rows.last_evaluated_key) if rows.last_evaluated_key else ""


def _as_read(plan: Plan) -> Condition:
    same: Condition = PlanItem.number == plan.number
    for now, read in ((PlanItem.stopped_at, plan.stopped_at), (PlanItem.made_at, plan.made_at)):
        same &= now.does_not_exist() if read is None else now == read
    return same


def _keys(key: PlanKey) -> tuple[str, str]:
    registrant_id, wave = key
    return f"PLAN#{registrant_id}", f"{wave:06}"


def _key(row: PlanItem) -> PlanKey:
    return row.pk.removeprefix("PLAN#"), int(row.sk)


def _item(plan: Plan) -> PlanItem:
    shard = plan_shard(plan.registrant_id) if plan.due_at is not None else None
    return item_of(PlanItem, *_keys((plan.registrant_id, plan.wave)), plan, due_shard=shard)


def _plan(item: PlanItem) -> Plan:
    registrant_id, wave = _key(item)
    return fill(Plan, item, registrant_id=registrant_id, wave=wave)
