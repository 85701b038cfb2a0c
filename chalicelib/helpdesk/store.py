"""The helpdesk table: grievances, their numbers, how many a person has open, and the counts.

A grievance, its number, the person's count and the number of answers change together, in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime
from typing import ClassVar

from pynamodb.attributes import BinaryAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex

from ..aws.attributes import EnumAttribute, InstantAttribute, JsonAttribute, WholeAttribute, item_of
from ..aws.dynamodb import LegsFailed, Transaction, find
from ..aws.table import Table
from ..clock import iso
from ..structs import fill
from ..values import Value
from ..waves.rules import SHARDS, shard_of
from .rules import BEFORE, About, Category, Grievance, GrievanceAct, GrievanceState, SelectionEvidence

NUMBER_LEG = "number"
OPEN_LEG = "open"

Legs = Callable[[Transaction], None]

ALL_SHARDS = tuple(f"{shard:02d}" for shard in range(SHARDS))


class HelpdeskTable(Table):
    """The base of every item kind; `wiring` gives it its table."""


class OpenIndex(GlobalSecondaryIndex["GrievanceItem"]):  # type: ignore[no-untyped-call]  # untyped in pynamodb
    """Grievances that wait for an answer, the nearest deadline first. Sparse: an answered one has no `open_shard`."""

    class Meta:
        index_name = "open"
        projection = AllProjection()

    open_shard = UnicodeAttribute(hash_key=True)
    deadline_at = UnicodeAttribute(range_key=True)


class GrievanceItem(HelpdeskTable):
    """`H#<registrant>` / `G#<filed_at>#<number>`."""

    about = JsonAttribute[About](About)
    category = EnumAttribute(Category)
    state = EnumAttribute(GrievanceState)
    filed_at = InstantAttribute()
    deadline_at = InstantAttribute()
    open_shard = UnicodeAttribute(null=True)
    sealed_text = BinaryAttribute(legacy_encoding=False)
    evidence = JsonAttribute[SelectionEvidence](SelectionEvidence, null=True)
    escalated_at = InstantAttribute(null=True)
    escalated_by = UnicodeAttribute(null=True)
    sealed_note = BinaryAttribute(legacy_encoding=False, null=True)
    answered_at = InstantAttribute(null=True)
    answered_by = UnicodeAttribute(null=True)
    sealed_answer = BinaryAttribute(legacy_encoding=False, null=True)
    open_index: ClassVar[OpenIndex] = OpenIndex()


class NumberItem(HelpdeskTable):
    """`N#<number>` / `NUMBER`: where the grievance is, and the guard that it is filed once."""

    filed_by = UnicodeAttribute()
    key = UnicodeAttribute()


class OpenCountItem(HelpdeskTable):
    """`H#<registrant>` / `OPEN`: how many the person has that are not answered."""

    unanswered = WholeAttribute()


class CountItem(HelpdeskTable):
    """`COUNTS` / `SHARD#<nn>`: what one partition of the index held when it was last counted.

    `COUNTS` / `ANSWERED`: all that were ever answered. People type answers, so one item is quick enough.
    """

    opened = WholeAttribute(null=True)
    escalated = WholeAttribute(null=True)
    overdue = WholeAttribute(null=True)
    counted_at = InstantAttribute(null=True)
    answered = WholeAttribute(null=True)


_ACT = {
    GrievanceState.ESCALATED: ("escalated_at", "escalated_by", "sealed_note"),
    GrievanceState.ANSWERED: ("answered_at", "answered_by", "sealed_answer"),
}
"""The attributes of an act: when, who, and the sealed words."""


class ShardCount(Value, frozen=True):
    """What one partition of the index held at an instant; `opened` are those that were not escalated."""

    opened: int
    escalated: int
    overdue: int
    counted_at: datetime


class HelpdeskStore:
    """Reads and conditional writes. `transaction` makes a new, empty transaction."""

    def __init__(self, transaction: Callable[[], Transaction]) -> None:
        self._transaction = transaction

    # Filing

    def unanswered_of(self, registrant_id: str) -> int:
        """How many grievances of a person are not answered; one consistent read."""
        item = find(OpenCountItem, f"H#{registrant_id}", "OPEN")
        return item.unanswered if item else 0

    def file(self, grievance: Grievance, open_max: int) -> None:
        """Write a new grievance.

        Raises `LegsFailed` with `NUMBER_LEG` if it was filed before, with `OPEN_LEG` if the person has
        `open_max` open; nothing is written then.
        """
        count, item = OpenCountItem.unanswered, _item(grievance)
        number = NumberItem(f"N#{grievance.number}", "NUMBER", filed_by=grievance.registrant_id, key=item.sk)
        with self._transaction() as tx:
            tx.put(NUMBER_LEG, number, NumberItem.pk.does_not_exist())
            tx.put("grievance", item, GrievanceItem.pk.does_not_exist())
            few = count.does_not_exist() | (count < open_max)
            tx.update(OPEN_LEG, OpenCountItem(item.pk, "OPEN"), [count.add(1)], few)

    # Reading

    def of(self, registrant_id: str, limit: int) -> list[Grievance]:
        """A person's latest grievances, the newest first; one query."""
        pk, own = f"H#{registrant_id}", GrievanceItem.sk.startswith("G#")
        items = GrievanceItem.query(pk, own, consistent_read=True, scan_index_forward=False, limit=limit)
        return [_grievance(item) for item in items]

    def by_number(self, number: str) -> Grievance | None:
        """The grievance with a number; two consistent reads, or one."""
        pointer = find(NumberItem, f"N#{number}", "NUMBER")
        if pointer is None:
            return None
        return _grievance(GrievanceItem.get(f"H#{pointer.filed_by}", pointer.key, consistent_read=True))

    def unanswered(self, shard: str, since: str = "") -> Iterator[Grievance]:
        """The grievances in one partition of the index, the nearest deadline first; paged, eventually consistent."""
        later = OpenIndex.deadline_at >= since if since else None
        return (_grievance(item) for item in GrievanceItem.open_index.query(shard, later))

    # Answering

    def move(self, grievance: Grievance, to: GrievanceState, act: GrievanceAct, others: Legs = lambda _: None) -> bool:
        """Move to ESCALATED or ANSWERED by an administrator's act; False, and nothing is written, if it is past that.

        An answer lowers the person's count and takes the grievance off the index. `others` adds legs to the
        transaction.
        """
        item = GrievanceItem(f"H#{grievance.registrant_id}", _sk(grievance))
        facts = dict(zip(_ACT[to], (act.at, act.by, act.sealed), strict=True))
        actions: list[Action] = [getattr(GrievanceItem, name).set(fact) for name, fact in facts.items()]
        actions.append(GrievanceItem.state.set(to))
        try:
            with self._transaction() as tx:
                if to is GrievanceState.ANSWERED:
                    actions.append(GrievanceItem.open_shard.remove())
                    tx.update(OPEN_LEG, OpenCountItem(item.pk, "OPEN"), [OpenCountItem.unanswered.add(-1)])
                    tx.update("answered", CountItem("COUNTS", "ANSWERED"), [CountItem.answered.add(1)])
                tx.update("grievance", item, actions, GrievanceItem.state.is_in(*sorted(BEFORE[to])))
                others(tx)
        except LegsFailed:
            return False
        return True

    # Counting

    def counted(self) -> tuple[dict[str, ShardCount], int]:
        """The last count of each partition, and all that were ever answered; one query."""
        shards: dict[str, ShardCount] = {}
        answered = 0
        for item in CountItem.query("COUNTS", consistent_read=True):
            if item.sk == "ANSWERED":
                answered = item.answered
            else:
                shards[item.sk.removeprefix("SHARD#")] = fill(ShardCount, item)
        return shards, answered

    def put_count(self, shard: str, count: ShardCount) -> None:
        item_of(CountItem, "COUNTS", f"SHARD#{shard}", count).save()


def _sk(grievance: Grievance) -> str:
    return f"G#{iso(grievance.filed_at)}#{grievance.number}"


def _item(grievance: Grievance) -> GrievanceItem:
    person = grievance.registrant_id
    return item_of(GrievanceItem, f"H#{person}", _sk(grievance), grievance, open_shard=shard_of(person))


def _grievance(item: GrievanceItem) -> Grievance:
    return fill(
        Grievance,
        item,
        number=item.sk.rpartition("#")[2],
        registrant_id=item.pk.removeprefix("H#"),
        escalation=_act(item, GrievanceState.ESCALATED),
        answer=_act(item, GrievanceState.ANSWERED),
    )


def _act(item: GrievanceItem, of: GrievanceState) -> GrievanceAct | None:
    at, by, sealed = (getattr(item, name) for name in _ACT[of])
    return None if at is None else GrievanceAct(at, by, sealed)
