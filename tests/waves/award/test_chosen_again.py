"""A programme may let people be chosen again: after a time, or once under each scheme; never twice at a time."""

from __future__ import annotations

from collections import Counter
from contextlib import nullcontext
from datetime import date, timedelta

import pytest
from msgspec.structs import replace

from chalicelib.config import Programme, Settings
from chalicelib.figures.schemes import Payment
from chalicelib.figures.waves import Once, Waiting
from chalicelib.payouts.rules import Kind, entitlement_id
from chalicelib.registration.rules import Standing
from chalicelib.waves import entries, rules
from chalicelib.waves.errors import AlreadyBeneficiary, Barred
from chalicelib.waves.personal_data import of_waves
from chalicelib.waves.places.items import BeneficiaryItem
from chalicelib.waves.rules import BeneficiaryState, EntryOutcome, closing_day, shard_of
from tests.builders.crashes import Calls
from tests.builders.places import TWO_WEEKS, entered, play
from tests.builders.waves import CLOSES, FREEZES, OPENS, ROUND, WAVE, WavesWorld
from tests.conftest import T0

AFTER_20_DAYS = Waiting(days=20)
"""Too long for the next wave, and not for the one after."""


@pytest.fixture
def begun(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest):
    """One payment at the award; another scheme from the third wave on. One person of a family may be chosen."""
    for module in (rules, entries):
        monkeypatch.setattr(module, "SHARDS", 4)
    once: Payment = Payment(kind="INCENTIVE", trigger="award", amount_idr=900_000, times=1)
    first = replace(programme.scheme(WAVE), version="first", training_idr=0, payments=(once,))
    schemes = first, replace(first, version="second", first_wave=WAVE + 2)
    how_often: Once = getattr(request, "param", AFTER_20_DAYS)
    eligibility = replace(programme.eligibility, once=how_often, family_card_cap=1)
    world = WavesWorld(cloud, replace(programme, schemes=schemes, eligibility=eligibility), T0, monkeypatch)
    entered(world, 5, "ani")
    return world


@pytest.fixture
def world(begun: WavesWorld) -> WavesWorld:
    """The first wave has chosen `ani`."""
    play(begun)
    return begun


def joins(world: WavesWorld, later: int, *names: str) -> None:
    """They join the wave that is so many after the first."""
    world.at(OPENS + later * TWO_WEEKS)
    world.join(*names)


def places(world: WavesWorld, name: str = "ani") -> list[tuple[int, str]]:
    return [(one.wave, one.scheme) for one in world.wired().waves.beneficiaries.places(name)]


def owed(world: WavesWorld) -> list[tuple[str, int]]:
    return sorted((one.registrant_id, one.wave) for one in world.wired().payout_store.everything())


def test_after_the_waiting_time_a_person_is_chosen_again_and_paid_for_each_place(world):
    with pytest.raises(AlreadyBeneficiary) as refused:
        joins(world, 1, "ani")
    assert closing_day(CLOSES) == date(2026, 11, 30)
    assert refused.value.facts == {  # the last day of this wave is 14 days after that of the first
        "wave": WAVE,
        "again_from": "2026-12-20",
        "again": (
            "dapat terpilih lagi oleh gelombang yang ditutup pada Minggu, 20 Desember 2026 atau sesudahnya",
            "can be chosen again by a wave whose last day is Sunday, 20 December 2026 or later",
        ),
    }
    play(world, 1)
    joins(world, 2, "ani")
    play(world, 2)
    assert places(world) == [(WAVE + 2, "second"), (WAVE, "first")]
    assert owed(world) == [("ani", WAVE), ("ani", WAVE + 2)]
    world.programme = replace(world.programme, eligibility=replace(world.programme.eligibility, once="lifetime"))
    latest, first = world.wired().waves.beneficiaries.places("ani")
    assert world.waves.beneficiaries.of("ani") == latest
    assert latest.card_number != first.card_number
    for place in (latest, first):
        assert list(world.waves.beneficiaries.roster(place.wave, shard_of("ani"))) == [place], "it counts in its wave"
    person = world.people.registrant("ani")
    assert (person.standing, person.beneficiary_wave) == (Standing.BENEFICIARY, WAVE + 2)
    shown = {entry.wave: entry.standing for entry in world.wired().waves.entries_of("ani", world.clock.now)}
    assert shown == {WAVE: "chosen", WAVE + 2: "chosen"}
    with pytest.raises(AlreadyBeneficiary):
        joins(world, 3, "ani")


def test_a_person_sees_the_payments_and_all_that_is_kept_of_each_place(world):
    joins(world, 2, "ani")
    play(world, 2)
    services, world.people.addresses = world.wired(), None
    assert [payout.payout_id for payout in services.payouts_of("ani").payouts] == [
        entitlement_id(wave, "ani", Kind.INCENTIVE) for wave in (WAVE + 2, WAVE)
    ]
    held = list(of_waves("ani", [WAVE, WAVE + 2], services.waves.beneficiaries.places("ani")))
    assert Counter(one.kind for one in held) == {"entry": 2, "place": 2, "card": 2, "family_card": 1}


@pytest.mark.parametrize("begun", ["scheme"], indirect=True)
def test_a_person_is_chosen_once_under_each_scheme(world):
    with pytest.raises(AlreadyBeneficiary):
        joins(world, 1, "ani")
    play(world, 1)
    joins(world, 2, "ani")
    play(world, 2)
    assert places(world) == [(WAVE + 2, "second"), (WAVE, "first")]
    with pytest.raises(AlreadyBeneficiary) as refused:
        joins(world, 4, "ani")
    english = refused.value.facts["again"][1]
    assert (
        english
        == "can be chosen again by a wave whose last day is Wednesday, 30 December 2026 or later, under another scheme"
    )


@pytest.mark.parametrize("begun", ["lifetime"], indirect=True)
def test_once_in_a_lifetime_is_for_good(world):
    for later in (2, 9):
        with pytest.raises(AlreadyBeneficiary) as refused:
            joins(world, later, "ani")
        assert refused.value.facts["again_from"] is None
        assert refused.value.facts["again"][0] == "tidak dapat terpilih lagi"


def test_who_was_revoked_is_barred_for_good(world):
    world.people.set_standing("ani", Standing.REVOKED)
    for later in (2, 9):
        with pytest.raises(Barred):
            joins(world, later, "ani")


def test_of_two_waves_at_once_one_alone_may_follow_a_place(world):
    joins(world, 2, "ani")
    world.beacons.silent = True
    world.at(*(at + 2 * TWO_WEEKS for at in (CLOSES, FREEZES)))
    joins(world, 3, "ani")
    world.beacons.silent = False
    play(world, 3)
    outcomes = [world.entries.outcome(wave, "ani") for wave in (WAVE + 2, WAVE + 3)]
    assert outcomes == [EntryOutcome.CHOSEN, EntryOutcome.ALREADY_BENEFICIARY]
    assert len(places(world)) == len(owed(world)) == 2


def test_two_awards_that_read_the_same_place_give_one(world):
    beneficiaries, before = world.waves.beneficiaries, world.waves.beneficiaries.of("ani")
    for wave in (WAVE + 2, WAVE + 3):
        joins(world, wave - WAVE, "ani")
    given = [
        beneficiaries.award(replace(before, wave=wave, card_number=f"{wave:016d}"), before.kk_mac, before)
        for wave in (WAVE + 3, WAVE + 2, WAVE + 3)
    ]
    assert given == [EntryOutcome.CHOSEN, EntryOutcome.ALREADY_BENEFICIARY, None], "the last is the first one repeated"
    assert {wave for wave, _ in places(world)} == {WAVE, WAVE + 3}


def test_a_place_that_changed_since_it_was_read_is_kept_as_it_is(world):
    before = world.waves.beneficiaries.of("ani")
    joins(world, 2, "ani")
    item = BeneficiaryItem("B#ani", "BENEFICIARY")
    item.update([BeneficiaryItem.state.set(BeneficiaryState.GRADUATED)])
    again = replace(before, wave=WAVE + 2, card_number="1" * 16, awarded_at=world.clock.now)
    assert world.waves.beneficiaries.award(again, before.kk_mac, before) is EntryOutcome.CHOSEN
    assert world.wired().waves.beneficiaries.places("ani")[1].state is BeneficiaryState.GRADUATED


@pytest.mark.parametrize(("days", "count"), [(-1, 2), (0, 1)])
@pytest.mark.parametrize("joins_first", [False, True])
def test_a_place_that_was_awarded_late_lasts_from_its_award_for_join_and_draw(begun, days, count, joins_first):
    last_instant = CLOSES + 2 * TWO_WEEKS - timedelta(seconds=1)
    begun.beacons.silent = True
    begun.at(CLOSES, FREEZES, OPENS + 2 * TWO_WEEKS)
    if joins_first:
        begun.join("ani")
    begun.beacons.silent = False
    begun.at(last_instant + timedelta(days=days))
    if not joins_first:
        with nullcontext() if count == 2 else pytest.raises(AlreadyBeneficiary):
            begun.join("ani")
    play(begun, 2)
    assert len(places(begun)) == len(owed(begun)) == count
    if count == 1 and joins_first:
        assert begun.entries.outcome(WAVE + 2, "ani") is EntryOutcome.ALREADY_BENEFICIARY


@pytest.mark.parametrize(("state", "count"), [(BeneficiaryState.POTENTIAL, 1), (BeneficiaryState.ACTIVE, 2)])
def test_a_place_that_waits_for_its_purchase_is_followed_by_none(world, state, count):
    joins(world, 2, "ani")
    BeneficiaryItem("B#ani", "BENEFICIARY").update([BeneficiaryItem.state.set(state)])
    play(world, 2)
    assert len(places(world)) == count


@pytest.mark.parametrize("where", ["before", "after"])
def test_an_award_that_dies_at_one_call_after_another_gives_one_place_more(world, monkeypatch, where):
    joins(world, 2, "ani", "budi")
    world.at(*(at + 2 * TWO_WEEKS for at in (CLOSES, FREEZES)))
    world.clock.now = ROUND + 2 * TWO_WEEKS
    calls, deaths = Calls(monkeypatch), 0
    while calls.dies(world.step, where, deaths):
        deaths += 1
        world.clock.now += timedelta(seconds=1)
        world.restart()
    assert deaths > 10
    assert [places(world, name) for name in ("ani", "budi")] == [
        [(WAVE + 2, "second"), (WAVE, "first")],
        [(WAVE + 2, "second")],
    ]
    assert owed(world) == [("ani", WAVE), ("ani", WAVE + 2), ("budi", WAVE + 2)]
    assert world.people.registrant("ani").beneficiary_wave == WAVE + 2
