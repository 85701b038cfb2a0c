"""`gelombang draw hand-in`: a signature from anyone, when no relay answers."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from click.testing import CliRunner

from admin.cli import main
from admin.commands import draw
from admin.deployment import stages
from chalicelib.waves.publication.draw_run import HandedIn
from chalicelib.waves.rules import WaveState, commitment
from local.sandbox.beacon import sign
from tests.builders.waves import FREEZES, OPENS, ROUND, WAVE, WavesWorld, joined


class Wired:
    """A stage's services: a step built anew with the beacons it was given, as `wiring` does."""

    def __init__(self, world: WavesWorld) -> None:
        self._world = world
        self.beacons: object = world.beacons

    @property
    def stepper(self) -> object:
        if isinstance(self.beacons, HandedIn):
            self._world.beacons = self.beacons
        return self._world.new_stepper()


@pytest.fixture
def waiting(world, monkeypatch):
    """A frozen wave whose round is due, and no relay that answers."""
    joined(world)
    world.at(OPENS, FREEZES)
    world.beacons.silent = True
    assert world.at(ROUND) == []
    monkeypatch.setattr(stages, "load", lambda name: SimpleNamespace(services=Wired(world)))
    monkeypatch.setattr(draw, "utc_now", lambda: world.clock.now)
    return world


def hand_in(signature: bytes, wave: int = WAVE):
    return CliRunner().invoke(main, ["draw", "hand-in", "--stage", "test", str(wave), signature.hex()])


def test_the_rounds_own_signature_draws_the_wave(waiting):
    round_number = commitment(waiting.store.wave(WAVE)).round
    result = hand_in(sign(round_number))
    assert (result.exit_code, result.output) == (0, f"wave {WAVE} DRAWN\nwave {WAVE} SETTLED\n")
    assert waiting.store.wave(WAVE).state is WaveState.SETTLED


def test_any_other_signature_is_refused_and_changes_nothing(waiting):
    result = hand_in(sign(1))
    assert result.exit_code == 1
    assert "forged_beacon" in result.output
    assert waiting.store.wave(WAVE).state is WaveState.FROZEN


def test_a_wave_that_is_not_frozen_takes_no_signature(waiting):
    result = hand_in(sign(1), wave=WAVE + 1)
    assert (result.exit_code, "unknown_wave" in result.output) == (1, True)


def test_what_is_no_signature_is_a_wrong_command():
    assert CliRunner().invoke(main, ["draw", "hand-in", "--stage", "test", "54", "zz"]).exit_code == 2
