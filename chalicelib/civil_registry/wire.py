"""What the civil registry sends to us, and what it gets back: the DCI standard's `on-search`."""

from __future__ import annotations

from datetime import datetime

from msgspec import Struct


class OnSearch(Struct, frozen=True):
    """An answer that comes later: a compact JWS of its header and message, which beside it are allowed and not read."""

    signature: str


class Acknowledgement(Struct, frozen=True):
    """That an answer was taken."""

    ack_status: str
    timestamp: datetime
    correlation_id: str


class Acknowledged(Struct, frozen=True):
    """The standard's envelope of an acknowledgement."""

    message: Acknowledgement
