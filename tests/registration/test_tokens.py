"""An access token of our pool and client is accepted; everything else is not."""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
from datetime import timedelta

import boto3
import jwt
import pytest
from cryptography.hazmat.primitives import serialization
from cryptography.hazmat.primitives.asymmetric import ec, rsa
from moto.cognitoidp.responses import CognitoIdpJsonWebKeyResponse

from chalicelib.accounts.errors import InvalidToken
from chalicelib.clock import utc_now
from chalicelib.errors import Unavailable
from chalicelib.registration.accounts import REFETCH_AT_MOST_EVERY, Accounts, TokenVerifier
from tests.conftest import T0

ISSUER = "https://cognito-idp.ap-southeast-3.amazonaws.com/ap-southeast-3_ours"
JWKS_URL = f"{ISSUER}/.well-known/jwks.json"
CLIENT = "our-client"
OURS = rsa.generate_private_key(public_exponent=65537, key_size=2048)
THEIRS = rsa.generate_private_key(public_exponent=65537, key_size=2048)


class Pool:
    """The pool's key server: which keys it shows, how often it was asked, whether it answers."""

    def __init__(self, **keys):
        self.keys = keys
        self.asked = 0
        self.failure = None

    def fetch(self, url):
        assert url == JWKS_URL
        self.asked += 1
        if self.failure:
            raise self.failure
        jwks = [
            json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(key.public_key()))
            | {"kid": kid, "alg": "RS256", "use": "sig"}
            for kid, key in self.keys.items()
        ]
        return json.dumps({"keys": jwks}).encode()


class Clock:
    def __init__(self):
        self.time = T0

    def __call__(self):
        return self.time


@pytest.fixture
def clock():
    return Clock()


@pytest.fixture
def pool():
    return Pool(one=OURS)


@pytest.fixture
def verifier(pool, clock):
    return TokenVerifier(ISSUER, CLIENT, JWKS_URL, pool.fetch, clock)


def claims(**changes):
    valid = {
        "sub": "person-1",
        "iss": ISSUER,
        "client_id": CLIENT,
        "token_use": "access",
        "iat": int(T0.timestamp()),
        "exp": int(T0.timestamp()) + 3600,
    } | changes
    return {name: value for name, value in valid.items() if value is not None}


def token(key=OURS, kid="one", algorithm="RS256", headers=None, **changes):
    return jwt.encode(claims(**changes), key, algorithm, headers={"kid": kid} | (headers or {}))


def encoded(part):
    return base64.urlsafe_b64encode(json.dumps(part).encode()).rstrip(b"=").decode()


def changed_character(part: int) -> str:
    parts = token().split(".")
    middle = len(parts[part]) // 2
    parts[part] = parts[part][:middle] + ("A" if parts[part][middle] != "A" else "B") + parts[part][middle + 1 :]
    return ".".join(parts)


def unsigned(algorithm: str, kid: object = "one") -> str:
    return f"{encoded({'alg': algorithm, 'kid': kid, 'typ': 'JWT'})}.{encoded(claims())}"


def signed_with_our_public_key_as_a_secret(encoding: serialization.Encoding) -> str:
    public = OURS.public_key().public_bytes(encoding, serialization.PublicFormat.SubjectPublicKeyInfo)
    signed = unsigned("HS256")
    mac = base64.urlsafe_b64encode(hmac.digest(public, signed.encode(), hashlib.sha256)).rstrip(b"=").decode()
    return f"{signed}.{mac}"


def with_a_key_of_its_own() -> str:
    jwk = json.loads(jwt.algorithms.RSAAlgorithm.to_jwk(THEIRS.public_key()))
    return token(key=THEIRS, headers={"jwk": jwk, "jku": "https://example.org/jwks.json"})


WRONG_CLAIMS = [
    {"iss": "https://cognito-idp.ap-southeast-3.amazonaws.com/ap-southeast-3_theirs"},
    *({name: None} for name in ("iss", "client_id", "token_use", "exp", "sub")),
    {"client_id": "another-client"},
    {"token_use": "id"},
    {"token_use": "id", "aud": CLIENT, "client_id": None},
    {"exp": "never"},
    {"exp": True},
    {"sub": ""},
]
FORGED = {
    **{f"claims {changes}": token(**changes) for changes in WRONG_CLAIMS},
    "signed by another pool under our key's name": token(key=THEIRS),
    **{f"a changed character in part {part}": changed_character(part) for part in range(3)},
    **{f"no signature {name!r}": f"{unsigned(name)}." for name in ("none", "None", "NONE", "")},
    **{
        f"no signature {name!r}, with one": f"{unsigned(name)}.{token().split('.')[2]}"
        for name in ("none", "None", "NONE", "")
    },
    "our public key as a secret, PEM": signed_with_our_public_key_as_a_secret(serialization.Encoding.PEM),
    "our public key as a secret, DER": signed_with_our_public_key_as_a_secret(serialization.Encoding.DER),
    **{f"our key by {name}": token(algorithm=name) for name in ("RS384", "RS512", "PS256")},
    "an elliptic key": token(key=ec.generate_private_key(ec.SECP256R1()), algorithm="ES256"),
    "a key that it brings along": with_a_key_of_its_own(),
    "no key named": f"{encoded({'alg': 'RS256', 'typ': 'JWT'})}.{encoded(claims())}.AAAA",
    **{f"key {kid!r}": f"{unsigned('RS256', kid)}.AAAA" for kid in (7, ["one"], "")},
    **{text[:20]: text for text in ("", "x", "a.b", "a.b.c", "a.b.c.d", "....", "\0", "é.é.é", "Bearer x", "." * 9000)},
}


@pytest.mark.parametrize("forged", FORGED)
def test_any_other_token_is_refused(verifier, forged):
    with pytest.raises(InvalidToken):
        verifier.verify(FORGED[forged])


def test_a_token_is_valid_until_the_second_it_expires(verifier, clock):
    valid = token()
    clock.time = T0 + timedelta(seconds=3600) - timedelta(milliseconds=1)
    assert verifier.verify(valid) == "person-1"
    clock.time = T0 + timedelta(seconds=3600)
    with pytest.raises(InvalidToken):
        verifier.verify(valid)


def test_keys_are_fetched_once_and_a_new_one_is_learned_at_most_once_a_minute(verifier, pool, clock):
    for _ in range(3):
        assert verifier.verify(token()) == "person-1"
    assert pool.asked == 1
    pool.keys["two"] = THEIRS
    new = token(key=THEIRS, kid="two")
    for _ in range(5):
        with pytest.raises(InvalidToken):
            verifier.verify(new)
    assert pool.asked == 1
    clock.time += REFETCH_AT_MOST_EVERY
    assert verifier.verify(new) == "person-1"
    assert verifier.verify(token()) == "person-1"
    assert pool.asked == 2
    pool.keys = {"three": THEIRS}
    clock.time += REFETCH_AT_MOST_EVERY
    assert verifier.verify(token(key=THEIRS, kid="three")) == "person-1"
    with pytest.raises(InvalidToken):
        verifier.verify(token())  # its key was withdrawn


@pytest.mark.parametrize("failure", [OSError("no route"), TimeoutError(), Unavailable()])
def test_a_token_that_cannot_be_checked_is_not_accepted_and_may_be_tried_again(verifier, pool, failure):
    pool.failure = failure
    with pytest.raises(Unavailable):
        verifier.verify(token())
    pool.failure = None
    assert verifier.verify(token()) == "person-1"


def test_an_outage_of_the_key_server_does_not_disturb_keys_already_known(verifier, pool, clock):
    verifier.verify(token())
    pool.failure = OSError("no route")
    clock.time += timedelta(minutes=30)
    assert verifier.verify(token()) == "person-1"
    with pytest.raises(Unavailable):
        verifier.verify(token(kid="unknown"))
    assert verifier.verify(token()) == "person-1"


@pytest.mark.parametrize(
    "answer", [b"", b"<html>", b"[]", b"{}", b'{"keys": []}', b'{"keys": [{"kty": "RSA"}]}', b"\xff"]
)
def test_an_answer_that_is_no_key_set_accepts_nothing(clock, answer):
    verifier = TokenVerifier(ISSUER, CLIENT, JWKS_URL, lambda _: answer, clock)
    with pytest.raises((Unavailable, InvalidToken)):
        verifier.verify(token())


def test_a_symmetric_key_in_the_key_set_is_not_used(clock):
    shared = b"0" * 32
    jwks = {"keys": [{"kty": "oct", "kid": "one", "k": base64.urlsafe_b64encode(shared).decode().rstrip("=")}]}
    verifier = TokenVerifier(ISSUER, CLIENT, JWKS_URL, lambda _: json.dumps(jwks).encode(), clock)
    with pytest.raises(InvalidToken):
        verifier.verify(jwt.encode(claims(), shared, "HS256", headers={"kid": "one"}))


def test_a_token_that_the_pool_issued_is_accepted_and_its_id_token_is_not(cloud):
    """End to end with a real pool's tokens (moto's), which carry the present time."""
    cognito = boto3.client("cognito-idp", cloud.region)
    accounts = Accounts(cognito, cloud.user_pool_client)
    accounts.sign_up("siti@example.org", "Correct horse 1 battery!", "id")
    accounts.confirm("siti@example.org", "123456")
    sub = cognito.list_users(UserPoolId=cloud.user_pool)["Users"][0]["Username"]

    def fetch(url: str) -> bytes:
        assert url == cloud.jwks_url
        keys: bytes = CognitoIdpJsonWebKeyResponse.json_web_key
        return keys

    def verifier(issuer=cloud.issuer, client=cloud.user_pool_client):
        return TokenVerifier(issuer, client, cloud.jwks_url, fetch, utc_now)

    session = accounts.sign_in("siti@example.org", "Correct horse 1 battery!")
    assert verifier().verify(session.access_token) == sub
    assert verifier().verify(accounts.refresh(session.refresh_token).access_token) == sub
    for other in (verifier(issuer=ISSUER), verifier(client=CLIENT)):
        with pytest.raises(InvalidToken):
            other.verify(session.access_token)
    id_token = cognito.initiate_auth(
        ClientId=cloud.user_pool_client,
        AuthFlow="USER_PASSWORD_AUTH",
        AuthParameters={"USERNAME": "siti@example.org", "PASSWORD": "Correct horse 1 battery!"},
    )["AuthenticationResult"]["IdToken"]
    with pytest.raises(InvalidToken):
        verifier().verify(id_token)
