"""Plans in DynamoDB. A plan that goes on is in the ledger's sparse index, in partitions of its own, by its due time."""

from __future__ import annotations

from collections.abc import Iterator, Sequence
from datetime import datetime

from pynamodb.expressions.condition import Condition

from ...aws.attributes import item_of
from ...aws.dynamodb import Transaction, find, get_batch, save_if
from ...structs import fill
from ..ledger.items import PlanIndex, PlanItem
from ..ledger.records import plan_shard
from .plan_rules import Plan

PLAN_LEG = "plan"
STOPPED_LEG = "stopped"

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

    def stop(self, before: Plan, after: Plan) -> bool:
        """Write a plan that was stopped. False if it is not as it was read any more."""
        return save_if(_item(after), _as_read(before))

    def check_not_stopped(self, tx: Transaction, key: PlanKey) -> None:
        """Add the leg `STOPPED_LEG` to the caller's transaction; it fails if the person's payments were stopped."""
        tx.check(STOPPED_LEG, PlanItem, _keys(key), PlanItem.stopped.does_not_exist())

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

    def going_on(self, shard: str) -> Iterator[PlanKey]:
        """Whose plans of a partition go on, the earliest due first; as `due`."""
        for row in PlanItem.due.query(shard, page_size=100):
            yield _key(row)


def _as_read(plan: Plan) -> Condition:
    condition: Condition = (PlanItem.number == plan.number) & PlanItem.stopped.does_not_exist()
    return condition


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
