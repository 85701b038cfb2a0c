"""Who keeps a NIK that several people registered. Pure: no AWS, no present time.

Proof decides, and nothing else: a claim without more proof than the holder's changes nothing for the holder.
"""

from __future__ import annotations

from collections.abc import Container, Mapping
from datetime import datetime, timedelta
from enum import IntEnum
from typing import NamedTuple

from ...values import Value
from ..rules import Registrant, Verification


class Proof(IntEnum):
    """How strongly it is proven that a NIK is a registrant's own, ascending."""

    NONE = 0
    DATA = 1
    """The civil registry confirms what was typed, or did so before. A thief with scraped data has that, too."""
    PRESENCE = 2
    """Two administrators, or an office, saw the person with the card."""


class Claim(Value, frozen=True):
    """That `registrant_id` says that a NIK is theirs; it passes to them at `moves_at`, if that is set."""

    registrant_id: str
    made_at: datetime
    moves_at: datetime | None = None


class Settlement(NamedTuple):
    """What follows for a NIK now: who gets it, when each claimant will, and whether its holder's right is in doubt.

    `moves_at` has an instant only for those who have more proof than the holder.
    """

    passes_to: str | None
    moves_at: Mapping[str, datetime | None]
    contested: bool


def proof(who: Registrant) -> Proof:
    """What a registrant has proven of the NIK that they have now."""
    if who.present_at is not None:
        return Proof.PRESENCE
    # Of a pupil or student, who may not take part, the civil registry confirmed the data all the same.
    confirmed = who.verification is Verification.VERIFIED or who.confirmed_at is not None or who.school is not None
    return Proof.DATA if confirmed else Proof.NONE


def settle(
    holder: Registrant | None,
    claims: Mapping[str, tuple[Claim, Registrant]],
    now: datetime,
    wait: timedelta,
    only: Container[str] | None = None,
) -> Settlement:
    """Settle the claims on one NIK, by registrant.

    A NIK that nobody holds passes at once. A held one passes `wait` after its claimant was found to have more proof
    than the holder, if that still holds then. A holder about whom the registry has not answered has not been found to
    lack anything: only presence is more. Of several the one with most proof comes first, then the one whose time came
    first, then the older claim. Where `only` some may get it, it passes to no other. A holder's right
    is in doubt while a claimant has proof, and no less than theirs.
    """
    if holder is None:
        return Settlement(min(claims, key=lambda one: _order(*claims[one]), default=None), {}, contested=False)
    held_by = proof(holder)
    most = max(held_by, Proof.DATA) if holder.verification is Verification.PENDING else held_by
    may = claims if only is None else only
    stronger = {one: found for one, found in claims.items() if proof(found[1]) > most and one in may}
    due = {one: claim.moves_at or now + wait for one, (claim, _) in stronger.items()}
    ready = [one for one in stronger if due[one] <= now]
    first = min(ready, key=lambda one: _order(*claims[one]), default=None)
    contested = any(proof(who) >= max(held_by, Proof.DATA) for _, who in claims.values())
    return Settlement(first, {one: due.get(one) for one in claims}, contested)


def _order(claim: Claim, who: Registrant) -> tuple[object, ...]:
    return -proof(who), claim.moves_at is None, claim.moves_at or claim.made_at, claim.made_at, claim.registrant_id
