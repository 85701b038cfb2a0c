"""Accounts, contacts and sessions in their table. Each method is one call, and repeating a write changes nothing."""

from __future__ import annotations

from datetime import datetime
from typing import Literal, NamedTuple

from msgspec.structs import replace

from ..aws import dynamodb
from ..aws.attributes import item_of
from ..figures.people import AccountRules
from ..structs import fill
from .items import AccountItem, GuardItem, OfAccount, RecoveryItem, SessionItem, account_pk, contact_pk, session_sk
from .rules import Recovery, has_begun, has_ended, is_barred, is_trusted
from .sessions.rules import KEPT_AFTER, Account, ContactGuard, SeenProofs, Session, ends_at


class Held(NamedTuple):
    """An account with its stored sessions, alive or not, except those that a recovery has ended."""

    account: Account | None
    sessions: list[Session]
    recovery: Recovery | None


class AccountStore:
    """All reads are consistent. Raises pynamodb's errors when DynamoDB is late or busy."""

    def __init__(self, rules: AccountRules) -> None:
        self._rules = rules

    def guard(self, mac: str) -> ContactGuard | None:
        """The guard of a contact, None if it belongs to no account. One read."""
        item = dynamodb.find(GuardItem, contact_pk(mac), "CONTACT")
        return fill(ContactGuard, item) if item else None

    def has(self, account_id: str, mac: str, now: datetime) -> bool:
        """Whether a contact signs this account in, and surely is its person's still. One read."""
        one = self.guard(mac)
        if one is None or one.account_id != account_id or not has_begun(one, now) or has_ended(one, now):
            return False
        return is_trusted(one, now, self._rules)

    def add_guard(self, mac: str, guard: ContactGuard, in_place_of: ContactGuard | None) -> bool:
        """Let a contact belong to an account. Returns False if it belongs to another one by now. One write."""
        free = GuardItem.pk.does_not_exist()
        if in_place_of is not None:
            free = (GuardItem.account_id == in_place_of.account_id) & (GuardItem.proved_at == in_place_of.proved_at)
        return dynamodb.save_if(item_of(GuardItem, contact_pk(mac), "CONTACT", guard), free)

    def prove(self, mac: str, account_id: str, now: datetime) -> bool:
        """Store that a contact was proved now. Returns False if it no longer belongs to that account. One write."""
        item = GuardItem(contact_pk(mac), "CONTACT")
        actions = [GuardItem.proved_at.set(now), GuardItem.identity_tries.remove()]
        return dynamodb.update_if(item, actions, GuardItem.account_id == account_id)

    def try_identity(self, mac: str, guard: ContactGuard) -> bool:
        """Count a try to prove the owner by NIK and birth date. One write.

        Returns False if the guard has changed since it was read.
        """
        tries = GuardItem.identity_tries
        same = (GuardItem.account_id == guard.account_id) & (GuardItem.proved_at == guard.proved_at)
        same &= tries.does_not_exist() if guard.identity_tries is None else tries == guard.identity_tries
        return dynamodb.update_if(GuardItem(contact_pk(mac), "CONTACT"), [tries.add(1)], same)

    def account(self, account_id: str) -> Account | None:
        """The account, None if there is none. One read."""
        item = dynamodb.find(AccountItem, account_pk(account_id), "ACCOUNT")
        return fill(Account, item, id=account_id) if item else None

    def add_account(self, account: Account) -> bool:
        """Store a new account. Returns False if it exists. One write."""
        item = item_of(AccountItem, account_pk(account.id), "ACCOUNT", account)
        return dynamodb.save_if(item, AccountItem.pk.does_not_exist())

    def write_in(self, account_id: str, language: Literal["id", "en"]) -> None:
        """Write to a person in this language from now on. One write."""
        item = AccountItem(account_pk(account_id), "ACCOUNT")
        dynamodb.update_if(item, [AccountItem.language.set(language)], AccountItem.pk.exists())

    def of(self, account_id: str) -> Held:
        """The account with its sessions. One query."""
        account, sessions, recovery = None, list[Session](), None
        for item in OfAccount.query(account_pk(account_id), consistent_read=True):
            if isinstance(item, AccountItem):
                account = fill(Account, item, id=account_id)
            elif isinstance(item, SessionItem):
                sessions.append(_session(account_id, item))
            elif isinstance(item, RecoveryItem):
                recovery = fill(Recovery, item)
        return Held(account, [one for one in sessions if not is_barred(one.started_at, recovery)], recovery)

    def session(self, account_id: str, session_id: str) -> Session | None:
        """A session, unless a recovery has ended it. One batch get."""
        return self.session_and_recovery(account_id, session_id)[0]

    def begun(self, account_id: str, session_id: str) -> Session | None:
        """A session, even if it has ended. One read."""
        item = dynamodb.find(SessionItem, account_pk(account_id), session_sk(session_id))
        return _session(account_id, item) if item else None

    def session_and_recovery(self, account_id: str, session_id: str) -> tuple[Session | None, Recovery | None]:
        """A session, unless a recovery has ended it, and the last recovery of its account. One batch get."""
        keys = [(account_pk(account_id), sk) for sk in (session_sk(session_id), "RECOVERY")]
        session, recovery = None, None
        for item in dynamodb.get_batch(OfAccount, keys):
            if isinstance(item, SessionItem):
                session = _session(account_id, item)
            else:
                recovery = fill(Recovery, item)
        return (None if session is None or is_barred(session.started_at, recovery) else session), recovery

    def add_session(self, session: Session) -> bool:
        """Store a new session. Returns False if there is one with its id, even an ended one. One write."""
        pk, sk = account_pk(session.account_id), session_sk(session.id)
        item = item_of(SessionItem, pk, sk, session, expires_at=ends_at(session, self._rules) + KEPT_AFTER)
        return dynamodb.save_if(item, SessionItem.pk.does_not_exist())

    def use(self, session: Session, proofs: SeenProofs, now: datetime) -> bool:
        """Store that a session was used, with its proofs. One write.

        Returns False if it was ended, or used by another request meanwhile.
        """
        item = SessionItem(account_pk(session.account_id), session_sk(session.id))
        until = ends_at(replace(session, last_used_at=now), self._rules) + KEPT_AFTER
        actions = [SessionItem.last_used_at.set(now), SessionItem.proofs.set(proofs), SessionItem.expires_at.set(until)]
        unchanged = SessionItem.ended_at.does_not_exist() & (SessionItem.proofs == session.proofs)
        return dynamodb.update_if(item, actions, unchanged)

    def end(self, account_id: str, session_id: str, now: datetime) -> bool:
        """End a session. Returns False if there is none, or it was ended before. One write."""
        item = SessionItem(account_pk(account_id), session_sk(session_id))
        going_on = SessionItem.pk.exists() & SessionItem.ended_at.does_not_exist()
        return dynamodb.update_if(item, [SessionItem.ended_at.set(now)], going_on)


def _session(account_id: str, item: SessionItem) -> Session:
    return fill(Session, item, account_id=account_id, id=item.sk.partition("#")[2])
