"""What a freeze may cost: its calls to AWS, as `docs/costs.md` has them."""

from __future__ import annotations

from collections import Counter

import pytest

from chalicelib.time_budget import TimeBudget
from chalicelib.waves.freeze import REMOVED_AT_ONCE
from chalicelib.waves.rules import WaveState, shard_of
from tests.builders.aws_calls import stated
from tests.builders.crashes import Calls
from tests.builders.registration import other_form, registrations
from tests.builders.waves import CLOSES, FREEZES, OPENS, WAVE, WavesWorld
from tests.conftest import T0

EMPTY = Counter(
    {
        "s3 GetObject": 2,  # the note, before and after
        "s3 PutObject": 4,  # the region table, the removals, the verifier, the note
        "dynamodb Query": 1 + 64 + 64,  # the marks; the entries, to look at them and to list them
        "dynamodb PutItem": 64,  # the marks
    }
)
PEOPLE = Counter({"dynamodb BatchGetItem": 2})
"""At most 99 of a shard: their registrations and the exclusion lists."""
REMOVED = Counter({"dynamodb TransactWriteItems": 1})
REGION = Counter({"s3 PutObject": 2})


def freeze(world: WavesWorld, names: list[str], registered: int) -> Counter[str]:
    """The calls of a freeze of a wave that these people joined; so many of them are really registered."""
    world.step()
    world.clock.now = OPENS
    world.join(*names)
    world.at(OPENS, CLOSES)
    service = registrations(world.settings, world.programme)
    for number, name in enumerate(names[:registered], 1):
        service.register(name, other_form(number), T0)
    world.people = service  # type: ignore[assignment]
    stepper = world.new_stepper()
    wave = world.store.wave(WAVE)
    assert wave is not None
    assert wave.state is WaveState.CLOSED
    world.clock.now = FREEZES
    with pytest.MonkeyPatch.context() as patch:
        calls = Calls(patch)
        stepper._freeze.run(wave, TimeBudget(FREEZES, 900, world.clock.seconds))
        return Counter(f"{service} {operation}" for service, operation in calls.made)


def people(count: int) -> list[str]:
    """So many whose entries are in one shard."""
    return [name for name in (f"person-{n}" for n in range(30_000)) if shard_of(name) == "07"][:count]


def test_a_freeze_without_entries_costs_what_the_page_says(world: WavesWorld):
    assert freeze(world, [], 0) == EMPTY
    assert stated("a freeze without entries") == EMPTY.total()


def test_people_add_what_the_page_says(world: WavesWorld):
    assert freeze(world, people(3), 3) == EMPTY + PEOPLE + REGION
    assert stated("99 people, more") == PEOPLE.total()
    assert stated("a province, more") == REGION.total()


def test_whoever_is_removed_adds_a_transaction_with_the_others(world: WavesWorld):
    assert freeze(world, people(REMOVED_AT_ONCE), 2) == EMPTY + PEOPLE + REMOVED + REGION
    assert stated("those of them who are removed, more") == REMOVED.total()
