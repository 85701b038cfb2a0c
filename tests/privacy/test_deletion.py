"""Asking for the deletion of an account: told, cancelled, refused or ended while something is under way."""

from __future__ import annotations

from datetime import timedelta

from chalicelib.accounts.items import DueDeletionItem
from chalicelib.config import Settings
from chalicelib.payouts.plans import plan_rules
from chalicelib.payouts.rules import Kind, Move, State
from chalicelib.privacy.erasure import TOKENS_LIVE, WAITS
from chalicelib.privacy.rules import law, register, term
from chalicelib.registration.items import Corrected, nik_pk
from chalicelib.waves.places.items import BeneficiaryItem
from chalicelib.waves.rules import BeneficiaryState, WaveState
from tests.builders.lives import compared, rows, young
from tests.e2e import routes
from tests.e2e.gateway import Call, Gateway
from tests.privacy.erasing import (
    A_MINUTE,
    ask,
    carry_out,
    in_wave,
    refusal,
    run,
    told_of,
)


def test_a_deletion_is_told_and_cancelled_as_any_change(gateway: Gateway, cloud: Settings) -> None:
    person = gateway.registered()
    asked = ask(gateway, person)
    assert ask(gateway, person) == asked, "again is the same"
    assert asked["change"] == "account_deleted"
    [change] = gateway.ok(Call(routes.MY_CHANGES, person=person))["changes"]
    assert change == asked
    assert asked["stays"] == []
    told = {"takes_effect_at": asked["takes_effect_at"], "reason": "asked", "stays": ""}
    assert told_of(person, "account_deleting") == [told]

    assert run(gateway), "not due yet"
    gateway.ok(Call(routes.CANCEL_CHANGE, person=person).at(asked["change_id"]))
    before = rows(cloud)
    for _ in range(2):
        assert run(gateway, after=young(gateway) + A_MINUTE)
    assert [row for _, row in rows(cloud)] == [row for _, row in before if row["pk"]["S"] != "DELETIONS"]
    assert ask(gateway, person)["change_id"] != asked["change_id"], "it may be asked for anew"


def test_only_of_whom_the_nik_stays_are_told_so_with_its_ground_and_term(gateway: Gateway) -> None:
    chosen = gateway.chosen().registrant_id
    barred = gateway.registered()
    gateway.exclude(barred)
    corrected = gateway.registered()
    nik = nik_pk(gateway.services.registrations.registrant(corrected).nik_mac)
    Corrected(nik, "CORRECTIONS", times=(gateway.now,), expires_at=gateway.now + timedelta(days=30)).save()
    kinds = {chosen: ["nik"], barred: ["exclusion"], corrected: ["recent_corrections_of_nik"]}
    for person, expected in kinds.items():
        asked = ask(gateway, person)
        assert ask(gateway, person) == asked
        assert gateway.ok(Call(routes.MY_CHANGES, person=person))["changes"] == [asked]
        assert [one["stays"] for one in told_of(person, "account_deleting")] == [" ".join(expected)]
        said = [(one["what"]["en"], one["law"], one["until"]["id"]) for one in asked["stays"]]
        kept = [register().kept[kind] for kind in expected]
        figures = gateway.services.programme.retention
        assert said == [(one.told[1], law(one.ground), term(one, figures)[0]) for one in kept if one.told]
    gateway.exclude(chosen)
    assert [one["ground"] for one in ask(gateway, chosen)["stays"]] == ["public_service"] * 2, "as things are now"
    BeneficiaryItem(f"B#{chosen}", "BENEFICIARY").update([BeneficiaryItem.state.set(BeneficiaryState.RESERVED)])
    assert len(ask(gateway, chosen)["stays"]) == 1, "a place that only waits keeps no NIK"


def test_the_link_of_the_notice_cancels_it_too(gateway: Gateway) -> None:
    person = gateway.registered()
    asked = ask(gateway, person)
    gateway.services.deny_change(person, asked["change_id"], gateway.now)
    assert run(gateway, after=young(gateway) + A_MINUTE)
    assert gateway.services.registrations.registrant(person).id == person


def test_nobody_is_deleted_while_something_is_under_way(gateway: Gateway) -> None:
    person, payout = gateway.being_paid()
    services = gateway.services
    assert refusal(gateway, person) == "payment"
    services.payout_store.move(services.payout_store.get(payout), Move(State.PAID, "succeeded"), gateway.now)
    assert refusal(gateway, person) == "reconciliation"
    compared(gateway)
    assert ask(gateway, person)["change"] == "account_deleted"


def test_months_to_come_are_under_way(gateway: Gateway) -> None:
    services = gateway.services
    monthly = next(each for each in services.programme.schemes if plan_rules.is_monthly(each))
    chosen = gateway.chosen(scheme=monthly.version)
    with services.transaction() as tx:
        payout = services.payouts.entitle(tx, chosen, Kind.INCENTIVE, gateway.now)
    ledger = services.payout_store
    ledger.move(ledger.get(payout), Move(State.CANCELLED, "given up"), gateway.now)
    assert refusal(gateway, chosen.registrant_id) == "instalments"
    services.plans.stop(chosen, plan_rules.Stop.DROPPED_OUT, gateway.now)
    ask(gateway, chosen.registrant_id)


def test_a_deletion_ends_if_a_draw_came_up_and_may_be_asked_for_after_it(gateway: Gateway) -> None:
    person = gateway.registered()
    gateway.ok(Call(routes.JOIN, person=person))
    ask(gateway, person)
    in_wave(gateway, WaveState.FROZEN)
    assert run(gateway, after=young(gateway) + A_MINUTE)
    assert list(DueDeletionItem.query("DELETIONS")) == []
    assert told_of(person, "account_kept") == [{"reason": "selection"}]
    assert gateway.ok(Call(routes.MY_CHANGES, person=person))["changes"] == []
    assert refusal(gateway, person) == "selection"
    in_wave(gateway, WaveState.SETTLED)
    carry_out(gateway, person)
    assert gateway.services.registration_store.registrant(person) is None


def test_a_deletion_ends_if_a_payment_came_up(gateway: Gateway) -> None:
    chosen = gateway.chosen()
    person = chosen.registrant_id
    services = gateway.services
    ask(gateway, person)
    with services.transaction() as tx:
        services.payouts.entitle(tx, chosen, Kind.INCENTIVE, gateway.now)
    assert run(gateway, after=young(gateway) + A_MINUTE)
    assert told_of(person, "account_kept") == [{"reason": "payment"}]
    for _ in range(2):
        assert run(gateway, after=young(gateway) + A_MINUTE)
    assert services.registrations.registrant(person).id == person


def test_nobody_whose_account_is_closed_is_chosen(gateway: Gateway) -> None:
    person = gateway.registered()
    gateway.ok(Call(routes.JOIN, person=person))
    ask(gateway, person)
    assert run(gateway, after=young(gateway) + A_MINUTE)
    in_wave(gateway, WaveState.CLOSED)
    assert run(gateway, after=TOKENS_LIVE + A_MINUTE), "waits for the draw"
    assert gateway.services.registrations.registrant(person).consent_withdrawn_at is not None
    in_wave(gateway, WaveState.SETTLED)
    assert gateway.services.deletions.counted(gateway.now) == (1, 1)
    assert list(gateway.services.deletions.due(gateway.now)) == [], "it holds up nobody for some hours"
    assert run(gateway, after=WAITS + A_MINUTE)
    assert gateway.services.registration_store.registrant(person) is None
    assert gateway.services.deletions.counted(gateway.now) == (0, 0)


def test_a_deletion_that_is_due_is_given_to_whoever_asks_again(gateway: Gateway) -> None:
    person = gateway.registered()
    asked = ask(gateway, person)
    gateway.now += young(gateway) + A_MINUTE
    assert ask(gateway, person) == asked


def test_nobody_signs_in_from_the_first_step_on(gateway: Gateway) -> None:
    person = gateway.registered()
    ask(gateway, person)
    call = Call(routes.CONTACTS, person=person)
    gateway.ok(call)
    assert run(gateway, after=young(gateway) + A_MINUTE)
    assert gateway.send(call).json_body["code"] == "session_expired"
    assert run(gateway, after=A_MINUTE), "a token may still live"
    assert gateway.services.registrations.registrant(person).id == person
