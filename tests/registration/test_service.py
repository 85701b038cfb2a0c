"""Registering and changing a registration, on the production template's table and keys; also two requests at once."""

from __future__ import annotations

from collections import Counter
from datetime import UTC, date, datetime, timedelta

import msgspec
import pytest
from cryptography.exceptions import InvalidTag

from chalicelib.aws import dynamodb
from chalicelib.errors import Unavailable
from chalicelib.registration import errors, wire
from chalicelib.registration.items import Exclusion, Guard, Profile
from chalicelib.registration.rules import Employment, Standing, Verification
from chalicelib.registration.store import SHARDS, RegistrationOvertaken
from tests.builders.people import chosen_in
from tests.builders.registration import ACCOUNT, SITI, form, guards, other_form, registrations, rows, vault
from tests.conftest import T0

LATER = T0 + timedelta(hours=1)
MOVED = {"phone": "081311112222", "province": "32", "regency": "3201"}


def exclude(nik_mac: str) -> None:
    Exclusion(f"X#{nik_mac}", "EXCLUDED", lists={"x/1/2026-11-01"}).save()


def test_a_new_registration_is_stored_as_stated(service):
    registrant, new = service.register("siti", SITI, T0)
    assert new
    assert registrant == service.registrant("siti")
    assert (registrant.region, registrant.regency, registrant.birth_date) == (31, "3174", date(1995, 8, 17))
    assert (registrant.standing, registrant.verification) == (Standing.REGISTERED, Verification.PENDING)
    assert registrant.warnings == ()
    assert registrant.registered_at == registrant.updated_at == T0
    assert wire.submitted_view(registrant, SITI) == service.me("siti").registration
    kept = service.me("siti")
    assert (kept.registrant, kept.financial_address) == (registrant, None)
    assert msgspec.json.decode(msgspec.json.encode(kept)) | {"registrant": None} == {
        "registrant": None,
        "financial_address": None,
        "registration": {
            "nik": "3174**********01",
            "kk": "3174**********02",
            "name": "Siti Aminah",
            "birth_date": "1995-08-17",
            "phone": "+62********7890",
            "phone_lost_at": None,
            "province": "31",
            "regency": "3174",
            "education": "senior_high",
            "employment": "jobseeker",
            "consent_version": "2026-01",
            "consent_withdrawn_at": None,
            "standing": "REGISTERED",
            "verification": "PENDING",
            "differs": [],
            "nik_held": "yes",
            "present_at": None,
            "warnings": [],
            "registered_at": "2026-11-24T03:00:00Z",
            "updated_at": "2026-11-24T03:00:00Z",
        },
    }
    assert service.me("nobody") == wire.Kept(None, None, None)


@pytest.mark.parametrize(
    ("again", "now"),
    [
        (SITI, T0 + timedelta(days=2)),  # after its person grew too old
        (form(phone="+62 812 3456 7890"), LATER),
        (
            form(
                nik="3174\u201309 570895\u00a00001",
                kk="\u202a３１７４０９１２０３１８０００２\u202c",
                name=" Siti\u00a0\u200bAminah\n",
                phone="62812\u20113456\u20117890",
            ),
            LATER,
        ),
    ],
)
def test_the_same_form_in_another_spelling_changes_nothing(service, cloud, again, now):
    oldest = {"birth_date": date(1961, 11, 25)}
    first, _ = service.register("siti", form(**oldest), T0)
    before = rows(cloud)
    assert service.register("siti", msgspec.structs.replace(again, **oldest), now) == (first, False)
    assert rows(cloud) == before


def test_a_form_that_is_refused_writes_nothing(service, cloud):
    wrong = [
        ({"nik": "317409570895000"}, errors.MalformedNik),
        ({"kk": "3174091203180000"}, errors.MalformedKk),
        ({"nik": "3174091203180002"}, errors.MalformedKk),  # the family card's number twice
        ({"phone": "0812"}, errors.MalformedPhone),
        ({"name": "Siti 😀"}, errors.MalformedName),
        ({"province": "99"}, errors.UnknownRegion),
        ({"regency": "3274"}, errors.UnknownRegion),
        ({"employment": Employment.STUDENT}, errors.InFormalEducation),
        ({"employment": Employment.POLICE}, errors.ExcludedOccupation),
        ({"birth_date": date(2008, 11, 25)}, errors.UnderAge),
        ({"birth_date": date(1961, 11, 24)}, errors.OverAge),
        ({"consent_version": None}, errors.ConsentMissing),
        ({"consent_version": "1999-01"}, errors.ConsentMissing),
    ]
    for changes, refusal in wrong:
        with pytest.raises(refusal):
            service.register("siti", form(**changes), T0)
    assert rows(cloud) == []


def test_a_form_wrong_in_every_way_is_refused_in_the_documented_order(service):
    wrong = {
        "nik": ("1", errors.MalformedNik),
        "kk": ("1", errors.MalformedKk),
        "phone": ("1", errors.MalformedPhone),
        "name": ("1", errors.MalformedName),
        "province": ("99", errors.UnknownRegion),
        "employment": (Employment.STUDENT, errors.InFormalEducation),
        "birth_date": (date(2020, 1, 1), errors.UnderAge),
        "consent_version": (None, errors.ConsentMissing),
    }
    left = dict(wrong)
    for field, (_, refusal) in wrong.items():
        with pytest.raises(refusal):
            service.register("siti", form(**{name: value for name, (value, _) in left.items()}), T0)
        del left[field]


def test_age_is_counted_in_western_indonesia(service):
    born = date(2008, 11, 25)
    with pytest.raises(errors.UnderAge):
        service.register("siti", form(birth_date=born), T0.replace(hour=16, minute=59, second=59))
    assert service.register("siti", form(birth_date=born), T0.replace(hour=17))[1]


def test_a_nik_and_a_phone_register_once_and_a_family_shares_its_card(service, cloud):
    first, _ = service.register("siti", SITI, T0)
    for taken, refusal in (({"phone": "081311112222"}, "nik_already"), ({"nik": other_form(7).nik}, "phone_already")):
        with pytest.raises((errors.NikAlreadyRegistered, errors.PhoneAlreadyUsed), match=refusal):
            service.register("budi", form(**taken), T0)
    assert list(guards(cloud, "nik").values()) == list(guards(cloud, "phone").values()) == ["siti"]
    with pytest.raises(errors.NotRegistered):
        service.registrant("budi")
    second, new = service.register("budi", other_form(7), T0)
    assert new
    assert first.kk_mac == second.kk_mac


def test_exclusion_is_reported_before_a_taken_nik(service):
    registrant, _ = service.register("siti", SITI, T0)
    exclude(registrant.nik_mac)
    with pytest.raises(errors.Excluded):
        service.register("budi", form(phone="081311112222"), T0)


def test_everything_but_the_nik_may_change(service, cloud):
    first, _ = service.register("siti", SITI, T0)
    with pytest.raises(errors.NikCannotChange):
        service.register("siti", form(nik=other_form(7).nik), LATER)
    assert service.registrant("siti") == first
    moved = form(kk="3201011203180002", name="Siti A.", birth_date=date(1995, 8, 18), **MOVED)
    registrant, new = service.register("siti", moved, LATER)
    assert not new
    assert len(guards(cloud, "nik")) == 1
    assert registrant == service.registrant("siti")
    assert (registrant.region, registrant.regency) == (32, "3201")
    assert registrant.kk_mac != first.kk_mac
    assert registrant.warnings == ("nik_birth_date_differs",)
    assert (registrant.registered_at, registrant.updated_at) == (T0, LATER)
    view = service.me("siti").registration
    assert (view.name, view.phone) == ("Siti A.", "+62********2222")


def test_an_odd_family_card_is_accepted_with_a_warning(service):
    odd = form(kk="9974090101300002", birth_date=date(1995, 8, 18), nik="5471015708950001")
    registrant, new = service.register("siti", odd, T0)
    told = ("kk_date_in_future", "kk_region_unknown", "nik_birth_date_differs", "nik_region_unknown")
    assert (new, wire.submitted_view(registrant, odd).warnings) == (True, told)
    assert service.me("siti").registration.warnings == told
    assert service.register("siti", odd, LATER) == (registrant, False)


def test_a_phone_number_is_free_for_others_once_given_up(service, cloud):
    service.register("siti", SITI, T0)
    service.register("ani", other_form(8), T0)
    before = guards(cloud, "phone")
    with pytest.raises(errors.PhoneAlreadyUsed):
        service.register("siti", form(phone=other_form(8).phone), LATER)
    assert guards(cloud, "phone") == before
    service.register("siti", form(phone="081311112222"), LATER)
    assert len(guards(cloud, "phone")) == 2
    assert service.register("budi", form(nik=other_form(7).nik), LATER)[1]


def test_a_change_is_tested_like_a_new_registration_and_an_exclusion_list_stops_both(service, cloud):
    service.register("budi", other_form(7), T0)
    with pytest.raises(errors.ExcludedOccupation):
        service.register("budi", other_form(7, employment=Employment.CIVIL_SERVANT), LATER)
    with pytest.raises(errors.ConsentMissing):
        service.register("budi", other_form(7, consent_version=None), LATER)
    for nik in (SITI.nik, other_form(7).nik):
        exclude(vault(cloud).mac("nik", nik))
    for who, tried in (("siti", SITI), ("budi", other_form(7, name="Budi"))):
        with pytest.raises(errors.Excluded):
            service.register(who, tried, LATER)


def test_a_beneficiarys_standing_is_marked_once_and_a_revocation_is_final(service, cloud):
    with pytest.raises(errors.NotRegistered):
        service.set_standing("nobody", Standing.BENEFICIARY, chosen_in(54))
    assert rows(cloud) == []
    service.register("siti", SITI, T0)
    first, later = chosen_in(54), chosen_in(9, date(2026, 9, 30), "2026")
    for place in (first, first, chosen_in(55), later, first):
        service.set_standing("siti", Standing.BENEFICIARY, place)
    registrant, _ = service.register("siti", form(**MOVED), LATER)
    assert (registrant.standing, registrant.beneficiary_wave) == (Standing.BENEFICIARY, 9), "the later day counts"
    assert (registrant.chosen_on, registrant.ended_on) == (later.on, later.until)
    assert registrant.schemes == {"2023", "2026"}
    assert service.registrant("siti") == registrant
    service.set_standing("siti", Standing.REVOKED)
    service.set_standing("siti", Standing.BENEFICIARY, chosen_in(56, date(2026, 10, 31)))
    service.set_standing("siti", Standing.REGISTERED)
    service.register("siti", form(phone="081311113333"), LATER)
    registrant = service.registrant("siti")
    assert (registrant.standing, registrant.beneficiary_wave) == (Standing.REVOKED, 9)


def test_a_place_that_lapsed_is_taken_back_and_the_one_before_it_stands_again(service):
    service.register("siti", SITI, T0)
    fresh, first, later = service.registrant("siti"), chosen_in(54), chosen_in(55, date(2026, 9, 30), "2026")
    for place in (first, later):
        service.set_standing("siti", Standing.BENEFICIARY, place)
    service.take_back("siti", 54, "2023", None)
    assert service.registrant("siti").beneficiary_wave == 55, "it is not the latest"
    for _ in range(2):
        service.take_back("siti", 55, "2026", first)
    before = service.registrant("siti")
    assert (before.beneficiary_wave, before.chosen_on, before.ended_on) == (54, first.on, first.until)
    assert (before.standing, before.schemes) == (Standing.BENEFICIARY, {"2023"})
    for who in ("siti", "nobody"):
        service.take_back(who, 54, "2023", None)
    assert service.registrant("siti") == fresh
    service.set_standing("siti", Standing.REVOKED, first)
    service.take_back("siti", 54, "2023", None)
    assert service.registrant("siti").standing is Standing.REVOKED


def test_a_payment_is_sealed_for_its_person(service):
    service.register("siti", SITI, T0)
    service.register("budi", other_form(7), T0)
    service.addresses.set("siti", ACCOUNT, T0)
    sealed = service.addresses.payee("siti").seal(b"pay")
    assert service.unseal("siti", sealed) == b"pay"
    assert b"pay" not in sealed
    with pytest.raises(InvalidTag):
        service.unseal("budi", sealed)
    with pytest.raises(errors.NotRegistered):
        service.unseal("nobody", sealed)


def test_destroying_the_key_erases_the_person(service, cloud):
    service.register("siti", SITI, T0)
    item = Profile.get("R#siti", "PROFILE")
    stranger = vault(cloud).new_key("siti")
    with pytest.raises(InvalidTag):
        stranger.unseal("person/1", item.sealed)
    assert Guard.get(f"U#nik#{item.nik_mac}", "UNIQUE").registrant == "siti"


def test_everybody_is_counted_once_in_the_province_they_live_in_now(service):
    def counted() -> Counter[tuple[int, str]]:
        found: Counter[tuple[int, str]] = Counter()
        for shard in range(SHARDS):
            found.update(service._store.registered(shard))
        return found

    assert counted() == {}
    for n in range(1, 7):
        service.register(f"person-{n}", other_form(n, kk=f"317409120318{n + 1:04d}"), T0)
    service.register("person-1", other_form(1, kk="3174091203180002", province="32", regency="3273"), T0)
    service.set_standing("person-2", Standing.BENEFICIARY, chosen_in(145))
    Profile("R#person-3", "PROFILE").update([Profile.registered_at.set(datetime(2026, 10, 31, 17, tzinfo=UTC))])
    assert counted() == {(31, "2026-11"): 5, (32, "2026-11"): 1}, "by the month in WIB"
    Profile("R#person-3", "PROFILE").update([Profile.registered_at.set(datetime(2026, 10, 31, 16, 59, tzinfo=UTC))])
    assert counted() == {(31, "2026-10"): 1, (31, "2026-11"): 4, (32, "2026-11"): 1}


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


def test_only_one_of_two_people_at_once_registers_a_nik(service, cloud, interrupted):
    slower = interrupted(lambda: service.register("siti", SITI, T0))
    with pytest.raises(errors.NikAlreadyRegistered):
        slower.register("budi", form(phone="081311112222"), T0)
    assert list(guards(cloud, "nik").values()) == ["siti"]
    assert len(guards(cloud, "phone")) == 1


def test_two_devices_with_one_form_both_succeed_and_one_answer_is_new(service, cloud, interrupted):
    first = []
    slower = interrupted(lambda: first.append(service.register("siti", SITI, T0)))
    registrant, new = slower.register("siti", SITI, T0)
    assert not new
    assert first == [(registrant, True)]


def test_an_overtaken_request_is_judged_by_the_present_state(service, cloud, interrupted):
    service.register("budi", other_form(7), T0)
    slower = interrupted(lambda: service.register("siti", SITI, T0))
    with pytest.raises(errors.NikCannotChange):
        slower.register("siti", other_form(7), T0)


def test_an_overtaken_change_decides_again_and_leaves_no_guard_behind(service, cloud, interrupted):
    service.register("siti", SITI, T0)
    slower = interrupted(lambda: service.register("siti", form(phone="081311112222"), T0))
    slower.register("siti", form(phone="081333334444"), LATER)
    assert guards(cloud, "phone") == {f"U#phone#{service.registrant('siti').phone_mac}": "siti"}


def test_a_change_does_not_undo_an_award_made_meanwhile(service, cloud, interrupted):
    service.register("siti", SITI, T0)
    slower = interrupted(lambda: service.set_standing("siti", Standing.BENEFICIARY, chosen_in(54)))
    slower.register("siti", form(phone="081311112222"), LATER)
    registrant = service.registrant("siti")
    assert (registrant.standing, registrant.beneficiary_wave) == (Standing.BENEFICIARY, 54)


def test_a_freed_number_taken_meanwhile_stays_with_its_new_owner(service, cloud, interrupted):
    service.register("siti", SITI, T0)

    def meanwhile():
        service.register("siti", form(phone="081311112222"), T0)
        service.register("budi", form(nik=other_form(7).nik), T0)

    slower = interrupted(meanwhile)
    slower.register("siti", form(phone="081333334444"), LATER)
    assert sorted(guards(cloud, "phone").values()) == ["budi", "siti"]


def test_a_request_that_always_loses_races_is_answered_with_503(service, monkeypatch):
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
