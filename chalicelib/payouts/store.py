"""Reads and writes the ledger; what its items look like is in `items`.

Every transition is one conditional transaction together with its event, so the history is never behind the state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import replace
from datetime import datetime

from pynamodb.exceptions import DoesNotExist, UpdateError

from ..clock import iso
from ..dynamo import LegsFailed, Transaction, is_condition_failure
from .errors import Superseded, UnknownEntitlement
from .items import (
    AttemptItem,
    EventItem,
    Head,
    UnsettledIndex,
    entitlement_of,
    from_attempt,
    from_event,
    from_head,
    from_news,
    partition,
    start_key,
    to_attempt,
    to_event,
    to_head,
)
from .records import Event, News, StoredAttempt, Unsettled
from .rules import NEXT, Entitlement, Move, State

ENTITLEMENT_LEG = "entitlement"
EVENT_LEG = "entitlement_event"


class PayoutStore:
    """Reads and writes the ledger."""

    def __init__(self, region: str) -> None:
        self._region = region

    def add(self, tx: Transaction, entitlement: Entitlement, reason: str) -> None:
        """Put a new entitlement with its first event into the caller's transaction.

        The leg `ENTITLEMENT_LEG` fails if it exists.
        """
        tx.put(ENTITLEMENT_LEG, to_head(entitlement), Head.pk.does_not_exist())
        tx.put(EVENT_LEG, to_event(entitlement, None, reason), EventItem.pk.does_not_exist())

    def get(self, entitlement_id: str) -> Entitlement:
        """One consistent read. Raises `UnknownEntitlement`."""
        try:
            return from_head(Head.get(partition(entitlement_id), "HEAD", consistent_read=True))
        except DoesNotExist:
            raise UnknownEntitlement(entitlement_id=entitlement_id) from None

    def batch(self, ids: Iterable[str]) -> list[Entitlement]:
        """Those of the ids that exist, in no order; one batch get."""
        keys = [(partition(id_), "HEAD") for id_ in ids]
        return [from_head(head) for head in Head.batch_get(keys, consistent_read=True)]

    def attempt(self, entitlement_id: str, n: int) -> StoredAttempt:
        """Attempt n, with one consistent read. It exists whenever HEAD says n: both are written together."""
        item = AttemptItem.get(partition(entitlement_id), f"ATTEMPT#{n:04}", consistent_read=True)
        return from_attempt(item)

    def attempts(self, entitlement_id: str) -> list[StoredAttempt]:
        """Every attempt, in order."""
        pk = partition(entitlement_id)
        items = AttemptItem.query(pk, AttemptItem.sk.startswith("ATTEMPT#"), consistent_read=True)
        return [from_attempt(item) for item in items]

    def events(self, entitlement_id: str) -> list[Event]:
        """The whole history, in order."""
        items = EventItem.query(partition(entitlement_id), EventItem.sk.startswith("EVENT#"), consistent_read=True)
        return [from_event(item) for item in items]

    def news(self, shard: str, after: str, until: datetime, limit: int) -> list[News]:
        """At most `limit` (up to 100) of a shard's news, oldest first; see `Payouts.news`. One query, one batch get."""
        start, _, place = after.partition("|")
        if start > iso(until):
            return []
        rows = list(
            EventItem.news.query(
                shard,
                EventItem.at.between(start, iso(until)),
                limit=limit,
                last_evaluated_key=start_key(shard, start, place) if place else None,
            )
        )
        # A head is written together with its events, so each row finds its own.
        heads = {each.id: each for each in self.batch(dict.fromkeys(map(entitlement_of, rows)))}
        return [from_news(row, heads[entitlement_of(row)]) for row in rows]

    def everything(self) -> Iterator[Entitlement]:
        """Every entitlement there is, by a scan of the table: for an administrator, never for a request."""
        for head in Head.scan(Head.sk == "HEAD", consistent_read=True):
            yield from_head(head)

    def move(self, entitlement: Entitlement, move: Move, now: datetime) -> Entitlement:
        """One transition with its event; returns what the ledger has now. Raises `Superseded`."""
        moved = _moved(entitlement, move, now)
        self._transition(entitlement, moved, move.reason, None)
        return moved

    def claim(self, entitlement: Entitlement, attempt: StoredAttempt, now: datetime) -> Entitlement:
        """The transition to SENDING with the attempt that will be sent, in one transaction. Raises `Superseded`."""
        moved = replace(_moved(entitlement, Move(State.SENDING, "claimed"), now), n=attempt.n)
        self._transition(entitlement, moved, "claimed", attempt)
        return moved

    def unsettled(self, shard: str, before: datetime, limit: int) -> list[Unsettled]:
        """At most `limit` rows of one index partition last looked at before an instant, oldest first."""
        rows = Head.unsettled.query(shard, UnsettledIndex.updated_at < iso(before), limit=limit)
        return [Unsettled(entitlement_of(row), row.updated_at) for row in rows]

    def mark_queued(self, row: Unsettled, now: datetime) -> bool:
        """Move a row to the end of its index partition. False if another sweep or a transition came first."""
        head = Head(partition(row.entitlement_id), "HEAD")
        unchanged = (Head.updated_at == row.updated_at) & Head.unsettled_shard.exists()
        try:
            head.update([Head.updated_at.set(iso(now))], condition=unchanged)
        except UpdateError as error:
            if is_condition_failure(error):
                return False
            raise
        return True

    def _transition(self, before: Entitlement, after: Entitlement, reason: str, attempt: StoredAttempt | None) -> None:
        as_read = (Head.state == before.state.value) & (Head.n == before.n) & (Head.seq == before.seq)
        try:
            with Transaction(self._region) as tx:
                tx.put(ENTITLEMENT_LEG, to_head(after), as_read)
                tx.put(EVENT_LEG, to_event(after, before.state, reason), EventItem.pk.does_not_exist())
                if attempt is not None:
                    tx.put("attempt", to_attempt(after.id, attempt), AttemptItem.pk.does_not_exist())
        except LegsFailed as failed:
            raise Superseded(entitlement_id=before.id) from failed


def _moved(entitlement: Entitlement, move: Move, now: datetime) -> Entitlement:
    if move.state not in NEXT[entitlement.state]:
        raise ValueError(f"no transition from {entitlement.state} to {move.state}")
    return replace(entitlement, state=move.state, hold=move.hold, seq=entitlement.seq + 1, changed_at=now)
