"""A page as it is served, in a window whose application says what a test wants it to say."""

from __future__ import annotations

import gzip
import re
from collections.abc import Callable, Iterator
from contextlib import contextmanager
from datetime import datetime
from email.utils import format_datetime
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import msgspec

from chalicelib.config import Programme
from chalicelib.web.pages import Pages

ORIGIN = "https://gelombang.example"
AXE = gzip.decompress(Path(__file__).with_name("axe.min.js.gz").read_bytes()).decode()
"""axe-core 4.14.1, as it is published; its licence is in `axe.LICENSE.txt`."""
LANGUAGES = {"id": "Indonesia", "en": "English"}


@contextmanager
def opened(
    browser: Any,
    programme: Programme,
    name: str,
    now: datetime,
    answer: Callable[[Any, str], Any],
    path: str = "/",
    device_clock: datetime | None = None,
    **context: Any,
) -> Iterator[Any]:
    """A window on the page of that name. `answer` gives what the API says to a request for a path; None is 404.

    With `page.airplane` nothing reaches the application. Nothing may be wrong in the window in the end.
    """
    pages = Pages(programme, SimpleNamespace(public_url=ORIGIN, results_url="https://results.example"))  # type: ignore[arg-type]
    usual = {"locale": "id-ID", "viewport": {"width": 320, "height": 640}, "service_workers": "block"}
    with browser.new_context(**usual | context) as window:
        window.set_default_timeout(120_000)
        page = window.new_page()
        page.errors, page.airplane = [], False
        page.clock.set_fixed_time(device_clock or now)
        page.on("pageerror", lambda error: page.errors.append(str(error)))
        page.on("console", lambda line: line.type == "error" and page.errors.append(line.text))

        def respond(route: Any) -> None:
            if page.airplane:
                return route.abort()
            asked = route.request.url.removeprefix(ORIGIN).split("?")[0]
            served, kind = None, "text/html"
            if asked == path:
                served = pages.page(name)
            elif asked.startswith("/assets/"):
                served, kind = pages.script(asked.split("/", 3)[3]), "text/javascript"
            if served:
                headers = {"Content-Security-Policy": served.policy}
                return route.fulfill(body=served.text, content_type=kind, headers=headers)
            found = answer(route.request, asked)
            said = {"code": "not_found"} if found is None else found
            status, headers = 404 if found is None else 200, {"Date": format_datetime(now, usegmt=True)}
            return route.fulfill(status=status, json=msgspec.to_builtins(said), headers=headers)

        page.route("**/*", respond)
        page.goto(f"{ORIGIN}{path}")
        yield page
        assert [error for error in page.errors if not error.startswith("Failed to load resource")] == []


def speak(page: Any, code: str) -> None:
    """Change the language by the button of the page."""
    page.locator(".languages").get_by_role("button", name=LANGUAGES[code]).click()
    page.locator(f"html[lang={code}]").wait_for()
    page.wait_for_timeout(300)


def faults(page: Any, *rules: str) -> list[str]:
    """What axe finds, by these rules or all, with the first place of each."""
    page.evaluate(f"window.axe || (() => {{ {AXE}\n }})()")
    only = {"runOnly": list(rules)} if rules else {}
    found = page.evaluate("only => axe.run(document, { resultTypes: ['violations'], ...only })", only)
    return [f"{one['id']}: {one['nodes'][0]['html'][:200]}" for one in found["violations"]]


UNNAMED = re.compile(r"^ *- (button|textbox|searchbox|link|region|combobox|radio|checkbox|heading)( \[|:|$)", re.M)


def for_everybody(page: Any) -> None:
    """Nothing wrong, in light and dark; in both languages all named, nothing too wide, all big enough for a finger.

    axe looks once: what it finds lies in the structure and the colours, which no language changes.
    """
    for code in LANGUAGES:
        speak(page, code)
        assert UNNAMED.findall(page.locator("body").aria_snapshot()) == []
        assert page.evaluate("document.documentElement.scrollWidth") <= page.viewport_size["width"]
        heights = page.eval_on_selector_all("button, .button, select, input:not([type=radio]):not([type=checkbox])",
                                            "all => all.map(one => one.getBoundingClientRect().height)")  # fmt: skip
        assert min(heights) >= 36
    assert faults(page) == []
    page.emulate_media(color_scheme="dark")
    assert faults(page, "color-contrast") == []
    page.emulate_media(color_scheme="light")
