"""The step's announcements: each state once, before the next begins, and again after a failure."""

from __future__ import annotations

from contextlib import AbstractContextManager
from datetime import timedelta
from unittest import mock
from xml.etree import ElementTree as Xml

import pytest
from icalendar import Calendar

from chalicelib.clock import iso
from chalicelib.notices.announcements import event_id
from chalicelib.waves.rules import WaveState
from chalicelib.wiring import Services
from tests.builders.waves import CLOSES, FREEZES, OPENS, ROUND, WAVE, WavesWorld, joined
from tests.conftest import T0

SECOND = timedelta(seconds=1)


def mute(world: WavesWorld) -> AbstractContextManager[object]:
    """Let the topic be gone."""
    topic = world.stepper._announcements
    return mock.patch.object(topic, "_topic", topic._topic + "-gone")


def test_all_events_are_announced_in_order_and_the_note_before_its_round(world):
    joined(world)
    world.at(OPENS, FREEZES)
    events = world.heard()
    assert [event["event"] for event in events] == ["wave_open", "wave_closed", "wave_frozen"]
    assert events[2]["note"] == world.files(WAVE)["note.txt"].decode()
    world.at(ROUND)
    events = world.heard()
    assert [event["event"] for event in events] == ["wave_drawn", "wave_settled"]
    assert events[1] == {
        "v": 1,
        "id": event_id("wave_settled", WAVE),
        "at": iso(ROUND),
        "event": "wave_settled",
        "wave": WAVE,
        "opens_at": "2026-11-27T05:00:00Z",
        "closes_at": "2026-11-30T17:00:00Z",
        "quota": 4,
        "chosen": 4,
        "note": world.files(WAVE)["note.txt"].decode(),
        "results_url": f"{world.settings.results_url}/draws/{WAVE}/",
    }
    world.step()
    assert world.heard() == []


def test_the_coming_close_is_announced_once_and_never_after_the_close(world):
    """Five seconds before, on the test's stage."""
    joined(world)
    for now in (OPENS, CLOSES - 6 * SECOND):
        world.at(now)
    assert [event["event"] for event in world.heard()] == ["wave_open"]
    for now in (CLOSES - 5 * SECOND, CLOSES - 4 * SECOND):
        world.at(now)
    [event] = world.heard()
    assert (event["event"], event["closes_at"]) == ("wave_closing_soon", iso(CLOSES))
    world.at(CLOSES)
    assert [event["event"] for event in world.heard()] == ["wave_closed"]
    # No trigger came in the last five seconds of the next wave.
    world.at(OPENS + timedelta(days=14), CLOSES + timedelta(days=14))
    assert [event["event"] for event in world.heard() if event["wave"] == WAVE + 1] == ["wave_open", "wave_closed"]


def test_a_failed_announcement_is_made_by_the_next_step(world):
    world.step()
    world.clock.now = OPENS
    with mute(world), pytest.raises(ExceptionGroup):
        world.step()
    assert world.store.wave(WAVE).state is WaveState.OPEN
    assert world.step() == []
    assert [event["event"] for event in world.heard()] == ["wave_open"]


def test_a_note_announced_after_its_round_rings(world, caplog):
    joined(world)
    world.at(OPENS)
    with mute(world), pytest.raises(ExceptionGroup):
        world.at(CLOSES)
    world.at(FREEZES)
    assert "note_announced_late" not in caplog.text
    world.forget()
    world.clock.now = T0
    joined(world)
    world.at(OPENS, CLOSES)
    with mute(world), pytest.raises(ExceptionGroup):
        world.at(FREEZES)
    world.at(ROUND)
    assert "note_announced_late" in caplog.text
    assert world.store.wave(WAVE).state is WaveState.SETTLED


ATOM = "{http://www.w3.org/2005/Atom}"


@pytest.fixture
def frozen(world: WavesWorld) -> WavesWorld:
    joined(world)
    world.at(OPENS)
    world.heard()
    world.at(FREEZES)
    assert world.clock.now < ROUND
    return world


@pytest.fixture
def note(frozen: WavesWorld) -> str:
    """The note as the public reads it."""
    return frozen.files(WAVE)["note.txt"].decode()


@pytest.fixture
def services(frozen: WavesWorld) -> Services:
    return Services(frozen.settings, frozen.programme, clock=lambda: frozen.clock.now)


def test_the_feed_has_the_note_in_both_languages(services, note):
    [entry] = [
        one
        for one in Xml.fromstring(services.feed()).iter(f"{ATOM}entry")
        if one.find(f"{ATOM}category").attrib["term"] == "wave_frozen"
    ]
    text = entry.find(f"{ATOM}content").text
    assert f"Komitmen:\n{note}" in text
    assert f"Commitment:\n{note}" in text
    assert entry.find(f"{ATOM}link").attrib["href"].endswith(f"/draws/{WAVE}/")


def test_the_calendar_has_the_note_of_its_wave_only(services, note):
    events = {
        str(one["uid"]): str(one["description"]) for one in Calendar.from_ical(services.agenda(FREEZES)).walk("VEVENT")
    }
    described = events.pop(f"wave-{WAVE}@gelombang.example")
    assert described.endswith(f"\n{note}")
    assert events
    assert not any("gelombang/draw/1" in text for text in events.values())


def test_the_note_is_published_before_it_is_announced(frozen, note):
    assert frozen.store.wave(WAVE).note == note
    assert frozen.publication.note(WAVE).published_at < ROUND
