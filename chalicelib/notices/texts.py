"""The text of a notice, in the person's language, from `mails.toml`; instants as people read them, in WIB."""

from __future__ import annotations

from datetime import date, datetime, timedelta
from functools import cache
from pathlib import Path
from typing import Any, Literal

from .. import tables
from ..clock import WIB, parse_iso
from ..money import format_idr, rupiah
from ..values import Value
from .rules import REMINDERS, Facts, Notice

Language = Literal["id", "en"]

_DEADLINES = {"buy_by", "closes_at"}


class MailText(Value, frozen=True):
    subject: str
    body: str


def mail_text(notice: Notice, language: Language, now: datetime, url: str | None) -> MailText:
    """The mail about a notice. `url`: where reminders end, or where a change is confirmed or denied."""
    templates = _templates()
    own, frame = templates[notice.kind.value][language], templates["frame"][language]
    words = {
        name: templates[name][language]
        for name in ("for", "reward", "start", "next", "news", "what", "change", "device")
    }
    words["reason"], stays = own.get("reason", {}), str(notice.facts.get("stays", ""))
    words["stays"] = {stays: "".join(f"\n\n{own['stays'][one]}" for one in stays.split())}
    # A notice that was kept before a fact was told has none of it.
    shown = {"stays": ""} | _shown(notice.facts, words, language, now)
    parts = [frame["greeting"], own["body"].format(**shown, url=url), frame["farewell"]]
    if notice.kind in REMINDERS and url is not None:
        parts.append(frame["way_out"].format(url=url))
    return MailText(own["subject"].format(**shown), "\n\n".join(part.strip() for part in parts) + "\n")


def _shown(facts: Facts, words: dict[str, dict[str, str]], language: Language, now: datetime) -> dict[str, str]:
    """The facts as people read them, with the days left and what an answer earns."""
    shown: dict[str, str] = {}
    for name, value in facts.items():
        if name.endswith("_idr"):
            shown[name] = format_idr(rupiah(int(value)))
        elif name in _DEADLINES and value:
            instant = parse_iso(str(value))
            shown[name] = last_minute(instant, language)
            shown["days"] = str(days_left(instant, now))
        elif name.endswith("_at") and value:
            shown[name] = long_time(parse_iso(str(value)), language)
        elif name == "for":
            what, _, number = str(value).partition("_")
            shown[name] = words[name][f"{what}_N" if number else what].format(n=number)
        else:
            shown[name] = words[name][str(value)] if name in words else str(value)
    if "amount_idr" in facts:
        shown["reward"] = words["reward"]["paid" if facts["amount_idr"] else "voluntary"].format(**shown)
    if "training_idr" in facts:
        begin = "training" if facts["training_idr"] else "place" if facts["buy_by"] else "paid"
        shown["start"] = words["start"][begin].format(**shown)
    if "news" in facts:
        shown["news"] = words["news"][str(facts["news"])].format(**shown)
    if "next_opens_at" in facts:
        shown["next"] = words["next"]["coming" if facts["next_opens_at"] else "none"].format(**shown)
    return shown


@cache
def _templates() -> dict[str, Any]:
    return tables.read(Path(__file__).with_name("mails.toml"))


_DAYS = {
    "id": ("Senin", "Selasa", "Rabu", "Kamis", "Jumat", "Sabtu", "Minggu"),
    "en": ("Monday", "Tuesday", "Wednesday", "Thursday", "Friday", "Saturday", "Sunday"),
}
_MONTHS = {
    "id": (
        *("Januari", "Februari", "Maret", "April", "Mei", "Juni"),
        *("Juli", "Agustus", "September", "Oktober", "November", "Desember"),
    ),
    "en": (
        *("January", "February", "March", "April", "May", "June"),
        *("July", "August", "September", "October", "November", "December"),
    ),
}


def long_day(day: date, language: str) -> str:
    """`Jumat, 27 November 2026`; `Friday, 27 November 2026`."""
    return f"{_DAYS[language][day.weekday()]}, {day.day} {_MONTHS[language][day.month - 1]} {day.year}"


def long_time(instant: datetime, language: str) -> str:
    """`Jumat, 27 November 2026 pukul 12.00 WIB`; `Friday, 27 November 2026, 12:00 WIB`."""
    wib = instant.astimezone(WIB)
    day = long_day(wib, language)
    return f"{day} pukul {wib:%H.%M} WIB" if language == "id" else f"{day}, {wib:%H:%M} WIB"


def last_minute(instant: datetime, language: str) -> str:
    """The last minute before a deadline, as `long_time`: a day that ends at midnight ends at 23:59 for people."""
    return long_time(instant - timedelta(microseconds=1), language)


def days_left(instant: datetime, now: datetime) -> int:
    """Days until a deadline; a day that has begun counts whole."""
    return max(0, -((now - instant) // timedelta(days=1)))
