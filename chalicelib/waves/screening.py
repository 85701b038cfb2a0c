"""Before the lists are made: who came to be excluded, too old or no longer registered since they joined is removed."""

from __future__ import annotations

from collections.abc import Mapping, Sequence
from datetime import date
from typing import Protocol

from ..errors import DomainError
from ..registration.errors import (
    Excluded,
    ExcludedOccupation,
    InFormalEducation,
    NotRegistered,
    OverAge,
    UnderAge,
)
from ..registration.rules import Standing as Registered
from .entries import EntryStore
from .removals import AT_ONCE, Removals
from .rules import Outcome, Wave, closing_day
from .shards import each_shard
from .tick import Tick

ONE_BATCH_S = 10
"""A batch is not begun with less time left than this: three calls, each with its retries."""

OUTCOMES: Mapping[type[DomainError] | Registered, Outcome] = {
    Excluded: Outcome.EXCLUDED,
    ExcludedOccupation: Outcome.EXCLUDED_OCCUPATION,
    InFormalEducation: Outcome.IN_FORMAL_EDUCATION,
    UnderAge: Outcome.UNDER_AGE,
    OverAge: Outcome.OVER_AGE,
    NotRegistered: Outcome.WITHDRAWN,
    Registered.BENEFICIARY: Outcome.ALREADY_BENEFICIARY,
    Registered.REVOKED: Outcome.BARRED,
}
"""Why someone may not take part, as registration says it, and the outcome of their entry (docs/draw.md section 8)."""


class Registrations(Protocol):
    """What the screening asks of registration, for at most 100 people at once."""

    def unfit(self, registrant_ids: Sequence[str], day: date) -> Mapping[str, type[DomainError] | Registered]: ...


class Screening:
    """Looks at every entry of a closed wave once."""

    def __init__(self, entries: EntryStore, removals: Removals, registrations: Registrations) -> None:
        self._entries = entries
        self._removals = removals
        self._registrations = registrations

    def run(self, wave: Wave, tick: Tick) -> None:
        """Remove who must be; when this returns the wave's lists are fixed.

        Raises `TimeShort`; a shard that is done is not looked at again, of the others only who is still in.
        """
        screened = self._removals.screened(wave.number)
        day = closing_day(wave.closes_at)

        def screen(shard: int) -> None:
            if shard not in screened:
                self._screen(wave.number, shard, day, tick)

        each_shard(screen)

    def _screen(self, wave: int, shard: int, day: date, tick: Tick) -> None:
        for page in self._entries.pages(wave, shard):
            people = [who for who, _, _, outcome in page if outcome is None]
            for start in range(0, len(people), AT_ONCE):
                some = people[start : start + AT_ONCE]
                tick.need(ONE_BATCH_S)
                unfit = self._registrations.unfit(some, day)
                if not self._removals.remove(wave, shard, {who: OUTCOMES[why] for who, why in unfit.items()}):
                    return
        self._removals.mark(wave, shard)
