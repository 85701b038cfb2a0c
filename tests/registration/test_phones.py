"""A phone number of a registration comes back to whoever proves it by a code; its former holder loses nothing else."""

from __future__ import annotations

from datetime import timedelta

import msgspec
import pytest

from chalicelib.config import Programme, Settings
from chalicelib.notices.texts import mail_text
from chalicelib.registration.errors import NikAlreadyRegistered, PhoneAlreadyUsed
from chalicelib.registration.wire import OwnCorrectionForm
from tests.builders.accounts.contacts import EMAIL, OTHER_EMAIL, PHONE, Household
from tests.builders.registration import SITI, guards, other_form
from tests.conftest import T0

MINE = other_form(7, name="Budi")


class Registered(Household):
    """Siti has registered with a number; Budi has it now."""

    def __init__(self, settings: Settings, programme: Programme) -> None:
        super().__init__(settings, programme)
        self.cloud = settings
        self.people = self.services.registrations
        self.siti = self.account("siti", EMAIL).id
        self.people.register(self.siti, SITI, self.now)

    def phone_of(self) -> str:
        [holder] = [who for pk, who in guards(self.cloud, "phone").items() if pk.endswith(self.mac)]
        return holder

    @property
    def mac(self) -> str:
        return self.services.vault.mac("phone", PHONE)

    def registers(self, who: str, phone: str = PHONE) -> None:
        self.people.register(who, msgspec.structs.replace(MINE, phone=phone), self.now)

    def corrects(self, who: str, **changes: str) -> None:
        self.people.register(who, self.people.with_changes(who, OwnCorrectionForm(**changes)), self.now)


@pytest.fixture
def town(cloud: Settings, programme: Programme) -> Registered:
    return Registered(cloud, programme)


def test_whoever_proved_a_number_by_its_code_registers_it_and_its_former_holder_is_told(town):
    budi = town.account("budi", PHONE).id
    town.registers(budi)
    assert town.phone_of() == budi
    siti = town.people.registrant(town.siti)
    assert (siti.phone_lost_at, town.people.contact(town.siti)) == (town.now, None)
    shown = town.people.me(town.siti).registration
    assert (shown.phone, shown.phone_lost_at) == (None, town.now), "what is another's is not shown as hers"
    [told] = [one for one in town.services.mailboxes.notices(town.siti) if one.kind == "phone_lost"]
    assert "LINK" not in mail_text(told, "id", town.now, "LINK").body, "there is nothing of theirs to deny"
    # All else of the registration may change, and the number stays the other's until she gives another.
    town.corrects(town.siti, education="bachelor")
    assert (town.phone_of(), town.people.registrant(town.siti).phone_lost_at) == (budi, siti.phone_lost_at)
    town.corrects(town.siti, phone="0813-1111-2222")
    assert (town.phone_of(), town.people.registrant(town.siti).phone_lost_at) == (budi, None)
    assert town.people.contact(town.siti).phone == "+6281311112222"


def test_a_number_that_was_freed_for_a_registration_that_is_refused_is_theirs_at_the_next_change(town):
    budi = town.account("budi", PHONE).id
    with pytest.raises(NikAlreadyRegistered):
        town.people.register(budi, msgspec.structs.replace(MINE, phone=PHONE, nik=SITI.nik), town.now)
    assert town.people.registrant(town.siti).phone_lost_at == town.now
    town.corrects(town.siti, education="bachelor")
    assert (town.phone_of(), town.people.registrant(town.siti).phone_lost_at) == (town.siti, None)


@pytest.mark.parametrize("which", ["no contact", "an old proof", "a contact that waits", "a removed contact"])
def test_nobody_else_takes_a_number(town, which):
    contacts = (PHONE,) if which in {"an old proof", "a removed contact"} else ()
    days = timedelta(days=61 if which == "an old proof" else 0)
    budi = town.account("budi", OTHER_EMAIL, *contacts, proved=days)
    if which == "a contact that waits":
        town.add(town.session(budi, timedelta()), PHONE)
    if which == "a removed contact":
        town.remove(town.session(budi), PHONE)
    with pytest.raises(PhoneAlreadyUsed):
        town.registers(budi.id)
    assert town.phone_of() == town.siti
    assert town.people.registrant(town.siti).phone_lost_at is None


def test_a_number_that_comes_back_to_the_first_is_theirs_again(town):
    budi = town.account("budi", PHONE)
    town.registers(budi.id)
    town.add(town.session(budi), OTHER_EMAIL)
    town.remove(town.session(budi), PHONE)
    siti = town.store.account(town.siti)
    assert siti
    town.add(town.session(siti), PHONE)
    town.corrects(town.siti, education="bachelor")
    assert town.phone_of() == town.siti
    assert town.people.registrant(town.siti).phone_lost_at is None
    assert town.people.registrant(budi.id).phone_lost_at == town.now


def test_an_account_whose_only_contact_was_sold_again_keeps_its_device_and_adds_another(town):
    town.now = T0 + timedelta(days=61)
    joko = town.account("joko", "+6281234567891", proved=timedelta(days=61))
    device = town.session(joko)
    town.add(town.session(town.account("budi", OTHER_EMAIL)), "+6281234567891", fresh=True)
    assert town.services.account_store.session(joko.id, device.id) is not None
    assert [one.kind for one in town.services.mailboxes.notices(joko.id)] == ["account_changed"]
    assert town.services.directory.contacts(joko.id, town.now).contacts == {}  # the number's new owner is told nothing
    assert town.add(device, EMAIL.replace("siti", "joko")).signs_in_from is None
