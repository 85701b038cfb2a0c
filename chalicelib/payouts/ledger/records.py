"""What the ledger tells of itself, as plain values: a line of its history, what is new, an attempt, what waits."""

from __future__ import annotations

from dataclasses import dataclass
from datetime import datetime

from ...money import Rupiah
from ..rules import Attempt, Authority, Hold, Kind, State


@dataclass(frozen=True)
class Event:
    """One transition that happened; `authority` if people decided it."""

    seq: int
    at: datetime
    before: State | None
    state: State
    n: int
    hold: Hold | None
    reason: str
    authority: Authority | None = None


@dataclass(frozen=True)
class News:
    """A transition that others act on: what happened (`state`, `at`), to whom, and how it stands now (`latest`).

    `hold` is why it is HELD, if it is so now. `key` is this line's place in its shard: reading goes on after it.
    """

    entitlement_id: str
    registrant_id: str
    wave: int
    kind: Kind
    amount_idr: Rupiah
    state: State
    at: datetime
    latest: State
    hold: Hold | None
    key: str


@dataclass(frozen=True)
class StoredAttempt:
    """An attempt whose body is still sealed."""

    n: int
    key: str
    sealed_body: bytes
    first_sent_at: datetime
    rail: str

    def opened(self, body: bytes) -> Attempt:
        """The attempt with its body unsealed."""
        return Attempt(self.n, self.key, body, self.first_sent_at, self.rail)


@dataclass(frozen=True)
class Unsettled:
    """A row of the index, as read."""

    entitlement_id: str
    updated_at: str
