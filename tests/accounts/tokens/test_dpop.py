"""Proofs of possession: only one by the device's key, for this request and for now is accepted (RFC 9449, 4.3)."""

from __future__ import annotations

import hashlib
import json
from datetime import timedelta

import pytest
from hypothesis import given
from hypothesis import strategies as st
from joserfc import jws
from joserfc.jwk import ECKey, OctKey, OKPKey, RSAKey

from chalicelib.accounts.errors import InvalidDpopProof, UseDpopNonce
from chalicelib.accounts.tokens.dpop import AHEAD_MAX, LENGTH_MAX, LIFETIME, Proofs
from chalicelib.accounts.tokens.tokens import NONCE_LIFETIME, Tokens
from chalicelib.errors import Unavailable
from tests.builders.accounts.accounts import PUBLIC_URL, Device, Kms, encoded, process, signed
from tests.conftest import T0

SECOND = timedelta(seconds=1)
YEARS = timedelta(days=2000)
TOKENS = Tokens(process(), PUBLIC_URL)
PROOFS = Proofs(TOKENS, PUBLIC_URL)
PHONE = Device()
PATH = "/sessions/refreshes"
REQUEST = ("POST", PATH)
ACCESS = TOKENS.issue("account-1", "session-1", PHONE.jkt, T0, 300)


def proof(**changes) -> str:
    return PHONE.proof(*REQUEST, T0, **changes)


def judged(text: str, now=T0, **given):
    return PROOFS.verify([text], *REQUEST, now, **given)


def test_a_proof_gives_key_id_and_time():
    found = judged(proof(jti="0123456789abcdef"))
    assert (found.jkt, found.jti, found.at) == (PHONE.jkt, "0123456789abcdef", T0)
    said = json.dumps(PHONE.jwk, sort_keys=True, separators=(",", ":"))  # RFC 7638
    assert found.jkt == encoded(hashlib.sha256(said.encode()).digest())


def test_other_members_of_a_browsers_key_are_ignored():
    jwk = {**PHONE.jwk, "ext": True, "key_ops": ["verify"], "kid": PHONE.jkt, "use": "sig", "alg": "ES256", "d": None}
    assert judged(proof(header={"jwk": jwk})).jkt == PHONE.jkt
    assert judged(proof(iat=T0.timestamp() + 0.25)).at == T0 + timedelta(milliseconds=250)


@pytest.mark.parametrize("count", [0, 2])
def test_a_request_has_exactly_one_proof(count):
    with pytest.raises(InvalidDpopProof):
        PROOFS.verify([proof()] * count, *REQUEST, T0)


OTHER = Device()
KEYS = {
    "private": PHONE.key.as_dict(private=True),
    "private, in words": {**PHONE.jwk, "d": "x"},
    "somebody else's": OTHER.jwk,
    "of another curve by name": {**PHONE.jwk, "crv": "P-384"},
    "of secp256k1 by name": {**PHONE.jwk, "crv": "secp256k1"},
    "symmetric": {"kty": "oct", "k": "AAAA"},
    "not on the curve": {**PHONE.jwk, "y": PHONE.jwk["x"]},
    "the point zero": {**PHONE.jwk, "x": "A" * 43, "y": "A" * 43},
    "too short": {**PHONE.jwk, "x": PHONE.jwk["x"][:42]},
    "written in another way": {**PHONE.jwk, "x": PHONE.jwk["x"][:42] + chr(ord(PHONE.jwk["x"][42]) + 1)},
    "padded": {**PHONE.jwk, "x": PHONE.jwk["x"] + "="},
    "without x": {"kty": "EC", "crv": "P-256", "y": PHONE.jwk["y"]},
    "a text": "key",
    "missing": None,
}


@pytest.mark.parametrize("name", KEYS)
def test_a_key_that_is_not_a_public_one_of_the_device_is_refused(name):
    with pytest.raises(InvalidDpopProof):
        judged(proof(header={"jwk": KEYS[name]}))


@pytest.mark.parametrize(
    ("algorithm", "key"),
    [
        ("RS256", RSAKey.generate_key(2048)),
        ("ES384", ECKey.generate_key("P-384")),
        ("Ed25519", OKPKey.generate_key("Ed25519")),
        ("HS256", OctKey.generate_key(256)),
        ("none", None),
    ],
)
def test_a_key_of_another_kind_is_refused(algorithm, key):
    jwk = key.as_dict(private=False) if isinstance(key, RSAKey | ECKey | OKPKey) else PHONE.jwk
    claims = {"jti": "0123456789abcdef", "htm": "POST", "htu": PUBLIC_URL + PATH, "iat": int(T0.timestamp())}
    good = signed({"alg": "ES256", "typ": "dpop+jwt", "jwk": PHONE.jwk}, claims, PHONE.key)
    assert judged(good), "what the other is changed from"
    with pytest.raises(InvalidDpopProof):
        judged(signed({"alg": algorithm, "typ": "dpop+jwt", "jwk": jwk}, claims, key))


@pytest.mark.parametrize(
    "header", [{"typ": t} for t in (None, "JWT", "at+jwt", "DPOP+JWT")] + [{"kid": "x"}, {"crit": []}]
)
def test_another_header_is_refused(header):
    with pytest.raises(InvalidDpopProof):
        judged(proof(header=header))


@pytest.mark.parametrize(
    "claims",
    [
        *({name: None} for name in ("jti", "htm", "htu", "iat")),
        {"jti": ""},
        {"jti": "short"},
        {"jti": "x" * 129},
        {"jti": 1234567890123456},
        {"iat": "now"},
        {"iat": True},
        {"iat": [0]},
        {"nonce": 7},
        {"htu": "x" * 2049},
    ],
)
def test_a_claim_that_is_missing_or_of_another_form_is_refused(claims):
    with pytest.raises(InvalidDpopProof) as refused:
        judged(proof(**claims))
    assert refused.value.facts == {"reason": "form"}


@pytest.mark.parametrize("method", ["GET", "post", "POST ", ""])
def test_a_proof_for_another_method_is_refused(method):
    with pytest.raises(InvalidDpopProof) as refused:
        judged(proof(htm=method))
    assert refused.value.facts == {"reason": "htm"}


@pytest.mark.parametrize(
    "address",
    [
        f"{PUBLIC_URL}{PATH}?a=b",
        f"{PUBLIC_URL}{PATH}#part",
        f"HTTPS://API.Invalid{PATH}",
        f"{PUBLIC_URL}:443{PATH}",
    ],
)
def test_the_same_address_may_be_written_in_other_ways(address):
    assert judged(proof(htu=address))


@pytest.mark.parametrize(
    "address",
    [
        f"http://api.invalid{PATH}",
        f"{PUBLIC_URL}:80{PATH}",
        f"{PUBLIC_URL}:8443{PATH}",
        f"{PUBLIC_URL}.example{PATH}",
        f"https://somebody@api.invalid{PATH}",
        f"https://api.invalid@example.org{PATH}",
        f"{PUBLIC_URL}{PATH}/",
        f"{PUBLIC_URL}{PATH.upper()}",
        f"{PUBLIC_URL}/{PATH}",
        f"{PUBLIC_URL}/sessions",
        f"{PUBLIC_URL}/",
        PUBLIC_URL,
        PATH,
        "https://[",
        "",
    ],
)
def test_a_proof_for_another_address_is_refused(address):
    with pytest.raises(InvalidDpopProof) as refused:
        judged(proof(htu=address))
    assert refused.value.facts == {"reason": "htu"}


def test_an_empty_path_is_the_root():
    assert PROOFS.verify([PHONE.proof("GET", "", T0)], "GET", "/", T0)


def test_a_local_deployment_may_have_a_port_and_a_path_of_its_own():
    local = "http://127.0.0.1:4566/restapis/abc/api/_user_request_"
    proofs = Proofs(TOKENS, local)
    assert proofs.verify([proof(htu=local + PATH)], *REQUEST, T0)
    with pytest.raises(InvalidDpopProof):
        proofs.verify([proof(htu="http://127.0.0.1:4566" + PATH)], *REQUEST, T0)


@pytest.mark.parametrize("off", [-LIFETIME, timedelta(0), AHEAD_MAX])
def test_a_slightly_wrong_clock_is_accepted(off):
    assert judged(PHONE.proof(*REQUEST, T0 + off)).at == T0 + off


@pytest.mark.parametrize("off", [-LIFETIME - SECOND, AHEAD_MAX + SECOND, -YEARS, YEARS])
def test_a_device_with_a_wrong_clock_gets_a_nonce_and_is_accepted_with_it(off):
    with pytest.raises(UseDpopNonce) as told:
        judged(PHONE.proof(*REQUEST, T0 + off))
    nonce = told.value.headers["DPoP-Nonce"]
    found = judged(PHONE.proof(*REQUEST, T0 + off, nonce=nonce), T0 + SECOND)
    assert (found.jkt, found.at) == (PHONE.jkt, T0)


@pytest.mark.parametrize("instant", [10**30, -(10**30), 1e308, -1])
def test_an_absurd_time_counts_as_a_wrong_clock(instant):
    with pytest.raises(UseDpopNonce):
        judged(proof(iat=instant))


def test_a_wrong_or_old_nonce_is_answered_with_a_new_one():
    old = TOKENS.nonce(T0 - NONCE_LIFETIME)
    access = TOKENS.issue("account-1", "session-1", None, T0, 300)
    for nonce in ("", "x", old, access, TOKENS.nonce(T0)[:-1]):
        with pytest.raises(UseDpopNonce) as told:
            judged(proof(nonce=nonce))
        assert judged(proof(nonce=told.value.headers["DPoP-Nonce"]))


def test_without_kms_a_missing_nonce_is_answered_with_503():
    kms = Kms()
    kms.failure = ConnectionError()
    cold = Proofs(Tokens(process(kms=kms), PUBLIC_URL), PUBLIC_URL)
    with pytest.raises((Unavailable, ConnectionError)):
        cold.verify([proof(iat=0)], *REQUEST, T0)
    assert cold.verify([proof()], *REQUEST, T0), "who needs none needs no KMS"


def test_with_an_access_token_the_proof_must_name_it():
    assert judged(proof(access_token=ACCESS), access_token=ACCESS)
    for other in (proof(), proof(access_token=ACCESS + "x"), proof(ath=""), proof(ath=ACCESS)):
        with pytest.raises(InvalidDpopProof) as refused:
            judged(other, access_token=ACCESS)
        assert refused.value.facts == {"reason": "ath"}


TEXT = proof()
BROKEN = [
    *("", " ", "x", "a.b", "a.b.c", "..", "é.é.é", "\ud800", "\0", "." * 100),
    f"{TEXT}, {TEXT}",
    f"{TEXT} ",
    f"{TEXT}=",
    f"{TEXT}.x",
    TEXT.rpartition(".")[0],
    TEXT.rpartition(".")[0] + ".",
    proof(filler="x" * LENGTH_MAX),
    "x" * 10**6,
    f"{encoded([1])}.{TEXT.partition('.')[2]}",
    f"{encoded('alg')}.{TEXT.partition('.')[2]}",
    f"{encoded(b'{' * 200)}.{TEXT.partition('.')[2]}",
]


@pytest.mark.parametrize("number", range(len(BROKEN)))
def test_a_malformed_proof_is_refused(number):
    with pytest.raises(InvalidDpopProof):
        judged(BROKEN[number])


@pytest.mark.parametrize("deep", [10, 1200])
def test_a_deeply_nested_payload_is_refused(deep):
    said = b'{"x":' + b"[" * deep + b"]" * deep + b"}"
    text = f"{encoded({'alg': 'ES256', 'typ': 'dpop+jwt', 'jwk': PHONE.jwk})}.{encoded(said)}"
    signature = jws.JWSRegistry.algorithms["ES256"].sign(text.encode(), PHONE.key)
    assert len(text) < LENGTH_MAX - 86
    with pytest.raises(InvalidDpopProof):
        judged(f"{text}.{encoded(signature)}")


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0é"


@given(st.integers(0, len(TEXT)), st.integers(0, 3), st.text(ALPHABET, max_size=3))
def test_no_altered_proof_is_accepted(at, gone, put):
    altered = TEXT[:at] + put + TEXT[at + gone :]
    if altered != TEXT:
        with pytest.raises(InvalidDpopProof):
            judged(altered)
