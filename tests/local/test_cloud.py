"""The local cloud and its inbox: no proxy, one package for all functions, a quick end."""

from __future__ import annotations

import asyncio
import json
import os
import signal
import subprocess
import sys
import termios
import urllib.request
import zipfile
from array import array
from contextvars import copy_context
from importlib import import_module
from pathlib import Path
from types import ModuleType, SimpleNamespace
from typing import Any

import pytest
from botocore.utils import should_bypass_proxies
from click.testing import CliRunner

from chalicelib.aws import clients, dynamodb
from local.cloud import local_cloud
from local.cloud.local_cloud import besides
from local.cloud.patience import PATIENT_S, patience
from local.sandbox import inbox
from local.sandbox.server import JsonHandler, Loopback
from tests.conftest import REGION


@pytest.mark.parametrize(
    "before",
    [{}, {"NO_PROXY": "example.org"}, {"no_proxy": " example.org, "}, {"no_proxy": "", "NO_PROXY": "example.org"}],
)
def test_loopback_is_reached_without_proxy_and_old_exceptions_stay(
    before: dict[str, str], monkeypatch: pytest.MonkeyPatch
) -> None:
    for name in ("no_proxy", "NO_PROXY"):
        monkeypatch.delenv(name, raising=False)
    for name, value in {"http_proxy": "http://proxy.invalid:3128", **before}.items():
        monkeypatch.setenv(name, value)
    known = dict(os.environ)

    with local_cloud._environment(local_cloud._past_proxies()):
        for host in ("127.0.0.1:4566", "localhost:4566", *(["example.org"] if any(before.values()) else [])):
            assert urllib.request.proxy_bypass(host)
            assert should_bypass_proxies(f"http://{host}/")
        assert not urllib.request.proxy_bypass("example.com")
    assert dict(os.environ) == known
    monkeypatch.setenv("no_proxy", "*")
    assert local_cloud._past_proxies() == {"no_proxy": "*", "NO_PROXY": "*"}, "a proxy for nobody stays so"


def test_a_started_process_is_killed_even_if_it_ignores_signals() -> None:
    process = subprocess.Popen(["sh", "-c", "trap '' TERM INT HUP; sleep 60 & wait"], start_new_session=True)
    local_cloud._end_group(process)

    assert process.returncode == -signal.SIGKILL


class Cycle:
    """A request and its answer, as uvicorn sends it: the head and each part of the body by themselves."""

    def __init__(self) -> None:
        self.sent: list[bytes] = []
        self.transport: Any = SimpleNamespace(write=self.sent.append, close=lambda: self.sent.append(b"closed"))

    async def send(self, message: dict[str, Any]) -> None:
        self.transport.write(message["content"])
        if message.get("last"):
            self.transport.close()


@pytest.fixture
def emulator(monkeypatch: pytest.MonkeyPatch) -> ModuleType:
    """`local/cloud/emulator.py` on an empty MiniStack, which is in an environment of its own."""
    names = ("ministack", "ministack.app", "ministack.core")
    modules = {name: ModuleType(name) for name in names}
    for name, module in modules.items():
        monkeypatch.setitem(sys.modules, name, module)
    http = ("uvicorn", "uvicorn.protocols", "uvicorn.protocols.http")
    for server in ("hypercorn", "hypercorn.asyncio", *http, "uvloop"):
        monkeypatch.setitem(sys.modules, server, ModuleType(server))
    monkeypatch.setitem(sys.modules, f"{http[-1]}.httptools_impl", SimpleNamespace(RequestResponseCycle=Cycle))
    vars(modules["ministack.app"])["main"] = lambda: None
    vars(modules["ministack.core"])["lambda_runtime"] = SimpleNamespace(Worker=object)
    vars(modules["ministack.core"])["iam_evaluator"] = SimpleNamespace(
        parse_policy_document=lambda text: [text], resolve_principal=lambda *asked: list(asked)
    )
    monkeypatch.delitem(sys.modules, "local.cloud.emulator", raising=False)
    return import_module("local.cloud.emulator")


def test_log_lines_are_read_until_the_pipe_is_empty(emulator: ModuleType, monkeypatch: pytest.MonkeyPatch) -> None:
    """A thread reads the pipe, however late: nothing of an invocation may be taken for the next one's."""
    unread = [12, 12, 3, 0]

    def look(_pipe: object, what: int, into: array[int]) -> None:
        assert what == termios.FIONREAD
        into[0] = unread.pop(0)

    monkeypatch.setattr(emulator, "fcntl", SimpleNamespace(ioctl=look))
    worker = SimpleNamespace(_proc=SimpleNamespace(stderr=None), _drain_stderr=lambda: f"{len(unread)} looks left")
    assert emulator._logged(worker) == "0 looks left"
    worker._proc = None  # it was killed
    assert emulator._logged(worker) == "0 looks left"


def test_all_instances_of_the_functions_share_one_unpacked_package(
    emulator: ModuleType, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    """Else each has its own 50 MB, compiles every module again, and is deleted at the end."""
    monkeypatch.setattr(emulator.tempfile, "gettempdir", lambda: str(tmp_path))
    for instance in ("one", "two"):
        code = tmp_path / instance / "code"
        code.mkdir(parents=True)
        archive = tmp_path / instance / "code.zip"
        with zipfile.ZipFile(archive, "w") as made:
            made.writestr(zipfile.ZipInfo("app.py"), "pass")
        with emulator._Zipfile().ZipFile(archive) as opened:
            opened.extractall(code)
        assert (code / "app.py").read_text() == "pass"
        assert not archive.exists()
    assert (tmp_path / "one/code").resolve() == (tmp_path / "two/code").resolve()
    assert len(list(tmp_path.glob("code-*"))) == 1


def test_the_head_of_an_answer_is_sent_with_the_first_part_of_its_body(emulator: ModuleType) -> None:
    cycle = Cycle()
    for content, kind in ((b"head ", "start"), (b"one", "body"), (b"two", "body")):
        asyncio.run(emulator._send(cycle, {"type": f"http.response.{kind}", "content": content}))
    asyncio.run(emulator._send(cycle, {"type": "http.response.body", "content": b"end", "last": True}))
    assert cycle.sent == [b"head one", b"two", b"end", b"closed"]


def test_a_policy_given_as_text_is_parsed_once(emulator: ModuleType) -> None:
    assert emulator._parsed("a policy") is emulator._parsed("a policy")
    assert emulator._parsed({"Statement": []}) == [{"Statement": []}]


def test_a_caller_is_looked_up_once_in_each_request(emulator: ModuleType) -> None:
    def ask(key: str) -> Any:
        first = emulator._principal(key, "1")
        assert emulator._principal(key, "1", "known by now") is first
        assert emulator._principal(f"{key} for another", "1") != first
        return first

    one, two, three = (copy_context().run(ask, key) for key in ("siti", "budi", "siti"))
    assert one == three != two
    assert one is not three


def test_only_calls_to_the_local_cloud_get_long_time_outs() -> None:
    with patience():
        assert clients.client("sqs", REGION).meta.config.read_timeout == PATIENT_S
    assert (clients.CONNECT_TIMEOUT_S, clients.READ_TIMEOUT_S) == (1, 3)
    assert (dynamodb.CONNECT_TIMEOUT_S, dynamodb.READ_TIMEOUT_S) == (1, 2)


QUEUE = ["arn:aws:sqs:ap-southeast-3:000000000000:gelombang-local-mails"]


def statement(action: str, resource: Any) -> dict[str, Any]:
    return {"Effect": "Allow", "Action": [action], "Resource": resource}


@pytest.mark.parametrize(
    ("given", "granted"),
    [
        (statement("sqs:SendMessage", QUEUE), [statement("sqs:SendMessageBatch", QUEUE)]),
        (statement("ses:SendEmail", "arn:aws:ses:x:0:identity/gelombang.example"), [statement("ses:SendEmail", "*")]),
        (statement("sqs:ReceiveMessage", QUEUE), []),
        (statement("dynamodb:Query", "t"), []),
    ],
)
def test_permissions_to_send_are_extended_for_ministack_once(given: Any, granted: list[Any]) -> None:
    assert list(besides([given])) == granted
    assert list(besides([given, *granted]))[: len(granted)] == granted


def mail(to: str, subject: str, at: float) -> dict[str, object]:
    return {"Source": "G <kabar@g.example>", "To": [to], "Subject": subject, "BodyText": "Halo,\n", "Timestamp": at}


@pytest.fixture
def endpoint(monkeypatch):
    """A local cloud that has taken three mails."""

    class Cloud(JsonHandler):
        def do_GET(self) -> None:  # noqa: N802 - as the standard library has it
            taken = [mail("b@x.id", "Second", 2.0), mail("a@x.id", "First", 1.0), mail("a@x.id", "Third", 3.0)]
            texts = {"+6281": [{"Message": "kode 1"}, {"Message": "kode 2"}], "+6282": [{"Message": "kode 3"}]}
            known = {
                "/_ministack/ses/messages": {"messages": {"000000000000": taken}},
                "/_ministack/sns/sms-messages": {"sms_messages": texts},
            }
            self.answer(200 if self.path in known else 404, known.get(self.path))

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    with Loopback(Cloud) as cloud:
        yield cloud.url


def test_mails_come_oldest_first_and_by_address(endpoint):
    assert [each.subject for each in inbox.mails(endpoint)] == ["First", "Second", "Third"]
    assert [each.subject for each in inbox.mails(endpoint, "a@x.id")] == ["First", "Third"]


def test_the_inbox_command_prints_messages_and_names_a_missing_setting(endpoint, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    printed = CliRunner().invoke(inbox.inbox, ["b@x.id"])
    assert "To: b@x.id\nDate: Thu 1970-01-01 07:00:02 WIB\nSubject: Second\n\nHalo,\n" in printed.output
    assert CliRunner().invoke(inbox.inbox, ["+6282"]).output == "SMS to: +6282\n\nkode 3\n\n"
    last = CliRunner().invoke(inbox.inbox, ["--last", "1"]).output
    assert ["Third" in last, "Second" in last, "kode 3" in last, "kode 2" in last] == [True, False, True, False]

    assert CliRunner().invoke(inbox.inbox, ["nobody@x.id"]).output == "nothing was sent to nobody@x.id\n"
    found = json.loads(CliRunner().invoke(inbox.inbox, ["--json"]).stdout)
    assert ([mail["subject"] for mail in found["mails"]], len(found["sms"])) == (["First", "Second", "Third"], 3)

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert "does not answer" in CliRunner().invoke(inbox.inbox).output
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    assert "set AWS_ENDPOINT_URL" in CliRunner().invoke(inbox.inbox).output
