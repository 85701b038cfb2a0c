"""Each token that a stranger makes is refused, for the reason that it was made for."""

from __future__ import annotations

import hashlib
import hmac
import json
from base64 import urlsafe_b64decode
from typing import Any

import jwt
import pytest
from cryptography.hazmat.primitives.asymmetric import rsa
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat

from chalicelib.registration.errors import InvalidToken
from chalicelib.registration.tokens import TokenVerifier
from local.demo import forged_tokens
from local.demo.people import Way
from tests.conftest import T0

ISSUER = "https://cognito-idp.ap-southeast-3.amazonaws.com/ap-southeast-3_ours"
POOL = rsa.generate_private_key(public_exponent=65537, key_size=2048)
WAYS = [Way.FORGED, Way.UNSIGNED, Way.OTHER_POOL, Way.OTHER_CLIENT, Way.PUBLIC_KEY]


def keys() -> dict[str, Any]:
    shown = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(POOL.public_key()))
    return {"keys": [shown | {"kid": "one", "alg": "RS256", "use": "sig"}]}


def verify(token: str, issuer: str = ISSUER) -> str:
    return TokenVerifier(issuer, "ours", f"{ISSUER}/jwks", lambda _: json.dumps(keys()).encode(), lambda: T0).verify(
        token
    )


@pytest.fixture(scope="module")
def own() -> str:
    """A token that the pool has given to the stranger."""
    claims = {"sub": "person-1", "iss": ISSUER, "client_id": "ours", "token_use": "access"}
    return jwt.encode(claims | {"exp": int(T0.timestamp()) + 60}, POOL, "RS256", headers={"kid": "one"})


def test_the_stranger_s_own_token_is_accepted(own: str) -> None:
    assert verify(own) == verify(forged_tokens.spoiled(Way.FORM, own, keys)) == "person-1"


@pytest.mark.parametrize("way", WAYS)
def test_what_the_stranger_makes_of_it_is_refused(own: str, way: Way) -> None:
    made = forged_tokens.spoiled(way, own, keys)
    assert made != own
    with pytest.raises(InvalidToken):
        verify(made)


def test_another_pool_s_token_is_sound_and_only_not_ours(own: str) -> None:
    made = forged_tokens.spoiled(Way.OTHER_POOL, own, keys)
    theirs = forged_tokens._own_key().public_key()
    claims = jwt.decode(made, theirs, ["RS256"], options={"verify_exp": False})
    assert jwt.get_unverified_header(made)["kid"] != "one"
    assert claims["iss"] != ISSUER
    assert claims["iss"].startswith("https://cognito-idp.ap-southeast-3.amazonaws.com/ap-southeast-3_")


def test_a_token_for_another_client_names_the_pool_s_key(own: str) -> None:
    made = forged_tokens.spoiled(Way.OTHER_CLIENT, own, keys)
    assert jwt.get_unverified_header(made)["kid"] == "one"
    assert jwt.decode(made, options={"verify_signature": False})["client_id"] != "ours"


def test_a_verifier_that_obeys_the_header_would_take_the_public_key_for_the_secret(own: str) -> None:
    signed, _, mac = forged_tokens.spoiled(Way.PUBLIC_KEY, own, keys).rpartition(".")
    secret = POOL.public_key().public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    assert json.loads(urlsafe_b64decode(signed.split(".")[0] + "=="))["alg"] == "HS256"
    assert urlsafe_b64decode(mac + "=") == hmac.digest(secret, signed.encode(), hashlib.sha256)
