"""Personal data is never in the clear, registering reveals little about others, and the cost of each use case."""

from __future__ import annotations

import base64
import json
import logging
from datetime import date, timedelta
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError, ConnectTimeoutError
from cryptography.exceptions import InvalidTag

from chalicelib.aws.admin_acts import Journal
from chalicelib.errors import DomainError, Unavailable
from chalicelib.registration import errors
from chalicelib.registration.exclusions.service import ExclusionList, ExclusionLists
from chalicelib.registration.items import Exclusion, ExclusionActItem, Refused
from chalicelib.registration.rules import Employment, Standing
from chalicelib.registration.service import Registrations
from chalicelib.registration.store import RegistrationStore
from chalicelib.vault import Vault
from tests.builders.aws.calls import wrap_calls
from tests.builders.crashes import Calls
from tests.builders.people import chosen_in
from tests.builders.registration import ACCOUNT, SITI, form, other_form, rows, vault
from tests.conftest import T0

SECRETS = [SITI.nik, SITI.kk, "81234567890", "3456-7890", "Siti", "Aminah", ACCOUNT.account_number]


def test_no_number_and_no_name_is_stored_in_the_clear(service, cloud):
    service.register("siti", SITI, T0)
    service.addresses.set("siti", ACCOUNT, T0)
    lists = ExclusionLists(RegistrationStore(cloud.region), vault(cloud), Journal(ExclusionActItem))
    lists.import_list(
        ExclusionList("police", "1", T0.date()), ["nik", "3201010101900001"], "dewi", "letter 12", lambda: T0
    )
    items = rows(cloud)
    stored = json.dumps(items, default=lambda raw: raw.decode("latin-1"), ensure_ascii=False).encode("latin-1")
    assert len(items) == 8
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


def test_a_sealed_value_differs_each_time_and_opens_only_for_its_person_and_kind(cloud):
    safe = vault(cloud)
    key = safe.new_key("siti")
    sealed, again = key.seal("person/1", b"secret"), key.seal("person/1", b"secret")
    assert sealed != again
    for each in (sealed, again):
        assert safe.open_key("siti", key.wrapped).unseal("person/1", each) == b"secret"
    for other_key, kind in ((key, "address/1"), (safe.new_key("siti"), "person/1")):
        with pytest.raises(InvalidTag):
            other_key.unseal(kind, sealed)
    damaged = sealed[:-1] + bytes([sealed[-1] ^ 1])
    with pytest.raises(InvalidTag):
        key.unseal("person/1", damaged)
    with pytest.raises(ClientError):
        safe.open_key("budi", key.wrapped)


def test_a_sealed_value_never_opens_for_another_person_even_under_the_same_key():
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
        *("ThrottlingException", "KMSInternalException", "KeyUnavailableException", "RequestTimeout"),
    ],
)
def test_a_late_or_busy_kms_is_answered_with_503(failure):
    class BrokenKms:
        def generate_mac(self, **_):
            coded = {"Error": {"Code": failure, "Message": ""}}
            raise ClientError(coded, "GenerateMac") if isinstance(failure, str) else failure

    with pytest.raises(Unavailable):
        Vault(BrokenKms, "alias/mac", "alias/data").mac("nik", SITI.nik)


def test_an_error_of_configuration_at_kms_is_not_answered_with_503(cloud):
    with pytest.raises(ClientError):
        Vault(lambda: boto3.client("kms", cloud.region), "alias/other", "alias/other").mac("nik", SITI.nik)


def test_each_use_case_costs_the_calls_that_it_says_and_hashes_only_what_changed(service, monkeypatch):
    calls = Calls(monkeypatch)

    def cost(use_case) -> list[str]:
        calls.reset()
        use_case()
        return [operation for _, operation in calls.made]

    def refused():
        with pytest.raises(errors.ConsentMissing):
            service.register("siti", form(consent_version=None), T0)

    change = ["BatchGetItem", "Decrypt", "GenerateMac", "TransactWriteItems", "SendMessageBatch"]
    address = ["BatchGetItem", "Decrypt", "GetItem", "GenerateMac", "TransactWriteItems", "SendMessageBatch"]
    new = ["BatchGetItem", "GenerateDataKey", *["GenerateMac"] * 4, "TransactWriteItems"]
    assert cost(refused) == ["BatchGetItem"]
    registering = cost(lambda: service.register("siti", SITI, T0))
    assert [registering[0], *sorted(registering[1:6]), *registering[6:]] == new, "five at once, in any order"
    assert cost(lambda: service.register("siti", SITI, T0)) == ["BatchGetItem", "Decrypt"]
    assert cost(lambda: service.register("siti", form(phone="081311112222"), T0)) == change
    assert cost(lambda: service.registrant("siti")) == ["GetItem"]
    registrant = service.registrant("siti")
    assert cost(lambda: service.me("siti")) == ["BatchGetItem", "Decrypt"]
    assert cost(lambda: service.check_still_eligible(registrant, T0.date())) == ["GetItem"]
    assert cost(lambda: service.set_standing("siti", Standing.BENEFICIARY, chosen_in(54))) == ["UpdateItem"]
    assert cost(lambda: service.addresses.set("siti", ACCOUNT, T0)) == address
    assert cost(lambda: service.addresses.set("siti", ACCOUNT, T0)) == address[:3]
    assert cost(lambda: service.addresses.payee("siti")) == ["BatchGetItem", "Decrypt"]


def test_reads_are_consistent(service, monkeypatch):
    service.register("siti", SITI, T0)
    asked = []

    def seeing(original):
        def call(client, operation, parameters):
            asked.append(parameters.get("ConsistentRead"))
            return original(client, operation, parameters)

        return call

    wrap_calls(monkeypatch, seeing)
    service.registrant("siti")
    assert asked == [True]


OWN_PHONE = {"phone": "081311112222"}
TOMORROW = T0 + timedelta(days=1)


@pytest.fixture
def registered(cloud, service) -> Registrations:
    """Siti is registered, and the NIK of another is on an exclusion list."""
    service.register("siti", SITI, T0)
    Exclusion(f"X#{vault(cloud).mac('nik', other_form(8).nik)}", "EXCLUDED", lists={"x/1/2026-11-01"}).save()
    return service


NIKS = {"taken": SITI.nik, "excluded": other_form(8).nik, "free": other_form(7).nik}


def told(service: Registrations, who: str, now=T0, **changes: Any) -> str:
    """The code of a refusal with its facts; `ok` without one."""
    try:
        service.register(who, form(**changes), now)
    except DomainError as error:
        return str(error)
    return "ok"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({}, "phone_already_used"),
        ({"consent_version": None}, "consent_missing current=2026-01 allowed=['2026-01']"),
        ({"employment": Employment.STUDENT}, "in_formal_education"),
        ({"birth_date": date(2010, 1, 1)}, "under_age age_min=18"),
        ({"kk": "1"}, "malformed_kk reason=digits"),
    ],
)
def test_another_error_in_the_form_hides_whether_a_nik_is_known(registered, cloud, monkeypatch, wrong, code):
    calls, answers = Calls(monkeypatch), {}
    for name, nik in NIKS.items():
        calls.reset()
        answers[name] = (told(registered, f"thief-{name}", nik=nik, **wrong), tuple(sorted(calls.made)))
    assert len(set(answers.values())) == 1, "one cannot be told from another, by its calls neither"
    assert answers["free"][0] == code


def test_the_owner_of_a_taken_nik_is_told_how_to_complain(registered):
    assert told(registered, "owner", **OWN_PHONE) == "nik_already_registered"
    refusal = errors.NikAlreadyRegistered
    assert "pengaduan" in refusal.indonesian
    assert "grievance" in refusal.english


def test_after_five_refusals_a_day_an_account_is_told_nothing(registered):
    tries = [{"nik": NIKS["taken"], **OWN_PHONE}, {"nik": NIKS["excluded"], **OWN_PHONE}, {}, {}, {}]
    codes = [told(registered, "thief", **one) for one in tries]
    assert codes == ["nik_already_registered", "excluded"] + ["phone_already_used"] * 3
    for nik in NIKS.values():
        assert told(registered, "thief", nik=nik, **OWN_PHONE) == "too_many_refusals refusals_max=5"
    midnight = T0.replace(hour=17)
    assert told(registered, "thief", midnight - timedelta(seconds=1), **OWN_PHONE) == "too_many_refusals refusals_max=5"
    assert told(registered, "thief", midnight, nik=NIKS["free"], **OWN_PHONE) == "ok"
    assert told(registered, "other", nik=other_form(9).nik, phone="081322223333") == "ok", "another account"


def test_a_refusal_that_reveals_nothing_is_not_counted(registered):
    wrong = [{"nik": "1"}, {"consent_version": None}, {"employment": Employment.POLICE}, {"province": "99"}] * 3
    for changes in wrong:
        assert told(registered, "clumsy", **{**OWN_PHONE, "nik": NIKS["free"], **changes}) != "ok"
    assert told(registered, "clumsy", nik=NIKS["free"], **OWN_PHONE) == "ok"


def test_refused_changes_are_counted_too_and_a_form_without_changes_is_accepted(registered):
    assert told(registered, "budi", nik=NIKS["free"], **OWN_PHONE) == "ok"
    codes = [told(registered, "budi", nik=NIKS["free"]) for _ in range(6)]
    assert codes == ["phone_already_used"] * 5 + ["too_many_refusals refusals_max=5"]
    assert told(registered, "budi", nik=NIKS["free"], phone="081322223333") == "too_many_refusals refusals_max=5"
    assert told(registered, "budi", nik=NIKS["free"], **OWN_PHONE) == "ok", "the same form again"
    assert told(registered, "budi", nik=NIKS["taken"], **OWN_PHONE) == "nik_cannot_change"
    assert told(registered, "budi", TOMORROW, nik=NIKS["free"], phone="081322223333") == "ok"


def test_a_refusal_that_cannot_be_counted_is_withheld_and_counts_expire(registered, monkeypatch):
    told(registered, "thief")
    row = Refused.get("R#thief", "REFUSED#2026-11-24")
    assert (row.refusals, row.expires_at) == (1, T0.replace(hour=17) + timedelta(days=1))
    monkeypatch.setattr(registered._store, "count_refusal", lambda *_: False)
    assert told(registered, "thief") == "too_many_refusals refusals_max=5"
