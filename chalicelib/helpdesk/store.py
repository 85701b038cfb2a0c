"""The helpdesk table: grievances, whose each number is, how many a person has open, and the counts.

A grievance, its number, the person's count and the number of answers change together, in one transaction.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator
from dataclasses import dataclass
from datetime import datetime
from typing import ClassVar

import msgspec
from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.expressions.update import Action
from pynamodb.indexes import AllProjection, GlobalSecondaryIndex
from pynamodb.models import Model

from ..aws.dynamodb import LegsFailed, Transaction, find
from ..clock import iso, parse_iso
from ..waves.rules import SHARDS, shard_of
from .rules import About, Category, Grievance, GrievanceAct, GrievanceState, SelectionEvidence, before

NUMBER_LEG = "number"
OPEN_LEG = "open"

Legs = Callable[[Transaction], None]

ALL_SHARDS = tuple(f"{shard:02d}" for shard in range(SHARDS))


class HelpdeskTable(Model):
    """The table; its items are the subclasses."""

    class Meta:
        table_name = "unbound"

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)


class OpenIndex(GlobalSecondaryIndex["GrievanceItem"]):  # type: ignore[no-untyped-call]  # untyped in pynamodb
    """What waits for an answer, the nearest deadline first. Sparse: an answered one has no `open_shard`."""

    class Meta:
        index_name = "open"
        projection = AllProjection()

    open_shard = UnicodeAttribute(hash_key=True)
    deadline_at = UnicodeAttribute(range_key=True)


class GrievanceItem(HelpdeskTable):
    """`H#<registrant>` / `G#<filed_at>#<number>`."""

    about = UnicodeAttribute()
    category = UnicodeAttribute()
    state = UnicodeAttribute()
    filed_at = UnicodeAttribute()
    deadline_at = UnicodeAttribute()
    open_shard = UnicodeAttribute(null=True)
    sealed_text = BinaryAttribute(legacy_encoding=False)
    evidence = UnicodeAttribute(null=True)
    escalated_at = UnicodeAttribute(null=True)
    escalated_by = UnicodeAttribute(null=True)
    sealed_note = BinaryAttribute(legacy_encoding=False, null=True)
    answered_at = UnicodeAttribute(null=True)
    answered_by = UnicodeAttribute(null=True)
    sealed_answer = BinaryAttribute(legacy_encoding=False, null=True)
    open_index: ClassVar[OpenIndex] = OpenIndex()


class NumberItem(HelpdeskTable):
    """`N#<number>` / `NUMBER`: where the grievance is, and the guard that it is filed once."""

    filed_by = UnicodeAttribute()
    key = UnicodeAttribute()


class OpenCountItem(HelpdeskTable):
    """`H#<registrant>` / `OPEN`: how many the person has that are not answered."""

    unanswered = NumberAttribute()


class CountItem(HelpdeskTable):
    """`COUNTS` / `SHARD#<nn>`: what one partition of the index held when it was last counted.

    `COUNTS` / `ANSWERED`: all that were ever answered. People type answers, so one item is quick enough.
    """

    opened = NumberAttribute(null=True)
    escalated = NumberAttribute(null=True)
    overdue = NumberAttribute(null=True)
    counted_at = UnicodeAttribute(null=True)
    answered = NumberAttribute(null=True)


@dataclass(frozen=True, slots=True)
class ShardCount:
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
        return int(item.unanswered) if item else 0

    def file(self, grievance: Grievance, open_max: int) -> None:
        """Write a new grievance.

        Raises `LegsFailed` with `NUMBER_LEG` if it was filed before, with `OPEN_LEG` if the person has
        `open_max` open; nothing is written then.
        """
        count = OpenCountItem.unanswered
        with self._transaction() as tx:
            tx.put(
                NUMBER_LEG,
                NumberItem(f"N#{grievance.number}", "NUMBER", filed_by=grievance.registrant_id, key=_sk(grievance)),
                NumberItem.pk.does_not_exist(),
            )
            tx.put("grievance", _item(grievance), GrievanceItem.pk.does_not_exist())
            tx.update(
                OPEN_LEG,
                OpenCountItem(f"H#{grievance.registrant_id}", "OPEN"),
                [count.add(1)],
                count.does_not_exist() | (count < open_max),
            )

    # Reading

    def of(self, registrant_id: str, limit: int) -> list[Grievance]:
        """A person's latest grievances, the newest first; one query."""
        items = GrievanceItem.query(
            f"H#{registrant_id}",
            GrievanceItem.sk.startswith("G#"),
            consistent_read=True,
            scan_index_forward=False,
            limit=limit,
        )
        return [_grievance(item) for item in items]

    def by_number(self, number: str) -> Grievance | None:
        """The grievance with a number; two consistent reads, or one."""
        pointer = find(NumberItem, f"N#{number}", "NUMBER")
        if pointer is None:
            return None
        return _grievance(GrievanceItem.get(f"H#{pointer.filed_by}", pointer.key, consistent_read=True))

    def unanswered(self, shard: str) -> Iterator[Grievance]:
        """What one partition of the index holds, the nearest deadline first; paged, eventually consistent."""
        return (_grievance(item) for item in GrievanceItem.open_index.query(shard))

    # Answering

    def escalate(self, grievance: Grievance, deed: GrievanceAct) -> bool:
        """OPEN to ESCALATED; False, and nothing is written, if another state came first."""
        return self._move(
            grievance,
            GrievanceState.ESCALATED,
            [
                GrievanceItem.escalated_at.set(iso(deed.at)),
                GrievanceItem.escalated_by.set(deed.by),
                GrievanceItem.sealed_note.set(deed.sealed),
            ],
        )

    def answer(self, grievance: Grievance, deed: GrievanceAct, tell: Legs) -> bool:
        """To ANSWERED, out of the index, off the person's count; False, and nothing is written, if it was before.

        `tell` adds the legs by which the person is told, in the same transaction.
        """

        def others(tx: Transaction) -> None:
            count = OpenCountItem(f"H#{grievance.registrant_id}", "OPEN")
            tx.update(OPEN_LEG, count, [OpenCountItem.unanswered.add(-1)])
            tx.update("answered", CountItem("COUNTS", "ANSWERED"), [CountItem.answered.add(1)])
            tell(tx)

        return self._move(
            grievance,
            GrievanceState.ANSWERED,
            [
                GrievanceItem.answered_at.set(iso(deed.at)),
                GrievanceItem.answered_by.set(deed.by),
                GrievanceItem.sealed_answer.set(deed.sealed),
                GrievanceItem.open_shard.remove(),
            ],
            others,
        )

    # Counting

    def counted(self) -> tuple[dict[str, ShardCount], int]:
        """The last count of each partition, and all that were ever answered; one query."""
        shards: dict[str, ShardCount] = {}
        answered = 0
        for item in CountItem.query("COUNTS", consistent_read=True):
            if item.sk == "ANSWERED":
                answered = int(item.answered)
            else:
                count = ShardCount(int(item.opened), int(item.escalated), int(item.overdue), parse_iso(item.counted_at))
                shards[item.sk.removeprefix("SHARD#")] = count
        return shards, answered

    def put_count(self, shard: str, count: ShardCount) -> None:
        """Replace the count of a partition."""
        CountItem(
            "COUNTS",
            f"SHARD#{shard}",
            opened=count.opened,
            escalated=count.escalated,
            overdue=count.overdue,
            counted_at=iso(count.counted_at),
        ).save()

    def _move(
        self, grievance: Grievance, to: GrievanceState, actions: list[Action], others: Legs = lambda _: None
    ) -> bool:
        allowed = sorted(state.value for state in before(to))
        try:
            with self._transaction() as tx:
                tx.update(
                    "grievance",
                    GrievanceItem(f"H#{grievance.registrant_id}", _sk(grievance)),
                    [GrievanceItem.state.set(to.value), *actions],
                    GrievanceItem.state.is_in(*allowed),
                )
                others(tx)
        except LegsFailed:
            return False
        return True


def _sk(grievance: Grievance) -> str:
    return f"G#{iso(grievance.filed_at)}#{grievance.number}"


def _item(grievance: Grievance) -> GrievanceItem:
    """A new grievance's item."""
    evidence = grievance.evidence
    return GrievanceItem(
        f"H#{grievance.registrant_id}",
        _sk(grievance),
        about=msgspec.json.encode(grievance.about).decode(),
        category=grievance.category.value,
        state=grievance.state.value,
        filed_at=iso(grievance.filed_at),
        deadline_at=iso(grievance.deadline_at),
        open_shard=shard_of(grievance.registrant_id),
        sealed_text=grievance.sealed_text,
        evidence=None if evidence is None else msgspec.json.encode(evidence).decode(),
    )


def _grievance(item: GrievanceItem) -> Grievance:
    return Grievance(
        number=item.sk.rpartition("#")[2],
        registrant_id=item.pk.removeprefix("H#"),
        about=msgspec.json.decode(item.about, type=About),
        category=Category(item.category),
        state=GrievanceState(item.state),
        filed_at=parse_iso(item.filed_at),
        deadline_at=parse_iso(item.deadline_at),
        sealed_text=item.sealed_text,
        evidence=None if item.evidence is None else msgspec.json.decode(item.evidence, type=SelectionEvidence),
        escalation=_deed(item.escalated_at, item.escalated_by, item.sealed_note),
        answer=_deed(item.answered_at, item.answered_by, item.sealed_answer),
    )


def _deed(at: str | None, by: str | None, sealed: bytes | None) -> GrievanceAct | None:
    return None if at is None or by is None or sealed is None else GrievanceAct(parse_iso(at), by, sealed)
