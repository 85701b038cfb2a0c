"""Which of many registrants may no longer take part; asked about everybody in a wave before its lists are made.

There may be ten million people. So a call reads a hundred of them, and only the attributes that decide.
"""

from __future__ import annotations

from collections.abc import Sequence
from datetime import date
from typing import Any

from ..aws import dynamodb
from ..errors import DomainError
from ..figures import EligibilityRules
from .errors import ConsentWithdrawn, Excluded, NotRegistered
from .items import RegistrationsTable, exclusion_pk, person_pk
from .rules import Employment, Standing, check_eligible

Unfit = type[DomainError] | Standing
"""The reason: the error that would refuse the person, or their standing if it is no longer REGISTERED."""

_ATTRIBUTES = "pk,employment,birth_date,nik_mac,standing,consent_withdrawn_at"


def unfit(registrant_ids: Sequence[str], day: date, rules: EligibilityRules) -> dict[str, Unfit]:
    """Who of at most 100 people may not take part on `day` (WIB), with the first reason that holds of

    `NotRegistered`; BENEFICIARY, REVOKED; `ConsentWithdrawn`; `InFormalEducation`, `ExcludedOccupation`,
    `UnderAge`, `OverAge`; `Excluded`.
    Two batch gets of the bound table, consistent. Raises `Unavailable` or pynamodb's `GetError`.
    """
    keys = [(person_pk(one), "PROFILE") for one in registrant_ids]
    profiles = {row["pk"]["S"]: row for row in dynamodb.get_rows(RegistrationsTable, keys, _ATTRIBUTES)}
    found: dict[str, Unfit] = {}
    fit: dict[str, str] = {}  # who, by the partition of their NIK, which is nobody else's
    for registrant_id in registrant_ids:
        profile = profiles.get(person_pk(registrant_id))
        reason = NotRegistered if profile is None else _reason(profile, day, rules)
        if reason is not None:
            found[registrant_id] = reason
        elif profile is not None:
            fit[exclusion_pk(profile["nik_mac"]["S"])] = registrant_id
    if fit:
        rows = dynamodb.get_rows(RegistrationsTable, [(pk, "EXCLUDED") for pk in fit], "pk")
        found |= {fit[row["pk"]["S"]]: Excluded for row in rows}
    return found


def _reason(profile: dict[str, Any], day: date, rules: EligibilityRules) -> Unfit | None:
    standing = Standing(profile["standing"]["S"])
    if standing is not Standing.REGISTERED:
        return standing
    if "consent_withdrawn_at" in profile:
        return ConsentWithdrawn
    try:
        birth_date = date.fromisoformat(profile["birth_date"]["S"])
        check_eligible(Employment(profile["employment"]["S"]), birth_date, day, rules)
    except DomainError as error:
        return type(error)
    return None
