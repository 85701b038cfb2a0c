"""The items of the table sign-ins. It has no backups, as a sign-in is deleted after an hour."""

from __future__ import annotations

from pynamodb.attributes import BinaryAttribute, TTLAttribute, UnicodeAttribute

from ...aws.attributes import InstantAttribute
from ...aws.table import Table

SENDINGS_MAX = 3
"""The most codes of one sign-in; its item has attributes for so many."""


class SignInsTable(Table):
    """The base of every item kind; `wiring` gives it its table."""


class SignInItem(SignInsTable):
    """`S#<sign-in>` / `SIGN_IN`. `place_<n>` and `sent_<n>` belong to the nth code that was asked for."""

    secret_hash = BinaryAttribute(legacy_encoding=False)
    contact_mac = UnicodeAttribute()
    contact_kind = UnicodeAttribute()
    sealed = BinaryAttribute(legacy_encoding=False)
    hour = UnicodeAttribute()
    language = UnicodeAttribute()
    device = UnicodeAttribute()
    budget_id = UnicodeAttribute()
    created_at = InstantAttribute()
    asked_at = InstantAttribute()
    due_at = InstantAttribute()
    place_1 = UnicodeAttribute()
    place_2 = UnicodeAttribute(null=True)
    place_3 = UnicodeAttribute(null=True)
    sent_1 = InstantAttribute(null=True)
    sent_2 = InstantAttribute(null=True)
    sent_3 = InstantAttribute(null=True)
    undeliverable_at = InstantAttribute(null=True)
    expires_at = TTLAttribute()


class HourKeyItem(SignInsTable):
    """`H#<hour>#<shard>` / `KEY`: a key that encrypts contacts of an hour, wrapped by KMS."""

    wrapped_key = BinaryAttribute(legacy_encoding=False)
    expires_at = TTLAttribute()
