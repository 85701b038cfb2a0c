"""Nobody whom the civil registry has not confirmed gets a place: it waits for them, or lapses and is passed on."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.clock import iso
from chalicelib.config import Programme, Settings
from chalicelib.figures.schemes import Payment
from chalicelib.registration.errors import FixedAfterAward
from chalicelib.registration.rules import Standing, Verification
from chalicelib.time_budget import TimeBudget
from chalicelib.waves.places.confirmation import Confirmation
from chalicelib.waves.places.items import BeneficiaryItem
from chalicelib.waves.places.revocation import Report
from chalicelib.waves.rules import Beneficiary, BeneficiaryState
from chalicelib.waves.wire import beneficiary_view, chosen_notice
from chalicelib.web.me import next_deadline, why_not
from tests.builders.crashes import Calls
from tests.builders.people import card
from tests.builders.places import TWO_WEEKS, buy, drawn, place, play, rows, said, standings, state, waiting
from tests.builders.waves import OPENS, ROUND, WAVE, WavesWorld
from tests.conftest import T0

pytestmark = pytest.mark.usefixtures("few_partitions")

WAITS = timedelta(days=14)
TO_BUY = timedelta(seconds=75)


@pytest.fixture
def world(world: WavesWorld) -> WavesWorld:
    return with_registry(world)


def with_registry(world: WavesWorld) -> WavesWorld:
    world.people.has_registry = True
    world.restart(settings=replace(world.settings, registry_url="http://registry.invalid"))
    return world


def test_while_the_registry_is_silent_the_winners_place_waits_and_holds_up_nothing(world, tmp_path):
    a, b = waiting(world, 1, *"ab")
    record = world.store.wave(WAVE)
    assert (record.state, record.chosen) == ("SETTLED", 1)
    assert standings(world) == {a: "reserved", b: "not_drawn"}
    assert world.people.asked_about == {a: ROUND}, "who registered before there was a registry was never asked about"
    world.people.asked_about.clear()
    reserved, scheme = place(world, a), world.programme.scheme(WAVE)
    assert (reserved.state, world.people.by_id[a].standing) == (BeneficiaryState.RESERVED, Standing.REGISTERED)
    assert chosen_notice(reserved, scheme)[2:] == (f"reserved/{WAVE}", {"wave": WAVE})
    assert beneficiary_view(reserved, scheme).buy_by is next_deadline(reserved, None, world.clock.now) is None
    eligibility = world.programme.eligibility
    assert why_not(world.people.by_id[a], reserved, OPENS, "2023", eligibility) == "already_beneficiary"
    assert not buy(world, a)
    with pytest.raises(FixedAfterAward):
        world.services.registration_changes.unless_joined(world.people.by_id[a], world.clock.now)
    assert world.expire(ROUND + timedelta(days=400)) == Report(0, 0)
    assert (state(world, a), world.mailbox.told) == (BeneficiaryState.RESERVED, {})
    assert list(world.people.asked_about) == [a], "a run that died before it asked is made good"
    assert world.failed_checks(WAVE, tmp_path) == []


def test_once_confirmed_the_place_is_given_and_its_deadline_begins(world, tmp_path):
    a, _ = waiting(world, 1, *"ab")
    later = ROUND + timedelta(days=40)
    said(world, a, Verification.VERIFIED, later - timedelta(hours=1))
    assert world.expire(later) == Report(0, 0)
    given = place(world, a)
    assert (given.state, given.awarded_at, given.buy_by) == (BeneficiaryState.POTENTIAL, later, later + TO_BUY)
    assert (world.people.by_id[a].standing, world.people.by_id[a].beneficiary_wave) == (Standing.BENEFICIARY, WAVE)
    facts = {"wave": WAVE, "training_idr": 3_500_000, "buy_by": iso(later + TO_BUY)}
    assert world.mailbox.told == {(a, f"chosen/{WAVE}"): facts}
    assert world.expire(later) == Report(0, 0)
    assert place(world, a) == given, "a repeat changes nothing"
    assert buy(world, a)
    assert (standings(world)[a], world.failed_checks(WAVE, tmp_path)) == ("chosen", [])


def test_a_place_whose_persons_data_differ_too_long_goes_to_the_next_and_bars_nobody(world, tmp_path):
    a, b, c = waiting(world, 1, *"abc")
    told_at = ROUND + timedelta(hours=1)
    said(world, a, Verification.UNKNOWN_NIK, told_at)
    assert world.expire(told_at + WAITS - timedelta(seconds=1)) == Report(0, 0)
    assert state(world, a) is BeneficiaryState.RESERVED
    said(world, b, Verification.VERIFIED, ROUND)
    assert world.expire(told_at + WAITS) == Report(1, 1)
    assert rows(world, [a, b, c]) == [(a, "revoked", b)]
    assert (state(world, a), state(world, b)) == (BeneficiaryState.LAPSED, BeneficiaryState.POTENTIAL)
    assert standings(world) == {a: "revoked", b: "chosen", c: "not_drawn"}
    [entry] = world.wired().waves.entries_of(a, world.clock.now)
    assert (entry.revoked_at, entry.revoked_because) == (iso(told_at + WAITS), "not_confirmed")
    assert world.people.by_id[a].standing is Standing.REGISTERED
    told = {event: facts.get("reason") for (who, event), facts in world.mailbox.told.items() if who == a}
    assert told == {f"lapsed/{WAVE}": "lapsed"}
    assert world.expire(world.clock.now) == Report(0, 0)
    assert world.failed_checks(WAVE, tmp_path) == []
    world.services.registration_changes.unless_joined(world.people.by_id[a], world.clock.now)

    # Corrected, the same person may be chosen in a later wave, and then has both places behind each other.
    said(world, a, Verification.VERIFIED, world.clock.now)
    world.at(OPENS + 2 * TWO_WEEKS)
    world.join(a)
    play(world, 2)
    assert [(one.wave, one.state) for one in world.waves.beneficiaries.places(a)] == [
        (WAVE + 2, BeneficiaryState.POTENTIAL), (WAVE, BeneficiaryState.LAPSED),
    ]  # fmt: skip
    shown = {one.wave: one.standing for one in world.wired().waves.entries_of(a, world.clock.now)}
    assert shown == {WAVE: "revoked", WAVE + 2: "chosen"}


def test_who_was_told_long_ago_is_passed_over_and_who_is_excluded_meanwhile_loses_the_place(world, tmp_path):
    a, b, c, d = waiting(world, 2, *"abcd")
    said(world, c, Verification.MISMATCH, ROUND)
    world.people.excluded.add(a)
    said(world, b, Verification.VERIFIED, ROUND)
    assert world.expire(ROUND + WAITS) == Report(1, 1)
    assert rows(world, [a, b, c, d]) == [(a, "revoked", c), (c, "ineligible", d)]
    assert [state(world, who) for who in (a, b, d)] == ["LAPSED", "POTENTIAL", "RESERVED"]
    assert world.mailbox.told[d, f"reserved/{WAVE}"] == {"wave": WAVE}
    assert world.failed_checks(WAVE, tmp_path) == []


def test_a_place_waits_while_two_say_that_the_nik_is_theirs_and_lapses_for_who_loses_it(world):
    world.people.has_registry = False  # it needs none
    a, b, _ = drawn(world, 2, *"abc")
    for who in (a, b):
        world.people.add(replace(world.people.by_id[who], contested_at=ROUND))
    world.step()
    world.people.add(replace(world.people.by_id[b], claimed_at=ROUND, contested_at=None))
    assert world.expire(ROUND + WAITS - timedelta(seconds=1)) == Report(0, 0)
    assert [state(world, who) for who in (a, b)] == ["RESERVED"] * 2
    world.people.add(replace(world.people.by_id[a], contested_at=None))
    assert world.expire(ROUND + WAITS) == Report(1, 1)
    assert [state(world, who) for who in (a, b)] == ["POTENTIAL", "LAPSED"]


def test_a_deadline_waits_while_the_registry_has_not_answered_about_a_correction(world):
    a, _ = drawn(world, 1, *"ab")
    said(world, a, Verification.VERIFIED, ROUND)
    world.step()
    due = place(world, a).buy_by
    said(world, a, Verification.PENDING, ROUND)
    for _ in range(2):
        assert world.expire(due) == Report(0, 0)
    assert (state(world, a), place(world, a).buy_by) == (BeneficiaryState.POTENTIAL, due + TO_BUY)
    put_off = f"purchase_put_off/{WAVE}/{iso(due + TO_BUY)}"
    assert world.mailbox.told == {(a, put_off): {"buy_by": iso(due + TO_BUY)}}
    said(world, a, Verification.VERIFIED, due + TO_BUY)
    assert world.expire(due + TO_BUY) == Report(0, 0)
    assert place(world, a).buy_by == due + 2 * TO_BUY, "from the answer on they have the whole time"
    assert world.expire(due + 2 * TO_BUY).revoked == 1
    assert world.people.by_id[a].standing is Standing.REVOKED


@pytest.mark.parametrize(
    ("has_registry", "why"),
    [
        (True, {"verification": Verification.MISMATCH, "verified_at": ROUND}),
        (True, {"verification": Verification.VERIFIED, "verified_at": ROUND, "claimed_at": ROUND}),
        (True, {"verification": Verification.VERIFIED, "verified_at": ROUND, "contested_at": ROUND}),
        (False, {"claimed_at": ROUND}),
        (False, {"contested_at": ROUND}),
    ],
)
def test_who_could_not_buy_loses_the_place_in_time_and_is_not_barred(world, tmp_path, has_registry, why):
    a, b = drawn(world, 1, *"ab")
    said(world, a, Verification.VERIFIED, ROUND)
    world.step()
    world.people.has_registry = has_registry
    due = place(world, a).buy_by
    world.people.add(replace(world.people.by_id[a], **why))
    assert world.expire(due) == Report(0, 0)
    assert (state(world, a), place(world, a).buy_by) == (BeneficiaryState.POTENTIAL, due + TO_BUY)
    assert world.expire(ROUND + WAITS) == Report(1, 1)
    assert state(world, a) is BeneficiaryState.LAPSED
    person = world.people.by_id[a]
    assert (person.standing, person.beneficiary_wave, person.schemes) == (Standing.REGISTERED, None, frozenset())
    told = {event.rpartition("/")[0] if "put_off" in event else event for who, event in world.mailbox.told if who == a}
    assert told == {f"purchase_put_off/{WAVE}", f"lapsed/{WAVE}"}
    assert rows(world, [a, b]) == [(a, "revoked", b)]
    assert world.failed_checks(WAVE, tmp_path) == []


def test_an_answer_that_confirms_once_more_puts_no_deadline_off(world):
    a, _ = drawn(world, 1, *"ab")
    said(world, a, Verification.VERIFIED, ROUND)
    world.step()
    due = place(world, a).buy_by
    said(world, a, Verification.VERIFIED, due - timedelta(seconds=1))
    assert (world.expire(due).revoked, state(world, a)) == (1, BeneficiaryState.REVOKED)


def test_whose_nik_is_contested_no_more_has_the_whole_time(world):
    a, _ = drawn(world, 1, *"ab")
    said(world, a, Verification.VERIFIED, ROUND)
    world.step()
    due = place(world, a).buy_by
    freed = due - timedelta(seconds=1)
    world.people.add(replace(world.people.by_id[a], uncontested_at=freed))
    assert (world.expire(due), place(world, a).buy_by) == (Report(0, 0), freed + TO_BUY)
    assert world.expire(freed + TO_BUY).revoked == 1


@pytest.mark.parametrize("confirmed_late", [False, True])
def test_a_deadline_that_moved_holds_before_anybody_has_written_it_down(world, confirmed_late):
    a, b = drawn(world, 2, *"ab")
    for who in (a, b):
        said(world, who, Verification.VERIFIED, ROUND)
    world.step()
    due = place(world, a).buy_by
    freed = due - timedelta(seconds=1)
    moved = {"confirmed_at": freed} if confirmed_late else {"uncontested_at": freed}
    for who in (a, b):
        world.people.add(replace(world.people.by_id[who], **moved))
    world.clock.now = freed + TO_BUY - timedelta(seconds=1)
    assert buy(world, a)
    assert (state(world, a), place(world, a).buy_by) == (BeneficiaryState.ACTIVE, freed + TO_BUY)
    world.clock.now = freed + TO_BUY
    assert not buy(world, b), "nor does it hold longer"
    assert world.expire(freed + TO_BUY).revoked == 1


def test_contest_after_contest_keeps_no_place_for_ever(world):
    a, _ = drawn(world, 1, *"ab")
    said(world, a, Verification.VERIFIED, ROUND)
    world.step()
    due = place(world, a).buy_by
    latest, second = due + WAITS, timedelta(seconds=1)
    world.people.add(replace(world.people.by_id[a], contested_at=due - second))
    assert world.expire(due) == world.expire(latest - 30 * second) == Report(0, 0)
    world.people.add(replace(world.people.by_id[a], contested_at=None, uncontested_at=latest - 10 * second))
    assert (world.expire(latest - second), place(world, a).buy_by) == (Report(0, 0), latest)
    world.expire(latest)
    assert state(world, a) == BeneficiaryState.LAPSED, "who could hardly buy is not barred"


def test_who_was_put_in_order_in_time_keeps_the_place_that_nothing_could_be_bought_with(world):
    a, _ = drawn(world, 1, *"ab")
    said(world, a, Verification.VERIFIED, ROUND)
    world.step()
    due = place(world, a).buy_by
    said(world, a, Verification.MISMATCH, ROUND)
    world.expire(due)
    world.clock.now = due + timedelta(seconds=1)
    said(world, a, Verification.VERIFIED, world.clock.now)
    assert buy(world, a)


def test_a_reserved_place_counts_on_its_family_card_until_it_lapses(world):
    order = drawn(world, 3, *"abcd")
    world.family(*order)
    world.step()
    assert [place(world, who).state for who in order[:2]] == [BeneficiaryState.RESERVED] * 2
    assert standings(world)[order[2]] == "family_card"
    assert world.waves.beneficiaries.holders(card("family")) == sorted(order[:2])
    world.people.excluded.add(order[0])
    world.expire(ROUND + WAITS)
    assert world.waves.beneficiaries.holders(card("family")) == [order[1]]


def test_a_place_counts_on_the_card_that_the_registry_confirmed_and_not_on_the_one_of_the_join(world):
    a, b, c, d = drawn(world, 3, *"abcd")
    world.family(a, b)
    for who in (a, b, c):  # the entries of two have the card "family" already; the third joined with another
        world.people.add(replace(world.people.by_id[who], kk_mac=card("family")))
        said(world, who, Verification.VERIFIED, ROUND)
    said(world, d, Verification.VERIFIED, ROUND)
    world.step()
    told = standings(world)
    assert [told[who] for who in (a, b, c, d)] == ["chosen", "chosen", "family_card", "chosen"]
    assert world.waves.beneficiaries.holders(card("family")) == sorted([a, b])


def test_a_reserved_place_lapses_if_the_card_that_the_registry_confirmed_has_its_two(world):
    a, b, c, d = drawn(world, 3, *"abcd")
    world.family(a, b)
    world.step()
    typed = place(world, c).kk_mac
    for who in (a, b, c):
        world.people.add(replace(world.people.by_id[who], kk_mac=card("family")))
        said(world, who, Verification.VERIFIED, ROUND)
    world.expire(ROUND)
    assert [state(world, who) for who in (a, b)] == [BeneficiaryState.POTENTIAL] * 2
    assert world.waves.beneficiaries.holders(card("family")) == sorted([a, b])
    assert (state(world, c), world.waves.beneficiaries.holders(typed)) == (BeneficiaryState.LAPSED, [])
    assert state(world, d) is not None, "who comes next has the seat"
    [view] = world.wired().waves.entries_of(c, world.clock.now)
    assert (view.revoked_because, world.mailbox.told[c, f"lapsed/{WAVE}"]["reason"]) == ("family_card",) * 2


def test_a_reserved_place_moves_to_the_card_that_the_registry_confirmed(world):
    a, _ = drawn(world, 1, *"ab")
    world.step()
    typed = place(world, a).kk_mac
    world.people.add(replace(world.people.by_id[a], kk_mac=card("family")))
    said(world, a, Verification.VERIFIED, ROUND)
    world.expire(ROUND)
    assert (state(world, a), place(world, a).kk_mac) == (BeneficiaryState.POTENTIAL, card("family"))
    holders = world.waves.beneficiaries.holders
    assert (holders(typed), holders(card("family"))) == ([], [a])


def test_a_repeated_walk_and_a_late_batch_leave_the_standing_of_a_reserved_place_alone(world):
    a, b = waiting(world, 2, *"ab")
    wave, decisions = world.store.wave(WAVE), world.wired()._decisions
    turns = world.wired()._award.seats(wave, world.store.draw(WAVE)).turns()

    def again() -> None:
        budget = TimeBudget(world.clock.now, 60, world.clock.seconds)
        decisions.set_missing_standings(turns, wave, "2023", budget)

    again()
    assert {world.people.by_id[who].standing for who in (a, b)} == {Standing.REGISTERED}
    said(world, a, Verification.VERIFIED, ROUND)
    world.expire(ROUND + timedelta(days=1))
    world.people.add(replace(world.people.by_id[a], standing=Standing.REGISTERED, beneficiary_wave=None))
    again()
    assert [world.people.by_id[who].standing for who in (a, b)] == [Standing.BENEFICIARY, Standing.REGISTERED]


@pytest.fixture
def scholarship(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> WavesWorld:
    """900,000 rupiah from the award on."""
    monthly = Payment(kind="INCENTIVE", trigger="award", amount_idr=900_000, times=1)
    scheme = replace(programme.scheme(145), training_idr=0, payments=(monthly,))
    return with_registry(WavesWorld(cloud, replace(programme, schemes=(scheme,)), T0, monkeypatch))


def owed(world: WavesWorld) -> list[str]:
    return [one.registrant_id for one in world.wired().payout_store.everything()]


def test_a_place_is_given_though_what_it_earns_is_due_from_before_a_restore(scholarship):
    world = scholarship
    a, _ = waiting(world, 1, *"ab")
    reserved = BeneficiaryItem.get(f"B#{a}", "BENEFICIARY")
    said(world, a, Verification.VERIFIED, ROUND)
    world.expire(ROUND + timedelta(days=1))
    reserved.save()
    world.expire(ROUND + timedelta(days=2))
    assert (state(world, a), owed(world)) == ("ACTIVE", [a])


def test_places_that_wait_take_no_time_from_those_that_are_overdue(world, monkeypatch):
    order = drawn(world, 3, *"abcdef")
    said(world, order[2], Verification.VERIFIED, ROUND)
    world.step()
    world.clock.now = ROUND + TO_BUY

    def slow(run: Any) -> Any:
        def slowly(self: Any, one: Beneficiary, *given: Any) -> Any:
            world.clock.now += timedelta(seconds=20 if one.state is BeneficiaryState.RESERVED else 0)
            return run(self, one, *given)

        return slowly

    monkeypatch.setattr(Confirmation, "lost_as", slow(Confirmation.lost_as))
    report = world.expire(world.clock.now, deadline_s=30)
    assert (report, report.whole) == (Report(1, 1), False)
    assert [state(world, who) for who in order[:3]] == ["RESERVED", "RESERVED", "REVOKED"]


@pytest.mark.parametrize("where", ["before", "after"])
def test_a_run_that_dies_at_one_call_after_another_gives_the_place_once(scholarship, monkeypatch, where):
    world = scholarship
    a, b = waiting(world, 2, *"ab")
    assert owed(world) == [], "nothing is due to a reserved place"
    later = ROUND + timedelta(days=1)
    said(world, a, Verification.VERIFIED, later)
    calls, deaths = Calls(monkeypatch), 0
    while calls.dies(lambda: world.expire(later), where, deaths):
        deaths += 1
        world.restart()
    assert deaths > 3
    assert (state(world, a), state(world, b), owed(world)) == ("ACTIVE", "RESERVED", [a])
    assert world.people.by_id[a].standing is Standing.BENEFICIARY


def test_a_place_that_came_with_a_nik_is_passed_on_by_the_entry_that_won_it(world, tmp_path):
    a, b, c = waiting(world, 1, *"abc")
    owner, world.people.key = "owner", None  # nothing of it is opened
    world.people.add(replace(world.people.by_id[a], id=owner, kk_mac=card("d")))
    assert world.services._passing.hand_over(a, owner, world.clock.now)
    assert (state(world, a), place(world, owner).entry_of) == (BeneficiaryState.PASSED, a)
    assert (state(world, owner), world.failed_checks(WAVE, tmp_path)) == (BeneficiaryState.RESERVED, [])
    told_at = ROUND + timedelta(hours=1)
    said(world, owner, Verification.MISMATCH, told_at)
    said(world, b, Verification.VERIFIED, ROUND)
    assert world.expire(told_at + WAITS) == Report(1, 1)
    assert rows(world, [a, b, c]) == [(a, "revoked", b)]
    assert state(world, owner) is BeneficiaryState.LAPSED
    assert f"lapsed/{WAVE}" in {event for who, event in world.mailbox.told if who == owner}
    assert world.failed_checks(WAVE, tmp_path) == []
