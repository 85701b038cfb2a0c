"""Training partners: who they are, and whether a request is theirs.

Their signing keys are made once, stored sealed by KMS, and opened when a request needs them.
"""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from datetime import datetime, timedelta
from typing import Any

from ..aws.admin_acts import Act, Journal, Signed
from ..errors import NotFound
from ..ids import Randomness, random_id
from . import signatures
from .admin_acts import ActItem, TrainingAct
from .errors import PartnerRevoked, SignatureInvalid
from .partner_store import PartnerStore
from .rules import Partner

KEPT = timedelta(minutes=5)
"""How long an opened key stays in the memory of a process: a request need not pay for KMS, a dump tells little."""

# A seen request is remembered this much longer than its time is accepted, against clocks that differ.
REMEMBERED_MARGIN_S = 3600


class PartnerKeys:
    """Seals and opens keys under one KMS key. `kms` is boto3's client.

    The encryption context binds a sealed key to its partner: moved to another partner's item, it does not open.
    """

    def __init__(self, kms: Any, key_id: str) -> None:
        self._kms = kms
        self._key_id = key_id
        self._opened: dict[bytes, tuple[bytes, datetime]] = {}

    def seal(self, partner_id: str, key: bytes) -> bytes:
        """The key, encrypted for storage."""
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

    def add(self, name: str, now: datetime, signed: Signed | None = None) -> tuple[Partner, str]:
        """A new partner and its signing key in hex. The key is shown here and never again.

        `signed`: who adds it, and why; None if no person does.
        """
        partner_id = random_id(self._randomness)
        key = self._randomness(signatures.KEY_BYTES)
        partner = Partner(partner_id, name, self._keys.seal(partner_id, key), now)
        self._note(TrainingAct.ADD, partner, signed, now)
        self._store.add(partner)
        return partner, key.hex()

    def all(self) -> list[Partner]:
        """Every partner, the revoked ones too, oldest first."""
        return sorted(self._store.partners(), key=lambda partner: partner.created_at)

    def revoke(self, partner_id: str, now: datetime, signed: Signed | None = None) -> None:
        """Refuse the partner's requests from now on; what it attested stands. Again is harmless. Raises `NotFound`."""
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
    ) -> Partner:
        """Whose request this is, accepted once. `path` is the resource path, without stage; `query` is decoded.

        Raises, in this order: `SignatureMissing`, `SignatureExpired`, `SignatureInvalid` (an unknown partner looks the
        same), `PartnerRevoked` (told only to who holds the key), `RequestReplayed`.
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
        expires_at = int(claimed.timestamp) + self._clock_skew_s + REMEMBERED_MARGIN_S
        self._store.remember_request(partner.id, claimed.signature, random_id(self._randomness), expires_at)
        return partner


def _context(partner_id: str) -> dict[str, str]:
    return {"purpose": "partner-key", "partner": partner_id}
