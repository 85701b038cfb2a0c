"""A wave keeps the scheme that was named for it, or that it opened with, for whoever gets one of its seats."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from chalicelib.config import Programme, Settings
from chalicelib.draw.note import round_time
from chalicelib.waves.rules import commitment
from tests.builders.waves import WavesWorld
from tests.conftest import T0

NAMES = [f"person-{n}" for n in range(6)]
OPENS = T0 + timedelta(hours=1)
CLOSES = OPENS + timedelta(hours=1)


@pytest.mark.parametrize("ahead_from", [1, 100], ids=["by the queue", "by the walk"])
@pytest.mark.parametrize(("named", "scheme"), [("2020", "2020"), ("", "2023")])
def test_people_of_a_wave_get_its_scheme_whatever_the_programme_says_later(
    cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch, ahead_from: int, named: str, scheme: str
) -> None:
    awards = msgspec.structs.replace(programme.draw.awards, batch=2, ahead_from=ahead_from)
    figures = msgspec.structs.replace(programme, draw=msgspec.structs.replace(programme.draw, awards=awards))
    world = WavesWorld(cloud, figures, T0, monkeypatch)
    world.step()
    number = world.waves.add(OPENS, CLOSES, 4, T0, scheme=named or None)
    world.at(OPENS)
    newest = msgspec.structs.replace(figures.schemes[-1], version="2030")
    world.programme = msgspec.structs.replace(figures, schemes=(newest, *figures.schemes))
    world.restart()
    world.join(*NAMES)
    world.at(CLOSES, CLOSES + timedelta(seconds=figures.draw.freeze_delay_s))
    wave = world.store.wave(number)
    assert wave is not None
    drawn = round_time(figures.draw.pinned, commitment(wave).round)
    world.at(drawn)
    bodies = world.queued_awards()
    assert bool(bodies) == (ahead_from == 1)
    world.take_awards(*bodies)
    world.at(drawn + timedelta(seconds=1))
    first = {one.registrant_id: one for one in world.waves.beneficiaries.of_many(NAMES)}
    assert {one.scheme for one in first.values()} == {scheme}
    assert len(first) == 4
    world.expire(max(one.buy_by for one in first.values()))
    successors = [one for one in world.waves.beneficiaries.of_many(NAMES) if one.registrant_id not in first]
    assert [one.scheme for one in successors] == [scheme, scheme]
    assert world.waves.scheme(number, world.clock.now) == scheme


def test_a_wave_does_not_open_with_a_scheme_that_the_release_does_not_know(world: WavesWorld) -> None:
    """Nobody who is chosen in it could be awarded."""
    world.step()
    older = world.programme
    newer = msgspec.structs.replace(older.schemes[-1], version="2031")
    figures = msgspec.structs.replace(older, schemes=(newer, *older.schemes))
    world.restart(programme=figures)
    number = world.waves.add(OPENS, CLOSES, 4, T0, scheme="2031")
    world.restart(programme=older)
    world.at(OPENS)
    assert world.store.wave(number) is None
    world.restart(programme=figures)
    world.at(OPENS + timedelta(minutes=1))
    wave = world.store.wave(number)
    assert wave is not None
    assert wave.scheme == "2031"
