"""Partners: who they are, whether a request is theirs, and what training partners attested on a day.

A partner's signing key is made once, stored sealed by KMS, and opened when a request needs it.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from enum import StrEnum
from typing import Any

from pynamodb.attributes import BinaryAttribute, TTLAttribute, UnicodeAttribute

from ..aws.admin_acts import Act, ActColumns, Journal, Signed
from ..aws.attributes import InstantAttribute, WholeAttribute, item_of
from ..aws.dynamodb import find, save_if, update_if
from ..clock import wib_date
from ..errors import NotFound
from ..ids import Randomness, random_id, same_person
from ..payouts.errors import SamePerson
from ..structs import fill
from . import signatures
from .errors import PartnerNotAllowed, PartnerRevoked, RequestReplayed, SignatureInvalid
from .rules import Partner, PartnerDay, PartnerKind
from .store import TrainingTable

DAYS_KEPT = timedelta(days=90)
"""How long a day's attestations of a partner are kept for inquiries."""


class PartnerItem(TrainingTable):
    """`PARTNERS` / id. One partition: partners are few, rarely written, and listed by one query."""

    name = UnicodeAttribute()
    kind = UnicodeAttribute()
    sealed_key = BinaryAttribute(legacy_encoding=False)
    created_at = InstantAttribute()
    revoked_at = InstantAttribute(null=True)
    maker = UnicodeAttribute(default="")
    note = UnicodeAttribute(default="")
    approved_at = InstantAttribute(null=True)


class NonceItem(TrainingTable):
    """`NONCE#<partner>#<signature>` / `NONCE`: a request that was accepted. `claim` tells which request wrote it."""

    claim = UnicodeAttribute()
    expires_at = WholeAttribute()


class DayItem(TrainingTable):
    """`DAY#<partner>` / `<WIB date>`: what a partner attested on it (TTL)."""

    completions = WholeAttribute()
    hours = WholeAttribute()
    quick = WholeAttribute()
    expires_at = TTLAttribute()


class PartnerStore:
    def add(self, partner: Partner) -> None:
        """Store a new partner; its random id cannot be taken."""
        item_of(PartnerItem, "PARTNERS", partner.id, partner).save(condition=PartnerItem.pk.does_not_exist())

    def partner(self, partner_id: str) -> Partner | None:
        """One consistent read, so that a revocation counts from the next request on."""
        item = find(PartnerItem, "PARTNERS", partner_id)
        return fill(Partner, item, id=partner_id) if item else None

    def partners(self) -> list[Partner]:
        return [fill(Partner, item, id=item.sk) for item in PartnerItem.query("PARTNERS", consistent_read=True)]

    def revoke(self, partner_id: str, now: datetime) -> None:
        """Set the time of revocation, once. Raises `NotFound`."""
        revoked_at = PartnerItem.revoked_at
        item = PartnerItem("PARTNERS", partner_id)
        if not update_if(item, [revoked_at.set(revoked_at | now)], PartnerItem.pk.exists()):
            raise NotFound()

    def approve(self, partner_id: str, now: datetime) -> None:
        """Set the time of approval, once. Raises `NotFound` if the partner was revoked meanwhile."""
        approved_at = PartnerItem.approved_at
        item = PartnerItem("PARTNERS", partner_id)
        here = PartnerItem.pk.exists() & PartnerItem.revoked_at.does_not_exist()
        if not update_if(item, [approved_at.set(approved_at | now)], here):
            raise NotFound()

    def count(self, partner_id: str, hours: int, now: datetime, *, quick: bool) -> PartnerDay:
        """Count one completion; returns the partner's day. One write, never repeated: a count may be one too low."""
        item = DayItem(f"DAY#{partner_id}", wib_date(now).isoformat())
        item.update(
            [
                DayItem.completions.add(1),
                DayItem.hours.add(hours),
                DayItem.quick.add(int(quick)),
                DayItem.expires_at.set(now + DAYS_KEPT),
            ]
        )
        return fill(PartnerDay, item)

    def remember_request(self, partner_id: str, signature: str, claim: str, expires_at: int) -> None:
        """Record a signature as used. Raises `RequestReplayed` if another request used it.

        `claim` is unique to this request. If the answer to the write is lost and the client library sends it again, the
        second write meets its own item, which is then no replay. `expires_at` (Unix seconds) only cleans up; an item
        that outlives it refuses a signature that is too old anyway.
        """
        nonce = NonceItem(f"NONCE#{partner_id}#{signature}", "NONCE", claim=claim, expires_at=expires_at)
        if not save_if(nonce, NonceItem.pk.does_not_exist() | (NonceItem.claim == claim)):
            raise RequestReplayed()


class TrainingAct(StrEnum):
    """What was done. A line is about a partner or a catalogue."""

    ADD = "ADD"
    APPROVE = "APPROVE"
    REVOKE = "REVOKE"
    PROPOSE = "PROPOSE"
    REJECT = "REJECT"
    IMPORT = "IMPORT"


class ActItem(TrainingTable, ActColumns):
    """An administrator's act."""


KEPT = timedelta(minutes=5)
"""How long an opened key stays in a process's memory: short for a memory dump, long enough to save calls to KMS."""

# A request is remembered longer than its time is accepted by this much, because clocks differ.
REMEMBERED_MARGIN_S = 3600


class PartnerKeys:
    """Seals and opens keys under one KMS key. `kms` is botocore's client.

    The encryption context binds a sealed key to its partner: moved to another partner's item, it does not open.
    """

    def __init__(self, kms: Any, key_id: str) -> None:
        self._kms = kms
        self._key_id = key_id
        self._opened: dict[bytes, tuple[bytes, datetime]] = {}

    def seal(self, partner_id: str, key: bytes) -> bytes:
        sealed: bytes = self._kms.encrypt(KeyId=self._key_id, Plaintext=key, EncryptionContext=_context(partner_id))[
            "CiphertextBlob"
        ]
        return sealed

    def open(self, partner: Partner, now: datetime) -> bytes:
        """The partner's key; one call to KMS at most every five minutes and process."""
        key, until = self._opened.get(partner.sealed_key, (b"", now))
        if now >= until:
            key = self._kms.decrypt(
                KeyId=self._key_id, CiphertextBlob=partner.sealed_key, EncryptionContext=_context(partner.id)
            )["Plaintext"]
            self._opened[partner.sealed_key] = (key, now + KEPT)
        return key


class Partners:
    """The use cases. `clock_skew_s`: how far a signed request's time may be off, either way."""

    def __init__(self, store: PartnerStore, keys: PartnerKeys, clock_skew_s: int, randomness: Randomness) -> None:
        self._store = store
        self._journal = Journal(ActItem)
        self._keys = keys
        self._clock_skew_s = clock_skew_s
        self._randomness = randomness

    def add(
        self, name: str, now: datetime, signed: Signed | None = None, kind: PartnerKind = "training"
    ) -> tuple[Partner, str]:
        """Add a partner; returns it and its signing key in hex. The key is shown here and never again.

        `signed`: who adds it, and why; None if no person does. An office's key is good for nothing until `approve`.
        """
        partner_id = random_id(self._randomness)
        key = self._randomness(signatures.KEY_BYTES)
        by, note = (signed.by, signed.note) if signed else ("", "")
        sealed = self._keys.seal(partner_id, key)
        partner = Partner(partner_id, name, sealed, now, kind=kind, maker=by, note=note)
        self._note(TrainingAct.ADD, partner, signed, now)
        self._store.add(partner)
        return partner, key.hex()

    def all(self) -> list[Partner]:
        """Every partner, the revoked ones too, oldest first."""
        return sorted(self._store.partners(), key=lambda partner: partner.created_at)

    def office(self, partner_id: str) -> Partner:
        """An office that was not revoked. Raises `NotFound`."""
        partner = self._store.partner(partner_id)
        if partner is None or partner.kind != "office" or partner.revoked_at is not None:
            raise NotFound()
        return partner

    def approve(self, partner_id: str, by: str, now: datetime) -> None:
        """Believe an office from now on, which another person added. May be repeated.

        Raises `NotFound`, and `SamePerson` also for an office of which nobody knows who added it.
        """
        office = self.office(partner_id)
        if office.approved_at is None:
            if not office.maker or same_person(office.maker, by):
                raise SamePerson()
            self._note(TrainingAct.APPROVE, office, Signed(by, office.note), now)
            self._store.approve(partner_id, now)

    def revoke(self, partner_id: str, now: datetime, signed: Signed | None = None) -> None:
        """Refuse the partner's requests from now on; its attestations stand. May be repeated. Raises `NotFound`."""
        partner = self._store.partner(partner_id)
        if partner is None:
            raise NotFound()
        if partner.revoked_at is None:
            self._note(TrainingAct.REVOKE, partner, signed, now)
            self._store.revoke(partner_id, now)

    def _note(self, deed: TrainingAct, partner: Partner, signed: Signed | None, now: datetime) -> None:
        if signed is not None:
            self._journal.add(Act(now, deed, f"partner {partner.id}", signed.by, signed.note))

    def authenticate(
        self,
        method: str,
        path: str,
        query: Iterable[tuple[str, str]],
        headers: Mapping[str, str],
        body: bytes,
        now: datetime,
        kind: PartnerKind = "training",
    ) -> Partner:
        """The partner of this kind whose request this is; each request is accepted once.

        `path` is the resource path, without stage; `query` is decoded. Raises, in this order: `SignatureMissing`,
        `SignatureExpired`, `SignatureInvalid` (also for an unknown partner), then, as the signature is right,
        `PartnerRevoked`, `PartnerNotAllowed`, `RequestReplayed`.
        """
        claimed = signatures.claim(headers, now, self._clock_skew_s)
        partner = self._store.partner(claimed.partner_id)
        if partner is None:
            raise SignatureInvalid()
        asked = signatures.canonical_query(query)
        if not signatures.is_signed(claimed, self._keys.open(partner, now), method, path, asked, body):
            raise SignatureInvalid()
        if partner.revoked_at is not None:
            raise PartnerRevoked()
        if not partner.may(kind):
            raise PartnerNotAllowed()
        expires_at = int(claimed.timestamp) + self._clock_skew_s + REMEMBERED_MARGIN_S
        self._store.remember_request(partner.id, claimed.signature, random_id(self._randomness), expires_at)
        return partner


def _context(partner_id: str) -> dict[str, str]:
    return {"purpose": "partner-key", "partner": partner_id}
