"""A silent beacon: what the wait shows, that it is announced once, and `gelombang draw hand-in`."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from admin.deployment import stages
from chalicelib.clock import iso
from chalicelib.waves.rules import WaveState, commitment
from chalicelib.waves.wire import WAITS_AFTER, BeaconView
from local.sandbox.beacon import sign
from tests.builders.aws.calls import Call, wrap_calls
from tests.builders.commands import invoke
from tests.builders.waves import CLOSES, FREEZES, OPENS, ROUND, WAVE, WavesWorld, joined
from tests.waves.test_announced import mute

SECOND = timedelta(seconds=1)
TOLD_AFTER = timedelta(seconds=30)
"""On the test's stage."""


@pytest.fixture
def waiting(world: WavesWorld) -> WavesWorld:
    """A frozen wave, and relays that are silent."""
    joined(world)
    world.at(OPENS, FREEZES)
    world.beacons.silent = True
    assert world.heard()
    return world


def test_a_frozen_wave_shows_its_round_and_whether_the_draw_waits_for_it(waiting):
    view = waiting.wired().waves.get
    assert view(WAVE, CLOSES - SECOND).number == WAVE
    round_number = commitment(waiting.store.wave(WAVE)).round
    for now, waits in [
        (FREEZES, None),
        (ROUND, None),
        (ROUND + WAITS_AFTER - SECOND, None),
        (ROUND + WAITS_AFTER, "beacon"),
        (ROUND + timedelta(days=3), "beacon"),
    ]:
        waiting.at(now)
        found = view(WAVE, now)
        assert (found.state, found.beacon, found.waiting_for) == (
            WaveState.FROZEN,
            BeaconView(round_number, iso(ROUND)),
            waits,
        )
    waiting.beacons.silent = False
    waiting.step()
    found = waiting.wired().waves.get(WAVE, waiting.clock.now)
    assert (found.state, found.waiting_for) == (WaveState.SETTLED, None)
    assert found.beacon == BeaconView(round_number, iso(ROUND))


def test_before_the_freeze_there_is_no_round_to_show(world):
    joined(world)
    world.at(OPENS, CLOSES)
    found = world.waves.get(WAVE, CLOSES)
    assert (found.state, found.beacon, found.waiting_for) == (WaveState.CLOSED, None, None)


def test_a_long_wait_for_the_beacon_is_announced_once(waiting, caplog):
    for now in (ROUND, ROUND + TOLD_AFTER - SECOND):
        waiting.at(now)
        assert waiting.heard() == []
    for n in range(3):
        waiting.at(ROUND + TOLD_AFTER + n * timedelta(minutes=1))
    [event] = waiting.heard()
    record = waiting.store.wave(WAVE)
    assert event["event"] == "wave_waiting_for_beacon"
    assert (event["beacon_round"], event["beacon_due_at"]) == (commitment(record).round, iso(ROUND))
    assert event["note"] == record.note
    assert record.waiting_told
    assert record.state is WaveState.FROZEN
    assert [one.message for one in caplog.records if one.levelname == "ERROR"] == ["beacon_silent"]
    waiting.beacons.silent = False
    waiting.step()
    assert [event["event"] for event in waiting.heard()] == ["wave_drawn", "wave_settled"]


def test_a_short_wait_for_the_beacon_is_not_announced(waiting):
    waiting.at(ROUND + TOLD_AFTER - SECOND)
    waiting.beacons.silent = False
    waiting.at(ROUND + TOLD_AFTER)
    assert [event["event"] for event in waiting.heard()] == ["wave_drawn", "wave_settled"]


def test_a_step_that_dies_after_announcing_does_not_repeat_the_event(waiting, monkeypatch):
    with monkeypatch.context() as dying:
        dying.setattr(type(waiting.store), "waiting_told", lambda *_: (_ for _ in ()).throw(RuntimeError))
        with pytest.raises(ExceptionGroup):
            waiting.at(ROUND + TOLD_AFTER)
    assert not waiting.store.wave(WAVE).waiting_told
    waiting.at(ROUND + 2 * TOLD_AFTER)
    assert waiting.store.wave(WAVE).waiting_told
    [event] = waiting.heard()
    assert event["at"] == iso(ROUND + TOLD_AFTER)


def test_a_failed_announcement_of_a_wait_is_made_by_the_next_step(waiting):
    with mute(waiting), pytest.raises(ExceptionGroup):
        waiting.at(ROUND + TOLD_AFTER)
    waiting.step()
    assert [event["event"] for event in waiting.heard()] == ["wave_waiting_for_beacon"]


def test_a_waiting_wave_delays_no_other(waiting):
    """Two weeks later the beacon is still silent: the next wave opens, and is told of."""
    waiting.at(OPENS + timedelta(days=14))
    assert [event["event"] for event in waiting.heard()] == ["wave_waiting_for_beacon", "wave_open"]


def test_showing_the_awaited_round_needs_no_more_reads(world, monkeypatch):
    asked: list[str] = []

    def counting(call: Call) -> Call:
        def counted(client: Any, operation: str, parameters: Any) -> Any:
            asked.append(operation)
            return call(client, operation, parameters)

        return counted

    def listed(now: datetime) -> list[str | None]:
        asked.clear()
        return [view.waiting_for for view in world.wired().waves.list(now) if view.number == WAVE]

    joined(world)
    world.at(OPENS)
    wrap_calls(monkeypatch, counting)
    assert listed(OPENS) == [None]
    before = list(asked)
    world.beacons.silent = True
    world.at(FREEZES)
    assert listed(ROUND + WAITS_AFTER) == ["beacon"]
    assert asked == before


@pytest.fixture
def overdue(waiting, monkeypatch):
    """Its round is due by now."""
    assert waiting.at(ROUND) == []
    monkeypatch.setattr(stages, "load", lambda name: SimpleNamespace(services=waiting.wired()))
    return waiting


def hand_in(signature: bytes, wave: int = WAVE):
    return invoke(["draw", "hand-in", "--stage", "test", str(wave), signature.hex()])


def test_a_signature_entered_by_hand_draws_the_wave(overdue):
    round_number = commitment(overdue.store.wave(WAVE)).round
    result = hand_in(sign(round_number))
    assert result.exit_code == 0, result.output
    assert overdue.store.wave(WAVE).state is WaveState.FROZEN, "the next step draws"
    assert [one.state for one in overdue.step()] == [WaveState.DRAWN, WaveState.SETTLED]
    assert hand_in(sign(round_number)).exit_code == 0, "again changes nothing"
    assert overdue.store.wave(WAVE).state is WaveState.SETTLED


def test_any_other_signature_is_refused_and_changes_nothing(overdue):
    result = hand_in(sign(1))
    assert result.exit_code == 1
    assert "forged_beacon" in result.output
    assert overdue.store.wave(WAVE).state is WaveState.FROZEN


@pytest.mark.parametrize("forged", [b'{"signature": "' + b"00" * 48 + b'"}', b"[]", b"{", b'{"signature": 1}'])
def test_a_forged_file_in_the_bucket_draws_nothing(overdue, forged):
    overdue.publication.put(WAVE, {"beacon.json": forged})
    assert overdue.step() == []
    overdue.beacons.silent = False
    assert [one.state for one in overdue.step()] == [WaveState.DRAWN, WaveState.SETTLED]


def test_a_wave_that_is_not_frozen_accepts_no_signature(overdue):
    result = hand_in(sign(1), wave=WAVE + 1)
    assert (result.exit_code, "unknown_wave" in result.output) == (1, True)


def test_a_malformed_signature_is_a_usage_error():
    assert invoke(["draw", "hand-in", "--stage", "test", "54", "zz"]).exit_code == 2
