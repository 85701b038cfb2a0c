"""Joins and steps that truly run at the same time: one ticket a person, two a family card, each transition once."""

from __future__ import annotations

import json
import os
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import replace
from datetime import timedelta
from threading import Lock
from typing import Any
from uuid import uuid4

import boto3
import pytest
from moto import mock_aws

from chalicelib import dynamo
from chalicelib.config import Programme, Settings
from chalicelib.ids import system_randomness
from chalicelib.waves.beneficiaries import FamilyItem
from chalicelib.waves.rules import NEXT, Outcome, State
from tests.builders.waves import CLOSES, FREEZES, OPENS, ROUND, WAVE, WavesWorld, registrant
from tests.conftest import REGION, ROOT, T0

pytestmark = [
    pytest.mark.dynamodb,
    pytest.mark.skipif("GELOMBANG_TEST_DYNAMODB" not in os.environ, reason="needs DynamoDB Local: make test-dynamodb"),
]

AT_ONCE = 8
FAMILIES = 6
TWO_WEEKS = timedelta(days=14)


@pytest.fixture
def world(monkeypatch: pytest.MonkeyPatch, programme: Programme) -> Iterator[WavesWorld]:
    """The table on DynamoDB Local, everything else on moto."""
    monkeypatch.setenv("AWS_ENDPOINT_URL_DYNAMODB", os.environ["GELOMBANG_TEST_DYNAMODB"])
    # It keeps its client for good; it must be one that talks to DynamoDB Local.
    dynamo._connection.cache_clear()
    stage = f"r{uuid4().hex[:8]}"
    asked = json.loads((ROOT / ".chalice/data-stack.json").read_text())["Resources"]["WavesTable"]["Properties"]
    kept = ("AttributeDefinitions", "KeySchema", "BillingMode")
    with mock_aws():
        client: Any = boto3.client("dynamodb", REGION)
        client.create_table(TableName=f"gelombang-{stage}-waves", **{key: asked[key] for key in kept})
        boto3.client("s3", REGION).create_bucket(
            Bucket="results", CreateBucketConfiguration={"LocationConstraint": REGION}
        )
        topic = boto3.client("sns", REGION).create_topic(Name="announcements")["TopicArn"]
        world = WavesWorld(_settings(stage, topic), programme, T0)
        monkeypatch.setattr("moto.s3.models.utcnow", world.clock.utcnow)
        _one_put_at_a_time(world, monkeypatch)
        world.randomness = system_randomness
        world.step()
        world.at(OPENS)
        yield world
        client.delete_table(TableName=f"gelombang-{stage}-waves")
    dynamo._connection.cache_clear()


def _settings(stage: str, topic: str) -> Settings:
    nothing = dict.fromkeys(Settings.__struct_fields__, "")
    known = {"stage": stage, "region": REGION, "results_bucket": "results", "announcements_topic": topic}
    return Settings(**nothing | known | {"results_url": "https://results.example", "beacon_relays": ()})


def _one_put_at_a_time(world: WavesWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """As S3 is, and moto is not: a condition and its write are one."""
    lock, put = Lock(), world.publication._put

    def locked(*args: Any, **conditions: str) -> None:
        with lock:
            put(*args, **conditions)

    monkeypatch.setattr(world.publication, "_put", locked)


def together(calls: list[Callable[[], Any]]) -> list[Any]:
    """These calls, each in a thread of its own."""
    with ThreadPoolExecutor(len(calls)) as pool:
        return [future.result() for future in [pool.submit(call) for call in calls]]


def test_two_devices_at_once_get_one_ticket(world):
    for n in range(20):
        name = f"person-{n}"
        world.people.add(registrant(name))
        services = [world.new_waves() for _ in range(AT_ONCE)]
        answers = together([lambda waves=waves, name=name: waves.join(name, OPENS) for waves in services])
        assert len({receipt.ticket for receipt, _ in answers}) == 1
        assert [new for _, new in answers].count(True) == 1


def test_steps_at_once_record_each_transition_once_and_never_exceed_a_family(world, tmp_path):
    names = [f"person-{n}" for n in range(FAMILIES * 3)]
    for n, name in enumerate(names):
        world.people.add(replace(registrant(name), kk_mac=f"kk-{n % FAMILIES}"))
        world.join(name)
    recorded = [State.OPEN]
    for now in (CLOSES, FREEZES, ROUND):
        world.clock.now = now
        steppers = [world.new_stepper() for _ in range(AT_ONCE)]
        for done in together(
            [lambda one=one: one.advance(world.clock.now, 60, world.clock.seconds) for one in steppers]
        ):
            recorded += [transition.state for transition in done]
    assert sorted(recorded) == sorted(NEXT.values())
    outcomes = [one.outcome for one in world.entries.candidates(WAVE)]
    assert sorted(outcomes) == sorted([Outcome.CHOSEN] * 2 * FAMILIES + [Outcome.FAMILY_CARD] * FAMILIES)
    for n in range(FAMILIES):
        assert len(FamilyItem.get(f"K#kk-{n}", "HOLDERS").holders) == 2
    assert world.store.wave(WAVE).chosen == world.store.allotted(2026) == 2 * FAMILIES
    assert world.failed_checks(WAVE, tmp_path) == []


def test_two_waves_that_award_the_same_people_at_once_choose_each_once(world):
    """Both draws are done; the first wave was held up until the second was drawn too."""
    names = [f"person-{n}" for n in range(12)]
    world.join(*names)
    world.beacons.silent = True
    for now in (CLOSES, FREEZES):
        world.at(now)
    world.clock.now = OPENS + TWO_WEEKS
    world.step()
    world.join(*names)
    world.at(CLOSES + TWO_WEEKS)
    world.at(FREEZES + TWO_WEEKS)
    world.clock.now = ROUND + TWO_WEEKS
    world.beacons.silent = False
    steppers = [world.new_stepper() for _ in range(AT_ONCE)]
    together([lambda one=one: one.advance(world.clock.now, 60, world.clock.seconds) for one in steppers])
    chosen = {number: world.store.wave(number).chosen for number in (145, 146)}
    assert sum(chosen.values()) == len(names)
    for name in names:
        outcomes = {world.entries.find(number, name).outcome for number in (145, 146)}
        assert outcomes == {Outcome.CHOSEN, Outcome.ALREADY_BENEFICIARY}
