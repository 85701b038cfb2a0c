"""Two administrators correct what a person cannot change any more; the history is encrypted."""

from __future__ import annotations

import json
from datetime import timedelta
from types import SimpleNamespace
from typing import Any

import pytest
from click.testing import Result

from admin.commands import registration
from admin.deployment import stages
from chalicelib import wiring
from chalicelib.config import Programme, Settings
from chalicelib.registration.corrections import errors
from chalicelib.registration.errors import MalformedKk, MalformedName, NotRegistered
from chalicelib.registration.rules import Employment, Standing
from chalicelib.registration.wire import CorrectionForm
from chalicelib.waves.places.items import FamilyItem
from chalicelib.waves.rules import Beneficiary, BeneficiaryState, Entry
from tests.builders.commands import invoke
from tests.builders.people import chosen_in
from tests.builders.registration import SITI, form, other_form, rows
from tests.conftest import T0

ANI = "arn:aws:iam::123456789012:user/ani@example.go.id"
BUDI = "arn:aws:iam::123456789012:user/budi@example.go.id"
KK = "3201011203180002"
LATER = T0 + timedelta(hours=1)


@pytest.fixture
def services(cloud: Settings, programme: Programme) -> wiring.Services:
    """Siti was chosen in wave 144."""
    services = wiring.Services(cloud, programme)
    services.register("siti", SITI, T0)
    chosen(services, "siti")
    return services


def chosen(services: wiring.Services, who: str, wave: int = 144) -> None:
    kk_mac = services.registrations.registrant(who).kk_mac
    services._entries.join(Entry(wave, who, 31, bytes(32), T0, kk_mac))
    place = Beneficiary(who, wave, f"{hash(who) % 10**16:016d}", "2023", "open", BeneficiaryState.POTENTIAL, T0, 31, T0)
    services._beneficiaries.award(place, kk_mac)
    services.registrations.set_standing(who, Standing.BENEFICIARY, chosen_in(wave))


def kept(services: wiring.Services) -> tuple[str, str]:
    view = services.registrations.me("siti").registration
    assert view is not None
    return view.name, view.employment


def test_a_correction_is_proposed_and_approved_by_two_people_and_recorded(services):
    corrections = services.corrections
    wanted = CorrectionForm(name=" Siti  Rahma ", employment=Employment.CIVIL_SERVANT)
    proposed = corrections.propose("siti", wanted, ANI, "court decision 12/2026", T0)
    expected = {"name": ("Siti Aminah", "Siti Rahma"), "employment": ("jobseeker", "civil_servant")}
    assert proposed.changes == expected
    assert kept(services) == ("Siti Aminah", "jobseeker"), "nothing is changed by one"
    assert corrections.propose("siti", wanted, ANI, "again", LATER).proposal == proposed.proposal
    with pytest.raises(errors.CorrectionBySamePerson):
        corrections.approve("siti", ANI.upper(), LATER)
    corrections.approve("siti", BUDI, LATER, corrections.standing("siti").proposal)
    assert kept(services) == ("Siti Rahma", "civil_servant")
    registrant = services.registrations.registrant("siti")
    assert (registrant.standing, registrant.updated_at) == (Standing.BENEFICIARY, LATER)
    [(decision, changes)] = corrections.history("siti")
    assert (decision.maker, decision.by, decision.reason) == (ANI, BUDI, "court decision 12/2026")
    assert (decision.outcome, decision.at, changes) == ("CORRECTED", LATER, proposed.changes)
    with pytest.raises(errors.NoCorrection):
        corrections.approve("siti", BUDI, LATER)


def test_one_person_rejects_a_proposal_and_it_stays_in_the_history(services):
    corrections = services.corrections
    corrections.propose("siti", CorrectionForm(name="Mallory"), ANI, "asked by phone", T0)
    corrections.reject("siti", BUDI, "no document", LATER)
    [(decision, changes)] = corrections.history("siti")
    assert (decision.outcome, decision.reason) == ("REJECTED", "no document")
    assert changes["name"] == ("Siti Aminah", "Mallory")
    for act in (lambda: corrections.approve("siti", BUDI, LATER), lambda: corrections.reject("siti", BUDI, "", LATER)):
        with pytest.raises(errors.NoCorrection):
            act()


def test_only_one_proposal_stands_and_only_what_was_shown_is_approved(services):
    corrections = services.corrections
    shown = corrections.propose("siti", CorrectionForm(name="Siti R."), ANI, "why", T0).proposal
    with pytest.raises(errors.CorrectionStands) as caught:
        corrections.propose("siti", CorrectionForm(name="Siti R."), BUDI, "why", T0)
    assert caught.value.facts == {"maker": ANI}
    corrections.reject("siti", ANI, "wrong", T0)
    corrections.propose("siti", CorrectionForm(name="Mallory"), ANI, "why", T0)
    with pytest.raises(errors.NoCorrection):
        corrections.approve("siti", BUDI, LATER, shown)
    assert kept(services)[0] == "Siti Aminah"


def test_a_proposal_about_a_changed_value_is_outdated_and_can_be_replaced(services):
    corrections = services.corrections
    services.register("budi", other_form(7), T0)
    corrections.propose("budi", CorrectionForm(name="Budi S."), ANI, "why", T0)
    services.register("budi", form(nik=other_form(7).nik, phone="081311112222"), T0)
    assert corrections.standing("budi") is not None, "the phone is not what it is about"
    services.register("budi", form(nik=other_form(7).nik, phone="081311112222", name="Budi"), T0)
    assert corrections.standing("budi") is None
    with pytest.raises(errors.NoCorrection):
        corrections.approve("budi", BUDI, LATER)
    corrections.propose("budi", CorrectionForm(name="Budi S."), BUDI, "why", LATER)
    corrections.approve("budi", ANI, LATER)
    assert services.registrations.me("budi").registration.name == "Budi S."


@pytest.mark.parametrize(
    ("wanted", "refusal"),
    [
        (CorrectionForm(), errors.NothingToCorrect),
        (CorrectionForm(name="Siti Aminah", kk=SITI.kk), errors.NothingToCorrect),
        (CorrectionForm(kk="31740912"), MalformedKk),
        (CorrectionForm(kk=SITI.nik), MalformedKk),
        (CorrectionForm(name="123"), MalformedName),
    ],
)
def test_a_correction_without_a_change_is_refused(services, wanted, refusal):
    with pytest.raises(refusal):
        services.corrections.propose("siti", wanted, ANI, "why", T0)
    with pytest.raises(NotRegistered):
        services.corrections.propose("nobody", CorrectionForm(name="A"), ANI, "why", T0)


def test_correcting_a_family_card_frees_the_wrong_one(services):
    """So a stranger whose card was named is helped: the two are counted to the card that is theirs."""
    wrong = services.registrations.registrant("siti").kk_mac
    assert services.waves.beneficiaries.holders(wrong) == ["siti"]
    services.corrections.propose("siti", CorrectionForm(kk=KK), ANI, "card of a stranger", T0)
    services.corrections.approve("siti", BUDI, LATER)
    right = services.registrations.registrant("siti").kk_mac
    assert right != wrong
    assert services.waves.beneficiaries.holders(wrong) == []
    assert services.waves.beneficiaries.holders(right) == ["siti"]
    assert services.waves.beneficiaries.of("siti").kk_mac == right
    with services.transaction() as tx:
        services._beneficiaries.revoke(tx, services.waves.beneficiaries.of("siti"), 1, T0)
    assert services.waves.beneficiaries.holders(right) == []
    services.corrections.propose("siti", CorrectionForm(kk=SITI.kk), ANI, "back", LATER)
    services.corrections.approve("siti", BUDI, LATER + timedelta(seconds=1))
    assert services.waves.beneficiaries.holders(wrong) == [], "who was revoked counts to none"


def test_a_family_card_is_corrected_for_any_person(services):
    services.register("budi", other_form(7, kk=KK), T0)
    full = services.registrations.registrant("budi").kk_mac
    FamilyItem(f"K#{full}", "HOLDERS", holders={"one", "two"}).save()
    services.corrections.propose("siti", CorrectionForm(kk=KK), ANI, "why", T0)
    services.corrections.approve("siti", BUDI, LATER)
    assert services.waves.beneficiaries.holders(full) == ["one", "siti", "two"]
    services.corrections.propose("budi", CorrectionForm(kk=SITI.kk), ANI, "why", T0)
    services.corrections.approve("budi", BUDI, LATER)
    assert services.waves.beneficiaries.holders(full) == ["one", "siti", "two"]


def test_an_overtaken_approval_decides_again(services, monkeypatch):
    services.corrections.propose("siti", CorrectionForm(name="Siti R."), ANI, "why", T0)
    store, save = services.registration_store, services.registration_store.save

    def interrupted(*args: Any, **kwargs: Any) -> None:
        monkeypatch.setattr(store, "save", save)
        services.register("siti", form(phone="081311112222"), LATER)
        save(*args, **kwargs)

    monkeypatch.setattr(store, "save", interrupted)
    services.corrections.approve("siti", BUDI, LATER)
    view = services.registrations.me("siti").registration
    assert (view.name, view.phone) == ("Siti R.", "+62********2222")
    assert len(services.corrections.history("siti")) == 1


class Desk:
    """A command line; `me` is whoever sits there."""

    def __init__(self) -> None:
        self.me = ANI

    def run(self, *words: str, **options: Any) -> Result:
        return invoke(["registration", *words, "--stage", "test"], **options)


@pytest.fixture
def desk(services: wiring.Services, monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk()
    monkeypatch.setattr(stages, "load", lambda _: SimpleNamespace(services=services))
    monkeypatch.setattr(stages, "caller", lambda: desk.me)
    monkeypatch.setattr(registration, "utc_now", lambda: LATER)
    return desk


def test_the_commands_read_values_from_standard_input_and_show_them_to_the_checker(desk, services, cloud, caplog):
    wanted = json.dumps({"name": "Siti Rahma", "kk": KK})
    told = desk.run("correct", "siti", "--file", "-", "--reason", "court decision", input=wanted)
    assert told.exit_code == 0, told.output
    assert "name: Siti Aminah -> Siti Rahma" in told.output
    refused = desk.run("approve", "siti", "--yes")
    assert refused.exit_code == 1
    assert "(correction_same_person)" in refused.output
    desk.me = BUDI
    assert desk.run("approve", "siti", input="n\n").exit_code == 1
    told = desk.run("approve", "siti", input="y\n")
    assert told.exit_code == 0
    assert f"kk: {SITI.kk} -> {KK}" in told.output
    shown = desk.run("show", "siti").output
    assert "name: Siti Aminah -> Siti Rahma" in shown
    found = json.loads(desk.run("show", "siti", "--json").stdout)
    (decided,) = found["corrections"]
    decision = [decided[name] for name in ("outcome", "proposed_by", "by", "reason")]
    assert decision == ["CORRECTED", ANI, BUDI, "court decision"]
    assert found["family_card_held_by"] == ["siti"]
    FamilyItem(f"K#{services.registrations.registrant('siti').kk_mac}", "HOLDERS", holders={"budi", "siti"}).save()
    desk.run("show", "siti", "--reason", "he asked")
    [look] = services.journal.of_person("budi")
    assert (look.route, look.reason, look.outcome) == ("registration show", "he asked", "done")
    stored = json.dumps(rows(cloud), default=lambda raw: raw.decode("latin-1"))
    for secret in ("Rahma", "Aminah", KK, SITI.kk):
        assert secret not in stored
        assert secret not in caplog.text


def test_the_commands_refuse_a_malformed_correction_without_quoting_it(desk):
    for wrong in ("", "[]", '{"phone": "081234567890"}', '{"birth_date": "17-08-1995"}'):
        result = desk.run("correct", "siti", "--file", "-", "--reason", "why", input=wrong)
        assert result.exit_code == 2, wrong
        assert "3174095708950001" not in result.output
        assert "17-08-1995" not in result.output
    assert "(no_correction registrant_id=siti)" in desk.run("approve", "siti", "--yes").output
    assert "(no_correction registrant_id=siti)" in desk.run("reject", "siti", "--reason", "why").output
    desk.run("correct", "siti", "--file", "-", "--reason", "why", input='{"name": "Siti R."}')
    assert [one["by"] for one in json.loads(desk.run("show", "siti", "--json").stdout)["proposed"]] == [ANI]
    assert "the proposal was taken away" in desk.run("reject", "siti", "--reason", "why").output
    assert "(not_registered registrant_id=nobody)" in desk.run("show", "nobody").output
