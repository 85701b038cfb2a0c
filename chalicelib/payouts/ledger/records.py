"""What the ledger returns, as plain values, and over which partitions its two indexes are spread."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import datetime

from ...money import Rupiah
from ...values import Value
from ...waves.rules import shard_of
from ..rules import AT_REST, Authority, Entitlement, Hold, Kind, State, needs_another_look


class Event(Value, frozen=True):
    """One transition that happened; `authority` if people decided it."""

    seq: int
    at: datetime
    before: State | None
    state: State
    n: int
    hold: Hold | None
    reason: str
    authority: Authority | None = None


class News(Value, frozen=True):
    """A transition that others act on: what happened (`state`, `at`), to whom, and how it stands now (`latest`).

    `hold` says why it is HELD now, if it is. `key` is this line's place in its shard, after which reading goes on.
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


class Attempt(Value, frozen=True):
    """One instruction to pay, stored before it is sent. `body` is the exact request, the same at every sending."""

    n: int
    key: str
    body: bytes
    first_sent_at: datetime
    """When it was stored: never after the first sending, so a key's remaining life is never overestimated."""
    rail: str
    """Through which provider."""


class StoredAttempt(Value, frozen=True):
    """An attempt whose body is still sealed."""

    n: int
    key: str
    sealed_body: bytes
    first_sent_at: datetime
    rail: str

    def opened(self, body: bytes) -> Attempt:
        """The attempt with its body unsealed."""
        return Attempt(self.n, self.key, body, self.first_sent_at, self.rail)


class Unsettled(Value, frozen=True):
    """A row of the index, as read."""

    entitlement_id: str
    updated_at: str


SHARDS = 16
"""How many partitions each queue of the index, and the news, are spread over."""

SELDOM_RAILS = frozenset({"bank-file"})
"""Rails on which a SENDING takes a day or more and is settled by what people import: asked about as seldom as HELD."""

NEWS_SHARDS = tuple(f"{number:02}" for number in range(SHARDS))


def unsettled_shards() -> Iterator[tuple[str, bool]]:
    """Every partition of the index, and whether it is looked at less often."""
    for number in range(SHARDS):
        yield f"U#{number}", False
        yield f"H#{number}", True


WRITTEN_OFF_SHARD = "W#0"
"""The partition of the index with what two administrators have to decide because of a NIK that passed."""


def plan_shards() -> Iterator[str]:
    """The partitions of the index in which plans are, by the time of their next instalment."""
    for number in range(SHARDS):
        yield f"M#{number}"


def plan_shard(registrant_id: str) -> str:
    return f"M#{int(shard_of(registrant_id)) % SHARDS}"


def unsettled_shard(entitlement: Entitlement) -> str | None:
    """HELD, and what is on its way by one of `SELDOM_RAILS`, has its own partitions, where sweeps come less often."""
    if entitlement.hold is Hold.WRITTEN_OFF:
        return WRITTEN_OFF_SHARD
    if not needs_another_look(entitlement.state, entitlement.hold):
        return None
    by_file = entitlement.state is State.SENDING and entitlement.rail in SELDOM_RAILS
    return f"{'H' if by_file or entitlement.state is State.HELD else 'U'}#{_spread(entitlement.id)}"


def is_news(state: State, hold: Hold | None) -> bool:
    """Whether others act on this transition: the person is told of it, or a survey follows."""
    return state in AT_REST or hold in {Hold.NO_ADDRESS, Hold.UNVERIFIED, Hold.ACCOUNT_REFUSED}


def news_shard(entitlement: Entitlement) -> str | None:
    if not is_news(entitlement.state, entitlement.hold):
        return None
    return f"{_spread(entitlement.id):02}"


def _spread(entitlement_id: str) -> int:
    """Spreads evenly, as the first base32 digit of an id is that of a hash."""
    return "abcdefghijklmnopqrstuvwxyz234567".index(entitlement_id[0]) % SHARDS
