"""Which entries are removed before the freeze, as it is written: an outcome on each, a mark on each shard that is done.

The mark comes after a shard's last removal, and no removal is written beside it. So once every shard is marked the
lists are what they are, whoever else is still at work.
"""

from __future__ import annotations

from collections.abc import Callable, Mapping

from ..dynamo import LegsFailed, Transaction
from .entries import UNDECIDED, EntryItem, entry_item
from .rules import Outcome
from .store import WavesTable

AT_ONCE = 99
"""Entries removed in one transaction: it has 100 legs, one of them for the mark."""

_MARK = "SCREENED#"


class ScreenedItem(WavesTable):
    """`WAVE#<number>` / `SCREENED#<shard, 2 digits>`: all who had to be removed of this shard's entries are."""


class Removals:
    """`transaction` makes a new, empty transaction."""

    def __init__(self, transaction: Callable[[], Transaction]) -> None:
        self._transaction = transaction

    def screened(self, wave: int) -> frozenset[int]:
        """The shards that are marked; one query."""
        marks = ScreenedItem.query(f"WAVE#{wave}", ScreenedItem.sk.startswith(_MARK), consistent_read=True)
        return frozenset(int(mark.sk.removeprefix(_MARK)) for mark in marks)

    def remove(self, wave: int, shard: int, outcomes: Mapping[str, Outcome]) -> bool:
        """Write why each of at most `AT_ONCE` people of a shard is removed; who has an outcome already keeps it.

        False, and nothing was written, if the shard is marked.
        """
        left = dict(outcomes)
        while left:
            try:
                with self._transaction() as tx:
                    keys = f"WAVE#{wave}", f"{_MARK}{shard:02d}"
                    tx.check("mark", ScreenedItem, keys, ScreenedItem.pk.does_not_exist())
                    for who, outcome in left.items():
                        tx.update(who, entry_item(wave, who), [EntryItem.outcome.set(outcome.value)], UNDECIDED)
                return True
            except LegsFailed as failure:
                if "mark" in failure.legs:
                    return False
                left = {who: outcome for who, outcome in left.items() if who not in failure.legs}
        return True

    def mark(self, wave: int, shard: int) -> None:
        """Mark a shard as done, for good."""
        ScreenedItem(f"WAVE#{wave}", f"{_MARK}{shard:02d}").save()
