from __future__ import annotations

import json
import logging
from datetime import datetime

import msgspec
import pytest

from chalicelib.payouts import wire
from chalicelib.payouts.errors import PendingOutcome, Superseded, UnknownEntitlement
from chalicelib.payouts.queue import consume
from chalicelib.payouts.rules import State
from tests.conftest import T0


class Scripted:
    """Processes ids as told: an exception to raise, or nothing."""

    def __init__(self, script: dict[str, Exception]) -> None:
        self.script = script
        self.seen: list[str] = []

    def process(self, entitlement_id: str, now: datetime) -> State:
        assert now == T0
        self.seen.append(entitlement_id)
        if entitlement_id in self.script:
            raise self.script[entitlement_id]
        return State.PAID


def records(*bodies: str) -> list[dict[str, str]]:
    return [{"messageId": f"m{place}", "body": body} for place, body in enumerate(bodies)]


def failed(answer: dict[str, list[dict[str, str]]]) -> list[str]:
    return [each["itemIdentifier"] for each in answer["batchItemFailures"]]


def test_each_message_fails_or_succeeds_on_its_own():
    payouts = Scripted(
        {
            "b": PendingOutcome(entitlement_id="b", reason="time-out"),
            "c": Superseded(entitlement_id="c"),
            "d": RuntimeError("anything"),
        }
    )
    answer = consume(records(*(wire.encode_message(id_) for id_ in "abcde")), payouts, T0)
    assert failed(answer) == ["m1", "m2", "m3"]
    assert payouts.seen == list("abcde")


def test_an_operator_finds_each_message_that_failed_and_why(caplog):
    payouts = Scripted(
        {
            "b": PendingOutcome(entitlement_id="b", reason="http_503"),
            "c": RuntimeError("with a secret"),
            "d": UnknownEntitlement(entitlement_id="d"),
        }
    )
    consume(records("not json", *(wire.encode_message(id_) for id_ in "bcd")), payouts, T0)
    known = ("message_id", "code", "reason", "error")
    assert [
        (each.levelname, each.message, *(getattr(each, name) for name in known if hasattr(each, name)))
        for each in caplog.records
    ] == [
        ("ERROR", "message_malformed", "m0"),
        ("WARNING", "message_comes_again", "m1", "payout_outcome_pending", "http_503"),
        ("ERROR", "message_failed", "m2", "RuntimeError"),
        ("WARNING", "message_ignored", "m3"),
    ]


def test_a_message_that_came_before_is_named_with_how_often(caplog):
    caplog.set_level(logging.INFO)
    body = wire.encode_message("a")
    again = [
        {"messageId": f"m{times}", "body": body, "attributes": {"ApproximateReceiveCount": times}} for times in "123"
    ]
    consume(again, Scripted({}), T0)
    assert [(each.message, each.message_id, each.received) for each in caplog.records] == [
        ("message_again", "m2", 2),
        ("message_again", "m3", 3),
    ]


def test_a_message_about_an_entitlement_that_is_not_ours_is_done_with_and_its_contents_are_not_logged(caplog):
    payouts = Scripted({"foreign": UnknownEntitlement(entitlement_id="foreign")})
    assert failed(consume(records(wire.encode_message("foreign")), payouts, T0)) == []
    assert [(record.levelname, record.message) for record in caplog.records] == [("WARNING", "message_ignored")]
    assert "foreign" not in str([vars(record) for record in caplog.records])


@pytest.mark.parametrize(
    "body",
    [
        "",
        "not json 3174012345678901",
        "[]",
        "{}",
        json.dumps({"v": 2, "entitlement_id": "a"}),
        json.dumps({"v": "1", "entitlement_id": "a"}),
        json.dumps({"v": 1, "entitlement_id": 7}),
        json.dumps({"v": 1, "entitlement_id": "a", "account": "3174012345678901"}),
    ],
)
def test_a_malformed_message_or_another_version_goes_back_and_its_contents_are_not_logged(body, caplog):
    payouts = Scripted({})
    with caplog.at_level(logging.DEBUG):
        assert failed(consume(records(body), payouts, T0)) == ["m0"]
    assert payouts.seen == []
    assert [record.message for record in caplog.records] == ["message_malformed"]
    assert "3174012345678901" not in str([vars(record) for record in caplog.records])


def test_a_message_has_its_version_and_the_id_only():
    assert json.loads(wire.encode_message("abc")) == {"v": 1, "entitlement_id": "abc"}
    assert wire.decode_message(wire.encode_message("abc")).entitlement_id == "abc"


@pytest.mark.parametrize(
    ("hint", "reference"),
    [
        ({"reference_id": "r-1"}, "r-1"),
        ({"event": "payout.succeeded", "data": {"reference_id": "r-2", "status": "SUCCEEDED"}}, "r-2"),
        ({"event": "payout.succeeded"}, ""),
    ],
)
def test_a_hint_is_read_in_both_forms_and_for_its_reference_only(hint, reference):
    assert msgspec.json.decode(json.dumps(hint), type=wire.FspHint).reference == reference
