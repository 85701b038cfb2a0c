"""docs/helpdesk.md: its code gives the values of the evidence, its words are those of the application."""

from __future__ import annotations

import re
from typing import Any

import msgspec

from chalicelib.draw.selection import DrawResult
from chalicelib.helpdesk import errors
from chalicelib.helpdesk.evidence import of_selection
from chalicelib.helpdesk.rules import Category, GrievanceState, SelectionEvidence
from chalicelib.helpdesk.wire import GrievanceForm
from chalicelib.waves.rules import NOT_DRAWN, DrawnEntry, Entry, EntryOutcome, EntryStanding
from tests.conftest import ROOT, T0

PAGE = (ROOT / "docs/helpdesk.md").read_text()


def block(language: str) -> str:
    found = re.search(rf"^```{language}\n(.*?)^```$", PAGE, re.DOTALL | re.MULTILINE)
    assert found
    return found[1]


def evidence(draw: DrawResult, **entry: Any) -> SelectionEvidence:
    drawn = DrawnEntry(Entry(145, "siti", 31, b"t" * 32, T0, "kk", **entry), draw, EntryStanding.NOT_CHOSEN, NOT_DRAWN)
    return of_selection(drawn, 123_456, 949_210, "https://results.example")


def test_the_code_of_the_page_gives_the_values_of_the_evidence():
    names: dict[str, Any] = {}
    exec(block("python"), names)
    given = evidence(DrawResult(b"s" * 32, {31: b"\x00" * 32}, b"\x00" * 32))
    assert names["check"](145, 31, (b"t" * 32).hex(), given.seed) == {
        "leaf": given.leaf,
        "rank": given.rank,
        "open": given.open,
    }


def test_a_value_counts_up_to_its_cut_off_and_the_reserved_seats_come_first():
    low, high = b"\x00" * 32, b"\xff" * 32
    one = evidence(DrawResult(b"s" * 32, {31: low}, low))
    rank, opened = bytes.fromhex(one.rank or ""), bytes.fromhex(one.open)
    below = (int.from_bytes(opened, "big") - 1).to_bytes(32, "big")
    cases: list[tuple[dict[int, bytes | None], bytes | None, str | None]] = [
        ({31: low}, low, None),
        ({31: rank}, high, "reserved"),
        ({31: low}, opened, "open"),
        ({31: low}, below, None),
        ({31: None}, None, None),
        ({32: high}, opened, "open"),
        ({}, None, None),
    ]
    assert [evidence(DrawResult(b"s" * 32, reserved, cutoff)).within for reserved, cutoff, _ in cases] == [
        within for *_, within in cases
    ]
    assert (
        evidence(DrawResult(b"s" * 32, {32: high}, low)).rank,
        evidence(DrawResult(b"s" * 32, {31: None}, low)).rank_cutoff,
    ) == (
        None,
        None,
    )


def test_the_page_names_every_field_category_state_reason_and_refusal():
    msgspec.json.decode(block("json"), type=GrievanceForm)
    words = [*SelectionEvidence.__struct_fields__, *Category, *GrievanceState, NOT_DRAWN, *EntryOutcome]
    known = {"wave", "region", EntryOutcome.CHOSEN}  # what was asked about
    assert [word for word in words if word not in known and f"`{word}`" not in PAGE] == []
    for error in errors.FILING:
        assert f"| `{error.code}` | {error.status} |" in PAGE
