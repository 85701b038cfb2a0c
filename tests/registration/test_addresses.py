"""Where a person is paid: sealed, masked, and one account for one person."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from chalicelib.config import load_programme
from chalicelib.notices.rules import Kind
from chalicelib.registration import change_notices, errors
from chalicelib.registration.items import Profile
from chalicelib.registration.rules import FinancialAddress
from chalicelib.wiring import Services
from tests.builders.registration import ACCOUNT, SITI, other_form, rows
from tests.conftest import T0

LATER = T0 + timedelta(hours=1)


@pytest.fixture
def service(service):
    service.register("siti", SITI, T0)
    service.register("budi", other_form(7, name="Budi"), T0)
    return service


def account(**changes):
    return msgspec.structs.replace(ACCOUNT, **changes)


def meanwhile(monkeypatch, service, event):
    """Between the decision about an address and its writing this happens, once."""
    save = service.addresses._store.save

    def overtaken(*args, **kwargs):
        monkeypatch.setattr(service.addresses._store, "save", save)
        event()
        return save(*args, **kwargs)

    monkeypatch.setattr(service.addresses._store, "save", overtaken)


def test_an_address_is_stored_encrypted_and_shown_masked(service):
    stated = service.addresses.set("siti", account(holder_name=" Siti  Aminah "), T0)
    kept = FinancialAddress("BNI", "0123456789", "Siti Aminah", owner_name="Siti Aminah")
    assert stated == service.addresses.payee("siti").address == kept
    assert service.addresses.set("siti", account(code=" bni", holder_name="Siti Aminah"), T0) == stated, "the same"
    shown = service.me("siti").financial_address
    assert (shown.code, shown.account_number, shown.holder_name) == ("BNI", "********6789", "Siti Aminah")

    service.addresses.set("siti", account(code="DANA", account_number="0812 3456 7890"), T0)
    assert service.addresses.payee("siti").address.account_number == "+6281234567890"


def test_an_unknown_code_and_a_wrong_number_are_refused(service, cloud):
    for code in ("XYZ", "BN", ""):
        with pytest.raises(errors.UnknownPayoutCode):
            service.addresses.set("siti", account(code=code), T0)
    for code, number in (("BNI", "12345"), ("DANA", "0123456789")):
        with pytest.raises(errors.MalformedAccountNumber):
            service.addresses.set("siti", account(code=code, account_number=number), T0)
    assert rows(cloud, "U#account#") == []


def test_only_a_registered_person_can_set_an_address(service):
    with pytest.raises(errors.NotRegistered):
        service.addresses.set("nobody", ACCOUNT, T0)
    assert service.addresses.payee("nobody") is None
    assert service.addresses.payee("siti") is None


def test_an_account_pays_one_person_and_is_free_for_others_once_given_up(service, cloud):
    service.addresses.set("siti", ACCOUNT, T0)
    with pytest.raises(errors.AccountAlreadyUsed):
        service.addresses.set("budi", account(holder_name="Budi"), T0)
    assert service.addresses.payee("budi") is None
    service.addresses.set("budi", account(code="BCA"), T0)
    service.addresses.set("siti", account(account_number="9876543210"), LATER)
    assert len(rows(cloud, "U#account#")) == 2
    service.addresses.set("budi", ACCOUNT, LATER)


def test_the_same_address_again_changes_nothing_and_another_holder_s_name_is_a_change(service, cloud):
    service.addresses.set("siti", ACCOUNT, T0)
    before = rows(cloud, "R#siti")
    service.addresses.set("siti", ACCOUNT, LATER)
    assert rows(cloud, "R#siti") == before
    service.addresses.set("siti", account(holder_name="Siti A."), LATER)
    assert service.addresses.payee("siti").address.holder_name == "Siti A."
    assert len(rows(cloud, "U#account#")) == 1


def test_only_one_of_two_people_at_once_gets_an_account(service, cloud, monkeypatch):
    meanwhile(monkeypatch, service, lambda: service.addresses.set("siti", ACCOUNT, T0))
    with pytest.raises(errors.AccountAlreadyUsed):
        service.addresses.set("budi", ACCOUNT, T0)
    assert [row["registrant"]["S"] for row in rows(cloud, "U#account#")] == ["siti"]


def test_two_changes_of_one_person_at_once_leave_one_guard(service, cloud, monkeypatch):
    service.addresses.set("siti", ACCOUNT, T0)
    other = account(account_number="1111111111")
    meanwhile(monkeypatch, service, lambda: service.addresses.set("siti", other, T0))
    service.addresses.set("siti", account(account_number="2222222222"), LATER)
    assert service.addresses.payee("siti").address.account_number == "2222222222"
    assert len(rows(cloud, "U#account#")) == 1


def test_an_address_is_not_written_under_a_destroyed_key(service, cloud, monkeypatch):
    meanwhile(monkeypatch, service, Profile("R#siti", "PROFILE").delete)
    with pytest.raises(errors.NotRegistered):
        service.addresses.set("siti", ACCOUNT, T0)
    assert rows(cloud, "U#account#") == []


WAYS_TO_WRITE_A_NUMBER = ("0812 3456 7890", "+62 812-3456-7890", "62812 3456 7890", "(0812) 3456.7890")


@pytest.mark.parametrize("second", ["OVO", "GOPAY", "DANA", "LINKAJA"])
@pytest.mark.parametrize("first", ["OVO", "GOPAY", "DANA", "LINKAJA"])
def test_all_wallets_of_a_phone_number_belong_to_one_person(service, first, second):
    service.addresses.set("siti", account(code=first, account_number="081234567890"), T0)
    for number in WAYS_TO_WRITE_A_NUMBER:
        with pytest.raises(errors.AccountAlreadyUsed):
            service.addresses.set("budi", account(code=second, account_number=number), T0)
    assert service.addresses.payee("budi") is None
    service.addresses.set("budi", account(code=second, account_number="081234567891"), T0)


def test_a_person_may_change_to_another_wallet_of_the_same_phone(service, cloud):
    service.addresses.set("siti", account(code="OVO", account_number="081234567890"), T0)
    moved = service.addresses.set("siti", account(code="DANA", account_number="081234567890"), LATER)
    assert (moved.code, moved.version, len(rows(cloud, "U#account#"))) == ("DANA", 2, 1)
    with pytest.raises(errors.AccountAlreadyUsed):
        service.addresses.set("budi", account(code="GOPAY", account_number="081234567890"), LATER)
    service.addresses.set("siti", ACCOUNT, LATER)
    service.addresses.set("budi", account(code="GOPAY", account_number="081234567890"), LATER)


def test_a_bank_account_with_a_phones_digits_is_not_a_wallet(service):
    service.addresses.set("siti", account(code="OVO", account_number="081234567890"), T0)
    service.addresses.set("budi", account(code="BNI", account_number="6281234567890"), T0)


WAIT_S = load_programme("local").payouts.address_wait_s
WALLET = account(code="DANA", account_number="0812 3456 7890")


@pytest.mark.parametrize(
    ("given", "before", "owed", "young", "waits", "confirmable"),
    [
        (ACCOUNT, None, False, False, False, False),
        (ACCOUNT, None, True, False, True, True),
        (ACCOUNT, None, False, True, True, False),
        (ACCOUNT, None, True, True, True, False),
        (ACCOUNT, account(code="BCA"), False, False, True, True),
        (ACCOUNT, account(code="BCA"), False, True, True, False),
        (WALLET, None, False, False, True, False),
        (WALLET, ACCOUNT, False, False, True, False),
        (WALLET, ACCOUNT, True, True, True, False),
    ],
)
def test_how_long_an_address_waits_and_whether_its_person_may_shorten_it(
    cloud, programme, given, before, owed, young, waits, confirmable
):
    services = Services(cloud, programme, clock=lambda: T0)
    people, store = services.registrations, services.address_store
    people.register("siti", SITI, T0)
    if before is not None:
        people.addresses.set("siti", before, T0)
    address = people.addresses.set("siti", given, LATER, owed=lambda: owed, young=young)
    assert address.pay_from == (LATER + timedelta(seconds=WAIT_S) if waits else None)
    waiting = people.addresses.waiting("siti")
    assert (waiting.pay_from is not None, waiting.full) == (waits, waits and not confirmable)
    kinds = {False: Kind.ADDRESS_GIVEN, True: Kind.ADDRESS_CHANGED if confirmable else Kind.ADDRESS_WAITING}
    event = change_notices.address_changed(address.version) if waits else f"address_given/{address.version}"
    notice = services.mailboxes.notice("siti", event)
    assert notice is not None
    assert notice.kind is kinds[waits]
    confirmed = store.confirm("siti", address.version, settle=False)
    assert confirmed is (confirmable or not waits)
    assert people.addresses.waiting("siti").pay_from == (address.pay_from if waits and not confirmable else None)
    assert store.confirm("siti", address.version, settle=True), "an administrator may"
    assert people.addresses.waiting("siti").pay_from is None
