"""Two requests at once: one is overtaken between its read and its write, and decides again."""

from __future__ import annotations

import pytest

from chalicelib.aws import dynamodb
from chalicelib.errors import Unavailable
from chalicelib.registration import errors
from chalicelib.registration.rules import Standing
from chalicelib.registration.store import RegistrationOvertaken
from tests.builders.registration import SITI, form, guards, other_form, registrations, vault
from tests.conftest import T0
from tests.registration.test_service import LATER


class Interrupted:
    """A vault that lets something else happen once, between a registration's read and its write."""

    def __init__(self, inner, between):
        self._inner = inner
        self._between = between

    def __getattr__(self, name):
        return getattr(self._inner, name)

    def _meanwhile(self):
        between, self._between = self._between, lambda: None
        between()

    def new_key(self, registrant_id):
        self._meanwhile()
        return self._inner.new_key(registrant_id)

    def open_key(self, registrant_id, wrapped):
        self._meanwhile()
        return self._inner.open_key(registrant_id, wrapped)


@pytest.fixture
def interrupted(cloud, programme):
    return lambda between: registrations(cloud, programme, Interrupted(vault(cloud), between))


def test_of_two_people_with_one_nik_at_once_one_registers(service, cloud, interrupted):
    slower = interrupted(lambda: service.register("siti", SITI, T0))
    with pytest.raises(errors.NikAlreadyRegistered):
        slower.register("budi", form(phone="081311112222"), T0)
    assert list(guards(cloud, "nik").values()) == ["siti"]
    assert len(guards(cloud, "phone")) == 1


def test_of_two_devices_with_one_form_both_succeed_and_one_is_new(service, cloud, interrupted):
    first = []
    slower = interrupted(lambda: first.append(service.register("siti", SITI, T0)))
    registrant, new = slower.register("siti", SITI, T0)
    assert not new
    assert first == [(registrant, True)]


def test_who_was_overtaken_is_judged_by_what_is_there_now(service, cloud, interrupted):
    service.register("budi", other_form(7), T0)
    slower = interrupted(lambda: service.register("siti", SITI, T0))
    with pytest.raises(errors.NikCannotChange):
        slower.register("siti", other_form(7), T0)


def test_a_change_that_was_overtaken_decides_again_and_leaves_no_guard_behind(service, cloud, interrupted):
    service.register("siti", SITI, T0)
    slower = interrupted(lambda: service.register("siti", form(phone="081311112222"), T0))
    slower.register("siti", form(phone="081333334444"), LATER)
    assert guards(cloud, "phone") == {f"U#phone#{service.registrant('siti').phone_mac}": "siti"}


def test_a_change_does_not_undo_an_award_made_meanwhile(service, cloud, interrupted):
    service.register("siti", SITI, T0)
    slower = interrupted(lambda: service.set_standing("siti", Standing.BENEFICIARY, 54))
    slower.register("siti", form(phone="081311112222"), LATER)
    registrant = service.registrant("siti")
    assert (registrant.standing, registrant.beneficiary_wave) == (Standing.BENEFICIARY, 54)


def test_a_number_given_up_and_taken_meanwhile_stays_its_new_owner_s(service, cloud, interrupted):
    service.register("siti", SITI, T0)

    def meanwhile():
        service.register("siti", form(phone="081311112222"), T0)
        service.register("budi", form(nik=other_form(7).nik), T0)

    slower = interrupted(meanwhile)
    slower.register("siti", form(phone="081333334444"), LATER)
    assert sorted(guards(cloud, "phone").values()) == ["budi", "siti"]


def test_who_is_overtaken_for_ever_is_told_to_come_back(service, monkeypatch):
    def overtaken(*_args, **_kwargs):
        raise RegistrationOvertaken

    monkeypatch.setattr(service._store, "save", overtaken)
    with pytest.raises(Unavailable):
        service.register("siti", SITI, T0)


def test_a_write_whose_answer_was_lost_is_a_success_when_repeated(service, cloud, monkeypatch):
    commit = dynamodb.Transaction._commit

    def commit_and_lose_the_answer(self):
        commit(self)
        raise Unavailable

    with monkeypatch.context() as patched:
        patched.setattr(dynamodb.Transaction, "_commit", commit_and_lose_the_answer)
        with pytest.raises(Unavailable):
            service.register("siti", SITI, T0)
    registrant, new = service.register("siti", SITI, LATER)
    assert not new
    assert registrant.registered_at == T0
