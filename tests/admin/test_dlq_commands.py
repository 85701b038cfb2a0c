"""`gelombang dlq`: dead letters are listed without personal data, and sent again without losing any."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from moto.sqs.models import sqs_backends

from admin import desk
from admin.commands import dlq
from admin.deployment import stages
from chalicelib.clock import utc_now
from chalicelib.config import Programme, Settings
from chalicelib.notices import service as notices
from chalicelib.payouts import wire
from chalicelib.waves.award_queue import Message, encode_message
from tests.builders.commands import Terminal
from tests.builders.crashes import SOME_OR_ALL, Calls, Crash, die
from tests.builders.payouts.world import World, incentive_id, running
from tests.conftest import REGION

terminal = Terminal("dlq")


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


LEFT = "left_as_none_of_ours_or_refused_by_sqs"


def ours(count: int) -> list[str]:
    return [wire.encode_message(incentive_id(f"person-{number}")) for number in range(count)]


def test_each_message_is_listed_with_age_receives_and_entitlement(boxes, monkeypatch):
    (first,) = boxes.given_up(*ours(1))
    later = utc_now() + timedelta(days=1, seconds=30)
    monkeypatch.setattr(dlq, "utc_now", lambda: later)
    for times in (1, 2):
        listed = terminal.found("list")
        (row,) = listed["messages"]
        assert row["age"].startswith("1 day, 0:00:")
        assert [row[name] for name in ("id", "received", "about")] == [first, times, incentive_id("person-0")]
        assert (listed["queue"], listed["dead_letters_as_sqs_counts"]) == ("payouts", 1)


def test_foreign_messages_are_shown_by_their_length_only(boxes):
    hostile = [
        "3171234567890001 Ani",
        json.dumps({"v": 1, "entitlement_id": "3171234567890001"}),
        json.dumps({"v": 2, "entitlement_id": incentive_id("ani")}),
        json.dumps({"v": 1, "entitlement_id": incentive_id("ani"), "name": "Ani"}),
        "\x1b]0;Ani\x07" * 3,
    ]
    ids = boxes.given_up(*hostile)
    for output in (terminal.run("list").output, *(terminal.run("show", id_).output for id_ in ids)):
        assert "none of ours, " in output
        assert "3171234567890001" not in output
        assert "Ani" not in output
        assert "\x1b" not in output
    assert f"none of ours, {len(hostile[0])} bytes" in terminal.run("list").output


def test_a_message_is_shown_with_the_state_of_its_entitlement(boxes, world):
    entitlement = world.entitle(world.person("ani"))
    known, unknown = boxes.given_up(wire.encode_message(entitlement), *ours(1))
    shown = terminal.found("show", known)
    assert shown["id"] == known
    assert shown["first_sent_at"].startswith("20")
    assert [(one["id"], one["state"]) for one in shown["entitlement"]] == [(entitlement, "DUE")]
    assert [line.route for line in world.services.journal.of_person("ani")] == ["dlq show"]
    assert terminal.found("show", unknown)["entitlement"] == "the ledger has none such: the message does nothing"
    with pytest.MonkeyPatch.context() as slow:
        slow.setattr(desk, "STEPS_S", -1)
        late = terminal.run("show", "nothing")
        assert (late.exit_code, "these are not all: run it again" in late.output) == (1, True)
        assert "these are not all" in terminal.run("redrive", "nothing").output
    missing = terminal.run("show", "nothing")
    assert missing.exit_code == 1
    assert missing.output.startswith("Error: there is no message nothing")


def test_redriving_all_sends_our_messages_and_leaves_foreign_ones(boxes):
    bodies = ours(23)
    boxes.given_up(*bodies[:12], "not ours", *bodies[12:])
    assert terminal.found("redrive") == {"sent_again": 23, LEFT: 1}
    assert boxes.emptied(boxes.url) == sorted(bodies)
    assert boxes.emptied(boxes.dead) == ["not ours"], "and it can be read at once"


def test_a_message_is_sent_again_by_its_id_even_if_foreign(boxes):
    bodies = ours(14)
    ids = boxes.given_up(*bodies, "not ours")
    for chosen, body in ((ids[13], bodies[13]), (ids[14], "not ours")):
        assert terminal.found("redrive", chosen) == {"sent_again": 1}
        assert boxes.emptied(boxes.url) == [body]
    refused = terminal.run("redrive", ids[13])
    assert refused.exit_code == 1
    assert refused.output.startswith(f"Error: there is no message {ids[13]}")
    assert boxes.emptied(boxes.dead) == sorted(bodies[:13])


@SOME_OR_ALL
@pytest.mark.parametrize("moment", ["before", "after"])
def test_a_redrive_that_is_killed_at_any_call_loses_nothing(boxes, monkeypatch, moment, picked):
    bodies = ours(11)
    boxes.given_up(*bodies)
    calls = Calls(monkeypatch)
    assert terminal.found("redrive") == {"sent_again": 11, LEFT: 0}
    made = len(calls.made)
    assert [operation for _, operation in calls.made].count("SendMessageBatch") == 2
    calls.reset()
    for number in picked(range(made)):
        boxes.emptied(boxes.url)
        boxes.emptied(boxes.dead)
        boxes.given_up(*bodies)
        calls.reset()
        getattr(calls, moment)[number] = die
        with pytest.raises(Crash):
            terminal.run("redrive")
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
    assert terminal.found("redrive") == {"sent_again": 1, LEFT: 2}
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
            "result/145",
        ),
        (
            "registry",
            json.dumps({"v": 1, "registrant_id": "0a1b-2c3d", "version": 7}),
            json.dumps({"v": 1, "registrant_id": "Ani Wijaya", "version": 7}),
            "version 7 of a registration",
        ),
    ],
)
def test_other_queues_are_listed_by_what_they_are_about_and_sent_again(
    boxes, world, cloud, queue, ours, strange, about
):
    letters = Boxes(cloud, queue)
    letters.given_up(ours, strange)
    listed = terminal.found("list", "--queue", queue)
    assert {row["about"] for row in listed["messages"]} == {f"none of ours, {len(strange)} bytes", about}
    assert (listed["queue"], listed["dead_letters_as_sqs_counts"]) == (queue, 2)
    [id_] = [row["id"] for row in listed["messages"] if row["about"] == about]
    named = None if queue == "awards" else "0a1b-2c3d"
    assert "0a1b" not in str(listed), "no line says that the list was about this person"
    assert terminal.found("show", "--queue", queue, id_, "--reason", "stuck").get("registrant") == named
    if named:
        [look] = world.services.journal.of_person(named)
        assert (look.route, look.reason, look.outcome) == ("dlq show", "stuck", "done")
    assert terminal.found("redrive", "--queue", queue) == {"sent_again": 1, LEFT: 1}
    assert letters.emptied(letters.url) == [ours]
    assert boxes.emptied(boxes.url) == []


def test_an_empty_dead_letter_queue_is_no_error(boxes):
    assert terminal.found("list")["messages"] == []
    assert "messages: none" in terminal.run("list").output
    assert terminal.found("redrive") == {"sent_again": 0, LEFT: 0}
