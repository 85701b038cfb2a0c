"""A registration and a financial address as they are kept, sealed; and how they are opened."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, datetime
from typing import TYPE_CHECKING

import msgspec
from msgspec.structs import replace

from .. import holder_names
from ..values import Value
from ..vault import MacKind
from .rules import PersonalData, Registrant

if TYPE_CHECKING:
    from ..vault import PersonKey


PROVEN = "proven"

Number = tuple[MacKind, str]


class Record(Value, frozen=True):
    """A registration with its sealed part. `version` is 1 when it is new and grows with each write.

    `question`: the version from which on a registry is asked the same of it, and has not answered that.
    `ask_from`, of one that is saved: from when it is asked about anew, as in `Verifications.ask_from`.
    """

    registrant: Registrant
    sealed: bytes
    wrapped_key: bytes
    version: int
    ask_from: datetime | None = None
    question: int = 1

    def changed(
        self, after: Registrant, ask_from: datetime | None, sealed: bytes | None = None, *, asks_anew: bool = False
    ) -> Record:
        """The next version. `asks_anew`: an answer to what was asked before says nothing of it."""
        version = self.version + 1
        question = version if asks_anew else self.question
        return Record(after, sealed or self.sealed, self.wrapped_key, version, ask_from, question)


def frozen_part(registrant: Registrant, person: PersonalData) -> dict[str, str]:
    """The values that may not change from a join until the wave is settled, nor after an award: those of `LATER` may
    again once the person may be chosen again.

    Address, education, phone and consent may change: a draw uses the region of the entry.
    """
    birth_date, employment = registrant.birth_date.isoformat(), registrant.employment.value
    named = {"nik": person.nik, "name": person.name, "birth_date": birth_date, "employment": employment}
    return {**named, "kk": person.kk, "presence": presence(person.nik, proven=registrant.present_at is not None)}


def presence(nik: str, *, proven: bool) -> str:
    """Whether somebody saw the person with the card of this NIK, as corrections have it."""
    return f"{nik}: {PROVEN if proven else 'not proven'}"


LATER = frozenset({"employment", "kk"})
"""What the next wave asks about, and the place before does not."""


def asked_part(registrant: Registrant, person: PersonalData) -> tuple[object, ...]:
    """The values that a civil registry is asked about: when one changes, what it said before means nothing."""
    return person.nik, person.name, person.kk, registrant.birth_date, registrant.region


def released(before: Registrant, after: Registrant) -> list[Number]:
    """The numbers that a registration gives up; a NIK that it only claimed, or a lost phone, is not its own."""
    numbers: list[Number] = []
    if before.claimed_at is None and (before.nik_mac != after.nik_mac or after.claimed_at is not None):
        numbers.append(("nik", before.nik_mac))
    if before.phone_mac != after.phone_mac and before.phone_lost_at is None:
        numbers.append(("phone", before.phone_mac))
    return numbers


def name_mac(mac: Callable[[MacKind, str], str], name: str, birth_date: date) -> str:
    """A keyed hash of a name, as alike ones have it, and a birth date; half of it finds nobody else."""
    return mac("name", f"{holder_names.key(name)}\0{birth_date}")[:32]


def mac_of_change(
    mac: Callable[[MacKind, str], str], old: Registrant, known: str, name: str, birth_date: date
) -> str | None:
    """The `name_mac` of somebody who was named `known`; nothing is asked of KMS if neither value changes."""
    same = (name, birth_date) == (known, old.birth_date)
    return old.name_mac if same else name_mac(mac, name, birth_date)


def with_nik(registrant: Registrant, nik_mac: str) -> Registrant:
    """The same with another NIK, of which nothing is proven yet."""
    if nik_mac == registrant.nik_mac:
        return registrant
    nothing = dict.fromkeys(("claimed_at", "present_at", "contested_at", "uncontested_at", "confirmed_at"))
    return replace(registrant, nik_mac=nik_mac, **nothing)


def person_of(key: PersonKey, record: Record) -> PersonalData:
    """The sealed part of a registration, opened."""
    return msgspec.json.decode(key.unseal("person/1", record.sealed), type=PersonalData)
