"""How the ledger's two indexes are spread over partitions, and what is in which."""

from __future__ import annotations

from collections.abc import Iterator

from ..rules import Entitlement, State, is_news, needs_another_look

SHARDS = 16
"""How many partitions each queue of the index, and the news, are spread over."""

SELDOM_RAILS = frozenset({"bank-file"})
"""Rails on which a SENDING takes a day or more and is settled by what people import: asked about as seldom as HELD."""

NEWS_SHARDS = tuple(f"{number:02}" for number in range(SHARDS))


def unsettled_shards() -> Iterator[tuple[str, bool]]:
    """Every partition of the index, and whether it is one of those that are looked at less often."""
    for number in range(SHARDS):
        yield f"U#{number}", False
        yield f"H#{number}", True


def unsettled_shard(entitlement: Entitlement) -> str | None:
    """HELD, and what is on its way by one of `SELDOM_RAILS`, waits apart, where sweeps come less often."""
    if not needs_another_look(entitlement.state, entitlement.hold):
        return None
    by_file = entitlement.state is State.SENDING and entitlement.rail in SELDOM_RAILS
    return f"{'H' if by_file or entitlement.state is State.HELD else 'U'}#{_spread(entitlement.id)}"


def news_shard(entitlement: Entitlement) -> str | None:
    if not is_news(entitlement.state, entitlement.hold):
        return None
    return f"{_spread(entitlement.id):02}"


def _spread(entitlement_id: str) -> int:
    """Ids are hashes, so their first base32 digit spreads evenly."""
    return "abcdefghijklmnopqrstuvwxyz234567".index(entitlement_id[0]) % SHARDS
