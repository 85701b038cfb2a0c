"""What the page talks to: the application behind HTTP, and the results at another origin, as S3 serves them.

Nothing of either is invented: the application answers through Chalice's own gateway, and the results server allows
other origins what the data stack's rules allow.
"""

from __future__ import annotations

import re
import threading
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

from chalice.test import Client

import app as application
from infrastructure import data_stack


@dataclass
class Answer:
    """What a server says."""

    status: int
    body: bytes = b""
    headers: dict[str, str] = field(default_factory=dict)


Respond = Callable[[str, str, dict[str, str]], Answer]
"""From a method, a path with its query, and headers by lower-case name."""


@contextmanager
def serving(respond: Respond) -> Iterator[str]:
    """A server on loopback; its address without a slash at the end."""

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def handle_one_method(self) -> None:
            sent = {name.lower(): value for name, value in self.headers.items()}
            answer = respond(self.command, self.path, sent)
            self.send_response(answer.status)
            for name, value in {**answer.headers, "Content-Length": str(len(answer.body))}.items():
                self.send_header(name, value)
            self.end_headers()
            if self.command != "HEAD":
                self.wfile.write(answer.body)

        do_GET = do_HEAD = do_OPTIONS = handle_one_method  # noqa: N815 - as http.server calls them

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, daemon=True)
        thread.start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()
            thread.join()


def cors_rule() -> dict[str, Any]:
    """The one rule of the results bucket."""
    return dict(data_stack.CORS)


@dataclass
class Results:
    """The published files, below `/draws/<wave>/`; a test may change them. `asked` are the paths and ranges."""

    files: dict[str, bytes]
    published: datetime
    asked: list[tuple[str, str]] = field(default_factory=list)
    down: bool = False

    def respond(self, method: str, path: str, headers: dict[str, str]) -> Answer:
        allowed = self._allowed(method, headers)
        if method == "OPTIONS":
            return Answer(200 if allowed else 403, headers=allowed)
        if self.down:
            return Answer(503, b"SlowDown")  # as out of order: without what a browser wants of another origin
        name = re.sub(r"^/draws/\d+/", "", path)
        self.asked.append((name, headers.get("range", "")))
        if name not in self.files:
            return Answer(403, b"<Error><Code>AccessDenied</Code></Error>", allowed)
        body = self.files[name]
        allowed |= {"Last-Modified": format_datetime(self.published, usegmt=True), "Accept-Ranges": "bytes"}
        if part := re.fullmatch(r"bytes=(\d+)-(\d+)", headers.get("range", "")):
            first, last = int(part[1]), min(int(part[2]), len(body) - 1)
            allowed["Content-Range"] = f"bytes {first}-{last}/{len(body)}"
            return Answer(206, body[first : last + 1], allowed)
        return Answer(200, body, allowed)

    def _allowed(self, method: str, headers: dict[str, str]) -> dict[str, str]:
        """S3's headers for another origin, by the rule of the data stack; none where the rule does not allow it."""
        rule = cors_rule()
        wanted = headers.get("access-control-request-headers", "").replace(" ", "").lower()
        known = {name.lower() for name in rule["AllowedHeaders"]}
        asked = headers.get("access-control-request-method", method)
        if (
            "origin" not in headers
            or asked not in rule["AllowedMethods"]
            or not set(filter(None, wanted.split(","))) <= known
        ):
            return {}
        return {
            "Access-Control-Allow-Origin": rule["AllowedOrigins"][0],
            "Access-Control-Allow-Methods": ", ".join(rule["AllowedMethods"]),
            "Access-Control-Allow-Headers": wanted,
            "Access-Control-Expose-Headers": ", ".join(rule["ExposedHeaders"]),
        }


@dataclass
class Proofs:
    """The application, in whose proofs of inclusion a test may have a say."""

    instead: Callable[[Any], Answer] | None = None

    def respond(self, method: str, path: str, headers: dict[str, str]) -> Answer:
        found = Client(application.app).http.request(method, path, headers=headers)
        if "/proof" in path and self.instead:
            return self.instead(found.json_body)
        return Answer(found.status_code, found.body, {name: str(value) for name, value in found.headers.items()})


def unavailable(_: Any) -> Answer:
    """The application is out of order."""
    return Answer(HTTPStatus.SERVICE_UNAVAILABLE, b"{}", {"Content-Type": "application/problem+json"})
