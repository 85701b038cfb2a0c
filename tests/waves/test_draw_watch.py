"""`gelombang draw watch`: the progress of a wave until its seats are settled."""

from __future__ import annotations

import json
import time
from types import SimpleNamespace

import msgspec
import pytest
from botocore.exceptions import EndpointConnectionError
from click.testing import Result

from admin.commands.draws import watch
from admin.deployment import stages
from chalicelib.config import Programme, Settings
from tests.builders.commands import invoke
from tests.builders.waves import CLOSES, FREEZES, OPENS, ROUND, WAVE, WavesWorld
from tests.conftest import T0

NAMES = [f"person-{n}" for n in range(12)]


@pytest.fixture
def world(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> WavesWorld:
    """Eight of twelve win; they go over the queue in batches of three. `load` finds this world as a stage."""
    awards = msgspec.structs.replace(programme.draw.awards, batch=3, ahead_from=2)
    figures = msgspec.structs.replace(programme, draw=msgspec.structs.replace(programme.draw, awards=awards))
    world = WavesWorld(cloud, figures, T0, monkeypatch)
    watching = world.services.watching
    monkeypatch.setattr(stages, "load", lambda _: SimpleNamespace(services=SimpleNamespace(watching=watching)))
    world.step()
    world.waves.resize(WAVE, 8, 0, {}, T0)
    return world


def run(*words: str) -> Result:
    return invoke(["draw", "watch", str(WAVE), "--stage", "test", *words])


def once() -> str:
    result = run("--once")
    assert result.exit_code == 0, result.output
    return result.output.removesuffix("\n")


def test_one_line_shows_the_progress_of_a_wave(world):
    world.at(OPENS)
    world.join(*NAMES)
    assert once() == "wave 145 OPEN screened=0/64 entries=- seats=8 batches=- decided=0 chosen=0 substitutions=-"
    world.at(CLOSES)
    assert once().startswith("wave 145 CLOSED screened=0/64 entries=- ")
    world.at(FREEZES)
    assert once() == "wave 145 FROZEN screened=64/64 entries=12 seats=8 batches=- decided=0 chosen=0 substitutions=-"
    world.at(ROUND)
    assert once() == "wave 145 DRAWN screened=64/64 entries=12 seats=8 batches=0/3 decided=0 chosen=0 substitutions=-"
    bodies = world.queued_awards()
    winner = msgspec.json.decode(bodies[0])["people"][0]
    world.people.excluded.add(winner)
    world.take_awards(bodies[0])
    decided = len(msgspec.json.decode(bodies[0])["people"])
    assert once().endswith(f"batches=1/3 decided={decided} chosen={decided - 1} substitutions=-")
    world.take_awards(*bodies[1:])
    assert once().endswith("batches=3/3 decided=8 chosen=7 substitutions=-")
    world.step()
    assert once() == "wave 145 SETTLED screened=64/64 entries=12 seats=8 batches=3/3 decided=8 chosen=8 substitutions=1"


def test_a_program_is_told_the_same(world):
    world.at(OPENS)
    told = json.loads(run("--once", "--json").stdout)
    assert [told[name] for name in ("wave", "state", "screened", "shards", "entries")] == [145, "OPEN", 0, 64, None]


def test_each_change_is_printed_once_until_the_wave_is_settled(world, monkeypatch):
    world.at(OPENS)
    world.join(*NAMES)
    steps = iter(
        [
            lambda: None,
            lambda: world.at(CLOSES),
            lambda: world.at(FREEZES),
            lambda: None,
            lambda: world.at(ROUND),
            lambda: world.take_awards(*world.queued_awards()),
            lambda: world.step(),
        ]
    )
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        next(steps)()

    monkeypatch.setattr(watch.time, "sleep", wait)
    result = run("--every", "0.5")
    assert result.exit_code == 0
    states = [line.split()[2] for line in result.output.splitlines()]
    assert states == ["OPEN", "CLOSED", "FROZEN", "DRAWN", "DRAWN", "SETTLED"]
    assert waited == [0.5] * 7


def test_on_a_terminal_bars_are_shown_and_the_result_stays(world, monkeypatch):
    world.at(OPENS)
    world.join(*NAMES)
    world.at(CLOSES, FREEZES, ROUND)
    monkeypatch.setenv("FORCE_COLOR", "1")
    monkeypatch.setenv("TERM", "xterm-256color")

    def end(_: float) -> None:
        world.take_awards(*world.queued_awards())
        world.step()

    monkeypatch.setattr(watch, "time", SimpleNamespace(sleep=end, monotonic=time.monotonic))
    result = run()
    assert result.exit_code == 0, result.output
    assert "wave 145 DRAWN: screened" in result.output
    assert "seats taken, 12 entries" in result.output
    assert result.output.splitlines()[-1].endswith("batches=3/3 decided=8 chosen=8 substitutions=0")


def test_stopping_the_watch_gives_no_traceback(world, monkeypatch):
    world.at(OPENS)

    def stop(_: float) -> None:
        raise KeyboardInterrupt

    monkeypatch.setattr(watch.time, "sleep", stop)
    result = run()
    assert result.exit_code == watch.LEFT
    assert result.stderr == "\nno longer watched; wave 145 goes on by itself\n"


def test_a_passing_error_of_aws_does_not_end_the_watch_but_a_lasting_one_does(world, monkeypatch):
    world.at(OPENS)
    seen = world.store.wave
    answers = iter([EndpointConnectionError(endpoint_url="https://dynamodb"), None, PermissionError("for good")])

    def troubled(number: int) -> object:
        if trouble := next(answers):
            raise trouble
        return seen(number)

    monkeypatch.setattr(world.store, "wave", troubled)
    monkeypatch.setattr(watch.time, "sleep", lambda _: None)
    result = run()
    assert [line.split()[2] for line in result.stdout.splitlines() if line.startswith("wave")] == ["OPEN"]
    assert (result.exit_code, "Something went wrong on our side" in result.stderr) == (1, True)


def test_a_wave_that_has_not_opened_is_refused(world):
    result = run("--once")
    assert (result.exit_code, result.output) == (
        1,
        "Error: There is no wave 145. (unknown_wave); `gelombang wave list` shows those there are\n",
    )
