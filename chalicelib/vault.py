"""The data vault: what names a person leaves this module only as a keyed hash or sealed under that person's own key.

There are two KMS keys, which never leave KMS. The MAC key turns a NIK, KK, phone, account or certificate number into a
keyed hash, so that equal numbers are found without storing one; a plain hash of 16 digits could be undone by trying
them all. The data key wraps one AES-256 key per person. The wrapped key is kept with the person's registration:
destroying that one attribute makes everything sealed for them unreadable, in backups too.
"""

from __future__ import annotations

from collections.abc import Callable
from typing import TYPE_CHECKING, Any, Literal

from .aws.kms import Kms
from .ids import Randomness, system_randomness
from .values import Hidden

if TYPE_CHECKING:
    from cryptography.hazmat.primitives.ciphers.aead import AESGCM

MacKind = Literal["nik", "kk", "phone", "account", "certificate", "batch", "step", "name"]
SealKind = Literal[
    "contact/1",
    "sign-in/1",
    "person/1",
    "address/1",
    "payment/1",
    "grievance/1",
    "correction/1",
    "certificate/1",
    "review/1",
]
"""What was sealed, with the version of its form."""

_NONCE_BYTES = 12
_FORMAT = b"\x01"  # AES-256-GCM: format, nonce, ciphertext with tag


class PersonKey(Hidden, frozen=True):
    """One person's data key, open; `wrapped` is its stored form. Lives as long as one request."""

    wrapped: bytes
    _registrant_id: str
    _cipher: AESGCM
    _randomness: Randomness

    def seal(self, kind: SealKind, plain: bytes) -> bytes:
        """Encrypt for this person and this kind of item; it opens as no other kind."""
        nonce = self._randomness(_NONCE_BYTES)
        return _FORMAT + nonce + self._cipher.encrypt(nonce, plain, self._context(kind))

    def unseal(self, kind: SealKind, sealed: bytes) -> bytes:
        """Decrypt. Raises `cryptography.exceptions.InvalidTag` if it was sealed for another person or kind, or damaged.

        That means a broken store and no user's mistake, so it is no domain error.
        """
        nonce, ciphertext = sealed[1 : 1 + _NONCE_BYTES], sealed[1 + _NONCE_BYTES :]
        return self._cipher.decrypt(nonce, ciphertext, self._context(kind))

    def _context(self, kind: SealKind) -> bytes:
        return _FORMAT + f"{self._registrant_id}\0{kind}".encode()


class Vault:
    """Every method is one KMS call. Raises `Unavailable` when KMS is late or busy; nothing is cached.

    `kms` gives botocore's KMS client; it is called at the first need, which a join never has.
    """

    def __init__(
        self, kms: Callable[[], Any], mac_key: str, data_key: str, randomness: Randomness = system_randomness
    ) -> None:
        self._kms = Kms(kms)
        self._mac_key = mac_key
        self._data_key = data_key
        self._randomness = randomness

    def mac(self, kind: MacKind, text: str) -> str:
        """HMAC-SHA-256 of a normalised number as 64 hex digits; a NIK never has the mac of an equal KK."""
        message = f"{kind}/1\0{text}".encode()
        answer = self._kms.ask("generate_mac", KeyId=self._mac_key, MacAlgorithm="HMAC_SHA_256", Message=message)
        return bytes(answer["Mac"]).hex()

    def new_key(self, registrant_id: str) -> PersonKey:
        """A new key for a person."""
        context = {"registrant": registrant_id}
        answer = self._kms.ask("generate_data_key", KeyId=self._data_key, KeySpec="AES_256", EncryptionContext=context)
        return self._open(registrant_id, answer["CiphertextBlob"], answer["Plaintext"])

    def open_key(self, registrant_id: str, wrapped: bytes) -> PersonKey:
        """A person's key as it was stored; KMS opens it for that person only."""
        context = {"registrant": registrant_id}
        answer = self._kms.ask("decrypt", KeyId=self._data_key, CiphertextBlob=wrapped, EncryptionContext=context)
        return self._open(registrant_id, wrapped, answer["Plaintext"])

    def _open(self, registrant_id: str, wrapped: bytes, plain_key: bytes) -> PersonKey:
        # Imported here: most requests of the function, the joins among them, seal nothing.
        from cryptography.hazmat.primitives.ciphers.aead import AESGCM

        return PersonKey(bytes(wrapped), registrant_id, AESGCM(plain_key), self._randomness)
