"""The items of the table sign-ins, which has no backups: what waits for a code is gone after an hour."""

from __future__ import annotations

from pynamodb.attributes import BinaryAttribute, TTLAttribute, UnicodeAttribute
from pynamodb.models import Model

from ...aws.attributes import InstantAttribute

SENDINGS_MAX = 3
"""How many codes of one sign-in its item has room for."""


class SignInsTable(Model):
    """The base of every item kind; `wiring` gives it its table."""

    class Meta:
        table_name = "unbound"

    pk = UnicodeAttribute(hash_key=True)
    sk = UnicodeAttribute(range_key=True)


class SignInItem(SignInsTable):
    """`S#<sign-in>` / `SIGN_IN`. `place_<n>` and `sent_<n>` are of the nth code that was asked for."""

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
    """`H#<hour>#<shard>` / `KEY`: the key under which contacts of an hour are sealed, as KMS wrapped it."""

    wrapped_key = BinaryAttribute(legacy_encoding=False)
    expires_at = TTLAttribute()
