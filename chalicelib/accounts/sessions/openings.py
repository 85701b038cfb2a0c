"""Which account a proved contact opens: its own, a new one, or none until more is proved.

The writes are separate, except when a contact moves to another account. A request may die between any two of them, and
the same request again finishes them.
"""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import Protocol

from msgspec.structs import replace

from ...clock import iso
from ...errors import Unavailable
from ...figures.people import AccountRules
from ...ids import derived_id
from ...structs import fill
from ...vault import Vault
from .. import rules
from ..account_store import AccountStore, Held
from ..contacts.contacts import Contacts, Judge
from ..contacts.recovery import Recoveries
from ..errors import ChallengeExpired, CodeUsed, ContactWaits, IdentityUnconfirmed, MoreProofNeeded
from ..passkeys.passkeys import Passkeys
from ..passkeys.wire import UsedPasskey
from ..rules import Opening, Recovery, RecoveryState, Shown
from ..signing_in.sign_ins import Proved
from ..wire import EnteredCode, IdentityForm
from .rules import Account, ContactGuard, KeptContact, Session

TRIES = 4
"""How often a request is tried when other requests of the same contact come first."""


class MoreProof(Protocol):
    """What a person sends besides the code of their contact; see `wire.SessionForm`."""

    @property
    def other_code(self) -> EnteredCode | None:
        """The code of another contact of the account."""

    @property
    def other_passkey(self) -> UsedPasskey | None:
        """Of the account."""

    @property
    def identity(self) -> IdentityForm | None:
        """NIK and birth date of the person who registered with the account."""

    @property
    def fresh(self) -> bool:
        """Whether the person says that the account of this number is another person's."""


IsPerson = Callable[[str, str, date], bool]
"""Whether an account is registered with a NIK (16 digits) and a birth date."""


class Openings:
    """Finds or makes accounts. All methods also raise `Unavailable` when AWS is late or busy."""

    def __init__(  # noqa: PLR0913 - all that opens an account
        self,
        store: AccountStore,
        contacts: Contacts,
        recoveries: Recoveries,
        sign_ins: Judge,
        vault: Vault,
        is_person: IsPerson,
        figures: AccountRules,
        *,
        passkeys: Passkeys,
    ) -> None:
        self._store = store
        self._contacts = contacts
        self._recoveries = recoveries
        self._sign_ins = sign_ins
        self._passkeys = passkeys
        self._vault = vault
        self._is_person = is_person
        self._figures = figures

    def account_by(
        self, proved: Proved, more: MoreProof | None, jkt: str | None, now: datetime
    ) -> tuple[str, list[Session]]:
        """The account that a proved contact opens, with its sessions. It is made or completed if necessary.

        Use of an old contact ends a waiting recovery. Use of the new contact carries out one that is due. Raises
        `ContactWaits`, `MoreProofNeeded`, `IdentityUnconfirmed`, what `SignIns.judge` raises of the other code, and
        `Passkeys.signed_in` of the passkey.
        """
        mac = proved.contact_mac
        for _ in range(TRIES):
            guard = self._store.guard(mac)
            if guard is not None and self._recoveries.taken_up(proved.contact, mac, guard, now):
                continue
            if guard is None or rules.has_ended(guard, now):
                made = self._new_guard(proved, now)
                if not self._store.add_guard(mac, made, in_place_of=guard):
                    continue  # another sign-in of this contact was first
                self._store.add_account(_account(mac, made))
                return made.account_id, []
            held = self._store.of(guard.account_id)
            shown = self._shown(proved, guard, held, more, jkt, now)
            becomes = rules.opening(guard, shown, now, self._figures)
            if becomes is Opening.OPEN and self._opened(mac, guard, held, now):
                # Of a device that is not known the owner is warned in the language that they chose.
                if shown.device and held.account is not None and held.account.language != proved.language:
                    self._store.write_in(guard.account_id, proved.language)
                return guard.account_id, held.sessions
            if becomes is Opening.TAKE:
                made = self._new_guard(proved, now)
                if self._contacts.take(mac, guard, made):
                    self._store.add_account(_account(mac, made))
                    return made.account_id, []
            self._refuse(becomes, guard)
        raise Unavailable()

    def still_used(self, account_id: str, recovery: Recovery | None) -> bool:
        """End a waiting recovery, as its account is still used. Returns True if there was one."""
        waits = recovery is not None and recovery.state is RecoveryState.WAITING
        if waits:
            self._recoveries.used(account_id)
        return waits

    def _refuse(self, becomes: Opening, guard: ContactGuard) -> None:
        if becomes is Opening.WAIT and guard.valid_from is not None:
            raise ContactWaits(from_at=iso(guard.valid_from))
        if becomes is Opening.MORE:
            raise MoreProofNeeded(identity_tries_left=self._figures.identity_tries - (guard.identity_tries or 0))

    def _opened(self, mac: str, guard: ContactGuard, held: Held, now: datetime) -> bool:
        """Store that a contact was proved. Returns False if it may have moved meanwhile and must be read again."""
        if held.account is None:  # the request that made the guard died before it made the account
            self._store.add_account(_account(mac, guard))
        elif not any(one.mac == mac and not rules.has_ended(one, now) for one in held.account.contacts):
            return False
        if self.still_used(guard.account_id, held.recovery):
            return False
        return self._store.prove(mac, guard.account_id, now)

    def _shown(
        self, proved: Proved, guard: ContactGuard, held: Held, more: MoreProof | None, jkt: str | None, now: datetime
    ) -> Shown:
        """What a person has proved besides the code. It checks only as much as is needed."""
        shown = Shown(
            device=jkt is not None and any(one.jkt == jkt and one.ended_at is None for one in held.sessions),
            fresh=more is not None and more.fresh,
        )
        becomes = rules.opening(guard, shown, now, self._figures)
        if more is None or becomes not in {Opening.MORE, Opening.TAKE} or not rules.has_begun(guard, now):
            return shown
        if more.other_code is not None:
            return replace(shown, other_contact=self._has_other(proved, guard, more.other_code, jkt, now))
        if more.other_passkey is not None:
            return replace(shown, passkey=self._has_passkey(proved, guard, more.other_passkey, jkt, now))
        if more.identity is not None:
            return replace(shown, identity=self._is(proved.contact_mac, guard, more.identity))
        return shown

    def _has_other(
        self, proved: Proved, guard: ContactGuard, entered: EnteredCode, jkt: str | None, now: datetime
    ) -> bool:
        """Whether another trusted contact of the account was proved. If so, its code is used up."""
        other = self._sign_ins.judge(entered.sign_in_id, entered.secret, entered.code, now)
        found = None if other.contact_mac == proved.contact_mac else self._store.guard(other.contact_mac)
        if found is None or found.account_id != guard.account_id:
            return False
        if not rules.has_begun(found, now) or rules.has_ended(found, now):
            return False
        if not rules.is_trusted(found, now, self._figures):
            return False
        session_id = derived_id("session/1", other.sign_in_id)
        used = Session(guard.account_id, session_id, jkt, other.device, found.kind, now, now, None, ended_at=now)
        if not self._used_up(used):
            raise CodeUsed()
        return True

    def _has_passkey(
        self, proved: Proved, guard: ContactGuard, said: UsedPasskey, jkt: str | None, now: datetime
    ) -> bool:
        """Whether a passkey of the account signed; its challenge is used then."""
        account_id, challenge = self._passkeys.signed_in(said, now)
        if account_id != guard.account_id:
            return False
        session_id = derived_id("session/passkey", challenge)
        if not self._used_up(Session(account_id, session_id, jkt, proved.device, "passkey", now, now, None, now)):
            raise ChallengeExpired()
        return True

    def _used_up(self, session: Session) -> bool:
        """Let what opens one session have opened it. False if it has, and not for a repeat by the same device's key."""
        if self._store.add_session(session):
            return True
        before = self._store.session(session.account_id, session.id)
        return session.jkt is not None and before is not None and before.jkt == session.jkt

    def _is(self, mac: str, guard: ContactGuard, identity: IdentityForm) -> bool:
        """Whether NIK and birth date are right. Each try is counted before it is checked."""
        tries_max, before = self._figures.identity_tries, guard.identity_tries or 0
        if before >= tries_max or not self._store.try_identity(mac, guard):
            raise MoreProofNeeded(identity_tries_left=max(0, tries_max - before - 1))
        if not self._is_person(guard.account_id, identity.nik, identity.birth_date):
            raise IdentityUnconfirmed(tries_left=tries_max - before - 1)
        return True

    def _new_guard(self, proved: Proved, now: datetime) -> ContactGuard:
        account_id = account_of(proved)
        key = self._vault.new_key(account_id)
        sealed = key.seal("contact/1", proved.contact.value.encode())
        return ContactGuard(account_id, proved.contact.kind, sealed, key.wrapped, proved.language, proved_at=now)


def account_of(proved: Proved) -> str:
    """The id of the account that a sign-in makes for a contact without one."""
    return derived_id("account/1", proved.sign_in_id)


def _account(mac: str, guard: ContactGuard) -> Account:
    """The account as its first contact's guard has it."""
    contact = fill(KeptContact, guard, id=rules.contact_id(guard.account_id, mac), mac=mac)
    return Account(guard.account_id, guard.wrapped_key, guard.language, guard.proved_at, (contact,))
