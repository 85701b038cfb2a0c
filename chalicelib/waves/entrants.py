"""Has the civil registry asked about a wave's entrants once more before its freeze, in one run that is resumed.

They are walked through twice: from some time before the close on, and from the close until the freeze, then only who
joined since the first walk came by. It is marked how far each shard is after its messages are queued; so a run that
dies, or that runs beside another one, asks about some twice and leaves out nobody. While the registry is silent what
it said before counts.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta
from typing import TYPE_CHECKING

from pynamodb.attributes import BooleanAttribute, UnicodeAttribute

from ..aws.attributes import InstantAttribute
from ..time_budget import OutOfTime, TimeBudget
from .entries import EntryItem
from .rules import SHARDS, WaveState
from .store import WavesTable

if TYPE_CHECKING:
    from ..registration.verifications import Verifications
    from .store import WaveStore

log = logging.getLogger(__name__)

PAGE = 500
"""Entries that are read at once."""

PAGE_S = 10
"""No page is begun with less time left than this: some calls with their retries."""

LATE = timedelta(minutes=1)
"""So long after its instant an entry may be written."""

_ASKED = "ASKED#"
_LETTERS = 4
"""So much of an id says where a walk goes on; a few entries before it are looked at again."""


class AskedItem(WavesTable):
    """`WAVE#<number>` / `ASKED#<walk>#<shard, 2 digits>`. `after`: the beginning of an id; of no person."""

    began_at = InstantAttribute()
    after = UnicodeAttribute(null=True)
    done = BooleanAttribute(null=True)


class Entrants:
    """See the module. `before_close`: how long before a close the first walk begins."""

    def __init__(self, store: WaveStore, verifications: Verifications, before_close: timedelta) -> None:
        self._store = store
        self._verifications = verifications
        self._before_close = before_close

    def queue(self, now: datetime, most: int, deadline_s: float, seconds: Callable[[], float]) -> None:
        """Queue about `most` messages, within so many seconds; the next call goes on from there."""
        left = most * self._verifications.together
        budget = TimeBudget(now, deadline_s, seconds)
        try:
            for wave in self._store.waves():
                if wave.state in {WaveState.OPEN, WaveState.CLOSED} and wave.closes_at - self._before_close <= now:
                    left = self._walk(wave.number, 1 if now < wave.closes_at else 2, now, left, budget)
        except OutOfTime:
            log.info("entrants_go_on_later")

    def _walk(self, wave: int, walk: int, now: datetime, left: int, budget: TimeBudget) -> int:
        """Queue up to about `left` people of a wave; returns how many more there may be."""
        pk = f"WAVE#{wave}"
        marks = {item.sk: item for item in AskedItem.query(pk, AskedItem.sk.startswith(_ASKED), consistent_read=True)}
        for shard in range(SHARDS):
            sk = f"{_ASKED}{walk}#{shard:02d}"
            mark = marks.get(sk) or AskedItem(pk, sk)
            # In the second walk whom the first one came by before they joined.
            first = marks.get(f"{_ASKED}1#{shard:02d}") if walk > 1 else None
            since = first.began_at - LATE if first is not None and first.done else None
            after, began = mark.after, AskedItem.began_at.set(AskedItem.began_at | now)
            while left > 0 and not mark.done:
                budget.need(PAGE_S)
                behind = EntryItem.sk > after if after else None
                found = list(EntryItem.query(f"E#{wave}#{shard:02d}", behind, limit=PAGE, consistent_read=True))
                people = [item.sk for item in found if since is None or item.joined_at >= since]
                asked = self._verifications.to_ask(people, now)
                if not self._verifications.ask(asked):
                    return 0  # the next call repeats this page
                left -= len(asked)
                if len(found) < PAGE:
                    mark.update([began, AskedItem.done.set(True), AskedItem.after.remove()])
                else:
                    after = found[-1].sk
                    mark.update([began, AskedItem.after.set(_beginning(after, mark.after or ""))])
        return left


def _beginning(registrant_id: str, past: str) -> str:
    """The shortest beginning of an id that is behind `past`, of four letters at least."""
    lengths = range(_LETTERS, len(registrant_id))
    return next((registrant_id[:one] for one in lengths if registrant_id[:one] > past), registrant_id)
