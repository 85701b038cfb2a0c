"""How far each wave's results have been told: up to which partition, and up to whom in it."""

from __future__ import annotations

from dataclasses import dataclass

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from ..aws.attributes import WholeAttribute, item_of
from ..aws.cursors import CursorFields
from ..structs import fill
from .store import NoticesTable


class TellingCursor(CursorFields, NoticesTable):
    """How far payments and deadlines have been told."""


class ResultsItem(NoticesTable):
    """`RESULTS` / number of the wave in 6 digits. One partition: one item a wave, written once a page."""

    shard = WholeAttribute()
    after = UnicodeAttribute()
    done = BooleanAttribute()


@dataclass(frozen=True, slots=True)
class TellingPlace:
    """Everyone before `shard`, and in it everyone up to `after` (empty: nobody yet), was told; or all were."""

    shard: int = 0
    after: str = ""
    done: bool = False


class TellingProgress:
    """A place may be lost or go back: an event that is told again is not sent again."""

    def places(self) -> dict[int, TellingPlace]:
        """By wave; one query."""
        items = ResultsItem.query("RESULTS", consistent_read=True)
        return {int(item.sk): fill(TellingPlace, item) for item in items}

    def remember(self, wave: int, place: TellingPlace) -> None:
        """One write."""
        item_of(ResultsItem, "RESULTS", f"{wave:06d}", place).save()
