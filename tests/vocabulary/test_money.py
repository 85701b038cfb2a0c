"""Amounts at the boundary: whole rupiah from zero on, and how they are written."""

from __future__ import annotations

from decimal import Decimal

import pytest

from chalicelib.money import Rupiah, format_idr, rupiah


@pytest.mark.parametrize("amount", [0, 1, 600_000, 10**15])
def test_a_whole_number_from_zero_on_is_an_amount(amount):
    assert rupiah(amount) == amount
    assert type(rupiah(amount)) is int


@pytest.mark.parametrize("amount", [-1, True, False, 1.0, 600_000.5, Decimal(5), "5", None])
def test_anything_else_is_refused(amount):
    with pytest.raises(ValueError, match=r"^an amount is a whole number of rupiah, not below zero$"):
        rupiah(amount)


@pytest.mark.parametrize(
    ("amount", "written"),
    [(0, "Rp0"), (999, "Rp999"), (50_000, "Rp50.000"), (600_000, "Rp600.000"), (1_234_567_890, "Rp1.234.567.890")],
)
def test_an_amount_is_written_as_in_indonesia(amount, written):
    assert format_idr(Rupiah(amount)) == written
