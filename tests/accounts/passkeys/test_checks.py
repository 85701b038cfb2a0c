"""Which answers of an authenticator are accepted, with keys and signatures made here."""

from __future__ import annotations

import random

import pytest

from chalicelib.accounts.errors import MalformedPasskey, PasskeyRefused
from chalicelib.accounts.passkeys import checks
from chalicelib.accounts.passkeys.checks import RelyingParty, challenge_of, made, relying_party, used
from tests.builders.accounts.passkeys import BACKED_UP, BOUND, PRESENT, SYNCED, Passkey, b64, unb64

PARTY = RelyingParty("gelombang.example", ("https://gelombang.example",))
CHALLENGE = b"what we signed"
ASKED = b64(CHALLENGE)


def registered(passkey: Passkey) -> checks.MadeKey:
    return made(passkey.made(ASKED), CHALLENGE, PARTY)


@pytest.mark.parametrize("packed", [False, True], ids=["none", "packed"])
@pytest.mark.parametrize("algorithm", ["ES256", "EdDSA", "RS256"])
def test_a_key_of_each_algorithm_is_made_and_signs(algorithm, packed):
    passkey = Passkey(algorithm, count=3)
    key = made(passkey.made(ASKED, packed=packed), CHALLENGE, PARTY)
    assert (key.credential_id, key.sign_count, key.backup_eligible, key.backed_up) == (passkey.id, 3, True, True)

    passkey.count, passkey.flags = 4, BOUND
    use = used(passkey.used(ASKED), CHALLENGE, PARTY, key.public_key)
    assert (use.sign_count, use.backup_eligible, use.backed_up) == (4, False, False)


WRONG = {
    "origin": lambda one: setattr(one, "origin", "https://gelombang.example.evil.example"),
    "origin without TLS": lambda one: setattr(one, "origin", "http://gelombang.example"),
    "origin below the domain": lambda one: setattr(one, "origin", "https://forum.gelombang.example"),
    "relying party": lambda one: setattr(one, "rp_id", "evil.example"),
    "nobody was verified": lambda one: setattr(one, "flags", PRESENT),
    "nobody was there": lambda one: setattr(one, "flags", SYNCED & ~PRESENT),
    "backed up though it never can be": lambda one: setattr(one, "flags", BOUND | BACKED_UP),
}


@pytest.mark.parametrize("wrong", WRONG)
def test_a_key_made_for_another_page_or_without_verification_is_refused(wrong):
    passkey = Passkey()
    WRONG[wrong](passkey)
    with pytest.raises(MalformedPasskey):
        made(passkey.made(ASKED), CHALLENGE, PARTY)


@pytest.mark.parametrize("wrong", WRONG)
def test_a_signature_for_another_page_or_without_verification_is_refused(wrong):
    passkey = Passkey()
    key = registered(passkey)
    WRONG[wrong](passkey)
    with pytest.raises(PasskeyRefused):
        used(passkey.used(ASKED), CHALLENGE, PARTY, key.public_key)


@pytest.mark.parametrize(
    "said",
    [{"kind": "webauthn.get"}, {"kind": "payment.get"}, {"challenge": b64(b"another")}, {"crossOrigin": True}],
    ids=str,
)
def test_client_data_of_another_type_challenge_or_frame_makes_no_key(said):
    with pytest.raises(MalformedPasskey):
        made(
            Passkey().made(ASKED, **said) if "challenge" not in said else Passkey().made(said["challenge"]),
            CHALLENGE,
            PARTY,
        )


@pytest.mark.parametrize(
    "said",
    [{"kind": "webauthn.create"}, {"kind": "payment.get"}, {"challenge": b64(b"another")}, {"crossOrigin": True}],
    ids=str,
)
def test_client_data_of_another_type_challenge_or_frame_signs_nobody_in(said):
    passkey = Passkey()
    key = registered(passkey)
    answer = passkey.used(ASKED, **said) if "challenge" not in said else passkey.used(said["challenge"])
    with pytest.raises(PasskeyRefused):
        used(answer, CHALLENGE, PARTY, key.public_key)


def test_a_signature_by_another_key_is_refused():
    passkey, other = Passkey(), Passkey()
    key = registered(passkey)
    other.id = passkey.id
    with pytest.raises(PasskeyRefused):
        used(other.used(ASKED), CHALLENGE, PARTY, key.public_key)


def test_a_self_attested_key_with_a_foreign_signature_is_refused():
    passkey, other = Passkey(), Passkey()
    honest = passkey._sign
    passkey._sign = other._sign
    with pytest.raises(MalformedPasskey):
        made(passkey.made(ASKED, packed=True), CHALLENGE, PARTY)
    passkey._sign = honest
    assert made(passkey.made(ASKED, packed=True), CHALLENGE, PARTY)


@pytest.mark.parametrize(("length", "taken"), [(1023, True), (1024, False)])
def test_a_credential_id_is_at_most_as_long_as_the_standard_allows(length, taken):
    passkey = Passkey(id=bytes(length))
    if taken:
        assert registered(passkey).credential_id == passkey.id
    else:
        with pytest.raises(MalformedPasskey):
            registered(passkey)


@pytest.mark.parametrize("seed", range(5))
def test_malformed_answers_of_a_browser_are_refused_and_never_crash(seed):
    """Bytes changed, cut and doubled; a change that only names other fields of no weight may pass."""
    chance = random.Random(seed)
    passkey = Passkey(user="someone")
    key = registered(passkey)
    refused = 0
    for _ in range(60):
        for answer, field in (
            (passkey.made(ASKED, packed=True), "attestationObject"),
            (passkey.used(ASKED), "authenticatorData"),
            (passkey.used(ASKED), "signature"),
            (passkey.used(ASKED), "clientDataJSON"),
        ):
            raw = bytearray(unb64(answer["response"][field]))
            place = chance.randrange(len(raw))
            match chance.randrange(3):
                case 0:
                    raw[place] ^= 1 << chance.randrange(8)
                case 1:
                    del raw[place:]
                case 2:
                    raw[place:place] = raw[:place]
            answer["response"][field] = b64(bytes(raw))
            try:
                if field == "attestationObject":
                    made(answer, CHALLENGE, PARTY)
                else:
                    used(answer, CHALLENGE, PARTY, key.public_key)
            except (MalformedPasskey, PasskeyRefused):
                refused += 1
    assert refused >= 230, "of 240"


@pytest.mark.parametrize("sent", ["", "!", "é", b64(b"{}"), b64(b"[]"), b64(b'{"type":1,"challenge":1,"origin":1}')])
def test_client_data_without_a_challenge_is_malformed(sent):
    with pytest.raises(MalformedPasskey):
        challenge_of(sent)


def test_the_challenge_is_read_from_the_client_data():
    assert challenge_of(Passkey().used(ASKED)["response"]["clientDataJSON"]) == CHALLENGE


@pytest.mark.parametrize(
    ("rp_id", "public_url", "origins"),
    [
        ("gelombang.example", "https://gelombang.example", ("https://gelombang.example",)),
        (
            "gelombang.example",
            "https://api.gelombang.example/x",
            ("https://api.gelombang.example", "https://gelombang.example"),
        ),
        ("gelombang.example", "https://evilgelombang.example", ("https://gelombang.example",)),
        (
            "gelombang.example",
            "https://abc.execute-api.ap-southeast-3.amazonaws.com/api",
            ("https://gelombang.example",),
        ),
        ("localhost", "http://localhost:8000", ("http://localhost:8000", "https://localhost")),
    ],
)
def test_the_allowed_origins_are_the_domain_and_our_address_below_it(rp_id, public_url, origins):
    assert relying_party(rp_id, public_url) == RelyingParty(rp_id, origins)
