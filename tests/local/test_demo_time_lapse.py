"""What the demo brings forward comes when all know of it, however slow the machine, and for whom it concerns."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest

from chalicelib.waves.errors import WaveClosed
from chalicelib.waves.rules import BeneficiaryState, WaveState
from local.demo import time_lapse
from tests.builders.people import registrant
from tests.builders.places import buy, waiting
from tests.builders.waves import OPENS, ROUND, WavesWorld

SECOND = timedelta(seconds=1)


def services(world: WavesWorld) -> SimpleNamespace:
    return SimpleNamespace(programme=world.programme, waves=world.waves)


@pytest.mark.parametrize("look_s", [0, 1, 7, 40])
def test_an_open_wave_closes_when_every_function_has_read_it(world: WavesWorld, look_s: int) -> None:
    """Each look at the clock finds it so much later: the writing takes long."""
    number = world.waves.add(OPENS - 3 * SECOND * 3600, OPENS - SECOND, 5, world.clock.now)
    opens_at = OPENS - 3 * SECOND * 3600
    world.at(opens_at)
    world.join("ani")
    kept = world.new_waves()
    kept.join("ani", world.clock.now)  # another function has read when the wave was to close

    def clock() -> datetime:
        world.clock.now += look_s * SECOND
        return world.clock.now

    at = time_lapse.close_wave(services(world), number, clock)
    assert world.clock.now + timedelta(seconds=world.programme.calendar.exceptions_cached_s) <= at < OPENS - SECOND
    world.people.add(registrant("budi"), registrant("citra"))
    kept.join("budi", at - SECOND)
    with pytest.raises(WaveClosed):
        kept.join("citra", at)
    assert [each.state for each in world.at(at) if each.wave == number] == [WaveState.CLOSED]


def test_the_deadline_comes_for_those_who_have_bought_nothing(world: WavesWorld) -> None:
    a, b, c = waiting(world, 2, *"abc")
    world.clock.now = ROUND + SECOND
    assert buy(world, a)
    at = time_lapse.end_buying(services(world), lambda: world.clock.now)
    assert ROUND + SECOND < at < ROUND + timedelta(seconds=75)
    world.clock.now = at
    assert not buy(world, b)
    report = world.expire(at)
    assert (report.revoked, report.substituted) == (1, 1)
    states = [world.waves.beneficiary(name).state for name in (a, b, c)]
    assert states == [BeneficiaryState.ACTIVE, BeneficiaryState.REVOKED, BeneficiaryState.POTENTIAL]
