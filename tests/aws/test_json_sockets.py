"""Calls by `json_protocol` compared with botocore's on sockets: proxies, endpoints, dropped connections."""

from __future__ import annotations

import json
from collections.abc import Callable, Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from threading import Thread
from typing import Any

import pytest
from botocore.session import get_session

from chalicelib.aws.json_protocol import Wire
from tests.builders.aws.wire import ALL, PATIENT, least, seen
from tests.conftest import REGION

MADE_ANEW = {"authorization", "x-amz-date"}
"""Of the hour of a request; the signature is compared elsewhere."""
LEFT_OUT = {"amz-sdk-invocation-id", "amz-sdk-request", "user-agent", "x-amz-user-agent", "content-length"}
"""What botocore tells of itself, and the length: its JSON has spaces."""


class Weather(ThreadingHTTPServer):
    """Answers `{}`, but the first `drops` requests it reads and hangs up on; notes what it was sent."""

    daemon_threads = True
    drops = 0

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.url = f"http://127.0.0.1:{self.server_port}"
        self.sent: list[Any] = []


class Handler(BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    server: Weather

    def do_POST(self) -> None:
        told = {name.lower(): value for name, value in self.headers.items()}
        body = json.loads(self.rfile.read(int(told["content-length"])))
        assert told.keys() >= MADE_ANEW
        self.server.sent.append((self.path, {n: told[n] for n in told.keys() - MADE_ANEW - LEFT_OUT}, body))
        if len(self.server.sent) <= self.server.drops:
            self.close_connection = True
            return
        self.send_response(200)
        self.send_header("Content-Length", "2")
        self.end_headers()
        self.wfile.write(b"{}")

    def log_message(self, *_: Any) -> None:
        """A test's output is no place for it."""


@pytest.fixture(scope="module")
def weather() -> Iterator[Weather]:
    with Weather() as server:
        Thread(target=server.serve_forever, daemon=True).start()
        yield server
        server.shutdown()


@pytest.fixture
def both(weather: Weather, monkeypatch: pytest.MonkeyPatch) -> Callable[..., Any]:
    """What either way was answered and has sent for two calls, the second over the connection of the first.

    `drops`: how many requests are dropped.
    """
    for name in ("http_proxy", "HTTP_PROXY", "no_proxy", "NO_PROXY", "all_proxy", "ALL_PROXY"):
        monkeypatch.delenv(name, raising=False)
    monkeypatch.setattr("time.sleep", lambda _seconds: None)

    def ask(service: str, operation: str, drops: int = 0) -> Any:
        client: Any = get_session().create_client(service, REGION, config=PATIENT)
        weather.drops, found = drops, []
        for call in (Wire(client).call, client._make_api_call):
            weather.sent = []
            answers = [seen(lambda call=call: call(operation, least(operation))) for _ in range(2)]
            found.append((answers, weather.sent))
        assert found[0] == found[1]
        return found[0]

    return ask


@ALL
def test_a_configured_endpoint_is_used(service, operation, both, weather, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", f"{weather.url}/below")
    answers, [sent, sent_again] = both(service, operation)
    assert (answers, sent) == ([{}, {}], sent_again)
    path, headers, _ = sent
    assert (path, headers["host"]) == ("/below", weather.url.removeprefix("http://"))


@ALL
def test_a_proxy_is_used(service, operation, both, weather, monkeypatch):
    monkeypatch.setenv("http_proxy", weather.url)
    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://aws.invalid")
    answers, [sent, sent_again] = both(service, operation)
    assert (answers, sent) == ([{}, {}], sent_again)
    path, headers, _ = sent
    assert (path, headers["host"]) == ("http://aws.invalid/", "aws.invalid")


@ALL
@pytest.mark.parametrize("drops", [1, 9])
def test_a_dropped_connection_is_reopened_but_not_endlessly(service, operation, both, weather, monkeypatch, drops):
    monkeypatch.setenv("AWS_ENDPOINT_URL", weather.url)
    answers, sent = both(service, operation, drops)
    assert ([answer == {} for answer in answers], len(sent)) == (([True, True], 3) if drops == 1 else ([False] * 2, 6))
