"""`gelombang dlq`: dead letters are listed without personal data, and sent again without losing any."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from click.testing import CliRunner, Result
from moto.sqs.models import sqs_backends

from admin.cli import main
from admin.commands import dlq
from admin.deployment import stages
from chalicelib.clock import utc_now
from chalicelib.config import Programme, Settings
from chalicelib.notices import service as notices
from chalicelib.payouts import wire
from chalicelib.waves.award_queue import Message, encode_message
from tests.builders.crashes import Calls, Crash, die
from tests.builders.payouts.world import World, incentive_id, running
from tests.conftest import REGION


class Boxes:
    """A queue and its dead letters."""

    def __init__(self, settings: Settings, queue: str = "payouts") -> None:
        self.sqs = boto3.client("sqs", REGION)
        self.url = getattr(settings, f"{queue}_queue_url")
        self.dead = f"{self.url}-dead"

    def given_up(self, *bodies: str) -> list[str]:
        return [self.sqs.send_message(QueueUrl=self.dead, MessageBody=body)["MessageId"] for body in bodies]

    def emptied(self, url: str) -> list[str]:
        """What can be read in a queue; it is gone then."""
        got: list[str] = []
        while messages := self.sqs.receive_message(QueueUrl=url, MaxNumberOfMessages=10).get("Messages"):
            got += [message["Body"] for message in messages]
            for message in messages:
                self.sqs.delete_message(QueueUrl=url, ReceiptHandle=message["ReceiptHandle"])
        return sorted(got)


@pytest.fixture
def world(cloud: Settings, programme: Programme) -> Iterator[World]:
    with running(World(cloud, programme)) as world:
        yield world


@pytest.fixture
def boxes(world: World, cloud: Settings, monkeypatch: pytest.MonkeyPatch) -> Boxes:
    services = world.services
    monkeypatch.setattr(stages, "load", lambda _: SimpleNamespace(services=services, settings=cloud))
    monkeypatch.setattr(dlq, "WAIT_S", 0)
    return Boxes(cloud)


def run(*words: str) -> Result:
    return CliRunner().invoke(main, ["dlq", *words, "--stage", "test"])


def lines(*words: str) -> list[str]:
    result = run(*words)
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def ours(count: int) -> list[str]:
    return [wire.encode_message(incentive_id(f"person-{number}")) for number in range(count)]


def test_each_message_is_listed_with_age_receives_and_entitlement(boxes, monkeypatch):
    (first,) = boxes.given_up(*ours(1))
    later = utc_now() + timedelta(days=1, seconds=30)
    monkeypatch.setattr(dlq, "utc_now", lambda: later)
    for times in (1, 2):
        (line, total) = lines("list")
        assert line.startswith(f"{first}  1 day, 0:00:")
        assert line.endswith(f"old  received {times}  {incentive_id('person-0')}")
        assert total == "1 in the dead-letter queue of the payouts, as SQS counts"


def test_foreign_messages_are_shown_by_their_length_only(boxes):
    hostile = [
        "3171234567890001 Ani",
        json.dumps({"v": 1, "entitlement_id": "3171234567890001"}),
        json.dumps({"v": 2, "entitlement_id": incentive_id("ani")}),
        json.dumps({"v": 1, "entitlement_id": incentive_id("ani"), "name": "Ani"}),
        "\x1b]0;Ani\x07" * 3,
    ]
    ids = boxes.given_up(*hostile)
    for output in (run("list").output, *(run("show", id_).output for id_ in ids)):
        assert "none of ours, " in output
        assert "3171234567890001" not in output
        assert "Ani" not in output
        assert "\x1b" not in output
    assert f"none of ours, {len(hostile[0])} bytes" in run("list").output


def test_a_message_is_shown_with_the_state_of_its_entitlement(boxes, world):
    entitlement = world.entitle(world.person("ani"))
    known, unknown = boxes.given_up(wire.encode_message(entitlement), *ours(1))
    shown = lines("show", known)
    assert shown[0].startswith(known)
    assert shown[1].startswith("  first sent 20")
    assert shown[2].startswith(f"  {entitlement}  DUE  n=0")
    assert lines("show", unknown)[2] == "  the ledger has no such entitlement: the message does nothing"
    missing = run("show", "nothing")
    assert missing.exit_code == 1
    assert missing.output.startswith("Error: there is no message nothing")


def test_redriving_all_sends_our_messages_and_leaves_foreign_ones(boxes):
    bodies = ours(23)
    boxes.given_up(*bodies[:12], "not ours", *bodies[12:])
    assert lines("redrive") == ["23 sent again; 1 left, being none of ours or refused by SQS"]
    assert boxes.emptied(boxes.url) == sorted(bodies)
    assert boxes.emptied(boxes.dead) == ["not ours"], "and it can be read at once"


def test_a_message_is_sent_again_by_its_id_even_if_foreign(boxes):
    bodies = ours(14)
    ids = boxes.given_up(*bodies, "not ours")
    for chosen, body in ((ids[13], bodies[13]), (ids[14], "not ours")):
        assert lines("redrive", chosen) == [f"{chosen} sent again"]
        assert boxes.emptied(boxes.url) == [body]
    refused = run("redrive", ids[13])
    assert refused.exit_code == 1
    assert refused.output.startswith(f"Error: there is no message {ids[13]}")
    assert boxes.emptied(boxes.dead) == sorted(bodies[:13])


@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_redrive_that_is_killed_at_any_call_loses_nothing(boxes, monkeypatch, moment):
    bodies = ours(12)
    boxes.given_up(*bodies)
    calls = Calls(monkeypatch)
    assert lines("redrive") == ["12 sent again"]
    made = len(calls.made)
    assert [operation for _, operation in calls.made].count("SendMessageBatch") == 2
    calls.reset()
    for number in range(made):
        boxes.emptied(boxes.url)
        boxes.emptied(boxes.dead)
        boxes.given_up(*bodies)
        calls.reset()
        getattr(calls, moment)[number] = die
        with pytest.raises(Crash):
            run("redrive")
        calls.reset()
        _show_what_is_hidden()
        assert {*boxes.emptied(boxes.url), *boxes.emptied(boxes.dead)} == set(bodies), (moment, number)


def _show_what_is_hidden() -> None:
    """As time does."""
    backend: Any = sqs_backends["123456789012"][REGION]
    for queue in backend.queues.values():
        for message in queue._messages:
            message.visible_at = 0


def test_a_message_that_sqs_refuses_stays_in_the_dead_letter_queue(boxes, monkeypatch):
    boxes.given_up(*ours(3))
    send = dlq.DeadLetters._send
    monkeypatch.setattr(dlq.DeadLetters, "_send", lambda self, letters: send(self, letters[:1]))
    assert lines("redrive") == ["1 sent again; 2 left, being none of ours or refused by SQS"]
    assert len(boxes.emptied(boxes.dead)) == 2


AWARD = {"v": 1, "wave": 145, "batch": 17, "people": ["Ani Wijaya"]}


@pytest.mark.parametrize(
    ("queue", "ours", "strange", "about"),
    [
        (
            "awards",
            encode_message(Message(145, 17, ("person-1", "person-2"))),
            json.dumps(AWARD),
            "wave 145, batch 17, 2 people",
        ),
        (
            "mails",
            notices.encode_message("0a1b-2c3d", "result/145"),
            notices.encode_message("Ani Wijaya", "result/145"),
            "0a1b-2c3d result/145",
        ),
    ],
)
def test_other_queues_are_listed_by_what_they_are_about_and_sent_again(boxes, cloud, queue, ours, strange, about):
    letters = Boxes(cloud, queue)
    letters.given_up(ours, strange)
    *listed, total = lines("list", "--queue", queue)
    assert {line.split("received 1  ")[1] for line in listed} == {f"none of ours, {len(strange)} bytes", about}
    assert total == f"2 in the dead-letter queue of the {queue}, as SQS counts"
    assert lines("redrive", "--queue", queue)[0].startswith("1 sent again; 1 left")
    assert letters.emptied(letters.url) == [ours]
    assert boxes.emptied(boxes.url) == []


def test_an_empty_dead_letter_queue_is_no_error(boxes):
    assert lines("list") == ["0 in the dead-letter queue of the payouts, as SQS counts"]
    assert lines("redrive") == ["0 sent again"]
