"""What a freeze and an award over the queue may cost: their calls to AWS, as docs/costs.md has them."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import msgspec
import pytest

from chalicelib.config import Programme, Settings
from chalicelib.time_budget import TimeBudget
from chalicelib.waves.freeze import REMOVED_AT_ONCE
from chalicelib.waves.rules import WaveState, shard_of
from tests.builders.aws.calls import stated
from tests.builders.crashes import Calls
from tests.builders.registration import other_form, registrations
from tests.builders.waves import CLOSES, FREEZES, OPENS, ROUND, WAVE, WavesWorld
from tests.conftest import ROOT, T0

WINNERS = 25


@pytest.fixture
def drawn(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> WavesWorld:
    """A drawn wave that everybody wins. All are in the registrations table, each on their own family card."""
    awards = msgspec.structs.replace(programme.draw.awards, batch=WINNERS, ahead_from=1)
    figures = msgspec.structs.replace(programme, draw=msgspec.structs.replace(programme.draw, awards=awards))
    world = WavesWorld(cloud, figures, T0, monkeypatch)
    world.restart(people=registrations(cloud, programme))
    for number in range(1, WINNERS + 1):
        world.people.register(f"sub-{number}", other_form(number, kk=f"317409010101{number:04d}"), T0)
    world.step()
    world.clock.now = OPENS
    for number in range(1, WINNERS + 1):
        world.waves.join(f"sub-{number}", OPENS)
    world.at(OPENS, CLOSES, FREEZES, ROUND)
    return world


def test_a_batch_costs_five_calls_and_each_award_four_more(drawn, monkeypatch):
    [body] = drawn.queued_awards()
    calls = Calls(monkeypatch)
    assert drawn.take_awards(body) == []
    assert Counter(calls.made) == {
        ("dynamodb", "GetItem"): 3 + 2 * WINNERS,
        ("dynamodb", "BatchGetItem"): 1,
        ("dynamodb", "TransactWriteItems"): WINNERS,
        ("dynamodb", "UpdateItem"): WINNERS,
        ("dynamodb", "PutItem"): 1,
    }
    calls.reset()
    assert drawn.take_awards(body) == [], "the same again"
    assert Counter(name for _, name in calls.made) == {"GetItem": 3, "BatchGetItem": 2, "PutItem": 1}
    drawn.step()
    calls.reset()
    assert drawn.take_awards(body) == [], "when the wave is settled"
    assert calls.made == [("dynamodb", "GetItem")]


def test_the_step_that_queues_reads_the_cards_of_a_hundred_at_once(drawn, monkeypatch):
    drawn.clock.now = ROUND + timedelta(seconds=drawn.programme.draw.awards.resend_after_s)
    calls = Calls(monkeypatch)
    assert drawn.step() == []
    made = Counter(calls.made)
    assert made["dynamodb", "BatchGetItem"] == 1
    assert made["sqs", "SendMessageBatch"] == 1
    calls.reset()
    assert drawn.step() == [], "batches are out"
    assert made["dynamodb", "Query"] > 64, "every entry was read"
    assert Counter(name for _, name in calls.made) == {"Query": 3, "GetItem": 3}


def test_the_page_states_these_costs():
    page = (ROOT / "docs/costs.md").read_text()
    assert "| a batch of winners, over the queue | 5: 3 gets, 1 batch get, 1 put |" in page
    assert "| an award in it, more | 4: 2 gets, 1 transaction of 4 items, 1 update |" in page


EMPTY = Counter(
    {
        "s3 GetObject": 2,  # the note, before and after
        "s3 PutObject": 4,  # the region table, the removals, the verifier, the note
        "dynamodb Query": 1 + 64 + 64,  # the screened shards; the entries, to look at them and to list them
        "dynamodb PutItem": 64,  # a screened shard each
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
    stepper = world.wired().stepper
    wave = world.store.wave(WAVE)
    assert wave is not None
    assert wave.state is WaveState.CLOSED
    world.clock.now = FREEZES
    with pytest.MonkeyPatch.context() as patch:
        calls = Calls(patch)
        stepper._freeze.run(wave, "2023", TimeBudget(FREEZES, 900, world.clock.seconds))
        return Counter(f"{service} {operation}" for service, operation in calls.made)


def people(count: int) -> list[str]:
    """So many whose entries are in one shard."""
    return [name for name in (f"person-{n}" for n in range(30_000)) if shard_of(name) == "07"][:count]


def test_a_freeze_without_entries_costs_what_the_page_says(world: WavesWorld):
    assert freeze(world, [], 0) == EMPTY
    assert stated("a freeze without entries") == EMPTY.total()


def test_each_person_adds_the_cost_that_the_page_states(world: WavesWorld):
    assert freeze(world, people(3), 3) == EMPTY + PEOPLE + REGION
    assert stated("99 people, more") == PEOPLE.total()
    assert stated("a province, more") == REGION.total()


def test_a_removal_adds_a_transaction_shared_with_others(world: WavesWorld):
    assert freeze(world, people(REMOVED_AT_ONCE), 2) == EMPTY + PEOPLE + REMOVED + REGION
    assert stated("those of them who are removed, more") == REMOVED.total()
