"""A device with a key, the signing keys of a deployment in memory, and tokens signed with them."""

from __future__ import annotations

import base64
import json
import secrets
from datetime import date, datetime
from typing import Any

from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec
from joserfc import jws
from joserfc.jwk import ECKey, Key
from msgspec.structs import replace

from chalicelib.accounts.tokens.dpop import hash_of
from chalicelib.accounts.tokens.signing_keys import SigningKey, SigningKeys, SigningKeyStore

PUBLIC_URL = "https://api.invalid"


class Device:
    """A phone with an ES256 key, and proofs by it (RFC 9449)."""

    def __init__(self) -> None:
        self.key = ECKey.generate_key("P-256")
        self.jwk: dict[str, Any] = {name: self.key.as_dict(private=False)[name] for name in ("kty", "crv", "x", "y")}
        self.jkt = self.key.thumbprint()

    def proof(
        self,
        method: str,
        path: str,
        now: datetime,
        *,
        access_token: str | None = None,
        nonce: str | None = None,
        header: dict[str, Any] | None = None,
        **claims: Any,
    ) -> str:
        """A proof for a request to the deployment; `header` and `claims` change it, None takes a part away."""
        said = {
            "jti": secrets.token_urlsafe(16),
            "htm": method,
            "htu": PUBLIC_URL + path,
            "iat": int(now.timestamp()),
            "ath": hash_of(access_token) if access_token else None,
            "nonce": nonce,
            **claims,
        }
        head = {"typ": "dpop+jwt", "alg": "ES256", "jwk": self.jwk, **(header or {})}
        return signed(head, said, self.key)


def signed(header: dict[str, Any], claims: dict[str, Any], key: Key) -> str:
    """Any JWS, by any algorithm, without the parts that are None."""
    given = [{name: value for name, value in part.items() if value is not None} for part in (header, claims)]
    text = ".".join(map(encoded, given))
    by = jws.JWSRegistry.algorithms[header["alg"]]
    return f"{text}.{encoded(by.sign(text.encode(), key))}"


class KeysInMemory(SigningKeyStore):
    """What the accounts table does with signing keys, among all processes that share it."""

    def __init__(self) -> None:
        self.kept: dict[tuple[date, int], SigningKey] = {}
        self.reads = 0

    def of(self, day: date) -> list[SigningKey]:
        self.reads += 1
        return [self.kept[place] for place in sorted(self.kept) if place[0] == day]

    def add(self, key: SigningKey) -> bool:
        return self.kept.setdefault((key.day, key.number), key) is key

    def revoke(self, key: SigningKey, now: datetime) -> None:
        kept = self.kept[key.day, key.number]
        self.kept[key.day, key.number] = replace(kept, revoked_at=kept.revoked_at or now)


class Kms:
    """What KMS does with key pairs; `failure` is raised instead of an answer."""

    def __init__(self) -> None:
        self.wrapped: dict[bytes, tuple[bytes, dict[str, str]]] = {}
        self.failure: Exception | None = None
        self.asked: list[str] = []

    def generate_data_key_pair_without_plaintext(self, **asked: Any) -> dict[str, Any]:
        self._ask("make")
        assert asked["KeyPairSpec"] == "ECC_NIST_P256"
        key, blob = ec.generate_private_key(ec.SECP256R1()), secrets.token_bytes(16)
        self.wrapped[blob] = in_der(key), asked["EncryptionContext"]
        return {"PublicKey": public_in_der(key), "PrivateKeyCiphertextBlob": blob}

    def decrypt(self, **asked: Any) -> dict[str, Any]:
        self._ask("open")
        plain, context = self.wrapped[asked["CiphertextBlob"]]
        assert context == asked["EncryptionContext"]
        return {"Plaintext": plain}

    def _ask(self, what: str) -> None:
        self.asked.append(what)
        if self.failure:
            raise self.failure


def in_der(key: ec.EllipticCurvePrivateKey) -> bytes:
    """As KMS gives a private key."""
    form = serialization.Encoding.DER, serialization.PrivateFormat.PKCS8, serialization.NoEncryption()
    return key.private_bytes(*form)


def public_in_der(key: ec.EllipticCurvePrivateKey) -> bytes:
    return key.public_key().public_bytes(serialization.Encoding.DER, serialization.PublicFormat.SubjectPublicKeyInfo)


def process(store: SigningKeyStore | None = None, kms: Kms | None = None) -> SigningKeys:
    """The keys as one process knows them."""
    made = kms or Kms()
    return SigningKeys(lambda: made, "alias/data", store or KeysInMemory())


def encoded(part: Any) -> str:
    """A segment of a token."""
    raw = part if isinstance(part, bytes) else json.dumps(part).encode()
    return base64.urlsafe_b64encode(raw).rstrip(b"=").decode()
