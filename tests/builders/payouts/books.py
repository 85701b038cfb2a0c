"""A ledger and a provider's statement in memory, as the comparison of days reads them; nothing of them is stored."""

from __future__ import annotations

from collections.abc import Iterable, Iterator, Mapping, Sequence
from dataclasses import dataclass, field, replace
from datetime import datetime
from types import SimpleNamespace
from typing import Any

from chalicelib.clock import iso
from chalicelib.money import Rupiah
from chalicelib.payouts import rules
from chalicelib.payouts.ledger.records import NEWS_SHARDS, News, news_shard
from chalicelib.payouts.providers.provider import Entry, StatementLine
from chalicelib.payouts.rules import Entitlement, Kind, State

AMOUNT = Rupiah(600_000)
RAIL = "xendit-v2"


def owed(who: str, state: State, at: datetime, n: int = 1, wave: int = 54) -> Entitlement:
    """An incentive that came into its state at an instant, with so many attempts."""
    id_ = rules.entitlement_id(wave, who, Kind.INCENTIVE)
    return Entitlement(id_, who, wave, Kind.INCENTIVE, AMOUNT, state, n, 3, None, at, at, rail=RAIL if n else None)


@dataclass
class Ledger:
    """Entitlements, and when each came into which state: (instant, state, attempt), oldest first."""

    heads: dict[str, Entitlement] = field(default_factory=dict)
    told: dict[str, list[tuple[datetime, State, int]]] = field(default_factory=dict)

    def put(self, entitlement: Entitlement, *told: tuple[datetime, State, int]) -> None:
        self.heads[entitlement.id] = entitlement
        self.told[entitlement.id] = list(told) or [(entitlement.changed_at, entitlement.state, entitlement.n)]

    def transitions(self, shard: str, after: str, until: datetime, limit: int) -> list[tuple[News, Entitlement]]:
        assert shard in NEWS_SHARDS
        rows = sorted(
            (f"{iso(at)}|{id_}/{place}", at, state, self.heads[id_])
            for id_, told in self.told.items()
            for place, (at, state, _) in enumerate(told)
            if news_shard(replace(self.heads[id_], state=state)) == shard
        )
        return [
            (News(e.id, e.registrant_id, e.wave, e.kind, e.amount_idr, state, at, e.state, e.hold, key), e)
            for key, at, state, e in rows
            if key > after and iso(at) <= iso(until)
        ][:limit]

    def batch(self, ids: Iterable[str]) -> list[Entitlement]:
        return [self.heads[id_] for id_ in ids if id_ in self.heads]

    def events(self, entitlement_id: str) -> list[Any]:
        return [SimpleNamespace(at=at, state=state, n=n) for at, state, n in self.told[entitlement_id]]

    def attempts(self, entitlement_id: str) -> list[Any]:
        return [SimpleNamespace(n=n, rail=RAIL) for n in range(1, self.heads[entitlement_id].n + 1)]


@dataclass
class Statement:
    """What a provider says; `looked_up` counts references that were asked for by themselves."""

    lines: list[StatementLine] = field(default_factory=list)
    looked_up: list[str] = field(default_factory=list)
    booked: int = 0

    def add(
        self, reference: str, at: datetime, entry: Entry = Entry.SUCCEEDED, amount: Rupiah | None = AMOUNT
    ) -> StatementLine:
        self.booked += 1
        line = StatementLine(f"txn_{self.booked}", reference, amount, entry, entry.value, at)
        self.lines.append(line)
        return line

    def change(self, line: StatementLine, **changes: Any) -> None:
        self.lines[self.lines.index(line)] = replace(line, **changes)

    def between(self, since: datetime, until: datetime) -> Iterator[StatementLine]:
        yield from (line for line in self.lines if since <= line.updated_at < until)

    def of(self, references: Sequence[str]) -> Mapping[str, Sequence[StatementLine]]:
        self.looked_up += references
        return {each: [line for line in self.lines if line.reference == each] for each in references}
