"""Pictures of every screen in both languages and three widths, to be looked at: `make pictures ONLY=uang`."""

from __future__ import annotations

import sys
from pathlib import Path
from typing import Any

from playwright.sync_api import sync_playwright

from chalicelib.config import load_programme
from tests.builders.statistics import of_a_sample

from . import chromium, test_dashboard, test_public
from .citizen.lives import LIVES, SCREENS, WHOLE, living
from .opened import LANGUAGES, speak

FOLDER = Path(".pictures")


def taken(page: Any, name: str) -> None:
    for code in LANGUAGES:
        speak(page, code)
        for width in (320, 768, 1280):
            page.set_viewport_size({"width": width, "height": 640})
            page.wait_for_timeout(100)
            file = f"{name.replace('/', '-').replace(' ', '-')}-{code}-{width}.png"
            page.screenshot(path=FOLDER / file, full_page=True)


def main(only: str) -> None:
    FOLDER.mkdir(exist_ok=True)
    programme = load_programme("prod")
    views = [(f"home {name}", life, "") for name, life in LIVES.items()] + [(way, WHOLE, way) for way in SCREENS]
    with sync_playwright() as play, play.chromium.launch(executable_path=chromium.find()) as browser:
        for name, life, way in views:
            if only not in name:
                continue
            with living(browser, programme, life) as page:
                page.goto(f"{page.url.split('#')[0]}#/{way}")
                page.locator("main h1").wait_for()
                taken(page, name)
        for name in test_public.SHOWN:
            if only in name:
                with test_public.shown(browser, programme, name) as page:
                    taken(page, name)
        for scheme, people in (("light", 20_000), ("dark", test_dashboard.SMALL)):
            if only in (name := f"dashboard {scheme}"):
                found = of_a_sample(test_dashboard.NOW, people)
                with test_dashboard.dashboard(browser, programme, found, color_scheme=scheme) as page:
                    page.locator("#provinces svg").wait_for()
                    taken(page, name)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
