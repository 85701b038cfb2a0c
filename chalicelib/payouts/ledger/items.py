"""What the ledger's table holds, item by item, and how each becomes what the rules work with."""

from __future__ import annotations

from typing import ClassVar

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection
from pynamodb.models import Model

from ...aws.admin_acts import ActColumns
from ...clock import iso, parse_iso
from ...money import rupiah
from ..rules import Authority, Entitlement, Hold, Kind, Move, State
from .partitions import news_shard, unsettled_shard
from .records import Event, News, StoredAttempt


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
    """`P#<entitlement>` / `HEAD`: an entitlement as it stands.

    `updated_at` is its place in the index: its last transition or its last queueing by the sweep. A claim leaves it
    where it was, so that the index is written when an entitlement is opened and when it settles, and not in between.
    """

    registrant = UnicodeAttribute()
    wave = NumberAttribute()
    kind = UnicodeAttribute()
    amount_idr = NumberAttribute()
    state = UnicodeAttribute()
    n = NumberAttribute()
    n_before = NumberAttribute(default=0)
    seq = NumberAttribute()
    attempt_seq = NumberAttribute(default=0)
    address_version = NumberAttribute(default=0)
    rail = UnicodeAttribute(null=True)
    hold = UnicodeAttribute(null=True)
    created_at = UnicodeAttribute()
    changed_at = UnicodeAttribute()
    updated_at = UnicodeAttribute()
    unsettled_shard = UnicodeAttribute(null=True)
    unsettled: ClassVar[UnsettledIndex] = UnsettledIndex()


class NewsIndex(GlobalSecondaryIndex["EventItem"]):  # type: ignore[no-untyped-call]  # untyped in pynamodb
    """The transitions that others act on, oldest first. Sparse: the machinery's own steps have no `news_shard`."""

    class Meta:
        index_name = "news"
        projection = IncludeProjection(["state"])

    news_shard = UnicodeAttribute(hash_key=True)
    at = UnicodeAttribute(range_key=True)


class EventItem(PayoutsTable):
    """`P#<entitlement>` / `EVENT#<seq>`: one line of the history; never changed.

    The line of a claim carries the attempt: its key and its exact bytes, which have account data and are sealed with
    the person's data key. So a claim is two writes, and an attempt cannot be without its line of history.
    """

    at = UnicodeAttribute()
    before = UnicodeAttribute(null=True)
    state = UnicodeAttribute()
    n = NumberAttribute()
    hold = UnicodeAttribute(null=True)
    reason = UnicodeAttribute()
    by = UnicodeAttribute(null=True)
    maker = UnicodeAttribute(null=True)
    note = UnicodeAttribute(null=True)
    news_shard = UnicodeAttribute(null=True)
    key = UnicodeAttribute(null=True)
    sealed_body = BinaryAttribute(legacy_encoding=False, null=True)
    rail = UnicodeAttribute(null=True)
    news: ClassVar[NewsIndex] = NewsIndex()


class ProposalItem(PayoutsTable):
    """`P#<entitlement>` / `PROPOSAL`."""

    decision = UnicodeAttribute()
    seq = NumberAttribute()
    maker = UnicodeAttribute()
    note = UnicodeAttribute()
    made_at = UnicodeAttribute()


class CeilingItem(PayoutsTable):
    """`CEILING#<name>` / `LEFT`. Only `left_idr` is tested; `by` and `note` are of the administrator who set it."""

    left_idr = NumberAttribute()
    ceiling_idr = NumberAttribute()
    by = UnicodeAttribute(null=True)
    note = UnicodeAttribute(null=True)


class PauseItem(PayoutsTable):
    """`CONTROL` / `PAUSE`: there while payouts are paused."""

    paused_by = UnicodeAttribute()
    paused_at = UnicodeAttribute()
    paused_because = UnicodeAttribute()


class ActItem(PayoutsTable, ActColumns):
    """An administrator's act on payouts as a whole."""


class HeadOrPause(Head):
    """HEAD or the kill switch: read together in one call, so that the switch costs a worker no call of its own."""

    paused_by = UnicodeAttribute(null=True)
    paused_at = UnicodeAttribute(null=True)
    paused_because = UnicodeAttribute(null=True)


def partition(entitlement_id: str) -> str:
    """The partition of an entitlement."""
    return f"P#{entitlement_id}"


def id_of(pk: str) -> str:
    """The entitlement of a partition."""
    return pk.removeprefix("P#")


def event_key(seq: int) -> str:
    """The sort key of an event."""
    return f"EVENT#{seq:06}"


def to_head(entitlement: Entitlement) -> Head:
    """HEAD as it is to be written."""
    return Head(
        partition(entitlement.id),
        "HEAD",
        registrant=entitlement.registrant_id,
        wave=entitlement.wave,
        kind=entitlement.kind.value,
        amount_idr=entitlement.amount_idr,
        state=entitlement.state.value,
        n=entitlement.n,
        n_before=entitlement.n_before,
        seq=entitlement.seq,
        attempt_seq=entitlement.attempt_seq,
        address_version=entitlement.address_version,
        rail=entitlement.rail,
        hold=entitlement.hold and entitlement.hold.value,
        created_at=iso(entitlement.created_at),
        changed_at=iso(entitlement.changed_at),
        updated_at=iso(entitlement.queued_at or entitlement.changed_at),
        unsettled_shard=unsettled_shard(entitlement),
    )


def from_head(head: Head) -> Entitlement:
    """The entitlement of a HEAD."""
    return Entitlement(
        id=id_of(head.pk),
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
        n_before=int(head.n_before),
        attempt_seq=int(head.attempt_seq),
        address_version=int(head.address_version),
        rail=head.rail,
        queued_at=parse_iso(head.updated_at),
    )


def to_event(after: Entitlement, before: State | None, move: Move, attempt: StoredAttempt | None = None) -> EventItem:
    """The line of history of a transition, with the attempt that it stores."""
    authority = move.authority
    return EventItem(
        partition(after.id),
        event_key(after.seq),
        at=iso(after.changed_at),
        before=before and before.value,
        state=after.state.value,
        n=after.n,
        hold=after.hold and after.hold.value,
        reason=move.reason,
        by=authority and authority.by,
        maker=authority and authority.maker,
        note=authority and authority.note,
        news_shard=news_shard(after),
        key=attempt and attempt.key,
        sealed_body=attempt and attempt.sealed_body,
        rail=attempt and attempt.rail,
    )


def from_event(item: EventItem) -> Event:
    """A line of history."""
    return Event(
        seq=int(item.sk.removeprefix("EVENT#")),
        at=parse_iso(item.at),
        before=State(item.before) if item.before else None,
        state=State(item.state),
        n=int(item.n),
        hold=Hold(item.hold) if item.hold else None,
        reason=item.reason,
        authority=Authority(item.by, item.note, item.maker) if item.by else None,
    )


def to_attempt(item: EventItem) -> StoredAttempt:
    """The attempt that a claim's line carries; it was first sent no earlier than it was written."""
    return StoredAttempt(int(item.n), item.key, item.sealed_body, parse_iso(item.at), item.rail)


def to_news(row: EventItem, head: Entitlement) -> News:
    """A row of the index with the entitlement as it stands."""
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
