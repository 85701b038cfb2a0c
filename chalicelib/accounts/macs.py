"""Keyed hashes of contacts, and the keys of codes. The two KMS keys behind them never leave KMS.

A hash without a key could be reversed by trying all phone numbers.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from functools import cache, cached_property
from typing import Any

from .contacts.contact import Contact


class Macs:
    """`kms` returns botocore's KMS client. The keys are HMAC keys of KMS. Every call raises what KMS raises."""

    def __init__(self, kms: Callable[[], Any], contacts_key: str, codes_key: str) -> None:
        self._kms = cache(kms)
        self._contacts_key = contacts_key
        self._codes_key = codes_key

    def contact(self, contact: Contact) -> str:
        """The keyed hash of a contact: 64 hex digits. One call."""
        return self._mac(self._contacts_key, f"contact/1\0{contact.kind}\0{contact.value}").hex()

    def subject(self, issuer: str, subject: str) -> str:
        """The keyed hash of another issuer's name and subject: 64 hex digits. One call."""
        return self._mac(self._contacts_key, f"subject/1\0{issuer}\0{subject}").hex()

    def code_key(self, sign_in_id: str) -> bytes:
        """The key of a sign-in's codes: 32 bytes. One call."""
        return self._mac(self._codes_key, f"sign-in/1\0{sign_in_id}")

    def network(self, prefix: str) -> str:
        """The keyed hash of a network: 32 hex digits. One call a process."""
        return hmac.digest(self._of_process, f"network/1\0{prefix}".encode(), "sha256").hex()[:32]

    @property
    def work_key(self) -> bytes:
        """The key that authenticates our challenges for proofs of work: 32 bytes. One call a process."""
        return hmac.digest(self._of_process, b"work/1", "sha256")

    @cached_property
    def _of_process(self) -> bytes:
        return self._mac(self._contacts_key, "process/1")

    def _mac(self, key: str, message: str) -> bytes:
        answer = self._kms().generate_mac(KeyId=key, MacAlgorithm="HMAC_SHA_256", Message=message.encode())
        return bytes(answer["Mac"])
