"""The items of the ledger's table, and how each becomes what the rules work with."""

from __future__ import annotations

from typing import ClassVar

from pynamodb.attributes import BinaryAttribute, UnicodeAttribute
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection

from ...aws.admin_acts import ActColumns
from ...aws.attributes import EnumAttribute, InstantAttribute, RupiahAttribute, WholeAttribute, item_of
from ...aws.table import Table
from ...clock import iso, parse_iso
from ...structs import fill
from ..plans.plan_rules import Stop
from ..rules import Authority, Entitlement, Hold, Kind, Move, State
from .records import Event, News, StoredAttempt, news_shard, unsettled_shard


class PayoutsTable(Table):
    """The table of this domain; `wiring` binds it."""


class UnsettledIndex(GlobalSecondaryIndex["Head"]):  # type: ignore[no-untyped-call]  # untyped in pynamodb
    """What a sweep must look at again, oldest first. Sparse: an entitlement at rest has no `unsettled_shard`."""

    class Meta:
        index_name = "unsettled"
        projection = KeysOnlyProjection()

    unsettled_shard = UnicodeAttribute(hash_key=True)
    updated_at = UnicodeAttribute(range_key=True)


class Head(PayoutsTable):
    """`P#<entitlement>` / `HEAD`: an entitlement as it stands.

    `updated_at` is its place in the index: its last transition or its last queueing by the sweep. A claim does not
    change it, so the index is written when an entitlement is opened and when it settles, and not in between.
    """

    registrant_id = UnicodeAttribute(attr_name="registrant")
    wave = WholeAttribute()
    kind = EnumAttribute(Kind)
    amount_idr = RupiahAttribute()
    state = EnumAttribute(State)
    n = WholeAttribute()
    n_before = WholeAttribute(default=0)
    seq = WholeAttribute()
    attempt_seq = WholeAttribute(default=0)
    address_version = WholeAttribute(default=0)
    rail = UnicodeAttribute(null=True)
    hold = EnumAttribute(Hold, null=True)
    passed_to = UnicodeAttribute(null=True)
    instead_of = UnicodeAttribute(null=True)
    created_at = InstantAttribute()
    changed_at = InstantAttribute()
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

    The line of a claim carries the attempt: its key and its exact bytes, which hold account data and are sealed with
    the person's data key. So a claim is two writes, and no attempt is without its line of history.
    """

    at = UnicodeAttribute()
    before = EnumAttribute(State, null=True)
    state = EnumAttribute(State)
    n = WholeAttribute()
    hold = EnumAttribute(Hold, null=True)
    reason = UnicodeAttribute()
    by = UnicodeAttribute(null=True)
    maker = UnicodeAttribute(null=True)
    note = UnicodeAttribute(null=True)
    news_shard = UnicodeAttribute(null=True)
    key = UnicodeAttribute(null=True)
    sealed_body = BinaryAttribute(legacy_encoding=False, null=True)
    rail = UnicodeAttribute(null=True)
    news: ClassVar[NewsIndex] = NewsIndex()


class PlanIndex(GlobalSecondaryIndex["PlanItem"]):  # type: ignore[no-untyped-call]  # untyped in pynamodb
    """The same index as `UnsettledIndex`: its partitions `M#<n>` have the plans that go on, the earliest due first."""

    class Meta:
        index_name = "unsettled"
        projection = KeysOnlyProjection()

    due_shard = UnicodeAttribute(hash_key=True, attr_name="unsettled_shard")
    due_at = InstantAttribute(range_key=True, attr_name="updated_at")


class PlanItem(PayoutsTable):
    """`PLAN#<registrant>` / `<wave, 6 digits>`: a person's monthly instalments, from the first one or a stop on."""

    region = WholeAttribute()
    scheme = UnicodeAttribute()
    first_at = InstantAttribute()
    number = WholeAttribute()
    due_at = InstantAttribute(attr_name="updated_at", null=True)
    ends_at = InstantAttribute(null=True)
    stopped = EnumAttribute(Stop, null=True)
    stopped_at = InstantAttribute(null=True)
    maker = UnicodeAttribute(null=True)
    note = UnicodeAttribute(null=True)
    made_at = InstantAttribute(null=True)
    due_shard = UnicodeAttribute(attr_name="unsettled_shard", null=True)
    due: ClassVar[PlanIndex] = PlanIndex()


class ProposalItem(PayoutsTable):
    """`P#<entitlement>` / `PROPOSAL`."""

    decision = UnicodeAttribute()
    seq = WholeAttribute()
    maker = UnicodeAttribute()
    note = UnicodeAttribute()
    made_at = InstantAttribute()


class CeilingItem(PayoutsTable):
    """`CEILING#<name>` / `LEFT`. Only `left_idr` is tested; `by` and `note` are the administrator's who set it."""

    left_idr = WholeAttribute()
    ceiling_idr = RupiahAttribute()
    by = UnicodeAttribute(null=True)
    note = UnicodeAttribute(null=True)


class PauseItem(PayoutsTable):
    """`CONTROL` / `PAUSE`: there while payouts are paused."""

    by = UnicodeAttribute(attr_name="paused_by")
    since = InstantAttribute(attr_name="paused_at")
    reason = UnicodeAttribute(attr_name="paused_because")


class ActItem(PayoutsTable, ActColumns):
    """An administrator's act on payouts as a whole."""


class HeadOrPause(Head):
    """HEAD or the pause: read together, so that the pause costs a worker no call of its own."""

    by = UnicodeAttribute(attr_name="paused_by", null=True)
    since = InstantAttribute(attr_name="paused_at", null=True)
    reason = UnicodeAttribute(attr_name="paused_because", null=True)


def partition(entitlement_id: str) -> str:
    return f"P#{entitlement_id}"


def id_of(pk: str) -> str:
    return pk.removeprefix("P#")


def event_key(seq: int) -> str:
    return f"EVENT#{seq:06}"


def to_head(entitlement: Entitlement) -> Head:
    return item_of(
        Head,
        partition(entitlement.id),
        "HEAD",
        entitlement,
        updated_at=iso(entitlement.queued_at or entitlement.changed_at),
        unsettled_shard=unsettled_shard(entitlement),
    )


def from_head(head: Head) -> Entitlement:
    return fill(Entitlement, head, id=id_of(head.pk), queued_at=parse_iso(head.updated_at))


def to_event(after: Entitlement, before: State | None, move: Move, attempt: StoredAttempt | None = None) -> EventItem:
    """The line of history of a transition, with the attempt that it stores."""
    authority = move.authority
    return item_of(
        EventItem,
        partition(after.id),
        event_key(after.seq),
        after,
        at=iso(after.changed_at),
        before=before,
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
    authority = fill(Authority, item) if item.by else None
    return fill(Event, item, seq=int(item.sk.removeprefix("EVENT#")), at=parse_iso(item.at), authority=authority)


def to_attempt(item: EventItem) -> StoredAttempt:
    """The attempt that a claim's line carries; it was first sent no earlier than it was written."""
    return fill(StoredAttempt, item, first_sent_at=parse_iso(item.at))


def to_news(row: EventItem, head: Entitlement) -> News:
    """A row of the index with the entitlement as it stands."""
    key, at = f"{row.at}|{row.pk}/{row.sk}", parse_iso(row.at)
    return fill(News, head, entitlement_id=head.id, state=row.state, at=at, latest=head.state, key=key)
