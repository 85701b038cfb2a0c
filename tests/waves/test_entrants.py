"""The entrants of a wave are asked about once more before its freeze."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime, timedelta

import pytest
from msgspec.structs import replace

from chalicelib.config import Programme, Settings
from chalicelib.registration.items import Profile, person_pk
from chalicelib.registration.rules import Verification
from chalicelib.registration.verifications import decode_message
from chalicelib.waves import entrants
from chalicelib.waves.entrants import AskedItem
from chalicelib.waves.rules import Entry, shard_of
from chalicelib.wiring import Services
from tests.builders.aws.calls import drained
from tests.builders.aws.rights import rights_of
from tests.builders.registration import other_form
from tests.builders.waves import CLOSES, OPENS, WAVE, WavesWorld
from tests.conftest import T0

BEFORE = CLOSES - timedelta(days=1)
PEOPLE = {"ani": "30", "budi": "ab", "citra": "cd", "dewi": "ef"}
IDS = {name: f"3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a{end}" for name, end in PEOPLE.items()}
NAMES = {who: name for name, who in IDS.items()}


class Stage:
    """A wave that is open, on a stage with a civil registry."""

    def __init__(self, world: WavesWorld, settings: Settings, programme: Programme) -> None:
        self.world = world
        figures = replace(programme.registry, persons_per_question=2)
        settings = replace(settings, registry_url="http://registry.invalid")
        self.services = Services(settings, replace(programme, registry=figures), lambda: world.clock.now)
        for number, who in enumerate(IDS.values(), 5):
            self.services.registrations.register(who, other_form(number), T0)
        self.queued()

    def join(self, *names: str, at: datetime = OPENS) -> None:
        for name in names:
            self.world.entries.join(Entry(WAVE, IDS[name], 31, b"t" * 32, at, "00"))

    def answered(self, name: str, at: datetime) -> None:
        item = Profile(person_pk(IDS[name]), "PROFILE")
        said = [Profile.verification.set(Verification.VERIFIED), Profile.verified_at.set(at)]
        item.update([*said, Profile.ask_from.remove(), Profile.unverified_shard.remove()])

    def sweeps(self, at: datetime, deadline_s: float = 300) -> list[str]:
        """Who is queued by a sweep."""
        with rights_of("sweep_registry"):
            self.services.registry_sweep.run(at, deadline_s)
        return self.queued()

    def queued(self) -> list[str]:
        bodies = [message["Body"] for message in drained(self.services.settings.registry_queue_url)]
        return sorted(NAMES[one.registrant_id] for body in bodies for one in decode_message(body))

    def marks(self) -> list[AskedItem]:
        return list(AskedItem.query(f"WAVE#{WAVE}", AskedItem.sk.startswith("ASKED#")))


@pytest.fixture
def stage(world: WavesWorld, cloud: Settings, programme: Programme) -> Iterator[Stage]:
    world.at(OPENS)
    return Stage(world, cloud, programme)


def test_who_waits_or_was_answered_long_ago_is_asked_about_before_the_close_and_nobody_twice(stage, monkeypatch):
    monkeypatch.setattr(stage.services.verifications, "waiting", lambda *_: iter(()))  # whom the sweep itself queues
    stage.join("ani", "budi", "citra")
    stage.answered("budi", BEFORE - timedelta(days=90))
    stage.answered("citra", BEFORE - timedelta(days=89))
    assert stage.sweeps(BEFORE - timedelta(seconds=1)) == []
    assert stage.sweeps(BEFORE) == ["ani", "budi"]
    assert stage.sweeps(BEFORE + timedelta(minutes=5)) == []
    stage.join("dewi", at=BEFORE + timedelta(hours=1))
    assert stage.sweeps(CLOSES) == ["dewi"], "who joined since"
    assert stage.sweeps(CLOSES + timedelta(minutes=5)) == []


def test_after_the_freeze_nobody_is_asked_about_any_more(stage, monkeypatch):
    monkeypatch.setattr(stage.services.verifications, "waiting", lambda *_: iter(()))
    stage.join("ani")
    stage.world.at(CLOSES, CLOSES + timedelta(hours=1))
    assert stage.world.store.wave(WAVE).note is not None
    assert stage.sweeps(CLOSES + timedelta(hours=1)) == []


def test_who_never_was_asked_about_is_enlisted(stage):
    stage.join("ani")
    never = [Profile.ask_from.remove(), Profile.unverified_shard.remove(), Profile.waits_since.remove()]
    Profile(person_pk(IDS["ani"]), "PROFILE").update(never)
    assert "ani" in stage.sweeps(BEFORE)
    assert Profile.get(person_pk(IDS["ani"]), "PROFILE").ask_from is not None


def test_a_walk_that_dies_between_any_two_calls_goes_on_and_leaves_out_nobody(stage, monkeypatch):
    monkeypatch.setattr(stage.services.verifications, "waiting", lambda *_: iter(()))
    monkeypatch.setattr(entrants, "PAGE", 1)
    monkeypatch.setattr("chalicelib.waves.entries.shard_of", lambda _: "07")
    stage.join(*IDS)
    asks = stage.services.verifications.ask
    monkeypatch.setattr(stage.services.verifications, "ask", lambda _: False)
    assert stage.sweeps(BEFORE) == []
    monkeypatch.setattr(stage.services.verifications, "ask", asks)
    update, calls, found = AskedItem.update, 0, list[str]()

    def dies(*given: object) -> object:
        nonlocal calls
        calls += 1
        if calls % 3 == 2:
            raise TimeoutError
        return update(*given)

    monkeypatch.setattr(AskedItem, "update", dies)
    for _ in range(100):
        try:
            found += stage.sweeps(BEFORE)
        except TimeoutError:
            found += stage.queued()
        else:
            break
    assert set(found) == set(IDS)
    assert all(mark.done and mark.after is None for mark in stage.marks())


def test_how_far_a_walk_is_names_nobody_where_ids_are_random(stage, monkeypatch):
    monkeypatch.setattr(entrants, "PAGE", 1)
    verifications = stage.services.verifications
    monkeypatch.setattr(verifications, "to_ask", lambda some, _: [(some[0], 1)] if some else [])
    stage.join("ani")
    entrants.Entrants(stage.world.store, verifications, timedelta(days=1)).queue(BEFORE, 0, 60, lambda: 0.0)
    assert stage.marks() == []
    verifications.together = 1
    entrants.Entrants(stage.world.store, verifications, timedelta(days=1)).queue(BEFORE, 1, 60, lambda: 0.0)
    [mark] = [one for one in stage.marks() if one.after]
    assert (mark.sk, mark.after) == (f"ASKED#1#{shard_of(IDS['ani'])}", "3f0c")


@pytest.mark.parametrize(
    ("past", "found"), [("", "3f0c"), ("3f0b", "3f0c"), ("3f0c", "3f0c9"), ("3f0c9f5e", "3f0c9f5e-")]
)
def test_a_walk_always_gets_on(past: str, found: str):
    assert entrants._beginning(IDS["ani"], past) == found
    assert entrants._beginning("ani", "") == "ani"
