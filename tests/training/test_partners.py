"""Who is believed to be a training partner, and how often; how a request is signed."""

from __future__ import annotations

import hashlib
import hmac
import re
from datetime import timedelta
from typing import Any
from urllib.parse import parse_qsl

import boto3
import pytest
from botocore.exceptions import ClientError
from hypothesis import given
from hypothesis import strategies as st

from chalicelib.aws.admin_acts import Signed
from chalicelib.errors import NotFound
from chalicelib.payouts.errors import SamePerson
from chalicelib.training import errors, signatures
from chalicelib.training.partners import NonceItem
from tests.builders.training import ANI, BUDI, PATH, Scene, signed
from tests.conftest import T0

BODY = b'{"card_number":"1001"}'
KEY = bytes(range(32))
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
        {"method": "post"},
        {"path": f"{PATH}/"},
        {"path": f"/api{PATH}"},
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
def test_a_request_not_signed_by_its_partner_is_refused_and_uses_nothing_up(stage, jaya, tampered):
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


def test_a_request_is_remembered_until_it_is_too_old(stage, jaya):
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


def test_a_revoked_partner_is_refused_at_once_and_only_a_key_holder_learns_why(stage, jaya):
    authenticate(stage, signed(*jaya, BODY))
    stage.services.partners.revoke(jaya[0], T0)
    with pytest.raises(errors.PartnerRevoked):
        authenticate(stage, signed(*jaya, BODY, T0 + SECOND))
    with pytest.raises(errors.SignatureInvalid):
        authenticate(stage, signed(jaya[0], "00" * 32, BODY))


def test_revoking_a_partner_affects_only_it_and_partners_are_listed_oldest_first(stage):
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


def test_a_signature_is_refused_for_one_of_these_reasons_each_a_401_with_a_code_of_its_own():
    named = {error.__name__ for error in errors.SIGNED if error.status == 401}
    assert named == {"SignatureMissing", "SignatureExpired", "SignatureInvalid", "PartnerRevoked", "RequestReplayed"}
    assert all(error.code.startswith("partner_") for error in errors.SIGNED)


def test_a_partner_of_another_kind_is_refused_and_uses_nothing_up(stage, jaya):
    partners = stage.services.partners
    office, key = partners.add("Kantor Kecamatan", T0, Signed(ANI, "letter 3"), kind="office")
    with pytest.raises(errors.PartnerNotAllowed):  # until another person has approved it
        authenticate(stage, signed(office.id, key, BODY), kind="office")
    partners.approve(office.id, BUDI, T0)
    with pytest.raises(errors.PartnerNotAllowed) as refused:
        authenticate(stage, signed(office.id, key, BODY))
    assert refused.value.status == 403
    with pytest.raises(errors.PartnerNotAllowed):
        authenticate(stage, signed(*jaya, BODY), kind="office")
    assert stage.items("NONCE#") == []
    assert authenticate(stage, signed(office.id, key, BODY), kind="office") == office.id


def test_an_office_that_nobody_added_a_revoked_one_and_a_training_partner_are_not_approved(stage, jaya):
    partners = stage.services.partners
    unsigned, _ = partners.add("Kantor Desa", T0, kind="office")
    with pytest.raises(SamePerson):
        partners.approve(unsigned.id, BUDI, T0)
    partners.revoke(unsigned.id, T0)
    for none in (unsigned.id, jaya[0], "a" * 26):
        with pytest.raises(NotFound):
            partners.approve(none, BUDI, T0)


# How a request is signed


def test_the_signature_is_hmac_sha_256_over_six_lines_and_is_read_whatever_the_case_of_the_header_names():
    text = f"gelombang1\nPOST\n{PATH}\n\n{int(T0.timestamp())}\n{hashlib.sha256(BODY).hexdigest()}"
    headers = signed("a" * 26, KEY.hex(), BODY)
    assert headers["Gelombang-Signature"] == hmac.new(KEY, text.encode(), "sha256").hexdigest()
    claimed = signatures.claim({name.lower(): value for name, value in headers.items()}, T0, 300)
    assert claimed == signatures.claim(headers, T0, 300)
    assert signatures.is_signed(claimed, KEY, "POST", PATH, "", BODY)


def test_no_two_requests_share_a_canonical_text():
    # The path is the only part that could hold a line feed; the lines after it have a fixed form.
    def made(path: str, query: str, timestamp: str) -> str:
        return signatures.signature(KEY, "POST", path, query, timestamp, BODY)

    assert made("/a\nb=1", "", "2") != made("/a", "b=1", "2")
    assert made("/a\n1", "", "2") != made("/a", "", "1\n2")


PAIRS = st.lists(st.tuples(st.text(), st.text()), max_size=5)


@pytest.mark.parametrize(
    ("pairs", "form"),
    [
        ([], ""),
        ([("", "")], "="),
        ([("limit", "20"), ("cursor", "b")], "cursor=b&limit=20"),
        ([("a", "1"), ("a-b", "1")], "a-b=1&a=1"),
        ([("q", "2"), ("q", "10"), ("q", "2")], "q=10&q=2&q=2"),
        ([("q", "")], "q="),
        ([("q", " +%2B&=/~")], "q=%20%2B%252B%26%3D%2F~"),
        ([("kafé", "é🙂")], "kaf%C3%A9=%C3%A9%F0%9F%99%82"),
        ([("q", "e\u0301")], "q=e%CC%81"),
        ([("q", "\ud83d")], "q=%ED%A0%BD"),
        ([("q", "a\nb\0")], "q=a%0Ab%00"),
    ],
)
def test_a_query_has_one_form(pairs, form):
    assert signatures.canonical_query(pairs) == signatures.canonical_query(pairs[::-1]) == form


@given(PAIRS)
def test_the_one_form_says_what_was_given_in_a_fixed_order_and_is_one_line(pairs):
    form = signatures.canonical_query(pairs)
    assert sorted(parse_qsl(form, keep_blank_values=True)) == sorted(pairs)
    assert signatures.canonical_query(parse_qsl(form, keep_blank_values=True)) == form
    assert re.fullmatch(r"[A-Za-z0-9._~%=&-]*", form)


@pytest.mark.parametrize(
    ("header", "value"),
    [
        *(("Gelombang-Partner", value) for value in (None, "", "A" * 26, "a" * 27, "a" * 25 + "#", "a" * 26 + "\n")),
        *(("Gelombang-Timestamp", value) for value in (None, "2026-11-24T03:00:00Z", "01795489200", "1795489200.0")),
        *(("Gelombang-Timestamp", value) for value in (" 1795489200", "١٧٩٥٤٨٩٢٠٠", "9" * 400)),
        # One spelling only: a replay cannot be respelt.
        *(("Gelombang-Signature", value) for value in (None, "0" * 63, "0" * 65, "é" * 64, "0" * 64 + "\n", "A" * 64)),
    ],
)
def test_a_header_that_is_absent_or_of_another_form_is_named_before_anything_is_looked_up(header, value):
    sent = signed("a" * 26, "00", BODY) | {header: value}
    headers = {name: text for name, text in sent.items() if text is not None}
    with pytest.raises(errors.SignatureMissing) as refused:
        signatures.claim(headers, T0, 300)
    assert refused.value.facts == {"header": header}
