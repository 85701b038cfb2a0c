"""The waves as a calendar to subscribe to (RFC 5545): an event for each, in WIB for people, in UTC in the file."""

from __future__ import annotations

from collections.abc import Iterable
from dataclasses import dataclass
from datetime import datetime, timedelta
from email.utils import parseaddr
from typing import TYPE_CHECKING

from .texts import last_minute, long_time

if TYPE_CHECKING:
    from icalendar import Event

REFRESH = timedelta(hours=1)
"""How often a calendar program is asked to look again."""


@dataclass(frozen=True, slots=True)
class Slot:
    """When a wave accepts entries, until `closes_at` exclusive; `skipped`: it does not take place.

    `note` is the commitment of its draw, once there is one.
    """

    number: int
    opens_at: datetime
    closes_at: datetime
    skipped: bool = False
    note: str | None = None


def calendar(slots: Iterable[Slot], version: int, now: datetime, sender: str, public_url: str) -> str:
    """The document, with CRLF line ends. `sender`: whom mails come from, as `Name <address>`; its domain names events.

    A wave keeps its UID for ever, so a program moves its event when the wave is moved. `version` is the number of
    changes to the calendar; as SEQUENCE it tells that this edition is not older than the one that a program has.
    """
    # Only this route pays for it.
    from icalendar import Calendar, vDuration

    file = Calendar()
    file.add("prodid", f"-//{_domain(sender)}//Gelombang//ID")
    file.add("version", "2.0")
    file.add("calscale", "GREGORIAN")
    file.add("method", "PUBLISH")
    file.add("x-wr-calname", "Gelombang")
    file.add("x-wr-timezone", "Asia/Jakarta")
    file.add("refresh-interval", vDuration(REFRESH), parameters={"VALUE": "DURATION"})
    file.add("x-published-ttl", vDuration(REFRESH))
    for slot in slots:
        file.add_component(_event(slot, version, now, sender, public_url))
    return str(file.to_ical(), "utf-8")


def _event(slot: Slot, version: int, now: datetime, sender: str, public_url: str) -> Event:
    from icalendar import Event, vCalAddress

    name, address = parseaddr(sender)
    event = Event()
    event.add("uid", f"wave-{slot.number}@{_domain(sender)}")
    event.add("organizer", vCalAddress(f"mailto:{address}"), parameters={"CN": name})  # RFC 5546, 3.2.1: there is one
    event.add("dtstamp", now.replace(microsecond=0))
    event.add("sequence", version)
    event.add("dtstart", slot.opens_at)
    event.add("dtend", slot.closes_at)
    event.add("summary", f"Gelombang {slot.number}: pendaftaran")
    opens, closes = long_time(slot.opens_at, "id"), last_minute(slot.closes_at, "id")
    english = f"Joining wave {slot.number} is possible from {long_time(slot.opens_at, 'en')}"
    event.add(
        "description",
        f"Gabung gelombang {slot.number} mulai {opens} sampai {closes}. Waktu bergabung tidak memengaruhi peluang.\n\n"
        f"{english} to {last_minute(slot.closes_at, 'en')}. When you join does not change your chances."
        # A copy of it in every calendar that subscribes is one that nobody can change afterwards.
        + (f"\n\nKomitmen pengundian / Commitment of the draw:\n{slot.note}" if slot.note else ""),
    )
    event.add("url", f"{public_url}/waves/{slot.number}")
    event.add("status", "CANCELLED" if slot.skipped else "CONFIRMED")
    event.add("transp", "TRANSPARENT")
    event.add("categories", ["Gelombang"])
    return event


def _domain(sender: str) -> str:
    return parseaddr(sender)[1].partition("@")[2]
