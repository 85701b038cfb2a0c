"""The waves as a calendar, the announcements as a feed: read back by the programs that others read them with."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from xml.etree import ElementTree as Xml

from icalendar import Calendar

from chalicelib.clock import iso
from chalicelib.notices import feeds
from chalicelib.notices import feeds as ics
from chalicelib.notices.announcements import PublicEvent
from chalicelib.notices.feeds import Slot
from tests.conftest import T0

OPENS = datetime(2026, 11, 27, 5, tzinfo=UTC)
CLOSES = datetime(2026, 11, 30, 17, tzinfo=UTC)
DAY = timedelta(days=1)
ATOM = "{http://www.w3.org/2005/Atom}"


def read(slots: list[Slot], version: int = 3) -> tuple[Calendar, dict[str, object]]:
    text = ics.calendar(slots, version, T0, "Gelombang <kabar@gelombang.example>", "https://api")
    assert "\n" not in text.replace("\r\n", "")
    assert all(len(line.encode()) <= 75 for line in text.split("\r\n"))
    calendar = Calendar.from_ical(text)
    return calendar, {str(event["uid"]): event for event in calendar.walk("VEVENT")}


def test_a_calendar_program_reads_one_event_for_each_wave():
    calendar, events = read([Slot(145, OPENS, CLOSES), Slot(146, OPENS + 14 * DAY, CLOSES + 14 * DAY)])

    assert str(calendar["version"]) == "2.0"
    assert {"prodid", "method", "x-wr-calname"} <= {name.lower() for name in calendar}
    assert list(events) == ["wave-145@gelombang.example", "wave-146@gelombang.example"]
    event = events["wave-145@gelombang.example"]
    assert event["dtstart"].dt == OPENS
    assert event["dtend"].dt == CLOSES
    assert event["dtstamp"].dt == T0
    assert str(event["status"]) == "CONFIRMED"
    assert str(event["url"]) == "https://api/waves/145"
    # RFC 5546, 3.2.1: what is published has its organizer.
    assert (event["organizer"], event["organizer"].params["cn"]) == ("mailto:kabar@gelombang.example", "Gelombang")
    assert "Senin, 30 November 2026 pukul 23.59 WIB" in str(event["description"])


def test_a_wave_that_was_moved_is_the_same_event_of_a_later_edition_and_a_skipped_one_is_cancelled():
    _, before = read([Slot(145, OPENS, CLOSES)], version=3)
    _, after = read([Slot(145, OPENS + DAY, CLOSES + DAY), Slot(146, OPENS, CLOSES, skipped=True)], version=5)

    uid = "wave-145@gelombang.example"
    assert after[uid]["sequence"] > before[uid]["sequence"]
    assert after[uid]["dtstart"].dt == OPENS + DAY
    assert str(after["wave-146@gelombang.example"]["status"]) == "CANCELLED"


def event(name: str, n: int, **facts: str | int | None) -> PublicEvent:
    return PublicEvent(f"id{n}", name, 145, T0 - n * DAY, facts)


def test_the_feed_is_valid_atom_with_the_newest_first():
    facts = {"opens_at": iso(OPENS), "closes_at": iso(CLOSES), "quota": 4, "note": None}
    settled = event("wave_settled", 0, **facts, chosen=3, results_url="https://results/draws/145")
    text = feeds.feed([settled, event("wave_open", 1, **facts), event("new & odd", 2)], "https://api", "g.example")
    root = Xml.fromstring(text)

    assert root.tag == f"{ATOM}feed"
    assert text.startswith('<?xml version="1.0" encoding="utf-8"?>\n')
    # RFC 4287, 4.1.1 and 4.1.2: what a feed and an entry must have, once.
    for element, required in [
        (root, ("id", "title", "updated", "author")),
        *((e, ("id", "title", "updated")) for e in root.iter(f"{ATOM}entry")),
    ]:
        assert all(len(element.findall(f"{ATOM}{name}")) == 1 for name in required)
    assert root.find(f"{ATOM}author/{ATOM}name").text == "Gelombang"
    assert root.find(f"{ATOM}link").attrib["rel"] == "self"
    assert root.find(f"{ATOM}updated").text == "2026-11-24T03:00:00Z"
    entries = root.findall(f"{ATOM}entry")
    assert [one.find(f"{ATOM}title").text for one in entries] == [
        "Hasil gelombang 145 / The results of wave 145",
        "Gelombang 145 dibuka / Wave 145 is open",
        "new & odd / new & odd",
    ]
    assert len({one.find(f"{ATOM}id").text for one in entries}) == 3
    assert entries[0].find(f"{ATOM}link").attrib["href"] == "https://results/draws/145"
    assert "Terpilih: 3 orang" in entries[0].find(f"{ATOM}content").text
    assert "Closes: Tuesday, 1 December 2026, 00:00 WIB" in entries[1].find(f"{ATOM}content").text


def test_the_feed_says_which_round_a_draw_waits_for_and_since_when():
    waiting = event("wave_waiting_for_beacon", 0, beacon_round=399712, beacon_due_at=iso(CLOSES))
    [entry] = Xml.fromstring(feeds.feed([waiting], "https://api", "g.example")).findall(f"{ATOM}entry")

    assert entry.find(f"{ATOM}title").text == (
        "Pengundian gelombang 145 menunggu angka acak publik / The draw of wave 145 waits for its public random number"
    )
    assert entry.find(f"{ATOM}content").text.split("\n") == [
        "Putaran angka acak yang ditunggu: 399712",
        "Seharusnya ada sejak: Selasa, 1 Desember 2026 pukul 00.00 WIB",
        "Round of the random beacon waited for: 399712",
        "Due since: Tuesday, 1 December 2026, 00:00 WIB",
    ]

    empty = Xml.fromstring(feeds.feed([], "https://api", "g.example"))
    assert empty.find(f"{ATOM}updated").text == "2026-01-01T00:00:00Z", "one in which nothing has happened is valid too"
