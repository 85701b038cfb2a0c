"""Recovery of an account by the help desk, for a person who lost every contact and device.

The person signs up anew, which proves a new contact, and shows documents. One administrator proposes that the old
account gets that contact, and another approves. All old contacts are told, and any use of the old account ends the
recovery. After a week the next sign-in by the new contact opens the old account, and all that signed in before is
ended.
"""

from __future__ import annotations

import logging
from collections.abc import Callable
from datetime import datetime, timedelta

from msgspec.structs import replace
from pynamodb.expressions.condition import Condition

from ...aws.admin_acts import Act, Journal
from ...aws.attributes import item_of
from ...aws.dynamodb import LegsFailed, Transaction, find
from ...clock import iso
from ...errors import NotFound, Unavailable
from ...figures.people import AccountRules
from ...ids import Randomness, random_id, same_person
from ...notices.rules import Kind
from ...notices.service import NoticeService
from ...structs import fill
from ...vault import Vault
from .. import rules
from ..account_store import AccountStore
from ..errors import ContactTaken, NoRecovery, NotOneContact, RecoveryBySamePerson, RecoveryStands
from ..items import GuardItem, RecoveryItem, account_pk, contact_pk
from ..rules import Recovery, RecoveryState
from ..sessions.rules import Account, ContactGuard, KeptContact
from .changes import TRIES, put_contacts, put_guard
from .contact import Contact

log = logging.getLogger(__name__)


class Recoveries:
    """Recoveries. `by` is an administrator's IAM identity (ARN). A note has no personal data.

    All methods also raise `Unavailable`.
    """

    def __init__(
        self,
        store: AccountStore,
        transaction: Callable[[], Transaction],
        vault: Vault,
        notices: NoticeService,
        journal: Journal,
        figures: AccountRules,
        randomness: Randomness,
    ) -> None:
        self._store = store
        self._transaction = transaction
        self._vault = vault
        self._notices = notices
        self._journal = journal
        self._wait = timedelta(seconds=figures.recovery_wait_s)
        self._randomness = randomness

    def get(self, account_id: str) -> Recovery | None:
        """The last recovery of an account. One read."""
        item = find(RecoveryItem, account_pk(account_id), "RECOVERY")
        return fill(Recovery, item) if item else None

    def propose(self, account_id: str, new_account_id: str, by: str, note: str, now: datetime) -> Recovery:
        """Propose that an account gets the one contact of a new account. The note says which documents were checked.

        Raises `NotFound`, `NotOneContact`, `RecoveryStands` if another one waits.
        """
        contact = self._one_contact(new_account_id, now)
        if account_id == new_account_id or self._store.account(account_id) is None:
            raise NotFound()
        before = self.get(account_id)
        if before is not None and before.state in {RecoveryState.PROPOSED, RecoveryState.WAITING}:
            raise RecoveryStands(maker=before.maker)
        proposed = Recovery(
            id=random_id(self._randomness),
            state=RecoveryState.PROPOSED,
            new_account_id=new_account_id,
            contact_mac=contact.mac,
            maker=by,
            note=note,
            made_at=now,
            barred_before=before.barred_before if before else None,
        )
        self._move(account_id, before, proposed, Act(now, "PROPOSE", account_id, by, note))
        return proposed

    def approve(self, account_id: str, by: str, now: datetime, seen: Recovery) -> Recovery:
        """Approve what another person proposed, if it is still what was shown (`seen`). The week begins.

        Raises `NoRecovery`, `RecoveryBySamePerson`, `ContactTaken` if the contact is no longer the new account's.
        """
        if seen.state is not RecoveryState.PROPOSED:
            raise NoRecovery()
        if same_person(seen.maker, by):
            raise RecoveryBySamePerson()
        waiting = replace(seen, state=RecoveryState.WAITING, takes_effect_at=now + self._wait)
        mine = GuardItem.account_id == seen.new_account_id
        event = f"{Kind.RECOVERY_BEGUN}/{seen.id}"

        def others(tx: Transaction) -> None:
            guard = GuardItem(contact_pk(seen.contact_mac), "CONTACT")
            tx.update("guard", guard, [GuardItem.recovers.set(account_id)], mine)
            facts = {"takes_effect_at": iso(now + self._wait)}
            self._notices.keep(tx, account_id, Kind.RECOVERY_BEGUN, event, facts)

        self._move(account_id, seen, waiting, Act(now, "APPROVE", account_id, by, seen.note), others)
        self._notices.enqueue([(account_id, event)])
        return waiting

    def cancel(self, account_id: str, by: str, note: str, now: datetime) -> None:
        """Cancel a proposal or a recovery; any administrator may. Raises `NoRecovery`."""
        if not self._end(account_id, Act(now, "CANCEL", account_id, by, note)):
            raise NoRecovery()

    def deny(self, account_id: str, recovery_id: str) -> None:
        """End a recovery because the link in a notice to an old contact denies it. Does nothing if it is over."""
        self._end(account_id, only=recovery_id)

    def used(self, account_id: str) -> None:
        """End a recovery that waits, because an old contact or session was used: the owner still has it."""
        if self._end(account_id, only_waiting=True):
            log.info("recovery_ended_by_use")

    def taken_up(self, contact: Contact, mac: str, guard: ContactGuard, now: datetime) -> bool:
        """Carry out a recovery whose new contact was just proved. Returns False if its week is not over.

        One transaction. The old contacts are told and removed. Earlier sessions and passkeys are barred.
        """
        account_id = guard.recovers
        recovery = self.get(account_id) if account_id else None
        if account_id is None or recovery is None or recovery.state is not RecoveryState.WAITING:
            return False
        if recovery.contact_mac != mac or recovery.takes_effect_at is None or now < recovery.takes_effect_at:
            return False
        account, new = self._store.account(account_id), self._store.account(guard.account_id)
        if account is None or new is None:
            raise Unavailable()
        key = self._vault.open_key(account_id, account.wrapped_key)
        sealed = key.seal("contact/1", contact.value.encode())
        guard_after = replace(
            guard, account_id=account_id, sealed=sealed, wrapped_key=account.wrapped_key, proved_at=now, recovers=None
        )
        got = fill(KeptContact, guard_after, id=rules.contact_id(account_id, mac), mac=mac)
        done = replace(recovery, state=RecoveryState.DONE, barred_before=now)
        event = f"{Kind.ACCOUNT_CHANGED}/{recovery.id}"

        def others(tx: Transaction) -> None:
            put_guard(tx, mac, guard_after, guard)
            self._replace_contacts(tx, account, got, now)
            left = rules.ending(new.contacts, rules.contact_id(new.id, mac), now)
            put_contacts(tx, new, left, "new account")
            self._notices.keep(tx, account_id, Kind.ACCOUNT_CHANGED, event, {"change": "recovered"})

        try:
            self._move(account_id, recovery, done, Act(now, "DONE", account_id, "the person", recovery.note), others)
        except NoRecovery:
            return True  # another request was first; the caller reads again
        self._notices.enqueue([(account_id, event)])
        return True

    @staticmethod
    def _replace_contacts(tx: Transaction, account: Account, new: KeptContact, now: datetime) -> None:
        old = [one for one in account.contacts if not rules.has_ended(one, now)]
        for one in old:
            guard = GuardItem(contact_pk(one.mac), "CONTACT")
            tx.delete("old guard", guard, GuardItem.account_id == account.id)
        put_contacts(tx, account, (*(replace(one, valid_until=now) for one in old), new))

    def _end(
        self, account_id: str, act: Act | None = None, *, only: str | None = None, only_waiting: bool = False
    ) -> bool:
        for _ in range(TRIES):
            recovery = self.get(account_id)
            if recovery is None or only not in (None, recovery.id):
                return False
            told = recovery.state is RecoveryState.WAITING
            if not told and (only_waiting or recovery.state is not RecoveryState.PROPOSED):
                return False
            event = f"{Kind.RECOVERY_ENDED}/{recovery.id}"
            hear = [account_id, recovery.new_account_id] if told else []

            def others(tx: Transaction, event: str = event, hear: tuple[str, ...] = tuple(hear)) -> None:
                for person in hear:
                    self._notices.keep(tx, person, Kind.RECOVERY_ENDED, event, {})

            try:
                self._move(account_id, recovery, replace(recovery, state=RecoveryState.ENDED), act, others)
            except NoRecovery:
                continue
            self._notices.enqueue([(person, event) for person in hear])
            return True
        raise Unavailable()

    def _move(
        self,
        account_id: str,
        before: Recovery | None,
        after: Recovery,
        act: Act | None,
        others: Callable[[Transaction], None] | None = None,
    ) -> None:
        """Write a recovery's next state. Raises `NoRecovery` if it has changed since it was read, or `ContactTaken`."""
        try:
            with self._transaction() as tx:
                item = item_of(RecoveryItem, account_pk(account_id), "RECOVERY", after)
                tx.put("recovery", item, _as_read(before))
                if act is not None:
                    self._journal.add_to(tx, act)
                if others is not None:
                    others(tx)
        except LegsFailed as failure:
            raise (ContactTaken if failure.legs.keys() == {"guard"} else NoRecovery)() from failure

    def _one_contact(self, account_id: str, now: datetime) -> KeptContact:
        account = self._store.account(account_id)
        if account is None:
            raise NotFound()
        contacts = [one for one in account.contacts if not rules.has_ended(one, now)]
        if len(contacts) != 1 or not rules.has_begun(contacts[0], now):
            raise NotOneContact(contacts=len(contacts))
        return contacts[0]


def _as_read(recovery: Recovery | None) -> Condition:
    if recovery is None:
        absent: Condition = RecoveryItem.pk.does_not_exist()
        return absent
    same: Condition = (RecoveryItem.id == recovery.id) & (RecoveryItem.state == recovery.state)
    return same
