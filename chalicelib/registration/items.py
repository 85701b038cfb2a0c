"""The items of the registrations table."""

from __future__ import annotations

from datetime import datetime
from typing import Any, ClassVar

from pynamodb.attributes import BinaryAttribute, BooleanAttribute, TTLAttribute, UnicodeAttribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action
from pynamodb.indexes import GlobalSecondaryIndex, IncludeProjection, KeysOnlyProjection

from ..aws.admin_acts import ActColumns
from ..aws.attributes import (
    DayAttribute,
    EnumAttribute,
    InstantAttribute,
    JsonAttribute,
    TextsAttribute,
    WholeAttribute,
)
from ..aws.dynamodb import Transaction
from ..aws.table import Table
from .rules import Education, Employment, Place, Registrant, School, Standing, Verdict, Verification

CLAIMS = "CLAIMS"
"""The partition of the claims; there are thousands, as an account makes three."""

TRIES = 4
"""How often a request decides again when another one of the same person came first."""


class RegistrationsTable(Table):
    """The base of every item kind; `wiring` gives it its table."""


class RegisteredIndex(GlobalSecondaryIndex["Profile"]):  # type: ignore[no-untyped-call]  # untyped in pynamodb
    """Every registration that is not restricted, with its province and its instant, to count them."""

    class Meta:
        index_name = "registered"
        projection = IncludeProjection(["region", "registered_at"])

    registered_shard = UnicodeAttribute(hash_key=True)
    pk = UnicodeAttribute(range_key=True)


class UnverifiedIndex(GlobalSecondaryIndex["Profile"]):  # type: ignore[no-untyped-call]  # untyped in pynamodb
    """Sparse: the registrations that the civil registry is still to be asked about."""

    class Meta:
        index_name = "unverified"
        projection = IncludeProjection(["version", "waits_since"])

    unverified_shard = UnicodeAttribute(hash_key=True)
    ask_from = InstantAttribute(range_key=True)


class NamedIndex(GlobalSecondaryIndex["Profile"]):  # type: ignore[no-untyped-call]  # untyped in pynamodb
    """Everybody by name and birth date."""

    class Meta:
        index_name = "named"
        projection = KeysOnlyProjection()

    name_mac = UnicodeAttribute(hash_key=True)
    pk = UnicodeAttribute(range_key=True)


class Profile(RegistrationsTable):
    """`R#<registrant>` / `PROFILE`. Destroying `wrapped_key` erases what is sealed here and in ADDRESS.

    Below 1 KB, beyond which each write costs twice: what is as it was at the registration is not kept twice.
    """

    version = WholeAttribute()
    question = WholeAttribute(null=True)
    sealed = BinaryAttribute(legacy_encoding=False)
    wrapped_key = BinaryAttribute(legacy_encoding=False)
    region = WholeAttribute()
    regency = UnicodeAttribute()
    birth_date = DayAttribute()
    education = EnumAttribute(Education)
    employment = EnumAttribute(Employment)
    consent_version = UnicodeAttribute()
    consented_at = InstantAttribute(null=True)
    consent_withdrawn_at = InstantAttribute(null=True)
    nik_mac = UnicodeAttribute()
    kk_mac = UnicodeAttribute()
    phone_mac = UnicodeAttribute()
    name_mac = UnicodeAttribute(null=True)
    standing = EnumAttribute(Standing)
    beneficiary_wave = WholeAttribute(null=True)
    chosen_on = DayAttribute(null=True)
    ended_on = DayAttribute(null=True)
    schemes = TextsAttribute()
    verification = EnumAttribute(Verification)
    verified_at = InstantAttribute(null=True)
    verification_source = UnicodeAttribute(null=True)
    differs = TextsAttribute()
    unverified_shard = UnicodeAttribute(null=True)
    ask_from = InstantAttribute(null=True)
    waits_since = InstantAttribute(null=True)
    undecided = UnicodeAttribute(null=True)
    undecided_at = InstantAttribute(null=True)
    school = EnumAttribute(School, null=True)
    claimed_at = InstantAttribute(null=True)
    claims = WholeAttribute(null=True)
    present_at = InstantAttribute(null=True)
    contested_at = InstantAttribute(null=True)
    uncontested_at = InstantAttribute(null=True)
    confirmed_at = InstantAttribute(null=True)
    phone_lost_at = InstantAttribute(null=True)
    warnings = TextsAttribute()
    registered_at = InstantAttribute()
    updated_at = InstantAttribute(null=True)
    restricted_at = InstantAttribute(null=True)
    registered_shard = UnicodeAttribute(null=True)
    registered: ClassVar[RegisteredIndex] = RegisteredIndex()
    unverified: ClassVar[UnverifiedIndex] = UnverifiedIndex()
    named: ClassVar[NamedIndex] = NamedIndex()

    @classmethod
    def of_place(cls, place: Place) -> list[Action]:
        """What a place sets beside the standing."""
        return [
            cls.beneficiary_wave.set(place.wave),
            cls.chosen_on.set(place.on),
            cls.ended_on.set(place.until),
            cls.schemes.add({place.scheme}),
        ]


class AccountKey(RegistrationsTable):
    """`R#<registrant>` / `KEY`: the data key of an account that wrote to the help desk before it registered."""

    wrapped_key = BinaryAttribute(legacy_encoding=False)


class AddressItem(RegistrationsTable):
    """`R#<registrant>` / `ADDRESS`. `verdict` and what goes with it are about this version: a change is a new item."""

    version = WholeAttribute()
    sealed = BinaryAttribute(legacy_encoding=False)
    account_mac = UnicodeAttribute()
    updated_at = InstantAttribute()
    verdict = EnumAttribute(Verdict, null=True)
    score = WholeAttribute(null=True)
    checked_at = InstantAttribute(null=True)
    pay_from = InstantAttribute(null=True)
    full_wait = BooleanAttribute(null=True)
    named = WholeAttribute(null=True)

    @classmethod
    def as_asked(cls, version: int, named: int | None) -> Condition:
        """That neither this address nor its owner's name was changed since a provider was asked about both."""
        same_name = cls.named.does_not_exist() if named is None else cls.named == named
        same: Condition = same_name & (cls.version == version)
        return same


class Refused(RegistrationsTable):
    """`R#<registrant>` / `REFUSED#<WIB day>`: how many registrations of an account were refused that day."""

    refusals = WholeAttribute()
    expires_at = TTLAttribute()


class Dispute(RegistrationsTable):
    """`R#<registrant>` / `DISPUTE`: the person said that a change was not theirs. Later changes do not end it."""

    since = InstantAttribute()


class OfPerson(RegistrationsTable):
    """PROFILE, ADDRESS, DISPUTE and REFUSED, for reading them together in one call; each is read as its own kind."""

    @classmethod
    def from_raw_data(cls, data: dict[str, Any]) -> Any:
        """The item of a row."""
        kinds: dict[str, type[RegistrationsTable]] = {"PROFILE": Profile, "ADDRESS": AddressItem, "DISPUTE": Dispute}
        return kinds.get(data["sk"]["S"], Refused).from_raw_data(data)


class Proposed(RegistrationsTable):
    """`R#<registrant>` / `CORRECTION`: what one administrator proposes to correct, sealed with the person's key."""

    maker = UnicodeAttribute()
    reason = UnicodeAttribute()
    made_at = InstantAttribute()
    sealed = BinaryAttribute(legacy_encoding=False)


class Decided(RegistrationsTable):
    """`R#<registrant>` / `CORRECTED#<instant>`: a proposal that was carried out or taken away, as it was."""

    outcome = UnicodeAttribute()
    maker = UnicodeAttribute()
    by = UnicodeAttribute()
    reason = UnicodeAttribute()
    at = InstantAttribute()
    sealed = BinaryAttribute(legacy_encoding=False)


class Corrected(RegistrationsTable):
    """`R#<registrant>` or `N#<nik mac>` / `CORRECTIONS`: the last corrections of what the registry did not confirm."""

    times = JsonAttribute[tuple[datetime, ...]](tuple[datetime, ...])
    expires_at = TTLAttribute()


class ClaimItem(RegistrationsTable):
    """`CLAIMS` / `<nik mac>#<registrant>`: who claims a NIK; and its holder, while their right is in doubt.

    `owed_to` is the owner to whom it has passed from them, while what was given to them has yet to follow.
    """

    registrant = UnicodeAttribute()
    made_at = InstantAttribute()
    moves_at = InstantAttribute(null=True)
    moves_from = UnicodeAttribute(null=True)
    owed_to = UnicodeAttribute(null=True)


class PresenceItem(RegistrationsTable):
    """`R#<registrant>` / `PRESENCE`: the hash of the last code for a proof of presence, and the last proof: by which
    code, when, by which office or issuer, and under which reference of its own.
    """

    code = UnicodeAttribute()
    made_at = InstantAttribute()
    used = UnicodeAttribute(null=True)
    proven_at = InstantAttribute(null=True)
    proven_by = UnicodeAttribute(null=True)
    reference = UnicodeAttribute(null=True)


class Guard(RegistrationsTable):
    """`U#<kind>#<mac>` / `UNIQUE`."""

    registrant = UnicodeAttribute()


class Exclusion(RegistrationsTable):
    """`X#<nik mac>` / `EXCLUDED`: the lists that name this NIK, as `name/version/source date`."""

    lists = TextsAttribute()


class ExclusionActItem(RegistrationsTable, ActColumns):
    """What an administrator did to an exclusion list."""


def person_pk(registrant_id: str) -> str:
    """The partition of a person."""
    return f"R#{registrant_id}"


def nik_pk(nik_mac: str) -> str:
    """The partition of what is counted by NIK, of its holder."""
    return f"N#{nik_mac}"


def claim_item(who: Registrant) -> ClaimItem:
    """The keys of the row by which the claims on a registrant's NIK are found."""
    return ClaimItem(CLAIMS, f"{who.nik_mac}#{who.id}")


def keep_claim(tx: Transaction, who: Registrant, at: datetime, owed_to: str | None = None) -> None:
    """Add the leg that lists a claim; one that is listed stays as it is, but for `owed_to`."""
    listed = [ClaimItem.made_at.set(ClaimItem.made_at | at), ClaimItem.registrant.set(who.id)]
    listed += [ClaimItem.owed_to.set(owed_to)] if owed_to else []
    tx.update("claim", claim_item(who), listed)


def exclusion_pk(nik_mac: str) -> str:
    """The partition of a NIK on the exclusion lists."""
    return f"X#{nik_mac}"
