"""Channels tell every announcement in its order, once, whatever the network does and wherever a run dies."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
import threading
from collections.abc import Iterator
from datetime import UTC, datetime, timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import boto3
import msgspec
import pytest

from chalicelib.config import BadConfiguration, Programme, Settings, load_programme
from chalicelib.figures.people import ChannelRules
from chalicelib.notices import channels
from chalicelib.notices.announcements import PublicEvent, event_id
from chalicelib.notices.channels import FIRST_REST, POST_MAX, Https, signed
from chalicelib.notices.feeds import announcement
from chalicelib.wiring import Services
from tests.builders.crashes import Crash
from tests.builders.figures import changed
from tests.conftest import REGION, T0

KEY = base64.b64encode(b"k" * 32).decode()
SECRETS = {"press": f"whsec_{KEY}", "warga": "123:bot-token", "toots": "access-token"}
RESET = 0
"""The server takes a request, and the connection breaks before its answer."""


class Receiver:
    """A server on loopback; it answers what `plan` says, in its order, then 200."""

    def __init__(self) -> None:
        self.asked: list[tuple[str, dict[str, str], bytes]] = []
        self.plan: list[int] = []
        receiver = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                receiver.asked.append((self.path, {name.lower(): value for name, value in self.headers.items()}, body))
                status = receiver.plan.pop(0) if receiver.plan else 200
                if status == RESET:
                    self.close_connection = True
                    return
                self.send_response(status)
                self.send_header("Content-Length", "0")
                self.send_header("Location", "/elsewhere")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self.server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server.server_port}"
        threading.Thread(target=self.server.serve_forever, daemon=True).start()


@pytest.fixture
def receiver() -> Iterator[Receiver]:
    receiver = Receiver()
    yield receiver
    receiver.server.shutdown()
    receiver.server.server_close()


class Town:
    """A stage with one channel; `now` moves when a test moves it."""

    def __init__(self, settings: Settings, programme: Programme, url: str) -> None:
        self.now = T0
        self.url = url
        self._settings, self._programme = settings, programme
        secret = json.dumps(SECRETS)
        boto3.client("secretsmanager", REGION).create_secret(Name="gelombang-test-channels", SecretString=secret)
        self.services = self.with_channels()

    def with_channels(self, *rules: ChannelRules) -> Services:
        notices = msgspec.structs.replace(self._programme.notices, channels=rules)
        programme = msgspec.structs.replace(self._programme, notices=notices)
        self.services = Services(self._settings, programme, lambda: self.now)
        return self.services

    def has(self, kind: str) -> None:
        rules = {
            "webhook": ChannelRules(name="press", kind="webhook", to=f"{self.url}/hook"),
            "telegram": ChannelRules(name="warga", kind="telegram", to="@gelombang", api=self.url),
            "mastodon": ChannelRules(name="toots", kind="mastodon", to=self.url, language="en"),
        }
        self.with_channels(rules[kind])

    def happens(self, event: str, wave: int = 145, **facts: str | int) -> PublicEvent:
        return self.services._events.add(event, wave, facts, self.now)

    def run(self, **later: float) -> None:
        self.now += timedelta(**later)
        self.services.channels.run()


@pytest.fixture
def town(cloud: Settings, programme: Programme, receiver: Receiver) -> Town:
    return Town(cloud, programme, receiver.url)


def test_the_signature_is_the_one_of_the_published_example():
    at = datetime.fromtimestamp(1614265330, UTC)
    made = signed("msg_p5jXN8AQM9LWM0D4loKWxJek", at, b'{"test": 2432232314}', "whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")
    assert made == {
        "webhook-id": "msg_p5jXN8AQM9LWM0D4loKWxJek",
        "webhook-timestamp": "1614265330",
        "webhook-signature": "v1,g0hM9SsE+OTPJTGt/tmIKtSyZlE3uFJELVlNIOLJ1OE=",
    }
    both = signed("a", at, b"{}", f"{SECRETS['press']} whsec_MfKQ9r8GKYqrTwjUPD8ILPZIo2LaLaSw")["webhook-signature"]
    assert both.split(" ")[0] == signed("a", at, b"{}", SECRETS["press"])["webhook-signature"]
    assert len(both.split(" ")) == 2, "two while a key is replaced"


def test_a_webhook_is_told_what_the_topic_is_told_and_can_check_it(town, receiver):
    town.has("webhook")
    event = town.happens("wave_open", quota=40_000)
    town.run(minutes=1)
    ((path, headers, body),) = receiver.asked
    assert path == "/hook"
    content = f"{event.id}.{int(town.now.timestamp())}.".encode() + body
    mac = base64.b64encode(hmac.digest(b"k" * 32, content, hashlib.sha256)).decode()
    assert (headers["webhook-id"], headers["webhook-signature"]) == (event.id, f"v1,{mac}")
    at = "2026-11-24T03:00:00Z"
    data = {"v": 1, "id": event.id, "event": "wave_open", "wave": 145, "at": at, "quota": 40_000}
    assert json.loads(body) == {"type": "wave_open", "timestamp": at, "data": data}


def test_telegram_and_mastodon_are_told_in_their_language(town, receiver):
    town.has("telegram")
    event = town.happens("wave_open", quota=40_000)
    town.run()
    path, _, body = receiver.asked[0]
    address = f"{town.services.settings.public_url}/waves/145"
    assert path == "/bot123:bot-token/sendMessage"
    text = f"Gelombang 145 dibuka\nKuota: 40000 orang\n{address}"
    assert json.loads(body) == {"chat_id": "@gelombang", "text": text}
    town.has("mastodon")
    town.run()
    path, headers, body = receiver.asked[1]
    assert (path, headers["authorization"]) == ("/api/v1/statuses", "Bearer access-token")
    assert headers["idempotency-key"] == event.id
    status = f"Wave 145 is open\nSeats: 40000\n{address}"
    assert json.loads(body) == {"status": status, "language": "en", "visibility": "public"}


def test_a_post_keeps_to_its_length_and_always_has_the_address():
    event = PublicEvent("x", "wave_frozen", 145, T0, {"note": "n" * 600, "quota": 7})
    short = announcement(event, "https://g.example", "en", POST_MAX)
    assert short == "The list of wave 145 is committed to\nSeats: 7\nhttps://g.example/waves/145"
    assert "n" * 600 in announcement(event, "https://g.example", "en")
    just = PublicEvent("x", "wave_frozen", 145, T0, {"note": "n" * 300})
    assert "n" * 300 in announcement(just, "https://g.example", "en", POST_MAX)


@pytest.mark.parametrize("kind", ["webhook", "telegram", "mastodon"])
def test_each_event_is_told_once_and_in_its_order(town, receiver, kind):
    town.has(kind)
    for event in ("wave_open", "wave_closing_soon", "wave_closed"):
        town.happens(event)
        town.now += timedelta(minutes=1)
    for _ in range(3):
        town.run(minutes=5)
    bodies = [body.decode() for _, _, body in receiver.asked]
    assert len(bodies) == 3
    told = {"webhook": ["wave_open", "closing_soon", "wave_closed"], "telegram": ["dibuka", "segera", "ditutup"]}
    for body, words in zip(bodies, told.get(kind, ["open", "soon", "closed"]), strict=True):
        assert words in body


@pytest.mark.parametrize("kind", ["webhook", "telegram", "mastodon"])
@pytest.mark.parametrize("status", [302, 404, 410, 429])
def test_what_was_surely_not_taken_is_sent_again_ever_later_and_the_next_event_waits(town, receiver, kind, status):
    town.has(kind)
    town.happens("wave_open")
    town.happens("wave_closed")
    receiver.plan = [status, status]
    town.run()
    town.run(minutes=4)
    assert len(receiver.asked) == 1, "it rests for five minutes"
    town.run(minutes=1)
    assert len(receiver.asked) == 2
    town.run(minutes=9)
    assert len(receiver.asked) == 2, "then for ten"
    town.run(minutes=1)
    assert len(receiver.asked) == 4
    assert receiver.asked[2][2] == receiver.asked[0][2]
    town.run(hours=2)
    assert len(receiver.asked) == 4


@pytest.mark.parametrize("status", [RESET, 500, 503])
@pytest.mark.parametrize(("kind", "header"), [("webhook", "webhook-id"), ("mastodon", "idempotency-key")])
def test_an_unknown_outcome_is_sent_again_under_the_id_by_which_it_is_known(town, receiver, status, kind, header):
    town.has(kind)
    event = town.happens("wave_open")
    receiver.plan = [status, status]
    for _ in range(5):
        town.run(minutes=10)
    assert [headers[header] for _, headers, _ in receiver.asked] == [event.id] * 3


@pytest.mark.parametrize("status", [RESET, 502])
def test_telegram_is_never_told_twice_where_nobody_knows_whether_it_was_told(town, receiver, caplog, status):
    town.has("telegram")
    event = town.happens("wave_open")
    town.happens("wave_closed")
    receiver.plan = [status]
    for _ in range(3):
        town.run(minutes=10)
    assert [json.loads(body)["text"].split("\n")[0] for _, _, body in receiver.asked] == [
        "Gelombang 145 dibuka",
        "Gelombang 145 ditutup",
    ]
    (said,) = [record for record in caplog.records if record.levelno == logging.ERROR]
    assert (said.message, said.channel, said.event_id) == ("announcement_outcome_unknown", "warga", event.id)
    assert SECRETS["warga"] not in caplog.text


def test_mastodon_is_given_up_before_it_forgets_the_key(town, receiver, caplog):
    town.has("mastodon")
    town.happens("wave_open")
    receiver.plan = [500] * 20
    for _ in range(40):
        town.run(minutes=5)
    assert len(receiver.asked) == 4, "after 0, 5, 15 and 35 minutes; its own memory is an hour"
    assert [record.message for record in caplog.records][-1] == "announcement_outcome_unknown"


@pytest.mark.parametrize(("kind", "sendings"), [("webhook", 2), ("mastodon", 2), ("telegram", 1)])
def test_a_run_that_dies_while_it_sends_is_followed_by_one_that_knows_it(town, receiver, monkeypatch, kind, sendings):
    town.has(kind)
    town.happens("wave_open")
    post = Https.__call__

    def dies(self, *request: Any) -> Any:
        post(self, *request)
        raise Crash

    with monkeypatch.context() as patch:
        patch.setattr(Https, "__call__", dies)
        with pytest.raises(Crash):
            town.run()
    town.run(minutes=1)
    assert len(receiver.asked) == 1, "it may still be at work"
    for _ in range(3):
        town.run(minutes=10)
    assert len(receiver.asked) == sendings


def test_who_cannot_be_reached_at_all_was_told_nothing(town, receiver):
    receiver.server.shutdown()
    receiver.server.server_close()
    town.has("telegram")
    town.happens("wave_open")
    town.run()
    again = Receiver()
    town.url = again.url
    town.has("telegram")
    town.run(minutes=5)
    again.server.shutdown()
    again.server.server_close()
    assert len(again.asked) == 1


def test_a_day_later_nothing_is_told_and_the_last_failure_rings(town, receiver, caplog):
    town.has("webhook")
    town.happens("wave_open")
    receiver.plan = [404] * 99
    for _ in range(30):
        town.run(hours=1)
    levels = {record.levelname for record in caplog.records if record.message == "announcement_not_told"}
    assert levels == {"WARNING", "ERROR"}
    tried = len(receiver.asked)
    receiver.plan = []
    town.run(hours=1)
    assert len(receiver.asked) == tried
    town.with_channels(ChannelRules(name="press", kind="webhook", to=f"{receiver.url}/new"))
    town.run()
    assert len(receiver.asked) == tried, "nor does a channel that is new begin with what is old"


def test_a_channel_without_its_key_rings_and_keeps_no_other_back(town, receiver, caplog):
    broken = ChannelRules(name="nobody", kind="webhook", to=f"{receiver.url}/hook")
    good = ChannelRules(name="press", kind="webhook", to=f"{receiver.url}/hook")
    town.with_channels(broken, good)
    town.happens("wave_open")
    town.run()
    assert len(receiver.asked) == 1
    (said,) = [record for record in caplog.records if record.message == "channel_failed"]
    assert (said.levelno, said.channel, said.error) == (logging.ERROR, "nobody", "KeyError")


def test_without_channels_nothing_is_read(town, monkeypatch):
    monkeypatch.setattr(town.services._events, "latest", lambda _: pytest.fail("it reads"))
    town.run()


def test_the_rest_doubles():
    assert [FIRST_REST * 2**tries / timedelta(minutes=1) for tries in range(4)] == [5, 10, 20, 40]


@pytest.mark.parametrize(
    ("kind", "to", "fits"),
    [
        ("webhook", "https://press.example/hook", True),
        ("webhook", "http://press.example/hook", False),
        ("webhook", "@press", False),
        ("telegram", "@gelombang", True),
        ("telegram", "-1001234567890", True),
        ("telegram", "https://t.me/gelombang", False),
        ("mastodon", "https://mastodon.example", True),
    ],
)
def test_a_channel_is_configured_right_or_refused(tmp_path, kind, to, fits):
    channel = f'channels = [{{ name = "press", kind = "{kind}", to = "{to}" }}]'
    folder = changed(tmp_path, "[notices]\n", f"[notices]\n{channel}\n")
    if fits:
        assert load_programme("prod", folder=folder).notices.channels[0].to == to
    else:
        with pytest.raises(BadConfiguration):
            load_programme("prod", folder=folder)


def test_ids_are_derived_from_the_event_so_that_every_run_has_the_same():
    assert event_id("wave_open", 145) == event_id("wave_open", 145) != event_id("wave_open", 146)
    assert channels.KNOWN_AGAIN.keys() == {"webhook", "telegram", "mastodon"}
