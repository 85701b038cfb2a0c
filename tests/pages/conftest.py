"""A wave to check in a real browser: its page, its files at another origin, and people who click and type."""

from __future__ import annotations

import json
import os
import re
import threading
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime
from email.utils import format_datetime
from http import HTTPStatus
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from typing import Any

import msgspec
import pytest
from chalice.test import Client

import app as application
from chalicelib import wiring
from chalicelib.config import load_programme
from chalicelib.draw.leaves import leaf
from chalicelib.waves.publication.bucket import Publication
from chalicelib.waves.rules import WaveState
from chalicelib.waves.store import WaveItem
from infrastructure import data_stack
from tests.builders.draws.files import REAL_FROZEN, published_draw, random_lists
from tests.conftest import T0
from tests.conftest import cloud as cloud_of_one_test

from . import chromium

pytestmark = pytest.mark.page


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


WAVE, NOT_FROZEN = 61, 62
LISTS = random_lists(WAVE, {11: 40, 31: 10_000, 32: 300})
FILES = published_draw(WAVE, LISTS, {11: 5, 31: 20, 32: 10}, 400, leaving=(0, 3, 30, 30, 44, 100))
"""Frozen three days late, when quicknet's one real round of the vectors had half an hour to come."""

OPTIONAL = ("cosignatures.txt", "sample.json", "substitutions.json", "beacon.json", "result.json")
"""What may be missing: a browser writes of each on its console."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    here = [item for item in items if "tests/pages/" in item.path.as_posix()]
    for item in here:
        item.add_marker(pytest.mark.page)
        if not chromium.find():
            item.add_marker(pytest.mark.skip(reason="no Chromium"))


def receipt(number: int, of: int = 31, **changes: object) -> str:
    """The receipt of the entry with this ticket, as a person keeps it."""
    ticket = number.to_bytes(32, "big")
    return json.dumps(
        {
            "format": "gelombang/receipt/1",
            "wave": WAVE,
            "region": of,
            "ticket": ticket.hex(),
            "leaf": leaf(WAVE, of, ticket).hex(),
            "joined_at": "2023-09-08T05:00:00Z",
            "results_url": "https://results.invalid/draws/61/",
        }
        | changes
    )


@pytest.fixture(scope="session")
def browser() -> Iterator[object]:
    from playwright.sync_api import sync_playwright  # takes a second that a machine without Chromium need not wait

    quiet = ["--disable-gpu", "--disable-quic", "--no-first-run", "--disable-background-networking"]
    quiet += ["--disable-component-update", "--disable-sync", "--no-proxy-server"]
    with sync_playwright() as play:
        launched = play.chromium.launch(
            executable_path=chromium.find(), args=quiet, chromium_sandbox=os.geteuid() != 0
        )  # with a profile of its own, which is gone at the end
        yield launched
        launched.close()


@dataclass
class Site:
    """The application at `url` and the results beside it, each as a test wants it."""

    url: str
    results_url: str
    results: Results
    proofs: Proofs = field(default_factory=Proofs)

    def page(self, wave: int = WAVE) -> str:
        return f"{self.url}/waves/{wave}/verify"


@pytest.fixture(scope="session")
def served() -> Iterator[Site]:
    results, proofs = Results({}, REAL_FROZEN), Proofs()
    with (
        contextmanager(cloud_of_one_test.__wrapped__)(None) as cloud,
        pytest.MonkeyPatch.context() as patch,
        serving(results.respond) as results_url,
        serving(proofs.respond) as url,
    ):
        for name in ("AWS_ACCESS_KEY_ID", "AWS_SECRET_ACCESS_KEY"):
            patch.setenv(name, "testing")
        settings = msgspec.structs.replace(cloud, results_url=results_url)
        services = wiring.Services(settings, load_programme("prod"), lambda: T0)
        patch.setattr(application, "services", lambda: services)
        patch.setattr(application.app, "clock", lambda: T0)
        assert services.waves  # binds the tables
        closes = datetime(2023, 9, 11, 17, tzinfo=UTC)
        for number, state, note in (
            (WAVE, WaveState.SETTLED, FILES["note.txt"].decode()),
            (NOT_FROZEN, WaveState.CLOSED, None),
        ):
            times = {"opens_at": datetime(2023, 9, 8, 5, tzinfo=UTC), "closes_at": closes}
            seats = {"quota": 400, "reserved": 35, "weights": {}}
            WaveItem("WAVES", f"{number:06d}", state=state.value, note=note, **times, **seats).save()
        Publication(services._client("s3"), settings.results_bucket).put(WAVE, FILES)
        yield Site(url, results_url, results, proofs)


@pytest.fixture
def site(served: Site) -> Site:
    """As it should be; what a test changes is gone after it."""
    served.results.files, served.results.published, served.results.down = dict(FILES), REAL_FROZEN, False
    served.results.asked.clear()
    served.proofs.instead = None
    return served


@dataclass
class Visit:
    """A person's browser window, and all that left it."""

    page: object
    requests: list[tuple[str, str]] = field(default_factory=list)
    """Each request's address, and that with its headers and body."""
    errors: list[str] = field(default_factory=list)

    def paste(self, text: str) -> None:
        self.page.locator("#receipt").fill(text)
        self.page.locator("#personal button[type=submit]").click()

    def check(self, receipt: str) -> str:
        """Paste a receipt; the verdict."""
        self.paste(receipt)
        return self.verdict()

    def verdict(self) -> str:
        """The class of the conclusion, once there is one."""
        return str(self.page.locator("#verdict [data-verdict]").get_attribute("data-verdict", timeout=120_000))

    def checks(self) -> dict[str, str]:
        """How each check went: `true`, `false` or `null`."""
        self.verdict()
        return dict(
            self.page.eval_on_selector_all("[data-check]", "all => all.map(one => [one.dataset.check, one.dataset.ok])")
        )

    def failures(self) -> set[str]:
        """The names of all failures."""
        self.verdict()
        return set(
            self.page.eval_on_selector_all("#verdict li[data-failure]", "all => all.map(one => one.dataset.failure)")
        )


Open = Callable[..., Visit]


@pytest.fixture
def visit(browser: object, site: Site) -> Iterator[Open]:
    """Open a page; in the end nothing may be wrong in any window, and nobody else may have been asked for anything."""
    with ExitStack() as windows:
        visits: list[Visit] = []

        def opened(address: str, locale: str = "id-ID", **context: object) -> Visit:
            window = windows.enter_context(browser.new_context(locale=locale, **context))
            page = window.new_page()
            one = Visit(page)
            page.on("request", lambda request: one.requests.append((request.url, _all_of(request))))
            page.on("pageerror", lambda error: one.errors.append(str(error)))
            page.on(
                "console",
                lambda line: line.type == "error" and one.errors.append(f"{line.text} {line.location['url']}"),
            )
            page.goto(address)
            visits.append(one)
            return one

        yield opened
        for one in visits:
            asked = {
                url
                for url, _ in one.requests
                if not url.startswith((site.url, site.results_url, "file:", "blob:", "data:"))
            }
            assert asked == set()
            assert [error for error in one.errors if not _expected(error, site)] == []


def _all_of(request: object) -> str:
    return f"{request.url} {request.headers} {request.post_data}"


def _expected(error: str, site: Site) -> bool:
    """What a browser itself writes of a file that is not there, or while a test has put something out of order."""
    optional = error.endswith(OPTIONAL) or "/proof?region=" in error or re.search(r"/(leaves|nodes)/\d\d\.bin$", error)
    missing = bool(error.startswith("Failed to load resource") and optional)
    return missing or site.results.down
