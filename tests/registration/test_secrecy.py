"""What names a person is nowhere in the clear, and how many calls each use case may cost."""

from __future__ import annotations

import base64
import json
import logging

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError

from chalicelib.aws.admin_acts import Journal
from chalicelib.errors import Unavailable
from chalicelib.registration import errors
from chalicelib.registration.exclusions import ExclusionList, ExclusionLists
from chalicelib.registration.items import ExclusionActItem
from chalicelib.registration.store import RegistrationStore
from chalicelib.registration.vault import Vault
from tests.builders.aws_calls import wrap_calls
from tests.builders.registration import ACCOUNT, SITI, form, registrations, vault
from tests.conftest import T0

SECRETS = [SITI.nik, SITI.kk, "81234567890", "3456-7890", "Siti", "Aminah", ACCOUNT.account_number]


@pytest.fixture
def service(cloud, programme):
    return registrations(cloud, programme)


@pytest.fixture
def calls(monkeypatch):
    """The names of the AWS operations called, in order."""
    made = []

    def counting(original):
        def call(client, operation_name, parameters):
            made.append(operation_name)
            return original(client, operation_name, parameters)

        return call

    wrap_calls(monkeypatch, counting)
    return made


def everything_stored(cloud):
    """Every byte of the table: binary values as they are, text as it is."""
    items = boto3.client("dynamodb", cloud.region).scan(TableName=cloud.table("registrations"))["Items"]
    text = json.dumps(items, default=lambda raw: raw.decode("latin-1"), ensure_ascii=False)
    return len(items), text.encode("latin-1")


def test_no_number_and_no_name_is_stored_in_the_clear(service, cloud):
    service.register("siti", SITI, T0)
    service.set_financial_address("siti", ACCOUNT, T0)
    lists = ExclusionLists(RegistrationStore(cloud.region), vault(cloud), Journal(ExclusionActItem))
    lists.import_list(
        ExclusionList("police", "1", T0.date()), ["nik", "3201010101900001"], "dewi", "letter 12", lambda: T0
    )
    count, stored = everything_stored(cloud)
    assert count == 8
    for secret in [*SECRETS, "3201010101900001"]:
        raw = secret.encode()
        forms = [raw, raw.hex().encode(), base64.b64encode(raw).rstrip(b"=")[:-1]]
        assert not any(written in stored for written in forms), "something is stored that can be read"
    assert b"1995-08-17" in stored, "the scan sees what is stored in the clear"


def test_nothing_logged_on_the_way_names_a_person(service, caplog):
    caplog.set_level(logging.DEBUG, logger="chalicelib")
    service.register("siti", SITI, T0)
    with pytest.raises(errors.NikAlreadyRegistered) as refused:
        service.register("budi", form(phone="081311112222"), T0)
    told = caplog.text + str(refused.value) + repr(refused.value) + repr(SITI) + repr(ACCOUNT)
    ours = [record.getMessage() for record in caplog.records if record.name.startswith("chalicelib")]
    assert not any(secret in text for secret in SECRETS for text in [*ours, told])


def test_what_is_sealed_differs_each_time_it_is_sealed(cloud):
    key = vault(cloud).new_key("siti")
    first, second = key.seal("person/1", b"same"), key.seal("person/1", b"same")
    assert first != second
    assert key.unseal("person/1", first) == key.unseal("person/1", second) == b"same"


def test_what_is_sealed_opens_for_its_person_and_kind_only(cloud):
    from cryptography.exceptions import InvalidTag

    safe = vault(cloud)
    key = safe.new_key("siti")
    sealed = key.seal("person/1", b"secret")
    assert safe.open_key("siti", key.wrapped).unseal("person/1", sealed) == b"secret"
    for other_key, kind in ((key, "address/1"), (safe.new_key("siti"), "person/1")):
        with pytest.raises(InvalidTag):
            other_key.unseal(kind, sealed)
    damaged = sealed[:-1] + bytes([sealed[-1] ^ 1])
    with pytest.raises(InvalidTag):
        key.unseal("person/1", damaged)
    with pytest.raises(ClientError):
        safe.open_key("budi", key.wrapped)


def test_what_is_sealed_for_one_person_never_opens_for_another_not_even_under_the_same_key():
    from cryptography.exceptions import InvalidTag

    class OneKeyForAll:
        def generate_data_key(self, **_):
            return {"CiphertextBlob": b"wrapped", "Plaintext": b"0" * 32}

    safe = Vault(OneKeyForAll, "alias/mac", "alias/data")
    sealed = safe.new_key("siti").seal("person/1", b"secret")
    with pytest.raises(InvalidTag):
        safe.new_key("budi").unseal("person/1", sealed)


def test_equal_numbers_of_different_kinds_have_different_macs(cloud):
    safe = vault(cloud)
    macs = [safe.mac(kind, "3174095708950001") for kind in ("nik", "kk", "phone", "account")]
    assert len(set(macs)) == 4
    assert macs[0] == safe.mac("nik", "3174095708950001")
    assert all(len(mac) == 64 for mac in macs)


@pytest.mark.parametrize(
    "failure",
    [
        ConnectTimeoutError(endpoint_url="https://kms.invalid"),
        ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "GenerateMac"),
        ClientError({"Error": {"Code": "KMSInternalException", "Message": ""}}, "GenerateMac"),
        ClientError({"Error": {"Code": "KeyUnavailableException", "Message": ""}}, "GenerateMac"),
        ClientError({"Error": {"Code": "RequestTimeout", "Message": ""}}, "GenerateMac"),
    ],
)
def test_keys_that_are_late_or_busy_are_a_reason_to_come_back(failure):
    class BrokenKms:
        def generate_mac(self, **_):
            raise failure

    with pytest.raises(Unavailable):
        Vault(BrokenKms, "alias/mac", "alias/data").mac("nik", SITI.nik)


def test_keys_that_are_not_ours_are_no_reason_to_come_back(cloud):
    with pytest.raises(ClientError):
        Vault(lambda: boto3.client("kms", cloud.region), "alias/other", "alias/other").mac("nik", SITI.nik)


def test_looking_a_registrant_up_is_one_call(service, calls):
    service.register("siti", SITI, T0)
    calls.clear()
    service.registrant("siti")
    assert calls == ["GetItem"]


def test_a_new_registration_is_one_read_four_keyed_calls_and_one_transaction(service, calls):
    service.register("siti", SITI, T0)
    assert calls == ["BatchGetItem", *["GenerateMac"] * 3, "GenerateDataKey", "TransactWriteItems"]


def test_the_same_form_again_is_two_calls(service, calls):
    service.register("siti", SITI, T0)
    calls.clear()
    service.register("siti", SITI, T0)
    assert calls == ["BatchGetItem", "Decrypt"]


def test_a_change_hashes_only_what_changed(service, calls):
    service.register("siti", SITI, T0)
    calls.clear()
    service.register("siti", form(phone="081311112222"), T0)
    assert calls == ["BatchGetItem", "Decrypt", "GenerateMac", "TransactWriteItems", "SendMessageBatch"]


def test_a_form_that_is_refused_by_its_rules_costs_no_key(service, calls):
    with pytest.raises(errors.ConsentMissing):
        service.register("siti", form(consent_version=None), T0)
    assert calls == ["BatchGetItem"]


def test_the_other_use_cases_cost_what_they_say(service, calls):
    registrant, _ = service.register("siti", SITI, T0)
    costs = [
        (lambda: service.me("siti"), ["GetItem", "Decrypt", "GetItem"]),
        (lambda: service.check_still_eligible(registrant, T0.date()), ["GetItem"]),
        (lambda: service.mark_beneficiary("siti", 54), ["UpdateItem"]),
        (
            lambda: service.set_financial_address("siti", ACCOUNT, T0),
            ["BatchGetItem", "Decrypt", "GetItem", "GenerateMac", "TransactWriteItems", "SendMessageBatch"],
        ),
        (lambda: service.set_financial_address("siti", ACCOUNT, T0), ["BatchGetItem", "Decrypt", "GetItem"]),
        (lambda: service.payee("siti"), ["BatchGetItem", "Decrypt"]),
    ]
    for use_case, cost in costs:
        calls.clear()
        use_case()
        assert calls == cost


def test_reads_are_consistent(service, monkeypatch):
    service.register("siti", SITI, T0)
    asked = []

    def seeing(original):
        def call(client, operation_name, parameters):
            asked.append(parameters.get("ConsistentRead"))
            return original(client, operation_name, parameters)

        return call

    wrap_calls(monkeypatch, seeing)
    service.registrant("siti")
    assert asked == [True]
