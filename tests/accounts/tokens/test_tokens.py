"""Tokens: only a token of ours of the required kind is accepted, until it expires."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import pytest
from cryptography.hazmat.primitives import serialization
from hypothesis import given
from hypothesis import strategies as st
from joserfc.jwk import ECKey, OctKey, RSAKey

from chalicelib.accounts.errors import InvalidToken
from chalicelib.accounts.tokens.tokens import DEVICE_LIFETIME, LENGTH_MAX, NONCE_LIFETIME, Tokens
from tests.builders.accounts.accounts import PUBLIC_URL, KeysInMemory, Kms, encoded, process, signed
from tests.conftest import T0

SECOND = timedelta(seconds=1)
STORE, KMS = KeysInMemory(), Kms()
KEYS = process(STORE, KMS)
TOKENS = Tokens(KEYS, PUBLIC_URL)
KID, KEY = KEYS.current(T0)
THEIRS = ECKey.generate_key("P-256")
MIDNIGHT = datetime(2026, 11, 25, tzinfo=UTC)


def issued(now=T0, lifetime_s=300, tokens=TOKENS) -> str:
    return tokens.issue("account-1", "session-1", "thumbprint", now, lifetime_s)


def forged(key=KEY, header=None, **changes) -> str:
    """As ours, but for what is changed."""
    now = int(T0.timestamp())
    said = {"iss": PUBLIC_URL, "aud": "gelombang", "sub": "account-1", "sid": "session-1", "key": "thumbprint"}
    claims = {**said, "jti": "x", "iat": now, "exp": now + 300, **changes}
    return signed({"alg": "ES256", "typ": "at+jwt", "kid": KID, **(header or {})}, claims, key)


def test_an_access_token_names_account_session_and_key():
    access = TOKENS.verify(issued(), T0)
    assert (access.sub, access.sid, access.key) == ("account-1", "session-1", "thumbprint")
    assert TOKENS.verify(TOKENS.issue("account-1", "session-1", None, T0, 300), T0).key is None
    assert TOKENS.verify(issued(), T0).jti != access.jti
    assert TOKENS.verify(forged(), T0).sub == "account-1", "what the others are changed from"


def test_a_token_is_valid_until_the_second_it_expires():
    token = issued()
    assert TOKENS.verify(token, T0 + timedelta(seconds=300) - timedelta(milliseconds=1))
    with pytest.raises(InvalidToken):
        TOKENS.verify(token, T0 + timedelta(seconds=300))


def test_device_tokens_and_nonces_have_their_lifetimes():
    device, nonce = TOKENS.issue_device("mac", "thumbprint", T0), TOKENS.nonce(T0)
    said = TOKENS.verify_device(device, T0 + DEVICE_LIFETIME - SECOND)
    assert (said.contact, said.key) == ("mac", "thumbprint")
    assert TOKENS.verify_nonce(nonce, T0 + NONCE_LIFETIME - SECOND) == T0
    with pytest.raises(InvalidToken):
        TOKENS.verify_device(device, T0 + DEVICE_LIFETIME)
    with pytest.raises(InvalidToken):
        TOKENS.verify_nonce(nonce, T0 + NONCE_LIFETIME)


def test_each_kind_is_accepted_as_itself_only():
    kinds = {
        TOKENS.verify: issued(),
        TOKENS.verify_device: TOKENS.issue_device("mac", "thumbprint", T0),
        TOKENS.verify_nonce: TOKENS.nonce(T0),
        TOKENS.verify_challenge: TOKENS.challenge("account-1", T0),
    }
    for verify, own in kinds.items():
        assert verify(own, T0)
        for other in kinds.values():
            if other != own:
                with pytest.raises(InvalidToken):
                    verify(other, T0)


def as_secret(encoding: serialization.Encoding) -> OctKey:
    form = serialization.PublicFormat.SubjectPublicKeyInfo
    secret = KEY.public_key.public_bytes(encoding, form)
    return OctKey(secret, secret)  # `import_key` would refuse it


def unsigned(algorithm: str, signature: str = "") -> str:
    payload = forged().split(".")[1]
    return f"{encoded({'alg': algorithm, 'typ': 'at+jwt', 'kid': KID})}.{payload}.{signature}"


TEXT = forged()
FORGED = {
    "another key under our key's name": forged(THEIRS),
    "a key that it brings along": forged(THEIRS, {"jwk": THEIRS.as_dict(private=False)}),
    "a key that it points to": forged(THEIRS, {"jku": "https://example.org/jwks.json"}),
    "our key, and one that it brings along": forged(header={"jwk": THEIRS.as_dict(private=False)}),
    "something critical": forged(header={"crit": ["exp"]}),
    **{f"unsigned, {name!r}": unsigned(name) for name in ("none", "None", "NONE", "", "ES256")},
    **{f"{name!r} with our signature": unsigned(name, TEXT.split(".")[2]) for name in ("none", "HS256", "ES384")},
    "our public key as a secret, PEM": forged(as_secret(serialization.Encoding.PEM), {"alg": "HS256"}),
    "our public key as a secret, DER": forged(as_secret(serialization.Encoding.DER), {"alg": "HS256"}),
    "by RSA": forged(RSAKey.generate_key(2048), {"alg": "RS256"}),
    "by another curve": forged(ECKey.generate_key("P-384"), {"alg": "ES384"}),
    **{f"the type {kind!r}": forged(header={"typ": kind}) for kind in (None, "JWT", "AT+JWT", "device", "dpop+jwt", 7)},
    **{f"the key {kid!r}": forged(header={"kid": kid}) for kid in (None, "", "2026-11-24.2", "2020-01-01.1", 7, [KID])},
    **{f"without {name}": forged(**{name: None}) for name in ("iss", "aud", "sub", "sid", "iat", "exp", "jti")},
    "another issuer": forged(iss="https://api.example"),
    "an issuer that only begins like ours": forged(iss=PUBLIC_URL + ".example"),
    "another audience": forged(aud="another"),
    "several audiences": forged(aud=["gelombang", "another"]),
    "a number as account": forged(sub=7),
    "a true end": forged(exp=True),
    "an end in words": forged(exp="never"),
    "an end in a fraction": forged(exp=T0.timestamp() + 300.5),
    "expired": forged(exp=int(T0.timestamp())),
    "from the future": forged(iat=int(T0.timestamp()) + 61),
    "from another day than its key": forged(iat=int((T0 - timedelta(days=1)).timestamp())),
    "from the end of time": forged(iat=10**15),
    "as JSON, not compact": '{"payload": "", "signatures": []}',
    "too long": forged(filler="x" * LENGTH_MAX),
    "a header that is no object": f"{encoded('alg')}.{TEXT.split('.', 1)[1]}",
    "a header that is a list": f"{encoded(['alg', 'ES256'])}.{TEXT.split('.', 1)[1]}",
    "a header that is deep": f"{encoded(b'[' * 300 + b']' * 300)}.{TEXT.split('.', 1)[1]}",
    "a header that is no JSON": f"{encoded(bytes(range(256)))}.{TEXT.split('.', 1)[1]}",
    **{f"{text!r:.20}": text for text in ("", "x", "a.b", "a.b.c", "....", "\0", "é.é.é", "\ud800", "." * 2000)},
    "with a part more": f"{TEXT}.x",
    "with padding": f"{TEXT}==",
    "with a line's end": f"{TEXT}\n",
    "with a space before it": f" {TEXT}",
}


@pytest.mark.parametrize("name", FORGED)
def test_any_other_token_is_refused(name):
    with pytest.raises(InvalidToken):
        TOKENS.verify(FORGED[name], T0)


def test_a_token_of_another_process_whose_clock_is_ahead_is_accepted():
    assert TOKENS.verify(issued(T0 + timedelta(seconds=60)), T0)
    assert TOKENS.verify(issued(MIDNIGHT + SECOND), MIDNIGHT - SECOND)


def test_a_token_of_before_midnight_is_accepted_after_it():
    assert TOKENS.verify(issued(MIDNIGHT - SECOND), MIDNIGHT + timedelta(seconds=298))
    keyless = issued(MIDNIGHT - SECOND, 86_400)
    assert TOKENS.verify(keyless, MIDNIGHT + timedelta(seconds=86_398))


def test_yesterdays_stolen_key_cannot_write_a_token_of_today():
    later = MIDNIGHT + timedelta(hours=12)
    moment = int(later.timestamp())
    with pytest.raises(InvalidToken):
        TOKENS.verify(forged(iat=moment, exp=moment + 300), later)


def test_a_token_of_a_revoked_key_is_refused_once_the_revocation_is_read():
    keys = process()
    tokens = Tokens(keys, PUBLIC_URL)
    before = issued(tokens=tokens)
    keys.rotate(T0)
    with pytest.raises(InvalidToken):
        tokens.verify(before, T0 + SECOND)
    assert tokens.verify(issued(T0 + SECOND, tokens=tokens), T0 + SECOND)


ALPHABET = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_.=+/ \n\0é"


@given(st.data())
def test_no_altered_token_is_accepted(data):
    token = data.draw(st.sampled_from([TEXT, FORGED["another audience"]]))
    at = data.draw(st.integers(0, len(token)))
    gone = data.draw(st.integers(0, 3))
    altered = token[:at] + data.draw(st.text(ALPHABET, max_size=3)) + token[at + gone :]
    if altered != TEXT:
        with pytest.raises(InvalidToken):
            TOKENS.verify(altered, T0)


def test_a_change_of_any_character_of_a_token_is_refused():
    for at, character in enumerate(TEXT):
        for other in ("A", "B", "_") if at < len(TEXT) - 1 else ALPHABET:
            if other != character:
                with pytest.raises(InvalidToken):
                    TOKENS.verify(TEXT[:at] + other + TEXT[at + 1 :], T0)
