"""Identity fields cannot change from a join until the wave is settled, and never after an award."""

from __future__ import annotations

from collections.abc import Callable
from datetime import date, timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib import wiring
from chalicelib.config import Programme, Settings
from chalicelib.figures.waves import Waiting
from chalicelib.registration.errors import ExcludedOccupation, FixedAfterAward, FrozenUntilSettled
from chalicelib.registration.items import Exclusion, exclusion_pk
from chalicelib.registration.rules import Education, Employment, Standing
from chalicelib.registration.store import RegistrationStore
from chalicelib.registration.wire import RegistrationForm
from chalicelib.waves.places.items import BeneficiaryItem, FamilyItem
from chalicelib.waves.rules import BeneficiaryState
from tests.builders.people import chosen_in
from tests.builders.places import TWO_WEEKS, buy, play
from tests.builders.registration import form, other_form
from tests.builders.waves import CLOSES, FREEZES, OPENS, WAVE, WavesWorld
from tests.conftest import T0

SECOND = timedelta(seconds=1)
FROZEN: list[dict[str, Any]] = [
    {"name": "Siti Rahma"},
    {"birth_date": date(1995, 8, 18)},
    {"employment": Employment.WORKER},
    {"kk": "3201011203180002"},
]
FREE: dict[str, Any] = {
    "phone": "081311112222",
    "province": "32",
    "regency": "3201",
    "education": Education.DIPLOMA,
}


class Town:
    """Waves with people who are really registered."""

    def __init__(self, cloud: Settings, world: WavesWorld) -> None:
        self.world = world
        self.services = wiring.Services(cloud, world.programme)
        world.restart(people=self.services.registrations)
        world.step()

    def register(self, form: RegistrationForm, who: str = "siti") -> None:
        self.services.register(who, form, self.world.clock.now)

    def join(self, who: str = "siti") -> None:
        self.world.wired().waves.join(who, self.world.clock.now)

    def refused(self, refusal: type[FixedAfterAward | FrozenUntilSettled]) -> list[dict[str, Any]]:
        """Each of the four is refused; the facts."""
        facts = []
        for changes in FROZEN:
            with pytest.raises(refusal) as caught:
                self.register(form(**changes))
            facts.append(caught.value.facts)
        return facts

    def drawn_for_one(self) -> tuple[str, RegistrationForm, str]:
        """Of two who joined one was chosen: who was not, their form, and who was."""
        self.world.waves.resize(WAVE, 1, 0, {}, T0)
        forms = {"siti": form(), "budi": other_form(7, kk="3201011203180003")}
        for who, own in forms.items():
            self.register(own, who)
        self.world.clock.now = OPENS
        for who in forms:
            self.join(who)
        play(self.world)
        [chosen] = [who for who in forms if self.world.waves.beneficiaries.of(who)]
        [left] = forms.keys() - {chosen}
        return left, forms[left], chosen


@pytest.fixture
def town(cloud: Settings, world: WavesWorld) -> Town:
    return Town(cloud, world)


def meanwhile(monkeypatch: pytest.MonkeyPatch, event: Callable[[], object]) -> None:
    """Between the decision about a change and its writing this happens, once."""
    save = RegistrationStore.save

    def interrupted(self: RegistrationStore, *args: Any, **kwargs: Any) -> None:
        monkeypatch.setattr(RegistrationStore, "save", save)
        event()
        save(self, *args, **kwargs)

    monkeypatch.setattr(RegistrationStore, "save", interrupted)


def test_identity_fields_are_frozen_from_the_join_until_the_wave_is_settled(town):
    world = town.world
    town.register(form())
    town.register(form(name="Siti R."))
    world.clock.now = OPENS
    town.register(form())
    town.join()
    world.waves.resize(WAVE + 1, 1, 0, {}, world.clock.now)
    assert town.refused(FrozenUntilSettled) == [{"wave": WAVE}] * 4
    town.register(form(**FREE))
    town.register(form())
    for now in (OPENS, CLOSES, FREEZES):
        world.at(now)
        assert town.refused(FrozenUntilSettled) == [{"wave": WAVE}] * 4
    # The draw waits, and another wave opens that is joined too: of either it is told.
    world.beacons.silent = True
    world.at(OPENS + TWO_WEEKS)
    town.join()
    assert town.refused(FrozenUntilSettled) == [{"wave": WAVE}] * 4


def test_a_person_not_chosen_may_change_them_after_the_wave_is_settled(town):
    left, own, _ = town.drawn_for_one()
    for changes in FROZEN:
        town.register(form(nik=own.nik, phone=own.phone, **changes), left)


def test_after_an_award_they_are_fixed_for_good(town, monkeypatch):
    world = town.world
    town.register(form())
    world.clock.now = OPENS
    town.join()
    monkeypatch.setattr(world.people, "set_standing", lambda *_: None)
    play(world)
    assert world.waves.beneficiaries.of("siti") is not None
    assert town.services.registrations.registrant("siti").standing is Standing.REGISTERED
    town.refused(FixedAfterAward)
    monkeypatch.undo()
    town.services.registrations.set_standing("siti", Standing.BENEFICIARY, chosen_in(WAVE))
    town.refused(FixedAfterAward)
    town.register(form(**FREE))
    town.services.registrations.set_standing("siti", Standing.REVOKED)
    town.register(form())
    town.refused(FixedAfterAward)


@pytest.fixture
def returning(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> Town:
    """Siti was chosen and has bought, and may be chosen again by a wave that closes 100 days after the first."""
    eligibility = replace(programme.eligibility, once=Waiting(days=100))
    world = WavesWorld(cloud, replace(programme, eligibility=eligibility), T0, monkeypatch)
    town = Town(cloud, world)
    town.register(form())
    world.clock.now = OPENS
    town.join()
    play(world)
    assert buy(world, "siti")
    return town


LATER = [changes for changes in FROZEN if changes.keys() <= {"employment", "kk"}]


def test_who_may_be_chosen_again_corrects_occupation_and_family_card(returning):
    world, before = returning.world, returning.world.waves.beneficiaries.of("siti")
    world.at(OPENS + 7 * TWO_WEEKS - timedelta(days=7))
    returning.refused(FixedAfterAward)
    world.at(OPENS + 7 * TWO_WEEKS, CLOSES + 7 * TWO_WEEKS)  # the next wave closes 112 days after the first
    returning.register(form(**{name: value for one in LATER for name, value in one.items()}))
    for changes in FROZEN[:2]:
        with pytest.raises(FixedAfterAward):
            returning.register(form(**changes))
    with pytest.raises(ExcludedOccupation):
        returning.register(form(employment=Employment.POLICE))
    registrant = returning.services.registrations.registrant("siti")
    assert registrant.employment is Employment.WORKER
    assert world.waves.beneficiaries.of("siti") == before, "the place before keeps what it was given by"
    world.at(OPENS + 8 * TWO_WEEKS)
    returning.join()
    assert world.entries.find(WAVE + 8, "siti").kk_mac == registrant.kk_mac != before.kk_mac
    with pytest.raises(FrozenUntilSettled):
        returning.register(form())


def test_a_place_that_waits_for_its_purchase_or_changes_meanwhile_fixes_them(returning, monkeypatch):
    world = returning.world
    world.at(CLOSES + 7 * TWO_WEEKS)
    item = BeneficiaryItem("B#siti", "BENEFICIARY")
    state = BeneficiaryItem.state
    meanwhile(monkeypatch, lambda: item.update([state.set(BeneficiaryState.POTENTIAL)]))
    with pytest.raises(FixedAfterAward):
        returning.register(form(**LATER[0]))
    assert returning.services.registrations.registrant("siti").employment is not Employment.WORKER


def test_a_join_between_the_decision_and_the_write_of_a_change_prevents_it(town, monkeypatch):
    town.register(form())
    town.world.clock.now = OPENS
    meanwhile(monkeypatch, town.join)
    with pytest.raises(FrozenUntilSettled):
        town.register(form(name="Somebody Else"))
    assert town.services.registrations.me("siti").registration.name == "Siti Aminah"


def test_a_change_that_began_before_the_opening_is_held_back_by_a_join_right_after_it(town, monkeypatch):
    town.register(form())
    town.world.clock.now = OPENS - SECOND
    meanwhile(monkeypatch, lambda: town.world.wired().waves.join("siti", OPENS))
    with pytest.raises(FrozenUntilSettled):
        town.register(form(name="Somebody Else"))


def test_an_award_between_the_decision_and_the_write_of_a_change_prevents_it(town, monkeypatch):
    """As when a place is passed on after the wave was settled."""
    world = town.world
    left, own, chosen = town.drawn_for_one()
    due = world.waves.beneficiaries.of(chosen).buy_by
    meanwhile(monkeypatch, lambda: world.expire(due))
    with pytest.raises(FixedAfterAward):
        town.register(form(nik=own.nik, phone=own.phone, name="Somebody Else"), left)
    assert world.waves.beneficiaries.of(left) is not None


def test_if_a_join_did_not_see_a_change_the_card_at_the_join_counts(town, monkeypatch):
    """The join read the registration before the change, and wrote its entry after it."""
    world = town.world
    town.register(form())
    world.clock.now = OPENS
    seen = town.services.registrations.registrant("siti")
    town.register(form(kk="3201011203180002"))
    with monkeypatch.context() as patch:
        patch.setattr(town.services.registrations, "applicant", lambda _: seen)
        town.join()
    FamilyItem(f"K#{seen.kk_mac}", "HOLDERS", holders={"one", "two"}).save()
    play(world)
    [entry] = world.wired().waves.entries_of("siti", world.clock.now)
    assert entry.reason == "family_card"


def test_another_spelling_is_no_change_and_a_form_with_a_frozen_change_is_refused_whole(town):
    town.register(form())
    town.world.clock.now = OPENS
    town.join()
    town.register(form(name="  Siti \u200b Aminah ", kk="3174-0912.0318 0002"))
    for changes in ({"name": "SITI AMINAH"}, {"name": "Siti Aminah, S.Kom"}, {"name": "Siti R.", **FREE}):
        with pytest.raises(FrozenUntilSettled):
            town.register(form(**changes))
    view = town.services.registrations.me("siti").registration
    assert (view.phone, view.province) == ("+62********7890", "31")


def test_they_are_frozen_in_an_added_wave_and_after_a_removal_too(town):
    world = town.world
    added = world.waves.add(T0 + timedelta(hours=1), T0 + timedelta(hours=3), 1, T0)
    world.clock.now = T0 + timedelta(hours=2)
    town.register(form())
    town.join()
    assert town.refused(FrozenUntilSettled) == [{"wave": added}] * 4
    Exclusion(exclusion_pk(town.services.registrations.registrant("siti").nik_mac), "EXCLUDED", lists={"x/1/2"}).save()
    world.at(T0 + timedelta(hours=3), T0 + timedelta(hours=3, seconds=16))
    assert world.entries.outcome(added, "siti").value == "excluded"
    assert town.refused(FrozenUntilSettled) == [{"wave": added}] * 4


def test_the_card_of_the_join_counts_also_when_a_place_is_passed_on_later(town):
    world = town.world
    left, own, first = town.drawn_for_one()
    joined_with = town.services.registrations.registrant(left).kk_mac
    town.register(form(nik=own.nik, phone=own.phone, kk="3273011203180005"), left)
    FamilyItem(f"K#{joined_with}", "HOLDERS", holders={"one", "two"}).save()
    world.expire(world.waves.beneficiaries.of(first).buy_by)
    assert world.entries.outcome(WAVE, left).value == "family_card"
    world.clock.now = OPENS + 2 * TWO_WEEKS
    town.join(left)
    assert world.entries.find(WAVE + 2, left).kk_mac == town.services.registrations.registrant(left).kk_mac
