"""What it costs to decide the winners of a wave over the queue, as docs/costs.md has it."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta

import msgspec
import pytest

from chalicelib.config import Programme, Settings
from tests.builders.crashes import Calls
from tests.builders.registration import other_form, registrations
from tests.builders.waves import CLOSES, FREEZES, OPENS, ROUND, WavesWorld
from tests.conftest import ROOT, T0

WINNERS = 25


@pytest.fixture
def world(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> WavesWorld:
    """People who are really registered, each on a family card of their own, all of whom win."""
    awards = msgspec.structs.replace(programme.draw.awards, batch=WINNERS, ahead_from=1)
    figures = msgspec.structs.replace(programme, draw=msgspec.structs.replace(programme.draw, awards=awards))
    world = WavesWorld(cloud, figures, T0)
    monkeypatch.setattr("moto.s3.models.utcnow", world.clock.utcnow)
    world.restart(people=registrations(cloud, programme))
    for number in range(1, WINNERS + 1):
        world.people.register(f"sub-{number}", other_form(number, kk=f"317409010101{number:04d}"), T0)
    world.step()
    world.clock.now = OPENS
    for number in range(1, WINNERS + 1):
        world.waves.join(f"sub-{number}", OPENS)
    world.at(OPENS, CLOSES, FREEZES, ROUND)
    return world


def test_a_batch_costs_five_calls_and_each_award_four_more(world, monkeypatch):
    [body] = world.queued_awards()
    calls = Calls(monkeypatch)
    assert world.take_awards(body) == []
    assert Counter(calls.made) == {
        ("dynamodb", "GetItem"): 3 + 2 * WINNERS,
        ("dynamodb", "BatchGetItem"): 1,
        ("dynamodb", "TransactWriteItems"): WINNERS,
        ("dynamodb", "UpdateItem"): WINNERS,
        ("dynamodb", "PutItem"): 1,
    }
    calls.reset()
    assert world.take_awards(body) == [], "the same again"
    assert Counter(name for _, name in calls.made) == {"GetItem": 3, "BatchGetItem": 2, "PutItem": 1}
    world.step()
    calls.reset()
    assert world.take_awards(body) == [], "when the wave is settled"
    assert calls.made == [("dynamodb", "GetItem")]


def test_the_step_that_queues_reads_the_cards_of_a_hundred_at_once(world, monkeypatch):
    world.clock.now = ROUND + timedelta(seconds=world.programme.draw.awards.resend_after_s)
    calls = Calls(monkeypatch)
    assert world.step() == []
    made = Counter(calls.made)
    assert made["dynamodb", "BatchGetItem"] == 1
    assert made["sqs", "SendMessageBatch"] == 1
    calls.reset()
    assert world.step() == [], "batches are out"
    assert made["dynamodb", "Query"] > 64, "every entry was read"
    assert Counter(name for _, name in calls.made) == {"Query": 3, "GetItem": 3}


def test_the_page_says_so():
    page = (ROOT / "docs/costs.md").read_text()
    assert "| a batch of winners, over the queue | 5: 3 gets, 1 batch get, 1 put |" in page
    assert "| an award in it, more | 4: 2 gets, 1 transaction of 4 items, 1 update |" in page
