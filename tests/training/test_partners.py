"""Who is believed to be a training partner, and how often."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError

from chalicelib.config import Programme, Settings
from chalicelib.errors import DomainError, NotFound
from chalicelib.training import signatures
from chalicelib.training.errors import (
    PartnerRevoked,
    RequestReplayed,
    SignatureExpired,
    SignatureInvalid,
    SignatureMissing,
)
from chalicelib.training.partner_store import NonceItem
from tests.builders.training import PATH, Scene, scene, signed
from tests.conftest import T0

BODY = b'{"card_number":"1001"}'


@pytest.fixture
def stage(cloud: Settings, programme: Programme) -> Scene:
    return scene(cloud, programme)


def authenticate(stage: Scene, headers: dict[str, str], **changes: Any) -> str:
    request = {"method": "POST", "path": PATH, "query": [], "headers": headers, "body": BODY, "now": T0}
    return stage.services.partners.authenticate(**(request | changes)).id


def test_a_partner_is_known_by_its_signature(stage: Scene) -> None:
    partner, key = stage.services.partners.add("Pelatihan Jaya", T0)
    assert authenticate(stage, signed(partner.id, key, BODY)) == partner.id


def test_a_key_is_stored_only_sealed_and_opens_for_its_own_partner_only(stage: Scene) -> None:
    partner, key = stage.services.partners.add("Pelatihan Jaya", T0)
    other, _ = stage.services.partners.add("Kursus Maju", T0)
    assert len(bytes.fromhex(key)) == 32
    assert all(bytes.fromhex(key) not in bytes(item["sealed_key"]) for item in stage.items("PARTNERS"))
    with pytest.raises(ClientError, match="InvalidCiphertext"):
        boto3.client("kms", stage.settings.region).decrypt(
            CiphertextBlob=partner.sealed_key,
            EncryptionContext={"purpose": "partner-key", "partner": other.id},
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
    ],
)
def test_what_was_not_signed_is_refused(stage: Scene, tampered: dict[str, Any]) -> None:
    partner, key = stage.services.partners.add("Pelatihan Jaya", T0)
    with pytest.raises(SignatureInvalid):
        authenticate(stage, signed(partner.id, key, BODY), **tampered)


def test_a_time_that_was_not_signed_is_refused(stage: Scene) -> None:
    partner, key = stage.services.partners.add("Pelatihan Jaya", T0)
    headers = signed(partner.id, key, BODY) | {signatures.TIMESTAMP: str(int(T0.timestamp()) + 1)}
    with pytest.raises(SignatureInvalid):
        authenticate(stage, headers)


def test_an_unknown_partner_and_a_wrong_signature_look_the_same(stage: Scene) -> None:
    partner, key = stage.services.partners.add("Pelatihan Jaya", T0)
    stranger = signed("a" * 26, key, BODY)
    wrong_key = signed(partner.id, "00" * 32, BODY)
    refusals = []
    for headers in (stranger, wrong_key):
        with pytest.raises(SignatureInvalid) as refused:
            authenticate(stage, headers)
        refusals.append((refused.value.code, refused.value.facts))
    assert refusals[0] == refusals[1] == ("partner_signature_invalid", {})


def test_another_partners_key_is_refused(stage: Scene) -> None:
    partner = stage.partner
    _, key = stage.services.partners.add("Kursus Maju", T0)
    with pytest.raises(SignatureInvalid):
        authenticate(stage, signed(partner.id, key, BODY))


@pytest.mark.parametrize("off_s", [-300, 300])
def test_a_clock_may_be_off_by_five_minutes(stage: Scene, off_s: int) -> None:
    partner, key = stage.services.partners.add("Pelatihan Jaya", T0)
    assert authenticate(stage, signed(partner.id, key, BODY), now=T0 + timedelta(seconds=off_s)) == partner.id


@pytest.mark.parametrize("off_ms", [-300_001, 300_001])
def test_a_request_out_of_time_is_refused_before_anyone_is_looked_up(stage: Scene, off_ms: int) -> None:
    partner, key = stage.services.partners.add("Pelatihan Jaya", T0)
    with pytest.raises(SignatureExpired):
        authenticate(stage, signed(partner.id, key, BODY), now=T0 + timedelta(milliseconds=off_ms))
    assert stage.kms.calls == ["encrypt"]


def test_a_request_without_a_signature_is_refused(stage: Scene) -> None:
    with pytest.raises(SignatureMissing):
        authenticate(stage, {})


def test_a_request_is_accepted_once_whatever_the_clock_says_within_the_window(stage: Scene) -> None:
    partner, key = stage.services.partners.add("Pelatihan Jaya", T0)
    headers = signed(partner.id, key, BODY)
    authenticate(stage, headers, now=T0 - timedelta(seconds=300))
    for off_s in (-300, 0, 300):
        with pytest.raises(RequestReplayed):
            authenticate(stage, headers, now=T0 + timedelta(seconds=off_s))


def test_two_pages_of_one_list_may_be_asked_for_in_one_second(stage: Scene) -> None:
    partner, key = stage.services.partners.add("Pelatihan Jaya", T0)
    for query in ([], [("limit", "5")], [("limit", "5"), ("cursor", "a")], [("limit", "5"), ("cursor", "b")]):
        canonical = signatures.canonical_query(query)
        headers = signatures.sign(partner.id, key, "GET", "/partners/vacancies", b"", T0, canonical)
        asked = {"method": "GET", "path": "/partners/vacancies", "body": b""}
        assert authenticate(stage, headers, query=query, **asked) == partner.id
        with pytest.raises(RequestReplayed):
            authenticate(stage, headers, query=query[::-1], **asked)


def test_a_request_is_remembered_until_its_time_refuses_it(stage: Scene) -> None:
    partner, key = stage.services.partners.add("Pelatihan Jaya", T0)
    headers = signed(partner.id, key, BODY)
    authenticate(stage, headers)
    [nonce] = stage.items("NONCE#")
    last_accepted = T0 + timedelta(seconds=300)
    assert nonce["expires_at"] > last_accepted.timestamp()
    # Deleted at the first instant TTL may delete it, it is not missed; kept long after, it harms nobody.
    NonceItem(nonce["pk"], nonce["sk"]).delete()
    with pytest.raises(SignatureExpired):
        authenticate(stage, headers, now=T0 + timedelta(seconds=int(nonce["expires_at"]) - int(T0.timestamp())))


def test_a_retry_signed_anew_is_accepted(stage: Scene) -> None:
    partner, key = stage.services.partners.add("Pelatihan Jaya", T0)
    authenticate(stage, signed(partner.id, key, BODY))
    assert authenticate(stage, signed(partner.id, key, BODY, T0 + timedelta(seconds=1))) == partner.id


def test_a_refused_request_uses_nothing_up(stage: Scene) -> None:
    partner, key = stage.services.partners.add("Pelatihan Jaya", T0)
    headers = signed(partner.id, key, BODY)
    with pytest.raises(SignatureInvalid):
        authenticate(stage, headers, body=b"{}")
    assert stage.items("NONCE#") == []
    assert authenticate(stage, headers) == partner.id


def test_a_write_that_the_client_library_repeats_is_not_taken_for_a_replay(stage: Scene) -> None:
    for _ in range(2):  # the answer to the first was lost on the way
        stage.services._partner_store.remember_request("p", "s", claim="this-request", expires_at=1)
    with pytest.raises(RequestReplayed):
        stage.services._partner_store.remember_request("p", "s", claim="another-request", expires_at=1)


def test_a_revoked_partner_is_refused_from_the_next_request_on(stage: Scene) -> None:
    partner, key = stage.services.partners.add("Pelatihan Jaya", T0)
    authenticate(stage, signed(partner.id, key, BODY))
    stage.services.partners.revoke(partner.id, T0)
    with pytest.raises(PartnerRevoked):
        authenticate(stage, signed(partner.id, key, BODY, T0 + timedelta(seconds=1)))


def test_only_who_holds_the_key_learns_of_a_revocation(stage: Scene) -> None:
    partner = stage.partner
    stage.services.partners.revoke(partner.id, T0)
    with pytest.raises(SignatureInvalid):
        authenticate(stage, signed(partner.id, "00" * 32, BODY))


def test_a_second_revocation_keeps_the_time_of_the_first(stage: Scene) -> None:
    partner = stage.partner
    for days in (0, 1):
        stage.services.partners.revoke(partner.id, T0 + timedelta(days=days))
    assert [known.revoked_at for known in stage.services.partners.all()] == [T0]


def test_an_unknown_partner_cannot_be_revoked(stage: Scene) -> None:
    with pytest.raises(NotFound):
        stage.services.partners.revoke("a" * 26, T0)
    assert stage.items("PARTNERS") == []


def test_partners_are_listed_oldest_first_with_the_revoked_ones(stage: Scene) -> None:
    second, _ = stage.services.partners.add("Kursus Maju", T0 + timedelta(days=1))
    first = stage.partner
    stage.services.partners.revoke(first.id, T0)
    assert [(known.name, known.revoked_at) for known in stage.services.partners.all()] == [
        ("Pelatihan Jaya", T0),
        ("Kursus Maju", None),
    ]
    assert {first.id, second.id} == {known.id for known in stage.services.partners.all()}


def test_a_key_is_opened_by_kms_once_in_five_minutes(stage: Scene) -> None:
    partner, key = stage.services.partners.add("Pelatihan Jaya", T0)
    for after_s in (0, 1, 299, 300, 301):
        now = T0 + timedelta(seconds=after_s)
        authenticate(stage, signed(partner.id, key, BODY, now), now=now)
    assert stage.kms.calls == ["encrypt", "decrypt", "decrypt"]


@pytest.mark.parametrize(
    "error", [SignatureMissing, SignatureExpired, SignatureInvalid, PartnerRevoked, RequestReplayed]
)
def test_every_refusal_of_a_partner_is_a_401_with_its_own_code(error: type[DomainError]) -> None:
    assert error.status == 401
    assert error.code.startswith("partner_")
