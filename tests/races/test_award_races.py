"""Awards that truly happen at the same time: two on a family card, once in a lifetime, one card a person."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest

from chalicelib.ids import system_randomness
from chalicelib.time_budget import TimeBudget
from chalicelib.waves.beneficiaries import BeneficiaryStore, CardItem, CardTaken, FamilyItem
from chalicelib.waves.rules import Beneficiary, BeneficiaryState, EntryOutcome, WaveState
from tests.builders.people import card, registrant
from tests.builders.waves import CLOSES, FREEZES, OPENS, ROUND, WAVE, WavesWorld
from tests.conftest import T0

from .together import ALWAYS, together

pytestmark = pytest.mark.dynamodb

AT_ONCE = 5
ROUNDS = 5
TWO_WEEKS = timedelta(days=14)


def chosen(name: str, card_number: str) -> Beneficiary:
    return Beneficiary(name, WAVE, card_number, "2023", "open", BeneficiaryState.POTENTIAL, T0, 31, T0)


def outcomes(world: WavesWorld, wave: int = WAVE) -> dict[str, EntryOutcome | None]:
    return {one.registrant_id: one.outcome for one in world.entries.candidates(wave)}


def beneficiaries(world: WavesWorld, names: list[str]) -> dict[str, int]:
    """The wave that chose each of those who were chosen."""
    return {name: one.wave for name in names if (one := world.waves.beneficiaries.of(name))}


@pytest.fixture
def store(world: WavesWorld, programme) -> BeneficiaryStore:
    return BeneficiaryStore(world._transaction, programme.eligibility.family_card_cap)


def joined(world: WavesWorld, *names: str) -> None:
    world.clock.now = OPENS
    world.join(*names)


def test_of_many_members_of_a_family_two_can_be_chosen_at_once(world: WavesWorld, store: BeneficiaryStore) -> None:
    for number in range(ROUNDS):
        names = [f"{number}-{n}" for n in range(8)]
        world.people.add(*(registrant(name, kk_mac=card(str(number))) for name in names))
        joined(world, *names)
        awards = [chosen(name, f"{number:08d}{n:08d}") for n, name in enumerate(names)]
        answers = together(partial(store.award, award, card(str(number))) for award in awards)
        assert sorted(answers) == [EntryOutcome.CHOSEN] * 2 + [EntryOutcome.FAMILY_CARD] * 6
        winners = {name for name, answer in zip(names, answers, strict=True) if answer is EntryOutcome.CHOSEN}
        assert (
            set(beneficiaries(world, names)) == FamilyItem.get(f"K#{card(str(number))}", "HOLDERS").holders == winners
        )


def test_of_many_people_given_the_same_card_one_has_it(world: WavesWorld, store: BeneficiaryStore) -> None:
    def award(name: str, number: int) -> EntryOutcome | None:
        try:
            return store.award(chosen(name, f"{number:016d}"), card(name))
        except CardTaken:
            return None

    for number in range(ROUNDS):
        names = [f"{number}-{n}" for n in range(AT_ONCE)]
        joined(world, *names)
        answers = together(partial(award, name, number) for name in names)
        assert answers.count(EntryOutcome.CHOSEN) == 1
        [winner] = beneficiaries(world, names)
        assert CardItem.get(f"C#{number:016d}", "CARD").registrant_id == winner


def test_of_awards_and_refusals_of_one_entry_at_once_one_holds(world: WavesWorld, store: BeneficiaryStore) -> None:
    """As when an exclusion list is imported while two steps award."""
    for number in range(ROUNDS):
        name = f"person-{number}"
        joined(world, name)
        awards = [partial(store.award, chosen(name, f"{number:08d}{n:08d}"), card(name)) for n in range(2)]
        refuse = partial(world.entries.refuse, WAVE, name, EntryOutcome.INELIGIBLE)
        answers = together([*awards, refuse, refuse])
        told = world.entries.outcome(WAVE, name)
        assert answers[2:] == [told, told]
        assert answers[:2].count(EntryOutcome.CHOSEN) == (told is EntryOutcome.CHOSEN)
        assert beneficiaries(world, [name]) == ({name: WAVE} if told is EntryOutcome.CHOSEN else {})


@pytest.mark.parametrize("meet", [1, ALWAYS])
def test_a_family_gets_two_seats_however_many_steps_award_at_once(world: WavesWorld, tmp_path: Path, meet: int) -> None:
    world.randomness = system_randomness
    family, others = [f"family-{n}" for n in range(6)], [f"other-{n}" for n in range(4)]
    world.people.add(*(registrant(name, kk_mac=card("family")) for name in family))
    world.waves = world.new_waves()
    world.waves.resize(WAVE, 6, 0, {}, T0)
    joined(world, *family, *others)
    world.at(OPENS, CLOSES, FREEZES)
    world.clock.now = ROUND
    together([partial(world.new_stepper().advance, ROUND, 60, world.clock.seconds) for _ in range(AT_ONCE)], meet)
    told = outcomes(world)
    assert [told[name] for name in others] == [EntryOutcome.CHOSEN] * 4
    assert sorted(told[name] for name in family if told[name]).count(EntryOutcome.CHOSEN) == 2
    assert set(beneficiaries(world, family)) == FamilyItem.get(f"K#{card('family')}", "HOLDERS").holders
    assert world.store.wave(WAVE).chosen == len(beneficiaries(world, [*family, *others])) == 6
    assert world.failed_checks(WAVE, tmp_path) == []


def both_drawn(world: WavesWorld, names: list[str], quota: int) -> None:
    """Two waves that all have joined, the first held up by its beacon until the second is drawn; nothing is awarded."""
    world.waves.resize(WAVE, quota, 0, {}, T0)
    world.waves.resize(WAVE + 1, quota, 0, {}, T0)
    joined(world, *names)
    world.beacons.silent = True
    world.at(OPENS, CLOSES, FREEZES, OPENS + TWO_WEEKS)
    for name in names:
        world.waves.join(name, world.clock.now)
    for now in (CLOSES, FREEZES, ROUND):
        world.at(now + TWO_WEEKS)
    world.beacons.silent = False
    for number in (WAVE, WAVE + 1):
        wave = world.store.wave(number)
        world.store.put_draw(number, world.stepper._drawing.run(wave))
        assert world.store.step(wave, WaveState.DRAWN)


@pytest.mark.parametrize("meet", [1, ALWAYS])
def test_two_waves_awarded_at_once_choose_nobody_twice_and_no_family_three_times(
    world: WavesWorld, tmp_path: Path, meet: int
) -> None:
    world.randomness = system_randomness
    world.waves = world.new_waves()
    family, others = [f"family-{n}" for n in range(4)], [f"other-{n}" for n in range(4)]
    world.people.add(*(registrant(name, kk_mac=card("family")) for name in family))
    both_drawn(world, [*family, *others], quota=4)

    def award(number: int) -> int:
        wave, draw = world.store.wave(number), world.store.draws([number])[number]
        budget = TimeBudget(world.clock.now, 60, world.clock.seconds)
        award = world.new_stepper()._award
        return award.walk(wave, award.seats(wave, draw), number, budget).chosen

    seats = together([partial(award, number) for number in (WAVE, WAVE + 1)] * 3, meet)
    assert len(set(seats[::2])) == len(set(seats[1::2])) == 1, "every run of an award comes to the same end"
    told = {number: outcomes(world, number) for number in (WAVE, WAVE + 1)}
    files = {number: world.files(number) for number in told}
    winners = beneficiaries(world, [*family, *others])
    assert set(others) <= set(winners)
    assert len(winners) == len(others) + 2 == sum(seats[:2])
    for name, wave in winners.items():
        other = WAVE if wave == WAVE + 1 else WAVE + 1
        assert told[wave][name] is EntryOutcome.CHOSEN
        assert told[other][name] in {EntryOutcome.ALREADY_BENEFICIARY, None}
    world.step()
    assert {number: outcomes(world, number) for number in told} == told, "an outcome never changes"
    for number in told:
        assert world.files(number) == files[number]
        assert world.store.wave(number).state is WaveState.SETTLED
        assert world.failed_checks(number, tmp_path / str(number)) == []
    assert world.store.allotted(2026) == len(winners)
