"""Another issuer (OpenID Connect) with its keys, and right or wrong tokens by them."""

from __future__ import annotations

import json
from typing import Any

from joserfc import jws
from joserfc.jwk import ECKey, RSAKey
from joserfc.jws import JWSRegistry
from msgspec.structs import replace

from chalicelib.accounts.sessions.issuers import hashed
from chalicelib.figures.people import IssuerRules, PresenceClaims, SignInPage
from tests.builders.accounts.passkeys import b64
from tests.conftest import T0

RULES = IssuerRules(
    name="national-id",
    issuer="https://id.example",
    audience="gelombang",
    algorithms=("ES256", "RS256"),
    jwks_url="https://id.example/jwks",
)
NATIONAL = replace(RULES, presence=PresenceClaims("nik", ("high", "highest")))
"""The same, whose sign-in proves that a NIK is the person's."""
AUTHORIZE, TOKENS = "https://id.example/authorize?ui=mobile", "https://token.id.example:8443/token"
PAGED = replace(NATIONAL, presence=PresenceClaims("nik", ("high", "highest"), SignInPage("IKD", AUTHORIZE, TOKENS)))
"""The same, to which the citizen's page leads."""
NONCE = "what only the client knows, and long"
EC, RSA, OTHER = (
    ECKey.generate_key("P-256", {"kid": "ec"}),
    RSAKey.generate_key(2048, {"kid": "rsa"}),
    ECKey.generate_key("P-256", {"kid": "ec"}),
)
NOW = int(T0.timestamp())


class Server:
    """An issuer's keys, as they are fetched. `fault` comes instead of them; `asked` says how often."""

    def __init__(self, *keys: Any) -> None:
        self.keys = keys or (EC, RSA)
        self.fault: Exception | None = None
        self.asked = 0

    def fetch(self, url: str) -> bytes:
        self.asked += 1
        assert url == RULES.jwks_url
        if self.fault:
            raise self.fault
        return json.dumps({"keys": [key.as_dict(private=False) for key in self.keys]}).encode()


def claims(**changes: Any) -> dict[str, Any]:
    said = {"iss": RULES.issuer, "aud": RULES.audience, "sub": "3174", "iat": NOW, "exp": NOW + 300}
    said |= {"nonce": hashed(NONCE)} | changes
    return {name: value for name, value in said.items() if value is not None}


class Lax(JWSRegistry):
    """Signs under any header."""

    def check_header(self, header: Any) -> None:
        pass


def encoded(said: Any) -> str:
    return b64(json.dumps(said).encode())


def token(key: Any = EC, algorithm: str = "ES256", header: Any = None, words: Any = None, **changes: Any) -> str:
    registry = Lax(algorithms=list(JWSRegistry.algorithms))
    head = {"alg": algorithm, "kid": key.kid if key else "ec"} | (header or {})
    payload = json.dumps(words or claims(**changes))  # in ASCII: a lone surrogate can be written so, and only so
    return jws.serialize_compact({k: v for k, v in head.items() if v is not None}, payload, key, registry=registry)
