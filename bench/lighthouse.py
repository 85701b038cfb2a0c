"""Lighthouse on the citizen's home, for a guest and for somebody who is signed in: four scores of 100.

    python -m bench.lighthouse [RUNS] [--json]

`npx` fetches Lighthouse (npm is needed); it measures the page as the API gateway sends it, as a phone with slow 4G.
The best of the runs counts, as other work on the machine only makes a page slower. Exits with 1 below 95.
"""

from __future__ import annotations

import json
import os
import subprocess
import sys
from tempfile import TemporaryDirectory
from typing import Any

from .harness import Report, Row, Table, Target, command, machine
from .page import CONTACT, home

RUNS = 2
CATEGORIES = ("performance", "accessibility", "best-practices", "seo")
PORT = 9_333
LEAST = 95


def scores(url: str, wrong: set[str]) -> Row:
    """One run; what did not pass goes to `wrong`."""
    asked = ["npx", "--yes", "lighthouse", url, f"--port={PORT}", "--disable-storage-reset", "--quiet", "--output=json"]
    said = subprocess.run([*asked, f"--only-categories={','.join(CATEGORIES)}"], capture_output=True, check=True)
    found: dict[str, Any] = json.loads(said.stdout)
    named = {one["id"] for name in CATEGORIES for one in found["categories"][name]["auditRefs"] if one["weight"]}
    wrong |= {
        audit["title"] for name, audit in found["audits"].items() if name in named and (audit["score"] or 1) < 0.9
    }
    return {name: round(100 * (found["categories"][name]["score"] or 0)) for name in CATEGORIES}


def report(runs: int) -> Report:
    from tests.pages import chromium
    from tests.pages.citizen.conftest import Phone

    best: dict[str, Row] = {}
    wrong: set[str] = set()
    with home() as (world, play), TemporaryDirectory() as profile:
        flags = [f"--remote-debugging-port={PORT}"]
        window = play.chromium.launch_persistent_context(profile, executable_path=chromium.find(), args=flags)
        window.set_default_timeout(240_000)  # the machine may be busy
        siti = Phone(window.new_page(), world)
        for who in ("a guest", "signed in"):
            if who != "a guest":
                siti.sign_in(CONTACT)
                siti.state("unregistered")
                siti.register()
                siti.state("open")
                siti.page.goto("about:blank")
            rows = [scores(f"{world.url}/", wrong) for _ in range(runs)]
            best[who] = {name: max(row[name] or 0 for row in rows) for name in CATEGORIES}
        window.close()
    targets = [
        Target(name=f"{who}, {name}", value=score or 0, at_least=LEAST, condition=True)
        for who, row in best.items()
        for name, score in row.items()
    ]
    short = f"; did not pass at least once: {', '.join(sorted(wrong))}" if wrong else ""
    about = f"Lighthouse on home, the best of {runs}; load {os.getloadavg()[0]:.0f}{short}"
    return Report("lighthouse", about, machine(), [Table("of 100", best)], targets)


if __name__ == "__main__":
    sys.exit(command(__doc__ or "", report, RUNS))
