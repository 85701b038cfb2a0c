"""What a place is while it waits for its person, and when it is lost. Pure: no AWS, no present time."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

from msgspec.structs import replace

from ...clock import iso
from ...config import Programme
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

FAR = datetime(9999, 1, 1, tzinfo=UTC)
"""Later than any deadline."""


def card_number(randomness: Randomness) -> str:
    """Sixteen digits for a new card; the one who writes it sees whether it is somebody's."""
    return f"{int.from_bytes(randomness(8), 'big') % 10**16:016d}"


def check_kept(beneficiary: Beneficiary) -> None:
    """Raises `BeneficiaryRevoked`."""
    if beneficiary.state in LOST:
        raise BeneficiaryRevoked()


def check_in_time(beneficiary: Beneficiary, now: datetime) -> None:
    """Raises `PurchaseDeadlinePassed` if the place, as `at_present`, needs a purchase and it is too late."""
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


def at_present(
    one: Beneficiary, registrant: Registrant | None, programme: Programme, now: datetime, *, confirmed: bool
) -> Beneficiary:
    """A place with the deadline that holds now, though nobody has written it down yet: see `kept_until`."""
    if one.state is not BeneficiaryState.POTENTIAL or registrant is None:
        return one
    return replace(one, buy_by=kept_until(one, registrant, programme, now, confirmed=confirmed)[0])


def kept_until(
    one: Beneficiary, registrant: Registrant, programme: Programme, now: datetime, *, confirmed: bool
) -> tuple[datetime, BeneficiaryState]:
    """Before when a POTENTIAL place needs a purchase, and as what it is lost then: REVOKED if the person could have
    bought in all that time, else LAPSED. `confirmed`: whether they may buy now.

    Who may not buy is given more time only once the deadline has come. One contest after another keeps a place no
    longer than the deadline and `place_waits_s`.
    """
    training, registry = programme.training, programme.registry
    # Before the registry confirmed them, or while the NIK was contested, nothing could be bought.
    since = max(registrant.confirmed_at or registrant.verified_at or one.awarded_at, one.awarded_at)
    latest = buy_by(since, training) + timedelta(seconds=registry.place_waits_s)
    until, lost = one.buy_by, BeneficiaryState.REVOKED
    if confirmed:
        until = buy_by(since, training) if since > one.awarded_at else until
        if registrant.uncontested_at is not None and registrant.uncontested_at > since:
            wanted = buy_by(registrant.uncontested_at, training)
            until = max(until, min(wanted, latest))
            lost = BeneficiaryState.LAPSED if wanted > latest else lost
    elif until <= now:
        until = min(waits_until(registrant, registry, one.awarded_at) or FAR, buy_by(now, training))
        until = min(until, latest) if registrant.contested_at is not None else until
        lost = BeneficiaryState.LAPSED
    return max(until, one.buy_by), lost
