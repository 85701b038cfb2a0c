"""The ledger in DynamoDB: `P#<entitlement>` / `HEAD`, `ATTEMPT#<n>`, `EVENT#<seq>`.

Every transition is one conditional transaction together with its event, so the history is never behind the state.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from dataclasses import dataclass, replace
from datetime import datetime
from typing import ClassVar

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.exceptions import DoesNotExist, UpdateError
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection
from pynamodb.models import Model

from ..clock import iso, parse_iso
from ..dynamo import LegsFailed, Transaction, is_condition_failure
from ..money import Rupiah, rupiah
from .errors import Superseded, UnknownEntitlement
from .rules import NEXT, Attempt, Entitlement, Hold, Kind, Move, State, is_news, needs_another_look

SHARDS = 16
"""How many partitions each queue of the index, and the news, are spread over."""

NEWS_SHARDS = tuple(f"{number:02}" for number in range(SHARDS))

ENTITLEMENT_LEG = "entitlement"
EVENT_LEG = "entitlement_event"


class PayoutsTable(Model):
    """The table of this domain; `wiring` binds it."""

    class Meta:
        table_name = "unbound"

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)


class UnsettledIndex(GlobalSecondaryIndex["Head"]):  # type: ignore[no-untyped-call]  # untyped in pynamodb
    """What a sweep must look at again, oldest first. Sparse: an entitlement at rest has no `unsettled_shard`."""

    class Meta:
        index_name = "unsettled"
        projection = KeysOnlyProjection()

    unsettled_shard = UnicodeAttribute(hash_key=True)
    updated_at = UnicodeAttribute(range_key=True)


class Head(PayoutsTable):
    """An entitlement as it stands. `updated_at` is its last transition or its last queueing by the sweep."""

    registrant = UnicodeAttribute()
    wave = NumberAttribute()
    kind = UnicodeAttribute()
    amount_idr = NumberAttribute()
    state = UnicodeAttribute()
    n = NumberAttribute()
    seq = NumberAttribute()
    hold = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute()
    changed_at = UnicodeAttribute()
    updated_at = UnicodeAttribute()
    unsettled_shard = UnicodeAttribute(null=True)
    unsettled: ClassVar[UnsettledIndex] = UnsettledIndex()


class AttemptItem(PayoutsTable):
    """One instruction. The body has account data, so it is sealed with the person's data key."""

    key = UnicodeAttribute()
    sealed_body = BinaryAttribute(legacy_encoding=False)
    first_sent_at = UnicodeAttribute()
    rail = UnicodeAttribute()


class NewsIndex(GlobalSecondaryIndex["EventItem"]):  # type: ignore[no-untyped-call]  # untyped in pynamodb
    """The transitions that others act on, oldest first. Sparse: the machinery's own steps have no `news_shard`."""

    class Meta:
        index_name = "news"
        projection = IncludeProjection(["state"])

    news_shard = UnicodeAttribute(hash_key=True)
    at = UnicodeAttribute(range_key=True)


class EventItem(PayoutsTable):
    """One line of the history; never changed."""

    at = UnicodeAttribute()
    before = UnicodeAttribute(null=True)
    state = UnicodeAttribute()
    n = NumberAttribute()
    hold = UnicodeAttribute(null=True)
    reason = UnicodeAttribute()
    news_shard = UnicodeAttribute(null=True)
    news: ClassVar[NewsIndex] = NewsIndex()


@dataclass(frozen=True)
class Event:
    """One transition that happened."""

    seq: int
    at: datetime
    before: State | None
    state: State
    n: int
    hold: Hold | None
    reason: str


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


class PayoutStore:
    """Reads and writes the ledger."""

    def __init__(self, region: str) -> None:
        self._region = region

    def add(self, tx: Transaction, entitlement: Entitlement, reason: str) -> None:
        """Put a new entitlement with its first event into the caller's transaction.

        The leg `ENTITLEMENT_LEG` fails if it exists.
        """
        tx.put(ENTITLEMENT_LEG, _to_head(entitlement), Head.pk.does_not_exist())
        tx.put(EVENT_LEG, _to_event(entitlement, None, reason), EventItem.pk.does_not_exist())

    def get(self, entitlement_id: str) -> Entitlement:
        """One consistent read. Raises `UnknownEntitlement`."""
        try:
            return _from_head(Head.get(_pk(entitlement_id), "HEAD", consistent_read=True))
        except DoesNotExist:
            raise UnknownEntitlement(entitlement_id=entitlement_id) from None

    def batch(self, ids: Iterable[str]) -> list[Entitlement]:
        """Those of the ids that exist, in no order; one batch get."""
        return [_from_head(head) for head in Head.batch_get([(_pk(id_), "HEAD") for id_ in ids], consistent_read=True)]

    def attempt(self, entitlement_id: str, n: int) -> StoredAttempt:
        """Attempt n, with one consistent read. It exists whenever HEAD says n: both are written together."""
        item = AttemptItem.get(_pk(entitlement_id), f"ATTEMPT#{n:04}", consistent_read=True)
        return _from_attempt(item)

    def attempts(self, entitlement_id: str) -> list[StoredAttempt]:
        """Every attempt, in order."""
        items = AttemptItem.query(_pk(entitlement_id), AttemptItem.sk.startswith("ATTEMPT#"), consistent_read=True)
        return [_from_attempt(item) for item in items]

    def events(self, entitlement_id: str) -> list[Event]:
        """The whole history, in order."""
        items = EventItem.query(_pk(entitlement_id), EventItem.sk.startswith("EVENT#"), consistent_read=True)
        return [_from_event(item) for item in items]

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
                last_evaluated_key=_start_key(shard, start, place) if place else None,
            )
        )
        # A head is written together with its events, so each row finds its own.
        heads = {each.id: each for each in self.batch(dict.fromkeys(row.pk.removeprefix("P#") for row in rows))}
        return [_from_news(row, heads[row.pk.removeprefix("P#")]) for row in rows]

    def everything(self) -> Iterator[Entitlement]:
        """Every entitlement there is, by a scan of the table: for an administrator, never for a request."""
        for head in Head.scan(Head.sk == "HEAD", consistent_read=True):
            yield _from_head(head)

    def move(self, entitlement: Entitlement, move: Move, now: datetime) -> Entitlement:
        """One transition with its event; returns what the ledger has now. Raises `Superseded`."""
        moved = _moved(entitlement, move, now)
        self._transition(entitlement, moved, move.reason, None)
        return moved

    def claim(self, entitlement: Entitlement, attempt: StoredAttempt, now: datetime) -> Entitlement:
        """The transition to SENDING with the attempt that will be sent, in one transaction. Raises `Superseded`."""
        moved = replace(_moved(entitlement, Move(State.SENDING, "claimed"), now), n=attempt.n)
        item = AttemptItem(
            _pk(entitlement.id),
            f"ATTEMPT#{attempt.n:04}",
            key=attempt.key,
            sealed_body=attempt.sealed_body,
            first_sent_at=iso(attempt.first_sent_at),
            rail=attempt.rail,
        )
        self._transition(entitlement, moved, "claimed", item)
        return moved

    def unsettled(self, shard: str, before: datetime, limit: int) -> list[Unsettled]:
        """At most `limit` rows of one index partition last looked at before an instant, oldest first."""
        rows = Head.unsettled.query(shard, UnsettledIndex.updated_at < iso(before), limit=limit)
        return [Unsettled(row.pk.removeprefix("P#"), row.updated_at) for row in rows]

    def mark_queued(self, row: Unsettled, now: datetime) -> bool:
        """Move a row to the end of its index partition. False if another sweep or a transition came first."""
        head = Head(_pk(row.entitlement_id), "HEAD")
        unchanged = (Head.updated_at == row.updated_at) & Head.unsettled_shard.exists()
        try:
            head.update([Head.updated_at.set(iso(now))], condition=unchanged)
        except UpdateError as error:
            if is_condition_failure(error):
                return False
            raise
        return True

    def _transition(self, before: Entitlement, after: Entitlement, reason: str, attempt: AttemptItem | None) -> None:
        as_read = (Head.state == before.state.value) & (Head.n == before.n) & (Head.seq == before.seq)
        try:
            with Transaction(self._region) as tx:
                tx.put(ENTITLEMENT_LEG, _to_head(after), as_read)
                tx.put(EVENT_LEG, _to_event(after, before.state, reason), EventItem.pk.does_not_exist())
                if attempt is not None:
                    tx.put("attempt", attempt, AttemptItem.pk.does_not_exist())
        except LegsFailed as failed:
            raise Superseded(entitlement_id=before.id) from failed


def shards() -> Iterator[tuple[str, bool]]:
    """Every partition of the index, and whether it is one of those that are looked at less often (HELD)."""
    for number in range(SHARDS):
        yield f"U#{number}", False
        yield f"H#{number}", True


def _shard(entitlement: Entitlement) -> str | None:
    """HELD waits apart, where sweeps come less often."""
    if not needs_another_look(entitlement.state, entitlement.hold):
        return None
    return f"{'H' if entitlement.state is State.HELD else 'U'}#{_spread(entitlement.id)}"


def _news_shard(entitlement: Entitlement) -> str | None:
    if not is_news(entitlement.state, entitlement.hold):
        return None
    return f"{_spread(entitlement.id):02}"


def _spread(entitlement_id: str) -> int:
    """Ids are hashes, so their first base32 digit spreads evenly."""
    return "abcdefghijklmnopqrstuvwxyz234567".index(entitlement_id[0]) % SHARDS


def _start_key(shard: str, at: str, place: str) -> dict[str, dict[str, str]]:
    pk, sk = place.split("/")
    return {"news_shard": {"S": shard}, "at": {"S": at}, "pk": {"S": pk}, "sk": {"S": sk}}


def _moved(entitlement: Entitlement, move: Move, now: datetime) -> Entitlement:
    if move.state not in NEXT[entitlement.state]:
        raise ValueError(f"no transition from {entitlement.state} to {move.state}")
    return replace(entitlement, state=move.state, hold=move.hold, seq=entitlement.seq + 1, changed_at=now)


def _pk(entitlement_id: str) -> str:
    return f"P#{entitlement_id}"


def _to_head(entitlement: Entitlement) -> Head:
    return Head(
        _pk(entitlement.id),
        "HEAD",
        registrant=entitlement.registrant_id,
        wave=entitlement.wave,
        kind=entitlement.kind.value,
        amount_idr=entitlement.amount_idr,
        state=entitlement.state.value,
        n=entitlement.n,
        seq=entitlement.seq,
        hold=entitlement.hold and entitlement.hold.value,
        created_at=iso(entitlement.created_at),
        changed_at=iso(entitlement.changed_at),
        updated_at=iso(entitlement.changed_at),
        unsettled_shard=_shard(entitlement),
    )


def _from_head(head: Head) -> Entitlement:
    return Entitlement(
        id=head.pk.removeprefix("P#"),
        registrant_id=head.registrant,
        wave=int(head.wave),
        kind=Kind(head.kind),
        amount_idr=rupiah(int(head.amount_idr)),
        state=State(head.state),
        n=int(head.n),
        seq=int(head.seq),
        hold=Hold(head.hold) if head.hold else None,
        created_at=parse_iso(head.created_at),
        changed_at=parse_iso(head.changed_at),
    )


def _from_attempt(item: AttemptItem) -> StoredAttempt:
    n = int(item.sk.removeprefix("ATTEMPT#"))
    return StoredAttempt(n, item.key, item.sealed_body, parse_iso(item.first_sent_at), item.rail)


def _to_event(entitlement: Entitlement, before: State | None, reason: str) -> EventItem:
    return EventItem(
        _pk(entitlement.id),
        f"EVENT#{entitlement.seq:06}",
        at=iso(entitlement.changed_at),
        before=before and before.value,
        state=entitlement.state.value,
        n=entitlement.n,
        hold=entitlement.hold and entitlement.hold.value,
        reason=reason,
        news_shard=_news_shard(entitlement),
    )


def _from_news(row: EventItem, head: Entitlement) -> News:
    return News(
        entitlement_id=head.id,
        registrant_id=head.registrant_id,
        wave=head.wave,
        kind=head.kind,
        amount_idr=head.amount_idr,
        state=State(row.state),
        at=parse_iso(row.at),
        latest=head.state,
        hold=head.hold,
        key=f"{row.at}|{row.pk}/{row.sk}",
    )


def _from_event(item: EventItem) -> Event:
    return Event(
        seq=int(item.sk.removeprefix("EVENT#")),
        at=parse_iso(item.at),
        before=State(item.before) if item.before else None,
        state=State(item.state),
        n=int(item.n),
        hold=Hold(item.hold) if item.hold else None,
        reason=item.reason,
    )
