"""ID tokens of other issuers: which are accepted, and how often an issuer is asked for its keys."""

from __future__ import annotations

import hmac
import json
from datetime import timedelta
from typing import Any

import msgspec
import pytest
from cryptography.hazmat.primitives.serialization import Encoding, PublicFormat
from joserfc.jwk import ECKey, OctKey, OKPKey

from chalicelib.accounts.errors import IdTokenRefused
from chalicelib.accounts.sessions.issuers import ASKED_AT_MOST_EVERY, KEYS_KEPT, Issuers, hashed
from chalicelib.errors import Unavailable
from tests.builders.accounts.issuers import EC, NATIONAL, NONCE, NOW, OTHER, RSA, RULES, Server, claims, encoded, token
from tests.builders.accounts.passkeys import b64, unb64
from tests.conftest import T0


@pytest.fixture
def server() -> Server:
    return Server()


@pytest.fixture
def issuers(server: Server) -> Issuers:
    return Issuers([RULES], server.fetch)


def refused(issuers: Issuers, sent: str, name: str = RULES.name, nonce: str = NONCE) -> bool:
    with pytest.raises(IdTokenRefused) as error:
        issuers.identity(name, sent, nonce, T0)
    return error.value.facts == {}


@pytest.mark.parametrize(("key", "algorithm"), [(EC, "ES256"), (RSA, "RS256")], ids=["ES256", "RS256"])
@pytest.mark.parametrize(
    "changes",
    [{}, {"aud": [RULES.audience]}, {"azp": RULES.audience}, {"typ": "ID"}, {"token_use": "id"}, {"iat": NOW + 60}]
    + [{"iat": NOW - 600}, {"exp": NOW + 1}, {"email": "somebody@example.com"}],
    ids=str,
)
def test_an_id_token_for_us_names_its_subject(issuers, key, algorithm, changes):
    found = issuers.identity(RULES.name, token(key, algorithm, **changes), NONCE, T0)
    assert (found.issuer, found.subject) == (RULES.issuer, "3174")


@pytest.mark.parametrize(
    "changes",
    [{"iss": "https://evil.example"}, {"iss": None}, {"iss": "https://id.example/"}, {"aud": "other"}, {"aud": None}]
    + [{"aud": []}, {"aud": [RULES.audience, "other"]}, {"aud": {"a": 1}}, {"azp": "other"}]
    + [{"typ": "Bearer"}, {"typ": "Refresh"}, {"token_use": "access"}]
    + [{"exp": NOW}, {"exp": None}, {"exp": "9999999999"}, {"exp": NOW + 1.5}, {"exp": True}]
    + [{"iat": NOW + 61}, {"iat": NOW - 601}, {"iat": None}, {"iat": 10**400}, {"iat": -(10**400)}]
    + [{"nonce": None}, {"nonce": NONCE}, {"nonce": hashed("another")}, {"nonce": [hashed(NONCE)]}, {"nonce": "\ud800"}]
    + [{"sub": None}, {"sub": ""}, {"sub": 3174}, {"sub": "\ud800"}, {"sub": "x" * 256}],
    ids=lambda changes: str(changes)[:40],
)
def test_claims_that_are_not_for_us_are_refused(issuers, changes):
    assert refused(issuers, token(**changes))


SEEN: dict[str, Any] = {"nik": "3174095708950001", "acr": "high", "auth_time": NOW - 600}


@pytest.mark.parametrize(
    ("changes", "rules"),
    [({"acr": "low"}, NATIONAL), ({"acr": None}, NATIONAL), ({"acr": ["high"]}, NATIONAL), ({}, RULES)]
    + [({"auth_time": at}, NATIONAL) for at in (None, NOW - 601, NOW + 61, str(NOW))]
    + [({"nik": nik}, NATIONAL) for nik in (None, "", 3174095708950001, "317409570895000", "3174095708950001\n")]
    + [({"nonce": hashed("another")}, NATIONAL), ({"aud": "other"}, NATIONAL), ({"exp": NOW}, NATIONAL)],
    ids=str,
)
def test_only_a_recent_and_strong_sign_in_at_the_national_id_says_whose_nik_it_is(server, changes, rules):
    assert Issuers([NATIONAL], server.fetch).nik(RULES.name, token(**SEEN), NONCE, T0) == SEEN["nik"]
    with pytest.raises(IdTokenRefused):
        Issuers([rules], server.fetch).nik(RULES.name, token(**SEEN | changes), NONCE, T0)


def signed_with_the_public_key() -> str:
    """As a verifier takes it that lets the token choose HMAC and has only the issuer's public key."""
    pem = RSA.public_key.public_bytes(Encoding.PEM, PublicFormat.SubjectPublicKeyInfo)
    words = f"{encoded({'alg': 'HS256', 'kid': 'rsa'})}.{encoded(claims())}"
    return f"{words}.{b64(hmac.digest(pem, words.encode(), 'sha256'))}"


CONFUSED = {
    "none": lambda: f"{encoded({'alg': 'none', 'kid': 'ec'})}.{encoded(claims())}.",
    "HS256 with the public key": signed_with_the_public_key,
    "an algorithm that is not allowed": lambda: token(RSA, "PS256"),
    "another key under the same name": lambda: token(OTHER),
    "an unknown key": lambda: token(ECKey.generate_key("P-256", {"kid": "new"})),
    "no key named": lambda: token(header={"kid": None}),
    "a key named by a number": lambda: token(header={"kid": 1}),
    "a key in the header": lambda: token(OTHER, header={"jwk": OTHER.as_dict(private=False)}),
    "a key's address in the header": lambda: token(OTHER, header={"jku": "https://evil.example/jwks"}),
    "something critical": lambda: token(header={"crit": ["x"], "x": 1}),
    "critical, and no list": lambda: token(header={"crit": 5}),
    "a header that is a list": lambda: ".".join([encoded(["alg"]), *token().split(".")[1:]]),
    "a header that is a text": lambda: ".".join([encoded("alg"), *token().split(".")[1:]]),
    "claims that are a list": lambda: token(words=[claims()]),
    "an access token": lambda: token(header={"typ": "at+jwt"}),
    "a logout token": lambda: token(header={"typ": "logout+jwt"}),
    "an ES256 key for RS256": lambda: ".".join([encoded({"alg": "RS256", "kid": "ec"}), *token().split(".")[1:]]),
    "cut": lambda: token()[:-10],
    "claims changed": lambda: ".".join([token().split(".")[0], token(sub="9999").split(".")[1], token().split(".")[2]]),
    "no token": lambda: "a.b.c",
    "nothing": lambda: "",
    "five parts": lambda: "a.b.c.d.e",
    "not ASCII": lambda: "é.é.é",
}


@pytest.mark.parametrize("what", CONFUSED)
def test_a_token_with_another_header_or_signature_is_refused(issuers, what):
    assert refused(issuers, CONFUSED[what]())


def test_an_unknown_issuer_is_refused_like_any_wrong_token(issuers):
    assert refused(issuers, token(), name="nobody")
    assert refused(Issuers([], lambda _: b""), token())


def test_a_token_with_another_clients_nonce_is_refused(issuers):
    assert refused(issuers, token(), nonce="what somebody else knows, and long too")


def test_a_key_of_another_issuer_signs_for_that_one_only():
    """Both issuers may name their keys alike."""
    mine = msgspec.structs.replace(RULES, name="other", issuer="https://other.example", jwks_url="https://other/jwks")
    sets = {RULES.jwks_url: [EC], mine.jwks_url: [OTHER]}
    issuers = Issuers(
        [RULES, mine], lambda url: json.dumps({"keys": [key.as_dict(private=False) for key in sets[url]]}).encode()
    )
    assert issuers.identity("other", token(OTHER, iss=mine.issuer), NONCE, T0).issuer == mine.issuer
    assert refused(issuers, token(OTHER), name=RULES.name)
    assert refused(issuers, token(OTHER), name="other")
    assert refused(issuers, token(EC, iss=mine.issuer), name="other")


def test_one_token_in_two_encodings_has_one_id(issuers):
    """Whoever has an ES256 signature can write a second one of the same words, without the key."""
    order = 0xFFFFFFFF00000000FFFFFFFFFFFFFFFFBCE6FAADA7179E84F3B9CAC2FC632551
    sent = token()
    words, _, signature = sent.rpartition(".")
    raw = unb64(signature)
    r, s = int.from_bytes(raw[:32], "big"), int.from_bytes(raw[32:], "big")
    other = b64(r.to_bytes(32, "big") + (order - s).to_bytes(32, "big"))
    ids = {issuers.identity(RULES.name, f"{words}.{one}", NONCE, T0).token_id for one in (signature, other)}
    assert other != signature
    assert len(ids) == 1
    assert issuers.identity(RULES.name, token(iat=NOW - 1), NONCE, T0).token_id not in ids


def test_keys_are_fetched_once_and_again_after_an_hour(issuers, server):
    for later in (timedelta(0), timedelta(minutes=5), KEYS_KEPT - timedelta(seconds=1)):
        now = T0 + later
        issuers.identity(RULES.name, token(iat=int(now.timestamp()), exp=NOW + 9999), NONCE, now)
    assert server.asked == 1
    now = T0 + KEYS_KEPT
    server.keys = (RSA,)
    with pytest.raises(IdTokenRefused):  # withdrawn in the meantime
        issuers.identity(RULES.name, token(iat=int(now.timestamp()), exp=NOW + 9999), NONCE, now)
    assert server.asked == 2


def test_unknown_keys_cause_few_fetches(issuers, server):
    for second in range(0, 120, 2):
        with pytest.raises(IdTokenRefused):
            issuers.identity(RULES.name, token(header={"kid": f"x{second}"}), NONCE, T0 + timedelta(seconds=second))
    assert server.asked == 2


def test_a_new_key_is_found_a_minute_after_the_last_fetch(issuers, server):
    new = ECKey.generate_key("P-256", {"kid": "new"})
    issuers.identity(RULES.name, token(), NONCE, T0)
    server.keys = (EC, new)
    assert refused(issuers, token(new))
    assert issuers.identity(RULES.name, token(new), NONCE, T0 + ASKED_AT_MOST_EVERY).subject == "3174"


@pytest.mark.parametrize("fault", [OSError("slow"), Unavailable(), ValueError("not JSON")], ids=repr)
def test_an_unreachable_issuer_is_asked_once_a_minute_and_refuses_nobody(issuers, server, fault):
    server.fault = fault
    for second in range(0, 60, 5):
        with pytest.raises(Unavailable):
            issuers.identity(RULES.name, token(), NONCE, T0 + timedelta(seconds=second))
    assert server.asked == 1
    server.fault = None
    assert issuers.identity(RULES.name, token(), NONCE, T0 + ASKED_AT_MOST_EVERY).subject == "3174"


def test_a_known_key_is_accepted_while_the_issuer_is_unreachable(issuers, server):
    issuers.identity(RULES.name, token(), NONCE, T0)
    server.fault, later = OSError("slow"), T0 + ASKED_AT_MOST_EVERY
    with pytest.raises(Unavailable):
        issuers.identity(RULES.name, token(header={"kid": "new"}), NONCE, later)
    assert issuers.identity(RULES.name, token(), NONCE, later).subject == "3174"


@pytest.mark.parametrize("sent", [b"", b"[]", b"{}", b'{"keys": 1}', b"\xff", b"null"])
def test_a_malformed_set_of_keys_counts_as_no_answer(sent):
    with pytest.raises(Unavailable):
        Issuers([RULES], lambda _: sent).identity(RULES.name, token(), NONCE, T0)


def test_keys_of_unknown_kinds_do_not_hide_others(server):
    secret = OctKey.generate_key(256, {"kid": "oct"})
    odd = [{"kty": "AKP", "kid": "pq"}, {"kty": "EC", "kid": "broken", "crv": "P-256", "x": "!"}, 7, "x", {}]
    whole = json.dumps({"keys": [*odd, secret.as_dict(private=True), EC.as_dict(private=False)]}).encode()
    issuers = Issuers([RULES], lambda _: whole)
    assert issuers.identity(RULES.name, token(), NONCE, T0).subject == "3174"
    assert refused(issuers, token(secret, "HS256"))


def test_a_token_without_a_key_id_is_verified_with_the_only_key():
    unnamed = {name: value for name, value in EC.as_dict(private=False).items() if name != "kid"}
    issuers = Issuers([RULES], lambda _: json.dumps({"keys": [unnamed]}).encode())
    assert issuers.identity(RULES.name, token(header={"kid": None}), NONCE, T0).subject == "3174"
    assert refused(issuers, token(OTHER, header={"kid": None}))


@pytest.mark.filterwarnings("ignore:EdDSA is deprecated")  # and what Keycloak calls it
def test_an_edwards_key_is_accepted_if_its_algorithm_is_allowed():
    key = OKPKey.generate_key("Ed25519", {"kid": "ed"})
    served = Server(key).fetch
    for algorithm in ("Ed25519", "EdDSA"):
        rules = msgspec.structs.replace(RULES, algorithms=(algorithm,))
        assert Issuers([rules], served).identity(RULES.name, token(key, algorithm), NONCE, T0).subject == "3174"
    assert refused(Issuers([RULES], served), token(key, "Ed25519"))
