"""Who registered before there was a registry, or was left out, is asked about, too."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest

from admin.deployment import stages
from chalicelib.clock import utc_now
from chalicelib.config import Settings
from chalicelib.ids import shard
from chalicelib.registration import verifications
from chalicelib.registration.rules import Place, Standing, Verification
from chalicelib.registration.store import SHARDS
from chalicelib.wiring import Services
from tests.builders.commands import Terminal
from tests.builders.registration import SITI, other_form
from tests.civil_registry.asking import AGAIN, OTHER, WHO
from tests.conftest import T0


def test_after_enlisting_people_wait_since_then(stage, cloud: Settings, programme: Any):
    Services(cloud, programme, lambda: T0).registrations.register(WHO, SITI, T0)
    enlisted = T0 + timedelta(days=400)
    assert sum(stage.services.verifications.enlist(number, "", enlisted)[0] for number in range(SHARDS)) == 1
    assert stage.services.registry_sweep.waiting_since(enlisted) == enlisted


def test_somebody_for_whom_a_place_waits_is_asked_about_though_they_never_were(stage, cloud: Settings, programme: Any):
    Services(cloud, programme, lambda: T0).registrations.register(WHO, SITI, T0)
    assert stage.services.registry_sweep.run(T0 + AGAIN) == 0
    for later in (AGAIN, 2 * AGAIN):
        stage.services.registrations.have_asked_about(WHO, T0 + later)
    assert stage.services.registry_sweep.waiting_since(T0 + AGAIN) == T0 + AGAIN
    assert stage.services.registry_sweep.run(T0 + 2 * AGAIN) == 1
    stage.deliver(stage.queued())
    assert stage.state() is Verification.VERIFIED


def test_who_registered_before_there_was_a_registry_is_enlisted_once(
    stage, cloud: Settings, programme: Any, monkeypatch: pytest.MonkeyPatch
):
    before = Services(cloud, programme, lambda: T0).registrations
    before.register(WHO, SITI, T0)
    before.register("ani", other_form(5), T0)
    beside = next(one for one in map(str, range(5000)) if shard(one, SHARDS) == shard(WHO, SHARDS))
    before.register(beside, other_form(6), T0)
    monkeypatch.setattr(verifications, "ENLISTED", 1)
    terminal, settings = Terminal("registration"), cloud
    monkeypatch.setattr(stages, "load", lambda _: SimpleNamespace(services=stage.services, settings=settings))
    assert "no civil registry" in terminal.refused("enlist")
    settings = stage.settings
    assert [terminal.found("enlist")["to_be_asked_about"] for _ in range(2)] == [3, 0]
    stage.now = utc_now() + timedelta(minutes=5)
    assert stage.services.registry_sweep.run(stage.now) == 3
    stage.deliver(stage.queued())
    found = [stage.state(), stage.state("ani"), stage.state(beside)]
    assert found == [Verification.VERIFIED, Verification.UNKNOWN_NIK, Verification.UNKNOWN_NIK]
    assert terminal.found("enlist") == {"to_be_asked_about": 0}


def test_a_place_whose_consent_is_taken_back_is_still_asked_about(stage):
    from_consents = stage.services.consents
    stage.register()
    stage.register(other_form(5), OTHER)
    stage.services.registrations.set_standing(WHO, Standing.BENEFICIARY, Place(1, "2023", T0.date(), T0.date()))
    for who in (WHO, OTHER):
        from_consents.withdraw(who, "registration", stage.now)
    stage.deliver(stage.queued())
    assert (stage.state(), stage.state(OTHER)) == (Verification.VERIFIED, Verification.PENDING)
    stage.now += 2 * AGAIN
    assert stage.services.registry_sweep.run(stage.now) == 0, "who has no place is not asked about"
    stage.register(other_form(5), OTHER)
    stage.deliver(stage.queued())
    assert stage.state(OTHER) is Verification.UNKNOWN_NIK


def test_who_has_a_place_and_took_the_consent_back_is_enlisted(stage, cloud: Settings, programme: Any):
    before = Services(cloud, programme, lambda: T0)
    for who, given in ((WHO, SITI), (OTHER, other_form(5))):
        before.registrations.register(who, given, T0)
        before.consents.withdraw(who, "registration", T0)
    before.registrations.set_standing(WHO, Standing.BENEFICIARY, Place(1, "2023", T0.date(), T0.date()))
    assert sum(stage.services.verifications.enlist(number, "", T0)[0] for number in range(SHARDS)) == 1
    stage.services.registry_sweep.run(T0 + AGAIN)
    stage.deliver(stage.queued())
    assert stage.state() is Verification.VERIFIED
