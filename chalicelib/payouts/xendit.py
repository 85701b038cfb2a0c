"""What every request to Xendit has in common, whatever it is about."""

from __future__ import annotations

import base64
from collections.abc import Callable
from decimal import Decimal
from typing import Any

import msgspec

from ..money import Rupiah

_decoder = msgspec.json.Decoder(float_hook=Decimal)
"""Amounts never are floats, not even for a moment."""

_DIGITS = 18
"""More than any amount has: a number like 1e999999999 must not be written out."""


def authorization(api_key: Callable[[], str]) -> dict[str, str]:
    """The header of basic authentication: the key as the user, without a password."""
    return {"Authorization": "Basic " + base64.b64encode(f"{api_key()}:".encode()).decode()}


def parsed(raw: bytes) -> Any:
    """What an answer's JSON says; None if it is none."""
    try:
        return _decoder.decode(raw)
    except msgspec.DecodeError:
        return None


def amount(raw: Any) -> Rupiah | None:
    """Whole rupiah, however it is written (600000, 600000.0, "600000"); None for anything else."""
    if isinstance(raw, str) and raw.isascii() and raw.isdigit() and len(raw) <= _DIGITS:
        raw = int(raw)
    if isinstance(raw, Decimal) and raw.adjusted() < _DIGITS and raw == raw.to_integral_value():
        raw = int(raw)
    return Rupiah(raw) if type(raw) is int and raw >= 0 else None
