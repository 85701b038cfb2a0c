"""Whether a registry's record is that of a registered person. Pure: no AWS, no present time."""

from __future__ import annotations

from .. import holder_names
from ..figures.people import RegistryRules
from ..registration.identity import sex_of
from ..registration.rules import PersonalData, Registrant, Verification
from .registry import CivilRecord


def missing(record: CivilRecord, rules: RegistryRules) -> list[str]:
    """The fields that are to be compared and that the record lacks: it proves nothing then."""
    return [field for field in rules.compared if getattr(record, field) is None]


def differing(
    registrant: Registrant, person: PersonalData, record: CivilRecord | None, rules: RegistryRules
) -> frozenset[str]:
    """The compared fields in which a record that lacks nothing differs. None of an unknown NIK, and of the dead."""
    if record is None or record.dead:
        return frozenset()
    agrees = {
        "name": holder_names.score_of_one(person.name, record.name or "") >= rules.name_score_min,
        "birth_date": registrant.birth_date == record.birth_date,
        "kk": person.kk == record.kk,
        "province": registrant.region == record.province,
        "sex": sex_of(person.nik) == record.sex,
    }
    return frozenset(field for field in rules.compared if not agrees[field])


def state_of(
    registrant: Registrant, person: PersonalData, record: CivilRecord | None, rules: RegistryRules
) -> Verification:
    """What a record that lacks nothing says of a person. A NIK of somebody who has died is nobody's to register."""
    if record is None:
        return Verification.UNKNOWN_NIK
    differs = record.dead or differing(registrant, person, record, rules)
    return Verification.MISMATCH if differs else Verification.VERIFIED
