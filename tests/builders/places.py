"""Plays waves up to their draw or their end, and shows what happened to each seat."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime, timedelta
from typing import Any

import msgspec
import pytest
from msgspec.structs import replace

from chalicelib.aws.dynamodb import LegsFailed
from chalicelib.config import Programme, Settings
from chalicelib.draw.selection import open_value
from chalicelib.registration.rules import Verification
from chalicelib.waves import entries, rules
from chalicelib.waves.award import ONE_AWARD_S
from chalicelib.waves.errors import PurchaseDeadlinePassed
from chalicelib.waves.places.items import FamilyItem
from chalicelib.waves.places.place_rules import at_present, check_in_time
from chalicelib.waves.rules import Beneficiary, BeneficiaryState, WaveState
from tests.builders.people import card, registrant
from tests.builders.waves import CLOSES, FREEZES, OPENS, ROUND, WAVE, WavesWorld, outcome
from tests.conftest import T0

TWO_WEEKS = timedelta(days=14)


def entered(world: WavesWorld, quota: int, *names: str) -> None:
    """A wave with so many seats, none of them reserved, which these people join as it opens."""
    world.step()
    world.waves.resize(WAVE, quota, 0, {}, T0)
    world.clock.now = OPENS
    world.join(*names)


def play(world: WavesWorld, wave_later: int = 0) -> None:
    """All steps of the wave, after people have joined."""
    for now in (OPENS, CLOSES, FREEZES, ROUND):
        world.at(now + wave_later * TWO_WEEKS)


def settled(world: WavesWorld, quota: int, *names: str) -> None:
    """A wave that these people join, played to its end."""
    entered(world, quota, *names)
    play(world)


def said(world: WavesWorld, who: str, state: Verification, at: datetime) -> None:
    """Let the registry say this of a person; they are told at once if something differs."""
    before = world.people.by_id[who]
    comes = state is Verification.VERIFIED and before.verification is not state
    confirmed_at = at if comes else before.confirmed_at
    world.people.add(replace(before, verification=state, verified_at=at, confirmed_at=confirmed_at))


def standings(world: WavesWorld) -> dict[str, str | None]:
    """Each person's reason, or their standing where there is none."""
    waves = world.wired().waves
    entries = {name: waves.entries_of(name, world.clock.now)[0] for name in world.people.by_id}
    return {name: entry.reason or entry.standing for name, entry in entries.items()}


def place(world: WavesWorld, who: str) -> Beneficiary:
    """The latest one of somebody who was chosen."""
    found = world.waves.beneficiaries.of(who)
    assert found is not None
    return found


def state(world: WavesWorld, who: str) -> BeneficiaryState:
    return place(world, who).state


def leaf_of(world: WavesWorld, name: str, wave: int = WAVE) -> str:
    return world.entries.find(wave, name).leaf.hex()


def drawn(world: WavesWorld, quota: int, *names: str) -> list[str]:
    """Up to the draw and no further; returns everybody in the order of the open seats, those drawn first."""
    entered(world, quota, *names)
    world.at(OPENS, CLOSES, FREEZES)
    world.clock.now = ROUND
    world.step(deadline_s=ONE_AWARD_S - 1)
    seed = world.store.draws([WAVE])[WAVE].seed
    return sorted(names, key=lambda name: open_value(seed, bytes.fromhex(leaf_of(world, name))))


def waiting(world: WavesWorld, quota: int, *names: str) -> list[str]:
    """As `drawn`, and settled: the first `quota` have a place that they must keep by a purchase."""
    order = drawn(world, quota, *names)
    world.step()
    return order


def buy(world: WavesWorld, name: str) -> bool:
    """What a purchase does to the place; False if it comes too late."""
    beneficiary, who, now = place(world, name), world.people.registrant(name), world.clock.now
    confirmed = world.people.is_confirmed(who)
    present = at_present(beneficiary, who, world.services.programme, now, confirmed=confirmed)
    try:
        check_in_time(present, now)
        with world.services.transaction() as tx:
            world.waves.beneficiaries.activate(tx, beneficiary, present.buy_by, now)
    except (LegsFailed, PurchaseDeadlinePassed):
        return False
    return True


def rows(world: WavesWorld, order: Iterable[str], wave: int = WAVE) -> list[tuple[str, str, str | None]]:
    """The published substitutions as (who gave the seat up, why, who got it)."""
    names = {leaf_of(world, name, wave): name for name in order}
    return [
        (names[r["out"]], r["reason"], r["in"] and names[r["in"]]) for r in world.result(wave, "substitutions.json")
    ]


def in_two_waves(world: WavesWorld) -> None:
    """`a` joins a wave, and with `b` the next one, while the draw of the first is held up by a silent beacon."""
    world.step()
    world.clock.now = OPENS
    world.join("a")
    world.beacons.silent = True
    world.at(OPENS, CLOSES, FREEZES, OPENS + TWO_WEEKS)
    world.join("a", "b")


# A wave whose winners are decided over the queue of awards, ahead of the walk

RESEND = timedelta(seconds=60)
NAMES = [f"person-{n:02d}" for n in range(26)]


def queueing_world(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> WavesWorld:
    """Waves whose winners go over the queue from the fourth on, four in a batch, in four partitions."""
    monkeypatch.setattr(rules, "SHARDS", 4)
    monkeypatch.setattr(entries, "SHARDS", 4)
    return WavesWorld(cloud, with_awards(programme, ahead_from=3), T0, monkeypatch)


def with_awards(programme: Programme, ahead_from: int) -> Programme:
    awards = msgspec.structs.replace(programme.draw.awards, batch=4, ahead_from=ahead_from)
    return msgspec.structs.replace(programme, draw=msgspec.structs.replace(programme.draw, awards=awards))


def drawn_to_queue(world: WavesWorld) -> None:
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
    drawn_to_queue(world)
    assert world.step() == []
    return sorted(world.queued_awards())


def ended(world: WavesWorld) -> dict[str, Any]:
    """All that a wave leaves behind, except how it came there."""
    end = outcome(world)
    assert end["record"].state is WaveState.SETTLED
    return end | {"record": replace(end["record"], award_batches=0, award_sends=0, awards_sent_at=None)}
