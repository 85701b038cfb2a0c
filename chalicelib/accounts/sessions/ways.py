"""Signing in without a code: by a passkey, or by the ID token of another issuer."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from pynamodb.attributes import BinaryAttribute, UnicodeAttribute, UTCDateTimeAttribute

from ...aws import dynamodb
from ...aws.attributes import item_of
from ...errors import DomainError, Malformed
from ...ids import derived_id
from ...structs import fill
from ...values import Value
from ...vault import Vault
from ..account_store import AccountStore
from ..contacts.recovery import Recoveries
from ..errors import ChallengeExpired, IdTokenRefused
from ..items import AccountsTable
from ..macs import Macs
from ..passkeys.passkeys import Passkeys
from ..rules import is_barred
from ..wire import PasskeySignIn, SessionForm, TokenSignIn
from .issuers import Identity, Issuers
from .rules import Account, How


class Way(Value, frozen=True):
    """Who signed in and how. The id `once` may open one session only; for a second one `used` is raised."""

    account_id: str
    how: How
    once: str
    device: str
    new_account: bool
    used: type[DomainError]


class IssuerGuard(Value, frozen=True):
    """The account of a subject of another issuer, with all that is needed to make the account again."""

    account_id: str
    wrapped_key: bytes
    language: Literal["id", "en"]
    created_at: datetime


class IssuerGuardItem(AccountsTable):
    """`I#<mac of issuer and subject>` / `ISSUER`."""

    account_id = UnicodeAttribute()
    wrapped_key = BinaryAttribute(legacy_encoding=False)
    language = UnicodeAttribute()
    created_at = UTCDateTimeAttribute()


class Ways:
    """All methods also raise `Unavailable` when AWS or an issuer is late or busy."""

    def __init__(
        self,
        passkeys: Passkeys,
        issuers: Issuers,
        store: AccountStore,
        recoveries: Recoveries,
        macs: Macs,
        vault: Vault,
    ) -> None:
        self._passkeys = passkeys
        self._issuers = issuers
        self._store = store
        self._recoveries = recoveries
        self._macs = macs
        self._vault = vault

    def way(self, form: SessionForm, now: datetime) -> Way:
        """The way in that `POST /sessions` was sent, if it is no code. Raises what the two methods below do."""
        if form.passkey is not None:
            return self._by_passkey(form.passkey, now)
        if form.id_token is not None:
            return self._by_id_token(form.id_token, now)
        raise Malformed(field="$", reason=("tidak ada cara masuk", "no way to sign in"))

    def _by_passkey(self, form: PasskeySignIn, now: datetime) -> Way:
        """Raises `MalformedPasskey`, `PasskeyRefused`, `ChallengeExpired`."""
        account_id, challenge = self._passkeys.signed_in(form.credential, now)
        return Way(account_id, "passkey", challenge, form.device, new_account=False, used=ChallengeExpired)

    def _by_id_token(self, form: TokenSignIn, now: datetime) -> Way:
        """The first token of a person makes the account. Raises `IdTokenRefused`."""
        identity = self._issuers.identity(form.issuer, form.token, form.nonce, now)
        guard = self._guard(identity, form.language, now)
        new = guard.account_id == _account_of(identity)
        return Way(guard.account_id, "issuer", identity.token_id, form.device, new, used=IdTokenRefused)

    def _guard(self, identity: Identity, language: Literal["id", "en"], now: datetime) -> IssuerGuard:
        mac = self._macs.subject(identity.issuer, identity.subject)
        pk = f"I#{mac}"
        item = dynamodb.find(IssuerGuardItem, pk, "ISSUER")
        if item is None:
            account_id = _account_of(identity)
            made = IssuerGuard(account_id, self._vault.new_key(account_id).wrapped, language, created_at=now)
            if dynamodb.save_if(item_of(IssuerGuardItem, pk, "ISSUER", made), IssuerGuardItem.pk.does_not_exist()):
                self._store.add_account(_account(made, mac))
                return made
            # Another token of the same person was first.
            item = IssuerGuardItem.get(pk, "ISSUER", consistent_read=True)
        guard = fill(IssuerGuard, item)
        if is_barred(guard.created_at, self._recoveries.get(guard.account_id)):
            raise IdTokenRefused()
        if self._store.account(guard.account_id) is None:  # a request died after it made the guard
            self._store.add_account(_account(guard, mac))
        return guard


def _account_of(identity: Identity) -> str:
    """The id of the account that a token makes for a person without one."""
    return derived_id("account/2", identity.token_id)


def _account(guard: IssuerGuard, subject_mac: str) -> Account:
    """The account that the guard describes. It has no contact; the person may add one to get mails."""
    return Account(guard.account_id, guard.wrapped_key, guard.language, guard.created_at, (), subject_mac)
