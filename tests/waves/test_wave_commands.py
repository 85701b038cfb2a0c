"""`gelombang wave` on the real services."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import Result
from msgspec.structs import replace

from admin.commands import wave
from admin.deployment import stages
from chalicelib.waves.calendar import Changes
from chalicelib.waves.rules import commitment
from chalicelib.waves.wire import WAITS_AFTER
from tests.builders.commands import Terminal
from tests.builders.waves import CLOSES, FREEZES, OPENS, ROUND, WavesWorld


class WaveTerminal(Terminal):
    """Gives a reason to the commands that ask for one."""

    def run(self, *words: str, **options: Any) -> Result:
        reason = () if words[0] in {"list", "show"} else ("--reason", "trial")
        return super().run(*words, *reason, **options)


terminal = WaveTerminal("wave")


@pytest.fixture(autouse=True)
def stage(world: WavesWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    def load(name: str) -> SimpleNamespace:
        assert name == "test"
        return SimpleNamespace(services=SimpleNamespace(waves=world.wired().waves))

    monkeypatch.setattr(stages, "load", load)
    monkeypatch.setattr(stages, "caller", lambda: "arn:aws:iam::123456789012:user/ani")
    monkeypatch.setattr(wave, "utc_now", lambda: world.clock.now)


def test_a_wave_that_is_added_is_listed_and_shown():
    times = ("--opens-at", "2026-11-25T12:00:00+07:00", "--closes-at", "2026-11-25T05:02:00Z")
    added = terminal.found("add", *times, "--quota", "5")
    assert added["wave"] == 100001
    listed = terminal.told("list")
    heads = "wave state opens at closes at quota reserved entries chosen"
    assert listed[0].split() == heads.split()
    instants = "Wed 2026-11-25 12:00:00 WIB  Wed 2026-11-25 12:02:00 WIB"
    assert listed[1] == f"100001  SCHEDULED  {instants}      5         0  -        -"
    assert terminal.told("show", "100001")[:4] == [
        "wave           100001",
        "state          SCHEDULED",
        "opens at       Wed 2026-11-25 12:00:00 WIB",
        "closes at      Wed 2026-11-25 12:02:00 WIB",
    ]
    assert terminal.found("show", "100001") == added


def test_an_added_wave_may_name_a_scheme_that_the_stage_runs():
    times = ("--opens-at", "2026-11-25T12:00:00+07:00", "--closes-at", "2026-11-25T05:02:00Z")
    assert terminal.run("add", *times, "--scheme", "2031").stderr == (
        "Error: There is no scheme 2031; there are 2020, 2023. (unknown_scheme)\n"
    )
    added = terminal.found("add", *times, "--scheme", "2020")
    assert (added["wave"], added["scheme"]) == (100001, "2020")
    assert added["changes"][0]["about"].endswith("scheme 2020")
    later = ("--opens-at", "2026-11-25T13:00:00+07:00", "--closes-at", "2026-11-25T14:00:00+07:00")
    assert terminal.found("move", "100001", *later)["scheme"] == "2020", "a wave that is moved keeps it"
    assert terminal.found("show", "145")["scheme"] == "2023"


def test_waves_are_moved_skipped_and_resized(world):
    moved = ["--opens-at", "2026-11-28T12:00:00+07:00", "--closes-at", "2026-11-29T12:00:00+07:00"]
    assert terminal.found("move", "145", *moved)["opens_at"] == "2026-11-28T05:00:00Z"
    assert terminal.found("skip", "146")["state"] == "SKIPPED"
    seats = ["--quota", "9", "--reserved", "3", "--weight", "31", "2", "--weight", "32", "1"]
    resized = terminal.found("resize", "147", *seats)
    assert [resized[name] for name in ("quota", "reserved", "weights")] == [9, 3, {"31": 2, "32": 1}]
    assert terminal.found("show", "147") == resized
    states = [(one["wave"], one["state"]) for one in terminal.found("list")]
    assert states == [(145, "SCHEDULED"), (146, "SKIPPED"), (147, "SCHEDULED"), (148, "SCHEDULED")]
    exceptions = world.store.changes()[1].waves
    assert [(one.number, one.skipped, one.quota) for one in exceptions] == [
        (145, False, None),
        (146, True, None),
        (147, False, 9),
    ]
    assert (exceptions[2].reserved, exceptions[2].weights) == (3, {31: 2, 32: 1})


def test_an_open_wave_is_extended_and_waves_are_paused_resumed_and_ended(world):
    world.at(OPENS)
    longer = terminal.found("extend", "145", "--closes-at", "2026-12-02T00:00:00+07:00")
    assert (longer["state"], longer["closes_at"]) == ("OPEN", "2026-12-01T17:00:00Z")
    until = ["--until", "2027-01-08T12:00:00+07:00"]
    halted = [(one["wave"], one["state"]) for one in terminal.found("pause", *until)]
    assert halted == [(146, "SKIPPED"), (147, "SKIPPED"), (148, "SCHEDULED"), (149, "SCHEDULED"), (150, "SCHEDULED")]
    back = terminal.found("resume", "--at", "2026-12-20T00:00:00+07:00")
    assert [(one["wave"], one["state"]) for one in back][:2] == [(146, "SKIPPED"), (147, "SCHEDULED")]
    ended = terminal.found("end", "--on", "2026-12-31")
    assert [one["wave"] for one in ended if one["state"] == "SCHEDULED"] == [147]
    assert [terminal.run("resume").exit_code for _ in range(2)] == [0, 1], "the second finds no pause"
    world.clock.now = OPENS + timedelta(days=60)  # the end has come, and four waves since
    later = [one["wave"] for one in terminal.found("end", "--on", "2027-02-28") if one["state"] == "SCHEDULED"]
    assert later == [150, 151]
    withdrawn = [one["wave"] for one in terminal.found("end", "--withdraw") if one["state"] == "SCHEDULED"]
    assert withdrawn == [150, 151, 152]
    assert [terminal.run("end", *words).exit_code for words in ((), ("--withdraw", "--on", "2027-01-01"))] == [2, 2]
    assert terminal.run("show", "149").exit_code == 1, "it never took place"


@pytest.mark.parametrize(
    ("words", "refusal"),
    [
        (("show", "100000"), "unknown_wave"),
        (("show", "9" * 40), "unknown_wave"),
        (("skip", "100000"), "unknown_wave"),
        (("extend", "100000", "--closes-at", "2026-12-02T00:00:00+07:00"), "wave_not_open"),
        (("end", "--on", "9999-12-31"), "bad_wave_plan"),
        (("pause", "--until", "9999-12-31T23:00:00Z"), "bad_wave_plan"),
        (("pause", "--until", "9999-12-31T23:00:00-07:00"), "is no instant"),
        (("pause", "--from", "0001-01-01T00:00:00+07:00"), "is no instant"),
    ],
)
def test_numbers_and_instants_out_of_this_world_are_refused(world, words, refusal):
    calendar = replace(world.programme.calendar, every_days=30)
    world.restart(programme=replace(world.programme, calendar=calendar))
    result = terminal.run(*words)
    assert result.exit_code in (1, 2)
    assert refusal in result.stderr
    assert world.store.changes() == (0, Changes())


def test_a_refusal_is_one_line_with_its_code(world):
    world.clock.now = OPENS
    result = terminal.run("skip", "145")
    assert result.exit_code == 1
    assert result.output == (
        "Error: Wave 145 opens at Fri 2026-11-27 12:00:00 WIB; "
        "only openings from Fri 2026-11-27 12:00:07 WIB on can still be changed. "
        "(calendar_change_too_late); change a later wave, or add one: `gelombang wave add`\n"
    )


@pytest.mark.parametrize("instant", ["2026-11-28T12:00:00", "Friday", ""])
def test_an_instant_without_a_time_zone_is_refused(world, instant):
    result = terminal.run("move", "145", "--opens-at", instant, "--closes-at", "2026-11-29T12:00:00Z")
    assert result.exit_code == 2
    assert world.store.changes() == (0, Changes())


def test_a_wave_that_waits_for_its_random_number_says_so(world):
    world.at(OPENS, CLOSES, FREEZES)
    shown = terminal.found("show", "145")
    assert shown["beacon_round"] == str(commitment(world.store.wave(145)).round)
    assert (shown["beacon_due_at"], shown["waiting_for"]) == ("2026-11-30T17:00:22Z", None)
    world.beacons.silent = True
    world.at(ROUND + WAITS_AFTER)
    assert terminal.found("show", "145")["waiting_for"] == "beacon"
