"""The statistics as anybody reads them: what the last round of the count published, with one call."""

from __future__ import annotations

from collections.abc import Callable, Iterable
from datetime import datetime, timedelta

from ..aws.admin_acts import Act, Journal, Signed
from ..clock import wib_date
from ..waves.errors import UnknownWave
from ..waves.service import Waves
from . import history
from .statistics_wire import BEFORE_THE_FIRST, HEADER, Statistics, WaveStatistics
from .tally_rules import PastWave
from .tally_store import COUNTRY, ImportActItem, TallyStore

KEPT = timedelta(minutes=5)
"""How long a process may answer with the table that it has read: all waves are many reads, and anybody may ask."""


class PublishedStatistics:
    """Reads what was published, and takes the totals of the time before. `is_province`: whether a code is one."""

    def __init__(self, store: TallyStore, waves: Waves, is_province: Callable[[str], bool]) -> None:
        self._store = store
        self._waves = waves
        self._is_province = is_province
        self._kept: tuple[datetime, str] | None = None
        self.journal = Journal(ImportActItem)

    def country(self) -> Statistics:
        """The whole programme; before the first count, that there is none yet. One read."""
        published: Statistics | None = self._store.published(COUNTRY, Statistics)
        return published or BEFORE_THE_FIRST

    def wave(self, number: int) -> WaveStatistics:
        """One wave by province. Raises `UnknownWave` if none is published, as long as it is not settled. One read."""
        published: WaveStatistics | None = self._store.published(f"WAVE#{number:06d}", WaveStatistics)
        if published is None:
            raise UnknownWave(wave=number)
        return published

    def csv(self, now: datetime) -> str:
        """Every wave and province, a line each, below a line with the names of the columns. One query in a while."""
        if self._kept is None or not timedelta(0) <= now - self._kept[0] < KEPT:
            self._kept = now, HEADER + "".join(self._store.lines())
        return self._kept[1]

    def import_history(self, lines: Iterable[str], now: datetime, signed: Signed | None = None) -> list[PastWave]:
        """Take a file of past totals, all of it or nothing; returns its waves. Raises `MalformedHistory`.

        Wave by wave: an import that broke off is made whole by doing it again. It shows from the next count on.
        """
        first_own = min((wave.number for wave in self._waves.records()), default=None)

        def is_own(number: int) -> bool:
            return first_own is not None and number >= first_own

        waves = history.read(lines, self._is_province, is_own, wib_date(now).year)
        if signed is not None:
            about = f"waves {', '.join(str(wave.number) for wave in waves)}"
            self.journal.add(Act(now, "IMPORT_HISTORY", about, signed.by, signed.note))
        for wave in waves:
            self._store.put_history(wave)
        return waves
