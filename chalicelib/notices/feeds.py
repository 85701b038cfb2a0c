"""What people's programs subscribe to: the waves as a calendar (RFC 5545), public events as a feed (RFC 4287). Pure.

In the calendar an event is in UTC for programs, in WIB for people; the feed has Indonesian with English beside it.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Sequence
from datetime import UTC, datetime, timedelta
from email.utils import parseaddr
from typing import TYPE_CHECKING
from xml.etree import ElementTree as Xml

from ..clock import iso, parse_iso
from ..values import Value
from .announcements import PublicEvent
from .texts import Language, last_minute, long_time

if TYPE_CHECKING:
    from icalendar import Event

REFRESH = timedelta(hours=1)
"""How often a calendar program is asked to look again."""


class Slot(Value, frozen=True):
    """When a wave accepts entries, until `closes_at` exclusive; `skipped`: it does not take place.

    `note` is the commitment of its draw, once there is one.
    """

    number: int
    opens_at: datetime
    closes_at: datetime
    skipped: bool = False
    note: str | None = None


def calendar(slots: Iterable[Slot], version: int, now: datetime, sender: str, public_url: str) -> str:
    """The document, with CRLF line ends. `sender`: the sender of mails, as `Name <address>`; its domain is part of
    UIDs.

    A wave keeps its UID for ever, so a program moves its event when the wave is moved. `version` is the number of
    changes to the calendar. As SEQUENCE it tells a program that this edition is not older than its own.
    """
    # Imported here: only this route pays for it.
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
        # Nobody can change it later in the calendars that subscribed.
        + (f"\n\nKomitmen pengundian / Commitment of the draw:\n{slot.note}" if slot.note else ""),
    )
    event.add("url", f"{public_url}/waves/{slot.number}")
    event.add("status", "CANCELLED" if slot.skipped else "CONFIRMED")
    event.add("transp", "TRANSPARENT")
    event.add("categories", ["Gelombang"])
    return event


def _domain(sender: str) -> str:
    return parseaddr(sender)[1].partition("@")[2]


_ATOM = "http://www.w3.org/2005/Atom"

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
"""When a feed without events was last changed; Atom requires an instant."""

_TITLES = {
    "wave_open": ("Gelombang {wave} dibuka", "Wave {wave} is open"),
    "wave_extended": ("Penutupan gelombang {wave} diundur", "Wave {wave} closes later"),
    "wave_closing_soon": ("Gelombang {wave} segera ditutup", "Wave {wave} closes soon"),
    "wave_closed": ("Gelombang {wave} ditutup", "Wave {wave} is closed"),
    "wave_frozen": ("Daftar peserta gelombang {wave} dikunci", "The list of wave {wave} is committed to"),
    "wave_waiting_for_beacon": (
        "Pengundian gelombang {wave} menunggu angka acak publik",
        "The draw of wave {wave} waits for its public random number",
    ),
    "wave_drawn": ("Gelombang {wave} telah diundi", "Wave {wave} is drawn"),
    "programme_paused": ("Program dijeda", "The programme pauses"),
    "programme_pause_withdrawn": ("Jeda program dibatalkan", "A pause of the programme is withdrawn"),
    "programme_ends": ("Program berakhir", "The programme ends"),
    "programme_end_withdrawn": ("Penutupan program dibatalkan", "The end of the programme is withdrawn"),
    "wave_settled": ("Hasil gelombang {wave}", "The results of wave {wave}"),
}
_PLACE: dict[Language, int] = {"id": 0, "en": 1}
_FACTS = {
    "opens_at": ("Buka: {}", "Opens: {}"),
    "closes_at": ("Tutup: {}", "Closes: {}"),
    "was_from_at": ("Semula mulai: {}", "It was to begin: {}"),
    "no_wave_from_at": ("Tidak ada gelombang baru mulai: {}", "No new wave from: {}"),
    "no_wave_until_at": ("Sampai: {}", "Until: {}"),
    "quota": ("Kuota: {} orang", "Seats: {}"),
    "chosen": ("Terpilih: {} orang", "Chosen: {}"),
    "beacon_round": ("Putaran angka acak yang ditunggu: {}", "Round of the random beacon waited for: {}"),
    "beacon_due_at": ("Seharusnya ada sejak: {}", "Due since: {}"),
    "note": ("Komitmen:\n{}", "Commitment:\n{}"),
}


def feed(events: Sequence[PublicEvent], public_url: str, domain: str) -> str:
    """The document; `events` newest first. `domain` makes the ids (RFC 4151)."""
    Xml.register_namespace("", _ATOM)
    root = Xml.Element(f"{{{_ATOM}}}feed", {"{http://www.w3.org/XML/1998/namespace}lang": "id"})
    _add(root, "id", f"tag:{domain},2026:feed")
    _add(root, "title", "Gelombang: pengumuman / announcements")
    _add(root, "updated", iso(events[0].at if events else BEGINNING))
    _add(_add(root, "author"), "name", "Gelombang")
    _add(root, "link", rel="self", type="application/atom+xml", href=f"{public_url}/feed.atom")
    for event in events:
        _entry(_add(root, "entry"), event, public_url, domain)
    return Xml.tostring(root, encoding="unicode", xml_declaration=False).join(
        ('<?xml version="1.0" encoding="utf-8"?>\n', "\n")
    )


def _entry(entry: Xml.Element, event: PublicEvent, public_url: str, domain: str) -> None:
    titles = _TITLES.get(event.event, (event.event, event.event))
    _add(entry, "id", f"tag:{domain},2026:event/{event.id}")
    _add(entry, "title", " / ".join(title.format(wave=event.wave) for title in titles))
    _add(entry, "updated", iso(event.at))
    _add(entry, "published", iso(event.at))
    _add(entry, "link", rel="alternate", href=_address(event, public_url))
    _add(entry, "category", term=event.event)
    _add(entry, "content", _content(event), type="text")


def _content(event: PublicEvent) -> str:
    """The facts, first all in Indonesian, then all in English."""
    return "\n".join([*_facts(event, "id"), *_facts(event, "en")])


def _facts(event: PublicEvent, language: Language) -> Iterator[str]:
    for name, labels in _FACTS.items():
        value = event.facts.get(name)
        if value is not None:
            shown = long_time(parse_iso(str(value)), language) if name.endswith("_at") else value
            yield labels[_PLACE[language]].format(shown)


def announcement(event: PublicEvent, public_url: str, language: Language, most: int = 4096) -> str:
    """An event as a post of at most `most` characters, with its address: facts that do not fit are left to that."""
    title = _TITLES.get(event.event, (event.event, event.event))[_PLACE[language]].format(wave=event.wave)
    address = _address(event, public_url)
    text = title
    for fact in _facts(event, language):
        if len(text) + len(fact) + len(address) + 2 <= most:
            text += f"\n{fact}"
    return f"{text}\n{address}"


def _address(event: PublicEvent, public_url: str) -> str:
    of_a_wave = f"{public_url}/waves/{event.wave}" if event.event.startswith("wave_") else f"{public_url}/waves"
    return str(event.facts.get("results_url") or of_a_wave)


def _add(parent: Xml.Element, name: str, text: str | None = None, **attributes: str) -> Xml.Element:
    child = Xml.SubElement(parent, f"{{{_ATOM}}}{name}", attributes)
    child.text = text
    return child
