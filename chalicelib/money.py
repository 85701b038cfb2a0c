"""Money is whole rupiah in an int; there is no smaller unit and no float. Standard library only."""

from __future__ import annotations

from typing import NewType

Rupiah = NewType("Rupiah", int)
"""A whole number of rupiah. Fields that hold one end in `_idr`."""


def rupiah(amount: int) -> Rupiah:
    """Check an amount at a boundary: a bool, a float or a negative number is refused with ValueError."""
    if type(amount) is not int or amount < 0:
        raise ValueError("an amount is a whole number of rupiah, not below zero")
    return Rupiah(amount)


def format_idr(amount: Rupiah) -> str:
    """`Rp600.000`, as it is written in Indonesia; `-Rp600.000` of what is left where too much was taken."""
    return f"{'-' if amount < 0 else ''}Rp{abs(amount):,}".replace(",", ".")
