"""Claims on a NIK on the test's cloud: kept, settled by proof, told to both, and paid to nobody meanwhile."""

from __future__ import annotations

import json
from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.privacy.wire import DataQuery
from chalicelib.registration.corrections.errors import NoCorrection, NothingToCorrect
from chalicelib.registration.errors import (
    NikAlreadyRegistered,
    NikCannotChange,
    TooManyClaims,
    TooManyCorrections,
    TooManyRefusals,
)
from chalicelib.registration.items import PresenceItem, Profile, person_pk
from chalicelib.registration.personal_data import of_registration
from chalicelib.registration.rules import Place, School, Standing, Verification
from chalicelib.registration.wire import CorrectionForm, OwnCorrectionForm
from chalicelib.waves.places.nik_claims import EntriesOfNik
from tests.builders.claims import CHECKER, DAY, MAKER, MINE, OWNER, SQUATTER, THIRD, Town
from tests.builders.registration import form, other_form, rows
from tests.conftest import T0


def test_a_claim_is_kept_beside_the_holder_and_changes_nothing_for_them(town):
    with pytest.raises(NikAlreadyRegistered):
        town.people.register(OWNER, form(phone="0812-9999-0001"), town.now)
    before = town.of(SQUATTER)
    registered, new = town.people.register(OWNER, MINE, town.now)
    assert (new, registered.claimed_at, registered.claims) == (True, town.now, 1)
    town.run(2 * DAY)
    assert (town.of(SQUATTER), town.holder()) == (before, SQUATTER)
    assert (town.shown(OWNER), town.shown(SQUATTER)) == (("claimed", "PENDING"), ("yes", "PENDING"))
    assert (town.told(SQUATTER), town.told(OWNER)) == ([], [])


def test_a_nik_comes_back_a_day_after_the_registry_confirmed_its_owner_and_not_the_squatter(town):
    town.says(SQUATTER, Verification.MISMATCH)
    town.people.register(OWNER, MINE, town.now)
    town.says(OWNER, Verification.VERIFIED)
    town.run()
    assert (town.told(SQUATTER), town.told(OWNER)) == (["passes"], [])  # it would say that the data are right
    town.run(DAY - timedelta(minutes=5))
    assert town.holder() == SQUATTER
    town.run(timedelta(minutes=6))
    assert town.holder() == OWNER
    assert (town.of(OWNER).contested, town.of(SQUATTER).contested) == (False, True)
    assert (town.shown(OWNER), town.shown(SQUATTER)) == (("yes", "VERIFIED"), ("claimed", "PENDING"))
    assert (town.told(SQUATTER)[-1], town.told(OWNER)[-1]) == ("passed", "passed")
    # Whoever had mistyped it corrects it, and is nobody's claimant any more.
    town.people.register(SQUATTER, other_form(7, name="Budi"), town.now)
    town.run()
    assert rows(town.settings, "CLAIMS") == []
    assert not town.of(SQUATTER).contested


def test_a_holder_who_is_confirmed_in_time_keeps_the_nik_and_both_wait_for_presence(town):
    town.says(SQUATTER, Verification.MISMATCH)
    town.people.register(OWNER, MINE, town.now)
    town.says(OWNER, Verification.VERIFIED)
    town.run()
    town.people.register(SQUATTER, town.people.with_changes(SQUATTER, OwnCorrectionForm(name="Siti B")), town.now)
    town.says(SQUATTER, Verification.VERIFIED)
    town.run(2 * DAY)
    assert (town.holder(), town.shown(SQUATTER)[0]) == (SQUATTER, "contested")
    assert "stays" in town.told(SQUATTER)
    town.sees(OWNER)
    town.run()
    town.run(DAY + timedelta(minutes=1))
    assert (town.holder(), town.of(OWNER).contested) == (OWNER, False)
    assert town.of(OWNER).verification is Verification.VERIFIED  # a presence asks the registry about nothing

    # What somebody typed does not bring it back from who was seen.
    town.run(3 * DAY)
    assert town.holder() == OWNER


def test_presence_of_the_holder_ends_a_claim_by_data(town):
    town.says(SQUATTER, Verification.VERIFIED)
    town.people.register(OWNER, MINE, town.now)
    town.says(OWNER, Verification.VERIFIED)
    town.run()
    assert town.of(SQUATTER).contested
    assert town.people.confirmed([SQUATTER, OWNER, "nobody"]) == {}
    town.sees(SQUATTER)
    town.run(2 * DAY)
    assert (town.holder(), town.of(SQUATTER).contested) == (SQUATTER, False)
    assert town.people.confirmed([SQUATTER, "nobody"]).keys() == {SQUATTER}
    assert town.of(SQUATTER).uncontested_at.replace(microsecond=0) == town.now


def test_a_nik_that_its_holder_gives_up_passes_at_once(town):
    town.says(SQUATTER, Verification.MISMATCH)
    town.people.register(OWNER, MINE, town.now)
    town.people.register(SQUATTER, other_form(7), town.now)
    town.run()
    assert (town.holder(), town.of(OWNER).claimed_at) == (OWNER, None)


def test_a_claimant_who_gives_up_a_claim_frees_the_holder(town):
    town.says(SQUATTER, Verification.VERIFIED)
    town.people.register(OWNER, MINE, town.now)
    town.says(OWNER, Verification.VERIFIED)
    town.run()
    assert town.of(SQUATTER).contested
    town.people.register(OWNER, other_form(8), town.now)
    town.run()
    assert not town.of(SQUATTER).contested
    assert rows(town.settings, "CLAIMS") == []


def test_an_account_claims_three_times_and_a_claimant_guesses_three_times(town):
    town.people.register(THIRD, other_form(5), town.now)
    given = [MINE, other_form(5, claim_nik=True), MINE]
    for n, one in enumerate(given, 1):
        town.people.register(OWNER, form(nik=one.nik, phone="0812-9999-0001", claim_nik=True), town.now)
        assert town.of(OWNER).claims == n
        town.now += timedelta(days=31)
    # It says that the NIK is somebody's: so few of these answers are given a day.
    once_more = form(nik=given[1].nik, phone="0812-9999-0001", claim_nik=True)
    for _ in range(town.services.programme.eligibility.refusals_max):
        with pytest.raises(TooManyClaims):
            town.people.register(OWNER, once_more, town.now)
    with pytest.raises(TooManyRefusals):
        town.people.register(OWNER, once_more, town.now)
    town.now += timedelta(days=1)

    for name in ("Siti A", "Siti B", "Siti C"):
        town.people.register(OWNER, town.people.with_changes(OWNER, OwnCorrectionForm(name=name)), town.now)
    with pytest.raises(TooManyCorrections):
        town.people.register(OWNER, town.people.with_changes(OWNER, OwnCorrectionForm(name="Siti D")), town.now)
    assert town.of(SQUATTER).nik_mac == town.of(OWNER).nik_mac


def test_whoever_gets_the_nik_is_in_the_open_wave_and_the_freeze_removes_whoever_lost_it(town):
    town.now = T0.replace(day=27, hour=6)  # wave 60 is open
    town.services.stepper.advance(town.now, 300)
    town.services.waves.join(SQUATTER, town.now)
    town.people.register(OWNER, MINE, town.now)
    town.sees(OWNER)
    town.run()
    town.run(DAY + timedelta(minutes=1))
    waves = [view.wave for view in town.services.waves.entries_of(OWNER, town.now)]
    assert waves == [view.wave for view in town.services.waves.entries_of(SQUATTER, town.now)]
    assert len(waves) == 1
    told = {SQUATTER: NikAlreadyRegistered}
    assert town.people.unfit([SQUATTER, OWNER], town.now.date(), "2023") == told
    with pytest.raises(NikAlreadyRegistered):
        town.people.check_still_eligible(town.of(SQUATTER), town.now.date())


def test_while_a_closed_wave_has_yet_to_decide_about_the_holder_the_nik_stays(town, monkeypatch):
    entries = EntriesOfNik
    monkeypatch.setattr(entries, "in_draw", lambda *_: True)
    town.people.register(OWNER, MINE, town.now)
    town.sees(OWNER)
    town.run()
    town.run(2 * DAY)
    assert (town.holder(), town.of(SQUATTER).contested) == (SQUATTER, True)
    monkeypatch.setattr(entries, "in_draw", lambda *_: False)
    town.run()
    assert town.holder() == OWNER


def test_what_was_given_to_a_nik_is_given_once(town):
    place = Place(60, "2023", T0.date(), T0.date() + timedelta(days=200))
    town.people.set_standing(SQUATTER, Standing.BENEFICIARY, place)
    town.people.register(OWNER, MINE, town.now)
    town.sees(OWNER)
    town.run()
    town.run(DAY + timedelta(minutes=1))
    owner, squatter = town.of(OWNER), town.of(SQUATTER)
    for who in (owner, squatter):
        assert (who.standing, who.beneficiary_wave, who.schemes) == (Standing.BENEFICIARY, 60, {"2023"})
    assert (owner.chosen_on, owner.ended_on) == (place.on, place.until)
    with pytest.raises(NikCannotChange):
        town.people.register(SQUATTER, other_form(7), town.now)


def test_a_presence_is_of_the_nik_that_was_seen_and_of_no_other(town):
    """The person has corrected the NIK before the second administrator approves."""
    town.says(SQUATTER, Verification.MISMATCH)
    town.services.corrections.propose(SQUATTER, CorrectionForm(presence="proven"), MAKER, "seen", town.now)
    town.people.register(SQUATTER, other_form(7), town.now)
    with pytest.raises(NoCorrection):
        town.services.corrections.approve(SQUATTER, CHECKER, town.now)
    town.sees(SQUATTER)
    assert town.of(SQUATTER).present_at == town.now
    town.now += timedelta(minutes=1)
    town.sees(SQUATTER, "")
    assert town.of(SQUATTER).present_at is None


def test_a_day_that_a_former_holder_was_told_is_none_that_the_next_was(town):
    town.people.register(OWNER, MINE, town.now)
    town.sees(OWNER)
    town.run()
    # Somebody takes the NIK in the minute in which its holder gives it up.
    town.says(SQUATTER, Verification.MISMATCH)
    town.people.register(SQUATTER, other_form(7), town.now)
    town.people.register(THIRD, form(phone="0812-9999-0002"), town.now)
    town.run(DAY + timedelta(hours=1))
    assert (town.holder(), town.told(THIRD)) == (THIRD, ["passes"])
    town.run(DAY + timedelta(minutes=1))
    assert town.holder() == OWNER


def test_while_the_registry_is_silent_about_the_holder_data_do_not_take_the_nik(cloud, programme):
    """Who registered before there was a registry is asked about as soon as a claimant is confirmed."""
    town = Town(replace(cloud, registry_url="https://registry.invalid"), programme)
    Profile(person_pk(SQUATTER), "PROFILE").update([Profile.ask_from.remove(), Profile.unverified_shard.remove()])
    town.people.register(OWNER, MINE, town.now)
    town.says(OWNER, Verification.VERIFIED)
    town.run(2 * DAY)
    town.run(2 * DAY)
    assert (town.holder(), town.of(SQUATTER).contested, town.told(SQUATTER)) == (SQUATTER, True, ["contested"])
    assert SQUATTER in {one.registrant_id for one in town.services.verifications.page_waiting("", 100)[0]}
    town.says(SQUATTER, Verification.MISMATCH)
    town.run()
    town.run(DAY + timedelta(minutes=1))
    assert town.holder() == OWNER


@pytest.mark.parametrize("state", [Verification.PENDING, Verification.MISMATCH])
def test_a_holder_whom_the_registry_confirmed_loses_the_nik_to_presence_alone(town, state: Verification):
    """They type a new family card while the registry is down, or before it knows of it."""
    town.says(SQUATTER, Verification.VERIFIED)
    moved = town.people.with_changes(SQUATTER, OwnCorrectionForm(kk="3174091203180077"))
    town.people.register(SQUATTER, moved, town.now)
    if state is not Verification.PENDING:
        town.says(SQUATTER, state)
    town.people.register(OWNER, MINE, town.now)
    town.says(OWNER, Verification.VERIFIED)
    town.run(2 * DAY)
    town.run(2 * DAY)
    assert (town.holder(), town.of(SQUATTER).contested) == (SQUATTER, True)
    town.sees(OWNER)
    town.run()
    assert town.told(OWNER) == ["comes"]
    town.run(DAY + timedelta(minutes=1))
    assert town.holder() == OWNER


@pytest.mark.parametrize(
    ("state", "news"), [(Verification.VERIFIED, "contested"), (Verification.UNKNOWN_NIK, "passes")]
)
def test_a_claimant_learns_nothing_of_the_registrys_word_from_a_notice_or_their_data(town, state, news: str):
    def kept(who: str) -> Any:
        found = town.services.export.page(who, DataQuery(limit=100), None, town.now).records
        own = [one for one in found if one.kind in {"registration", "nik_claim"}]
        notices = sorted(one.kept_in.partition("/")[2].replace(who, "") for one in found if one.kind == "notice")
        return [(sorted(one.content), one.withheld, one.content.get("verified_at")) for one in own], notices

    town.says(SQUATTER, state)
    town.people.register(OWNER, MINE, town.now)
    town.people.register(THIRD, form(phone="0812-9999-0002", name="Orang Karangan", claim_nik=True), town.now)
    town.says(OWNER, Verification.VERIFIED, School.UNANSWERED)
    town.says(THIRD, Verification.MISMATCH)
    town.run()
    assert (town.told(SQUATTER), town.told(OWNER), town.told(THIRD)) == ([news], [], [])
    assert kept(OWNER) == kept(THIRD)
    town.now += timedelta(hours=1)
    town.says(OWNER, Verification.MISMATCH, School.STUDENT)  # so late that the other has long been answered about
    for who, phone in ((OWNER, "0812-9999-0003"), (THIRD, "0812-9999-0004")):
        town.people.register(who, town.people.with_changes(who, OwnCorrectionForm(phone=phone)), town.now)
    assert kept(OWNER) == kept(THIRD)
    assert len(kept(OWNER)[1]) == 1, "of the phone"


@pytest.mark.parametrize(("used", "standing", "wave"), [(60, "BENEFICIARY", 60), (None, "REGISTERED", None)])
def test_the_nik_of_an_erased_person_comes_to_whoever_is_seen_with_its_card(town, monkeypatch, used, standing, wave):
    monkeypatch.setattr(EntriesOfNik, "given", lambda _, who: {SQUATTER: used}[who])
    town.people.register(OWNER, MINE, town.now)
    town.says(OWNER, Verification.VERIFIED)
    Profile(person_pk(SQUATTER), "PROFILE").delete()
    town.run(2 * DAY)
    assert town.holder() == SQUATTER
    town.sees(OWNER)
    town.run()
    owner = town.of(OWNER)
    assert (town.holder(), owner.claimed_at, owner.standing, owner.beneficiary_wave) == (OWNER, None, standing, wave)
    assert (rows(town.settings, "CLAIMS"), town.told(OWNER)) == ([], ["passed"])


@pytest.mark.parametrize(("used", "standing"), [(60, Standing.REVOKED), (None, Standing.REGISTERED)])
def test_an_owner_is_barred_only_for_what_was_used(town, monkeypatch, used, standing: Standing):
    monkeypatch.setattr(EntriesOfNik, "given", lambda _, who: {SQUATTER: used}.get(who))
    place = Place(61, "2023", T0.date(), T0.date() + timedelta(days=200))
    town.people.set_standing(SQUATTER, Standing.BENEFICIARY, place)
    town.people.set_standing(SQUATTER, Standing.REVOKED)
    town.people.register(OWNER, MINE, town.now)
    town.sees(OWNER)
    town.run()
    town.run(DAY + timedelta(minutes=1))
    assert (town.holder(), town.of(OWNER).standing) == (OWNER, standing)


@pytest.mark.parametrize("erased", [False, True])
def test_nobody_sheds_a_bar_by_a_second_account_and_an_office_that_read_their_card(town, monkeypatch, erased):
    monkeypatch.setattr(EntriesOfNik, "given", lambda *_: None)
    place = Place(61, "2023", T0.date(), T0.date() + timedelta(days=200))
    town.people.set_standing(SQUATTER, Standing.BENEFICIARY, place)
    town.people.set_standing(SQUATTER, Standing.REVOKED)
    town.people.register(OWNER, MINE, town.now)
    PresenceItem(
        person_pk(OWNER), "PRESENCE", code="c", made_at=town.now, used="c", proven_at=town.now, proven_by="office"
    ).save()
    Profile(person_pk(OWNER), "PROFILE").update([Profile.present_at.set(town.now)])
    if erased:
        Profile(person_pk(SQUATTER), "PROFILE").delete()
    town.run()
    town.run(2 * DAY)
    assert (town.holder(), "passed" in town.told(OWNER)) == (SQUATTER, False)
    town.sees(OWNER)  # two administrators decide
    with pytest.raises(NothingToCorrect):
        town.sees(OWNER)
    town.run()
    town.run(DAY + timedelta(minutes=1))
    assert (town.holder(), town.of(OWNER).standing) == (OWNER, Standing.REGISTERED)


def test_a_standing_that_the_owner_has_already_is_not_written_over(town):
    town.people.register(OWNER, MINE, town.now)
    for who, wave, scheme in ((SQUATTER, 60, "2023"), (OWNER, 61, "2024")):
        place = Place(wave, scheme, T0.date(), T0.date() + timedelta(days=200))
        town.people.set_standing(who, Standing.BENEFICIARY, place)
    town.sees(OWNER)
    town.run()
    town.run(DAY + timedelta(minutes=1))
    owner = town.of(OWNER)
    assert (town.holder(), owner.beneficiary_wave, owner.schemes) == (OWNER, 61, {"2023", "2024"})


def test_a_chosen_person_who_lost_a_mistyped_nik_is_given_their_own_by_two(town):
    place = Place(60, "2023", T0.date(), T0.date() + timedelta(days=200))
    town.people.set_standing(SQUATTER, Standing.BENEFICIARY, place)
    town.people.register(OWNER, MINE, town.now)
    town.sees(OWNER)
    town.run()
    town.run(DAY + timedelta(minutes=1))
    assert (town.of(SQUATTER).contested, town.of(SQUATTER).verification) == (True, Verification.PENDING)
    right = CorrectionForm(nik=other_form(7).nik)
    town.services.corrections.propose(SQUATTER, right, MAKER, "mistyped", town.now)
    assert town.services.corrections.approve(SQUATTER, CHECKER, town.now).claimed_at is None


def test_the_corrections_of_claimants_keep_nobody_else_from_theirs(town):
    town.says(SQUATTER, Verification.MISMATCH)
    town.people.register(OWNER, MINE, town.now)
    for name in ("Siti A", "Siti B", "Siti C"):
        town.people.register(OWNER, town.people.with_changes(OWNER, OwnCorrectionForm(name=name)), town.now)
    town.now += timedelta(minutes=1)
    corrected = town.people.with_changes(SQUATTER, OwnCorrectionForm(name="Siti D"))
    assert town.people.register(SQUATTER, corrected, town.now)[0].verification is Verification.PENDING
    town.people.register(THIRD, form(phone="0812-9999-0002", name="Siti E", claim_nik=True), town.now)
    town.people.register(THIRD, town.people.with_changes(THIRD, OwnCorrectionForm(name="Siti F")), town.now)

    def shown(who: str) -> list[int]:
        rows_of_nik = [one for one in of_registration(who, town.now) if one.kind == "recent_corrections_of_nik"]
        return [len(json.loads(one.row["times"]["S"])) for one in rows_of_nik]

    assert [shown(who) for who in (SQUATTER, OWNER, THIRD)] == [[1], [], []], "theirs, and nobody else's"
    town.sees(OWNER)
    town.run()
    town.run(DAY + timedelta(minutes=1))
    assert (town.holder(), shown(OWNER), shown(SQUATTER)) == (OWNER, [0], []), "nor a former holder's"
