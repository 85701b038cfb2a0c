"""The public events as an Atom feed (RFC 4287), in Indonesian with English beside it. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import UTC, datetime
from xml.etree import ElementTree as Xml

from ..clock import iso, parse_iso
from .public_events import PublicEvent
from .texts import long_time

_ATOM = "http://www.w3.org/2005/Atom"

BEGINNING = datetime(2026, 1, 1, tzinfo=UTC)
"""When a feed in which nothing has happened yet was last changed; Atom wants an instant."""

_TITLES = {
    "wave_open": ("Gelombang {wave} dibuka", "Wave {wave} is open"),
    "wave_closing_soon": ("Gelombang {wave} segera ditutup", "Wave {wave} closes soon"),
    "wave_closed": ("Gelombang {wave} ditutup", "Wave {wave} is closed"),
    "wave_frozen": ("Daftar peserta gelombang {wave} dikunci", "The list of wave {wave} is committed to"),
    "wave_waiting_for_beacon": (
        "Pengundian gelombang {wave} menunggu angka acak publik",
        "The draw of wave {wave} waits for its public random number",
    ),
    "wave_drawn": ("Gelombang {wave} telah diundi", "Wave {wave} is drawn"),
    "wave_settled": ("Hasil gelombang {wave}", "The results of wave {wave}"),
}
_FACTS = {
    "opens_at": ("Buka: {}", "Opens: {}"),
    "closes_at": ("Tutup: {}", "Closes: {}"),
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
    href = event.facts.get("results_url") or f"{public_url}/waves/{event.wave}"
    _add(entry, "link", rel="alternate", href=str(href))
    _add(entry, "category", term=event.event)
    _add(entry, "content", _content(event), type="text")


def _content(event: PublicEvent) -> str:
    """The facts, first all in Indonesian, then all in English."""
    lines = []
    for place, language in ((0, "id"), (1, "en")):
        for name, labels in _FACTS.items():
            value = event.facts.get(name)
            if value is not None:
                shown = long_time(parse_iso(str(value)), language) if name.endswith("_at") else value
                lines.append(labels[place].format(shown))
    return "\n".join(lines)


def _add(parent: Xml.Element, name: str, text: str | None = None, **attributes: str) -> Xml.Element:
    child = Xml.SubElement(parent, f"{{{_ATOM}}}{name}", attributes)
    child.text = text
    return child
