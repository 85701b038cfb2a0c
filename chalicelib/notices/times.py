"""Instants as people read them, in WIB and in their language. Pure."""

from __future__ import annotations

from datetime import datetime, timedelta

from ..clock import WIB

_DAYS = {
    "id": ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_MONTHS = {
    "id": (
        "Januari",
        "Februari",
        "Maret",
        "April",
        "Mei",
        "Juni",
        "Juli",
        "Agustus",
        "September",
        "Oktober",
        "November",
        "Desember",
    ),
    "en": (
        "January",
        "February",
        "March",
        "April",
        "May",
        "June",
        "July",
        "August",
        "September",
        "October",
        "November",
        "December",
    ),
}


def long_time(instant: datetime, language: str) -> str:
    """`Jumat, 27 November 2026 pukul 12.00 WIB`; `Friday, 27 November 2026, 12:00 WIB`."""
    wib = instant.astimezone(WIB)
    day = f"{_DAYS[language][wib.weekday()]}, {wib.day} {_MONTHS[language][wib.month - 1]} {wib.year}"
    return f"{day} pukul {wib:%H.%M} WIB" if language == "id" else f"{day}, {wib:%H:%M} WIB"


def last_minute(instant: datetime, language: str) -> str:
    """The last minute before a deadline, as `long_time`: a day that ends at midnight ends at 23:59 for people."""
    return long_time(instant - timedelta(microseconds=1), language)


def days_left(instant: datetime, now: datetime) -> int:
    """In how many days a deadline is over, a day that has begun counting whole."""
    return max(0, -((now - instant) // timedelta(days=1)))
