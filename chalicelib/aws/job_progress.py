"""The progress of scheduled jobs: when each last did all that was due, and up to when it has read an index.

An index lags a little behind its table, so older lines may still appear after a job has read up to the present. So
every run reads the last `OVERLAP` before its cursor again, and handling a line twice must be harmless. A line must have
the instant at which it was written, not that at which a long run began.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from typing import Any

from ..clock import iso
from ..structs import fill
from ..values import Value
from .attributes import InstantAttribute, JsonAttribute, item_of
from .dynamodb import find, save_if
from .table import Table


class RunsTable(Table):
    """The base of what is kept about jobs; `wiring` gives it its table."""


class RunItem(RunsTable):
    """One a job: `RUNS` / `<job>`.

    It has the time of the last run that left nothing undone; before the first one, the time when the watch began to
    look for the job.
    """

    whole_at = InstantAttribute()


class LookItem(RunsTable):
    """`STATUS` / `LOOK`: what the watch found at its last look."""

    looked_at = InstantAttribute()
    late_since = JsonAttribute[dict[str, datetime | None]](dict[str, datetime | None])


class TermsItem(RunsTable):
    """`STATUS` / `TERMS`: what went in all rounds over what has a term, and when the last one ended."""

    ended_at = InstantAttribute()
    gone = JsonAttribute[dict[str, int]](dict[str, int])


class Gone(Value, frozen=True):
    """How much of what went by its term, in all, and when that was last looked through to its end."""

    ended_at: datetime
    gone: Mapping[str, int]


class Look(Value, frozen=True):
    """A look of the watch: by job since when it is late (None: it is not). A job that was not measured is not there."""

    looked_at: datetime
    late_since: Mapping[str, datetime | None]


class Runs:
    """Reads and conditional writes."""

    def whole(self, job: str, now: datetime) -> None:
        """Record that a run that began at `now` left nothing undone. One write.

        An older run that ends later changes nothing.
        """
        save_if(RunItem("RUNS", job, whole_at=now), RunItem.pk.does_not_exist() | (RunItem.whole_at < now))

    def first(self, job: str, now: datetime) -> datetime:
        """Begin to watch a job that has no item, from `now` on. One write."""
        save_if(RunItem("RUNS", job, whole_at=now), RunItem.pk.does_not_exist())
        return now

    def last_whole(self) -> dict[str, datetime]:
        """When each job last left nothing undone, by its name. One query."""
        return {item.sk: item.whole_at for item in RunItem.query("RUNS", consistent_read=True)}

    def keep_look(self, look: Look) -> None:
        """Keep a look, unless a later one is kept already. One write."""
        item = item_of(LookItem, "STATUS", "LOOK", look)
        save_if(item, LookItem.pk.does_not_exist() | (LookItem.looked_at < look.looked_at))

    def last_look(self) -> Look | None:
        """The last look of the watch; None before the first. One read."""
        item = find(LookItem, "STATUS", "LOOK")
        return fill(Look, item) if item else None

    def gone(self) -> Gone | None:
        """What went by its term; None before the first round ended. One read."""
        item = find(TermsItem, "STATUS", "TERMS")
        return fill(Gone, item) if item else None


OVERLAP = timedelta(minutes=15)
"""How late a line may appear. AWS accepts calls from an administrator's clock that is five minutes behind, work on a
message takes up to two minutes, and an index lags, usually under a second.
"""


class CursorFields:
    """The item `CURSOR#<job>#<shard>` / `AT`. A domain writes `class CursorItem(CursorFields, ItsTable)`, no body."""

    read_to = InstantAttribute()


class Cursors:
    """The cursors of one domain, in its table: `item` is its item class, already bound."""

    def __init__(self, item: type[Table]) -> None:
        # pynamodb's attributes are the mixin's: a type for "a Table with CursorFields" does not exist.
        self._item: Any = item

    def start(self, job: str, shard: str, beginning: datetime, overlap: timedelta = OVERLAP) -> str:
        """The instant, as text, from which a run reads: the overlap before the cursor, `beginning` if there is none.

        Lines that are in the index long before their time need no overlap. One consistent read.
        """
        item: Any = find(self._item, _pk(job, shard), "AT")
        return iso(max(item.read_to - overlap, beginning) if item else beginning)

    def advance(self, job: str, shard: str, read_to: datetime) -> None:
        """Record everything up to `read_to` as done. A cursor never goes back: an older run that is late changes
        nothing.

        One write.
        """
        item = self._item(_pk(job, shard), "AT", read_to=read_to)
        save_if(item, self._item.pk.does_not_exist() | (self._item.read_to < read_to))


def _pk(job: str, shard: str) -> str:
    return f"CURSOR#{job}#{shard}"
