"""The nightly comparison with the providers: every WIB day since the last one that is done, each with a report.

A slice that is done is kept, a day is done once its report is written. So it may die anywhere, run twice at once or not
for days: the next run goes on. Nothing is repaired: what is found is for people.
"""

from __future__ import annotations

import logging
import time
from collections.abc import Callable, Iterable
from datetime import date, datetime, timedelta

from ..logs import metric
from ..waves.tick import Tick, TimeShort
from . import day_rules
from .day_comparison import Comparison
from .day_rules import Report, Slice
from .day_store import DayStore
from .signals import DIFFERENCES_METRIC

log = logging.getLogger(__name__)

SLICE_S = 500.0
"""Time that a slice needs at most: 2,000 pages of a statement, and what is looked up by itself."""

_DAY = timedelta(days=1)


class Behind(Exception):
    """A day has been over for more than a whole day and is not compared. The function fails by it, so that it rings."""


class Daily:
    """See the module. `namespace` is where the stage's metrics are."""

    def __init__(self, comparison: Comparison, store: DayStore, namespace: str) -> None:
        self._comparison = comparison
        self._store = store
        self._namespace = namespace

    def run(self, now: datetime, deadline_s: float, seconds: Callable[[], float] = time.monotonic) -> bool:
        """Compare what is over at `now` and fits into `deadline_s` seconds; returns whether that is all that is over.

        Raises `StatementUnreadable`, and `Behind` if the time is up with a day before the latest still to do.
        Where no day was ever done, it begins with the latest one that is over.
        """
        tick = Tick(now, deadline_s, seconds)
        latest = day_rules.latest_over(now)
        done = self._store.last_done()
        day = latest if done is None else done + _DAY
        try:
            while day <= latest:
                self._day(day, now, tick)
                day += _DAY
        except TimeShort:
            log.info("reconciliation_goes_on_later", extra={"day": str(day)})
            if day < latest:
                raise Behind(str(day)) from None
            return False
        return True

    def _day(self, day: date, now: datetime, tick: Tick) -> None:
        parts = []
        for piece in self._comparison.slices(day, now):
            part = self._store.part(day, piece.name)
            if part is None:
                tick.need(SLICE_S)
                part = self._comparison.part(piece, tick.now())
                self._store.put_part(day, piece.name, part)
            parts.append(part)
        report = day_rules.whole(day, parts)
        self._store.put_report(day, day_rules.as_csv(report))
        self._tell(report, now)
        self._store.mark_done(day)

    def _tell(self, report: Report, now: datetime) -> None:
        """One line, with the metric in it; an ERROR if there is any difference.

        A run that dies right after it tells of the same day again: rather twice than never.
        """
        count = len(report.found)
        extra = {"day": str(report.day), **metric(self._namespace, DIFFERENCES_METRIC, count, now)}
        log.log(logging.ERROR if count else logging.INFO, "payouts_reconciled", extra=extra)


def compare(
    comparison: Comparison, day: date, now: datetime, progress: Callable[[list[Slice]], Iterable[Slice]] = iter
) -> Report:
    """One day now, whatever was compared before; nothing is written. Raises `DayNotOver`, `StatementUnreadable`."""
    slices = comparison.slices(day, now)
    return day_rules.whole(day, [comparison.part(piece, now) for piece in progress(slices)])
