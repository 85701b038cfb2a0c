"""Who is believed to be a training partner, and how often."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.errors import NotFound
from chalicelib.training import errors, signatures
from chalicelib.training.partners import NonceItem
from tests.builders.training import PATH, Scene, signed
from tests.conftest import T0

BODY = b'{"card_number":"1001"}'
SECOND = timedelta(seconds=1)
MS = timedelta(milliseconds=1)
SKEW = 300 * SECOND

Known = tuple[str, str]
"""A partner's id and its key in hex."""


@pytest.fixture
def jaya(stage: Scene) -> Known:
    partner, key = stage.services.partners.add("Pelatihan Jaya", T0)
    return partner.id, key


def authenticate(stage: Scene, headers: dict[str, str], **changes: Any) -> str:
    request = {"method": "POST", "path": PATH, "query": [], "headers": headers, "body": BODY, "now": T0}
    return stage.services.partners.authenticate(**(request | changes)).id


def test_a_partner_is_known_by_its_signature_and_signs_a_retry_anew(stage, jaya):
    for time in (T0, T0 + SECOND):
        assert authenticate(stage, signed(*jaya, BODY, time)) == jaya[0]


def test_a_key_is_stored_only_sealed_and_opens_for_its_own_partner_only(stage, jaya):
    other, _ = stage.services.partners.add("Kursus Maju", T0)
    key = bytes.fromhex(jaya[1])
    assert len(key) == 32
    stored = {item["sk"]: bytes(item["sealed_key"]) for item in stage.items("PARTNERS")}
    assert all(key not in sealed for sealed in stored.values())
    with pytest.raises(ClientError, match="InvalidCiphertext"):
        boto3.client("kms", stage.settings.region).decrypt(
            CiphertextBlob=stored[jaya[0]], EncryptionContext={"purpose": "partner-key", "partner": other.id}
        )


@pytest.mark.parametrize(
    "tampered",
    [
        {"method": "PUT"},
        {"path": "/partners/training-completions/"},
        {"query": [("limit", "100")]},
        {"query": [("", "")]},
        {"body": BODY + b" "},
        {"body": b""},
        {"time": str(int(T0.timestamp()) + 1)},
        {"signer": "a stranger"},
        {"signer": "a wrong key"},
        {"signer": "another partner"},
    ],
    ids=str,
)
def test_what_its_partner_did_not_sign_is_refused_looks_the_same_and_uses_nothing_up(stage, jaya, tampered):
    partner, key = jaya
    _, other_key = stage.services.partners.add("Kursus Maju", T0)
    right, sent = signed(*jaya, BODY), dict(tampered)
    headers = {
        "": right,
        "a stranger": signed("a" * 26, key, BODY),
        "a wrong key": signed(partner, "00" * 32, BODY),
        "another partner": signed(partner, other_key, BODY),
    }[sent.pop("signer", "")]
    if "time" in sent:
        headers = headers | {signatures.TIMESTAMP: sent.pop("time")}
    with pytest.raises(errors.SignatureInvalid) as refused:
        authenticate(stage, headers, **sent)
    assert (refused.value.code, refused.value.facts) == ("partner_signature_invalid", {})
    assert stage.items("NONCE#") == []
    assert authenticate(stage, right) == partner


@pytest.mark.parametrize("off", [-SKEW, SKEW])
def test_a_clock_may_be_off_by_five_minutes_and_no_more(stage, jaya, off):
    too_far = off + (MS if off > timedelta() else -MS)
    with pytest.raises(errors.SignatureExpired) as refused:
        authenticate(stage, signed(*jaya, BODY), now=T0 + too_far)
    assert refused.value.facts == {"clock_skew_s": 300}
    with pytest.raises(errors.SignatureMissing):
        authenticate(stage, {})
    assert stage.kms.calls == ["encrypt"], "refused before anyone is looked up"
    assert authenticate(stage, signed(*jaya, BODY), now=T0 + off) == jaya[0]


def test_a_request_is_accepted_once_whatever_the_clock_says_within_the_window(stage, jaya):
    headers = signed(*jaya, BODY)
    authenticate(stage, headers, now=T0 - SKEW)
    for off in (-SKEW, timedelta(), SKEW):
        with pytest.raises(errors.RequestReplayed):
            authenticate(stage, headers, now=T0 + off)


def test_two_pages_of_one_list_may_be_asked_for_in_one_second(stage, jaya):
    for query in ([], [("limit", "5")], [("limit", "5"), ("cursor", "a")], [("limit", "5"), ("cursor", "b")]):
        canonical = signatures.canonical_query(query)
        headers = signatures.sign(*jaya, "GET", "/partners/vacancies", b"", T0, canonical)
        asked = {"method": "GET", "path": "/partners/vacancies", "body": b""}
        assert authenticate(stage, headers, query=query, **asked) == jaya[0]
        with pytest.raises(errors.RequestReplayed):
            authenticate(stage, headers, query=query[::-1], **asked)


def test_a_request_is_remembered_until_its_time_refuses_it(stage, jaya):
    headers = signed(*jaya, BODY)
    authenticate(stage, headers)
    [nonce] = stage.items("NONCE#")
    assert nonce["expires_at"] > (T0 + SKEW).timestamp()
    # Deleted at the first instant TTL may delete it, it is not missed; kept long after, it harms nobody.
    NonceItem(nonce["pk"], nonce["sk"]).delete()
    with pytest.raises(errors.SignatureExpired):
        authenticate(stage, headers, now=T0 + timedelta(seconds=int(nonce["expires_at"]) - int(T0.timestamp())))


def test_a_write_that_the_client_library_repeats_is_not_taken_for_a_replay(stage):
    for _ in range(2):  # the answer to the first was lost on the way
        stage.services._partner_store.remember_request("p", "s", claim="this-request", expires_at=1)
    with pytest.raises(errors.RequestReplayed):
        stage.services._partner_store.remember_request("p", "s", claim="another-request", expires_at=1)


def test_a_revoked_partner_is_refused_from_the_next_request_on_and_only_who_holds_its_key_learns_why(stage, jaya):
    authenticate(stage, signed(*jaya, BODY))
    stage.services.partners.revoke(jaya[0], T0)
    with pytest.raises(errors.PartnerRevoked):
        authenticate(stage, signed(*jaya, BODY, T0 + SECOND))
    with pytest.raises(errors.SignatureInvalid):
        authenticate(stage, signed(jaya[0], "00" * 32, BODY))


def test_a_partner_is_revoked_once_and_nobody_else_and_all_are_listed_oldest_first(stage):
    partners = stage.services.partners
    second, _ = partners.add("Kursus Maju", T0 + timedelta(days=1))
    first = stage.partner
    for days in (0, 1):
        partners.revoke(first.id, T0 + timedelta(days=days))
    with pytest.raises(NotFound):
        partners.revoke("a" * 26, T0)
    assert [(one.id, one.name, one.revoked_at) for one in partners.all()] == [
        (first.id, "Pelatihan Jaya", T0),
        (second.id, "Kursus Maju", None),
    ]


def test_a_key_is_opened_by_kms_once_in_five_minutes(stage, jaya):
    for after_s in (0, 1, 299, 300, 301):
        now = T0 + timedelta(seconds=after_s)
        authenticate(stage, signed(*jaya, BODY, now), now=now)
    assert stage.kms.calls == ["encrypt", "decrypt", "decrypt"]


def test_a_signature_is_refused_for_one_of_these_reasons():
    named = {error.__name__ for error in errors.SIGNED}
    assert named == {"SignatureMissing", "SignatureExpired", "SignatureInvalid", "PartnerRevoked", "RequestReplayed"}


@pytest.mark.parametrize("error", errors.SIGNED)
def test_every_refusal_of_a_partner_is_a_401_with_its_own_code(error):
    assert error.status == 401
    assert error.code.startswith("partner_")
