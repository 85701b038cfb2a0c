"""People who truly register at the same time: one number, one owner, and nothing half-written."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from hashlib import sha256
from os import urandom

import msgspec
import pytest

from chalicelib.aws.dynamodb import Transaction
from chalicelib.config import Programme, Settings
from chalicelib.ids import system_randomness
from chalicelib.registration.errors import (
    AccountAlreadyUsed,
    FrozenUntilSettled,
    NikAlreadyRegistered,
    PhoneAlreadyUsed,
    TooManyRefusals,
)
from chalicelib.registration.items import AddressItem, Guard, Profile
from chalicelib.registration.rules import Standing
from chalicelib.registration.service import Registrations
from chalicelib.registration.vault import AccountKeys, Vault
from chalicelib.registration.wire import FinancialAddressForm, RegistrationForm
from chalicelib.waves.registration_changes import RegistrationChanges
from tests.builders.registration import ACCOUNT, other_form, registrations
from tests.builders.waves import OPENS, WAVE, WavesWorld
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
    for address in AddressItem.scan(AddressItem.sk == "ADDRESS", consistent_read=True):
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
        day = T0 + timedelta(days=number)
        answers = together(partial(people.set_financial_address, name, address, day) for name in names)
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
        together([*changes, partial(people.set_standing, name, Standing.BENEFICIARY, 145)])
        registrant = people.registrant(name)
        assert (registrant.standing, registrant.beneficiary_wave) == (Standing.BENEFICIARY, 145)


def test_of_many_refusals_at_once_no_more_are_told_than_a_day_has(people: Registrations, programme: Programme) -> None:
    people.register("owner", form(0), T0)
    few = programme.eligibility.refusals_max
    for number in range(ROUNDS):
        forms = [form(1000 + AT_ONCE * number + n, phone=form(0).phone) for n in range(AT_ONCE)]
        answers = together(partial(people.register, f"thief-{number}", one, T0) for one in forms)
        told = refusals(answers)
        assert sorted(map(str, told)) == sorted(
            map(str, [PhoneAlreadyUsed] * few + [TooManyRefusals] * (AT_ONCE - few))
        )
        with pytest.raises(TooManyRefusals):
            people.register(f"thief-{number}", form(2000 + number), T0)


def test_of_many_accounts_of_others_at_once_no_more_are_told_than_a_day_has(
    people: Registrations, programme: Programme
) -> None:
    people.register("owner", form(0), T0)
    people.set_financial_address("owner", account("0000000001"), T0)
    few = programme.eligibility.refusals_max
    for number in range(ROUNDS):
        thief = f"thief-{number}"
        people.register(thief, form(1000 + number), T0)
        answers = together([partial(people.set_financial_address, thief, account("0000000001"), T0)] * AT_ONCE)
        told = [AccountAlreadyUsed] * few + [TooManyRefusals] * (AT_ONCE - few)
        assert sorted(map(str, refusals(answers))) == sorted(map(str, told))


def test_a_change_beside_a_join_is_written_before_it_or_refused(people: Registrations, world: WavesWorld) -> None:
    """Whichever comes first, the registration does not change under the entry, whose card is one that was stated."""
    world.people = people  # type: ignore[assignment]  # the real ones
    changes = RegistrationChanges(world.programme, world.store, world.entries, world._beneficiaries())
    world.randomness = system_randomness
    world.step()
    for number in range(ROUNDS):
        who, old = f"person-{number}", form(number)
        new = form(number, name="Somebody Else", kk="3201011203180002")
        people.register(who, old, T0)
        before = people.registrant(who)
        change = partial(people.register, who, new, OPENS, partial(changes.unless_joined, who, OPENS))
        *_, joined = together([change, partial(world.new_waves().join, who, OPENS)])
        after = people.registrant(who)
        entry = world.entries.find(WAVE, who)
        assert joined[1]
        assert entry is not None
        assert entry.kk_mac in {before.kk_mac, after.kk_mac}
        with pytest.raises(FrozenUntilSettled):
            other = form(number, name="A Third")
            people.register(who, other, OPENS, partial(changes.unless_joined, who, OPENS))
        assert people.registrant(who) == after


def test_many_complaints_of_a_stranger_who_registers_meanwhile_are_sealed_under_one_key(
    people: Registrations, cloud: Settings
) -> None:
    keys = AccountKeys(lambda: Transaction(cloud.region), Vault(Kms, cloud.mac_key, cloud.data_key))
    for number in range(ROUNDS):
        who = f"person-{number}"
        calls = [partial(keys.key, who) for _ in range(AT_ONCE - 1)]
        *opened, (_, new) = together([*calls, partial(people.register, who, form(number), T0)])
        assert new
        assert {key.wrapped for key in opened} == {keys.key(who).wrapped}
