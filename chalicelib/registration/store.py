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
from .errors import Excluded, NikAlreadyRegistered, PhoneAlreadyUsed
from .items import (
    Exclusion,
    Guard,
    OfPerson,
    Profile,
    Refused,
    exclusion_pk,
    keep_claim,
    person_pk,
)
from .records import Number, Record
from .rules import NEXT, Applicant, Place, Registrant, Standing

SHARDS, UNVERIFIED = 64, 8
"""Partitions, by person, of the index of registrations, and of the index of those who are to be asked about."""

OVERTAKEN_LEG = "overtaken"
"""The name of others' legs that hold the facts of a decision: if one fails, the decision is made again."""

_REFUSALS_KEPT = timedelta(days=2)
"""From the beginning of their day."""

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
        item = dynamodb.find(Profile, pk, "PROFILE", only=names)
        return fill(Applicant, item) if item else None

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

    def registrants(self, registrant_ids: Sequence[str]) -> list[Registrant]:
        """Those of at most 100 people who are registered, in no order. One batch get."""
        keys = [(person_pk(registrant_id), "PROFILE") for registrant_id in registrant_ids]
        found = dynamodb.get_batch(Profile, keys)
        return [registrant_of(item.pk.removeprefix(person_pk("")), item) for item in found]

    def record(self, registrant_id: str) -> Record | None:
        """A registration with its sealed part. One read."""
        item = dynamodb.find(Profile, person_pk(registrant_id), "PROFILE")
        return record_of(registrant_id, item) if item else None

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
                tx.put("profile", _profile(record), follows(Profile.pk, Profile.version, record.version))
                if who.claimed_at is None:
                    claim(tx, "nik", who.nik_mac, who.id)
                else:
                    keep_claim(tx, who, who.claimed_at)
                if who.phone_lost_at is None:
                    claim(tx, "phone", who.phone_mac, who.id)
                if others is not None:
                    others(tx)
        except dynamodb.LegsFailed as failure:
            refusals = [("phone", PhoneAlreadyUsed), ("excluded", Excluded), ("nik", NikAlreadyRegistered)]
            raise ranked(failure, refusals) from failure

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


def claim(tx: dynamodb.Transaction, kind: MacKind, mac: str, registrant_id: str, taken_from: str | None = None) -> None:
    """Add the leg that guards a number; it may be `taken_from` that person."""
    mine = held_by(registrant_id)
    if taken_from is not None:
        mine |= Guard.registrant == taken_from
    tx.put(kind, Guard(unique_pk(kind, mac), "UNIQUE", registrant=registrant_id), mine)


def held_by(registrant_id: str) -> Condition:
    """That nobody else holds a guarded number."""
    held: Condition = Guard.pk.does_not_exist() | (Guard.registrant == registrant_id)
    return held


def follows(pk: Attribute[str], attribute: WholeAttribute, version: int) -> Condition:
    """That the version before this one is stored, or nothing if it is the first."""
    return pk.does_not_exist() if version == 1 else attribute == version - 1


def ranked(failure: dynamodb.LegsFailed, refusals: Sequence[tuple[str, type[DomainError]]]) -> Exception:
    """What to raise: the refusal of the first of these legs that failed, or `RegistrationOvertaken`."""
    # A writer that came second decided on old facts: it reads again before anything is refused.
    for leg, refusal in refusals:
        if leg in failure.legs and not {"profile", "address", OVERTAKEN_LEG} & failure.legs.keys():
            return refusal()
    return RegistrationOvertaken()


def _refused(registrant_id: str, day: date) -> Refused:
    return Refused(person_pk(registrant_id), f"REFUSED#{day.isoformat()}")


def record_of(registrant_id: str, item: Profile) -> Record:
    who, question = registrant_of(registrant_id, item), item.question or item.version
    return Record(who, item.sealed, item.wrapped_key, item.version, question=question)


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
        question=record.question,
        claims=who.claims or None,
        updated_at=None if who.updated_at == who.registered_at else who.updated_at,
        sealed=record.sealed,
        wrapped_key=record.wrapped_key,
        registered_shard=None if who.restricted_at else shard(who.id, SHARDS),
        unverified_shard=shard(who.id, UNVERIFIED) if record.ask_from else None,
        ask_from=record.ask_from,
        waits_since=who.updated_at if record.ask_from else None,
    )


def registrant_of(registrant_id: str, item: Profile) -> Registrant:
    updated_at = item.updated_at or item.registered_at
    return fill(Registrant, item, id=registrant_id, warnings=tuple(sorted(item.warnings)), updated_at=updated_at)
