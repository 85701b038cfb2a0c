"""Reading the mails of the local cloud."""

from __future__ import annotations

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer

import pytest
from click.testing import CliRunner

from local.sandbox import inbox


def mail(to: str, subject: str, at: float) -> dict[str, object]:
    return {"Source": "G <kabar@g.example>", "To": [to], "Subject": subject, "BodyText": "Halo,\n", "Timestamp": at}


@pytest.fixture
def endpoint(monkeypatch):
    """A local cloud that has taken three mails."""

    class Cloud(BaseHTTPRequestHandler):
        def do_GET(self) -> None:
            taken = [mail("b@x.id", "Second", 2.0), mail("a@x.id", "First", 1.0), mail("a@x.id", "Third", 3.0)]
            body = json.dumps({"messages": {"000000000000": taken}}).encode()
            self.send_response(200 if self.path == "/_ministack/ses/messages" else 404)
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            pass

    monkeypatch.setenv("no_proxy", "127.0.0.1")
    server = HTTPServer(("127.0.0.1", 0), Cloud)
    thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
    thread.start()
    yield f"http://127.0.0.1:{server.server_port}"
    server.shutdown()
    thread.join()
    server.server_close()


def test_mails_come_oldest_first_and_by_address(endpoint):
    assert [each.subject for each in inbox.mails(endpoint)] == ["First", "Second", "Third"]
    assert [each.subject for each in inbox.mails(endpoint, "a@x.id")] == ["First", "Third"]


def test_the_command_prints_them_and_says_what_is_missing(endpoint, monkeypatch):
    monkeypatch.setenv("AWS_ENDPOINT_URL", endpoint)
    printed = CliRunner().invoke(inbox.main, ["b@x.id"])
    assert "To: b@x.id\nDate: 1970-01-01 00:00:02 UTC\nSubject: Second\n\nHalo,\n" in printed.output

    monkeypatch.setenv("AWS_ENDPOINT_URL", "http://127.0.0.1:9")
    assert "does not answer" in CliRunner().invoke(inbox.main).output
    monkeypatch.delenv("AWS_ENDPOINT_URL")
    assert "set AWS_ENDPOINT_URL" in CliRunner().invoke(inbox.main).output
