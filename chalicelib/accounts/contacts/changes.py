"""Changes of contacts and passkeys. Every contact is told. Changes of a young session wait and can be cancelled.

The times of a contact or passkey decide whether it signs in (`rules`), so no job runs when a change takes effect.
"""

from __future__ import annotations

from collections.abc import Callable, Sequence
from datetime import datetime, timedelta

from pynamodb.expressions.condition import Condition

from ...aws.attributes import item_of
from ...aws.dynamodb import LegsFailed, Transaction, find
from ...clock import iso
from ...errors import NotFound, Unavailable
from ...figures.people import AccountRules
from ...ids import Randomness, random_id
from ...notices.rules import LINK_DAYS, Kind
from ...notices.service import NoticeService
from ...structs import fill
from .. import rules
from ..account_store import AccountStore
from ..items import AccountItem, ChangeItem, DeletionItem, GuardItem, account_pk, change_sk, contact_pk
from ..passkeys import store as passkeys
from ..rules import AskedChange, Change
from ..sessions.rules import Account, ContactGuard, KeptContact, Session

TRIES = 4
"""How often a request is tried when other requests of the same account come first."""

Queued = tuple[str, str]
"""Account and event of a notice whose mail must be queued."""


class Changes:
    """Writes each change in one transaction with its notice. All methods also raise `Unavailable`."""

    def __init__(
        self,
        store: AccountStore,
        transaction: Callable[[], Transaction],
        notices: NoticeService,
        figures: AccountRules,
        randomness: Randomness,
    ) -> None:
        self._store = store
        self._transaction = transaction
        self._notices = notices
        self._figures = figures
        self._randomness = randomness

    def asked(self, session: Session, change: Change, subject: str, now: datetime) -> AskedChange:
        """A change by this session, with the time when it takes effect. `subject` is the contact's or passkey's id."""
        takes_effect_at = rules.takes_effect_at(session, now, self._figures)
        return AskedChange(random_id(self._randomness), change, subject, session.id, now, takes_effect_at)

    def keep(self, tx: Transaction, account_id: str, asked: AskedChange, stays: Sequence[str] = ()) -> Queued:
        """Add the legs that store a change and its notice. Pass the result to `tell` after the transaction.

        `stays`: the kinds of rows with the NIK's keyed hash that a deletion leaves.
        """
        gone = asked.takes_effect_at + timedelta(days=LINK_DAYS)
        item = item_of(ChangeItem, account_pk(account_id), change_sk(asked.id), asked, expires_at=gone)
        tx.put("change", item, ChangeItem.pk.does_not_exist())
        kind, facts = Kind.ACCOUNT_CHANGED, dict[str, str | int](change=asked.change)
        if asked.change is Change.ACCOUNT_DELETED:
            why = "asked" if asked.session_id else "unused"
            kind, facts = Kind.ACCOUNT_DELETING, {"takes_effect_at": iso(asked.takes_effect_at), "reason": why}
            facts["stays"] = " ".join(stays)
        elif asked.takes_effect_at > asked.asked_at:
            kind, facts["takes_effect_at"] = Kind.ACCOUNT_CHANGING, iso(asked.takes_effect_at)
        event = f"{kind}/{asked.id}"
        self._notices.keep(tx, account_id, kind, event, facts)
        return account_id, event

    def keep_told(self, tx: Transaction, account_id: str, change: Change) -> Queued:
        """Add the leg that stores the notice of a change that no session asked for, and that cannot be cancelled."""
        event = f"{Kind.ACCOUNT_CHANGED}/{random_id(self._randomness)}"
        self._notices.keep(tx, account_id, Kind.ACCOUNT_CHANGED, event, {"change": change})
        return account_id, event

    def end_deletion(self, account_id: str, due_at: datetime, because: str | None, tx: Transaction) -> list[Queued]:
        """Add the legs by which a deletion that was due is none any more, and the notice that says why, if any does."""
        for one in self.recent(account_id, due_at):
            if (one.change, one.takes_effect_at) == (Change.ACCOUNT_DELETED, due_at):
                tx.delete("change", ChangeItem(account_pk(account_id), change_sk(one.id)))
        tx.delete("deletion", DeletionItem(account_pk(account_id), "DELETION"), DeletionItem.due_at == due_at)
        if because is None:
            return []
        event = f"{Kind.ACCOUNT_KEPT}/{random_id(self._randomness)}"  # after a restore it may end once more
        self._notices.keep(tx, account_id, Kind.ACCOUNT_KEPT, event, {"reason": because})
        return [(account_id, event)]

    def tell(self, queued: Sequence[Queued]) -> None:
        """Queue the mails about changes, after these were written."""
        self._notices.enqueue(queued)

    def recent(self, account_id: str, now: datetime) -> list[AskedChange]:
        """`GET /me/changes`: changes that wait or took effect in the last 30 days, the soonest first. One query.

        A person with only a phone, where no SMS are sent, learns of a change here.
        """
        prefix = ChangeItem.sk.startswith(change_sk(""))
        found = [_change(item) for item in ChangeItem.query(account_pk(account_id), prefix, consistent_read=True)]
        shown = [one for one in found if one.takes_effect_at > now - timedelta(days=LINK_DAYS)]
        return sorted(shown, key=lambda one: one.takes_effect_at)

    def pending(self, account_id: str, now: datetime) -> list[AskedChange]:
        """The changes that take effect later, the soonest first. One query."""
        return [one for one in self.recent(account_id, now) if one.takes_effect_at > now]

    def cancel(self, account_id: str, change_id: str, now: datetime) -> None:
        """`DELETE /me/changes/{id}`, by any session of the account. Raises `NotFound` if it does not wait any more."""
        if not self._take_back(account_id, change_id, now):
            raise NotFound()

    def deny(self, account_id: str, change_id: str, now: datetime) -> bool:
        """The link of a notice denies a change or a sign-in: end its session, and cancel its changes that still wait.

        Returns False if there is neither such a change nor such a session.
        """
        asked = self._asked(account_id, change_id)
        session_id = change_id if asked is None else asked.session_id
        if asked is None and self._store.begun(account_id, session_id) is None:
            return False
        self._store.end(account_id, session_id, now)
        for one in self.pending(account_id, now):
            if one.session_id == session_id:
                self._take_back(account_id, one.id, now)
        return True

    def _take_back(self, account_id: str, change_id: str, now: datetime) -> bool:
        for _ in range(TRIES):
            asked = self._asked(account_id, change_id)
            if asked is None or asked.takes_effect_at <= now:
                return False
            try:
                with self._transaction() as tx:
                    waits = ChangeItem.takes_effect_at > now
                    tx.delete("change", ChangeItem(account_pk(account_id), change_sk(change_id)), waits)
                    self._undo(tx, account_id, asked)
            except LegsFailed:
                continue
            return True
        raise Unavailable()

    def _undo(self, tx: Transaction, account_id: str, asked: AskedChange) -> None:
        if asked.change in {Change.PASSKEY_ADDED, Change.PASSKEY_REMOVED}:
            passkeys.undo(tx, account_id, asked.subject, asked.takes_effect_at)
            return
        if asked.change is Change.ACCOUNT_DELETED:
            tx.delete("deletion", DeletionItem(account_pk(account_id), "DELETION"))
            return
        account = self._store.account(account_id)
        contact = next((one for one in account.contacts if one.id == asked.subject), None) if account else None
        if account is None or contact is None:
            return  # the contact has moved to another account
        if contact.valid_until is None and contact.valid_from == asked.takes_effect_at:
            put_contacts(tx, account, rules.without_contact(account.contacts, contact.id))
            tx.delete("guard", _guard(contact), GuardItem.account_id == account_id)
        elif contact.valid_until == asked.takes_effect_at:
            put_contacts(tx, account, rules.ending(account.contacts, contact.id, None))
            tx.update("guard", _guard(contact), [GuardItem.valid_until.remove()], GuardItem.account_id == account_id)

    @staticmethod
    def _asked(account_id: str, change_id: str) -> AskedChange | None:
        item = find(ChangeItem, account_pk(account_id), change_sk(change_id))
        return _change(item) if item else None


def put_contacts(tx: Transaction, account: Account, contacts: Sequence[KeptContact], leg: str = "account") -> None:
    """Add the leg that replaces the contacts of an account, if they are still as they were read."""
    item = AccountItem(account_pk(account.id), "ACCOUNT")
    tx.update(leg, item, [AccountItem.contacts.set(tuple(contacts))], AccountItem.contacts == account.contacts)


def put_guard(tx: Transaction, mac: str, guard: ContactGuard, before: ContactGuard | None) -> None:
    """Add the leg that writes a contact's guard, if it is still as it was read (`before`)."""
    tx.put("guard", item_of(GuardItem, contact_pk(mac), "CONTACT", guard), _as_read(before))


def _as_read(guard: ContactGuard | None) -> Condition:
    if guard is None:
        absent: Condition = GuardItem.pk.does_not_exist()
        return absent
    same: Condition = (GuardItem.account_id == guard.account_id) & (GuardItem.proved_at == guard.proved_at)
    for attribute, value in ((GuardItem.valid_from, guard.valid_from), (GuardItem.valid_until, guard.valid_until)):
        same &= attribute.does_not_exist() if value is None else attribute == value
    return same


def _guard(contact: KeptContact) -> GuardItem:
    return GuardItem(contact_pk(contact.mac), "CONTACT")


def _change(item: ChangeItem) -> AskedChange:
    return fill(AskedChange, item, id=item.sk.partition("#")[2])
