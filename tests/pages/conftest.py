"""A wave that anybody may check in a real browser: its page, its files, and people who click and type."""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import UTC, datetime, timedelta

import msgspec
import pytest

import app as application
from chalicelib import wiring
from chalicelib.config import load_programme
from chalicelib.draw.leaves import leaf
from chalicelib.waves.publication.bucket import Publication
from chalicelib.waves.rules import WaveState
from chalicelib.waves.store import WaveItem
from tests.builders.draws.files import REAL_FROZEN, published_draw, random_lists
from tests.conftest import T0
from tests.conftest import cloud as cloud_of_one_test

from . import chromium
from .site import Proofs, Results, serving

WAVE, NOT_FROZEN = 61, 62
LISTS = random_lists(WAVE, {11: 40, 31: 10_000, 32: 300})
FILES = published_draw(WAVE, LISTS, {11: 5, 31: 20, 32: 10}, 400, leaving=(0, 3, 30, 30, 44, 100))
"""Frozen three days late, when quicknet's one real round of the vectors had half an hour to come."""

pytestmark = pytest.mark.page
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
            times = {"opens_at": "2023-09-08T05:00:00Z", "closes_at": closes.strftime("%Y-%m-%dT%H:%M:%SZ")}
            seats = {"quota": 400, "reserved": 35, "weights": "{}"}
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


LATER = timedelta(hours=1)
