"""The items of the accounts table."""

from __future__ import annotations

from typing import Any

from pynamodb.attributes import BinaryAttribute, TTLAttribute, UnicodeAttribute, UTCDateTimeAttribute

from ..aws.admin_acts import ActColumns
from ..aws.attributes import EnumAttribute, JsonAttribute, WholeAttribute
from ..aws.table import Table
from .rules import Change, RecoveryState
from .sessions.rules import KeptContact, SeenProofs


class AccountsTable(Table):
    """The base of every item kind; `wiring` gives it its table."""


class GuardItem(AccountsTable):
    """`C#<mac of the contact>` / `CONTACT`: the account that a contact belongs to."""

    account_id = UnicodeAttribute()
    kind = UnicodeAttribute()
    sealed = BinaryAttribute(legacy_encoding=False)
    wrapped_key = BinaryAttribute(legacy_encoding=False)
    language = UnicodeAttribute()
    proved_at = UTCDateTimeAttribute()
    valid_from = UTCDateTimeAttribute(null=True)
    valid_until = UTCDateTimeAttribute(null=True)
    identity_tries = WholeAttribute(null=True)
    recovers = UnicodeAttribute(null=True)


class AccountItem(AccountsTable):
    """`A#<account>` / `ACCOUNT`. Deleting `wrapped_key` here and in the guards makes the contacts unreadable."""

    wrapped_key = BinaryAttribute(legacy_encoding=False)
    language = UnicodeAttribute()
    created_at = UTCDateTimeAttribute()
    contacts: JsonAttribute[tuple[KeptContact, ...]] = JsonAttribute(tuple[KeptContact, ...])
    subject_mac = UnicodeAttribute(null=True)


class SessionItem(AccountsTable):
    """`A#<account>` / `SESSION#<session>`. An ended session stays, so that its code cannot be used again."""

    jkt = UnicodeAttribute(null=True)
    device = UnicodeAttribute()
    how = UnicodeAttribute()
    started_at = UTCDateTimeAttribute()
    last_used_at = UTCDateTimeAttribute()
    refresh_hash = UnicodeAttribute(null=True)
    ended_at = UTCDateTimeAttribute(null=True)
    proofs: JsonAttribute[SeenProofs] = JsonAttribute(SeenProofs)
    expires_at = TTLAttribute()


class SigningItem(AccountsTable):
    """`SIGNING#<UTC day>` / `<n, 3 digits>`: a key that signs tokens on that day."""

    public_jwk = UnicodeAttribute()
    wrapped = BinaryAttribute(legacy_encoding=False)
    made_at = UTCDateTimeAttribute()
    revoked_at = UTCDateTimeAttribute(null=True)
    expires_at = TTLAttribute()


class ChangeItem(AccountsTable):
    """`A#<account>` / `CHANGE#<id>`: a change of contacts or passkeys that a session asked for."""

    change = EnumAttribute(Change)
    subject = UnicodeAttribute()
    session_id = UnicodeAttribute()
    asked_at = UTCDateTimeAttribute()
    takes_effect_at = UTCDateTimeAttribute()
    expires_at = TTLAttribute()


class DeletionItem(AccountsTable):
    """`A#<account>` / `DELETION`: when the account is to be deleted, unless that is cancelled."""

    due_at = UTCDateTimeAttribute()


class DueDeletionItem(AccountsTable):
    """`DELETIONS` / `<due at>#<account>`: until it is carried out, or found to be cancelled."""

    due_at = UTCDateTimeAttribute()
    used_at = UTCDateTimeAttribute(null=True)
    closed_at = UTCDateTimeAttribute(null=True)
    begun_at = UTCDateTimeAttribute(null=True)


class RecoveryItem(AccountsTable):
    """`A#<account>` / `RECOVERY`: the last recovery of an account by the help desk, and how far it has come."""

    id = UnicodeAttribute()
    state = EnumAttribute(RecoveryState)
    new_account_id = UnicodeAttribute()
    contact_mac = UnicodeAttribute()
    maker = UnicodeAttribute()
    note = UnicodeAttribute()
    made_at = UTCDateTimeAttribute()
    takes_effect_at = UTCDateTimeAttribute(null=True)
    barred_before = UTCDateTimeAttribute(null=True)


class AccountActItem(AccountsTable, ActColumns):
    """`CONTROL` / `ACT#<when>#...`: what an administrator did to an account."""


class OfAccount(AccountsTable):
    """Reads ACCOUNT, RECOVERY and SESSION items together. Each becomes its own class; others keep only their keys."""

    @classmethod
    def from_raw_data(cls, data: dict[str, Any]) -> Any:
        """The item of a row, in the class of its kind."""
        kinds: dict[str, type[AccountsTable]] = {
            "ACCOUNT": AccountItem,
            "RECOVERY": RecoveryItem,
            "SESSION": SessionItem,
        }
        kind = kinds.get(data["sk"]["S"].partition("#")[0])
        return kind.from_raw_data(data) if kind else super().from_raw_data({key: data[key] for key in ("pk", "sk")})


def account_pk(account_id: str) -> str:
    """The partition of an account."""
    return f"A#{account_id}"


def contact_pk(mac: str) -> str:
    """The partition of a contact's guard."""
    return f"C#{mac}"


def change_sk(change_id: str) -> str:
    """The sort key of a change."""
    return f"CHANGE#{change_id}"


def session_sk(session_id: str) -> str:
    """The sort key of a session."""
    return f"SESSION#{session_id}"
