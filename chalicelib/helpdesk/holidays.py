"""The days on which Indonesian offices are closed, by the `holidays` library."""

from __future__ import annotations

from datetime import date
from functools import cache


def is_holiday(day: date) -> bool:
    """Whether a day is a national holiday or one of the government's joint leave days (cuti bersama).

    Days that follow the moon are estimates until the ministers' joint decree for the year is out and the library has
    it, which is why a deadline is computed once, at filing, and then kept.
    """
    return day in _days(day.year)


@cache
def _days(year: int) -> frozenset[date]:
    # Imported here: 50 ms (four times that where all countries are installed) that only who files something pays.
    from holidays.constants import GOVERNMENT, PUBLIC
    from holidays.countries.indonesia import Indonesia

    return frozenset(Indonesia(years=year, categories=(GOVERNMENT, PUBLIC)))
