"""The ledger in DynamoDB. Every transition is one conditional transaction of two writes: HEAD and its line of history.

So the history is never behind the state, and an attempt never exists without its state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime

from msgspec.structs import replace
from pynamodb.exceptions import UpdateError
from pynamodb.expressions.condition import Condition

from ...aws.dynamodb import LegsFailed, Transaction, find, get_batch, is_condition_failure, updated
from ...clock import iso
from ...structs import fill
from ..controls.limits import PAUSE_KEYS, Pause
from ..controls.proposals import Proposal
from ..errors import Superseded, UnknownEntitlement
from ..plans.store import PlanStore
from ..rules import ALIVE, NEXT, UNCOUNTED, Entitlement, Move, State
from . import items
from .items import EventItem, Head, HeadOrPause, UnsettledIndex, partition
from .records import WRITTEN_OFF_SHARD, Event, News, StoredAttempt, Unsettled

ENTITLEMENT_LEG = "entitlement"
EVENT_LEG = "entitlement_event"


class PayoutStore:
    def __init__(self, region: str) -> None:
        self._region = region
        self.plans = PlanStore()

    def transaction(self) -> Transaction:
        """A new, empty one."""
        return Transaction(self._region)

    def add(self, tx: Transaction, entitlement: Entitlement, reason: str) -> None:
        """Put a new entitlement with its first event into the caller's transaction.

        The leg `ENTITLEMENT_LEG` fails if it exists.
        """
        self.change(tx, None, entitlement, Move(entitlement.state, reason))

    def change(
        self,
        tx: Transaction,
        before: Entitlement | None,
        after: Entitlement,
        move: Move,
        attempt: StoredAttempt | None = None,
    ) -> None:
        """Put a transition, or a new entitlement, with its event into the caller's transaction.

        The leg `ENTITLEMENT_LEG` fails if it is not as in `before`.
        """
        tx.put(ENTITLEMENT_LEG, items.to_head(after), _as_read(before))
        event = items.to_event(after, before.state if before else None, move, attempt)
        tx.put(EVENT_LEG, event, EventItem.pk.does_not_exist())

    def mark_passed(self, tx: Transaction, entitlement: Entitlement, to: str | None) -> None:
        """Say, without a transition, to whom the right passed (None: it came back), if it is as read."""
        head, passed = Head(partition(entitlement.id), "HEAD"), Head.passed_to
        tx.update(ENTITLEMENT_LEG, head, [passed.set(to) if to else passed.remove()], _as_read(entitlement))

    def written_off(self) -> list[Entitlement]:
        """What waits for two administrators because of a NIK that passed, the oldest first; moments late."""
        return self.batch(items.id_of(row.pk) for row in Head.unsettled.query(WRITTEN_OFF_SHARD))

    def check_absent(self, tx: Transaction, entitlement_id: str) -> None:
        """Require in the caller's transaction that this entitlement does not exist; else `ENTITLEMENT_LEG` fails."""
        tx.check(ENTITLEMENT_LEG, Head, (partition(entitlement_id), "HEAD"), Head.pk.does_not_exist())

    def check_nothing_alive(self, tx: Transaction, leg: str, ids: Iterable[str]) -> None:
        """Add a leg for each id to the caller's transaction; it fails if an instruction of that entitlement may be
        alive.
        """
        alive = (Head.state == State.SENDING) | Head.hold.is_in(*ALIVE)
        for id_ in ids:
            tx.check(leg, Head, (partition(id_), "HEAD"), Head.pk.does_not_exist() | ~alive)

    def get(self, entitlement_id: str) -> Entitlement:
        """One consistent read. Raises `UnknownEntitlement`."""
        head = find(Head, partition(entitlement_id), "HEAD")
        if head is None:
            raise UnknownEntitlement(entitlement_id=entitlement_id)
        return items.from_head(head)

    def get_for_work(self, entitlement_id: str) -> tuple[Entitlement, Pause | None]:
        """An entitlement, and the pause if payouts are paused; one consistent call. Raises `UnknownEntitlement`."""
        head_keys = (partition(entitlement_id), "HEAD")
        found = {(row.pk, row.sk): row for row in get_batch(HeadOrPause, (head_keys, PAUSE_KEYS))}
        if head_keys not in found:
            raise UnknownEntitlement(entitlement_id=entitlement_id)
        pause = found.get(PAUSE_KEYS)
        return items.from_head(found[head_keys]), fill(Pause, pause) if pause is not None else None

    def batch(self, ids: Iterable[str]) -> list[Entitlement]:
        """The entitlements of these ids that exist, in any order; one batch get."""
        keys = [(partition(id_), "HEAD") for id_ in ids]
        return [items.from_head(head) for head in get_batch(Head, keys)]

    def attempt(self, entitlement: Entitlement) -> StoredAttempt:
        """The latest attempt, with one consistent read; it was written together with HEAD."""
        keys = (partition(entitlement.id), items.event_key(entitlement.attempt_seq))
        return items.to_attempt(EventItem.get(*keys, consistent_read=True))

    def attempts(self, entitlement_id: str) -> list[StoredAttempt]:
        return [items.to_attempt(item) for item in self._events(entitlement_id) if item.key is not None]

    def events(self, entitlement_id: str) -> list[Event]:
        return [items.from_event(item) for item in self._events(entitlement_id)]

    def transitions(self, shard: str, after: str, until: datetime, limit: int) -> list[tuple[News, Entitlement]]:
        """A page of a shard's news (see `Payouts.news`), each with the entitlement now. One query, one batch get."""
        start, _, place = after.partition("|")
        if start > iso(until):
            return []
        rows = list(
            EventItem.news.query(
                shard,
                EventItem.at.between(start, iso(until)),
                limit=limit,
                last_evaluated_key=_start_key(shard, start, place) if place else None,
            )
        )
        # A head is written together with its events, so each row finds its own.
        heads = {each.id: each for each in self.batch(dict.fromkeys(items.id_of(row.pk) for row in rows))}
        return [(items.to_news(row, head), head) for row in rows if (head := heads[items.id_of(row.pk)])]

    def everything(self, after: str = "") -> Iterator[Entitlement]:
        """Every entitlement there is, or those `after` one, by a scan of the table: for an administrator alone."""
        begin = {"pk": {"S": items.partition(after)}, "sk": {"S": "HEAD"}} if after else None
        for head in Head.scan(Head.sk == "HEAD", consistent_read=True, last_evaluated_key=begin):
            yield items.from_head(head)

    def move(self, entitlement: Entitlement, move: Move, now: datetime) -> Entitlement:
        """One transition with its event; returns what the ledger has now. Raises `Superseded`."""
        after = _moved(entitlement, move, now)
        self._transition(entitlement, after, move)
        return after

    def claim(self, entitlement: Entitlement, attempt: StoredAttempt, now: datetime) -> Entitlement:
        """The transition to SENDING with the attempt that will be sent, in one transaction. Raises `Superseded`."""
        move = Move(State.SENDING, "claimed")
        after = replace(
            _moved(entitlement, move, now),
            n=attempt.n,
            attempt_seq=entitlement.seq + 1,
            rail=attempt.rail,
            queued_at=entitlement.queued_at,
        )
        self._transition(entitlement, after, move, attempt=attempt)
        return after

    def approve(self, entitlement: Entitlement, proposal: Proposal, move: Move, now: datetime) -> Entitlement:
        """The transition that two people decided; it deletes the proposal, so that this counts once. Raises
        `Superseded`.
        """
        after = _moved(entitlement, move, now)
        if move.state is State.DUE:
            after = replace(after, n_before=after.n)
        self._transition(entitlement, after, move, proposal=proposal)
        return after

    def unsettled(self, shard: str, before: datetime, limit: int) -> list[Unsettled]:
        """At most `limit` rows of one index partition last looked at before an instant, oldest first."""
        rows = Head.unsettled.query(shard, UnsettledIndex.updated_at < iso(before), limit=limit)
        return [Unsettled(items.id_of(row.pk), row.updated_at) for row in rows]

    def mark_queued(self, row: Unsettled, now: datetime) -> Entitlement | None:
        """Move a row to the end of its index partition; None if another sweep or a transition came first.

        The write returns the whole HEAD, so that no read is needed.
        """
        head = Head(partition(row.entitlement_id), "HEAD")
        unchanged = (Head.updated_at == row.updated_at) & Head.unsettled_shard.exists()
        try:
            return items.from_head(updated(head, [Head.updated_at.set(iso(now))], unchanged))
        except UpdateError as error:
            if is_condition_failure(error):
                return None
            raise

    def _events(self, entitlement_id: str) -> Iterator[EventItem]:
        return EventItem.query(partition(entitlement_id), EventItem.sk.startswith("EVENT#"), consistent_read=True)

    def _transition(
        self,
        before: Entitlement,
        after: Entitlement,
        move: Move,
        *,
        attempt: StoredAttempt | None = None,
        proposal: Proposal | None = None,
    ) -> None:
        try:
            with self.transaction() as tx:
                self.change(tx, before, after, move, attempt)
                if proposal is not None:
                    tx.delete("proposal", *proposal.as_read(before.id))
        except LegsFailed as failed:
            raise Superseded(entitlement_id=before.id) from failed


def _as_read(before: Entitlement | None) -> Condition:
    as_read: Condition = Head.pk.does_not_exist()
    if before is None:
        return as_read
    to, passed = before.passed_to, Head.passed_to
    as_read = (Head.state == before.state) & (Head.n == before.n) & (Head.seq == before.seq)
    as_read &= passed.does_not_exist() if to is None else passed == to
    return as_read


def _start_key(shard: str, at: str, place: str) -> dict[str, dict[str, str]]:
    pk, sk = place.split("/")
    return {"news_shard": {"S": shard}, "at": {"S": at}, "pk": {"S": pk}, "sk": {"S": sk}}


def _moved(entitlement: Entitlement, move: Move, now: datetime) -> Entitlement:
    if move.state not in NEXT[entitlement.state]:
        raise ValueError(f"no transition from {entitlement.state} to {move.state}")
    return replace(
        entitlement,
        state=move.state,
        hold=move.hold,
        seq=entitlement.seq + 1,
        n_before=entitlement.n_before + (move.hold in UNCOUNTED),
        changed_at=now,
        queued_at=now,
    )
