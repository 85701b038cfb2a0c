"""What rings is logged when it happens, and not otherwise; the alarms' own tests are in tests/architecture."""

from __future__ import annotations

import json
import logging
from collections.abc import Iterator
from dataclasses import replace
from types import SimpleNamespace

import pytest

from chalicelib.config import Programme, Settings
from chalicelib.payouts import alarm_words
from chalicelib.payouts.rules import Answer, Outcome, State
from tests.builders.payouts.states import Place, Saying, placed
from tests.builders.payouts.world import World, running


@pytest.fixture
def world(cloud: Settings, programme: Programme) -> Iterator[World]:
    with running(World(cloud, programme, Saying)) as world:
        yield world


def rung(caplog: pytest.LogCaptureFixture, word: str) -> list[logging.LogRecord]:
    return [record for record in caplog.records if record.message == word]


def test_a_sweep_counts_what_has_been_under_way_for_an_hour_each_time_it_comes_by(world, caplog):
    for number in range(3):
        placed(world, f"person-{number}", Place(State.SENDING))
    placed(world, "paid", Place(State.PAID))
    placed(world, "failed", Place(State.FAILED))
    world.later(seconds=alarm_words.SENDING_LONG_S - 1)
    world.payouts.sweep(world.now)
    assert rung(caplog, alarm_words.SENDING_LONG) == []
    for _ in range(2):
        world.later(seconds=world.rules.requeue_after_s + 1)
        world.payouts.sweep(world.now)
    assert [record.count for record in rung(caplog, alarm_words.SENDING_LONG)] == [3, 3]
    assert {record.levelno for record in rung(caplog, alarm_words.SENDING_LONG)} == {logging.WARNING}


def test_a_new_attempt_is_young_however_long_the_entitlement_has_been_open(world, caplog):
    entitlement = world.store.get(world.entitle(world.person("ani")))
    world.later(days=3)
    world.fsp.answer = Answer(Outcome.PENDING, "ACCEPTED")
    assert world.worker.process(entitlement.id, world.now) is State.SENDING
    world.payouts.sweep(world.now)
    assert rung(caplog, alarm_words.SENDING_LONG) == []


def test_what_a_bank_file_pays_takes_its_days_and_rings_when_nobody_comes_back_to_it(world, caplog, monkeypatch):
    entitlement = placed(world, "ani", Place(State.FAILED))
    claim = world.store.claim
    by_file = lambda before, attempt, now: claim(before, replace(attempt, rail="bank-file"), now)  # noqa: E731
    monkeypatch.setattr(world.store, "claim", by_file)
    world.fsp.answer = Answer(Outcome.PENDING, "awaits_bank_file")
    world.later(seconds=world.rules.requeue_after_s)
    assert world.worker.process(entitlement.id, world.now) is State.SENDING
    world.later(seconds=alarm_words.BY_FILE_LONG_S - 1)
    assert world.payouts.sweep(world.now) == 1
    assert rung(caplog, alarm_words.SENDING_LONG) == rung(caplog, alarm_words.BY_FILE_LONG) == []
    for _ in range(2):
        world.later(seconds=world.rules.requeue_after_s * world.rules.held_look_factor + 1)
        world.payouts.sweep(world.now)
    assert [record.count for record in rung(caplog, alarm_words.BY_FILE_LONG)] == [1, 1]
    assert rung(caplog, alarm_words.SENDING_LONG) == []


def test_a_word_of_the_provider_that_is_not_known_rings_and_settles_nothing(world, caplog, monkeypatch):
    entitlement = placed(world, "ani", Place(State.SENDING))
    answer = {"reference_id": f"{entitlement.id}-1", "status": "TELEPORTED", "amount": 600_000}
    response = SimpleNamespace(status=200, data=json.dumps([answer]).encode())
    monkeypatch.setattr("urllib3.PoolManager.request", lambda *_, **__: response)
    assert world.worker.process(entitlement.id, world.now) is State.SENDING
    (record,) = rung(caplog, alarm_words.STATUS_UNKNOWN)
    assert record.status == "TELEPORTED"


@pytest.mark.parametrize(
    ("answer", "state", "level"),
    [
        (Answer(Outcome.SUCCEEDED, "SUCCEEDED", 600_000), State.PAID, logging.INFO),
        (Answer(Outcome.SUCCEEDED, "SUCCEEDED", 599_999), State.HELD, logging.ERROR),
        (Answer(Outcome.DUPLICATE, "reference_known_twice"), State.HELD, logging.ERROR),
        (Answer(Outcome.REVERSED, "REVERSED", 600_000), State.REVERSED, logging.ERROR),
    ],
)
def test_a_transition_that_needs_a_person_is_an_error_in_the_log(world, caplog, answer, state, level):
    caplog.set_level(logging.INFO)
    entitlement = placed(world, "ani", Place(State.SENDING))
    world.fsp.answer = answer
    assert world.worker.process(entitlement.id, world.now) is state
    assert rung(caplog, alarm_words.MOVED)[-1].levelno == level


def test_a_provider_that_denies_what_was_paid_is_an_error_in_the_log(world, caplog):
    entitlement = placed(world, "ani", Place(State.PAID))
    world.fsp.answer = Answer(Outcome.FAILED, "FAILED", 600_000)
    assert world.worker.process(entitlement.id, world.now) is State.PAID
    assert [record.levelno for record in rung(caplog, alarm_words.CONTRADICTED)] == [logging.ERROR]
