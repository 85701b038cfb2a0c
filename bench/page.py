"""The citizen's page on a cheap phone with 3G: how long until one can use it, and what is fetched until then.

    python -m bench.page [RUNS] [--json]

Chromium opens the application, as the API gateway compresses it, with 400 kbit/s, 400 ms latency and a processor
slowed 4 times. Time goes from the request of the page until the main action of home is there and painted. Emulation
does not slow the opening of connections. Each run opens it with an empty cache and then again with what was kept; there
is no service worker. Exits with 1 if the first load has more than 12 requests or 60 KB.
"""

from __future__ import annotations

import gzip
import logging
import os
import sys
import urllib.request
import warnings
from collections.abc import Iterator
from contextlib import ExitStack, contextmanager
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from statistics import median
from threading import Thread
from typing import Any
from urllib.error import HTTPError

from infrastructure import app_stack

from .harness import Report, Row, Table, Target, command, machine

RUNS = 5
NETWORK = {"offline": False, "latency": 400, "downloadThroughput": 400_000 / 8, "uploadThroughput": 400_000 / 8}
SLOWER = 4
REQUESTS_MAX, BYTES_MAX, USABLE_MS = 12, 60_000, 3_000
CONTACT = "siti@example.org"
WATCH = """
new MutationObserver((_, watch) => {
  if (!document.querySelector("main [data-state] :is(.button, button)")) return;
  watch.disconnect();
  requestAnimationFrame(() => setTimeout(() => { document.documentElement.dataset.usable = performance.now(); }));
}).observe(document, { childList: true, subtree: true });
"""
"""Notes when the main action of home was painted, in ms since the page was asked for."""


@contextmanager
def gateway(url: str) -> Iterator[str]:
    """The application at `url` with answers compressed as the API gateway does; its address."""
    smallest = app_stack.COMPRESSED_FROM

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"
        wbufsize = -1  # headers and body go together

        def pass_on(self) -> None:
            body = self.rfile.read(int(self.headers.get("Content-Length", 0))) or None
            told = {name: value for name, value in self.headers.items() if name not in {"Host", "Accept-Encoding"}}
            asked = urllib.request.Request(url + self.path, body, told, method=self.command)
            try:
                answer = urllib.request.urlopen(asked)
            except HTTPError as refusal:
                answer = refusal
            said = answer.read()
            self.send_response(answer.status)
            for name, value in answer.headers.items():
                if name not in {"Content-Length", "Connection", "Server", "Date"}:
                    self.send_header(name, value)
            if len(said) >= smallest:
                said = gzip.compress(said, 6)
                self.send_header("Content-Encoding", "gzip")
            self.send_header("Content-Length", str(len(said)))
            self.end_headers()
            self.wfile.write(said)

        do_GET = do_POST = do_PUT = do_PATCH = do_DELETE = pass_on  # noqa: N815 - as http.server calls them

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        Thread(target=server.serve_forever, daemon=True).start()
        try:
            yield f"http://127.0.0.1:{server.server_port}"
        finally:
            server.shutdown()


def load(window: Any, url: str, *, kept: bool) -> Row:
    """Open the page in a new tab, with or without what the browser has kept; times in ms, and what came."""
    asked: dict[str, int] = {}
    page = window.new_page()
    cdp = window.new_cdp_session(page)
    cdp.send("Network.enable")
    if not kept:
        cdp.send("Network.clearBrowserCache")
    cdp.send("Network.emulateNetworkConditions", NETWORK)
    cdp.send("Emulation.setCPUThrottlingRate", {"rate": SLOWER})
    cdp.on("Network.loadingFinished", lambda said: asked.update({said["requestId"]: int(said["encodedDataLength"])}))
    page.goto(url)
    page.locator("html[data-usable]").wait_for(state="attached", timeout=120_000)
    usable = page.evaluate("Number(document.documentElement.dataset.usable)")
    page.close()
    sent = [size for size in asked.values() if size]
    return {"usable ms": usable, "requests": len(sent), "bytes": sum(sent)}


def medians(rows: list[Row]) -> Row:
    times = [row["usable ms"] or 0 for row in rows]
    return {**rows[-1], "usable ms": median(times), "best ms": min(times)}


@contextmanager
def home() -> Iterator[tuple[Any, Any]]:
    """The application with a wave that is open, at `world.url` behind a gateway, and Playwright."""
    import pytest
    from playwright.sync_api import sync_playwright

    from tests import conftest
    from tests.e2e.world import world_on
    from tests.pages.citizen.conftest import open_wave

    warnings.simplefilter("ignore")
    logging.disable(logging.WARNING)  # moto says at length what it does not know
    with ExitStack() as stack:
        patch = stack.enter_context(pytest.MonkeyPatch.context())
        for usual in (conftest.moto_as_it_should_be, conftest.no_real_cloud):
            stack.enter_context(contextmanager(usual.__wrapped__)())
        cloud = stack.enter_context(contextmanager(conftest.cloud.__wrapped__)(None))
        world = stack.enter_context(world_on(cloud, conftest.programme.__wrapped__(), patch))
        world.url = stack.enter_context(gateway(world.url))
        open_wave(world)
        yield world, stack.enter_context(sync_playwright())


def report(runs: int) -> Report:
    from tests.pages import chromium
    from tests.pages.citizen.conftest import Phone

    rows: dict[str, list[Row]] = {}
    with home() as (world, play), play.chromium.launch(executable_path=chromium.find()) as browser:
        for who in ("a guest", "signed in, a wave is open"):
            with browser.new_context(service_workers="block", locale="id-ID") as window:
                window.set_default_timeout(240_000)  # the machine may be busy
                if who != "a guest":
                    siti = Phone(window.new_page(), world)
                    siti.sign_in(CONTACT)
                    siti.state("unregistered")
                    siti.register()
                    siti.state("open")
                window.add_init_script(WATCH)
                for _ in range(runs):
                    for name in ("first", "again"):
                        rows.setdefault(f"{who}, {name}", []).append(load(window, world.url, kept=name == "again"))
    told = {name: medians(each) for name, each in rows.items()}
    first = told["a guest, first"]
    targets = [
        Target(name="requests of a first load", value=first["requests"] or 0, at_most=REQUESTS_MAX, condition=True),
        Target(name="bytes of a first load", value=first["bytes"] or 0, at_most=BYTES_MAX, condition=True),
        *(
            Target(name=f"{name}: usable, best", value=row["best ms"] or 0, at_most=USABLE_MS)
            for name, row in told.items()
        ),
    ]
    load_ = f"{os.getloadavg()[0]:.0f}"
    about = f"The citizen's page at 400 kbit/s, 400 ms, a processor slowed 4 times: {runs} runs; load {load_}"
    return Report("page", about, machine(), [Table("home", told)], targets)


if __name__ == "__main__":
    sys.exit(command(__doc__ or "", report, RUNS))
