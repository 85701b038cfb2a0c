"""Passkeys (WebAuthn Level 3), with which people sign in instead of a code.

A challenge is a token of ours. The browser returns it inside the signed data, so asking for one writes nothing. A
passkey names its account itself (discoverable credential). The device verifies its user each time (user verification).
"""

from __future__ import annotations

import logging
import re
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from datetime import datetime

from msgspec.structs import replace

from ...aws.dynamodb import LegsFailed, Transaction
from ...errors import NotFound, Unavailable
from ...ids import derived_id
from ...structs import fill
from ..contacts.changes import TRIES, Changes
from ..errors import ChallengeExpired, InvalidToken, PasskeyKnown, PasskeyRefused, TooManyPasskeys
from ..rules import AskedChange, Change, Recovery, is_barred
from ..sessions.rules import Session
from ..tokens.tokens import Challenge, Tokens
from . import checks, store
from .checks import MadeKey, RelyingParty
from .store import GUARD_LEG, Passkey, free_slot, passkeys_of
from .wire import (
    CreationOptions,
    CredentialDescriptor,
    KeyParameter,
    PasskeyForm,
    PasskeyList,
    PasskeyView,
    RequestOptions,
    RpEntity,
    UsedPasskey,
    UserEntity,
    as_json,
)

log = logging.getLogger(__name__)

_ACCOUNT = re.compile(rb"[a-z2-7]{26}")


class Passkeys:
    """`recovery` returns the last recovery of an account by the help desk. All methods also raise `Unavailable`."""

    def __init__(
        self,
        tokens: Tokens,
        party: RelyingParty,
        changes: Changes,
        recovery: Callable[[str], Recovery | None],
        transaction: Callable[[], Transaction],
        passkeys_max: int,
    ) -> None:
        self._tokens = tokens
        self._party = party
        self._changes = changes
        self._recovery = recovery
        self._transaction = transaction
        self._passkeys_max = passkeys_max

    def challenge(self, now: datetime) -> RequestOptions:
        """`POST /passkey-challenges`: the options for `navigator.credentials.get`."""
        return RequestOptions(challenge=self._new_challenge(None, now), rp_id=self._party.id)

    def signed_in(self, said: UsedPasskey, now: datetime) -> tuple[str, str]:
        """The account whose passkey signed, and the id of the challenge, which may open one session.

        Raises `MalformedPasskey`, `PasskeyRefused`, `ChallengeExpired`.
        """
        challenge, asked = self._challenge(said.response.client_data, None, now)
        known = _find(_account_of(said.response.user_handle), _id_of(said.id))
        if known is None or not known.signs_in(now):
            raise PasskeyRefused()
        use = checks.used(as_json(said), challenge, self._party, known.public_key)
        # Whether a key may be backed up is fixed when it is made (section 7.2, step 20).
        if use.backup_eligible != known.backup_eligible:
            raise PasskeyRefused()
        if is_barred(known.created_at, self._recovery(known.account_id)):
            raise PasskeyRefused()
        if not store.use(known, use, asked.jti, now):
            last = _find(known.account_id, known.id)
            if last and last.last_challenge == asked.jti:
                raise ChallengeExpired()  # the same request twice is no sign of a copied key
            if last:
                log.warning("passkey_counter_went_back", extra={"passkey": known.id})
            raise PasskeyRefused()
        return known.account_id, asked.jti

    def options(self, session: Session, now: datetime) -> CreationOptions:
        """`POST /me/passkeys/options`: the options for `navigator.credentials.create`."""
        account_id = session.account_id
        name = f"Gelombang {account_id[:6]}"
        own = [one for one in passkeys_of(account_id) if not one.gone(now)]
        return CreationOptions(
            challenge=self._new_challenge(account_id, now),
            rp=RpEntity(id=self._party.id),
            user=UserEntity(id=_text(account_id.encode()), name=name, display_name=name),
            pub_key_cred_params=[KeyParameter(alg=algorithm) for algorithm in checks.ALGORITHMS],
            exclude_credentials=[CredentialDescriptor(id=_text(one.credential_id)) for one in own],
        )

    def add(self, session: Session, form: PasskeyForm, now: datetime) -> tuple[PasskeyView, bool]:
        """`POST /me/passkeys`; the flag says if it is new. A young session's passkey signs in only after the wait.

        Raises `MalformedPasskey`, `ChallengeExpired`, `PasskeyKnown`, `TooManyPasskeys`.
        """
        account_id, said = session.account_id, form.credential
        challenge, _ = self._challenge(said.response.client_data, account_id, now)
        made = checks.made(as_json(said), challenge, self._party)
        asked = self._changes.asked(session, Change.PASSKEY_ADDED, _id_of(_text(made.credential_id)), now)
        taken = False
        for _ in range(TRIES):
            own = passkeys_of(account_id)
            if known := next((one for one in own if one.id == asked.subject and not one.gone(now)), None):
                return _view(known), False
            if taken:
                raise PasskeyKnown()
            slot = free_slot(own, self._passkeys_max, now)
            if slot is None:
                raise TooManyPasskeys(passkeys_max=self._passkeys_max)
            gone = next((one for one in own if one.slot == slot), None)
            passkey = _passkey(made, form.device, asked, account_id, slot)
            try:
                with self._transaction() as tx:
                    store.put(tx, passkey, gone)
                    queued = self._changes.keep(tx, account_id, asked)
            except LegsFailed as failed:
                taken = GUARD_LEG in failed.legs
                continue
            self._changes.tell([queued])
            return _view(passkey), True
        raise Unavailable()

    def of(self, session: Session, now: datetime) -> PasskeyList:
        """`GET /me/passkeys`: the oldest first."""
        own = [one for one in passkeys_of(session.account_id) if not one.gone(now)]
        return PasskeyList([_view(one) for one in sorted(own, key=lambda one: one.created_at)])

    def remove(self, session: Session, passkey_id: str, now: datetime) -> PasskeyView:
        """`DELETE /me/passkeys/{id}`: at once, or later for a young session. Raises `NotFound`.

        A passkey that does not sign in yet is removed at once.
        """
        for _ in range(TRIES):
            known = _find(session.account_id, passkey_id)
            if known is None or known.gone(now):
                raise NotFound()
            if not known.signs_in(now):
                self._cancel(known, now)
                return _view(replace(known, valid_until=now))
            asked = self._changes.asked(session, Change.PASSKEY_REMOVED, passkey_id, now)
            if known.valid_until is not None and known.valid_until <= asked.takes_effect_at:
                return _view(known)
            if self._removed(known, asked):
                return _view(replace(known, valid_until=asked.takes_effect_at))
        raise Unavailable()

    def _removed(self, passkey: Passkey, asked: AskedChange) -> bool:
        try:
            with self._transaction() as tx:
                if _waits(asked):
                    store.end(tx, passkey, asked.takes_effect_at)
                else:
                    store.delete(tx, passkey)
                queued = self._changes.keep(tx, passkey.account_id, asked)
        except LegsFailed:
            return False
        self._changes.tell([queued])
        return True

    def _cancel(self, passkey: Passkey, now: datetime) -> None:
        for asked in self._changes.pending(passkey.account_id, now):
            if (asked.change, asked.subject) == (Change.PASSKEY_ADDED, passkey.id):
                self._changes.cancel(passkey.account_id, asked.id, now)

    def _new_challenge(self, account_id: str | None, now: datetime) -> str:
        return _text(self._tokens.challenge(account_id, now).encode())

    def _challenge(self, client_data: str, account_id: str | None, now: datetime) -> tuple[bytes, Challenge]:
        """The challenge in a browser's client data, if we made it to sign in (None) or for this account."""
        challenge = checks.challenge_of(client_data)
        try:
            asked = self._tokens.verify_challenge(challenge.decode(), now)
        except (InvalidToken, ValueError) as error:
            raise ChallengeExpired() from error
        if asked.sub != account_id:
            raise ChallengeExpired()
        return challenge, asked


def _passkey(made: MadeKey, device: str, asked: AskedChange, account_id: str, slot: int) -> Passkey:
    return Passkey(
        asked.subject,
        account_id,
        slot,
        made.credential_id,
        made.public_key,
        made.sign_count,
        made.backup_eligible,
        made.backed_up,
        device,
        created_at=asked.asked_at,
        valid_from=asked.takes_effect_at if _waits(asked) else None,
    )


def _waits(asked: AskedChange) -> bool:
    return asked.takes_effect_at > asked.asked_at


def _find(account_id: str, passkey_id: str) -> Passkey | None:
    return next((one for one in passkeys_of(account_id) if one.id == passkey_id), None)


def _account_of(user_handle: str) -> str:
    try:
        named = urlsafe_b64decode(f"{user_handle}==")
    except ValueError as error:
        raise PasskeyRefused() from error
    if not _ACCOUNT.fullmatch(named):
        raise PasskeyRefused()
    return named.decode()


def _id_of(credential_id: str) -> str:
    """A passkey's id, derived from its credential id (base64url)."""
    return derived_id("passkey/1", credential_id)


def _view(passkey: Passkey) -> PasskeyView:
    return fill(PasskeyView, passkey, passkey_id=passkey.id)


def _text(raw: bytes) -> str:
    return urlsafe_b64encode(raw).decode().rstrip("=")
