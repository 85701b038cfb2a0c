"""The administration's application: what it lets through, what it keeps, and what it tells of what goes wrong."""

from __future__ import annotations

import json
import logging
from collections.abc import Callable, Iterator
from datetime import datetime
from hashlib import sha256
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from types import SimpleNamespace
from typing import Any
from unittest.mock import patch

import click
import click.testing
import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from admin import cli, client, desk
from admin.commands.administered import COMMANDS
from admin.deployment import stages
from admin.desk import CHECKER, EVERYONE, MAKER, Administered, Asked, Desk, file_argument
from admin.messages import Answer
from admin.office import Office, administered, route
from admin.options import Local, reason_option, stage_options, yes_option
from chalicelib.administration.journal import Line
from chalicelib.errors import NotFound
from tests.builders.commands import ACCOUNT, request
from tests.conftest import REGION

SARI = f"arn:aws:iam::{ACCOUNT}:user/Sari"
shelf = click.Group("shelf")
NIK = "3174095708950001"


@shelf.command(cls=Administered, sets=(MAKER,))
@click.argument("registrant")
@click.option("--count", type=click.IntRange(1, 9))
@click.option("--pair", type=(int, int), multiple=True)
@click.option("--twice", is_flag=True)
@click.option("--where", cls=Local)
@reason_option
def put(at: Desk, registrant: str, count: int | None, pair: Any, twice: bool, reason: str) -> None:
    if registrant == "nobody":
        raise NotFound()
    if registrant == "broken":
        raise ValueError(f"the message has {NIK}")
    if registrant == "full":
        raise click.ClickException("the shelf is full")
    at.made.append("thing-1")
    at.show({"put": registrant, "count": count, "pairs": pair, "twice": twice, "by": at.caller, "reason": reason})


@shelf.command(cls=Administered, sets=(CHECKER,))
@click.argument("name")
@yes_option
def approve(at: Desk, name: str) -> None:
    at.ask_back({"approve": name, "now": at.services.things[name]})
    at.services.things[name] = "approved"
    at.show({"done": name})


@shelf.command(cls=Administered, sets=(MAKER,))
@click.option("--nik", cls=Asked, prompt="NIK", hide_input=True, hidden=True)
def find(at: Desk, nik: str) -> None:
    at.show([{"found": len(nik)}])


@shelf.command(cls=Administered, sets=EVERYONE)
@file_argument
def read(at: Desk, file: bytes) -> None:
    at.show({"bytes": len(file)})


@shelf.command(cls=Administered, sets=(MAKER,))
def walk(at: Desk) -> None:
    for step in at.steps(5):
        at.counts["sum"] += step
    at.show({"sum": at.counts["sum"]})


@shelf.command(cls=Administered, sets=(MAKER,))
def count(at: Desk) -> None:
    for number in range(int(at.cursor or 0), 7):
        at.rows.append({"number": number})
        at.go_on(str(number + 1))
    at.show(at.rows)


@shelf.command(cls=Administered, sets=(MAKER,))
def leaf(at: Desk) -> None:
    def page(step: int, after: str) -> str:
        at.counts["".join(("page", str(step), after))] += 1
        return {"": "a/b", "a/b": "c"}.get(after, "") if step else ""

    at.pages(3, page)
    at.show(at.counts)


@shelf.command()
@stage_options
def destroy(stage: str) -> None:
    raise AssertionError("no stage's administration has this")


class Journal:
    def __init__(self) -> None:
        self.lines: list[Any] = []
        self.approved: list[str | None] = []
        self.made: list[str] = []

    def write(self, line: Line) -> Line:
        self.lines.append(line)
        return line

    def end(self, begun: Line, outcome: str, _now: datetime, made: tuple[str, ...], proposal: str | None) -> None:
        self.lines.append(outcome)
        self.made += made
        self.approved.append(proposal)


class Room:
    """The application with the commands of this file, and what it works with."""

    def __init__(self) -> None:
        self.journal = Journal()
        self.things = {"shelf": "proposed"}
        self.settings = SimpleNamespace(stage="test")
        self.vault = SimpleNamespace(mac=lambda kind, text: sha256(f"a key/{kind}/{text}".encode()).hexdigest())
        self.roster = SimpleNamespace(caller=lambda who: f"person/{who.name}")
        commands = dict(administered(click.Group(commands=[shelf])))
        self.app = Office("test", commands, lambda: self)  # type: ignore[arg-type,return-value]

    def send(self, path: str, body: object, arn: str = SARI) -> tuple[int, Any]:
        raw = body if isinstance(body, bytes) else json.dumps(body).encode()
        answer = self.app(request(path, raw, arn), None)
        return answer["statusCode"], json.loads(answer["body"])

    def post(self, _stage: str, path: str, body: bytes) -> tuple[int, bytes]:
        status, answer = self.send(path, body)
        return status, json.dumps(answer).encode()

    def put(self, **arguments: object) -> tuple[int, Any]:
        return self.send("/shelf/put", {"arguments": {"registrant": "siti", "reason": "trial"} | arguments})


@pytest.fixture
def room() -> Room:
    return Room()


@pytest.fixture
def terminal(room: Room) -> Iterator[Callable[..., Any]]:
    @click.group(cls=type(cli.main))
    @click.pass_context
    def main(ctx: click.Context) -> None:
        ctx.obj = client.run

    main.add_command(shelf)

    def run(*words: str, **options: Any) -> Any:
        return click.testing.CliRunner().invoke(main, ["shelf", *words, "--stage", "test"], **options)

    with patch.object(client, "post", room.post):
        yield run


def test_only_administered_commands_have_a_route_and_each_asks_iam(room: Room) -> None:
    assert sorted(room.app.routes) == [
        f"/shelf/{name}" for name in ("approve", "count", "find", "leaf", "put", "read", "walk")
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


def test_a_file_is_sent_with_its_contents_and_one_that_is_too_large_is_not_sent(
    terminal: Any, tmp_path: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    file = tmp_path / "list.csv"
    file.write_bytes(b"\xff\x00" * 50)
    assert json.loads(terminal("read", str(file), "--json").stdout) == {"bytes": 100}
    assert json.loads(terminal("read", "-", "--json", input=b"abc").stdout) == {"bytes": 3}
    assert "cannot be read: No such file" in terminal("read", "nowhere").output
    monkeypatch.setattr(client, "SENT_MAX", 50)
    assert "and at most 50 can be: split it" in terminal("read", str(file)).output


def test_what_is_asked_for_at_the_terminal_goes_into_the_body_and_into_no_line(room: Room, terminal: Any) -> None:
    found = terminal("find", "--json", input=f"{NIK}\n")
    assert json.loads(found.stdout) == [{"found": 16}]
    assert NIK not in found.output + str(room.journal.lines)
    assert terminal("find", "--nik", NIK).exit_code == 2
    assert room.send("/shelf/find", {})[0] == 400


def test_steps_go_on_where_the_time_ran_out(room: Room, terminal: Any, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(desk, "STEPS_S", -1)
    late: dict[str, Any] = {}
    for step in range(1, 5):
        late = room.send("/shelf/walk", {name: late[name] for name in ("cursor", "counts", "seal") if late})[1]
        assert (late["cursor"], late["steps"], late["counts"]["sum"]) == (str(step), 5, sum(range(step)))
    room.journal.lines.clear()
    assert json.loads(terminal("walk", "--json").stdout) == {"sum": 10}
    assert json.loads(terminal("count", "--json").stdout) == [{"number": number} for number in range(7)]
    assert room.journal.lines[1::2] == (["goes_on"] * 4 + ["done"] + ["goes_on"] * 7 + ["done"])


@pytest.mark.parametrize("seconds", [15, -1])
def test_pages_of_steps_go_on_where_the_time_ran_out_each_taken_once(
    terminal: Any, monkeypatch: pytest.MonkeyPatch, seconds: int
) -> None:
    monkeypatch.setattr(desk, "STEPS_S", seconds)
    pages = [
        f"page{step}{after}" for step, after in ((0, ""), (1, ""), (1, "a/b"), (1, "c"), (2, ""), (2, "a/b"), (2, "c"))
    ]
    assert json.loads(terminal("leaf", "--json").stdout) == dict.fromkeys(pages, 1)


def test_where_a_command_goes_on_is_what_was_answered_to_the_same_caller_for_the_same(
    room: Room, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "STEPS_S", -1)
    late = room.send("/shelf/walk", {})[1]
    asked = {name: late[name] for name in ("cursor", "counts", "seal")}
    before = len(room.journal.lines)
    others: list[dict[str, Any]] = [
        {"cursor": "2"}, {"cursor": "-2"}, {"cursor": "abc"}, {"counts": {"sum": 7}}, {"counts": {}}, {"seal": ""},
        {"seal": "0" * 64}, {"cursor": ""}, {"seen": "0" * 64},
    ]  # fmt: skip
    for other in others:
        status, problem = room.send("/shelf/walk", asked | other)
        assert (status, problem["code"]) == (400, "foreign_step"), other
    assert room.send("/shelf/count", asked)[1]["code"] == "foreign_step"
    assert room.send("/shelf/walk", asked, SARI.replace("Sari", "Budi"))[1]["code"] == "foreign_step"
    assert room.send("/shelf/walk", asked | {"seal": "\N{LATIN SMALL LETTER E WITH ACUTE}"})[0] == 400
    assert len(room.journal.lines) == before
    assert room.send("/shelf/walk", asked)[1]["cursor"] == "2"


def test_rows_that_are_too_many_for_an_answer_come_in_several(
    room: Room, terminal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(desk, "ROWS_MAX", 3)
    assert len(room.send("/shelf/count", {})[1]["rows"]) == 3
    assert json.loads(terminal("count", "--json").stdout) == [{"number": number} for number in range(7)]


@pytest.mark.parametrize(
    ("status", "raw", "code", "said"),
    [
        (403, b'{"Message": "User: x is not authorized to perform: execute-api:Invoke"}', 1, "sets that may: maker"),
        (403, b'{"message": "Missing Authentication Token"}', 1, "status 403 Missing Authentication Token"),
        (
            403,
            b'{"code": "not_on_roster", "detail": "Nobody has this name."}',
            1,
            "(not_on_roster)",
        ),
        (
            504,
            b'{"code": "temporarily_unavailable", "detail": "busy"}',
            1,
            "may have been done all the same",
        ),
        (500, b'{"code": "unexpected", "detail": "x"}', 1, "may have been done all the same"),
        (503, b'{"code": "payout_superseded", "detail": "try again shortly"}', 1, "try again shortly"),
        (502, b"<html>", 1, "status 502; it may have been done all the same"),
        (
            503,
            b'{"code": "temporarily_unavailable", "detail": "nothing was lost"}',
            1,
            "may have been done all the same",
        ),
        (409, b'{"code": "refused", "detail": "no statement", "exit_code": 2}', 2, "no statement"),
        (413, b'{"code": "answer_too_large", "detail": "ask for less"}', 1, "ask for less"),
        (200, b'{"rows": [], "nothing": "none", "exit_code": 1}', 1, "none"),
    ],
)
def test_other_answers_are_sentences(terminal: Any, status: int, raw: bytes, code: int, said: str) -> None:
    with patch.object(client, "post", lambda *_: (status, raw)):
        result = terminal("put", "siti", "--reason", "x")
    assert (result.exit_code, said in result.output) == (code, True), result.output


def test_a_terminal_waits_for_its_turn_where_too_many_look(
    room: Room, terminal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused = list[int]()
    monkeypatch.setattr(client.time, "sleep", paused.append)
    answers = [(429, b'{"message": "Too Many Requests"}')] * 2
    monkeypatch.setattr(client, "post", lambda *sent: answers.pop() if answers else room.post(*sent))
    assert json.loads(terminal("walk", "--json").stdout) == {"sum": 10}
    assert paused == [5, 5]
    answers[:] = [(429, b'{"message": "Too Many Requests"}')] * 13
    assert "status 429 Too Many Requests" in terminal("walk").output


@pytest.fixture
def gateway(monkeypatch: pytest.MonkeyPatch) -> Iterator[list[tuple[str, dict[str, str], bytes]]]:
    """What is sent to a stage's address over HTTP."""
    sent: list[tuple[str, dict[str, str], bytes]] = []

    class Handler(BaseHTTPRequestHandler):
        def do_POST(self) -> None:
            sent.append((self.path, dict(self.headers), self.rfile.read(int(self.headers["Content-Length"]))))
            self.send_response(200)
            self.end_headers()
            self.wfile.write(b'{"rows": [{"name": "Siti \xc3\x89"}]}')

        def log_message(self, *_: object) -> None: ...

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        monkeypatch.setenv(stages.ADMINISTRATION_VARIABLE, f"http://127.0.0.1:{server.server_port}/api/")
        for name, value in {
            "ACCESS_KEY_ID": "AKIASARI",
            "SECRET_ACCESS_KEY": "key",
            "SESSION_TOKEN": "token",
        }.items():
            monkeypatch.setenv(f"AWS_{name}", value)
        yield sent
        server.shutdown()


def test_a_request_is_signed_with_the_callers_own_identity_and_sent_once(gateway: Any) -> None:
    body = b'{"arguments": {"registrant": "siti"}}'
    assert client.post("test", "/shelf/put", body) == (200, b'{"rows": [{"name": "Siti \xc3\x89"}]}')
    ((path, headers, received),) = gateway
    assert (path, received, headers["Content-Type"]) == ("/api/shelf/put", body, "application/json")
    credential = f"Credential=AKIASARI/{headers['X-Amz-Date'][:8]}/{REGION}/execute-api/aws4_request"
    assert headers["Authorization"].startswith(f"AWS4-HMAC-SHA256 {credential}, SignedHeaders=")
    assert headers["X-Amz-Security-Token"] == "token"
    # The body is part of what is signed.
    again = AWSRequest("POST", f"http://{headers['Host']}{path}", {"Content-Type": "application/json"}, received)
    signer = SigV4Auth(Credentials("AKIASARI", "key", "token"), "execute-api", REGION)
    at = datetime.strptime(f"{headers['X-Amz-Date']}+0000", "%Y%m%dT%H%M%SZ%z")
    with patch("botocore.auth.get_current_datetime", lambda: at):
        signer.add_auth(again)
    assert again.headers["Authorization"] == headers["Authorization"]
    client.post("test", "/shelf/put", body, signed=False)
    assert "Authorization" not in gateway[1][1]


def test_an_address_where_nobody_answers_is_told_without_a_second_try(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv(stages.ADMINISTRATION_VARIABLE, "http://127.0.0.1:9")
    with pytest.raises(client.NoAnswer, match="it may have done it all the same"):
        client.post("test", "/shelf/put", b"{}")


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
