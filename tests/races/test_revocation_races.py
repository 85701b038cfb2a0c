"""Places that are revoked while they are bought for, by many runs at once: one winner each, and one end for all."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from chalicelib.ids import system_randomness
from chalicelib.registration.rules import Standing
from chalicelib.waves import revocation
from chalicelib.waves.revocation import Report
from chalicelib.waves.rules import BeneficiaryState, WaveState
from tests.builders.places import buy, drawn, rows, waiting
from tests.builders.waves import ROUND, WAVE, WavesWorld

from .together import ALWAYS, together

pytestmark = pytest.mark.dynamodb

DUE = ROUND + timedelta(seconds=75)
JUST_IN_TIME = DUE - timedelta(microseconds=1)
RUNS = 3


@pytest.fixture(autouse=True)
def few_partitions(world: WavesWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of the entries; and each award has a card number of its own, whichever run it comes from."""
    monkeypatch.setattr(revocation, "SHARDS", 4)
    world.restart(randomness=system_randomness)


def expiry(world: WavesWorld) -> partial[Report]:
    return partial(world.new_revocation().run, DUE, 60, world.clock.seconds)


def expire_until_nothing_is_left(world: WavesWorld) -> None:
    while expiry(world)().revoked:
        pass


@pytest.mark.parametrize("meet", [1, 2, ALWAYS])
def test_a_purchase_in_time_and_the_revocation_of_its_place_have_one_winner(
    world: WavesWorld, tmp_path: Path, meet: int
) -> None:
    """The purchase arrived in the last microsecond and is written while the place is being revoked."""
    names = [f"person-{n}" for n in range(6)]
    order = waiting(world, 3, *names)
    world.clock.now = JUST_IN_TIME
    bought = together([partial(buy, world, name) for name in order[:3]] + [expiry(world)] * RUNS, meet)[:3]
    world.clock.now = DUE
    expire_until_nothing_is_left(world)
    for name, kept in zip(order, bought, strict=False):
        place = world.waves.beneficiaries.of(name)
        assert place.state is (BeneficiaryState.ACTIVE if kept else BeneficiaryState.REVOKED)
        assert world.people.by_id[name].standing is (Standing.BENEFICIARY if kept else Standing.REVOKED)
    lost = [name for name, kept in zip(order, bought, strict=False) if not kept]
    assert sorted(out for out, _, _ in rows(world, order)) == sorted(lost)
    assert [row[2] for row in rows(world, order)] == order[3 : 3 + len(lost)]
    assert world.store.wave(WAVE).chosen == world.store.allotted(2026) == 3
    assert world.failed_checks(WAVE, tmp_path) == []


@pytest.mark.parametrize("meet", [1, 3, ALWAYS])
def test_many_runs_at_once_revoke_each_place_once_and_pass_it_on_once(
    world: WavesWorld, tmp_path: Path, meet: int
) -> None:
    """Five places, seven people, one of the next no longer eligible: so four seats are lost to the wave."""
    order = waiting(world, 5, *[f"person-{n}" for n in range(7)])
    world.people.excluded.add(order[5])
    world.clock.now = DUE
    together([expiry(world) for _ in range(RUNS)], meet)
    expire_until_nothing_is_left(world)
    record = world.store.wave(WAVE)
    assert (record.revoked_count, record.passed_count, record.chosen, world.store.allotted(2026)) == (5, 5, 1, 1)
    places = {one.registrant_id: one for one in world.waves.beneficiaries.of_many(order)}
    assert sorted(places[name].revoked_seq for name in order[:5]) == [1, 2, 3, 4, 5]
    assert {places[name].state for name in order[:5]} == {BeneficiaryState.REVOKED}
    assert places[order[6]].state is BeneficiaryState.POTENTIAL
    published = rows(world, order)
    assert sorted(out for out, reason, _ in published if reason == "revoked") == sorted(order[:5])
    assert [row for row in published if row[1] != "revoked"] == [(order[5], "ineligible", order[6])]
    assert world.failed_checks(WAVE, tmp_path) == []


@pytest.mark.parametrize("meet", [1, ALWAYS])
def test_a_wave_may_be_settled_while_its_first_places_expire(world: WavesWorld, tmp_path: Path, meet: int) -> None:
    """Its award died long ago, after some places were given; it goes on as they are revoked."""
    order = drawn(world, 3, *[f"person-{n}" for n in range(6)])
    record, draw = world.store.wave(WAVE), world.store.draw(WAVE)
    seconds = iter(range(1000))
    world.stepper.advance(ROUND, 9, lambda: float(next(seconds)))
    given = [name for name in order if world.waves.beneficiaries.of(name)]
    assert 0 < len(given) < 3
    assert (record.state, world.store.wave(WAVE).state) == (WaveState.DRAWN, WaveState.DRAWN)
    world.clock.now = DUE + timedelta(seconds=10)
    runs = [partial(world.new_revocation().run, world.clock.now, 60, world.clock.seconds) for _ in range(2)]
    steps = [partial(world.new_stepper().advance, world.clock.now, 60, world.clock.seconds) for _ in range(2)]
    together([*runs, *steps], meet)
    world.step()
    world.new_revocation().run(world.clock.now, 60, world.clock.seconds)
    record = world.store.wave(WAVE)
    assert (record.state, record.revoked_count, record.passed_count) == (WaveState.SETTLED, len(given), len(given))
    assert record.chosen == world.store.allotted(2026) == 3
    assert sorted(out for out, _, _ in rows(world, order)) == sorted(given)
    assert world.store.draw(WAVE) == draw
    assert world.failed_checks(WAVE, tmp_path) == []
