"""Notices: what people are told, and the rules about it. Pure: no AWS, no present time."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from types import MappingProxyType
from typing import Literal

from ..clock import parse_iso
from ..values import Value

Facts = Mapping[str, str | int]
"""What a text needs: numbers of waves, amounts in whole rupiah (`..._idr`), instants as `clock.iso`. No names."""


class Kind(StrEnum):
    """What a person is told."""

    CHOSEN = "chosen"
    RESERVED = "reserved"
    NOT_CHOSEN = "not_chosen"
    PURCHASE_DEADLINE = "purchase_deadline"
    PURCHASE_PUT_OFF = "purchase_put_off"
    PAID = "paid"
    PAYMENT_FAILED = "payment_failed"
    SURVEY_OPEN = "survey_open"
    SURVEY_DEADLINE = "survey_deadline"
    REVOKED = "revoked"
    GRIEVANCE_ANSWERED = "grievance_answered"
    ADDRESS_GIVEN = "address_given"
    ADDRESS_CHANGED = "address_changed"
    ADDRESS_WAITING = "address_waiting"
    DETAILS_CHANGED = "details_changed"
    PHONE_LOST = "phone_lost"
    DATA_DIFFERS = "data_differs"
    NIK_CLAIM = "nik_claim"
    ACCOUNT_CHANGED = "account_changed"
    ACCOUNT_CHANGING = "account_changing"
    ACCOUNT_DELETING = "account_deleting"
    ACCOUNT_KEPT = "account_kept"
    RECOVERY_BEGUN = "recovery_begun"
    RECOVERY_ENDED = "recovery_ended"
    SIGNED_IN = "signed_in"


NEEDS: Mapping[Kind, frozenset[str]] = MappingProxyType(
    {
        Kind.CHOSEN: frozenset({"wave", "training_idr", "buy_by"}),
        Kind.RESERVED: frozenset({"wave"}),
        Kind.NOT_CHOSEN: frozenset({"wave", "reason", "next_opens_at"}),
        Kind.PURCHASE_DEADLINE: frozenset({"buy_by"}),
        Kind.PURCHASE_PUT_OFF: frozenset({"buy_by"}),
        Kind.PAID: frozenset({"for", "amount_idr"}),
        Kind.PAYMENT_FAILED: frozenset({"for", "amount_idr", "reason"}),
        Kind.SURVEY_OPEN: frozenset({"closes_at", "amount_idr"}),
        Kind.SURVEY_DEADLINE: frozenset({"closes_at", "amount_idr"}),
        Kind.REVOKED: frozenset({"wave"}),
        Kind.GRIEVANCE_ANSWERED: frozenset({"number"}),
        Kind.ADDRESS_GIVEN: frozenset(),
        Kind.ADDRESS_CHANGED: frozenset({"pay_from_at"}),
        Kind.ADDRESS_WAITING: frozenset({"pay_from_at"}),
        Kind.DETAILS_CHANGED: frozenset({"what"}),
        Kind.PHONE_LOST: frozenset(),
        Kind.DATA_DIFFERS: frozenset({"tries", "days", "removed_days"}),
        Kind.NIK_CLAIM: frozenset({"news", "passes_at"}),
        Kind.ACCOUNT_CHANGED: frozenset({"change"}),
        Kind.ACCOUNT_CHANGING: frozenset({"change", "takes_effect_at"}),
        Kind.ACCOUNT_DELETING: frozenset({"takes_effect_at", "reason", "stays"}),
        Kind.ACCOUNT_KEPT: frozenset({"reason"}),
        Kind.RECOVERY_BEGUN: frozenset({"takes_effect_at"}),
        Kind.RECOVERY_ENDED: frozenset(),
        Kind.SIGNED_IN: frozenset({"device", "signed_in_at"}),
    }
)
"""The facts that a kind's text needs, exactly these. `amount_idr` of a survey is 0 if it is voluntary,
`next_opens_at` is "" if no wave is coming, `passes_at` if no NIK passes. `stays` are
words with a space between, or "".
"""


Told = tuple[str, Kind, str, Facts]
"""The arguments of `tell`: registrant, kind, event and facts."""

SHARDS = 16
"""Over how many partitions the index of unsent notices is spread."""


class NoticeState(StrEnum):
    """How far a notice has come. All but the first two are final."""

    QUEUED = "QUEUED"
    """Kept; a message about it is in the queue, or the next sweep puts one there."""
    SENDING = "SENDING"
    """Claimed by one consumer, which may have handed it to the mail service."""
    SENT = "SENT"
    """The mail service took it."""
    UNKNOWN = "UNKNOWN"
    """Claimed `DOUBTS_MAX` times, each time without knowing whether the mail service took it."""
    REFUSED = "REFUSED"
    """The mail service refused this message for good."""
    CLOSED = "CLOSED"
    """Not sent: no mailbox of the person exists, or their owner reported our mail as spam."""
    UNSUBSCRIBED = "UNSUBSCRIBED"
    """Not sent: a reminder to a person who wants none."""
    EXPIRED = "EXPIRED"
    """Not sent: its deadline had passed."""
    NO_ADDRESS = "NO_ADDRESS"
    """Not sent: there is no such account, or only a phone, and SMS are not sent."""


NEXT: Mapping[NoticeState, frozenset[NoticeState]] = {
    NoticeState.QUEUED: frozenset(
        {
            NoticeState.SENDING,
            NoticeState.CLOSED,
            NoticeState.UNSUBSCRIBED,
            NoticeState.EXPIRED,
            NoticeState.NO_ADDRESS,
        },
    ),
    NoticeState.SENDING: frozenset({NoticeState.SENT, NoticeState.UNKNOWN, NoticeState.REFUSED, NoticeState.QUEUED}),
}
"""Every transition. SENDING goes back to QUEUED if the mail service took nothing, or may have taken nothing.

A person may be told twice rather than not at all.
"""

DOUBTS_MAX = 3
"""A notice is given up after so many claims whose end is unknown."""

REMINDERS = frozenset({Kind.PURCHASE_DEADLINE, Kind.SURVEY_OPEN, Kind.SURVEY_DEADLINE})
"""What a person may refuse. Everyone is told of results, payments, a lost place and an answer that concern them."""

OF_ACCOUNT = frozenset(
    {Kind.ACCOUNT_CHANGED, Kind.ACCOUNT_CHANGING, Kind.ACCOUNT_DELETING, Kind.RECOVERY_BEGUN, Kind.SIGNED_IN}
)
"""Notices of how a person signs in; their event ends in the id of the change, the recovery or the session."""

CHANGES = OF_ACCOUNT | {Kind.ADDRESS_GIVEN, Kind.ADDRESS_CHANGED, Kind.ADDRESS_WAITING, Kind.DETAILS_CHANGED}
"""Notices with a link by which a person says whether a change was theirs."""

TOLD_TO_ALL = CHANGES | {Kind.ACCOUNT_KEPT, Kind.RECOVERY_ENDED, Kind.NIK_CLAIM, Kind.PHONE_LOST}
"""What every contact of a person hears, so that whoever took over one of them cannot hide it."""

BACK_WITHIN = timedelta(days=3)
"""A mail that reaches nobody has come back by then: SES tries for some hours."""

LINK_DAYS = 30
"""How long such a link may be used."""


class ChangeLink(Value, frozen=True):
    """What a link is about: whose change, the version of the address that it may confirm (0: none, or it was
    confirmed), and the id of a change of the account, of its recovery or of a session.
    """

    registrant_id: str
    version: int
    change: str | None = None


_UNTIL: Mapping[Kind, str] = {
    Kind.PURCHASE_DEADLINE: "buy_by",
    Kind.PURCHASE_PUT_OFF: "buy_by",
    Kind.SURVEY_OPEN: "closes_at",
    Kind.SURVEY_DEADLINE: "closes_at",
}


class Notice(Value, frozen=True):
    """One thing that one person is told once."""

    registrant_id: str
    event: str
    kind: Kind
    facts: Facts
    state: NoticeState
    created_at: datetime
    updated_at: datetime
    doubts: int = 0
    """How many claims of it ended without knowing whether the mail went out."""
    sent_to: tuple[str, ...] = ()
    """The ids of the contacts for which the mail service took it."""


class Closed(Value, frozen=True):
    """That nothing is sent to a contact any more: since when, and whether it bounced or complained."""

    closed_at: datetime
    because: str


class Mailbox(Value, frozen=True):
    """What is known of where a person's mails go; the contacts themselves are in the account."""

    unsubscribed_at: datetime | None = None
    token: str | None = None
    closed: Mapping[str, Closed] = {}
    """By the id of a contact."""
    refused_kinds: frozenset[str] = frozenset()
    restricted_at: datetime | None = None
    """Since when the person has restricted what is done with their data: no reminder."""

    @property
    def refused(self) -> frozenset[str]:
        """The kinds of reminders that the person wants no more."""
        return frozenset(REMINDERS) if self.unsubscribed_at is not None else self.refused_kinds


def check(kind: Kind, facts: Facts) -> None:
    """Raises ValueError unless the facts are exactly those that the kind's text needs."""
    if facts.keys() != NEEDS[kind]:
        raise ValueError(f"{kind} needs {sorted(NEEDS[kind])}, not {sorted(facts)}")


def told_at(notice: Notice, mailbox: Mailbox, now: datetime) -> datetime | None:
    """When the mail service took a notice, `now` while it is on its way; None if never, or if all mails came back."""
    if notice.state in NEXT:
        return now
    bounced = {name for name, closed in mailbox.closed.items() if closed.because == "bounce"}
    back = {name for name in bounced if mailbox.closed[name].closed_at - notice.updated_at < BACK_WITHIN}
    arrived = set(notice.sent_to) - back
    return notice.updated_at if arrived and notice.state is NoticeState.SENT else None


def recipients(
    notice: Notice, mailbox: Mailbox, kinds: Mapping[str, Literal["email", "phone"]], *, sms: bool
) -> tuple[str, ...]:
    """The ids of the contacts that a notice is to be sent to; `kinds`: all of a person, the first one first.

    A change is told to all of them, everything else to the first e-mail address. A phone is used where SMS are sent,
    and there is no such address. Left out is what is closed, and whoever an earlier try has reached.
    """
    usable = [name for name, kind in kinds.items() if name not in mailbox.closed and (sms or kind == "email")]
    usable.sort(key=lambda name: kinds[name] != "email")
    chosen = usable if notice.kind in TOLD_TO_ALL else usable[:1]
    return tuple(name for name in chosen if name not in notice.sent_to)


def withheld(notice: Notice, mailbox: Mailbox, now: datetime) -> NoticeState | None:
    """The reason for not sending a notice to anybody; None if it is to be sent."""
    if notice.kind in REMINDERS and (notice.kind in mailbox.refused or mailbox.restricted_at is not None):
        return NoticeState.UNSUBSCRIBED
    until = _UNTIL.get(notice.kind)
    if until is not None and parse_iso(str(notice.facts[until])) <= now:
        return NoticeState.EXPIRED
    return None
