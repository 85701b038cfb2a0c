"""A wave of five thousand, whose freeze and award are killed half-way, comes to the bytes of one that was not."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chalicelib.registration.items import Exclusion
from chalicelib.registration.rules import Standing
from chalicelib.waves.award import ONE_AWARD_S
from chalicelib.waves.freeze import RemovedEntries
from chalicelib.waves.rules import SHARDS, EntryOutcome, WaveState
from chalicelib.wiring import Services
from tests.builders.crashes import Calls, Crash, die
from tests.builders.people import card, registrant
from tests.builders.waves import CLOSES, FREEZES, OPENS, ROUND, WAVE, WavesWorld
from tests.conftest import T0

from .crowd import joined, names, registered, write

pytestmark = pytest.mark.dynamodb

PEOPLE = names(5_000)
QUOTA = 800
CONSUMERS = 4
EXCLUDED, TOO_LATE = PEOPLE[::10], PEOPLE[5::10]
"""Those whom a list names before the freeze, and those whom it names after it."""


def closed(world: WavesWorld, services: Services, ahead_from: int) -> None:
    """The wave up to its close. One in five is on a family card of twenty; a fifth of the seats is reserved."""
    world.forget()
    awards = msgspec.structs.replace(world.programme.draw.awards, ahead_from=ahead_from)
    world.programme = msgspec.structs.replace(
        world.programme, draw=msgspec.structs.replace(world.programme.draw, awards=awards)
    )
    world.people = services.registrations
    world.stepper = world.new_stepper()
    for item in list(Exclusion.scan(Exclusion.sk == "EXCLUDED")):
        item.delete()
    cards = {name: card(str(n // 100)) if n % 5 == 1 else card(name) for n, name in enumerate(PEOPLE)}
    registered(registrant(name, region=31 + n % 4, kk_mac=cards[name]) for n, name in enumerate(PEOPLE))
    world.clock.now = T0
    world.step()
    world.waves.resize(WAVE, QUOTA, QUOTA // 5, {31: 2, 32: 1}, T0)
    joined({name: 31 + n % 4 for n, name in enumerate(PEOPLE)}, cards)
    world.at(OPENS, CLOSES)
    exclude(EXCLUDED)


def exclude(people: list[str]) -> None:
    write(Exclusion(f"X#nik-{name}", "EXCLUDED", lists={"list"}) for name in people)


def ended(world: WavesWorld) -> dict[str, Any]:
    record = world.store.wave(WAVE)
    assert record is not None
    assert record.state is WaveState.SETTLED
    places = world.waves.beneficiaries.of_many(PEOPLE)
    standings = [world.people.standings(PEOPLE[start : start + 100]).items() for start in range(0, len(PEOPLE), 100)]
    return {
        "chosen": record.chosen,
        "draw": world.store.draw(WAVE),
        "files": world.files(WAVE),
        "outcomes": {one.registrant_id: one.outcome for one in world.entries.candidates(WAVE)},
        "places": {one.registrant_id: one.seat for one in places},
        "marked": {name for some in standings for name, standing in some if standing is Standing.BENEFICIARY},
    }


def by_the_walk_alone(world: WavesWorld, services: Services) -> dict[str, Any]:
    closed(world, services, ahead_from=len(PEOPLE))
    world.at(FREEZES)
    exclude(TOO_LATE)
    world.at(ROUND)
    return ended(world)


def killed(calls: Calls, number: int, work: Callable[[], object]) -> None:
    """Do work that dies after so many calls."""
    calls.reset()
    calls.after[number] = die
    with pytest.raises(Crash):
        work()
    calls.reset()


def consume(world: WavesWorld, bodies: list[str]) -> None:
    """So many consumers at once."""

    def take(body: str) -> None:
        with contextlib.suppress(Crash):
            assert world.take_awards(body, deadline_s=600) == []

    with ThreadPoolExecutor(CONSUMERS) as pool:
        list(pool.map(take, bodies))


def test_five_thousand_are_screened_frozen_and_awarded_to_the_same_bytes_though_all_of_it_is_killed(
    world: WavesWorld, services: Services, calls: Calls, tmp_path: Path
) -> None:
    expected = by_the_walk_alone(world, services)
    told = Counter(expected["outcomes"].values())
    assert told[EntryOutcome.EXCLUDED] == len(EXCLUDED)
    assert min(told[EntryOutcome.INELIGIBLE], told[EntryOutcome.FAMILY_CARD]) > 20
    assert told[EntryOutcome.CHOSEN] == expected["chosen"] == len(expected["marked"]) == QUOTA

    closed(world, services, ahead_from=40)
    world.clock.now = FREEZES
    killed(calls, SHARDS * 2, world.step)
    assert 0 < len(RemovedEntries(world._transaction).screened(WAVE)) < SHARDS
    killed(calls, SHARDS * 3, world.step)
    world.step()
    frozen = world.store.wave(WAVE)
    assert frozen is not None
    assert frozen.state is WaveState.FROZEN

    exclude(TOO_LATE)
    world.clock.now = ROUND
    world.step(deadline_s=ONE_AWARD_S - 1)
    assert world.step() == []
    bodies = world.queued_awards()
    calls.reset()
    calls.after[QUOTA * 2] = die
    consume(world, bodies)
    calls.reset()
    done = len(world.store.awarded(WAVE))
    assert 0.2 * len(bodies) < done < 0.8 * len(bodies)

    world.clock.now = ROUND + timedelta(seconds=world.programme.draw.awards.resend_after_s)
    assert world.step() == []
    again = world.queued_awards()
    assert len(again) == len(bodies) - done
    consume(world, again + bodies[:5])
    assert len(world.store.awarded(WAVE)) == len(bodies)
    killed(calls, SHARDS * 2, world.step)  # among the substitutes
    world.step()

    assert ended(world) == expected
    assert world.failed_checks(WAVE, tmp_path) == []
