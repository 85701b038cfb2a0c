"""What a message of the queue of awards says is not believed."""

from __future__ import annotations

import json

import pytest

from chalicelib.config import Programme, Settings
from chalicelib.waves.award_queue import Message, encode_message
from tests.builders.awards import NAMES, drawn, queueing_world, sent
from tests.builders.waves import WAVE, WavesWorld


@pytest.fixture
def world(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> WavesWorld:
    return queueing_world(cloud, programme, monkeypatch)


def refused(world: WavesWorld, caplog: pytest.LogCaptureFixture, body: str) -> str:
    """Hand in a message that must fail and change nothing; the reason that is logged."""
    before = {one.registrant_id: one.outcome for one in world.entries.candidates(WAVE)}
    caplog.clear()
    assert world.take_awards(body) == [body]
    assert {one.registrant_id: one.outcome for one in world.entries.candidates(WAVE)} == before
    assert world.store.awarded(WAVE) == {}
    [record] = [record for record in caplog.records if record.levelname == "ERROR"]
    assert (record.message, record.code) == ("message_refused", "bad_award_message")
    return record.reason


def test_who_was_not_drawn_is_awarded_nothing_nor_is_anybody_else_of_that_message(world, caplog):
    bodies = sent(world)
    winners = {who for body in bodies for who in json.loads(body)["people"]}
    loser = next(name for name in NAMES if name not in winners)
    said = json.loads(bodies[0])
    for people in ([loser], [said["people"][0], loser], [said["people"][0], "nobody"]):
        assert refused(world, caplog, json.dumps(said | {"people": people})) == "nobody_drawn"


@pytest.mark.parametrize("body", ["", "[]", "{}", '{"v":2,"wave":145,"batch":1,"people":["a"]}', "3174012345678901"])
def test_a_malformed_message_changes_nothing_and_its_contents_are_not_logged(world, caplog, body):
    drawn(world)
    assert world.take_awards(body) == [body]
    assert world.store.awarded(WAVE) == {}
    assert [one.message for one in caplog.records if one.levelname == "ERROR"] == ["message_malformed"]
    assert "3174012345678901" not in str([vars(record) for record in caplog.records])


def test_a_message_about_a_wave_that_is_not_drawn_is_refused(world, caplog):
    drawn(world)
    for wave in (WAVE + 1, 999):
        assert refused(world, caplog, encode_message(Message(wave, 1, (NAMES[0],)))) == "not_drawn"
