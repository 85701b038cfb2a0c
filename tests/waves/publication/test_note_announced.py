"""The commitment of a draw is announced at the freeze by every channel there is, byte for byte."""

from __future__ import annotations

from xml.etree import ElementTree as Xml

import pytest
from icalendar import Calendar

from chalicelib.wiring import Services
from tests.builders.waves import FREEZES, OPENS, ROUND, WAVE, WavesWorld, joined

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


def test_the_topic_has_the_note(frozen, note):
    [event] = [one for one in frozen.heard() if one["event"] == "wave_frozen"]
    assert event["note"] == note


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


def test_the_calendar_has_the_note_and_for_the_other_waves_none(services, note):
    events = {
        str(one["uid"]): str(one["description"]) for one in Calendar.from_ical(services.agenda(FREEZES)).walk("VEVENT")
    }
    described = events.pop(f"wave-{WAVE}@gelombang.example")
    assert described.endswith(f"\n{note}")
    assert events
    assert not any("gelombang/draw/1" in text for text in events.values())


def test_the_bucket_has_the_note_before_anything_is_told(frozen, note):
    assert frozen.store.wave(WAVE).note == note
    assert frozen.publication.note(WAVE).published_at < ROUND
