"""The signing keys of training partners: made once, stored sealed by KMS, opened when a request needs them."""

from __future__ import annotations

from datetime import datetime, timedelta
from typing import Any

from .rules import Partner

KEPT = timedelta(minutes=5)
"""How long an opened key stays in the memory of a process: a request need not pay for KMS, a dump tells little."""


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


def _context(partner_id: str) -> dict[str, str]:
    return {"purpose": "partner-key", "partner": partner_id}
