"""Which of many registrants may no longer take part; asked about everybody in a wave before its lists are made.

There may be ten million people. So a call reads a hundred of them, and only the attributes that decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date, datetime
from typing import Any

from ..aws import dynamodb
from ..errors import DomainError
from ..figures.waves import EligibilityRules
from .errors import ConsentWithdrawn, Excluded, NikAlreadyRegistered, NotRegistered
from .items import RegistrationsTable, exclusion_pk, person_pk
from .rules import (
    DIFFERING,
    Education,
    Employment,
    Standing,
    Verification,
    check_eligible,
    chosen_again_from,
    may_be_chosen_again,
)

Unfit = type[DomainError] | Standing | Verification
"""The reason: the error that would refuse the person, their standing if it is no longer REGISTERED, or what the civil
registry says of them.
"""

_ATTRIBUTES = (
    "pk,employment,education,birth_date,nik_mac,standing,chosen_on,ended_on,schemes,consent_withdrawn_at,"
    "verification,verified_at,claimed_at"
)


def unfit(
    registrant_ids: Sequence[str], day: date, scheme: str, rules: EligibilityRules, told_by: datetime | None
) -> dict[str, Unfit]:
    """Who of at most 100 people may not be chosen on `day` (WIB) under `scheme`, with the first reason that holds of

    `NotRegistered`; BENEFICIARY (if they may not be chosen again), REVOKED; `NikAlreadyRegistered`
    (they claim a NIK that another holds); `ConsentWithdrawn`;
    `InFormalEducation`, `ExcludedOccupation`, `EducationNotAccepted`, `UnderAge`, `OverAge`; MISMATCH, UNKNOWN_NIK (if
    the person was told by `told_by` that something differs; None: there is no civil registry); `Excluded`.

    Two batch gets of the bound table, consistent. Raises `Unavailable` or pynamodb's `GetError`.
    """
    keys = [(person_pk(one), "PROFILE") for one in registrant_ids]
    profiles = {row["pk"]["S"]: row for row in dynamodb.get_rows(RegistrationsTable, keys, _ATTRIBUTES)}
    found: dict[str, Unfit] = {}
    fit: dict[str, str] = {}  # who, by the partition of their NIK, which is nobody else's
    for registrant_id in registrant_ids:
        profile = profiles.get(person_pk(registrant_id))
        reason = NotRegistered if profile is None else _reason(profile, day, scheme, rules, told_by)
        if reason is not None:
            found[registrant_id] = reason
        elif profile is not None:
            fit[exclusion_pk(profile["nik_mac"]["S"])] = registrant_id
    if fit:
        rows = dynamodb.get_rows(RegistrationsTable, [(pk, "EXCLUDED") for pk in fit], "pk")
        found |= {fit[row["pk"]["S"]]: Excluded for row in rows}
    return found


def _reason(
    profile: dict[str, Any], day: date, scheme: str, rules: EligibilityRules, told_by: datetime | None
) -> Unfit | None:
    standing = Standing(profile["standing"]["S"])
    if standing is Standing.BENEFICIARY:
        chosen_on, ended_on = (_day(profile.get(name)) for name in ("chosen_on", "ended_on"))
        schemes = profile.get("schemes", {"SS": []})["SS"]
        again_from = chosen_again_from(chosen_on, ended_on, rules.once)
        if not may_be_chosen_again(again_from, schemes, scheme, day, rules.once):
            return standing
    elif standing is not Standing.REGISTERED:
        return standing
    if "claimed_at" in profile:
        return NikAlreadyRegistered
    if "consent_withdrawn_at" in profile:
        return ConsentWithdrawn
    try:
        birth_date = date.fromisoformat(profile["birth_date"]["S"])
        employment, education = Employment(profile["employment"]["S"]), Education(profile["education"]["S"])
        check_eligible(employment, education, birth_date, day, rules)
    except DomainError as error:
        return type(error)
    verification = Verification(profile["verification"]["S"])
    # The person is told in the transaction that keeps the answer.
    if told_by is not None and verification in DIFFERING:
        told_at = datetime.fromisoformat(profile["verified_at"]["S"])
        return verification if told_at <= told_by else None
    return None


def _day(value: dict[str, str] | None) -> date | None:
    return date.fromisoformat(value["S"]) if value else None
