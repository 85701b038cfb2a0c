"""The administration's application: what it lets through, what it keeps, and what it tells of what goes wrong."""

from __future__ import annotations

import json
import logging
from typing import Any
from unittest.mock import patch

import pytest

from admin.commands.administered import COMMANDS
from admin.desk import CHECKER, EVERYONE, MAKER
from admin.messages import Answer
from admin.office import route
from tests.administration.shelf import NIK, SARI, Room
from tests.builders.commands import ACCOUNT


def test_only_administered_commands_have_a_route_and_each_asks_iam(room: Room) -> None:
    assert sorted(room.app.routes) == [
        f"/shelf/{name}" for name in ("approve", "count", "find", "leaf", "put", "read", "wait", "walk")
    ]
    for methods in room.app.routes.values():
        assert [one.authorizer.to_swagger()["x-amazon-apigateway-authtype"] for one in methods.values()] == ["awsSigv4"]
        assert list(methods) == ["POST"]
    assert {route(words) for words in COMMANDS} >= {"/payout/hold", "/wave/add", "/payout/plan/stop"}


@pytest.mark.parametrize(
    "body",
    [
        b"", b"[]", b"{", b'{"arguments": []}', {"stage": 1}, {"arguments": {"registrant": 1}},
        {"arguments": {"registrant": {"$": 1}}}, {"arguments": {}, "caller": "arn"},
    ],
)  # fmt: skip
def test_what_is_no_request_is_refused(room: Room, body: object) -> None:
    status, problem = room.send("/shelf/put", body)
    assert status == 400
    assert problem["code"] in {"malformed_request", "unknown_field", "usage"}
    assert room.journal.lines == []


@pytest.mark.parametrize(
    "arguments",
    [
        {"where": "here"}, {"stage": "prod"}, {"json": True}, {"help": True}, {"count": "10"}, {"count": "x"},
        {"count": ["1"]}, {"count": True}, {"pair": [["1", "2", "3"]]}, {"pair": ["1"]}, {"reason": ""},
        {"registrant": ["a"]}, {"registrant": True}, {"twice": "yes", "count": "0"},
        {"twice": "true"}, {"twice": []},
    ],
)  # fmt: skip
def test_arguments_are_what_the_command_declares_and_its_local_options_are_unknown(room: Room, arguments: Any) -> None:
    status, problem = room.put(**arguments)
    assert (status, problem["code"]) == (400, "usage")
    assert room.journal.lines == []


def test_values_that_look_like_options_are_values(room: Room) -> None:
    status, answer = room.put(registrant="--help", reason="--count=3", count="3", pair=[["1", "2"], ["3", "4"]])
    rows = {
        "put": "--help",
        "count": 3,
        "pairs": [[1, 2], [3, 4]],
        "twice": False,
        "by": "person/sari",
        "reason": "--count=3",
    }
    assert (status, answer["rows"]) == (200, rows)


def test_what_is_done_is_written_down_before_and_after(room: Room) -> None:
    room.put()
    begun, outcome = room.journal.lines
    assert (begun.person, begun.arn, begun.route) == ("person/sari", SARI, "shelf put")
    assert (begun.about, begun.registrant, begun.reason, outcome) == (("siti",), "siti", "trial", "done")
    assert [room.put(registrant=who)[0] for who in ("nobody", "full", "broken")] == [404, 409, 500]
    assert room.journal.lines[3::2] == ["not_found", "refused", "failed"]


def test_a_line_has_what_was_typed_and_what_was_made_and_no_words(room: Room) -> None:
    room.put(count="3", pair=[["1", "2"]], twice=True, reason="trial")
    assert room.journal.lines[0].about == ("siti", "count=3", "pair=((1, 2),)", "twice=True")
    assert room.journal.made == ["thing-1"]
    command = COMMANDS["grievance answer"]
    digest = "ba7816bf8f01cfea414140de5dae2223b00361a396177a9cb410ff61f20015ad"
    assert list(command._options({"number": "1", "text": "dear Siti", "file": b"abc"})) == [f"file=sha256:{digest}"]
    assert list(room.app.commands["shelf find"]._options({"nik": NIK})) == []


def test_nothing_is_done_that_cannot_be_written_down(room: Room) -> None:
    with patch.object(room.journal, "write", side_effect=OSError("no table")):
        assert room.send("/shelf/approve", {"arguments": {"name": "shelf"}})[0] == 500
    assert room.things == {"shelf": "proposed"}


def test_who_has_no_name_does_nothing(room: Room) -> None:
    status, problem = room.send("/shelf/approve", {"arguments": {"name": "shelf"}}, f"arn:aws:iam::{ACCOUNT}:root")
    assert (status, problem["code"], room.journal.lines) == (403, "unnamed_session", [])


def test_a_command_that_names_another_stage_does_nothing(room: Room, terminal: Any) -> None:
    room.settings.stage = "prod"  # its address was given for the stage `test`
    told = terminal("approve", "shelf", "--yes")
    assert (told.exit_code, room.things, room.journal.lines) == (1, {"shelf": "proposed"}, [])
    assert "this is the administration of the stage prod, not of test" in told.stderr


def test_an_unforeseen_error_tells_nothing_of_its_message(room: Room, caplog: pytest.LogCaptureFixture) -> None:
    with caplog.at_level(logging.INFO):
        status, problem = room.put(registrant="broken")
    assert (status, problem["code"]) == (500, "unexpected")
    assert NIK not in json.dumps(problem)
    (logged,) = [one for one in caplog.records if one.message == "request_failed"]
    assert NIK not in str(vars(logged))


def test_what_is_approved_is_what_was_seen(room: Room, terminal: Any) -> None:
    asked = room.send("/shelf/approve", {"arguments": {"name": "shelf"}})[1]
    assert asked["rows"] == {"approve": "shelf", "now": "proposed"}
    room.things["shelf"] = "proposed anew"
    seen = {"arguments": {"name": "shelf"}, "seen": asked["asks"]}
    assert room.send("/shelf/approve", seen)[1]["rows"]["now"] == "proposed anew"
    assert room.things["shelf"] == "proposed anew"
    assert terminal("approve", "shelf", input="n\n").exit_code == 1
    assert room.things["shelf"] == "proposed anew"
    assert terminal("approve", "shelf", "--json").exit_code == 2
    done = terminal("approve", "shelf", input="y\n")
    assert "proposed anew" in done.output
    assert room.things["shelf"] == "approved"
    room.things["shelf"] = "once more"
    assert json.loads(terminal("approve", "shelf", "--yes", "--json").stdout) == {"done": "shelf"}
    asked_and_done = ["asked", "asked", "asked", "asked", "asked", "done", "asked", "done"]
    assert room.journal.lines[1::2] == asked_and_done, "nothing says done that was not"
    approved = [one is not None for one in room.journal.approved]
    assert approved == [said == "done" for said in asked_and_done]


@pytest.mark.parametrize("seen", ["081234567890", "f" * 63, "F" * 64, "f" * 64 + "\n"])
def test_what_is_approved_is_a_digest_and_no_other_text(room: Room, seen: str) -> None:
    status, _ = room.send("/shelf/approve", {"arguments": {"name": "shelf"}, "seen": seen})
    assert (status, room.journal.lines) == (400, [])


def test_what_was_done_is_answered_even_if_its_end_cannot_be_written(
    room: Room, caplog: pytest.LogCaptureFixture
) -> None:
    with patch.object(room.journal, "end", side_effect=OSError(f"the message has {NIK}")):
        status, answer = room.put()
    assert (status, answer["rows"]["put"]) == (200, "siti")
    (logged,) = [one for one in caplog.records if one.message == "outcome_not_kept"]
    assert (logged.levelname, NIK in str(vars(logged))) == ("ERROR", False)


def test_an_answer_that_the_gateway_could_not_carry_is_refused(room: Room, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("admin.office.ANSWER_MAX", 10)
    assert room.put()[1]["code"] == "answer_too_large"


def test_a_command_about_one_persons_thing_finds_the_person() -> None:
    about = {"entitlement_id", "number", "nik"}  # of a grievance; a wave's number is nobody's
    named = {words for words, command in COMMANDS.items() if about & {one.name for one in command.sent}}
    assert {words for words in named if COMMANDS[words].whose is None} == {
        words for words in named if words.startswith(("wave ", "statistics ", "draw "))
    }


def test_every_set_of_a_command_is_one_that_there_is() -> None:
    assert {name for command in COMMANDS.values() for name in command.sets} <= set(EVERYONE)
    assert all(command.sets for command in COMMANDS.values())
    assert Answer() == Answer(None)


def test_every_proposal_can_be_taken_back_by_its_maker_or_rejected() -> None:
    """`partner revoke` takes an office back that an operator has added."""
    groups = {words.rpartition(" ")[0] for words in COMMANDS if words.endswith(" approve")} - {"partner"}
    assert len(groups) >= 9
    for group in groups:
        takers = [COMMANDS.get(f"{group} {name}") for name in ("reject", "cancel", "give-up")]
        assert {MAKER, CHECKER} in [one.sets for one in takers if one], group
