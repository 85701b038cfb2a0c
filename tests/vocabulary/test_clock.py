"""Instants as they are stored and sent."""

from __future__ import annotations

from datetime import UTC, datetime

import pytest
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.clock import iso, parse_iso


@given(st.datetimes(timezones=st.just(UTC)))
def test_what_is_read_is_written_as_it_was(instant: datetime) -> None:
    """A conditional write holds a record to the text that it was read with."""
    assert iso(parse_iso(iso(instant))) == iso(instant)


@pytest.mark.parametrize(
    ("microsecond", "text"),
    [(0, "38Z"), (1, "38Z"), (999, "38Z"), (1000, "38.001Z"), (999_999, "38.999Z"), (500_000, "38.500Z")],
)
def test_milliseconds_are_written_where_there_are_any(microsecond: int, text: str) -> None:
    assert iso(datetime(2026, 11, 29, 7, 47, 38, microsecond, UTC)) == f"2026-11-29T07:47:{text}"
