"""What the civil registry says differs is corrected, a few times, or by two administrators."""

from __future__ import annotations

from datetime import timedelta

import boto3
import pytest

from chalicelib.clock import iso
from chalicelib.registration.errors import (
    NikAlreadyRegistered,
    NikCannotChange,
    TooManyCorrections,
)
from chalicelib.registration.rules import Place, Standing, Verification
from chalicelib.registration.wire import CorrectionForm
from tests.builders.registration import SITI, form, other_form, rows
from tests.civil_registry.asking import OTHER, WHO
from tests.conftest import T0


def test_a_mistyped_nik_of_somebody_with_a_place_is_corrected_by_two_administrators(stage):
    corrections, right = stage.services.corrections, CorrectionForm(nik=SITI.nik)
    stage.register(form(nik="3174095708950009"))
    old = stage.services.registrations.registrant(WHO).nik_mac
    with pytest.raises(NikCannotChange):
        corrections.propose(WHO, right, "maker", "the KTP was shown", stage.now)
    stage.deliver(stage.queued())
    stage.services.registrations.set_standing(WHO, Standing.BENEFICIARY, Place(1, "2023", T0.date(), T0.date()))
    corrections.propose(WHO, right, "maker", "the KTP was shown", stage.now)
    corrections.approve(WHO, "checker", stage.now)
    stage.deliver(stage.queued())
    assert stage.state() is Verification.VERIFIED
    assert stage.services.registration_store.holder("nik", old) is None
    assert stage.services.finding.by_nik(SITI.nik) == WHO
    assert "nik_changed" in {one.event.partition("/")[0] for one in stage.services.mailboxes.notices(WHO)}
    with pytest.raises(NikCannotChange):
        corrections.propose(WHO, CorrectionForm(nik="3174095708950009"), "maker", "why", stage.now)


def test_a_corrected_nik_is_not_taken_from_its_owner(stage):
    stage.register(form(nik="3174095708950009"))
    stage.deliver(stage.queued())
    stage.register(form(phone="0812-9999-0000"), OTHER)
    stage.services.corrections.propose(WHO, CorrectionForm(nik=SITI.nik), "maker", "the KTP was shown", stage.now)
    with pytest.raises(NikAlreadyRegistered):
        stage.services.corrections.approve(WHO, "checker", stage.now)
    assert stage.services.finding.by_nik(SITI.nik) == OTHER


WRONG = ["Budi", "Budi Santoso", "Santoso Budi", "Siti Rahmah"]


def test_what_differs_is_corrected_three_times_in_thirty_days(stage):
    for minute, name in enumerate(WRONG):
        stage.now = T0 + timedelta(minutes=minute)
        assert stage.asked(form(name=name)) is Verification.MISMATCH
    with pytest.raises(TooManyCorrections) as refused:
        stage.register()
    assert refused.value.facts == {"again_from": iso(T0 + timedelta(days=30, minutes=1))}
    stage.register(form(name=WRONG[-1], phone="0812-3456-7891"))  # what the registry is not asked about
    stage.now += timedelta(days=30)
    assert stage.asked() is Verification.VERIFIED
    assert len(stage.told()) == len(WRONG)


def test_corrections_are_counted_by_nik_too_whoever_makes_them(stage):
    other = "3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a12"
    for name in WRONG:
        stage.asked(form(name=name))
    stage.now += timedelta(days=1)
    # As for another account that takes the NIK.
    dynamodb = boto3.client("dynamodb", stage.settings.region)
    dynamodb.delete_item(
        TableName=stage.settings.table("registrations"), Key={"pk": {"S": f"R#{WHO}"}, "sk": {"S": "CORRECTIONS"}}
    )
    with pytest.raises(TooManyCorrections):
        stage.register()
    stage.register(other_form(7), other)
    stage.deliver(stage.queued())
    assert stage.state(other) is Verification.UNKNOWN_NIK


def test_a_nik_is_corrected_only_while_it_is_not_confirmed_and_is_free_again(stage):
    mistyped = form(nik="3174095708950009")
    stage.register(mistyped)
    with pytest.raises(NikCannotChange):
        stage.register()
    stage.deliver(stage.queued())
    assert stage.asked() is Verification.VERIFIED
    with pytest.raises(NikCannotChange):
        stage.register(mistyped)
    held = {row["pk"]["S"] for row in rows(stage.settings, "U#nik#")}
    assert held == {f"U#nik#{stage.services.registrations.registrant(WHO).nik_mac}"}
    stage.register(form(nik=mistyped.nik, phone="0812-9999-0000"), "3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a12")
