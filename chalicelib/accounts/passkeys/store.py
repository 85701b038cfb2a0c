"""Passkeys in the accounts table, and the legs of the transactions that change them.

All functions raise pynamodb's errors when DynamoDB is late or busy.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import datetime

from pynamodb.attributes import BinaryAttribute, BooleanAttribute, UnicodeAttribute, UTCDateTimeAttribute

from ...aws import dynamodb
from ...aws.attributes import WholeAttribute, item_of
from ...aws.dynamodb import Transaction
from ...structs import fill
from ...values import Value
from ..items import AccountsTable, account_pk
from .checks import KeyUse

GUARD_LEG = "passkey guard"


class Passkey(Value, frozen=True):
    """A passkey of an account. `id` follows from the credential id. An account has a `slot` for each passkey allowed.

    It signs in from `valid_from` until `valid_until`; None means no limit.
    """

    id: str
    account_id: str
    slot: int
    credential_id: bytes
    public_key: bytes
    sign_count: int
    backup_eligible: bool
    backed_up: bool
    device: str
    created_at: datetime
    last_used_at: datetime | None = None
    last_challenge: str | None = None
    valid_from: datetime | None = None
    valid_until: datetime | None = None

    def signs_in(self, now: datetime) -> bool:
        """Whether it signs in now: its wait is over and it was not removed."""
        return (self.valid_from is None or self.valid_from <= now) and not self.gone(now)

    def gone(self, now: datetime) -> bool:
        """Whether it was removed."""
        return self.valid_until is not None and self.valid_until <= now


class PasskeyItem(AccountsTable):
    """`A#<account>` / `PASSKEY#<slot, 2 digits>`."""

    id = UnicodeAttribute()
    credential_id = BinaryAttribute(legacy_encoding=False)
    public_key = BinaryAttribute(legacy_encoding=False)
    sign_count = WholeAttribute()
    backup_eligible = BooleanAttribute()
    backed_up = BooleanAttribute()
    device = UnicodeAttribute()
    created_at = UTCDateTimeAttribute()
    last_used_at = UTCDateTimeAttribute(null=True)
    last_challenge = UnicodeAttribute(null=True)
    valid_from = UTCDateTimeAttribute(null=True)
    valid_until = UTCDateTimeAttribute(null=True)


class PasskeyGuardItem(AccountsTable):
    """`K#<passkey id>` / `PASSKEY`: the account that a credential id belongs to."""

    account_id = UnicodeAttribute()


def passkeys_of(account_id: str) -> list[Passkey]:
    """All stored passkeys of an account, removed ones too. One consistent query."""
    own = PasskeyItem.sk.startswith("PASSKEY#")
    items = PasskeyItem.query(account_pk(account_id), own, consistent_read=True)
    return [fill(Passkey, item, account_id=account_id, slot=int(item.sk.partition("#")[2])) for item in items]


def put(tx: Transaction, passkey: Passkey, gone: Passkey | None) -> None:
    """Add the legs that store a new passkey, in the slot of a removed one if there is one.

    `GUARD_LEG` fails if the credential id belongs to an account.
    """
    item = item_of(PasskeyItem, account_pk(passkey.account_id), _sk(passkey), passkey)
    tx.put("passkey", item, PasskeyItem.pk.does_not_exist() if gone is None else PasskeyItem.id == gone.id)
    guard = PasskeyGuardItem(f"K#{passkey.id}", "PASSKEY", account_id=passkey.account_id)
    tx.put(GUARD_LEG, guard, PasskeyGuardItem.pk.does_not_exist())
    if gone is not None:
        tx.delete("gone", PasskeyGuardItem(f"K#{gone.id}", "PASSKEY"))


def delete(tx: Transaction, passkey: Passkey) -> None:
    """Add the legs that remove a passkey at once."""
    tx.delete("passkey", _keys(passkey), PasskeyItem.id == passkey.id)
    tx.delete(GUARD_LEG, PasskeyGuardItem(f"K#{passkey.id}", "PASSKEY"))


def end(tx: Transaction, passkey: Passkey, at: datetime | None) -> None:
    """Add the leg that lets a passkey end at `at`; None: it no longer ends."""
    until = PasskeyItem.valid_until
    tx.update(
        "passkey", _keys(passkey), [until.remove() if at is None else until.set(at)], PasskeyItem.id == passkey.id
    )


def use(passkey: Passkey, said: KeyUse, challenge: str, now: datetime) -> bool:
    """Store a use. Returns False if the passkey was removed, or its counter did not go up and is not 0. One write."""
    counted = PasskeyItem.sign_count < said.sign_count if said.sign_count else PasskeyItem.sign_count == 0
    actions = [
        PasskeyItem.sign_count.set(said.sign_count),
        PasskeyItem.backed_up.set(said.backed_up),
        PasskeyItem.last_used_at.set(now),
        PasskeyItem.last_challenge.set(challenge),
    ]
    return dynamodb.update_if(_keys(passkey), actions, (PasskeyItem.id == passkey.id) & counted)


def undo(tx: Transaction, account_id: str, passkey_id: str, asked_for: datetime) -> None:
    """Add the legs that cancel a passkey's adding or removal, asked for at `asked_for`. Adds none if it is gone."""
    passkey = next((one for one in passkeys_of(account_id) if one.id == passkey_id), None)
    if passkey is not None and passkey.valid_from == asked_for:
        delete(tx, passkey)
    elif passkey is not None and passkey.valid_until == asked_for:
        end(tx, passkey, None)


def free_slot(passkeys: Sequence[Passkey], slots: int, now: datetime) -> int | None:
    """The first slot without a passkey or with a removed one; None if all are used."""
    taken = {one.slot for one in passkeys if not one.gone(now)}
    return next((slot for slot in range(slots) if slot not in taken), None)


def _keys(passkey: Passkey) -> PasskeyItem:
    return PasskeyItem(account_pk(passkey.account_id), _sk(passkey))


def _sk(passkey: Passkey) -> str:
    return f"PASSKEY#{passkey.slot:02d}"
