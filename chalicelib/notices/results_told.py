"""How far the results of each wave have been told: which of its partitions, and up to whom there."""

from __future__ import annotations

from dataclasses import dataclass

from pynamodb.attributes import BooleanAttribute, NumberAttribute, UnicodeAttribute

from ..aws.cursors import CursorFields
from .store import NoticesTable


class CursorItem(CursorFields, NoticesTable):
    """`CURSOR#<job>#<shard>` / `AT`: how far what is sorted by time has been told."""


class ResultsItem(NoticesTable):
    """`RESULTS` / number of the wave in 6 digits. One partition: one item a wave, written once a page."""

    shard = NumberAttribute()
    after = UnicodeAttribute()
    done = BooleanAttribute()


@dataclass(frozen=True, slots=True)
class Place:
    """Everyone before `shard`, and in it everyone up to `after` (empty: nobody yet), was told; or all were."""

    shard: int = 0
    after: str = ""
    done: bool = False


class Progress:
    """A place may be forgotten or go back: what is told again is told once."""

    def places(self) -> dict[int, Place]:
        """By wave; one query."""
        items = ResultsItem.query("RESULTS", consistent_read=True)
        return {int(item.sk): Place(int(item.shard), item.after, item.done) for item in items}

    def remember(self, wave: int, place: Place) -> None:
        """One write."""
        ResultsItem("RESULTS", f"{wave:06d}", shard=place.shard, after=place.after, done=place.done).save()
