"""A scheme that pays from the award on: everybody who is chosen takes part at once, and is owed their first month."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.config import Programme, Settings
from chalicelib.figures.schemes import Payment
from chalicelib.payouts.rules import Kind, State
from chalicelib.payouts.wire import decode_message
from chalicelib.time_budget import TimeBudget
from chalicelib.waves import entries, rules
from chalicelib.waves.award import Turn
from chalicelib.waves.entries import EntryItem
from chalicelib.waves.places.items import BeneficiaryItem, CardItem, FamilyItem
from chalicelib.waves.rules import BeneficiaryState, EntryOutcome
from infrastructure.grants import GRANTS
from tests.builders.aws.calls import Call, drained, wrap_calls
from tests.builders.crashes import Calls
from tests.builders.places import entered, play
from tests.builders.waves import CLOSES, FREEZES, OPENS, ROUND, WavesWorld
from tests.conftest import T0

NAMES = ("ani", "budi", "citra")


@pytest.fixture
def scholarship(
    cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch, request: pytest.FixtureRequest
) -> WavesWorld:
    """Ten months of 900,000 rupiah from the award on, or as many as are named; two seats for three people."""
    for module in (rules, entries):
        monkeypatch.setattr(module, "SHARDS", 4)
    monthly = Payment(kind="INCENTIVE", trigger="award", amount_idr=900_000, times=getattr(request, "param", 10))
    scheme = replace(programme.scheme(145), training_idr=0, payments=(monthly,))
    world = WavesWorld(cloud, replace(programme, schemes=(scheme,)), T0, monkeypatch)
    entered(world, 2, *NAMES)
    return world


def owed(world: WavesWorld) -> dict[str, tuple[Kind, State, int]]:
    found = list(world.wired().payout_store.everything())
    assert len({one.registrant_id for one in found}) == len(found)
    return {one.registrant_id: (one.kind, one.state, one.amount_idr) for one in found}


def places(world: WavesWorld) -> dict[str, BeneficiaryState]:
    return {one.registrant_id: one.state for one in world.wired().waves.beneficiaries.of_many(NAMES)}


def test_the_award_makes_the_first_month_due_and_no_purchase_is_waited_for(scholarship):
    play(scholarship)
    chosen = places(scholarship)
    assert list(chosen.values()) == [BeneficiaryState.ACTIVE] * 2
    assert owed(scholarship) == dict.fromkeys(chosen, (Kind.INCENTIVE, State.DUE, 900_000))
    services = scholarship.wired()
    queued = [decode_message(each["Body"]).entitlement_id for each in drained(scholarship.settings.payouts_queue_url)]
    assert sorted(queued) == sorted(each.id for each in services.payout_store.everything())
    for name in chosen:
        _, left = services.plans.of(services.waves.beneficiaries.of(name))
        assert [each.kind for each in left] == [Kind(f"INCENTIVE_{number}") for number in range(2, 11)]
    late = scholarship.clock.now + timedelta(days=400)
    assert (scholarship.expire(late).revoked, places(scholarship)) == (0, chosen)


@pytest.mark.parametrize("where", ["before", "after"])
def test_an_award_that_dies_at_one_call_after_another_owes_each_winner_once(scholarship, monkeypatch, where):
    calls = Calls(monkeypatch)
    scholarship.at(OPENS, CLOSES, FREEZES)
    scholarship.clock.now = ROUND
    deaths = 0
    while calls.dies(scholarship.step, where, deaths):
        deaths += 1
        scholarship.clock.now += timedelta(seconds=1)
        scholarship.restart()
    assert deaths > 10
    chosen = places(scholarship)
    assert len(chosen) == 2
    assert set(owed(scholarship)) == set(chosen)


def test_an_award_that_the_ledger_already_has_is_given_all_the_same(scholarship):
    play(scholarship)
    before = owed(scholarship)
    chosen = places(scholarship)
    for name in chosen:
        place = scholarship.wired().waves.beneficiaries.of(name)
        BeneficiaryItem(f"B#{name}", "BENEFICIARY").delete()
        CardItem(f"C#{place.card_number}", "CARD").delete()
        FamilyItem(f"K#{place.kk_mac}", "HOLDERS").delete()
        entry = entries.entry_item(place.wave, name)
        entry.update([EntryItem.outcome.remove(), EntryItem.seat.remove()])
    assert places(scholarship) == {}
    wave, decisions = scholarship.store.wave(145), scholarship.wired()._decisions
    for name, state in chosen.items():
        turn = Turn(name, 31, "open", None)
        budget = TimeBudget(scholarship.clock.now, 60, scholarship.clock.seconds)
        assert decisions.decide(wave, "2023", turn, budget) is EntryOutcome.CHOSEN
        assert places(scholarship)[name] is state
    assert owed(scholarship) == before


@pytest.mark.parametrize("scholarship", [1, 10], indirect=True)
def test_whoever_awards_is_granted_each_leg_on_the_ledger(scholarship, monkeypatch):
    legs = set[str]()

    def watch(call: Call) -> Call:
        def watched(client: Any, operation: str, asked: Any) -> Any:
            for leg in asked["TransactItems"] if operation == "TransactWriteItems" else ():
                [(kind, one)] = leg.items()
                if one["TableName"].endswith("-payouts"):
                    legs.add(f"dynamodb:{kind}Item")
            return call(client, operation, asked)

        return watched

    wrap_calls(monkeypatch, watch)
    play(scholarship)
    assert len(owed(scholarship)) == 2
    for function in ("advance", "open_wave", "close_wave", "award", "expire_places"):
        on_ledger = [one for one in GRANTS[function] if "table/gelombang-${Stage}-payouts" in str(one["Resource"])]
        assert legs == {action for grant in on_ledger for action in grant["Action"]}, function
