"""Accounts with contacts and devices on the test's cloud, and the notices that their people get."""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime, timedelta
from itertools import count

import boto3
import msgspec

from chalicelib.accounts import rules
from chalicelib.accounts.contacts.contact import Contact, parse_contact
from chalicelib.accounts.passkeys.wire import PasskeyForm, PasskeyView
from chalicelib.accounts.sessions.rules import Account, ContactGuard, KeptContact, Session
from chalicelib.accounts.wire import ChangeView, ContactForm, ContactView, change_view
from chalicelib.config import Programme, Settings
from chalicelib.ids import derived_id
from chalicelib.structs import fill
from chalicelib.wiring import Services
from tests.builders.accounts.passkeys import Passkey
from tests.builders.accounts.sign_ins import SignInsWorld, offering_sms

EMAIL, PHONE = "siti@example.org", "+6281234567890"
OTHER_EMAIL = "siti.aminah@example.net"
WAIT = timedelta(hours=72)


class Household(SignInsWorld):
    """Accounts on the test's cloud. `now` is the time of the next event, for notices too."""

    def __init__(self, settings: Settings, programme: Programme) -> None:
        programme = offering_sms(programme)
        super().__init__(settings, programme)
        self.store = self.services.account_store
        self._ids = count(1)

    def account(self, name: str, *contacts: str, proved: timedelta = timedelta()) -> Account:
        """An account whose contacts were proved `proved` ago. Its id follows from the name."""
        account_id = derived_id("test", name)
        add_account(self.services, account_id, contacts, self.now - proved)
        account = self.store.account(account_id)
        assert account is not None
        return account

    def session(self, account: Account, age: timedelta = WAIT, jkt: str | None = "jkt") -> Session:
        """A session that began `age` ago."""
        began = self.now - age
        session_id = derived_id("session", next(self._ids))
        session = Session(account.id, session_id, jkt, "phone", "email", began, self.now, "hash")
        assert self.store.add_session(session)
        return session

    def form(self, contact: str, *, fresh: bool = False) -> ContactForm:
        """A code that was sent to a contact, as whoever reads it enters it."""
        return ContactForm(code=self.entered(contact), fresh=fresh)

    def add(self, session: Session, contact: str, *, fresh: bool = False) -> ContactView:
        view, _ = self.services.contacts.add(session, self.form(contact, fresh=fresh), self.now)
        return view

    def remove(self, session: Session, contact: str) -> ContactView:
        return self.services.contacts.remove(session, self.id_of(session.account_id, contact), self.now)

    def challenge(self, session: Session) -> str:
        return self.services.passkeys.options(session, self.now).challenge

    def added(self, session: Session, passkey: Passkey, challenge: str | None = None) -> PasskeyView:
        passkey.user = session.account_id
        made = passkey.made(challenge or self.challenge(session))
        form = msgspec.convert({"credential": made, "device": "phone"}, PasskeyForm)
        return self.services.passkeys.add(session, form, self.now)[0]

    def id_of(self, account_id: str, contact: str) -> str:
        return id_of(self.services, account_id, contact)

    def pending(self, account: Account) -> list[ChangeView]:
        return [change_view(one, []) for one in self.services.changes.pending(account.id, self.now)]

    def contacts(self, account: Account) -> set[str]:
        """The contacts that sign in now, as they are shown."""
        shown = self.services.contacts.of(account.id, self.now).contacts
        return {one.contact for one in shown if one.signs_in_from is None}

    def owner(self, contact: str) -> str | None:
        """The account that a contact signs in to now, by its guard alone."""
        guard = self.store.guard(self.mac(contact))
        if guard is None or not rules.has_begun(guard, self.now) or rules.has_ended(guard, self.now):
            return None
        return guard.account_id

    def told(self, account: Account) -> list[str]:
        """The notices of an account, as `kind change`, and each is queued."""
        client = boto3.client("dynamodb", self.settings.region)
        rows = client.scan(TableName=self.settings.table("notices"))["Items"]
        mine = [row for row in rows if row["pk"]["S"] == f"N#{account.id}"]
        mine.sort(key=lambda row: row["created_at"]["S"])
        return [f"{row['kind']['S']} {row['facts']['S']}" for row in mine]

    def consistent(self, *accounts: Account) -> None:
        """Check that guards and accounts agree about contacts, and that no contact has two accounts."""
        for before in accounts:
            account = self.store.account(before.id)
            assert account is not None
            for one in account.contacts:
                guard = self.store.guard(one.mac)
                if rules.has_ended(one, self.now):
                    assert guard is None or guard.account_id != account.id or rules.has_ended(guard, self.now)
                else:
                    assert guard is not None
                    assert guard.account_id == account.id
                    assert (guard.valid_from, guard.valid_until) == (one.valid_from, one.valid_until)


def masked(contact: str) -> str:
    return Contact("phone" if contact.startswith("+") else "email", contact).masked


def add_account(services: Services, account_id: str, contacts: Sequence[str], proved_at: datetime) -> None:
    """Somebody has an account, and proved its contacts then."""
    key, kept = services.vault.new_key(account_id), []
    for contact in map(parse_contact, contacts):
        mac = services.macs.contact(contact)
        sealed = key.seal("contact/1", contact.value.encode())
        guard = ContactGuard(account_id, contact.kind, sealed, key.wrapped, "id", proved_at)
        assert services.account_store.add_guard(mac, guard, in_place_of=None)
        kept.append(fill(KeptContact, guard, id=rules.contact_id(account_id, mac), mac=mac))
    assert services.account_store.add_account(Account(account_id, key.wrapped, "id", proved_at, tuple(kept)))


def id_of(services: Services, account_id: str, contact: str) -> str:
    """The id of a contact within an account."""
    return rules.contact_id(account_id, services.macs.contact(parse_contact(contact)))
