"""When each scheduled job last did all that was due: what the watch compares with the clock.

One item a job, `RUNS` / `<job>`, written when a run came to its end with nothing left undone; before there was such a
run it says when the watch first looked for the job.
"""

from __future__ import annotations

from datetime import datetime

from pynamodb.attributes import UnicodeAttribute
from pynamodb.models import Model

from .attributes import InstantAttribute
from .dynamodb import save_if


class RunItem(Model):
    """The table and its items; `wiring` gives it its table."""

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
