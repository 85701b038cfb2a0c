"""Who opens an account with a contact, and when a change of how people sign in takes effect. Pure."""

from __future__ import annotations

from collections.abc import Sequence
from dataclasses import dataclass, replace
from datetime import datetime, timedelta
from enum import StrEnum

from ..figures import AccountRules
from ..ids import derived_id
from .sessions.rules import ContactGuard, KeptContact, Session


class Change(StrEnum):
    """What may change about how a person signs in."""

    CONTACT_ADDED = "contact_added"
    CONTACT_REMOVED = "contact_removed"
    PASSKEY_ADDED = "passkey_added"
    PASSKEY_REMOVED = "passkey_removed"


@dataclass(frozen=True, slots=True)
class AskedChange:
    """A change that a session asked for; `subject` is the id of the contact or passkey."""

    id: str
    change: Change
    subject: str
    session_id: str
    asked_at: datetime
    takes_effect_at: datetime


class RecoveryState(StrEnum):
    """How far a recovery by the help desk has come."""

    PROPOSED = "PROPOSED"
    """One administrator asks for it."""
    WAITING = "WAITING"
    """Another one has approved it; everybody was told, and any use of the account ends it."""
    DONE = "DONE"
    """The new contact has signed in, and has the account."""
    ENDED = "ENDED"
    """Cancelled, or the account was used."""


@dataclass(frozen=True, slots=True)
class Recovery:
    """Who lost every way into an account gets it back with the contact of `new_account_id`.

    Whatever signed in to the account before `barred_before` has ended: its last recovery took effect then.
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
    """Whether a session or a passkey is older than the last recovery of its account."""
    return recovery is not None and recovery.barred_before is not None and began_at < recovery.barred_before


class Opening(StrEnum):
    """What becomes of somebody who has proved a contact."""

    NEW = "NEW"
    """The contact is nobody's: a new account."""
    OPEN = "OPEN"
    """The account that the contact belongs to."""
    TAKE = "TAKE"
    """A new account, with the contact taken from the one that had it."""
    WAIT = "WAIT"
    """Another account has asked for this contact, and it takes effect later."""
    MORE = "MORE"
    """The number may be another person's by now: more proof is needed."""


@dataclass(frozen=True, slots=True)
class Shown:
    """What somebody shows besides the code of a contact: each of it belongs to the account that has the contact.

    `fresh`: they say that they are another person, and want an account of their own.
    """

    device: bool = False
    other_contact: bool = False
    passkey: bool = False
    identity: bool = False
    fresh: bool = False


def opening(guard: ContactGuard | None, shown: Shown, now: datetime, rules: AccountRules) -> Opening:
    """What becomes of somebody who has just proved a contact that has this guard."""
    if guard is None or has_ended(guard, now):
        return Opening.NEW
    if not has_begun(guard, now):
        return Opening.TAKE if shown.fresh else Opening.WAIT
    proved = shown.device or shown.other_contact or shown.passkey or shown.identity
    if proved or is_trusted(guard, now, rules):
        return Opening.OPEN
    return Opening.TAKE if shown.fresh else Opening.MORE


def contact_id(account_id: str, mac: str) -> str:
    """The id of a contact within an account, which says nothing of the contact."""
    return derived_id("contact/1", account_id, mac)


def is_trusted(one: ContactGuard | KeptContact, now: datetime, rules: AccountRules) -> bool:
    """Whether a contact still stands for its person: Indonesian numbers may be sold again 60 days after they lapse."""
    return one.kind != "phone" or now - one.proved_at <= timedelta(seconds=rules.phone_trusted_s)


def has_begun(one: ContactGuard | KeptContact, now: datetime) -> bool:
    """Whether a contact already signs in."""
    return one.valid_from is None or one.valid_from <= now


def has_ended(one: ContactGuard | KeptContact, now: datetime) -> bool:
    """Whether a contact was removed."""
    return one.valid_until is not None and one.valid_until <= now


def is_young(session: Session, now: datetime, rules: AccountRules) -> bool:
    """Whether a session began so lately that whoever stole a code may have begun it."""
    return now - session.started_at < timedelta(seconds=rules.young_session_s)


def takes_effect_at(session: Session, now: datetime, rules: AccountRules) -> datetime:
    """When a change takes effect that a session asks for: now, or after the wait of a young one."""
    return now + timedelta(seconds=rules.young_session_s) if is_young(session, now, rules) else now


def may_go(contacts: Sequence[KeptContact], contact_id: str, now: datetime) -> bool:
    """Whether another contact stays that signs in already, and is not about to end, so that nobody locks themself out.

    One that waits for its time does not count: it may be cancelled.
    """
    others = [one for one in contacts if one.id != contact_id]
    return any(has_begun(one, now) and one.valid_until is None for one in others)


CONTACTS_MAX = 5
"""Of one account: each of them hears of every change."""

REMOVED_KEPT = timedelta(days=1)
"""So long the mail about a removal may take to the contact that was removed."""


def with_contact(contacts: Sequence[KeptContact], new: KeptContact, now: datetime) -> tuple[KeptContact, ...]:
    """The contacts with one that is new or changed, without those that ended long ago."""
    kept = [one for one in without_contact(contacts, new.id) if not has_ended(one, now - REMOVED_KEPT)]
    return (*kept, new)


def without_contact(contacts: Sequence[KeptContact], contact_id: str) -> tuple[KeptContact, ...]:
    """The contacts but one."""
    return tuple(one for one in contacts if one.id != contact_id)


def ending(contacts: Sequence[KeptContact], contact_id: str, at: datetime | None) -> tuple[KeptContact, ...]:
    """The contacts, of which one ends then; None: it goes on after all."""
    return tuple(replace(one, valid_until=at) if one.id == contact_id else one for one in contacts)


_AMID = timedelta(minutes=5)
"""Between the time of a request and the time at which its notice is written."""


def told(contacts: Sequence[KeptContact], at: datetime) -> tuple[KeptContact, ...]:
    """The contacts that hear of what happened then: one that was removed by it too, one that still waits not."""
    return tuple(one for one in contacts if has_begun(one, at) and not has_ended(one, at - _AMID))
