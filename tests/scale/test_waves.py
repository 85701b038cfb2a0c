"""A wave of five thousand is killed half-way and comes to the bytes of one that was not; ten thousand places expire."""

from __future__ import annotations

import contextlib
from collections import Counter
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from datetime import timedelta
from pathlib import Path
from typing import Any

import msgspec
import pytest

from chalicelib.registration.items import Exclusion, Profile
from chalicelib.registration.rules import Standing
from chalicelib.waves.award import ONE_AWARD_S
from chalicelib.waves.freeze import RemovedEntries
from chalicelib.waves.places.revocation import PAGE, Report
from chalicelib.waves.rules import SHARDS, BeneficiaryState, EntryOutcome, WaveState
from chalicelib.wiring import Services
from tests.builders.crashes import Calls, Crash, die
from tests.builders.people import card, registrant
from tests.builders.waves import CLOSES, FREEZES, OPENS, ROUND, WAVE, WavesWorld
from tests.conftest import T0

from .crowd import joined, names, registered, settled, write
from .functions import FULL, MANY, Function, Mails, partly

pytestmark = pytest.mark.dynamodb

PEOPLE = names(max(MANY // 2, 100))
QUOTA = len(PEOPLE) * 16 // 100
CONSUMERS = 4
EXCLUDED, TOO_LATE = PEOPLE[::10], PEOPLE[5::10]
"""Those whom a list names before the freeze, and those whom it names after it."""


def closed(world: WavesWorld, services: Services, ahead_from: int) -> None:
    """The wave up to its close. One in five is on a family card of twenty; a fifth of the seats is reserved."""
    world.forget()
    awards = msgspec.structs.replace(world.programme.draw.awards, ahead_from=ahead_from)
    draw = msgspec.structs.replace(world.programme.draw, awards=awards)
    world.restart(programme=msgspec.structs.replace(world.programme, draw=draw), people=services.registrations)
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
    latest = [world.people.waves_of(PEOPLE[start : start + 100]).items() for start in range(0, len(PEOPLE), 100)]
    return {
        "chosen": record.chosen,
        "draw": world.store.draw(WAVE),
        "files": world.files(WAVE),
        "outcomes": {one.registrant_id: one.outcome for one in world.entries.candidates(WAVE)},
        "places": {one.registrant_id: one.seat for one in places},
        "in_registration": {name for some in latest for name, wave in some if wave == WAVE},
    }


def by_the_walk_alone(world: WavesWorld, services: Services) -> dict[str, Any]:
    closed(world, services, ahead_from=len(PEOPLE))
    world.at(FREEZES)
    exclude(TOO_LATE)
    world.at(ROUND)
    return ended(world)


def killed(calls: Calls, number: int, work: Callable[[], object]) -> None:
    """Do work that dies after so many calls."""
    assert calls.dies(work, "after", number)


def consume(world: WavesWorld, bodies: list[str]) -> None:
    """So many consumers at once."""

    def take(body: str) -> None:
        with contextlib.suppress(Crash):
            assert world.take_awards(body, deadline_s=600) == []

    with ThreadPoolExecutor(CONSUMERS) as pool:
        list(pool.map(take, bodies))


def test_a_wave_of_five_thousand_ends_with_the_same_bytes_though_every_step_is_killed(
    world: WavesWorld, services: Services, calls: Calls, tmp_path: Path
) -> None:
    expected = by_the_walk_alone(world, services)
    told = Counter(expected["outcomes"].values())
    assert told[EntryOutcome.EXCLUDED] == len(EXCLUDED)
    assert min(told[EntryOutcome.INELIGIBLE], told[EntryOutcome.FAMILY_CARD]) > len(PEOPLE) // 250
    assert told[EntryOutcome.CHOSEN] == expected["chosen"] == len(expected["in_registration"]) == QUOTA

    closed(world, services, ahead_from=QUOTA // 20)
    world.clock.now = FREEZES
    killed(calls, SHARDS * 2, world.step)
    assert 0 < len(RemovedEntries(world.services.transaction).screened(WAVE)) < SHARDS
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
    assert partly(0.2, done, 0.8, len(bodies))

    world.clock.now = ROUND + timedelta(seconds=world.programme.draw.awards.resend_after_s)
    assert world.step() == []
    again = world.queued_awards()
    assert len(again) == len(bodies) - done
    consume(world, again + bodies[:5])
    assert len(world.store.awarded(WAVE)) == len(bodies)
    killed(calls, SHARDS * 2 if MANY >= FULL else SHARDS, world.step)  # among the substitutes
    world.step()

    assert ended(world) == expected
    assert world.failed_checks(WAVE, tmp_path) == []


DUE = ROUND + timedelta(seconds=75)
LEFT = MANY // 5
"""Those who joined and were not drawn: every tenth of them is on a list by now, each other one gets a place."""
NEXT = LEFT * 9 // 10


def test_ten_thousand_places_are_revoked_and_passed_on_though_runs_are_cut_short(
    world: WavesWorld,
    services: Services,
    calls: Calls,
    mails: Mails,
    show: Callable[[str, Function], None],
    tmp_path: Path,
) -> None:
    chosen, left = settled(world, names(MANY + LEFT), MANY)
    registered(registrant(name, standing=Standing.BENEFICIARY, beneficiary_wave=WAVE) for name in chosen)
    registered(registrant(name) for name in left)
    listed = set(left[::10])
    write(Exclusion(f"X#nik-{name}", "EXCLUDED", lists={"list"}) for name in listed)
    world.clock.now = DUE
    function = Function(calls, lambda deadline_s, seconds: services.revocation.run(DUE, deadline_s, seconds))

    function.is_killed_after(MANY // 2 * 3)  # three calls revoke a place
    assert partly(0.45, revoked(services), 0.55)
    function.is_killed_after(MANY // 2 * 3 * 2)  # the other half is revoked; three calls tell of one
    assert partly(0.45, mails.events()[f"revoked/{WAVE}"], 0.55)
    function.has_time_for(MANY // 2 * 3 + NEXT * 3 + 360, ONE_AWARD_S)  # four calls award a seat
    assert partly(0.45, taken(services, left), 0.75, NEXT)
    function.is_killed_after(NEXT + MANY // 2)
    assert function.lives().substituted <= NEXT
    assert function.lives() == Report(0, 0)

    places = {one.registrant_id: one for one in services.waves.beneficiaries.of_many(chosen + left)}
    assert Counter(places[name].state for name in chosen) == {BeneficiaryState.REVOKED: MANY}
    assert sorted(places[name].revoked_seq or 0 for name in chosen) == list(range(1, MANY + 1))
    assert {name for name in left if name in places} == set(left) - listed
    assert Counter(places[name].state for name in left if name in places) == {BeneficiaryState.POTENTIAL: NEXT}
    assert len({one.card_number for one in places.values()}) == MANY + NEXT
    assert standings(chosen) == {Standing.REVOKED: MANY}
    assert standings(left) == {Standing.BENEFICIARY: NEXT, Standing.REGISTERED: LEFT - NEXT}
    record = world.store.wave(WAVE)
    assert record is not None
    assert (record.revoked_count, record.barred_count, record.passed_count, record.chosen) == (MANY, MANY, MANY, NEXT)
    assert world.store.allotted(2026) == NEXT
    assert world.failed_checks(WAVE, tmp_path) == []
    marked = [
        one
        for shard in range(SHARDS)
        for one in services.waves.beneficiaries.potential(f"{shard:02d}", DUE + timedelta(days=1))
    ]
    assert sorted(one.registrant_id for one in marked) == sorted(set(left) - listed)

    # Nobody twice: a place is one transaction, and of those who were told a page at most is told again after a death.
    pages = 2 * MANY // PAGE
    assert function.made("TransactWriteItems") == MANY + NEXT + -(-MANY // PAGE)
    assert MANY + NEXT <= function.made("PutItem") <= MANY + NEXT + 4 * PAGE
    assert mails.events() == {f"revoked/{WAVE}": MANY, f"chosen/{WAVE}": NEXT}
    # Of each who was revoked the standing and the mark, of each next one the standing, of each listed one the outcome.
    assert function.made("UpdateItem") <= 2 * MANY + NEXT + (LEFT - NEXT) + pages + 4 * PAGE
    show("expire_places", function)


def revoked(services: Services) -> int:
    record = next(wave for wave in services.waves.records() if wave.number == WAVE)
    return record.revoked_count


def taken(services: Services, people: Iterable[str]) -> int:
    return len(services.waves.beneficiaries.of_many(people))


def standings(people: Iterable[str]) -> Counter[str]:
    """How many registrations there are of each standing."""
    return Counter(item.standing for item in Profile.batch_get([(f"R#{name}", "PROFILE") for name in people]))
