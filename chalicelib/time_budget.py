"""The present time while a step runs, and how long it may run. The caller gives the instant at which it began."""

from __future__ import annotations

import time
from collections.abc import Callable
from datetime import datetime, timedelta


class OutOfTime(Exception):
    """The time of this step is used up; the next one continues from what is recorded."""


class TimeBudget:
    """`now` and `deadline_s` (seconds from then) as the caller gave them; `seconds` is a clock that never goes back."""

    def __init__(self, now: datetime, deadline_s: float, seconds: Callable[[], float] = time.monotonic) -> None:
        self._began = now
        self._deadline_s = deadline_s
        self._seconds = seconds
        self._from = seconds()

    def now(self) -> datetime:
        """The present: the instant of the beginning plus what has passed since."""
        return self._began + timedelta(seconds=self._passed())

    def need(self, seconds: float) -> None:
        """Raises `OutOfTime` unless that much time is left."""
        if self._deadline_s - self._passed() < seconds:
            raise OutOfTime

    def _passed(self) -> float:
        return self._seconds() - self._from
