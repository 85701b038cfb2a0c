"""`GET /me`: what several domains know of one person, in one answer."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

from msgspec import Struct

from ..accounts.wire import ContactView
from ..clock import iso
from ..errors import DomainError
from ..figures.waves import EligibilityRules
from ..registration.errors import ConsentWithdrawn, NotRegistered
from ..registration.rules import Registrant, check_eligible
from ..registration.wire import FinancialAddressView, RegistrationView
from ..waves.errors import AlreadyBeneficiary
from ..waves.rules import Beneficiary, BeneficiaryState, check_may_join, closing_day
from ..waves.wire import BeneficiaryView


class Deadline(Struct, frozen=True):
    """What must be done next, and before when (`2026-11-24T03:00:00Z`, exclusive)."""

    what: Literal["first_purchase", "survey"]
    at: str


class Me(Struct, frozen=True):
    """What is kept about the caller; null where there is nothing yet. `balance_idr` is left for trainings.

    `may_join` is about the open wave, else the next one, and about today if none is coming; `why_not` is the code of
    the refusal that a join would give. Exclusion lists are looked at later. `contacts` is empty where another person
    proved the last one by a code: whoever is still signed in adds one, or nobody can sign in again.
    """

    registration: RegistrationView | None
    financial_address: FinancialAddressView | None
    beneficiary: BeneficiaryView | None
    balance_idr: int | None
    next_deadline: Deadline | None
    may_join: bool
    why_not: str | None
    contacts: list[ContactView]
    language: Literal["id", "en"]


def why_not(
    person: Registrant | None, place: Beneficiary | None, closes_at: datetime, scheme: str, rules: EligibilityRules
) -> str | None:
    """The code of the refusal that a join of the wave that closes then, under that scheme, would give; None: it would
    be taken. A join looks at no place that is only reserved; the award does.
    """
    if person is None:
        return NotRegistered.code
    if place is not None and place.state is BeneficiaryState.RESERVED:
        return AlreadyBeneficiary.code
    day = closing_day(closes_at)
    try:
        check_may_join(person, scheme, day, rules)
        if person.consent_withdrawn_at is not None:
            raise ConsentWithdrawn()
        check_eligible(person.employment, person.education, person.birth_date, day, rules)
    except DomainError as refusal:
        return refusal.code
    return None


def next_deadline(beneficiary: Beneficiary | None, survey_closes_at: datetime | None, now: datetime) -> Deadline | None:
    """The earlier of two: the deadline for a first purchase, if none was made, and the close of an open survey."""
    ahead: list[tuple[datetime, Literal["first_purchase", "survey"]]] = []
    if beneficiary and beneficiary.state is BeneficiaryState.POTENTIAL and now < beneficiary.buy_by:
        ahead.append((beneficiary.buy_by, "first_purchase"))
    if survey_closes_at is not None:
        ahead.append((survey_closes_at, "survey"))
    if not ahead:
        return None
    at, what = min(ahead)
    return Deadline(what, iso(at))
