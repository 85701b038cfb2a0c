"""What administrators did, when, who it was and why: lines in the table of their subject, kept for years
(`retention.acts_days`).

If an act is one transaction, its line is part of it. Otherwise the line is written before the act. So no act is without
its line; if an act then fails or dies, its repetition adds another line.
"""

from __future__ import annotations

from collections.abc import Callable, Iterator, Mapping, Sequence
from datetime import datetime, timedelta
from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model

from ..clock import iso
from ..structs import fill
from ..values import Value
from .attributes import InstantAttribute, item_of
from .dynamodb import Transaction, call

PARTITION = "CONTROL"


class Act(Value, frozen=True):
    """One line: what was done, about what, by whom (an ARN), and why. Neither `about` nor `note` has personal data."""

    at: datetime
    deed: str
    about: str
    by: str
    note: str


def key(act: Act) -> str:
    """By which lines are in their order."""
    return f"ACT#{iso(act.at)}#{act.deed}#{act.about}#{act.by}"


class Signed(Value, frozen=True):
    """Who does something (an ARN), and why."""

    by: str
    note: str


class ActColumns:
    """`CONTROL` / `ACT#<when>#<act>#<about>#<by>`: the attributes of a domain's item of an act; never changed."""

    at = InstantAttribute()
    act = UnicodeAttribute()
    about = UnicodeAttribute()
    by = UnicodeAttribute()
    note = UnicodeAttribute()


def end_acts(
    table: str, region: str, days: int
) -> Callable[[Sequence[Mapping[str, Any]], datetime], Mapping[str, int]]:
    """What ends the lines of a table's journal that are older: of rows in DynamoDB's own form, a write for each."""

    def end(rows: Sequence[Mapping[str, Any]], now: datetime) -> Mapping[str, int]:
        until = f"ACT#{iso(now - timedelta(days=days))}"
        old = [{"pk": row["pk"], "sk": row["sk"]} for row in rows if "ACT#" <= row["sk"]["S"] < until]
        for key in old:
            call(region, "DeleteItem", {"TableName": table, "Key": key})
        return {"acts": len(old)}

    return end


class Journal:
    """Adds lines and reads them. `item` is a domain's item, made of `ActColumns`."""

    def __init__(self, item: type[Model]) -> None:
        self._item: Any = item

    def add(self, act: Act) -> None:
        """Write a line; the very same act again changes nothing."""
        self._of(act).save()

    def add_to(self, tx: Transaction, act: Act) -> None:
        """Write a line in the transaction of the act."""
        tx.put("act", self._of(act))

    def latest(self, limit: int) -> list[Act]:
        """The newest lines, newest first; one query."""
        return list(self._read(limit))

    def all(self, after: str = "") -> Iterator[Act]:
        """Every line, newest first, or those after the one with this `key`; paged."""
        return self._read(None, after)

    def _read(self, limit: int | None, after: str = "") -> Iterator[Act]:
        found = self._item.query(
            PARTITION,
            self._item.sk.startswith("ACT#"),
            scan_index_forward=False,
            limit=limit,
            consistent_read=True,
            last_evaluated_key={"pk": {"S": PARTITION}, "sk": {"S": after}} if after else None,
        )
        return (fill(Act, item, deed=item.act) for item in found)

    def _of(self, act: Act) -> Model:
        line: Model = item_of(self._item, PARTITION, key(act), act, act=str(act.deed))
        return line
