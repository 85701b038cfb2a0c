"""Time: UTC inside, WIB at the edges, the clock always a parameter. Standard library only."""

from __future__ import annotations

from collections.abc import Callable
from datetime import UTC, date, datetime, timedelta, timezone

Clock = Callable[[], datetime]
"""Returns the present instant, timezone-aware, in UTC."""

WIB = timezone(timedelta(hours=7), "WIB")
"""Western Indonesian time: fixed, without daylight saving."""


def utc_now() -> datetime:
    """The present instant; the one place that asks the operating system."""
    return datetime.now(UTC)


def iso(instant: datetime) -> str:
    """`2023-06-05T17:15:00Z`, with milliseconds only where there are any. What was read is written as it was."""
    utc = instant if instant.tzinfo is UTC else instant.astimezone(UTC)
    text = utc.isoformat(timespec="milliseconds" if utc.microsecond >= 1000 else "seconds")
    return text.removesuffix("+00:00") + "Z"


def parse_iso(text: str) -> datetime:
    """The inverse of `iso`; a text without a time zone is refused with ValueError."""
    instant = datetime.fromisoformat(text)
    if instant.tzinfo is None:
        raise ValueError("time zone missing")
    return instant if instant.tzinfo is UTC else instant.astimezone(UTC)


def wib_date(instant: datetime) -> date:
    """The calendar day in WIB, on which ages and deadlines are counted."""
    return instant.astimezone(WIB).date()
