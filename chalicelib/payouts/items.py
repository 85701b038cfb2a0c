"""The ledger's items in DynamoDB, and how each becomes a value and a value an item.

`P#<entitlement>` / `HEAD`, `ATTEMPT#<n>`, `EVENT#<seq>`.
"""

from __future__ import annotations

from typing import ClassVar

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection
from pynamodb.models import Model

from ..clock import iso, parse_iso
from ..money import rupiah
from . import shards
from .records import Event, News, StoredAttempt
from .rules import Entitlement, Hold, Kind, State


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


def partition(entitlement_id: str) -> str:
    """Where all items of an entitlement are."""
    return f"P#{entitlement_id}"


def entitlement_of(item: PayoutsTable) -> str:
    """Whose item it is, or whose row of an index."""
    return item.pk.removeprefix("P#")


def to_head(entitlement: Entitlement) -> Head:
    return Head(
        partition(entitlement.id),
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
        unsettled_shard=shards.unsettled_shard(entitlement),
    )


def from_head(head: Head) -> Entitlement:
    return Entitlement(
        id=entitlement_of(head),
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


def to_attempt(entitlement_id: str, attempt: StoredAttempt) -> AttemptItem:
    return AttemptItem(
        partition(entitlement_id),
        f"ATTEMPT#{attempt.n:04}",
        key=attempt.key,
        sealed_body=attempt.sealed_body,
        first_sent_at=iso(attempt.first_sent_at),
        rail=attempt.rail,
    )


def from_attempt(item: AttemptItem) -> StoredAttempt:
    n = int(item.sk.removeprefix("ATTEMPT#"))
    return StoredAttempt(n, item.key, item.sealed_body, parse_iso(item.first_sent_at), item.rail)


def to_event(entitlement: Entitlement, before: State | None, reason: str) -> EventItem:
    return EventItem(
        partition(entitlement.id),
        f"EVENT#{entitlement.seq:06}",
        at=iso(entitlement.changed_at),
        before=before and before.value,
        state=entitlement.state.value,
        n=entitlement.n,
        hold=entitlement.hold and entitlement.hold.value,
        reason=reason,
        news_shard=shards.news_shard(entitlement),
    )


def from_event(item: EventItem) -> Event:
    return Event(
        seq=int(item.sk.removeprefix("EVENT#")),
        at=parse_iso(item.at),
        before=State(item.before) if item.before else None,
        state=State(item.state),
        n=int(item.n),
        hold=Hold(item.hold) if item.hold else None,
        reason=item.reason,
    )


def from_news(row: EventItem, head: Entitlement) -> News:
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


def start_key(shard: str, at: str, place: str) -> dict[str, dict[str, str]]:
    """Where to read on in the index `news`, behind the line whose `News.key` is `<at>|<place>`."""
    pk, sk = place.split("/")
    return {"news_shard": {"S": shard}, "at": {"S": at}, "pk": {"S": pk}, "sk": {"S": sk}}
