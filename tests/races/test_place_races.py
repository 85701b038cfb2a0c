"""Places awarded, bought for and revoked at the same time: one outcome each, at most two on a family card."""

from __future__ import annotations

from datetime import timedelta
from functools import partial
from pathlib import Path

import pytest
from msgspec.structs import replace

from chalicelib.ids import system_randomness
from chalicelib.registration.rules import Standing
from chalicelib.time_budget import TimeBudget
from chalicelib.waves.places import revocation
from chalicelib.waves.places.beneficiaries import BeneficiaryStore, CardTaken
from chalicelib.waves.places.items import CardItem, FamilyItem
from chalicelib.waves.places.revocation import Report
from chalicelib.waves.rules import Beneficiary, BeneficiaryState, Entry, EntryOutcome, WaveState
from tests.builders.people import card, registrant
from tests.builders.places import buy, drawn, rows, waiting
from tests.builders.waves import CLOSES, FREEZES, OPENS, ROUND, WAVE, WavesWorld
from tests.conftest import T0

from .together import ALWAYS, AT_ONCE, ROUNDS, together

pytestmark = pytest.mark.dynamodb

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
    return world.services._beneficiaries


def joined(world: WavesWorld, *names: str) -> None:
    world.clock.now = OPENS
    world.join(*names)


def test_two_of_many_family_members_are_chosen_at_once(world: WavesWorld, store: BeneficiaryStore) -> None:
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


def test_only_one_of_many_people_gets_a_card_number(world: WavesWorld, store: BeneficiaryStore) -> None:
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


def test_only_one_of_simultaneous_awards_and_refusals_holds(world: WavesWorld, store: BeneficiaryStore) -> None:
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


def test_of_many_awards_at_once_one_alone_follows_a_place(world: WavesWorld, store: BeneficiaryStore) -> None:
    """Each of them of another wave, and all have read the same place."""
    waves = range(WAVE + 1, WAVE + 1 + AT_ONCE)
    for number in range(ROUNDS):
        name = f"person-{number}"
        joined(world, name)
        first = replace(chosen(name, f"{number:016d}"), state=BeneficiaryState.ACTIVE, kk_mac=card(name))
        assert store.award(first, card(name)) is EntryOutcome.CHOSEN
        for wave in waves:
            world.entries.join(Entry(wave, name, 31, bytes(32), OPENS, card(name)))
        awards = [replace(first, wave=wave, card_number=f"{number:08d}{wave:08d}") for wave in waves]
        answers = together(partial(store.award, award, card(name), first) for award in awards)
        assert sorted(answers) == [EntryOutcome.ALREADY_BENEFICIARY] * (AT_ONCE - 1) + [EntryOutcome.CHOSEN]
        latest, before = store.places(name)
        assert (latest.wave, before) == (waves[answers.index(EntryOutcome.CHOSEN)], replace(first, followed=True))


@pytest.mark.parametrize("meet", [1, ALWAYS])
def test_a_family_gets_two_seats_from_many_simultaneous_steps(world: WavesWorld, tmp_path: Path, meet: int) -> None:
    world.restart(randomness=system_randomness)
    family, others = [f"family-{n}" for n in range(6)], [f"other-{n}" for n in range(4)]
    world.people.add(*(registrant(name, kk_mac=card("family")) for name in family))
    world.waves.resize(WAVE, 6, 0, {}, T0)
    joined(world, *family, *others)
    world.at(OPENS, CLOSES, FREEZES)
    world.clock.now = ROUND
    together([partial(world.wired().stepper.advance, ROUND, 60, world.clock.seconds) for _ in range(AT_ONCE)], meet)
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
    world.restart(randomness=system_randomness)
    family, others = [f"family-{n}" for n in range(4)], [f"other-{n}" for n in range(4)]
    world.people.add(*(registrant(name, kk_mac=card("family")) for name in family))
    both_drawn(world, [*family, *others], quota=4)

    def award(number: int) -> int:
        wave, draw = world.store.wave(number), world.store.draws([number])[number]
        budget = TimeBudget(world.clock.now, 60, world.clock.seconds)
        award = world.wired()._award
        return award.walk(wave, award.seats(wave, draw), "2023", budget).chosen

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


DUE = ROUND + timedelta(seconds=75)
JUST_IN_TIME = DUE - timedelta(microseconds=1)
RUNS = 3


@pytest.fixture(autouse=True)
def few_partitions(world: WavesWorld, monkeypatch: pytest.MonkeyPatch) -> None:
    """As those of the entries; and each award has a card number of its own, whichever run it comes from."""
    monkeypatch.setattr(revocation, "SHARDS", 4)
    world.restart(randomness=system_randomness)


def expiry(world: WavesWorld) -> partial[Report]:
    return partial(world.wired().revocation.run, DUE, 60, world.clock.seconds)


def expire_until_nothing_is_left(world: WavesWorld) -> None:
    while expiry(world)().revoked:
        pass


@pytest.mark.parametrize("meet", [1, 2, ALWAYS])
def test_a_purchase_in_time_and_the_revocation_of_its_place_have_one_winner(
    world: WavesWorld, tmp_path: Path, meet: int
) -> None:
    """The purchase arrived in the last microsecond and is written while the place is being revoked."""
    names = [f"person-{n}" for n in range(6)]
    order = waiting(world, 3, *names)
    world.clock.now = JUST_IN_TIME
    bought = together([partial(buy, world, name) for name in order[:3]] + [expiry(world)] * RUNS, meet)[:3]
    world.clock.now = DUE
    expire_until_nothing_is_left(world)
    for name, kept in zip(order, bought, strict=False):
        place = world.waves.beneficiaries.of(name)
        assert place.state is (BeneficiaryState.ACTIVE if kept else BeneficiaryState.REVOKED)
        assert world.people.by_id[name].standing is (Standing.BENEFICIARY if kept else Standing.REVOKED)
    lost = [name for name, kept in zip(order, bought, strict=False) if not kept]
    assert sorted(out for out, _, _ in rows(world, order)) == sorted(lost)
    assert [row[2] for row in rows(world, order)] == order[3 : 3 + len(lost)]
    assert world.store.wave(WAVE).chosen == world.store.allotted(2026) == 3
    assert world.failed_checks(WAVE, tmp_path) == []


@pytest.mark.parametrize("meet", [1, 3, ALWAYS])
def test_many_runs_at_once_revoke_each_place_once_and_pass_it_on_once(
    world: WavesWorld, tmp_path: Path, meet: int
) -> None:
    """Five places, seven people, one of the next no longer eligible: so four seats are lost to the wave."""
    order = waiting(world, 5, *[f"person-{n}" for n in range(7)])
    world.people.excluded.add(order[5])
    world.clock.now = DUE
    together([expiry(world) for _ in range(RUNS)], meet)
    expire_until_nothing_is_left(world)
    record = world.store.wave(WAVE)
    assert (record.revoked_count, record.passed_count, record.chosen, world.store.allotted(2026)) == (5, 5, 1, 1)
    places = {one.registrant_id: one for one in world.waves.beneficiaries.of_many(order)}
    assert sorted(places[name].revoked_seq for name in order[:5]) == [1, 2, 3, 4, 5]
    assert {places[name].state for name in order[:5]} == {BeneficiaryState.REVOKED}
    assert places[order[6]].state is BeneficiaryState.POTENTIAL
    published = rows(world, order)
    assert sorted(out for out, reason, _ in published if reason == "revoked") == sorted(order[:5])
    assert [row for row in published if row[1] != "revoked"] == [(order[5], "ineligible", order[6])]
    assert world.failed_checks(WAVE, tmp_path) == []


@pytest.mark.parametrize("meet", [1, ALWAYS])
def test_a_wave_may_be_settled_while_its_first_places_expire(world: WavesWorld, tmp_path: Path, meet: int) -> None:
    """Its award died long ago, after some places were given; it goes on as they are revoked."""
    order = drawn(world, 3, *[f"person-{n}" for n in range(6)])
    record, draw = world.store.wave(WAVE), world.store.draw(WAVE)
    seconds = iter(range(1000))
    world.stepper.advance(ROUND, 9, lambda: float(next(seconds)))
    given = [name for name in order if world.waves.beneficiaries.of(name)]
    assert 0 < len(given) < 3
    assert (record.state, world.store.wave(WAVE).state) == (WaveState.DRAWN, WaveState.DRAWN)
    world.clock.now = DUE + timedelta(seconds=10)
    runs = [partial(world.wired().revocation.run, world.clock.now, 60, world.clock.seconds) for _ in range(2)]
    steps = [partial(world.wired().stepper.advance, world.clock.now, 60, world.clock.seconds) for _ in range(2)]
    together([*runs, *steps], meet)
    world.step()
    world.wired().revocation.run(world.clock.now, 60, world.clock.seconds)
    record = world.store.wave(WAVE)
    assert (record.state, record.revoked_count, record.passed_count) == (WaveState.SETTLED, len(given), len(given))
    assert record.chosen == world.store.allotted(2026) == 3
    assert sorted(out for out, _, _ in rows(world, order)) == sorted(given)
    assert world.store.draw(WAVE) == draw
    assert world.failed_checks(WAVE, tmp_path) == []
