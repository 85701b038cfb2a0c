"""How amounts are read from Xendit's answers: whole rupiah or nothing, and never through a float."""

from __future__ import annotations

import pytest

from chalicelib.payouts.providers import xendit


@pytest.mark.parametrize("written", ["600000", "600000.0", "6e5", "6.00000E+5", '"600000"'])
def test_whole_rupiah_are_read_however_they_are_written(written: str) -> None:
    assert xendit.amount(xendit.parse(written.encode())) == 600_000


def test_an_amount_that_no_float_can_hold_is_read_to_the_rupiah() -> None:
    assert xendit.amount(xendit.parse(b"9007199254740993.0")) == 9_007_199_254_740_993


@pytest.mark.parametrize(
    "written",
    ["600000.5", "-1", "-1.0", "1e400", "1e999999999", "true", "null", "[]", '"6e5"', f'"{"9" * 5000}"', '""'],
)
def test_anything_else_is_no_amount(written: str) -> None:
    assert xendit.amount(xendit.parse(written.encode())) is None


def test_what_is_no_json_says_nothing() -> None:
    assert xendit.parse(b"<html>") is None


def test_the_key_is_the_user_and_there_is_no_password() -> None:
    assert xendit.authorization(lambda: "key") == {"Authorization": "Basic a2V5Og=="}
