"""Announcements: each event once and in order, on the topic and in the feed; and the calendar."""

from __future__ import annotations

from datetime import timedelta

import pytest
from icalendar import Calendar

from chalicelib.wiring import Services
from tests.builders.crashes import Crash, die
from tests.conftest import T0


def test_an_event_is_announced_once_and_repeated_only_after_a_crash(world, monkeypatch):
    announcements = world.stepper._announcements
    facts = {"opens_at": "2026-11-27T05:00:00Z", "closes_at": "2026-11-30T17:00:00Z", "quota": 4, "note": None}
    with monkeypatch.context() as patch:
        patch.setattr(announcements._store, "mark_published", lambda *_: die())
        with pytest.raises(Crash):
            announcements.publish("wave_open", 145, facts)
    for _ in range(3):
        announcements.publish("wave_open", 145, facts)
    world.clock.now += timedelta(milliseconds=1)
    announcements.publish("wave_closed", 145, facts)

    heard = world.heard()
    assert [each["event"] for each in heard] == ["wave_open", "wave_open", "wave_closed"]
    assert heard[0] == heard[1], "the same id, by which a subscriber knows it"
    assert [each.event for each in announcements._store.latest(50)] == ["wave_closed", "wave_open"]

    happened = ["wave_open", "wave_closing_soon", "wave_closed", "wave_frozen"]
    happened += ["wave_waiting_for_beacon", "wave_drawn", "wave_settled"]
    for wave in (146, 147):
        for event in happened:
            announcements.publish(event, wave, {})
        told = [each for each in announcements._store.latest(50) if each.wave == wave]
        assert [each.event for each in told] == happened[::-1], "of one late step too"


def test_the_calendar_follows_what_an_administrator_moves_and_skips(cloud, programme):
    services = Services(cloud, programme)

    def events() -> dict[str, dict]:
        found = {str(each["uid"]): each for each in Calendar.from_ical(services.agenda(T0)).walk("VEVENT")}
        return {uid.partition("@")[0]: each for uid, each in found.items()}

    before = events()
    first, second, third = list(before)[:3]
    day = timedelta(days=1)
    opens_at, closes_at = before[second]["dtstart"].dt + day, before[second]["dtend"].dt + day
    services.waves.move(int(second.removeprefix("wave-")), opens_at, closes_at, T0)
    services.waves.skip(int(third.removeprefix("wave-")), T0)
    after = events()

    assert (after[second]["dtstart"].dt, after[second]["dtend"].dt) == (opens_at, closes_at)
    assert {uid: str(each["status"]) for uid, each in after.items() if uid in before} == {
        uid: "CANCELLED" if uid == third else "CONFIRMED" for uid in before
    }
    assert after[first]["dtstart"].dt == before[first]["dtstart"].dt
    assert all(after[uid]["sequence"] > before[uid]["sequence"] for uid in before)
