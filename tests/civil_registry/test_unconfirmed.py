"""Nobody gets a place or money whom the civil registry has not confirmed, where a stage has one."""

from __future__ import annotations

from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.aws import dynamodb
from chalicelib.config import Settings
from chalicelib.payouts.errors import AddressUnchecked
from chalicelib.payouts.rules import Hold
from chalicelib.payouts.wire import PayoutView
from chalicelib.registration.errors import (
    Excluded,
    NotConfirmed,
)
from chalicelib.registration.exclusions.rows import exclude
from chalicelib.registration.items import Profile, person_pk
from chalicelib.registration.rules import AddressCheck, Payee, Place, Standing, Verdict, Verification
from chalicelib.waves.rules import Beneficiary, BeneficiaryState
from chalicelib.wiring import Services
from tests.builders.aws.calls import drained
from tests.builders.registration import ACCOUNT, SITI, form, rows
from tests.civil_registry.asking import AGAIN, WHO
from tests.conftest import T0


def test_nobody_is_paid_whom_the_registry_has_not_confirmed(stage, cloud: Settings, programme: Any):
    def payee(services: Services) -> Payee | Hold:
        return services.address_book.payee(WHO, stage.now)

    stage.register(form(name="Budi Santoso"))
    addresses = stage.services.registrations.addresses
    address = addresses.set(WHO, ACCOUNT, stage.now, lambda _: None, lambda: False, young=False)
    matched = AddressCheck(Verdict.MATCHED, 100, stage.now)
    addresses.keep_check(WHO, address.version, matched, again=False)
    assert payee(stage.services) is Hold.UNCONFIRMED
    stage.deliver(stage.queued())
    assert (stage.state(), payee(stage.services)) == (Verification.MISMATCH, Hold.UNCONFIRMED)
    assert isinstance(payee(Services(cloud, programme)), Payee)  # where the stage has no registry
    assert stage.asked() is Verification.VERIFIED
    with pytest.raises(AddressUnchecked):  # the bank was asked about another name
        payee(stage.services)
    addresses.keep_check(WHO, address.version, matched, again=False, named=1)
    assert isinstance(payee(stage.services), Payee)


def test_who_must_be_corrected_asks_the_help_desk_about_the_money(stage, monkeypatch: pytest.MonkeyPatch):
    held = PayoutView("p", "INCENTIVE", 600_000, "under_review", T0, held_because="person_not_confirmed")
    monkeypatch.setattr(stage.services.payouts, "of", lambda *_: [held])
    place = Beneficiary(WHO, 1, "1" * 16, "2023", "open", BeneficiaryState.POTENTIAL, T0, 31, T0)
    monkeypatch.setattr(stage.services.waves.beneficiaries, "places", lambda _: [place])

    def to_do() -> list[str]:
        return [one.to_do for one in stage.services.payouts_of(WHO).payouts]

    stage.register(form(name="Budi Santoso"))
    assert to_do() == ["wait"]
    stage.deliver(stage.queued())
    assert to_do() == ["ask_helpdesk"]


def test_where_there_is_no_registry_nothing_is_asked_or_kept_for_it(cloud: Settings, programme: Any):
    services = Services(cloud, programme, lambda: T0)
    services.registrations.register(WHO, SITI, T0)
    services.registrations.register(WHO, form(name="Budi Santoso"), T0)
    [profile] = [row for row in rows(cloud, f"R#{WHO}") if row["sk"]["S"] == "PROFILE"]
    assert profile["verification"]["S"] == "PENDING"
    assert not {"ask_from", "unverified_shard", "verified_at"} & profile.keys()
    assert drained(cloud.registry_queue_url) == []
    assert (services.registry_sweep.run(T0 + 9 * AGAIN), services.registry_sweep.waiting_since(T0)) == (0, None)


def test_nobody_buys_or_gets_a_waiting_place_before_the_registry_confirms_them(stage, programme):
    people = stage.services.registrations
    given = Place(145, "2023", T0.date(), T0.date())

    def gets_the_place() -> bool:
        try:
            with dynamodb.Transaction(stage.settings.region) as tx:
                people.add_place(tx, "registration", WHO, given)
        except dynamodb.LegsFailed:
            return False
        return True

    def may_spend(*, given: bool = True) -> object:
        try:
            people.check_may_spend(WHO, given=given)
        except NotConfirmed as refusal:
            return refusal.facts["because"]
        return None

    assert (may_spend(), may_spend(given=False)) == (None, "pending")
    stage.register()
    differs = dict.fromkeys((Verification.MISMATCH, Verification.UNKNOWN_NIK), "differs")
    because = {Verification.PENDING: "pending", Verification.VERIFIED: None, **differs}
    for state in Verification:
        Profile(person_pk(WHO), "PROFILE").update([Profile.verification.set(state)])
        assert may_spend() == because[state]
        assert gets_the_place() is (state is Verification.VERIFIED)
    assert (people.registrant(WHO).standing, people.registrant(WHO).beneficiary_wave) == (Standing.BENEFICIARY, 145)
    Profile(person_pk(WHO), "PROFILE").update([Profile.verification.set(Verification.VERIFIED)])
    Profile(person_pk(WHO), "PROFILE").update([Profile.contested_at.set(T0)])
    assert not gets_the_place()
    assert may_spend() == "nik_contested"
    elsewhere = Services(replace(stage.settings, registry_url="none"), programme, lambda: T0).registrations
    Profile(person_pk(WHO), "PROFILE").update([Profile.contested_at.remove()])
    undecided = [Profile.verification.set(Verification.PENDING), Profile.undecided.set("without_kk")]
    Profile(person_pk(WHO), "PROFILE").update(undecided)
    assert (may_spend(), people.me(WHO).registration.verification) == ("undecided", "UNDECIDED")
    elsewhere.check_may_spend(WHO)
    exclude(people.registrant(WHO).nik_mac, "police/2026-11/2026-11-01")
    with pytest.raises(Excluded):
        elsewhere.check_may_spend(WHO)


@pytest.mark.parametrize(("url", "asks"), [("none", False), ("files", True), ("http://registry.invalid", True)])
def test_people_are_confirmed_wherever_a_registry_is_asked_by_files_too(cloud, programme, url: str, asks: bool):
    people = Services(replace(cloud, registry_url=url), programme, lambda: T0).registrations
    assert people.has_registry is asks
