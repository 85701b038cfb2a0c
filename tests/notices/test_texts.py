"""The texts of all mails in both languages; the calendar of waves and the feed of announcements, read back."""

from __future__ import annotations

import re
import tomllib
from datetime import UTC, datetime, timedelta
from itertools import product
from pathlib import Path
from xml.etree import ElementTree as Xml

import pytest
from icalendar import Calendar

from chalicelib.clock import iso
from chalicelib.notices import feeds, rules, texts
from chalicelib.notices.announcements import PublicEvent
from chalicelib.notices.feeds import Slot
from chalicelib.notices.rules import NEEDS, Kind, Mailbox, Notice, NoticeState, withheld
from chalicelib.payouts.rules import Kind as Purpose
from chalicelib.waves.rules import NOT_DRAWN, EntryOutcome
from tests.conftest import ROOT, T0

VALUES = {
    "wave": [60],
    "training_idr": [3_500_000, 0],
    "amount_idr": [600_000, 0],
    "buy_by": ["2026-12-08T17:00:00Z"],
    "closes_at": ["2026-12-20T17:00:00Z"],
    "next_opens_at": ["2026-12-11T05:00:00Z"],
    "for": [kind.value for kind in Purpose],
    "pay_from_at": ["2026-12-11T05:00:00Z"],
    "what": ["name", "phone"],
    "change": ["contact_added", "contact_removed", "passkey_added", "passkey_removed", "recovered"],
    "device": ["phone", "computer", "tablet", "other"],
    "signed_in_at": ["2026-12-11T05:00:00Z"],
    "takes_effect_at": ["2026-12-11T05:00:00Z"],
    "tries": [3],
    "removed_days": [7],
    "days": [30],
    "news": ["passes", "contested", "passed", "stays"],
    "stays": ["", "nik", "nik exclusion", "recent_corrections_of_nik"],
    "passes_at": ["2026-12-11T05:00:00Z"],
    "number": ["k7qx-2m4a-abcd-23yz"],
}
REASONS = {
    Kind.NOT_CHOSEN: [NOT_DRAWN, *(outcome.value for outcome in EntryOutcome if outcome is not EntryOutcome.CHOSEN)],
    Kind.ACCOUNT_DELETING: ["asked", "unused"],
    Kind.ACCOUNT_KEPT: ["selection", "payment", "instalments", "reconciliation"],
    Kind.PAYMENT_FAILED: ["no_address", "unverified", "account_refused", "cancelled", "reversed"],
}


def notice(kind: Kind, facts: dict[str, str | int]) -> Notice:
    rules.check(kind, facts)
    return Notice("person", "event", kind, facts, NoticeState.QUEUED, T0, T0)


def every_notice(kind: Kind) -> list[Notice]:
    no_deadline = {"buy_by": [*VALUES["buy_by"], ""]} if kind is Kind.CHOSEN else {}
    values = VALUES | {"reason": REASONS.get(kind, [])} | no_deadline
    names = sorted(NEEDS[kind])
    return [notice(kind, dict(zip(names, each, strict=True))) for each in product(*(values[name] for name in names))]


@pytest.mark.parametrize("kind", Kind)
def test_every_kind_reads_well_in_both_languages_whatever_the_facts(kind: Kind):
    for one in every_notice(kind):
        indonesian, english = texts.mail_text(one, "id", T0, None), texts.mail_text(one, "en", T0, None)
        assert indonesian.body.startswith("Halo,\n\n")
        assert english.body.startswith("Hello,\n\n")
        for written in (indonesian, english):
            assert "{" not in written.subject + written.body
            assert "  " not in written.body
            assert 10 < len(written.subject) < 70
            assert len(written.body.split()) < 140 + 32 * len(str(one.facts.get("stays", "")).split())
            assert re.search(r"\d{4}-\d{2}|T\d{2}:|\d{7}", written.body) is None, "a raw fact"


def test_the_file_has_a_text_for_every_kind_and_none_for_anything_else():
    written = tomllib.loads(Path(ROOT / "chalicelib/notices/mails.toml").read_text())

    assert set(written) == {kind.value for kind in Kind} | {
        "frame",
        "for",
        "reward",
        "start",
        "next",
        "news",
        "what",
        "change",
        "device",
    }
    assert all(set(each) == {"id", "en"} for each in written.values())


def test_a_reminder_ends_with_its_unsubscribe_link():
    reminder = notice(Kind.PURCHASE_DEADLINE, {"buy_by": "2026-12-08T17:00:00Z"})

    assert texts.mail_text(reminder, "en", T0, "https://api/unsubscriptions/x").body.endswith(
        "No more reminders? Open https://api/unsubscriptions/x\nResults and news of payments will still reach you.\n"
    )


def test_a_voluntary_survey_promises_no_money():
    facts: dict[str, str | int] = {"closes_at": "2026-12-20T17:00:00Z", "amount_idr": 0}

    assert "Rp" not in texts.mail_text(notice(Kind.SURVEY_OPEN, facts), "id", T0, None).body
    assert "Rp50.000" in texts.mail_text(notice(Kind.SURVEY_OPEN, facts | {"amount_idr": 50_000}), "id", T0, None).body


def test_a_day_that_ends_at_midnight_in_wib_ends_at_2359_for_people():
    midnight = datetime(2026, 12, 8, 17, tzinfo=UTC)

    assert texts.last_minute(midnight, "id") == "Selasa, 8 Desember 2026 pukul 23.59 WIB"
    assert texts.last_minute(midnight, "en") == "Tuesday, 8 December 2026, 23:59 WIB"
    assert texts.long_time(midnight, "id") == "Rabu, 9 Desember 2026 pukul 00.00 WIB"


@pytest.mark.parametrize(
    ("hour", "days"), [(0, 5), (1, 5), (23, 5), (24, 4), (24 * 4 + 1, 1), (24 * 5, 0), (24 * 6, 0)]
)
def test_a_day_that_has_begun_counts_as_left(hour: int, days: int):
    deadline = datetime(2026, 12, 6, tzinfo=UTC)
    now = datetime(2026, 12, 1, tzinfo=UTC).timestamp() + hour * 3600

    assert texts.days_left(deadline, datetime.fromtimestamp(now, UTC)) == days


@pytest.mark.parametrize(
    ("kind", "mailbox", "expected"),
    [
        (Kind.CHOSEN, Mailbox(), None),
        (Kind.CHOSEN, Mailbox(unsubscribed_at=T0), None),
        (Kind.PURCHASE_DEADLINE, Mailbox(), None),
        (Kind.PURCHASE_DEADLINE, Mailbox(unsubscribed_at=T0), NoticeState.UNSUBSCRIBED),
        (Kind.SURVEY_OPEN, Mailbox(unsubscribed_at=T0), NoticeState.UNSUBSCRIBED),
        (Kind.SURVEY_OPEN, Mailbox(refused_kinds=frozenset({"survey_open"})), NoticeState.UNSUBSCRIBED),
        (Kind.SURVEY_DEADLINE, Mailbox(refused_kinds=frozenset({"survey_open"})), None),
        (Kind.REVOKED, Mailbox(unsubscribed_at=T0), None),
        (Kind.PAYMENT_FAILED, Mailbox(unsubscribed_at=T0), None),
        (Kind.GRIEVANCE_ANSWERED, Mailbox(unsubscribed_at=T0), None),
    ],
)
def test_only_reminders_can_be_refused(kind, mailbox, expected):
    assert withheld(every_notice(kind)[0], mailbox, T0) is expected


def test_only_unfinished_states_can_change():
    assert set(rules.NEXT) == {NoticeState.QUEUED, NoticeState.SENDING}
    assert NoticeState.SENDING not in rules.NEXT[NoticeState.SENDING], "of two consumers one claims"


OPENS = datetime(2026, 11, 27, 5, tzinfo=UTC)
CLOSES = datetime(2026, 11, 30, 17, tzinfo=UTC)
DAY = timedelta(days=1)
ATOM = "{http://www.w3.org/2005/Atom}"


def read(slots: list[Slot]) -> tuple[Calendar, dict[str, object]]:
    text = feeds.calendar(slots, 3, T0, "Gelombang <kabar@gelombang.example>", "https://api")
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


def test_a_deletion_that_was_told_before_mails_said_what_stays_is_mailed():
    facts: dict[str, str | int] = {"takes_effect_at": "2026-12-04T00:00:00Z", "reason": "asked"}
    kept = Notice("person", "event", Kind.ACCOUNT_DELETING, facts, NoticeState.QUEUED, T0, T0)
    body = texts.mail_text(kept, "en", T0, "https://api/x").body
    assert "https://api/x" in body
    assert "{" not in body
