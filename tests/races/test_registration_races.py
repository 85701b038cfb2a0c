"""Simultaneous registrations, and changes of the address during a payment: one owner a number, one payment."""

from __future__ import annotations

from collections import Counter
from datetime import timedelta
from functools import partial

import msgspec
import pytest

from chalicelib.aws import dynamodb
from chalicelib.aws.dynamodb import Transaction
from chalicelib.config import Programme, Settings
from chalicelib.errors import DomainError
from chalicelib.ids import system_randomness
from chalicelib.payouts.errors import Superseded
from chalicelib.payouts.providers.xendit import Xendit
from chalicelib.payouts.rules import Kind, State
from chalicelib.registration.account_keys import AccountKeys
from chalicelib.registration.addresses.store import PAYING_LEG
from chalicelib.registration.errors import (
    AccountAlreadyUsed,
    FrozenUntilSettled,
    NikAlreadyRegistered,
    PaymentUnderWay,
    PhoneAlreadyUsed,
    TooManyRefusals,
)
from chalicelib.registration.items import AddressItem, Guard, Profile
from chalicelib.registration.rules import FinancialAddress, Standing
from chalicelib.registration.service import Registrations
from chalicelib.registration.wire import FinancialAddressForm, RegistrationForm
from chalicelib.vault import Vault
from local.sandbox.provider import Sandbox
from tests.builders.payouts.world import beneficiary, built
from tests.builders.people import chosen_in
from tests.builders.registration import ACCOUNT, other_form, registrations
from tests.builders.waves import OPENS, WAVE, WavesWorld
from tests.conftest import REGION, T0

from .conftest import Kms
from .together import ALWAYS, refusals, the_new_one, together

pytestmark = pytest.mark.dynamodb

AT_ONCE, ROUNDS = 12, 5


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


def crowd(number: int, **shared: str) -> list[RegistrationForm]:
    """The forms of many people in one round; but for what they share all is their own."""
    return [form(1000 + AT_ONCE * number + n, **shared) for n in range(AT_ONCE)]


@pytest.mark.parametrize(("field", "refusal"), [("nik", NikAlreadyRegistered), ("phone", PhoneAlreadyUsed)])
def test_only_one_of_many_accounts_registers_a_number(
    people: Registrations, field: str, refusal: type[DomainError]
) -> None:
    for number in range(ROUNDS):
        forms = crowd(number, **{field: getattr(form(number), field)})
        answers = together(partial(people.register, f"{number}-{n}", one, T0) for n, one in enumerate(forms))
        assert refusals(answers) == [refusal] * (AT_ONCE - 1)
        assert len(held()) == 2 * (number + 1)
        assert held() == said()


def test_one_person_on_many_devices_is_registered_once_and_all_get_the_same_answer(people: Registrations) -> None:
    for number in range(ROUNDS):
        register = partial(people.register, f"person-{number}", form(number), T0)
        assert the_new_one(together([register] * AT_ONCE)) == people.registrant(f"person-{number}")
    assert [int(profile.version) for profile in Profile.scan(Profile.sk == "PROFILE")] == [1] * ROUNDS
    assert held() == said()


def test_one_person_with_a_phone_on_each_device_holds_the_last_one_only(people: Registrations) -> None:
    for number in range(ROUNDS):
        forms = crowd(number, nik=form(number).nik)
        answers = together(partial(people.register, f"person-{number}", form, T0) for form in forms)
        assert sorted(new for _, new in answers) == [False] * (AT_ONCE - 1) + [True]
        assert len(held()) == 2 * (number + 1)
        assert held() == said()


def test_people_with_crossed_numbers_are_registered_whole_or_not_at_all(people: Registrations) -> None:
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


def test_a_freed_phone_goes_to_only_one_person(people: Registrations) -> None:
    for number in range(ROUNDS):
        old = form(number)
        owner = f"owner-{number}"
        people.register(owner, old, T0)
        calls = [partial(people.register, owner, form(5000 + number, nik=old.nik), T0)]
        others = enumerate(crowd(number, phone=old.phone))
        answers = together([*calls, *(partial(people.register, f"{number}-{n}", one, T0) for n, one in others)])
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
        answers = together(partial(people.addresses.set, name, address, day) for name in names)
        assert refusals(answers) == [AccountAlreadyUsed] * (AT_ONCE - 1)
        assert held() == said()


def test_one_person_with_an_account_on_each_device_holds_the_last_one_only(people: Registrations) -> None:
    people.register("person", form(0), T0)
    for number in range(ROUNDS):
        addresses = [account(f"{number}{n:09d}") for n in range(AT_ONCE)]
        together(partial(people.addresses.set, "person", address, T0) for address in addresses)
        assert len(held()) == 3
        assert held() == said()


def test_a_change_of_data_during_the_award_keeps_the_place(people: Registrations) -> None:
    for number in range(ROUNDS):
        name = f"person-{number}"
        people.register(name, form(number), T0)
        changes = [partial(people.register, name, form(number, name=f"Siti {n}"), T0) for n in range(4)]
        together([*changes, partial(people.set_standing, name, Standing.BENEFICIARY, chosen_in(145))])
        registrant = people.registrant(name)
        assert (registrant.standing, registrant.beneficiary_wave) == (Standing.BENEFICIARY, 145)


def test_many_refusals_at_once_do_not_exceed_the_daily_limit(people: Registrations, programme: Programme) -> None:
    people.register("owner", form(0), T0)
    few = programme.eligibility.refusals_max
    for number in range(ROUNDS):
        forms = crowd(number, phone=form(0).phone)
        answers = together(partial(people.register, f"thief-{number}", one, T0) for one in forms)
        assert Counter(refusals(answers)) == {PhoneAlreadyUsed: few, TooManyRefusals: AT_ONCE - few}
        with pytest.raises(TooManyRefusals):
            people.register(f"thief-{number}", form(2000 + number), T0)


def test_many_questions_about_others_accounts_do_not_exceed_the_daily_limit(
    people: Registrations, programme: Programme
) -> None:
    people.register("owner", form(0), T0)
    people.addresses.set("owner", account("0000000001"), T0)
    few = programme.eligibility.refusals_max
    for number in range(ROUNDS):
        thief = f"thief-{number}"
        people.register(thief, form(1000 + number), T0)
        answers = together([partial(people.addresses.set, thief, account("0000000001"), T0)] * AT_ONCE)
        assert Counter(refusals(answers)) == {AccountAlreadyUsed: few, TooManyRefusals: AT_ONCE - few}


def test_a_change_beside_a_join_is_written_before_it_or_refused(people: Registrations, world: WavesWorld) -> None:
    """Whichever comes first, the registration does not change under the entry, whose card is one that was stated."""
    world.people = people  # type: ignore[assignment]  # the real ones
    changes = world.services.registration_changes
    world.randomness = system_randomness
    world.step()
    for number in range(ROUNDS):
        who, old = f"person-{number}", form(number)
        new = form(number, name="Somebody Else", kk="3201011203180002")
        people.register(who, old, T0)
        before = people.registrant(who)
        unless_joined = partial(changes.unless_joined, now=OPENS)
        change = partial(people.register, who, new, OPENS, unless_joined)
        *_, joined = together([change, partial(world.wired().waves.join, who, OPENS)])
        after = people.registrant(who)
        entry = world.entries.find(WAVE, who)
        assert joined[1]
        assert entry is not None
        assert entry.kk_mac in {before.kk_mac, after.kk_mac}
        with pytest.raises(FrozenUntilSettled):
            other = form(number, name="A Third")
            people.register(who, other, OPENS, unless_joined)
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


class Race:
    """Registrations and the ledger on DynamoDB Local; the provider settles a minute later."""

    def __init__(self, cloud: Settings, programme: Programme, sandbox: Sandbox) -> None:
        self.sandbox, self.number = sandbox, 0
        self.people = registrations(cloud, programme, Vault(Kms, cloud.mac_key, cloud.data_key))
        services = built(cloud, programme, self.people, Xendit(sandbox.url, 20, str))
        self.book, self.payouts, self.worker = services.address_book, services.payouts, services.payout_worker

    def person(self) -> tuple[str, str]:
        """Register a person with an address and an entitlement; returns the ids of both."""
        self.number += 1
        name = f"person-{self.number}"
        self.people.register(name, other_form(self.number), T0)
        self.set(name, "1")
        with dynamodb.Transaction(REGION) as tx:
            return name, self.payouts.entitle(tx, beneficiary(name), Kind.INCENTIVE, T0)

    def account(self, ending: str) -> str:
        return f"{self.number:08d}{ending}"

    def set(self, name: str, ending: str) -> FinancialAddress:
        def unless_paying(tx: Transaction) -> None:
            self.payouts.check_nothing_alive(tx, PAYING_LEG, beneficiary(name))

        form = msgspec.structs.replace(ACCOUNT, account_number=self.account(ending))
        return self.book.set(name, form, unless_paying, T0)

    def paid_to(self, payout: str) -> list[str]:
        lines = self.sandbox.books.report()["payouts"]
        return [line["account_number"] for line in lines if line["reference_id"].startswith(payout)]


@pytest.fixture
def race(cloud: Settings, programme: Programme, sandbox: Sandbox) -> Race:
    sandbox.books.configure({"holder_name": ACCOUNT.holder_name, "settle_ms": 60_000})
    sandbox.books._clock = T0.timestamp
    return Race(cloud, programme, sandbox)


@pytest.mark.parametrize("meet", [1, 2, ALWAYS])
def test_a_change_during_a_claim_makes_one_payment_to_a_valid_address(race: Race, meet: int) -> None:
    """The change is refused, and the old account is paid; or it is made before the claim is written, and one is."""
    for _ in range(ROUNDS):
        name, payout = race.person()
        change = partial(race.set, name, "2")
        claims = [partial(race.worker.process, payout, T0)] * 2
        answers = together([change, *claims], meet)
        refused = refusals(answers[:1]) == [PaymentUnderWay]
        assert refused or answers[0].account_number == race.account("2")
        assert set(refusals(answers[1:])) <= {Superseded}
        assert race.worker.process(payout, T0) is State.SENDING
        [paid] = race.paid_to(payout)
        assert paid in ({race.account("1")} if refused else {race.account("1"), race.account("2")})

        kept = race.people.addresses.payee(name).address
        assert kept is not None
        assert kept.account_number == race.account("1" if refused else "2")
        # From the claim on, no change is made.
        assert refusals(together([partial(race.set, name, "3")] * 3)) == [PaymentUnderWay] * 3
        race.sandbox.books._clock = lambda: (T0 + timedelta(seconds=61)).timestamp()
        assert race.worker.process(payout, T0) is State.PAID
        race.sandbox.books._clock = T0.timestamp
        assert race.set(name, "3").account_number == race.account("3")


def test_after_simultaneous_changes_the_verdict_belongs_to_the_stored_address(race: Race) -> None:
    """The provider knows accounts that end in 9 under another name: none of them is left with a good verdict."""
    race.sandbox.books.configure({"other_name_suffix": "9"})
    for _ in range(ROUNDS):
        name, _payout = race.person()
        together([partial(race.set, name, ending) for ending in "29292"], ALWAYS)
        kept = race.people.addresses.payee(name).address
        assert kept is not None
        if kept.check is not None:
            assert (kept.check.verdict.value == "ANOTHERS") == kept.account_number.endswith("9")
