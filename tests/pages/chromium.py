"""Where Chromium is on this machine. It is never downloaded: `python -m tests.pages.chromium` says what is missing."""

from __future__ import annotations

import os
import shutil
import sys

NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")


def find() -> str | None:
    """The program that `CHROMIUM` names, else the first of the usual names on the path."""
    given = os.environ.get("CHROMIUM")
    return shutil.which(given) if given else next(filter(None, map(shutil.which, NAMES)), None)


if __name__ == "__main__":
    if not find():
        sys.exit(f"no Chromium: apt-get install chromium, or CHROMIUM=/path/to/it (looked for {', '.join(NAMES)})")
