"""What a person brings to look for their own entry: a receipt, or the ticket alone (docs/draw.md section 6)."""

from __future__ import annotations

from dataclasses import dataclass
from typing import Literal

import msgspec
from msgspec import Struct

from .published_forms import U32, Hex32, Province

LIMIT_BYTES = 1 << 16


class NoReceipt(Exception):
    """This is no receipt; the message says why and quotes nothing of it."""


@dataclass(frozen=True, slots=True)
class Own:
    """One's own entry. `wave` is what the receipt says, None where only the 32 bytes of the ticket are known."""

    region: int
    ticket: bytes
    wave: int | None = None


class _Receipt(Struct, frozen=True):
    """Only what the leaf is made of: of the rest of a receipt nothing is believed."""

    format: Literal["gelombang/receipt/1"]
    wave: U32
    region: Province
    ticket: Hex32


def parse(raw: bytes) -> Own:
    """The entry of a receipt. Raises `NoReceipt`."""
    try:
        found = msgspec.json.decode(raw, type=_Receipt)
    except (msgspec.MsgspecError, ValueError, RecursionError) as error:
        raise NoReceipt("not a receipt of the form gelombang/receipt/1") from error
    return Own(found.region, bytes.fromhex(found.ticket), found.wave)
