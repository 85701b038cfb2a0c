"""What was given to a NIK follows it: the place, what is paid for it and what is left of its balance, each once."""

from __future__ import annotations

from datetime import timedelta

import pytest
from msgspec.structs import replace

from chalicelib.config import Programme, Settings
from chalicelib.errors import DomainError
from chalicelib.figures.schemes import Payment
from chalicelib.ids import derived_id
from chalicelib.outcomes import tally_rules
from chalicelib.payouts.controls.proposals import Decision
from chalicelib.payouts.passing import _of_owner
from chalicelib.payouts.plans.plan_rules import Stop
from chalicelib.payouts.rules import Authority, Entitlement, Hold, Kind, Move, State
from chalicelib.registration.rules import Standing
from chalicelib.time_budget import TimeBudget
from chalicelib.training.errors import ParticipantBlocked
from chalicelib.training.wire import RedemptionForm, ReviewForm
from chalicelib.waves.rules import BeneficiaryState, Entry, WaveState, standing
from tests.builders.aws.rights import rights_of
from tests.builders.claims import CHECKER, DAY, MAKER, MINE, OWNER, SQUATTER
from tests.builders.crashes import SOME_OR_ALL, Calls
from tests.builders.lives import put_back, rows
from tests.builders.people import beneficiary
from tests.builders.surveys import response, survey_of
from tests.conftest import T0
from tests.registration.claims.seated import PASSES, WAVE, Seated


@pytest.fixture
def town(cloud: Settings, programme: Programme) -> Seated:
    return Seated(cloud, programme)


@pytest.fixture
def monthly(cloud: Settings, programme: Programme) -> Seated:
    """Ten months are paid from the award on."""
    payments = (Payment(kind="INCENTIVE", trigger="award", amount_idr=900_000, times=10),)
    scheme = replace(programme.schemes[-1], version="monthly", training_idr=0, payments=payments)
    return Seated(cloud, replace(programme, schemes=(*programme.schemes, scheme)))


def test_a_place_that_nothing_was_bought_by_goes_on_with_a_new_deadline_and_bars_nobody(town):
    town.seat()
    town.passes()
    given = town.place(OWNER)
    assert (given.state, given.wave, given.seat) == ("POTENTIAL", WAVE, "open")
    assert town.now <= given.awarded_at <= town.now + timedelta(minutes=1)
    assert given.buy_by > town.now + timedelta(minutes=1)
    assert (given.entry_of, given.kk_mac) == (SQUATTER, town.of(OWNER).kk_mac)
    assert given.card_number != town.place(SQUATTER).card_number
    assert (town.place(SQUATTER).state, town.holders()) == (BeneficiaryState.PASSED, {OWNER, "person-1", "person-2"})
    assert (town.of(OWNER).standing, town.of(OWNER).beneficiary_wave) == (Standing.BENEFICIARY, WAVE)
    assert (town.of(SQUATTER).standing, town.of(SQUATTER).beneficiary_wave) == (Standing.REGISTERED, None)
    told = {one.event for one in town.services.mailboxes.notices(OWNER)}
    assert f"chosen/{WAVE}" in told
    assert town.left() == []
    entry = town.services._entries.find(WAVE, SQUATTER)
    assert standing(entry, WaveState.SETTLED, town.place(SQUATTER)) == ("revoked", None)
    lost = town.place(SQUATTER)
    assert (lost.revoked_at, given.revoked_at) == (given.awarded_at, None)
    assert town.services.training.buy(OWNER, town.training.course(), town.now)[1]


@pytest.mark.parametrize("state", [BeneficiaryState.RESERVED, BeneficiaryState.POTENTIAL])
def test_the_place_waits_for_an_owner_whom_the_registry_has_not_confirmed(cloud, programme, state):
    town = Seated(replace(cloud, registry_url="https://registry.invalid"), programme)
    town.seat(state)
    town.passes()
    assert town.states() == {SQUATTER: BeneficiaryState.PASSED, OWNER: BeneficiaryState.RESERVED}


def test_what_no_partner_has_taken_in_is_cancelled_and_the_owner_has_the_whole_balance(town):
    town.seat()
    bought = town.services.training.buy(SQUATTER, town.training.course(), town.now)[0]
    town.passes()
    assert town.states() == {SQUATTER: BeneficiaryState.PASSED, OWNER: BeneficiaryState.POTENTIAL}
    assert [one.state for one in town.services.training.of(SQUATTER).trainings] == ["CANCELLED"]
    assert town.services.training.of(OWNER).balance_idr == 3_500_000
    assert town.services.training.of(SQUATTER).balance_idr == 0
    with pytest.raises(DomainError):
        town.services.reports.redeem(
            town.training.partner, RedemptionForm(bought.redeem_code, "2026000000000033"), town.now
        )


def test_a_course_that_was_begun_stays_with_who_takes_it_and_its_price_stays_spent(town):
    town.seat()
    bought = town.begun()
    other = town.services.training.buy(SQUATTER, town.training.course(), town.now)[0]
    town.passes()
    assert town.states() == {SQUATTER: BeneficiaryState.PASSED, OWNER: BeneficiaryState.ACTIVE}
    assert town.services.training.of(OWNER).balance_idr == 2_500_000
    assert town.of(SQUATTER).standing is Standing.BENEFICIARY, "who used a place is given no other"
    # They may end what they began; nothing is paid for it.
    town.training.attend(bought)
    town.training.complete(bought)
    town.services.training.review(SQUATTER, bought.training_id, ReviewForm(9, "Baik."), town.now)
    assert (town.money(SQUATTER), town.money(OWNER)) == ({}, {})
    card = town.place(SQUATTER).card_number
    with pytest.raises((ParticipantBlocked, DomainError)):
        town.services.reports.redeem(town.training.partner, RedemptionForm(other.redeem_code, card), town.now)
    # The owner learns by what is left, and earns the incentive.
    town.now += timedelta(minutes=1)
    mine = town.begun(OWNER, town.place(OWNER).card_number)
    assert town.services.training.of(OWNER).balance_idr == 1_500_000
    later = town.now + timedelta(hours=2)
    town.training.attend(mine, later)
    town.training.complete(mine, "C-2", later + timedelta(hours=2))
    town.services.training.review(OWNER, mine.training_id, ReviewForm(9, "Baik."), later + timedelta(hours=3))
    assert town.money(OWNER) == {Kind.INCENTIVE: (State.DUE, None)}


def test_what_was_not_paid_goes_on_to_the_owner(town):
    town.seat()
    town.graduate()
    assert town.money(SQUATTER) == {Kind.INCENTIVE: (State.DUE, None)}
    town.passes()
    assert town.states() == {SQUATTER: BeneficiaryState.PASSED, OWNER: BeneficiaryState.GRADUATED}
    assert town.money(SQUATTER) == {Kind.INCENTIVE: (State.CANCELLED, None)}
    assert town.money(OWNER) == {Kind.INCENTIVE: (State.DUE, None)}
    assert town.entitlement(OWNER).amount_idr == town.entitlement(SQUATTER).amount_idr
    with pytest.raises(DomainError) as refused:
        propose(town, town.entitlement(SQUATTER), Decision.RETRY)
    assert refused.value.code == "payout_not_now"


def propose(town: Seated, one: Entitlement, decision: Decision) -> None:
    town.services.payout_administration.propose(one.id, decision, MAKER, "seen", town.now)


@pytest.mark.parametrize(
    ("decision", "after"),
    [(Decision.RETRY, (State.DUE, None)), (Decision.WRITE_OFF, (State.CANCELLED, None))],
)
def test_what_was_paid_to_the_former_holder_is_decided_by_two(town, decision, after):
    town.seat()
    town.graduate()
    town.paid()
    town.passes()
    assert town.money(SQUATTER) == {Kind.INCENTIVE: (State.PAID, None)}
    assert town.money(OWNER) == {Kind.INCENTIVE: (State.HELD, Hold.WRITTEN_OFF)}
    one, desk = town.entitlement(OWNER), town.services.payout_administration
    assert one.instead_of == town.entitlement(SQUATTER).id
    assert town.store.written_off() == [one]
    for alone in (desk.hold, desk.cancel):
        with pytest.raises(DomainError):
            alone(one.id, MAKER, "alone", town.now)
    town.services.payout_worker.process(one.id, town.now)
    assert town.money(OWNER) == {Kind.INCENTIVE: (State.HELD, Hold.WRITTEN_OFF)}, "no worker touches it"
    propose(town, one, decision)
    with pytest.raises(DomainError):
        desk.approve(one.id, MAKER, town.now)
    desk.approve(one.id, CHECKER, town.now)
    assert town.money(OWNER) == {Kind.INCENTIVE: after}
    assert (town.store.written_off(), town.entitlement(OWNER).instead_of) == ([], one.instead_of)
    # The statistics count the person once, and what was paid to both.
    former = tally_rules.of_beneficiary(town.place(SQUATTER), None, [town.entitlement(SQUATTER)])
    assert former == {tally_rules.Count.PAID_IDR: one.amount_idr}


def test_what_an_administrator_held_or_a_bank_was_sent_is_the_owners_once_two_say_so(town):
    town.seat()
    town.graduate()
    held = town.services.payout_administration.hold(town.entitlement(SQUATTER).id, MAKER, "a thief?", town.now)
    town.passes()
    assert town.money(SQUATTER) == {Kind.INCENTIVE: (State.CANCELLED, None)}
    assert town.money(OWNER) == {Kind.INCENTIVE: (State.HELD, Hold.ADMIN)}
    # A bank that is sent files may say later that it paid what it called failed, also while another hold is in the way.
    for state, hold in ((State.FAILED, None), (State.HELD, Hold.CONTESTED)):
        failed = replace(held, n=1, rail="bank-file", state=state, hold=hold)
        after = _of_owner(failed, None, OWNER, town.now)
        assert (after.state, after.hold, after.instead_of) == (State.HELD, Hold.WRITTEN_OFF, held.id)
    wallet = replace(held, n=1, rail="xendit-v2", state=State.FAILED, hold=None)
    assert _of_owner(wallet, None, OWNER, town.now).state is State.DUE


def test_a_stopped_plan_stays_so_for_the_owner_until_two_let_it_go_on(monthly, caplog):
    town = monthly
    town.seat(BeneficiaryState.ACTIVE)
    town.services.plans.stop(town.place(SQUATTER), Stop.DROPPED_OUT, town.now)
    town.passes()
    plan, to_come = town.services.plans.of(town.place(OWNER))
    assert (plan.stopped, to_come) == (Stop.DROPPED_OUT, [])
    [line] = [one for one in caplog.records if one.message == "stop_passed_with_nik"]
    assert (line.levelname, line.entitlement) == ("ERROR", town.entitlement(OWNER).id)


@pytest.mark.parametrize("when", ["before", "meanwhile"])
def test_a_stop_of_the_former_holder_is_none_of_the_owner_and_leaves_nothing_behind(monthly, monkeypatch, when):
    town, told = monthly, Authority(MAKER, "told us")
    town.seat(BeneficiaryState.ACTIVE)
    stop = lambda: town.services.stop_plan(SQUATTER, Stop.DROPPED_OUT, told, town.now)  # noqa: E731
    if when == "before":
        town.passes()
    else:
        places = town.beneficiaries.places(SQUATTER)
        monkeypatch.setattr(town.beneficiaries, "places", lambda _: [town.passes(), *places][1:])
    with pytest.raises(DomainError) as refused:
        stop()
    assert refused.value.code == {"before": "nothing_to_come", "meanwhile": "temporarily_unavailable"}[when]
    assert town.services.plans.of(town.place(SQUATTER)) == (None, [])
    assert len(town.services.plans.of(town.place(OWNER))[1]) == 9


def test_a_plan_of_months_goes_on_and_each_month_is_paid_once(monthly):
    town = monthly
    town.seat(BeneficiaryState.ACTIVE)
    town.paid()
    town.passes()
    assert town.states() == {SQUATTER: BeneficiaryState.PASSED, OWNER: BeneficiaryState.ACTIVE}
    plans = town.services.plans
    assert plans.of(town.place(SQUATTER)) == (None, [])
    plan, to_come = plans.of(town.place(OWNER))
    assert (plan.number, len(to_come), plan.first_at) == (2, 9, T0)
    assert town.services.plans.run(T0 + 400 * DAY, 300)
    assert town.money(SQUATTER) == {Kind.INCENTIVE: (State.PAID, None)}
    owed = town.money(OWNER)
    assert owed.pop(Kind.INCENTIVE) == (State.HELD, Hold.WRITTEN_OFF)
    assert list(owed.values()) == [(State.DUE, None)] * 9


def test_a_reserved_place_begins_for_its_owner_as_with_an_award(monthly):
    monthly.seat(BeneficiaryState.RESERVED)
    monthly.passes()
    assert monthly.states() == {SQUATTER: BeneficiaryState.PASSED, OWNER: BeneficiaryState.ACTIVE}
    assert monthly.money(OWNER) == {Kind.INCENTIVE: (State.DUE, None)}
    assert len(monthly.services.plans.of(monthly.place(OWNER))[1]) == 9


def test_while_a_payment_is_under_way_the_place_waits_for_its_end(monthly):
    town = monthly
    town.seat(BeneficiaryState.ACTIVE)
    sending = town.sending()
    town.passes()
    assert town.holder() == OWNER
    assert (town.states(), town.left()) == ({SQUATTER: BeneficiaryState.PASSED}, [OWNER])
    town.store.move(sending, Move(State.FAILED, "FAILED"), town.now)
    town.run()
    assert town.states() == {SQUATTER: BeneficiaryState.PASSED, OWNER: BeneficiaryState.ACTIVE}
    assert town.money(OWNER) == {Kind.INCENTIVE: (State.DUE, None)}


@pytest.mark.parametrize("paid_by", [None, SQUATTER, OWNER])
def test_a_place_that_comes_back_brings_what_was_not_paid_meanwhile(monthly, paid_by):
    town, passing = monthly, monthly.services._passing
    first = town.seat(BeneficiaryState.ACTIVE)
    town.people.register(OWNER, MINE, town.now)
    if paid_by == SQUATTER:
        town.paid()
    assert passing.hand_over(SQUATTER, OWNER, town.now)
    if paid_by == OWNER:
        town.paid(OWNER)
    assert passing.hand_over(OWNER, SQUATTER, town.now)
    assert passing.hand_over(OWNER, SQUATTER, town.now)
    assert town.states() == {SQUATTER: BeneficiaryState.ACTIVE, OWNER: BeneficiaryState.PASSED}
    assert town.place(SQUATTER).seat == first.seat
    mine = {None: (State.DUE, None), SQUATTER: (State.PAID, None), OWNER: (State.HELD, Hold.WRITTEN_OFF)}
    theirs = State.PAID if paid_by == OWNER else State.CANCELLED
    assert (town.money(SQUATTER), town.money(OWNER)) == (
        {Kind.INCENTIVE: mine[paid_by]},
        {Kind.INCENTIVE: (theirs, None)},
    )
    assert len(town.services.plans.of(town.place(SQUATTER))[1]) == 9
    assert passing.hand_over(SQUATTER, OWNER, town.now)
    assert sum(state is State.PAID for who in (OWNER, SQUATTER) for state, _ in town.money(who).values()) <= 1


def test_whoever_has_a_place_of_their_own_gets_no_second_one(town):
    town.seat()
    town.people.register(OWNER, MINE, town.now)
    own = beneficiary(OWNER, wave=WAVE + 1, card_number="2026000000000041", scheme=town.scheme.version)
    town.services._entries.join(Entry(WAVE + 1, OWNER, 31, bytes(32), T0, town.of(OWNER).kk_mac))
    town.beneficiaries.award(own, town.of(OWNER).kk_mac)
    assert town.services._passing.hand_over(SQUATTER, OWNER, town.now)
    assert (town.place(OWNER).wave, town.place(SQUATTER).state) == (WAVE + 1, BeneficiaryState.POTENTIAL)


def has_own(town: Seated) -> None:
    own = beneficiary(OWNER, wave=WAVE + 1, card_number="2026000000000041", scheme="monthly", state="ACTIVE")
    town.services._entries.join(Entry(WAVE + 1, OWNER, 31, bytes(32), T0, town.of(OWNER).kk_mac))
    town.beneficiaries.award(own, town.of(OWNER).kk_mac)


def is_barred(town: Seated) -> None:
    town.people.set_standing(OWNER, Standing.REVOKED)


@pytest.mark.parametrize("may_not", [has_own, is_barred])
def test_a_place_in_use_lapses_unpaid_where_the_owner_may_not_have_it(monthly, may_not):
    town = monthly
    town.seat(BeneficiaryState.ACTIVE)
    town.people.register(OWNER, MINE, town.now)
    may_not(town)
    own = town.beneficiaries.of(OWNER)
    sending = town.sending()
    town.sees(OWNER)
    town.run()
    with rights_of("sweep_registry"):
        town.run(PASSES)
    assert (town.holder(), town.left()) == (OWNER, [OWNER]), "a payment is under way"
    town.store.move(sending, Move(State.FAILED, "FAILED"), town.now)
    with rights_of("sweep_registry"):
        town.run()
    assert (town.place(SQUATTER).state, town.beneficiaries.of(OWNER), town.left()) == ("LAPSED", own, [])
    assert town.services.plans.run(T0 + 400 * DAY, 300)
    assert (town.money(SQUATTER), town.money(OWNER)) == ({Kind.INCENTIVE: (State.CANCELLED, None)}, {})
    assert town.entitlement(SQUATTER).passed_to == OWNER
    # The seat is the next one's of the same draw, and nobody is barred for it.
    wave, log = town.services._wave_store.wave(WAVE), town.services._passing._log
    assert (log.lines(wave), log.holders(wave, 0), wave.passed_count) == ([SQUATTER], [SQUATTER], 0)
    town.services.revocation._bar(wave, TimeBudget(town.now, 300))
    assert (town.of(SQUATTER).standing, town.of(SQUATTER).beneficiary_wave) == (Standing.REGISTERED, None)


def test_a_place_that_was_paid_for_is_used_and_earns_nothing_more(monthly):
    town = monthly
    town.seat(BeneficiaryState.ACTIVE)
    town.people.register(OWNER, MINE, town.now)
    has_own(town)
    town.paid()
    for _ in range(2):
        assert town.services._passing.hand_over(SQUATTER, OWNER, town.now)
    assert town.services.plans.run(T0 + 400 * DAY, 300)
    assert (town.place(SQUATTER).state, town.money(OWNER)) == (BeneficiaryState.ACTIVE, {})
    assert town.money(SQUATTER) == {Kind.INCENTIVE: (State.PAID, None)}


@pytest.mark.parametrize("when", ["before", "after"])
def test_an_owner_who_is_barred_gets_no_place_and_the_nik_is_free_to_pass_on(town, when):
    town.seat()
    town.people.register(OWNER, MINE, town.now)
    if when == "after":  # the run died behind the closing
        assert town.beneficiaries.close(town.place(SQUATTER), OWNER, town.now)
    town.people.set_standing(OWNER, Standing.REVOKED)
    assert town.services._passing.hand_over(SQUATTER, OWNER, town.now)
    lapses = {SQUATTER: BeneficiaryState.PASSED, OWNER: BeneficiaryState.RESERVED}
    assert town.states() == ({SQUATTER: BeneficiaryState.POTENTIAL} if when == "before" else lapses)
    assert town.services._passing.hand_over(SQUATTER, OWNER, town.now)


def test_a_place_that_passed_earlier_comes_out_of_nothing_for_nobody(town):
    town.seat()
    town.passes()
    third = derived_id("sim", "third")
    assert town.services._passing.hand_over(SQUATTER, third, town.now)
    assert town.beneficiaries.of(third) is None


def test_a_survey_that_is_answered_in_the_instant_in_which_the_place_passes_makes_nothing_due(town, monkeypatch):
    town.seat()
    town.graduate()
    town.paid()
    survey = town.services._survey_store.open(survey_of(town.place(SQUATTER), town.services.programme, town.now))
    closed, answered = Calls(monkeypatch).meeting(
        2,  # between its last read and its write
        lambda: town.services.surveys.respond(SQUATTER, survey.id, response(), town.now),
        lambda: town.beneficiaries.close(town.place(SQUATTER), OWNER, town.now),
    )
    assert (closed, answered[1]) == (True, True)
    assert town.money(SQUATTER) == {Kind.INCENTIVE: (State.PAID, None)}


@SOME_OR_ALL
def test_it_may_die_at_any_call(cloud, programme, monkeypatch, picked):
    town = Seated(cloud, programme)
    town.seat()
    town.graduate()
    town.paid()
    town.people.register(OWNER, MINE, town.now)
    calls = Calls(monkeypatch)

    def hand_over() -> bool:
        return town.services._passing.hand_over(SQUATTER, OWNER, town.now)

    world = rows(cloud)
    calls.reset()
    assert hand_over()
    for at in picked(range(len(calls.made))):
        put_back(cloud, world)
        assert calls.dies(hand_over, "after", at)
        assert hand_over()
        assert town.states() == {SQUATTER: BeneficiaryState.PASSED, OWNER: BeneficiaryState.GRADUATED}
        assert town.money(OWNER) == {Kind.INCENTIVE: (State.HELD, Hold.WRITTEN_OFF)}
        assert town.services.training.of(OWNER).balance_idr == 2_500_000
