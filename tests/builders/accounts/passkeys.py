"""A double of authenticator and browser, which makes passkeys and signs with them, rightly or wrongly."""

from __future__ import annotations

import hashlib
import json
import secrets
from base64 import urlsafe_b64decode, urlsafe_b64encode
from collections.abc import Callable
from dataclasses import dataclass, field
from typing import Any, Literal

from cryptography.hazmat.primitives.asymmetric import ec, ed25519, padding, rsa
from cryptography.hazmat.primitives.hashes import SHA256

Algorithm = Literal["ES256", "EdDSA", "RS256"]

PRESENT, VERIFIED, BACKUP_ELIGIBLE, BACKED_UP, ATTESTED = 1, 4, 8, 16, 64
"""Flags of authenticator data (section 6.1)."""
SYNCED = PRESENT | VERIFIED | BACKUP_ELIGIBLE | BACKED_UP
"""What a phone's key store says."""
BOUND = PRESENT | VERIFIED
"""What a key that never leaves its device says."""


def b64(raw: bytes) -> str:
    return urlsafe_b64encode(raw).rstrip(b"=").decode()


def unb64(text: str) -> bytes:
    return urlsafe_b64decode(text + "===")


@dataclass
class Passkey:
    """One credential of an authenticator, and the page that asks for it. `count` is what it says next."""

    algorithm: Algorithm = "ES256"
    rp_id: str = "gelombang.example"
    origin: str = "https://gelombang.example"
    user: str = ""
    count: int = 0
    flags: int = SYNCED
    id: bytes = field(default_factory=lambda: secrets.token_bytes(16))
    key: Any = None

    def __post_init__(self) -> None:
        makers: dict[Algorithm, Callable[[], Any]] = {
            "ES256": lambda: ec.generate_private_key(ec.SECP256R1()),
            "EdDSA": ed25519.Ed25519PrivateKey.generate,
            "RS256": lambda: rsa.generate_private_key(65537, 2048),
        }
        self.key = makers[self.algorithm]()

    def made(
        self, challenge: str, *, kind: str = "webauthn.create", packed: bool = False, **client: object
    ) -> dict[str, Any]:
        """`RegistrationResponseJSON` for a challenge (base64url): attestation "none", or "packed" by its own key."""
        import cbor2  # here, so that a test which makes no passkey needs no such library

        cose = cbor2.dumps(self._cose())
        attested = bytes(16) + len(self.id).to_bytes(2, "big") + self.id + cose
        data, said = self._data(ATTESTED) + attested, self._client_data(kind, challenge, client)
        statement: dict[str, object] = {"alg": self._cose()[3], "sig": self._sign(data, said)} if packed else {}
        whole = {"fmt": "packed" if packed else "none", "attStmt": statement, "authData": data}
        return self._answer({"clientDataJSON": b64(said), "attestationObject": b64(cbor2.dumps(whole))})

    def used(self, challenge: str, *, kind: str = "webauthn.get", **client: object) -> dict[str, Any]:
        """`AuthenticationResponseJSON` for a challenge (base64url)."""
        data, said = self._data(0), self._client_data(kind, challenge, client)
        handle = b64(self.user.encode()) if self.user else None
        return self._answer(
            {
                "clientDataJSON": b64(said),
                "authenticatorData": b64(data),
                "signature": b64(self._sign(data, said)),
                "userHandle": handle,
            }
        )

    def _answer(self, response: dict[str, Any]) -> dict[str, Any]:
        return {
            "id": b64(self.id),
            "rawId": b64(self.id),
            "type": "public-key",
            "response": response,
            "clientExtensionResults": {},
            "authenticatorAttachment": "platform",
        }

    def _data(self, flags: int) -> bytes:
        return (
            hashlib.sha256(self.rp_id.encode()).digest() + bytes([self.flags | flags]) + self.count.to_bytes(4, "big")
        )

    def _client_data(self, kind: str, challenge: str, changes: dict[str, object]) -> bytes:
        said = {"type": kind, "challenge": challenge, "origin": self.origin, "crossOrigin": False}
        return json.dumps(said | changes).encode()

    def _sign(self, data: bytes, said: bytes) -> bytes:
        signed = data + hashlib.sha256(said).digest()
        match self.algorithm:
            case "ES256":
                return bytes(self.key.sign(signed, ec.ECDSA(SHA256())))
            case "EdDSA":
                return bytes(self.key.sign(signed))
            case "RS256":
                return bytes(self.key.sign(signed, padding.PKCS1v15(), SHA256()))

    def _cose(self) -> dict[int, Any]:
        public = self.key.public_key()
        if self.algorithm == "EdDSA":
            return {1: 1, 3: -8, -1: 6, -2: public.public_bytes_raw()}
        numbers = public.public_numbers()
        if self.algorithm == "RS256":
            return {1: 3, 3: -257, -1: numbers.n.to_bytes(256, "big"), -2: numbers.e.to_bytes(3, "big")}
        return {1: 2, 3: -7, -1: 1, -2: numbers.x.to_bytes(32, "big"), -3: numbers.y.to_bytes(32, "big")}
