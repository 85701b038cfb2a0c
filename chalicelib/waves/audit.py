"""The close of a wave's audit: its tickets go, and the family cards of its entries.

What is published stays, and with it everybody's recomputing of the draw. So does each leaf behind its person, by which
a seat that falls free later is passed on. Without its ticket nobody can show whose a leaf is.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Mapping, Sequence
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from typing import Any

from ..aws.dynamodb import update_if
from .entries import THREADS, EntryItem
from .places.beneficiaries import BeneficiaryStore
from .places.place_rules import LOST_FROM
from .rules import SHARDS, Wave, WaveState, closed_ticket, is_closed, leaf_of
from .store import WaveItem, WaveStore


class Audits:
    """`days`: from when a wave was settled to the close of its audit."""

    def __init__(self, store: WaveStore, beneficiaries: BeneficiaryStore, days: int) -> None:
        self._store = store
        self._beneficiaries = beneficiaries
        self._after = timedelta(days=days)

    def ending(self, now: datetime) -> list[int]:
        """The waves whose audit closes now: long settled, and no seat of them is to be passed on, or may have to be.

        One query; if a wave is old enough, two calls for each hundred places that wait for a purchase or a
        confirmation.
        """
        old = {wave.number for wave in self._store.waves() if self._is_old(wave, now)}
        return sorted(old - self._undecided() if old else old)

    def end(self, rows: Sequence[Mapping[str, Any]], _now: datetime) -> Counter[str]:
        """Forget the tickets and family cards of these entries, of one wave; a write for each."""
        with ThreadPoolExecutor(THREADS, "audit") as pool:
            return Counter({"tickets": sum(pool.map(self._forget, rows))})

    def close(self, wave: int, now: datetime) -> None:
        """Record that no ticket of a wave is left. One write."""
        WaveItem("WAVES", f"{wave:06d}").update([WaveItem.audit_closed_at.set(now)])

    def _is_old(self, wave: Wave, now: datetime) -> bool:
        settled = wave.state is WaveState.SETTLED and wave.settled_at is not None and wave.audit_closed_at is None
        passed_on = wave.passed_count == wave.revoked_count
        return settled and passed_on and wave.settled_at is not None and wave.settled_at + self._after <= now

    def _undecided(self) -> set[int]:
        found = set[int]()
        for shard in range(SHARDS):
            listed = [one.registrant_id for one in self._beneficiaries.potential(f"{shard:02d}", _EVER)]
            found |= {one.wave for one in self._beneficiaries.of_many(listed) if one.state in LOST_FROM}
        return found

    @staticmethod
    def _forget(row: Mapping[str, Any]) -> bool:
        item, ticket = EntryItem.from_raw_data(dict(row)), EntryItem.ticket
        if is_closed(item.ticket):
            return False
        leaf = leaf_of(int(item.pk.split("#")[1]), item.region, item.ticket)
        return update_if(item, [ticket.set(closed_ticket(leaf)), EntryItem.kk.remove()], ticket == item.ticket)


_EVER = datetime(9999, 1, 1, tzinfo=UTC)
