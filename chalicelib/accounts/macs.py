"""Keyed hashes of contacts, and the keys of codes; their two keys never leave KMS.

A plain hash of a phone number could be undone by trying them all.
"""

from __future__ import annotations

import hmac
from collections.abc import Callable
from functools import cache, cached_property
from typing import Any

from .contacts.contact import Contact


class Macs:
    """`kms` gives botocore's KMS client; the keys are KMS HMAC keys. Every call raises what KMS raises."""

    def __init__(self, kms: Callable[[], Any], contacts_key: str, codes_key: str) -> None:
        self._kms = cache(kms)
        self._contacts_key = contacts_key
        self._codes_key = codes_key

    def contact(self, contact: Contact) -> str:
        """The 64 hex digits by which equal contacts are found. One call."""
        return self._mac(self._contacts_key, f"contact/1\0{contact.kind}\0{contact.value}").hex()

    def subject(self, issuer: str, subject: str) -> str:
        """The 64 hex digits by which a person whom another issuer names is found. One call."""
        return self._mac(self._contacts_key, f"subject/1\0{issuer}\0{subject}").hex()

    def code_key(self, sign_in_id: str) -> bytes:
        """The 32 bytes from which a sign-in's codes follow. One call."""
        return self._mac(self._codes_key, f"sign-in/1\0{sign_in_id}")

    def network(self, prefix: str) -> str:
        """The 32 hex digits by which equal networks are found. One call a process."""
        return hmac.digest(self._of_process, f"network/1\0{prefix}".encode(), "sha256").hex()[:32]

    @property
    def work_key(self) -> bytes:
        """The 32 bytes by which challenges of ours are recognised. One call a process."""
        return hmac.digest(self._of_process, b"work/1", "sha256")

    @cached_property
    def _of_process(self) -> bytes:
        return self._mac(self._contacts_key, "process/1")

    def _mac(self, key: str, message: str) -> bytes:
        answer = self._kms().generate_mac(KeyId=key, MacAlgorithm="HMAC_SHA_256", Message=message.encode())
        return bytes(answer["Mac"])
