"""`gelombang wave` on the real services."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from admin.cli import main
from admin.commands import stage as stage_commands
from admin.commands import wave
from admin.deployment import stages
from chalicelib.waves.rules import commitment
from chalicelib.waves.wire import WAITS_AFTER
from tests.builders.waves import CLOSES, FREEZES, OPENS, ROUND, WavesWorld


@pytest.fixture(autouse=True)
def stage(world: WavesWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> SimpleNamespace:
        assert name == "test"
        return SimpleNamespace(services=SimpleNamespace(waves=world.wired().waves, stepper=world.stepper))

    monkeypatch.setattr(stages, "load", load)
    monkeypatch.setattr(stages, "caller", lambda: "arn:aws:iam::123456789012:user/ani")
    monkeypatch.setattr(wave, "utc_now", lambda: world.clock.now)


def run(*words: str) -> Result:
    reason = () if words[0] in {"list", "show", "advance"} else ("--reason", "trial")
    return CliRunner().invoke(main, ["wave", *words, "--stage", "test", *reason])


def lines(*words: str) -> list[str]:
    result = run(*words)
    assert result.exit_code == 0, result.output
    return [line.rstrip() for line in result.output.splitlines()]


def test_a_wave_that_is_added_is_listed_and_shown():
    times = ("--opens-at", "2026-11-25T12:00:00+07:00", "--closes-at", "2026-11-25T05:02:00Z")
    added = lines("add", *times, "--quota", "5")
    assert added == ["wave 100001 added"]
    listed = lines("list")
    assert listed[0].split() == ["wave", "state", "opens", "closes", "quota", "entries", "chosen"]
    assert listed[1] == "100001  SCHEDULED  2026-11-25 12:00  2026-11-25 12:02      5        -       -"
    assert lines("show", "100001")[:4] == [
        "wave     100001",
        "state    SCHEDULED",
        "opens    Wed 2026-11-25 12:00:00 WIB",
        "closes   Wed 2026-11-25 12:02:00 WIB",
    ]


def test_waves_are_moved_skipped_and_resized(world):
    moved = ["--opens-at", "2026-11-28T12:00:00+07:00", "--closes-at", "2026-11-29T12:00:00+07:00"]
    assert lines("move", "145", *moved) == ["wave 145 moved"]
    assert lines("skip", "146") == ["wave 146 skipped"]
    seats = ["--quota", "9", "--reserved", "3", "--weight", "31", "2", "--weight", "32", "1"]
    assert lines("resize", "147", *seats) == ["wave 147 resized"]
    _, exceptions = world.store.exceptions()
    assert [(one.number, one.skipped, one.quota) for one in exceptions] == [
        (145, False, None),
        (146, True, None),
        (147, False, 9),
    ]
    assert (exceptions[2].reserved, exceptions[2].weights) == (3, {31: 2, 32: 1})


def test_a_refusal_is_one_line_with_its_code(world):
    world.clock.now = OPENS
    result = run("skip", "145")
    assert result.exit_code == 1
    assert result.output == (
        "Error: Wave 145 opens at 2026-11-27T05:00:00Z; "
        "only openings from 2026-11-27T05:00:07Z on can still be changed. "
        "(calendar_change_too_late)\n"
    )


@pytest.mark.parametrize("instant", ["2026-11-28T12:00:00", "Friday", ""])
def test_an_instant_without_a_time_zone_is_refused(world, instant):
    result = run("move", "145", "--opens-at", instant, "--closes-at", "2026-11-29T12:00:00Z")
    assert result.exit_code == 2
    assert world.store.exceptions() == (0, ())


def test_a_wave_is_advanced_by_hand(world):
    assert lines("advance") == ["nothing was due"]
    for now, said in ((OPENS, "OPEN"), (CLOSES, "CLOSED"), (FREEZES, "FROZEN")):
        world.clock.now = now
        assert lines("advance") == [f"wave 145 is {said}"]
    world.clock.now = ROUND
    assert lines("advance") == ["wave 145 is DRAWN", "wave 145 is SETTLED"]
    assert lines("show", "145")[-1] == f"results  {world.settings.results_url}/draws/145/"


def test_a_wave_that_waits_for_its_random_number_says_so(world):
    world.at(OPENS, CLOSES, FREEZES)
    shown = f"beacon   round {commitment(world.store.wave(145)).round}, due Tue 2026-12-01 00:00:22 WIB"
    assert lines("show", "145")[-2] == shown
    world.beacons.silent = True
    world.at(ROUND + WAITS_AFTER)
    assert lines("show", "145")[-2] == f"{shown}, and it is waited for"


def test_an_unforeseen_error_is_one_line_too(world, monkeypatch):
    def broken(*_):
        raise ZeroDivisionError("no seats")

    monkeypatch.setattr(world.stepper, "_open", broken)
    world.clock.now = OPENS
    result = run("advance")
    assert (result.exit_code, result.output) == (
        1,
        "Error: waves that could not go on: ZeroDivisionError: no seats\n",
    )


def test_wave_advance_can_invoke_the_deployed_function(monkeypatch):
    fired = []
    monkeypatch.setattr(stage_commands, "fire", lambda stage, function: fired.append((stage, function)))
    assert lines("advance", "--deployed") == ["advanced by the stage's own function"]
    assert fired == [("test", "advance")]
