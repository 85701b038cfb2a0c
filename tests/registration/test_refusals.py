"""Registering tells little of others: one thing, whatever else is wrong, and few times a day."""

from __future__ import annotations

from datetime import date, timedelta
from typing import Any

import pytest

from chalicelib.errors import DomainError
from chalicelib.registration import errors
from chalicelib.registration.items import Exclusion, Refused
from chalicelib.registration.rules import Employment
from chalicelib.registration.service import Registrations
from tests.builders.crashes import Calls
from tests.builders.registration import SITI, form, other_form, vault
from tests.conftest import T0

OWN_PHONE = {"phone": "081311112222"}
TOMORROW = T0 + timedelta(days=1)


@pytest.fixture
def service(cloud, service) -> Registrations:
    """Siti is registered, and the NIK of another is on an exclusion list."""
    service.register("siti", SITI, T0)
    Exclusion(f"X#{vault(cloud).mac('nik', other_form(8).nik)}", "EXCLUDED", lists={"x/1/2026-11-01"}).save()
    return service


NIKS = {"taken": SITI.nik, "excluded": other_form(8).nik, "free": other_form(7).nik}


def told(service: Registrations, who: str, now=T0, **changes: Any) -> str:
    """The code of a refusal with its facts; `ok` without one."""
    try:
        service.register(who, form(**changes), now)
    except DomainError as error:
        return str(error)
    return "ok"


@pytest.mark.parametrize(
    ("wrong", "code"),
    [
        ({}, "phone_already_used"),
        ({"consent_version": None}, "consent_missing current=2026-01"),
        ({"employment": Employment.STUDENT}, "in_formal_education"),
        ({"birth_date": date(2010, 1, 1)}, "under_age age_min=18"),
        ({"kk": "1"}, "malformed_kk reason=digits"),
    ],
)
def test_whatever_is_wrong_besides_tells_nothing_of_a_nik_and_costs_the_same(service, cloud, monkeypatch, wrong, code):
    calls, answers = Calls(monkeypatch), {}
    for name, nik in NIKS.items():
        calls.reset()
        answers[name] = (told(service, f"thief-{name}", nik=nik, **wrong), tuple(calls.made))
    assert len(set(answers.values())) == 1, "one cannot be told from another, by its calls neither"
    assert answers["free"][0] == code


def test_the_owner_of_a_nik_learns_with_a_phone_of_their_own_that_it_is_taken_and_how_to_complain(service):
    assert told(service, "owner", **OWN_PHONE) == "nik_already_registered"
    refusal = errors.NikAlreadyRegistered
    assert "pengaduan" in refusal.indonesian
    assert "grievance" in refusal.english


def test_refusals_are_counted_by_account_and_day_in_wib_and_the_sixth_is_told_nothing(service):
    tries = [{"nik": NIKS["taken"], **OWN_PHONE}, {"nik": NIKS["excluded"], **OWN_PHONE}, {}, {}, {}]
    codes = [told(service, "thief", **one) for one in tries]
    assert codes == ["nik_already_registered", "excluded"] + ["phone_already_used"] * 3
    for nik in NIKS.values():
        assert told(service, "thief", nik=nik, **OWN_PHONE) == "too_many_refusals refusals_max=5"
    midnight = T0.replace(hour=17)
    assert told(service, "thief", midnight - timedelta(seconds=1), **OWN_PHONE) == "too_many_refusals refusals_max=5"
    assert told(service, "thief", midnight, nik=NIKS["free"], **OWN_PHONE) == "ok"
    assert told(service, "other", nik=other_form(9).nik, phone="081322223333") == "ok", "another account"


def test_what_tells_nothing_of_others_is_not_counted(service):
    wrong = [{"nik": "1"}, {"consent_version": None}, {"employment": Employment.POLICE}, {"province": "99"}] * 3
    for changes in wrong:
        assert told(service, "clumsy", **{**OWN_PHONE, "nik": NIKS["free"], **changes}) != "ok"
    assert told(service, "clumsy", nik=NIKS["free"], **OWN_PHONE) == "ok"


def test_changes_are_counted_alike_and_what_changes_nothing_goes_on(service):
    assert told(service, "budi", nik=NIKS["free"], **OWN_PHONE) == "ok"
    codes = [told(service, "budi", nik=NIKS["free"]) for _ in range(6)]
    assert codes == ["phone_already_used"] * 5 + ["too_many_refusals refusals_max=5"]
    assert told(service, "budi", nik=NIKS["free"], phone="081322223333") == "too_many_refusals refusals_max=5"
    assert told(service, "budi", nik=NIKS["free"], **OWN_PHONE) == "ok", "the same form again"
    assert told(service, "budi", nik=NIKS["taken"], **OWN_PHONE) == "nik_cannot_change"
    assert told(service, "budi", TOMORROW, nik=NIKS["free"], phone="081322223333") == "ok"


def test_a_refusal_that_cannot_be_counted_is_not_told_and_a_count_is_forgotten_two_days_after_its_day_began(
    service, monkeypatch
):
    told(service, "thief")
    row = Refused.get("R#thief", "REFUSED#2026-11-24")
    assert (row.refusals, row.expires_at) == (1, T0.replace(hour=17) + timedelta(days=1))
    monkeypatch.setattr(service._store, "count_refusal", lambda *_: False)
    assert told(service, "thief") == "too_many_refusals refusals_max=5"
