"""Seats of a year: what the step allots to a wave when it opens, and what comes back."""

from __future__ import annotations

from datetime import timedelta

from tests.builders.waves import CLOSES, FREEZES, OPENS, PEOPLE, ROUND, WAVE, with_target
from tests.conftest import T0


def test_quotas_never_exceed_the_years_target(world):
    world.restart(programme=with_target(world.programme, 100))
    world.step()
    world.waves.resize(146, 90, 0, {}, T0)
    world.beacons.silent = True  # or seats that nobody took would come back
    for n in range(4):
        world.at(OPENS + n * timedelta(days=14))
    quotas = {wave.number: wave.quota for wave in world.store.waves()}
    # 145, 146 and 147 open in 2026. A third for 145; all that is left for 146, which was to have 90; none for 147.
    assert quotas == {145: 33, 146: 67, 147: 0, 148: 100 // 26}
    assert world.store.allotted(2026) == 100
    assert world.store.allotted(2027) == 100 // 26


def test_seats_that_nobody_took_go_back_to_the_year(world):
    world.restart(programme=with_target(world.programme, 90))
    world.step()
    world.clock.now = OPENS
    world.join(*PEOPLE[:2])
    world.at(OPENS, CLOSES, FREEZES)
    assert world.store.allotted(2026) == 30
    world.at(ROUND)
    assert world.store.allotted(2026) == 2
    world.at(OPENS + timedelta(days=14))
    assert world.store.wave(146).quota == (90 - 2) // 2


def test_a_quota_that_is_cut_takes_reserved_seats_with_it(world):
    world.restart(programme=with_target(world.programme, 3))
    world.waves.resize(WAVE, 10, 5, {31: 1}, T0)
    world.at(OPENS)
    record = world.store.wave(WAVE)
    assert (record.quota, record.reserved) == (3, 3)


def test_seats_taken_by_another_wave_at_the_same_moment_are_counted(world, monkeypatch):
    world.restart(programme=with_target(world.programme, 90))
    original = world.store.allotted

    def overtaken(year):
        before = original(year)
        monkeypatch.undo()
        from chalicelib.waves.store import YearItem

        YearItem("YEAR#2026", "SEATS", allotted=60).save()
        return before

    monkeypatch.setattr(world.store, "allotted", overtaken)
    world.at(OPENS)
    assert world.store.wave(WAVE).quota == 10
    assert world.store.allotted(2026) == 70
