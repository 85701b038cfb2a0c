"""docs/partners.md: its code signs as the server does, its worked example is right, its refusals are all there are."""

from __future__ import annotations

import hashlib
import re
from collections.abc import Callable
from datetime import UTC, datetime
from typing import Any

from chalicelib.training import errors, signatures
from tests.conftest import ROOT

PAGE = (ROOT / "docs/partners.md").read_text()
PARTNER = "partner234partner234partne"
NOW = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
PATH = "/partners/training-completions"


def example() -> list[str]:
    """The blocks of the worked example: key, body, text to sign, signature."""
    worked = PAGE.split("## A worked example")[1].split("\n## ")[0]
    return re.findall(r"^```\n(.*?)\n```$", worked, re.DOTALL | re.MULTILINE)


def signed_headers() -> Callable[..., dict[str, str]]:
    """The function that the page gives partners to copy."""
    found = re.search(r"^```python\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert found
    names: dict[str, Any] = {}
    exec(found[1], names)
    function: Callable[..., dict[str, str]] = names["signed_headers"]
    return function


def test_the_code_of_the_page_signs_as_the_server_expects() -> None:
    key, body, _, signature = example()
    assert PARTNER in PAGE
    headers = signed_headers()(PARTNER, key, "POST", PATH, body.encode(), NOW.timestamp())
    assert headers == signatures.sign(PARTNER, key, "POST", PATH, body.encode(), NOW)
    assert headers["Gelombang-Signature"] == signature
    claimed = signatures.claim(headers, NOW, 300)
    assert signatures.is_signed(claimed, bytes.fromhex(key), "POST", PATH, body.encode())


def test_the_worked_example_shows_the_text_that_is_signed() -> None:
    _, body, text, _ = example()
    assert len(body.encode()) == 130
    lines = ["gelombang1", "POST", PATH, str(int(NOW.timestamp())), hashlib.sha256(body.encode()).hexdigest()]
    assert text.split("\n") == lines


def test_the_page_lists_every_refusal_with_its_status() -> None:
    for error, (status, _, _) in errors.PROBLEMS.items():
        if error is errors.AlreadyReviewed:
            continue  # told to participants, not to partners
        row = next(line for line in PAGE.splitlines() if line.startswith("|") and f"`{error.code}`" in line)
        assert f"| {status} |" in row
