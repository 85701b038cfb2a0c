"""People who truly register at the same time: one number, one owner, and nothing half-written."""

from __future__ import annotations

from functools import partial
from hashlib import sha256
from os import urandom

import msgspec
import pytest

from chalicelib.config import Programme, Settings
from chalicelib.registration.errors import AccountAlreadyUsed, NikAlreadyRegistered, PhoneAlreadyUsed
from chalicelib.registration.items import Address, Guard, Profile
from chalicelib.registration.rules import Standing
from chalicelib.registration.service import Registrations
from chalicelib.registration.vault import Vault
from chalicelib.registration.wire import FinancialAddressForm, RegistrationForm
from tests.builders.registration import ACCOUNT, other_form, registrations
from tests.conftest import T0

from .together import refusals, together

pytestmark = pytest.mark.dynamodb

AT_ONCE = 12
ROUNDS = 5


class Kms:
    """The three calls that registration makes, in next to no time, so that all come to their writes together."""

    def generate_mac(self, Message: bytes, **_: str) -> dict[str, bytes]:  # noqa: N803 - KMS's own names
        return {"Mac": sha256(Message).digest()}

    def generate_data_key(self, **_: object) -> dict[str, bytes]:
        key = urandom(32)
        return {"CiphertextBlob": b"wrapped" + key, "Plaintext": key}

    def decrypt(self, CiphertextBlob: bytes, **_: object) -> dict[str, bytes]:  # noqa: N803 - as above
        return {"Plaintext": CiphertextBlob.removeprefix(b"wrapped")}


@pytest.fixture
def people(cloud: Settings, programme: Programme) -> Registrations:
    return registrations(cloud, programme, Vault(Kms, cloud.mac_key, cloud.data_key))


def form(n: int, **changes: str) -> RegistrationForm:
    """The form of somebody else for each n from 0."""
    return msgspec.structs.replace(other_form(n + 1), **changes)


def account(number: str) -> FinancialAddressForm:
    return msgspec.structs.replace(ACCOUNT, account_number=number)


def held() -> list[tuple[str, str]]:
    """Each guarded number with the person who holds it."""
    return sorted((guard.pk, guard.registrant) for guard in Guard.scan(Guard.sk == "UNIQUE", consistent_read=True))


def said() -> list[tuple[str, str]]:
    """The same as what is stored of the people says. It must be equal: no number shared, none held for nobody."""
    numbers = []
    for profile in Profile.scan(Profile.sk == "PROFILE", consistent_read=True):
        who = profile.pk.removeprefix("R#")
        numbers += [(f"U#nik#{profile.nik_mac}", who), (f"U#phone#{profile.phone_mac}", who)]
    for address in Address.scan(Address.sk == "ADDRESS", consistent_read=True):
        numbers.append((f"U#account#{address.account_mac}", address.pk.removeprefix("R#")))
    return sorted(numbers)


def test_of_many_accounts_with_one_nik_one_is_registered(people: Registrations) -> None:
    for number in range(ROUNDS):
        nik = form(number).nik
        forms = {f"{number}-{n}": form(1000 + AT_ONCE * number + n, nik=nik) for n in range(AT_ONCE)}
        answers = together(partial(people.register, who, form, T0) for who, form in forms.items())
        assert refusals(answers) == [NikAlreadyRegistered] * (AT_ONCE - 1)
        assert len(held()) == 2 * (number + 1)
        assert held() == said()


def test_of_many_accounts_with_one_phone_one_is_registered(people: Registrations) -> None:
    for number in range(ROUNDS):
        phone = form(number).phone
        forms = {f"{number}-{n}": form(1000 + AT_ONCE * number + n, phone=phone) for n in range(AT_ONCE)}
        answers = together(partial(people.register, who, form, T0) for who, form in forms.items())
        assert refusals(answers) == [PhoneAlreadyUsed] * (AT_ONCE - 1)
        assert len(held()) == 2 * (number + 1)
        assert held() == said()


def test_one_person_on_many_devices_is_registered_once_and_all_get_the_same_answer(people: Registrations) -> None:
    for number in range(ROUNDS):
        register = partial(people.register, f"person-{number}", form(number), T0)
        answers = together([register] * AT_ONCE)
        assert sorted(new for _, new in answers) == [False] * (AT_ONCE - 1) + [True]
        assert {registrant for registrant, _ in answers} == {people.registrant(f"person-{number}")}
    assert [int(profile.version) for profile in Profile.scan(Profile.sk == "PROFILE")] == [1] * ROUNDS
    assert held() == said()


def test_one_person_with_a_phone_on_each_device_holds_the_last_one_only(people: Registrations) -> None:
    for number in range(ROUNDS):
        nik = form(number).nik
        forms = [form(1000 + AT_ONCE * number + n, nik=nik) for n in range(AT_ONCE)]
        answers = together(partial(people.register, f"person-{number}", form, T0) for form in forms)
        assert sorted(new for _, new in answers) == [False] * (AT_ONCE - 1) + [True]
        assert len(held()) == 2 * (number + 1)
        assert held() == said()


def test_numbers_that_people_share_crosswise_are_held_by_whole_registrations(people: Registrations) -> None:
    """Each of six NIKs is claimed together with each of three phones: at most three can be registered."""
    for number in range(ROUNDS):
        niks = [form(10 * number + n).nik for n in range(6)]
        phones = [form(10 * number + n).phone for n in range(3)]
        forms = [form(0, nik=nik, phone=phone) for nik in niks for phone in phones]
        answers = together(partial(people.register, f"{number}-{place}", form, T0) for place, form in enumerate(forms))
        won = len(answers) - len(refusals(answers))
        assert 1 <= won <= 3
        assert set(refusals(answers)) <= {NikAlreadyRegistered, PhoneAlreadyUsed}
        assert len([who for _, who in held() if who.startswith(f"{number}-")]) == 2 * won
        assert held() == said()


def test_a_phone_that_is_given_up_goes_to_one_of_those_who_want_it(people: Registrations) -> None:
    for number in range(ROUNDS):
        old = form(number)
        owner = f"owner-{number}"
        people.register(owner, old, T0)
        calls = [partial(people.register, owner, form(1000 + number, nik=old.nik), T0)]
        calls += [
            partial(people.register, f"{number}-{n}", form(2000 + AT_ONCE * number + n, phone=old.phone), T0)
            for n in range(AT_ONCE)
        ]
        answers = together(calls)
        assert len(refusals(answers)) in {AT_ONCE - 1, AT_ONCE}
        assert set(refusals(answers)) == {PhoneAlreadyUsed}
        assert held() == said()


def test_one_payout_account_is_held_by_one_of_many_people(people: Registrations) -> None:
    names = [f"person-{n}" for n in range(AT_ONCE)]
    for n, name in enumerate(names):
        people.register(name, form(n), T0)
    for number in range(ROUNDS):
        address = account(f"{number:010d}")
        answers = together(partial(people.set_financial_address, name, address, T0) for name in names)
        assert refusals(answers) == [AccountAlreadyUsed] * (AT_ONCE - 1)
        assert held() == said()


def test_one_person_with_an_account_on_each_device_holds_the_last_one_only(people: Registrations) -> None:
    people.register("person", form(0), T0)
    for number in range(ROUNDS):
        addresses = [account(f"{number}{n:09d}") for n in range(AT_ONCE)]
        together(partial(people.set_financial_address, "person", address, T0) for address in addresses)
        assert len(held()) == 3
        assert held() == said()


def test_who_changes_their_data_while_they_are_chosen_stays_chosen(people: Registrations) -> None:
    for number in range(ROUNDS):
        name = f"person-{number}"
        people.register(name, form(number), T0)
        changes = [partial(people.register, name, form(number, name=f"Siti {n}"), T0) for n in range(4)]
        together([*changes, partial(people.mark_beneficiary, name, 145)])
        registrant = people.registrant(name)
        assert (registrant.standing, registrant.beneficiary_wave) == (Standing.BENEFICIARY, 145)
