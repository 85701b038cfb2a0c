"""How far scheduled jobs are: when each last did all that was due, and up to when it has read an index.

An index lags a little behind its table. A job that reads up to the present cannot know that nothing older will still
appear in it. So every run reads the last `OVERLAP` before its cursor again, and what it does with each line must be
harmless the second time. Whoever writes such a line gives it the instant at which it is written, and not that at which
a long run began.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model

from ..clock import iso
from .attributes import InstantAttribute
from .dynamodb import find, save_if


class RunItem(Model):
    """The table and its items, one a job: `RUNS` / `<job>`; `wiring` gives it its table.

    Written when a run left nothing undone; before there was such a run it says when the watch first looked for the job.
    """

    class Meta:
        table_name = "unbound"

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)
    whole_at = InstantAttribute()


class Runs:
    """Reads and conditional writes."""

    def whole(self, job: str, now: datetime) -> None:
        """A run that began at `now` left nothing undone; an older run that ends later changes nothing. One write."""
        save_if(RunItem("RUNS", job, whole_at=now), RunItem.pk.does_not_exist() | (RunItem.whole_at < now))

    def first(self, job: str, now: datetime) -> datetime:
        """A job that has no item is looked for from `now` on. One write."""
        save_if(RunItem("RUNS", job, whole_at=now), RunItem.pk.does_not_exist())
        return now

    def last_whole(self) -> dict[str, datetime]:
        """By job; one query."""
        return {item.sk: item.whole_at for item in RunItem.query("RUNS", consistent_read=True)}


OVERLAP = timedelta(minutes=15)
"""A line may appear so late: AWS takes calls from an administrator's clock that is five minutes behind, a message is
worked on for up to two minutes, and an index lags (usually under a second).
"""


class CursorFields:
    """`CURSOR#<job>#<shard>` / `AT`. A domain's item: `class CursorItem(CursorFields, ItsTable)`, without a body."""

    read_to = InstantAttribute()


class Cursors:
    """The cursors of one domain, in its table: `item` is its item class, already bound."""

    def __init__(self, item: type[Model]) -> None:
        # pynamodb's attributes are the mixin's: a type for "a Model with CursorFields" does not exist.
        self._item: Any = item

    def start(self, job: str, shard: str, beginning: datetime, overlap: timedelta = OVERLAP) -> str:
        """The instant, as text, from which a run reads: the overlap before the cursor, `beginning` if there is none.

        What is in the index long before its time comes needs no overlap. One consistent read.
        """
        item: Any = find(self._item, _pk(job, shard), "AT")
        return iso(max(item.read_to - overlap, beginning) if item else beginning)

    def advance(self, job: str, shard: str, read_to: datetime) -> None:
        """Everything up to `read_to` is done with. A cursor never goes back: an older run that is late changes nothing.

        One write.
        """
        item = self._item(_pk(job, shard), "AT", read_to=read_to)
        save_if(item, self._item.pk.does_not_exist() | (self._item.read_to < read_to))


def _pk(job: str, shard: str) -> str:
    return f"CURSOR#{job}#{shard}"
