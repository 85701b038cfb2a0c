"""What `docs/costs.md` says, for tests that hold the application to it."""

from __future__ import annotations

import re

from tests.conftest import ROOT


def stated(row: str) -> int:
    """The number of calls that the page has in the row that begins so."""
    (line,) = [line for line in (ROOT / "docs/costs.md").read_text().splitlines() if line.startswith(f"| {row}")]
    found = re.match(r"\d+", line.split(" | ")[1])
    assert found
    return int(found[0])
