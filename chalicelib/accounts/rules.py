"""The rules of contacts: which account a proved contact opens, and when changes take effect. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from enum import StrEnum

from msgspec.structs import replace

from ..figures.people import AccountRules
from ..ids import derived_id
from ..values import Value
from .sessions.rules import ContactGuard, KeptContact, Session


class Change(StrEnum):
    """A kind of change of contacts or passkeys, or of the whole account."""

    CONTACT_ADDED = "contact_added"
    CONTACT_REMOVED = "contact_removed"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"
    ACCOUNT_DELETED = "account_deleted"


class AskedChange(Value, frozen=True):
    """A change that a session asked for. `subject` is the id of the contact or passkey."""

    id: str
    change: Change
    subject: str
    session_id: str
    asked_at: datetime
    takes_effect_at: datetime


class DueDeletion(Value, frozen=True):
    """A deletion of an account that is due, or was: whether sign-ins were closed and the erasure begun, and when.

    `used_at`: if nobody asked for it, when the account was last used. `look_at`: from when it is looked at.
    """

    account_id: str
    due_at: datetime
    look_at: datetime | None = None
    used_at: datetime | None = None
    closed_at: datetime | None = None
    begun_at: datetime | None = None


class RecoveryState(StrEnum):
    """The state of a recovery by the help desk."""

    PROPOSED = "PROPOSED"
    """One administrator has proposed it."""
    WAITING = "WAITING"
    """Another administrator has approved it. Every contact was told, and any use of the account ends it."""
    DONE = "DONE"
    """The new contact has signed in and has the account."""
    ENDED = "ENDED"
    """It was cancelled, or the account was used."""


class Recovery(Value, frozen=True):
    """A recovery of an account for a person who lost every way in, by the contact of `new_account_id`.

    At `barred_before` the last recovery took effect; it ended all sessions and passkeys from before.
    """

    id: str
    state: RecoveryState
    new_account_id: str
    contact_mac: str
    maker: str
    note: str
    made_at: datetime
    takes_effect_at: datetime | None = None
    barred_before: datetime | None = None


def is_barred(began_at: datetime, recovery: Recovery | None) -> bool:
    """Whether a session or passkey that began at `began_at` is older than its account's last completed recovery."""
    return recovery is not None and recovery.barred_before is not None and began_at < recovery.barred_before


class Opening(StrEnum):
    """What happens when a person has proved a contact."""

    NEW = "NEW"
    """The contact belongs to nobody, so a new account is made."""
    OPEN = "OPEN"
    """The account that the contact belongs to is opened."""
    TAKE = "TAKE"
    """A new account is made and takes the contact from the account that had it."""
    WAIT = "WAIT"
    """Another account has added this contact, and that has not taken effect yet."""
    MORE = "MORE"
    """The number may belong to another person by now, so more proof is needed."""


class Shown(Value, frozen=True):
    """What a person has proved besides the code of a contact. All of it is about the account that has the contact.

    `fresh`: the person says that this account is another person's, and wants a new one.
    """

    device: bool = False
    other_contact: bool = False
    passkey: bool = False
    identity: bool = False
    fresh: bool = False


def opening(guard: ContactGuard | None, shown: Shown, now: datetime, rules: AccountRules) -> Opening:
    """What happens when a person has just proved a contact that has this guard."""
    if guard is None or has_ended(guard, now):
        return Opening.NEW
    if not has_begun(guard, now):
        return Opening.TAKE if shown.fresh else Opening.WAIT
    proved = shown.device or shown.other_contact or shown.passkey or shown.identity
    if proved or is_trusted(guard, now, rules):
        return Opening.OPEN
    return Opening.TAKE if shown.fresh else Opening.MORE


def contact_id(account_id: str, mac: str) -> str:
    """The id of a contact within an account; it reveals nothing about the contact."""
    return derived_id("contact/1", account_id, mac)


def is_trusted(one: ContactGuard | KeptContact, now: datetime, rules: AccountRules) -> bool:
    """Whether a contact surely still belongs to its person. Numbers may be sold again 60 days after they lapse."""
    return one.kind != "phone" or now - one.proved_at <= timedelta(seconds=rules.phone_trusted_s)


def has_begun(one: ContactGuard | KeptContact, now: datetime) -> bool:
    """Whether a contact already signs in."""
    return one.valid_from is None or one.valid_from <= now


def has_ended(one: ContactGuard | KeptContact, now: datetime) -> bool:
    """Whether a contact was removed."""
    return one.valid_until is not None and one.valid_until <= now


def is_young(session: Session, now: datetime, rules: AccountRules) -> bool:
    """Whether a session began so recently that a thief with a stolen code may have opened it, or has no key."""
    return now - session.started_at < timedelta(seconds=rules.young_session_s)


def takes_effect_at(session: Session, now: datetime, rules: AccountRules) -> datetime:
    """When a change by this session takes effect: now, or after the wait of a young session."""
    return now + timedelta(seconds=rules.young_session_s) if is_young(session, now, rules) else now


def may_go(contacts: Sequence[KeptContact], contact_id: str, now: datetime) -> bool:
    """Whether a contact may be removed: another one must sign in already and not be about to end.

    A contact that still waits does not count, as it may be cancelled.
    """
    others = [one for one in contacts if one.id != contact_id]
    return any(has_begun(one, now) and one.valid_until is None for one in others)


CONTACTS_MAX = 5
"""The most contacts of one account. Each is told of every change."""

REMOVED_KEPT = timedelta(days=1)
"""How long a removed contact is kept, so that the mail about its removal can still reach it."""


def with_contact(contacts: Sequence[KeptContact], new: KeptContact, now: datetime) -> tuple[KeptContact, ...]:
    """The contacts with a new or changed one, without those that ended long ago."""
    kept = [one for one in without_contact(contacts, new.id) if not has_ended(one, now - REMOVED_KEPT)]
    return (*kept, new)


def without_contact(contacts: Sequence[KeptContact], contact_id: str) -> tuple[KeptContact, ...]:
    """The contacts without one."""
    return tuple(one for one in contacts if one.id != contact_id)


def ending(contacts: Sequence[KeptContact], contact_id: str, at: datetime | None) -> tuple[KeptContact, ...]:
    """The contacts, with one that ends at `at`; None: it no longer ends."""
    return tuple(replace(one, valid_until=at) if one.id == contact_id else one for one in contacts)


_AMID = timedelta(minutes=5)
"""The most time between a request and the writing of its notice."""


def told(contacts: Sequence[KeptContact], at: datetime) -> tuple[KeptContact, ...]:
    """The contacts that are told of an event at `at`: also one that it removed, but none that still waits."""
    return tuple(one for one in contacts if has_begun(one, at) and not has_ended(one, at - _AMID))
