"""A wave whose winners are decided over the queue of awards, ahead of the walk."""

from __future__ import annotations

from dataclasses import replace
from datetime import timedelta
from typing import Any

import msgspec
import pytest

from chalicelib.config import Programme, Settings
from chalicelib.waves import entries, rules
from chalicelib.waves.award import ONE_AWARD_S
from chalicelib.waves.beneficiaries import FamilyItem
from chalicelib.waves.rules import WaveState
from tests.builders.people import card, registrant
from tests.builders.waves import CLOSES, FREEZES, OPENS, ROUND, WAVE, WavesWorld, outcome
from tests.conftest import T0

RESEND = timedelta(seconds=60)
NAMES = [f"person-{n:02d}" for n in range(26)]


def queueing_world(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> WavesWorld:
    """Waves whose winners go over the queue from the fourth on, four in a batch, in four partitions."""
    monkeypatch.setattr(rules, "SHARDS", 4)
    monkeypatch.setattr(entries, "SHARDS", 4)
    world = WavesWorld(cloud, with_awards(programme, ahead_from=3), T0)
    monkeypatch.setattr("moto.s3.models.utcnow", world.clock.utcnow)
    return world


def with_awards(programme: Programme, ahead_from: int) -> Programme:
    awards = msgspec.structs.replace(programme.draw.awards, batch=4, ahead_from=ahead_from)
    return msgspec.structs.replace(programme, draw=msgspec.structs.replace(programme.draw, awards=awards))


def drawn(world: WavesWorld) -> None:
    """Up to the draw. 26 people of two provinces, 16 seats of which 10 are reserved; families of five in both of them.

    Three are excluded by now, and one family card has a beneficiary of an earlier wave.
    """
    world.forget()
    world.queued_awards()
    world.clock.now = T0
    world.step()
    world.waves.resize(WAVE, 16, 10, {31: 2, 32: 1}, world.clock.now)
    world.clock.now = OPENS
    for number, name in enumerate(NAMES):
        family = card(str(number % 5)) if number < 20 else card(name)
        world.people.add(registrant(name, region=31 + number % 2, kk_mac=family))
    world.join(*NAMES)
    FamilyItem(f"K#{card('4')}", "HOLDERS", holders={"somebody"}).save()
    world.at(OPENS, CLOSES, FREEZES)
    world.people.excluded |= {NAMES[3], NAMES[12], NAMES[21]}
    world.clock.now = ROUND
    world.step(deadline_s=ONE_AWARD_S - 1)
    assert world.store.wave(WAVE).state is WaveState.DRAWN
    assert world.queued_awards() == []


def sent(world: WavesWorld) -> list[str]:
    """Draw, and take the step that queues the winners."""
    drawn(world)
    assert world.step() == []
    return sorted(world.queued_awards())


def ended(world: WavesWorld) -> dict[str, Any]:
    """All that a wave leaves behind, but for how it came there."""
    end = outcome(world)
    assert end["record"].state is WaveState.SETTLED
    return end | {"record": replace(end["record"], award_batches=0, award_sends=0, awards_sent_at=None)}
