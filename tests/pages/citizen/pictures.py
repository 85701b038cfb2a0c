"""Pictures of every screen in both languages and three widths, to be looked at: `make pictures ONLY=uang`."""

from __future__ import annotations

import sys
from pathlib import Path

from playwright.sync_api import sync_playwright

from chalicelib.config import load_programme
from tests.pages import chromium

from .lives import LIVES, SCREENS, WHOLE, living

FOLDER = Path(".pictures")


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
                for language in ("Indonesia", "English"):
                    page.locator(".languages").get_by_role("button", name=language).click()
                    page.wait_for_timeout(300)
                    for width in (320, 768, 1280):
                        page.set_viewport_size({"width": width, "height": 640})
                        file = f"{name.replace('/', '-').replace(' ', '-')}-{language[:2].lower()}-{width}.png"
                        page.screenshot(path=FOLDER / file, full_page=True)


if __name__ == "__main__":
    main(sys.argv[1] if len(sys.argv) > 1 else "")
