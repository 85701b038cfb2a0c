"""Signing keys in the accounts table and at KMS, as in a deployment."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta

import boto3
import msgspec
import pytest
from botocore.exceptions import ClientError
from joserfc import jwt
from joserfc.jwk import KeySet

from chalicelib.accounts import wire
from chalicelib.accounts.errors import InvalidToken
from chalicelib.accounts.tokens.signing_keys import KEPT_DAYS
from chalicelib.aws import dynamodb
from chalicelib.wiring import Services
from tests.conftest import T0


@pytest.fixture
def services(cloud, programme):
    return Services(cloud, programme)


def items(cloud):
    return boto3.client("dynamodb", cloud.region).scan(TableName=cloud.table("accounts"))["Items"]


def test_only_kms_unwraps_a_stored_key_and_only_under_its_own_id(services, cloud):
    services.access_tokens.issue("account-1", "session-1", None, T0, 300)
    [item] = items(cloud)
    assert (item["pk"]["S"], item["sk"]["S"]) == ("SIGNING#2026-11-24", "001")
    day = datetime(2026, 11, 24, tzinfo=UTC)
    assert int(item["expires_at"]["N"]) == (day + timedelta(days=KEPT_DAYS)).timestamp()
    assert set(item) == {"pk", "sk", "public_jwk", "wrapped", "made_at", "expires_at"}
    kms, wrapped = boto3.client("kms", cloud.region), item["wrapped"]["B"]
    assert kms.decrypt(CiphertextBlob=wrapped, EncryptionContext={"signing": "2026-11-24.1"})["Plaintext"]
    for context in ({}, {"signing": "2026-11-24.2"}, {"registrant": "account-1"}):
        with pytest.raises(ClientError):
            kms.decrypt(CiphertextBlob=wrapped, EncryptionContext=context)


def test_another_process_verifies_what_this_one_signed_and_learns_of_a_revocation(services, cloud, programme):
    other = Services(cloud, programme)
    token = services.access_tokens.issue("account-1", "session-1", "thumbprint", T0, 300)
    assert other.access_tokens.verify(token, T0).sub == "account-1"
    assert services.signing_keys.rotate(T0).kid == "2026-11-24.2"
    assert [item["sk"]["S"] for item in items(cloud) if "revoked_at" in item] == ["001"]
    with pytest.raises(InvalidToken):
        other.access_tokens.verify(token, T0 + timedelta(seconds=60))
    new = other.access_tokens.issue("account-1", "session-1", "thumbprint", T0 + timedelta(seconds=60), 300)
    assert services.access_tokens.verify(new, T0 + timedelta(seconds=60))


def test_the_first_of_two_processes_keeps_its_key(services, cloud, programme, monkeypatch):
    other = Services(cloud, programme)
    store = other.signing_keys._store
    of, read = store.of, []

    def late(day):
        read.append(day)
        return of(day) if len(read) > 1 else []  # what it saw before the first one wrote

    kid, _ = services.signing_keys.current(T0)
    monkeypatch.setattr(store, "of", late)
    assert other.signing_keys.current(T0)[0] == kid
    assert (len(read), len(items(cloud))) == (2, 1)
    token = other.access_tokens.issue("account-1", "session-1", None, T0, 300)
    assert services.access_tokens.verify(token, T0)


def test_a_lost_answer_to_the_write_of_a_key_loses_no_key(services, cloud, monkeypatch):
    """The try that is repeated finds its own item."""
    store = services.signing_keys._store
    add = store.add
    monkeypatch.setattr(store, "add", lambda key: add(key) and add(key))
    services.signing_keys.current(T0)
    assert len(items(cloud)) == 1


def test_the_first_time_of_revocation_stays(services, cloud, monkeypatch):
    keys, store = services.signing_keys, services.signing_keys._store
    keys.current(T0)
    asked = []
    call = dynamodb.call
    monkeypatch.setattr(dynamodb, "call", lambda *given: asked.append(given[1:]) or call(*given))
    [key] = store.of(T0.date())
    store.revoke(key, T0)
    store.revoke(key, T0 + timedelta(seconds=1))
    assert [key.revoked_at for key in store.of(T0.date())] == [T0]
    queries = [given["ConsistentRead"] for operation, given in asked if operation == "Query"]
    assert queries == [True, True], "another process may have revoked it a moment ago"


def test_the_published_keys_verify_tokens_and_hold_no_private_key(services, cloud):
    token = services.access_tokens.issue("account-1", "session-1", None, T0, 300)
    shown = msgspec.to_builtins(wire.keys_view(services.signing_keys.published(T0)))
    [key] = shown["keys"]
    assert key.keys() == {"kid", "kty", "crv", "x", "y", "alg", "use"}
    claims = jwt.decode(token, KeySet.import_key_set(shown), algorithms=["ES256"]).claims
    assert (claims["sub"], claims["iss"], claims["aud"]) == ("account-1", cloud.public_url, "gelombang")
