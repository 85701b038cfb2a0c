"""The notices table: what people were told, how far a wave's results are told, and what is known of mailboxes.

The public events of the same table are in `announcements`.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from hashlib import sha256
from typing import Any, ClassVar, Literal

from msgspec.structs import replace
from pynamodb.attributes import BooleanAttribute, TTLAttribute, UnicodeAttribute
from pynamodb.exceptions import UpdateError
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex, KeysOnlyProjection

from .. import ids
from ..aws.admin_acts import ActColumns, Journal
from ..aws.attributes import EnumAttribute, InstantAttribute, JsonAttribute, TextsAttribute, WholeAttribute, item_of
from ..aws.dynamodb import LegsFailed, Transaction, find, get_batch, is_condition_failure, save_if, update_if
from ..aws.job_progress import CursorFields
from ..aws.table import Table
from ..structs import fill
from ..values import Value
from .rules import (
    DOUBTS_MAX,
    LINK_DAYS,
    NEXT,
    REMINDERS,
    SHARDS,
    ChangeLink,
    Closed,
    Facts,
    Kind,
    Mailbox,
    Notice,
    NoticeState,
)

Said = Literal["confirmed", "denied"]

_CLOSED = "MAILBOX#"


class NoticesTable(Table):
    """The base of every item kind; `wiring` gives it its table."""


class UnsentIndex(GlobalSecondaryIndex["NoticeItem"]):  # type: ignore[no-untyped-call]  # untyped in pynamodb
    """Notices that are not final, the longest untouched first. `Q#` partitions: QUEUED; `S#`: SENDING."""

    class Meta:
        index_name = "unsent"
        projection = KeysOnlyProjection()

    unsent_shard = UnicodeAttribute(hash_key=True)
    updated_at = InstantAttribute(range_key=True)


class NoticeItem(NoticesTable):
    """`N#<registrant>` / event. `updated_at`: its last transition or its last queueing by the sweep."""

    kind = EnumAttribute(Kind)
    facts: JsonAttribute[Facts] = JsonAttribute(dict[str, str | int])
    state = EnumAttribute(NoticeState)
    created_at = InstantAttribute()
    updated_at = InstantAttribute()
    unsent_shard = UnicodeAttribute(null=True)
    message_id = UnicodeAttribute(null=True)
    doubts = WholeAttribute(null=True)
    sent_to: JsonAttribute[tuple[str, ...]] = JsonAttribute(tuple[str, ...], null=True)
    expires_at = TTLAttribute()
    unsent: ClassVar[UnsentIndex] = UnsentIndex()


class MailboxItem(NoticesTable):
    """`M#<registrant>` / `MAILBOX`: whether a person wants reminders."""

    unsubscribed_at = InstantAttribute(null=True)
    token = UnicodeAttribute(null=True)
    refused_kinds = TextsAttribute()
    restricted_at = InstantAttribute(null=True)


class ClosedItem(NoticesTable):
    """`M#<registrant>` / `MAILBOX#<id of a contact>`: nothing is sent to it any more."""

    closed_at = InstantAttribute()
    because = UnicodeAttribute()


class OfPerson(NoticesTable):
    """MAILBOX with all that are closed, for reading them together; each is read as its own kind."""

    @classmethod
    def from_raw_data(cls, data: dict[str, Any]) -> Any:
        """The item of a row."""
        kind = MailboxItem if data["sk"]["S"] == "MAILBOX" else ClosedItem
        return kind.from_raw_data(data)


class TokenItem(NoticesTable):
    """`U#<token>` / `TOKEN`: the person whose reminders a link may end."""

    registrant_id = UnicodeAttribute()


class MailboxActItem(NoticesTable, ActColumns):
    """What an administrator did to a mailbox."""


class ChangeItem(NoticesTable):
    """`C#<hash of the token>` / `CHANGE`: what a link may say of a change; the token is in the mail only.

    `said`: the reader's answer, once there is one.
    """

    registrant_id = UnicodeAttribute()
    version = WholeAttribute()
    change = UnicodeAttribute(null=True)
    said = UnicodeAttribute(null=True)
    expires_at = TTLAttribute()


class NoticeStore:
    """A notice is kept for `kept_days`."""

    def __init__(self, region: str, kept_days: int = 730) -> None:
        self._region = region
        self._kept = timedelta(days=kept_days)
        self.journal = Journal(MailboxActItem)

    def add(self, registrant_id: str, kind: Kind, event: str, facts: Facts, now: datetime) -> bool:
        """Keep a notice, QUEUED; False if that event was told before (its kind and facts stay as they were)."""
        return save_if(self._new(registrant_id, kind, event, facts, now), NoticeItem.pk.does_not_exist())

    def keep(
        self, tx: Transaction, registrant_id: str, kind: Kind, event: str, facts: Facts, now: datetime, *, anew: bool
    ) -> None:
        """Add the leg that keeps a notice; it fails if that event was told before, unless it is told `anew`."""
        unless_told = None if anew else NoticeItem.pk.does_not_exist()
        tx.put("notice", self._new(registrant_id, kind, event, facts, now), unless_told)

    def notice(self, registrant_id: str, event: str) -> Notice | None:
        item = find(NoticeItem, f"N#{registrant_id}", event)
        return _notice(item) if item else None

    def notices(self, registrant_id: str) -> list[Notice]:
        """All that a person was told and is remembered. One query, which may lag behind."""
        return [_notice(item) for item in NoticeItem.query(f"N#{registrant_id}")]

    def move(self, notice: Notice, to: NoticeState, now: datetime, message_id: str | None = None) -> bool:
        """Record the next state; False if the notice is no longer as it was read."""
        if to not in NEXT.get(notice.state, ()):
            raise ValueError(f"{notice.state} is not followed by {to}")
        shard = _shard(notice.registrant_id, to)
        actions: list[Action] = [NoticeItem.state.set(to), NoticeItem.updated_at.set(now)]
        actions.append(NoticeItem.unsent_shard.remove() if shard is None else NoticeItem.unsent_shard.set(shard))
        if message_id is not None:
            actions.append(NoticeItem.message_id.set(message_id))
        if notice.sent_to:
            actions.append(NoticeItem.sent_to.set(notice.sent_to))
        if notice.doubts:
            actions.append(NoticeItem.doubts.set(notice.doubts))
        return self._update(notice, actions)

    def doubt(self, notice: Notice, now: datetime) -> NoticeState | None:
        """Record that the end of a claim is unknown. The next state: QUEUED needs a message, the others are final.

        It is SENT at last if one of the person's contacts was reached. None if the notice is no longer as it was read.
        """
        last = NoticeState.SENT if notice.sent_to else NoticeState.UNKNOWN
        to = NoticeState.QUEUED if notice.doubts + 1 < DOUBTS_MAX else last
        return to if self.move(replace(notice, doubts=notice.doubts + 1), to, now) else None

    def touch(self, notice: Notice, now: datetime) -> bool:
        """Move a notice to the end of its index partition; False if it is no longer as it was read."""
        return self._update(notice, [NoticeItem.updated_at.set(now)])

    def unsent(self, state: NoticeState, before: datetime, limit: int) -> list[Notice]:
        """Notices in a state (QUEUED or SENDING) untouched since an instant; at most `limit` of each partition."""
        found = []
        for shard in range(SHARDS):
            rows = NoticeItem.unsent.query(
                _partition(state, f"{shard:02d}"), UnsentIndex.updated_at < before, limit=limit
            )
            keys = [(row.pk, row.sk) for row in rows]
            # The index lags behind; the notice itself decides.
            found += [_notice(item) for item in get_batch(NoticeItem, keys)]
        return [notice for notice in found if notice.state is state and notice.updated_at < before]

    def mailbox(self, registrant_id: str) -> Mailbox:
        """One query."""
        closed: dict[str, Closed] = {}
        found = Mailbox(closed=closed)
        for item in OfPerson.query(f"M#{registrant_id}", consistent_read=True):
            if isinstance(item, MailboxItem):
                found = fill(Mailbox, item, closed=closed)
            else:
                closed[item.sk.removeprefix(_CLOSED)] = fill(Closed, item)
        return found

    def close(self, registrant_id: str, contact: str, because: str, now: datetime) -> None:
        """Send nothing to this contact of a person any more, named by its id; the first reason and time stay."""
        item = ClosedItem(f"M#{registrant_id}", _CLOSED + contact, closed_at=now, because=because)
        save_if(item, ClosedItem.pk.does_not_exist())

    def close_by_tag(self, tag: str, because: str, now: datetime) -> None:
        """The same for the tag of a mail (`ses.tag_of`)."""
        registrant_id, _, contact = tag.rpartition("_")
        self.close(registrant_id, contact, because, now)

    def reopen(self, registrant_id: str) -> None:
        """Send to every contact of a person again."""
        for contact in self.mailbox(registrant_id).closed:
            ClosedItem(f"M#{registrant_id}", _CLOSED + contact).delete()

    def unsubscribe(self, registrant_id: str, now: datetime) -> None:
        """Send no reminders to this person any more; the first time stays."""
        first = MailboxItem.unsubscribed_at.set(MailboxItem.unsubscribed_at | now)
        MailboxItem(f"M#{registrant_id}", "MAILBOX").update([first])

    def refuse(self, registrant_id: str, kinds: frozenset[str], now: datetime) -> None:
        """Send no reminders of these kinds to this person, and all others. One write."""
        if kinds == REMINDERS:
            self.unsubscribe(registrant_id, now)
            return
        refused = MailboxItem.refused_kinds
        actions: list[Action] = [MailboxItem.unsubscribed_at.remove()]
        actions.append(refused.set(kinds) if kinds else refused.remove())
        MailboxItem(f"M#{registrant_id}", "MAILBOX").update(actions)

    def fade(self, notice: Notice, now: datetime) -> None:
        """Forget a notice of an account that is gone after `LINK_DAYS`: no event comes again then. One write."""
        item = NoticeItem(f"N#{notice.registrant_id}", notice.event)
        update_if(item, [NoticeItem.expires_at.set(now + timedelta(days=LINK_DAYS))], NoticeItem.pk.exists())

    def restrict(self, registrant_id: str, since: datetime | None) -> None:
        """Send no reminders while a person has restricted what is done with their data (None: no more). One write."""
        restricted = MailboxItem.restricted_at
        actions: list[Action] = [restricted.remove() if since is None else restricted.set(since)]
        MailboxItem(f"M#{registrant_id}", "MAILBOX").update(actions)

    def give_token(self, registrant_id: str, token: str) -> str:
        """Give a person this token unless they have one; returns the one they have."""
        try:
            with Transaction(self._region) as tx:
                tx.put("token", TokenItem(f"U#{token}", "TOKEN", registrant_id=registrant_id))
                tx.update(
                    "mailbox",
                    MailboxItem(f"M#{registrant_id}", "MAILBOX"),
                    [MailboxItem.token.set(token)],
                    MailboxItem.token.does_not_exist(),
                )
        except LegsFailed:
            return self.mailbox(registrant_id).token or token
        return token

    def token_owner(self, token: str) -> str | None:
        item = find(TokenItem, f"U#{token}", "TOKEN")
        return item.registrant_id if item else None

    def give_change_link(self, token: str, link: ChangeLink, now: datetime) -> None:
        """Keep what a token is for, under its hash."""
        item_of(ChangeItem, _hidden(token), "CHANGE", link, expires_at=now + timedelta(days=LINK_DAYS)).save()

    def change_link(self, token: str, now: datetime) -> ChangeLink | None:
        """What a token is still for; None if there is no such token, or it denied the change, or is too old."""
        item = find(ChangeItem, _hidden(token), "CHANGE")
        if item is None:
            return None
        usable = item.said != "denied" and item.expires_at > now
        return fill(ChangeLink, item, version=0 if item.said else item.version) if usable else None

    def say(self, token: str, said: Said, now: datetime) -> ChangeLink | None:
        """Use a token; None if it cannot be used so. The same use again counts as one. A denial may follow a
        confirmation; nothing follows a denial.
        """
        before = ("confirmed", "denied") if said == "denied" else ("confirmed",)
        unused = ChangeItem.said.does_not_exist() | ChangeItem.said.is_in(*before)
        valid = (ChangeItem.expires_at > now) & unused
        item = ChangeItem(_hidden(token), "CHANGE")
        try:
            item.update([ChangeItem.said.set(said)], condition=valid)
        except UpdateError as error:
            if is_condition_failure(error):
                return None
            raise
        return fill(ChangeLink, item)

    def _update(self, notice: Notice, actions: list[Action]) -> bool:
        as_read = (NoticeItem.state == notice.state) & (NoticeItem.updated_at == notice.updated_at)
        return update_if(NoticeItem(f"N#{notice.registrant_id}", notice.event), actions, as_read)

    def _new(self, registrant_id: str, kind: Kind, event: str, facts: Facts, now: datetime) -> NoticeItem:
        return NoticeItem(
            f"N#{registrant_id}",
            event,
            kind=kind,
            facts=dict(facts),
            state=NoticeState.QUEUED,
            created_at=now,
            updated_at=now,
            unsent_shard=_shard(registrant_id, NoticeState.QUEUED),
            expires_at=now + self._kept,
        )


def _hidden(token: str) -> str:
    return f"C#{sha256(token.encode()).hexdigest()}"


def _shard(registrant_id: str, state: NoticeState) -> str | None:
    return _partition(state, ids.shard(registrant_id, SHARDS)) if state in NEXT else None


def _partition(state: NoticeState, shard: str) -> str:
    return f"{state.value[0]}#{shard}"


def _notice(item: NoticeItem) -> Notice:
    return fill(Notice, item, registrant_id=item.pk.removeprefix("N#"), event=item.sk)


class TellingCursor(CursorFields, NoticesTable):
    """How far payments and deadlines have been told."""


class ResultsItem(NoticesTable):
    """`RESULTS` / number of the wave in 6 digits. One partition: one item a wave, written once a page."""

    shard = WholeAttribute()
    after = UnicodeAttribute()
    done = BooleanAttribute()


class TellingPlace(Value, frozen=True):
    """Everyone before `shard`, and in it everyone up to `after` (empty: nobody yet), was told; or all were."""

    shard: int = 0
    after: str = ""
    done: bool = False


class TellingProgress:
    """How far each wave's results are told. A place may be lost or go back: nobody is told twice."""

    def places(self) -> dict[int, TellingPlace]:
        """By wave; one query."""
        items = ResultsItem.query("RESULTS", consistent_read=True)
        return {int(item.sk): fill(TellingPlace, item) for item in items}

    def remember(self, wave: int, place: TellingPlace) -> None:
        """One write."""
        item_of(ResultsItem, "RESULTS", f"{wave:06d}", place).save()
