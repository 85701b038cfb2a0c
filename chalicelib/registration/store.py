"""The registrations table: one item a registration, one guard a number that only one person may hold.

A registration and its guards are written in one transaction, so a NIK, a phone number or a payout account always has
one registrant. PROFILE carries a version: a writer that comes second reads again.
"""

from __future__ import annotations

from collections import Counter
from collections.abc import Callable, Iterable, Sequence
from datetime import date, datetime, time, timedelta
from functools import cache
from typing import Any

from pynamodb.attributes import Attribute
from pynamodb.expressions.condition import Condition
from pynamodb.expressions.update import Action

from .. import clock
from ..aws import dynamodb
from ..aws.attributes import WholeAttribute, item_of
from ..errors import DomainError
from ..ids import shard
from ..structs import fields_of, fill
from ..vault import MacKind
from .errors import AccountAlreadyUsed, Excluded, NikAlreadyRegistered, PaymentUnderWay, PhoneAlreadyUsed
from .items import (
    AddressItem,
    Dispute,
    Exclusion,
    Guard,
    OfPerson,
    Profile,
    Refused,
    exclusion_pk,
    keep_claim,
    person_pk,
)
from .records import AddressRecord, Number, Record, UnpayableHolder
from .rules import NEXT, PAYABLE, AddressCheck, Applicant, Place, Registrant, Standing, Verdict

SHARDS, UNVERIFIED = 64, 8
"""Partitions, by person, of the index of registrations, and of the index of those who are to be asked about."""

PAYING_LEG = "paying"
"""The name of the legs by which others say that nothing is being paid to a person just now."""

OVERTAKEN_LEG = "overtaken"
"""The name of others' legs that hold the facts of a decision: if one fails, the decision is made again."""

_REFUSALS_KEPT = timedelta(days=2)
"""From the beginning of their day."""

_UNPAYABLE = [verdict for verdict in Verdict if verdict not in PAYABLE]

Legs = Callable[[dynamodb.Transaction], None]
"""Adds another domain's legs to a transaction of this one."""


@cache
def _month(hour: str) -> str:
    """The WIB month (`2026-11`) of an hour in UTC, such as `2026-11-30T17`. Millions of rows have few hours."""
    return datetime.fromisoformat(f"{hour}:00:00+00:00").astimezone(clock.WIB).strftime("%Y-%m")


class RegistrationOvertaken(Exception):
    """Another writer came first; nothing was written. Read again and decide again."""


class RegistrationStore:
    """Reads are consistent; each write is one conditional call."""

    def __init__(self, region: str) -> None:
        self._region = region

    def registrant(self, registrant_id: str) -> Registrant | None:
        """One read, nothing unsealed: this is on the path of every join."""
        item = dynamodb.find(Profile, person_pk(registrant_id), "PROFILE")
        return registrant_of(registrant_id, item) if item else None

    def applicant(self, registrant_id: str) -> Applicant | None:
        """What a join needs of a registration. One read, of these attributes only, as parsing all costs more CPU."""
        pk, names = person_pk(registrant_id), [name for name, _, _ in fields_of(Applicant)]
        try:
            item = Profile.get(pk, "PROFILE", consistent_read=True, attributes_to_get=names)
        except Profile.DoesNotExist:
            return None
        return fill(Applicant, item)

    def waves_of(self, registrant_ids: Sequence[str]) -> dict[str, int | None]:
        """The latest wave that chose each of at most 100 people who is registered. One batch get, of two attributes."""
        keys = [(person_pk(registrant_id), "PROFILE") for registrant_id in registrant_ids]
        rows = dynamodb.get_rows(Profile, keys, "pk,beneficiary_wave")
        waves = ((row["pk"]["S"], row.get("beneficiary_wave", {}).get("N")) for row in rows)
        return {pk.removeprefix(person_pk("")): None if wave is None else int(wave) for pk, wave in waves}

    def unrestricted(self, registrant_ids: Sequence[str]) -> set[str]:
        """Who of at most 100 people is registered and has not restricted what is done with it. One batch get."""
        keys = [(person_pk(registrant_id), "PROFILE") for registrant_id in registrant_ids]
        rows = dynamodb.get_rows(Profile, keys, "pk,restricted_at")
        return {row["pk"]["S"].removeprefix(person_pk("")) for row in rows if "restricted_at" not in row}

    def record(self, registrant_id: str) -> Record | None:
        """A registration with its sealed part. One read."""
        item = dynamodb.find(Profile, person_pk(registrant_id), "PROFILE")
        return record_of(registrant_id, item) if item else None

    def record_and_address(self, registrant_id: str) -> tuple[Record | None, AddressRecord | None]:
        """A registration and its financial address, sealed. One batch get; they are not of one instant."""
        keys = [(person_pk(registrant_id), kind) for kind in ("PROFILE", "ADDRESS")]
        found: dict[str, Any] = {item.sk: item for item in dynamodb.get_batch(OfPerson, keys)}
        record = record_of(registrant_id, found["PROFILE"]) if "PROFILE" in found else None
        return record, _address_record(found["ADDRESS"]) if "ADDRESS" in found else None

    def record_and_refusals(self, registrant_id: str, day: date) -> tuple[Record | None, int]:
        """A registration, and how many refusals the account had on a WIB day. One batch get."""
        refused = _refused(registrant_id, day)
        keys = [(refused.pk, "PROFILE"), (refused.pk, refused.sk)]
        found: dict[str, Any] = {item.sk: item for item in dynamodb.get_batch(OfPerson, keys)}
        record = record_of(registrant_id, found["PROFILE"]) if "PROFILE" in found else None
        return record, found[refused.sk].refusals if refused.sk in found else 0

    def count_refusal(self, registrant_id: str, day: date, refusals_max: int) -> bool:
        """Count a refusal that tells of others; False if there were `refusals_max` that day. One write."""
        few = Refused.refusals.does_not_exist() | (Refused.refusals < refusals_max)
        gone = datetime.combine(day, time(), clock.WIB) + _REFUSALS_KEPT
        actions = [Refused.refusals.add(1), Refused.expires_at.set(gone)]
        return dynamodb.update_if(_refused(registrant_id, day), actions, few)

    def address(self, registrant_id: str) -> AddressRecord | None:
        """A financial address, sealed. One read."""
        item = dynamodb.find(AddressItem, person_pk(registrant_id), "ADDRESS")
        return _address_record(item) if item else None

    def payee(self, registrant_id: str) -> tuple[Record, AddressRecord, bool] | None:
        """A registration, its financial address, and whether the person disputes a change; None unless there are both
        of the first. One batch get; the three may be of different instants.
        """
        keys = [(person_pk(registrant_id), kind) for kind in ("PROFILE", "ADDRESS", "DISPUTE")]
        found: dict[str, Any] = {item.sk: item for item in OfPerson.batch_get(keys, consistent_read=True)}
        if "PROFILE" not in found or "ADDRESS" not in found:
            return None
        return record_of(registrant_id, found["PROFILE"]), _address_record(found["ADDRESS"]), "DISPUTE" in found

    def dispute(self, registrant_id: str, now: datetime) -> None:
        """Pay nothing to a person who says that a change was not theirs, whatever their address is or becomes.

        A repeat changes nothing.
        """
        first = Dispute.since.set(Dispute.since | now)
        Dispute(person_pk(registrant_id), "DISPUTE").update([first])

    def disputed(self, registrant_id: str) -> datetime | None:
        """Since when a person disputes a change of their data. One read."""
        item = dynamodb.find(Dispute, person_pk(registrant_id), "DISPUTE")
        return item.since if item else None

    def confirm_address(self, registrant_id: str, version: int, *, settle: bool) -> bool:
        """End the wait of one version of an address: its person confirmed it at the mailbox of the account.

        With `settle` a dispute ends too, and any wait: an administrator found the address to be the person's own. A
        repeat changes nothing; False if the address was changed since, or nobody may shorten its wait. One transaction.
        Version 0: there is no address, only the dispute ends.
        """
        address, as_shown = AddressItem(person_pk(registrant_id), "ADDRESS"), AddressItem.version == version
        if not settle:
            as_shown &= AddressItem.full_wait.does_not_exist()
        try:
            with dynamodb.Transaction(self._region) as tx:
                if version:
                    tx.update("address", address, [AddressItem.pay_from.remove()], as_shown)
                if settle:
                    tx.delete("dispute", Dispute(person_pk(registrant_id), "DISPUTE"))
        except dynamodb.LegsFailed:
            return False
        return True

    def unpayable_holder(self, account_mac: str) -> UnpayableHolder | None:
        """The person who has an account that cannot be paid to, so that another may take it. Two reads.

        None if nobody has it, if it can be paid to, or if the provider has not been asked about it.
        """
        holder = self.holder("account", account_mac)
        item = dynamodb.find(AddressItem, person_pk(holder), "ADDRESS") if holder else None
        if holder is None or item is None or item.account_mac != account_mac or item.verdict not in _UNPAYABLE:
            return None
        return UnpayableHolder(holder, item.version)

    def holder(self, kind: MacKind, mac: str) -> str | None:
        """Who has a number that one person may hold. One read."""
        guard = dynamodb.find(Guard, unique_pk(kind, mac), "UNIQUE")
        return guard.registrant if guard else None

    def named(self, name_mac: str) -> list[str]:
        """At most 20 people of a name and a birth date. One query of the index."""
        return [row.pk.removeprefix(person_pk("")) for row in Profile.named.query(name_mac, limit=20)]

    def excluded(self, nik_mac: str) -> bool:
        """Whether any exclusion list names this NIK. One read."""
        return dynamodb.find(Exclusion, exclusion_pk(nik_mac), "EXCLUDED") is not None

    def save(
        self, record: Record, released: Iterable[Number], *, unless_excluded: bool, others: Legs | None = None
    ) -> None:
        """Write a registration with its guards, or the claim on its NIK, and remove the guards of the old numbers.

        `others` adds legs, some of them named `OVERTAKEN_LEG`. Raises the first that holds of `RegistrationOvertaken`,
        `PhoneAlreadyUsed` (which tells nothing of the NIK), `Excluded`, `NikAlreadyRegistered`.
        """
        who = record.registrant
        try:
            with dynamodb.Transaction(self._region) as tx:
                if unless_excluded:
                    absent = Exclusion.pk.does_not_exist()
                    tx.check("excluded", Exclusion, (exclusion_pk(who.nik_mac), "EXCLUDED"), absent)
                for kind, mac in released:
                    tx.delete("released", Guard(unique_pk(kind, mac), "UNIQUE"))
                tx.put("profile", _profile(record), _follows(Profile.pk, Profile.version, record.version))
                if who.claimed_at is None:
                    _claim(tx, "nik", who.nik_mac, who.id)
                else:
                    keep_claim(tx, who, who.claimed_at)
                if who.phone_lost_at is None:
                    _claim(tx, "phone", who.phone_mac, who.id)
                if others is not None:
                    others(tx)
        except dynamodb.LegsFailed as failure:
            refusals = [("phone", PhoneAlreadyUsed), ("excluded", Excluded), ("nik", NikAlreadyRegistered)]
            raise _ranked(failure, refusals) from failure

    def save_address(
        self,
        registrant_id: str,
        address: AddressRecord,
        released_account_mac: str | None,
        owner: Record,
        others: Legs | None = None,
        taken_from: UnpayableHolder | None = None,
    ) -> None:
        """Write a financial address with its guard, if its owner, with their key and name, is still as read.

        The address is unchecked then. `others` adds legs, some of them named `PAYING_LEG`. With `taken_from` the
        account may be that person's, while they still cannot be paid to it. Raises `RegistrationOvertaken`, else
        `PaymentUnderWay`, else `AccountAlreadyUsed`.
        """
        item = item_of(AddressItem, person_pk(registrant_id), "ADDRESS", address)
        try:
            with dynamodb.Transaction(self._region) as tx:
                same_key = (Profile.wrapped_key == owner.wrapped_key) & (Profile.sealed == owner.sealed)
                tx.check("profile", Profile, (person_pk(registrant_id), "PROFILE"), same_key)
                if released_account_mac:
                    guard = Guard(unique_pk("account", released_account_mac), "UNIQUE")
                    tx.delete("released", guard, _held_by(registrant_id))
                if taken_from is not None:
                    still = (AddressItem.version == taken_from.version) & AddressItem.verdict.is_in(*_UNPAYABLE)
                    tx.check("taken", AddressItem, (person_pk(taken_from.registrant_id), "ADDRESS"), still)
                tx.put("address", item, _follows(AddressItem.pk, AddressItem.version, address.version))
                _claim(tx, "account", address.account_mac, registrant_id, taken_from)
                if others is not None:
                    others(tx)
        except dynamodb.LegsFailed as failure:
            refusals = [(PAYING_LEG, PaymentUnderWay), ("account", AccountAlreadyUsed)]
            raise _ranked(failure, refusals) from failure

    def save_check(self, registrant_id: str, version: int, check: AddressCheck, named: int | None) -> bool:
        """Keep the result of an inquiry about one version of an address. One write; False if it was changed since.

        False too if it can be paid to now and could not before: see `save_second_check`.
        """
        as_asked = AddressItem.as_asked(version, named)
        if check.verdict in PAYABLE:
            as_asked &= AddressItem.verdict.does_not_exist() | ~AddressItem.verdict.is_in(*_UNPAYABLE)
        return dynamodb.update_if(AddressItem(person_pk(registrant_id), "ADDRESS"), _verdict(check), as_asked)

    def save_second_check(self, registrant_id: str, version: int, check: AddressCheck, named: int | None) -> bool:
        """The same for an account that the person could not be paid to, and now can: it may be another's since.

        One read, one transaction. Raises `AccountAlreadyUsed`.
        """
        address = self.address(registrant_id)
        if address is None or address.version != version:
            return False
        try:
            with dynamodb.Transaction(self._region) as tx:
                item = AddressItem(person_pk(registrant_id), "ADDRESS")
                tx.update("address", item, _verdict(check), AddressItem.as_asked(version, named))
                _claim(tx, "account", address.account_mac, registrant_id)
        except dynamodb.LegsFailed as failure:
            if "address" in failure.legs:
                return False
            raise AccountAlreadyUsed() from failure
        return True

    def move(self, registrant_id: str, standing: Standing, place: Place | None) -> bool:
        """Change the standing as `NEXT` allows, or a beneficiary's place to a later one. False if that is not allowed,
        is done, or nobody is registered.
        """
        before = [source for source, targets in NEXT.items() if standing in targets]
        if not before:
            return False
        actions: list[Action] = [Profile.standing.set(standing), Profile.version.add(1)]
        allowed = Profile.standing.is_in(*before)
        if place is not None:
            actions += Profile.of_place(place)
            allowed |= (Profile.standing == Standing.BENEFICIARY) & (Profile.chosen_on < place.on)
        return dynamodb.update_if(Profile(person_pk(registrant_id), "PROFILE"), actions, allowed)

    def take_back(self, registrant_id: str, wave: int, scheme: str, before: Place | None) -> None:
        """As `Registrations.take_back`."""
        actions: list[Action] = [Profile.version.add(1)]
        if before is None:
            place = (Profile.beneficiary_wave, Profile.chosen_on, Profile.ended_on, Profile.schemes)
            actions += [Profile.standing.set(Standing.REGISTERED), *(each.remove() for each in place)]
        else:
            actions += [Profile.beneficiary_wave.set(before.wave), Profile.chosen_on.set(before.on)]
            actions += [Profile.ended_on.set(before.until)]
            actions += [Profile.schemes.delete({scheme})] if before.scheme != scheme else []
        latest = (Profile.standing == Standing.BENEFICIARY) & (Profile.beneficiary_wave == wave)
        dynamodb.update_if(Profile(person_pk(registrant_id), "PROFILE"), actions, latest)

    def registered(self, number: int) -> dict[tuple[int, str], int]:
        """The number of registrations by province and WIB month (`2026-11`) in one of `SHARDS` partitions; from the
        index, so moments late.
        """
        found: Counter[tuple[int, str]] = Counter()
        table, start = Profile._get_connection(), None
        while True:
            # Pages as DynamoDB sends them: models of millions of items would take three times as long as all the rest.
            page = table.query(
                f"{number:02d}",
                index_name="registered",
                attributes_to_get=["region", "registered_at"],
                exclusive_start_key=start,
            )
            found.update((int(row["region"]["N"]), _month(row["registered_at"]["S"][:13])) for row in page["Items"])
            start = page.get("LastEvaluatedKey")
            if start is None:
                return dict(found)


def _claim(
    tx: dynamodb.Transaction, kind: MacKind, mac: str, registrant_id: str, taken_from: UnpayableHolder | None = None
) -> None:
    mine = _held_by(registrant_id)
    if taken_from is not None:
        mine |= Guard.registrant == taken_from.registrant_id
    tx.put(kind, Guard(unique_pk(kind, mac), "UNIQUE", registrant=registrant_id), mine)


def _held_by(registrant_id: str) -> Condition:
    held: Condition = Guard.pk.does_not_exist() | (Guard.registrant == registrant_id)
    return held


def _verdict(check: AddressCheck) -> list[Action]:
    score = AddressItem.score.remove() if check.score is None else AddressItem.score.set(check.score)
    return [AddressItem.verdict.set(check.verdict), AddressItem.checked_at.set(check.checked_at), score]


def _follows(pk: Attribute[str], attribute: WholeAttribute, version: int) -> Condition:
    return pk.does_not_exist() if version == 1 else attribute == version - 1


def _ranked(failure: dynamodb.LegsFailed, refusals: Sequence[tuple[str, type[DomainError]]]) -> Exception:
    # A writer that came second decided on old facts: it reads again before anything is refused.
    for leg, refusal in refusals:
        if leg in failure.legs and not {"profile", "address", OVERTAKEN_LEG} & failure.legs.keys():
            return refusal()
    return RegistrationOvertaken()


def _refused(registrant_id: str, day: date) -> Refused:
    return Refused(person_pk(registrant_id), f"REFUSED#{day.isoformat()}")


def record_of(registrant_id: str, item: Profile) -> Record:
    return Record(registrant_of(registrant_id, item), item.sealed, item.wrapped_key, item.version)


def _address_record(item: AddressItem) -> AddressRecord:
    return fill(AddressRecord, item, check=None if item.verdict is None else fill(AddressCheck, item))


def unique_pk(kind: MacKind, mac: str) -> str:
    return f"U#{kind}#{mac}"


def _profile(record: Record) -> Profile:
    who = record.registrant
    return item_of(
        Profile,
        person_pk(who.id),
        "PROFILE",
        who,
        version=record.version,
        sealed=record.sealed,
        wrapped_key=record.wrapped_key,
        registered_shard=None if who.restricted_at else shard(who.id, SHARDS),
        unverified_shard=shard(who.id, UNVERIFIED) if record.ask_from else None,
        ask_from=record.ask_from,
        waits_since=who.updated_at if record.ask_from else None,
    )


def registrant_of(registrant_id: str, item: Profile) -> Registrant:
    return fill(Registrant, item, id=registrant_id, warnings=tuple(sorted(item.warnings)))
