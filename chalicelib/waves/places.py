"""What a place is while it waits for its person, and when it is lost. Pure: no AWS, no present time."""

from __future__ import annotations

from datetime import datetime, timedelta

from msgspec.structs import replace

from ..clock import iso
from ..figures import RegistryRules, TrainingRules
from ..figures.schemes import Scheme
from ..registration.errors import NotConfirmed
from ..registration.rules import DIFFERING, Registrant
from .errors import BeneficiaryRevoked, PurchaseDeadlinePassed
from .rules import LOST, Beneficiary, BeneficiaryState, buy_by

UNCONFIRMED = frozenset({BeneficiaryState.RESERVED, BeneficiaryState.LAPSED})
"""The place was never given."""

LOST_FROM = {
    BeneficiaryState.POTENTIAL: BeneficiaryState.REVOKED,
    BeneficiaryState.RESERVED: BeneficiaryState.LAPSED,
}
"""From which state a place is lost, and what it is then."""


def check_may_buy(beneficiary: Beneficiary, now: datetime) -> None:
    """Raises `BeneficiaryRevoked`, `NotConfirmed` while the place is only reserved, or `PurchaseDeadlinePassed` if the
    place needs a purchase and it is too late.
    """
    if beneficiary.state in LOST:
        raise BeneficiaryRevoked()
    if beneficiary.state is BeneficiaryState.RESERVED:
        raise NotConfirmed()
    if beneficiary.state is BeneficiaryState.POTENTIAL and beneficiary.buy_by <= now:
        raise PurchaseDeadlinePassed(buy_by=iso(beneficiary.buy_by))


def given(reserved: Beneficiary, scheme: Scheme, rules: TrainingRules, now: datetime) -> Beneficiary:
    """A reserved place once its person is confirmed: its deadline and its months begin now."""
    state = BeneficiaryState.ACTIVE if scheme.begins_at_award else BeneficiaryState.POTENTIAL
    return replace(reserved, state=state, awarded_at=now, buy_by=buy_by(now, rules))


def waited_in_vain(registrant: Registrant, rules: RegistryRules, now: datetime) -> bool:
    """Whether no place waits for a person any more: so long ago they were told that their data differ, or that the NIK
    is another's.
    """
    told_at = registrant.verified_at if registrant.verification in DIFFERING else registrant.claimed_at
    return told_at is not None and told_at + timedelta(seconds=rules.place_waits_s) <= now
