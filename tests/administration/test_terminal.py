"""What a terminal sends to the administration, and what it says of the answers."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any
from unittest.mock import patch

import pytest
from botocore.auth import SigV4Auth
from botocore.awsrequest import AWSRequest
from botocore.credentials import Credentials

from admin import client
from admin.deployment import stages
from tests.administration.shelf import NIK, Room
from tests.conftest import REGION


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


def test_a_look_that_is_lost_is_sent_again_and_it_is_told_that_a_command_goes_on(
    room: Room, terminal: Any, monkeypatch: pytest.MonkeyPatch
) -> None:
    paused, sent = list[int](), list[bytes]()
    lost: list[int] = []

    def post(*words: Any) -> tuple[int, bytes]:
        sent.append(words[2])
        if len(sent) in lost:
            return 502, b"<html>"
        return room.post(*words)

    monkeypatch.setattr(client.time, "sleep", paused.append)
    monkeypatch.setattr(client, "post", post)
    monkeypatch.setattr(client, "TOLD_EVERY_S", 0)
    lost[:] = [2, 3, 5]
    told = terminal("wait", "--json")
    assert (json.loads(told.stdout), told.stderr) == ({"looks": 2}, "shelf wait: goes on\n" * 2)
    assert (len(sent), paused, sent[1] == sent[2] == sent[3]) == (6, [7] * 5, True)
    sent.clear()
    lost[:] = [1]
    assert "it may have been done all the same" in terminal("wait").output, "what begins something is sent once"
    assert len(sent) == 1
    sent.clear()
    lost[:] = range(2, 99)
    assert terminal("wait").exit_code == 1
    assert len(sent) == 2 + client.LOOKS_LOST


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
