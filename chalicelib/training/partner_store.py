"""The training table: partners, and the requests of theirs that were accepted."""

from __future__ import annotations

from datetime import datetime, timedelta

from pynamodb.attributes import BinaryAttribute, NumberAttribute, UnicodeAttribute

from ..aws.dynamodb import find, save_if, update_if
from ..clock import iso, parse_iso, wib_date
from ..errors import NotFound
from .errors import RequestReplayed
from .rules import Partner, PartnerDay
from .store import TrainingTable

DAYS_KEPT = timedelta(days=90)
"""How long what a partner attested on a day is kept for whoever looks into it."""


class PartnerItem(TrainingTable):
    """`PARTNERS` / id. One partition: they are few, rarely written, and listed by one query."""

    name = UnicodeAttribute()
    sealed_key = BinaryAttribute(legacy_encoding=False)
    created_at = UnicodeAttribute()
    revoked_at = UnicodeAttribute(null=True)


class NonceItem(TrainingTable):
    """`NONCE#<partner>#<signature>` / `NONCE`: a request that was accepted. `claim` tells whose write it was."""

    claim = UnicodeAttribute()
    expires_at = NumberAttribute()


class DayItem(TrainingTable):
    """`DAY#<partner>` / `<WIB date>`: what a partner attested on it (TTL)."""

    completions = NumberAttribute()
    hours = NumberAttribute()
    quick = NumberAttribute()
    expires_at = NumberAttribute()


class PartnerStore:
    """Reads and conditional writes."""

    def add(self, partner: Partner) -> None:
        """Store a new partner; its random id cannot be taken."""
        PartnerItem(
            "PARTNERS",
            partner.id,
            name=partner.name,
            sealed_key=partner.sealed_key,
            created_at=iso(partner.created_at),
        ).save(condition=PartnerItem.pk.does_not_exist())

    def partner(self, partner_id: str) -> Partner | None:
        """One consistent read, so that a revocation counts from the next request on."""
        item = find(PartnerItem, "PARTNERS", partner_id)
        return _partner(item) if item else None

    def partners(self) -> list[Partner]:
        """Every partner, the revoked ones too."""
        return [_partner(item) for item in PartnerItem.query("PARTNERS", consistent_read=True)]

    def revoke(self, partner_id: str, now: datetime) -> None:
        """Set the time of revocation, once. Raises `NotFound`."""
        revoked_at = PartnerItem.revoked_at
        item = PartnerItem("PARTNERS", partner_id)
        if not update_if(item, [revoked_at.set(revoked_at | iso(now))], PartnerItem.pk.exists()):
            raise NotFound()

    def count(self, partner_id: str, hours: int, now: datetime, *, quick: bool) -> PartnerDay:
        """Count one completion; the partner's day with it. One write, not repeated: a count may be one short."""
        item = DayItem(f"DAY#{partner_id}", wib_date(now).isoformat())
        item.update(
            [
                DayItem.completions.add(1),
                DayItem.hours.add(hours),
                DayItem.quick.add(int(quick)),
                DayItem.expires_at.set(int((now + DAYS_KEPT).timestamp())),
            ]
        )
        return PartnerDay(int(item.completions), int(item.hours), int(item.quick))

    def remember_request(self, partner_id: str, signature: str, claim: str, expires_at: int) -> None:
        """Mark a signature as used. Raises `RequestReplayed` if another request used it.

        `claim` is unique to this request: when the answer to the write is lost and the client library sends it again,
        the second write meets its own item and must not mistake it for a replay. `expires_at` (Unix seconds) only
        cleans up; an item that outlives it refuses a signature that is refused by its time anyway.
        """
        nonce = NonceItem(f"NONCE#{partner_id}#{signature}", "NONCE", claim=claim, expires_at=expires_at)
        if not save_if(nonce, NonceItem.pk.does_not_exist() | (NonceItem.claim == claim)):
            raise RequestReplayed()


def _partner(item: PartnerItem) -> Partner:
    return Partner(
        id=item.sk,
        name=item.name,
        sealed_key=item.sealed_key,
        created_at=parse_iso(item.created_at),
        revoked_at=parse_iso(item.revoked_at) if item.revoked_at else None,
    )
