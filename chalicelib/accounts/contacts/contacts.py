"""The contacts of a person: adding and removing them, and moving a number to its present owner.

A contact is added by an ordinary sign-in for it. So only a person with its code learns that another account has it.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime, timedelta
from typing import Protocol

from msgspec.structs import replace

from ...aws.dynamodb import LegsFailed, Transaction
from ...errors import NotFound, Unavailable
from ...figures.people import AccountRules
from ...ids import derived_id
from ...structs import fill
from ...vault import PersonKey, Vault
from .. import rules
from ..account_store import AccountStore
from ..errors import CodeUsed, ContactTaken, LastContact, TooManyContacts
from ..items import GuardItem, SessionItem, account_pk, contact_pk, session_sk
from ..rules import AskedChange, Change, Opening, Shown
from ..sessions.rules import Account, ContactGuard, KeptContact, Session
from ..signing_in.sign_ins import Proved
from ..wire import ContactForm, ContactList, ContactView
from .changes import TRIES, Changes, Queued, put_contacts, put_guard
from .contact import Contact

USED_KEPT = timedelta(days=1)
"""How long it is stored that a code added a contact. The sign-in of that code ends within an hour."""


class Judge(Protocol):
    """Judges codes; `SignIns` does."""

    def judge(self, sign_in_id: str, secret: str, code: str, now: datetime) -> Proved:
        """The contact that a right code proves. Raises what `SignIns.judge` raises."""


class Contacts:
    """Writes each act in one transaction with its notices; a repeat is safe. All methods also raise `Unavailable`."""

    def __init__(
        self,
        store: AccountStore,
        changes: Changes,
        sign_ins: Judge,
        vault: Vault,
        transaction: Callable[[], Transaction],
        figures: AccountRules,
    ) -> None:
        self._store = store
        self._changes = changes
        self._sign_ins = sign_ins
        self._vault = vault
        self._transaction = transaction
        self._figures = figures

    def of(self, account_id: str, now: datetime) -> ContactList:
        """`GET /me/contacts`. One read and one KMS call."""
        account = self._account(account_id)
        key = self._vault.open_key(account_id, account.wrapped_key)
        return ContactList(
            [_view(key, one, now) for one in account.contacts if not rules.has_ended(one, now)], account.language
        )

    def add(self, session: Session, form: ContactForm, now: datetime) -> tuple[ContactView, bool]:
        """`POST /me/contacts`: it takes effect at once, or later for a young session. The flag says if it is new.

        Raises what `SignIns.judge` raises, `ContactTaken`, `TooManyContacts`, `CodeUsed`.
        """
        proved = self._sign_ins.judge(form.code.sign_in_id, form.code.secret, form.code.code, now)
        for _ in range(TRIES):
            account = self._account(session.account_id)
            key = self._vault.open_key(account.id, account.wrapped_key)
            known = [one for one in account.contacts if one.mac == proved.contact_mac and not rules.has_ended(one, now)]
            if known:
                return _view(key, known[0], now), False
            before = self._free(proved.contact_mac, form, now)
            if sum(not rules.has_ended(one, now) for one in account.contacts) >= rules.CONTACTS_MAX:
                raise TooManyContacts(contacts_max=rules.CONTACTS_MAX)
            asked = self._changes.asked(
                session, Change.CONTACT_ADDED, rules.contact_id(account.id, proved.contact_mac), now
            )
            guard = ContactGuard(
                account.id,
                proved.contact.kind,
                key.seal("contact/1", proved.contact.value.encode()),
                account.wrapped_key,
                account.language,
                proved_at=now,
                valid_from=_later(asked),
            )
            contact = fill(KeptContact, guard, id=asked.subject, mac=proved.contact_mac)
            if self._added(account, contact, guard, before, asked, proved):
                return _view(key, contact, now), True
        raise Unavailable()

    def remove(self, session: Session, contact_id: str, now: datetime) -> ContactView:
        """`DELETE /me/contacts/{id}`: at once, or later for a young session. A waiting contact is removed at once.

        Raises `NotFound`, `LastContact`.
        """
        for _ in range(TRIES):
            account = self._account(session.account_id)
            contact = next((one for one in account.contacts if one.id == contact_id), None)
            if contact is None or rules.has_ended(contact, now):
                raise NotFound()
            key = self._vault.open_key(account.id, account.wrapped_key)
            if contact.valid_until is not None:
                return _view(key, contact, now)
            if not rules.has_begun(contact, now):
                self._cancel(account.id, contact_id, now)
                return _view(key, replace(contact, valid_until=now), now)
            if not rules.may_go(account.contacts, contact_id, now):
                raise LastContact()
            asked = self._changes.asked(session, Change.CONTACT_REMOVED, contact_id, now)
            if self._removed(account, contact, asked):
                return _view(key, replace(contact, valid_until=asked.takes_effect_at), now)
        raise Unavailable()

    def take(self, mac: str, guard: ContactGuard, new: ContactGuard) -> bool:
        """Move a contact to the account of the person who just proved it. The account that had it is told.

        Returns False if its guard is no longer as it was read. One transaction.
        """
        try:
            with self._transaction() as tx:
                put_guard(tx, mac, new, guard)
                told = self._left(tx, mac, guard)
        except LegsFailed:
            return False
        self._changes.tell(told)
        return True

    def _free(self, mac: str, form: ContactForm, now: datetime) -> ContactGuard | None:
        """The guard that the contact's new one replaces, None if there is none. Raises `ContactTaken`."""
        guard = self._store.guard(mac)
        becomes = rules.opening(guard, Shown(fresh=form.fresh), now, self._figures)
        if becomes in {Opening.NEW, Opening.TAKE}:
            return guard
        raise ContactTaken()

    def _added(
        self,
        account: Account,
        contact: KeptContact,
        guard: ContactGuard,
        before: ContactGuard | None,
        asked: AskedChange,
        proved: Proved,
    ) -> bool:
        """Write a new contact. Returns False if something is no longer as it was read. Raises `CodeUsed`."""
        now, told = asked.asked_at, list[Queued]()
        used = SessionItem(
            account_pk(account.id),
            session_sk(derived_id("session/1", proved.sign_in_id)),
            device=proved.device,
            how=proved.contact.kind,
            started_at=now,
            last_used_at=now,
            ended_at=now,
            proofs=(),
            expires_at=now + USED_KEPT,
        )
        try:
            with self._transaction() as tx:
                put_guard(tx, contact.mac, guard, before)
                put_contacts(tx, account, rules.with_contact(account.contacts, contact, now))
                # An ended session with the id of the sign-in, so that its code cannot be used again.
                tx.put("used", used, SessionItem.pk.does_not_exist())
                if before is not None and before.account_id != account.id and not rules.has_ended(before, now):
                    told += self._left(tx, contact.mac, before)
                told.append(self._changes.keep(tx, account.id, asked))
        except LegsFailed as failure:
            if failure.legs.keys() == {"used"}:
                raise CodeUsed() from failure
            return False
        self._changes.tell(told)
        return True

    def _removed(self, account: Account, contact: KeptContact, asked: AskedChange) -> bool:
        guard, mine = GuardItem(contact_pk(contact.mac), "CONTACT"), GuardItem.account_id == account.id
        try:
            with self._transaction() as tx:
                if asked.takes_effect_at > asked.asked_at:
                    tx.update("guard", guard, [GuardItem.valid_until.set(asked.takes_effect_at)], mine)
                else:
                    tx.delete("guard", guard, mine)
                put_contacts(tx, account, rules.ending(account.contacts, contact.id, asked.takes_effect_at))
                told = self._changes.keep(tx, account.id, asked)
        except LegsFailed:
            return False
        self._changes.tell([told])
        return True

    def _left(self, tx: Transaction, mac: str, guard: ContactGuard) -> list[Queued]:
        """Add the legs that remove a contact from the account that had it, and tell the other contacts of it.

        At the contact another person would be told, and could stop the account's payments by the link.
        """
        account = self._store.account(guard.account_id)
        if account is None:
            return []  # the first sign-in died before it made the account
        contact_id = rules.contact_id(account.id, mac)
        put_contacts(tx, account, rules.without_contact(account.contacts, contact_id), "other account")
        return [self._changes.keep_told(tx, account.id, Change.CONTACT_REMOVED)]

    def _cancel(self, account_id: str, contact_id: str, now: datetime) -> None:
        for asked in self._changes.pending(account_id, now):
            if (asked.change, asked.subject) == (Change.CONTACT_ADDED, contact_id):
                self._changes.cancel(account_id, asked.id, now)

    def _account(self, account_id: str) -> Account:
        account = self._store.account(account_id)
        if account is None:
            raise NotFound()
        return account


def _later(asked: AskedChange) -> datetime | None:
    return asked.takes_effect_at if asked.takes_effect_at > asked.asked_at else None


def _view(key: PersonKey, contact: KeptContact, now: datetime) -> ContactView:
    value = key.unseal("contact/1", contact.sealed).decode()
    return ContactView(
        contact_id=contact.id,
        kind=contact.kind,
        contact=Contact(contact.kind, value).masked,
        signs_in_from=None if rules.has_begun(contact, now) else contact.valid_from,
        signs_in_until=contact.valid_until,
    )
