"""What a place is while it waits for its person, and when it is lost. Pure: no AWS, no present time."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from ...clock import iso
from ...figures.benefits import TrainingRules
from ...figures.people import RegistryRules
from ...figures.schemes import Scheme
from ...ids import Randomness
from ...registration.rules import DIFFERING, Registrant
from ..errors import BeneficiaryRevoked, PurchaseDeadlinePassed
from ..rules import LOST, Beneficiary, BeneficiaryState, buy_by

UNCONFIRMED = frozenset({BeneficiaryState.RESERVED, BeneficiaryState.LAPSED})
"""The place was not given, or was taken back without anything against its person."""

LOST_FROM = frozenset({BeneficiaryState.POTENTIAL, BeneficiaryState.RESERVED})
"""From which states a place is lost."""


def card_number(randomness: Randomness) -> str:
    """Sixteen digits for a new card; the one who writes it sees whether it is somebody's."""
    return f"{int.from_bytes(randomness(8), 'big') % 10**16:016d}"


def check_may_buy(beneficiary: Beneficiary, now: datetime) -> None:
    """Raises `BeneficiaryRevoked`, or `PurchaseDeadlinePassed` if the place needs a purchase and it is too late."""
    if beneficiary.state in LOST:
        raise BeneficiaryRevoked()
    if beneficiary.state is BeneficiaryState.POTENTIAL and beneficiary.buy_by <= now:
        raise PurchaseDeadlinePassed(buy_by=iso(beneficiary.buy_by))


def given(reserved: Beneficiary, scheme: Scheme, rules: TrainingRules, now: datetime) -> Beneficiary:
    """A reserved place once its person is confirmed: its deadline and its months begin now."""
    state = BeneficiaryState.ACTIVE if scheme.begins_at_award else BeneficiaryState.POTENTIAL
    return replace(reserved, state=state, awarded_at=now, buy_by=buy_by(now, rules))


def confirms_cards(has_registry: bool, rules: RegistryRules) -> bool:
    """Whether the family card of a confirmed person is the civil registry's word."""
    return has_registry and "kk" in rules.compared


def waits_until(registrant: Registrant, rules: RegistryRules, awarded_at: datetime) -> datetime | None:
    """Until when a place waits for a person: so long after they were told that their data differ, or that the NIK is
    another's. Where another has no less proof of the NIK, from the award on at the earliest. None: however long.
    """
    told_at = registrant.verified_at if registrant.verification in DIFFERING else registrant.claimed_at
    if told_at is None and registrant.contested_at is not None:
        told_at = max(registrant.contested_at, awarded_at)
    return told_at + timedelta(seconds=rules.place_waits_s) if told_at is not None else None
