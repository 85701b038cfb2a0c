"""Purchases from the training balance and their cancellation: atomic, once, and never below zero.

In no order of events does a person who lost the place keep a training.
"""

from __future__ import annotations

from contextlib import suppress
from datetime import timedelta
from random import Random
from typing import Any

import pytest
from msgspec.structs import replace

from chalicelib.aws.dynamodb import LegsFailed
from chalicelib.clock import iso
from chalicelib.errors import DomainError, NotFound
from chalicelib.registration.errors import Excluded
from chalicelib.training import errors, wire
from chalicelib.training.personal_data import of_trainings
from chalicelib.training.rules import TrainingAccount, TrainingState
from chalicelib.training.store import CodeItem, TrainingItem
from chalicelib.training.wire import RedemptionForm, TrainingList
from chalicelib.waves.errors import BeneficiaryRevoked, PurchaseDeadlinePassed
from chalicelib.waves.places.place_rules import kept_until
from chalicelib.waves.rules import Beneficiary, BeneficiaryState
from tests.builders.people import registrant
from tests.builders.training import OTHER, PERSON, Scene
from tests.conftest import T0

FULL = 3_500_000
SECOND = timedelta(seconds=1)
CANCEL_WITHIN = timedelta(seconds=20)
"""In the local stage, whose figures the tests have."""


def cancel(stage: Scene, bought: wire.TrainingView, now: Any = T0 + SECOND, person: Any = PERSON) -> wire.TrainingView:
    return stage.services.training.cancel(person.registrant_id, bought.training_id, now)


def test_a_purchase_takes_its_price_keeps_the_place_and_gives_a_code(stage):
    assert stage.trainings() == TrainingList(balance_idr=FULL, trainings=[])
    course = stage.course(price_idr="1250000")
    view = stage.buy(course)
    assert (view.course_id, view.price_idr, view.state) == (course, 1_250_000, "PURCHASED")
    assert (view.purchased_at, view.cancellable_until) == ("2026-11-24T03:00:00Z", "2026-11-24T03:00:20Z")
    assert (view.provider_name, view.title) == ("Pelatihan Jaya", "Dasar Pemrograman Python")
    assert stage.trainings() == TrainingList(balance_idr=FULL - 1_250_000, trainings=[view])
    assert stage.account() == TrainingAccount(FULL - 1_250_000, purchases=1)
    assert stage.state() is BeneficiaryState.ACTIVE
    assert stage.state(OTHER) is BeneficiaryState.POTENTIAL
    assert stage.account(OTHER) is None
    # Nothing of what came with the purchase is changed by a later import.
    stage.course(code=view.course, price_idr="2000000", title="Lain", offered="no")
    assert stage.trainings().trainings == [view]


def test_a_second_click_gives_the_same_purchase_whatever_has_changed_since(stage):
    course = stage.course()
    first = stage.buy(course)
    stage.course(code=first.course, offered="no", price_idr="2000000")
    stage.services.partners.revoke(stage.partner.id, T0)
    again = stage.services.training.buy(PERSON.registrant_id, course, PERSON.buy_by + timedelta(days=9))
    assert again == (first, False)
    assert stage.account() == TrainingAccount(FULL - 1_000_000, purchases=1)
    assert len(stage.items("CODE#")) == 1


def test_a_double_click_buys_once(stage):
    course = stage.course()
    first: list[wire.TrainingView] = []
    stage.just_before_the_next_commit(lambda: first.append(stage.buy(course)))
    assert stage.services.training.buy(PERSON.registrant_id, course, T0 + SECOND) == (first[0], False)
    assert stage.account() == TrainingAccount(FULL - 1_000_000, purchases=1)
    assert len(stage.items("CODE#")) == 1


def test_the_balance_is_spent_to_the_last_rupiah_and_not_below(stage):
    stage.buy(stage.course(price_idr="2000000"))
    dear, last = stage.course(price_idr="1500001"), stage.course(price_idr="1500000")
    with pytest.raises(errors.BalanceTooLow) as refused:
        stage.buy(dear)
    assert refused.value.facts == {"balance_idr": 1_500_000, "price_idr": 1_500_001}
    stage.buy(last)
    assert stage.trainings().balance_idr == 0
    for price, person in (("10000", PERSON), ("3500001", OTHER)):
        with pytest.raises(errors.BalanceTooLow):
            stage.buy(stage.course(price_idr=price), person)
    assert stage.account() == TrainingAccount(0, purchases=2)
    assert stage.account(OTHER) is None


def test_two_purchases_at_once_that_exceed_the_balance_are_one(stage):
    first, second = stage.course(price_idr="2000000"), stage.course(price_idr="2000000")
    stage.just_before_the_next_commit(lambda: stage.buy(first))
    with pytest.raises(errors.BalanceTooLow):
        stage.buy(second)
    assert [one.course_id for one in stage.trainings().trainings] == [first]
    assert stage.account() == TrainingAccount(1_500_000, purchases=1)
    assert len(stage.items("CODE#")) == 1


def test_a_refused_purchase_leaves_nothing_behind(stage):
    course = stage.course()
    withdrawn = stage.course(offered="no")
    partner = stage.new_partner()
    of_revoked = stage.course(provider=partner.id)
    stage.services.partners.revoke(partner.id, T0)
    for person, wanted, now, error in (
        ("nobody", course, T0, errors.NotBeneficiary),
        (PERSON.registrant_id, course, PERSON.buy_by, PurchaseDeadlinePassed),
        (PERSON.registrant_id, "a" * 26, T0, errors.UnknownCourse),
        (PERSON.registrant_id, withdrawn, T0, errors.CourseNotOffered),
        (PERSON.registrant_id, of_revoked, T0, errors.CourseNotOffered),
    ):
        with pytest.raises(error):
            stage.services.training.buy(person, wanted, now)
    stage.revoke()
    with pytest.raises(BeneficiaryRevoked):
        stage.buy(course)
    assert stage.items("T#") + stage.items("CODE#") == []
    assert stage.trainings().balance_idr == 0
    assert stage.services.training.of("nobody") == TrainingList(balance_idr=None, trainings=[])


def test_the_last_millisecond_before_the_deadline_is_in_time_and_later_purchases_have_none(stage):
    with pytest.raises(PurchaseDeadlinePassed):
        stage.buy(now=PERSON.buy_by)
    stage.buy(now=PERSON.buy_by - timedelta(milliseconds=1))
    stage.buy(now=PERSON.buy_by + timedelta(days=30))
    assert stage.account() == TrainingAccount(1_500_000, purchases=2)


def test_the_deadline_of_a_purchase_is_the_one_that_holds_whether_or_not_the_job_has_run(stage, monkeypatch):
    """It moved as the registry confirmed the person only a second before it; a cancellation leaves the later one."""
    late = PERSON.buy_by - SECOND
    who = registrant(PERSON.registrant_id, verified_at=late, confirmed_at=late)
    monkeypatch.setattr(stage.services.registrations, "check_may_spend", lambda _, *, given: who)
    until = kept_until(PERSON, who, stage.services.programme, late, confirmed=True)[0]
    assert until > PERSON.buy_by
    with pytest.raises(PurchaseDeadlinePassed) as refused:
        stage.buy(now=until)
    assert refused.value.facts == {"buy_by": iso(until)}
    bought = stage.buy(now=until - 2 * SECOND)
    assert bought.cancellable_until == iso(until - timedelta(milliseconds=1))
    assert stage.trainings().trainings == [bought]
    cancel(stage, bought, until - SECOND)
    assert stage.services.waves.beneficiaries.of(PERSON.registrant_id).buy_by == until


def test_a_place_revoked_between_reading_and_writing_buys_nothing(stage):
    course = stage.course()
    stage.just_before_the_next_commit(stage.revoke)
    with pytest.raises(BeneficiaryRevoked):
        stage.buy(course)
    assert stage.items("T#") + stage.items("CODE#") == []


def test_a_cancellation_gives_the_price_back_once_and_the_place_waits_for_a_purchase_again(stage):
    course = stage.course()
    bought = stage.buy(course)
    cancelled = cancel(stage, bought, T0 + CANCEL_WITHIN)
    told = (cancelled.state, cancelled.cancelled_at, cancelled.cancellable_until)
    assert told == ("CANCELLED", "2026-11-24T03:00:20Z", None)
    assert cancel(stage, bought, T0 + timedelta(days=9)) == cancelled
    assert stage.trainings() == TrainingList(balance_idr=FULL, trainings=[cancelled])
    assert stage.account() == TrainingAccount(FULL, purchases=0)
    assert stage.state() is BeneficiaryState.POTENTIAL
    # Bought again, it is a purchase of its own.
    again = stage.buy(course, now=T0 + timedelta(seconds=30))
    assert again.training_id != bought.training_id
    assert again.redeem_code != bought.redeem_code
    assert stage.trainings() == TrainingList(balance_idr=FULL - 1_000_000, trainings=[cancelled, again])
    assert stage.state() is BeneficiaryState.ACTIVE


def test_a_second_purchase_is_cancelled_without_touching_the_place(stage):
    first, second = stage.buy(), stage.buy()
    cancel(stage, second)
    assert stage.state() is BeneficiaryState.ACTIVE
    cancel(stage, first)
    assert stage.state() is BeneficiaryState.POTENTIAL
    assert stage.account() == TrainingAccount(FULL, purchases=0)


@pytest.mark.parametrize("late", [T0 + CANCEL_WITHIN + timedelta(milliseconds=1), T0 + timedelta(days=30)])
def test_a_late_cancellation_and_one_of_anothers_purchase_are_refused(stage, late):
    bought = stage.buy()
    with pytest.raises(errors.CancellationTooLate) as refused:
        cancel(stage, bought, late)
    assert refused.value.facts == {"until": "2026-11-24T03:00:20Z"}
    for person, training_id in ((OTHER.registrant_id, bought.training_id), (PERSON.registrant_id, "a" * 26)):
        with pytest.raises(NotFound):
            stage.services.training.cancel(person, training_id, T0)
    assert stage.trainings().trainings == [bought]


def test_the_only_purchase_is_not_cancelled_after_the_deadline_but_another_one_is(stage):
    just_before = PERSON.buy_by - timedelta(seconds=1)
    only = stage.buy(now=just_before)
    assert only.cancellable_until == "2026-11-29T02:59:59.999Z"
    with pytest.raises(errors.CancellationTooLate):
        cancel(stage, only, PERSON.buy_by)
    second = stage.buy(now=PERSON.buy_by)
    cancel(stage, second, PERSON.buy_by + SECOND)
    assert stage.state() is BeneficiaryState.ACTIVE
    assert stage.account() == TrainingAccount(FULL - 1_000_000, purchases=1)


def test_a_redeemed_purchase_cannot_be_cancelled(stage):
    bought = stage.buy()
    stage.just_before_the_next_commit(lambda: stage.redeem(bought))
    with pytest.raises(errors.TrainingAlreadyRedeemed):
        cancel(stage, bought)
    assert stage.account() == TrainingAccount(FULL - 1_000_000, purchases=1)
    assert stage.state() is BeneficiaryState.ACTIVE


def test_a_purchase_between_keeps_the_place_despite_a_cancellation(stage):
    first, second = stage.buy(), stage.course()
    stage.just_before_the_next_commit(lambda: stage.buy(second))
    assert cancel(stage, first).state == "CANCELLED"
    assert stage.state() is BeneficiaryState.ACTIVE
    assert stage.account() == TrainingAccount(FULL - 1_000_000, purchases=1)


def test_a_person_keeps_the_balance_of_the_scheme_of_their_wave(stage):
    early = replace(PERSON, registrant_id="person-3", card_number="2026000000000033", wave=53, scheme="2020")
    stage.choose(early)
    assert stage.services.training.balance(early) == 1_000_000
    with pytest.raises(errors.BalanceTooLow):
        stage.buy(stage.course(price_idr="1000001"), early)
    stage.buy(stage.course(price_idr="1000000"), early)
    assert stage.services.training.balance(early) == 0


def test_a_crash_before_the_write_leaves_nothing_and_the_purchase_can_be_sent_again(stage):
    def crash() -> None:
        raise RuntimeError("the function died")

    course = stage.course()
    stage.just_before_the_next_commit(crash)
    with pytest.raises(RuntimeError):
        stage.buy(course)
    assert stage.items("T#") + stage.items("CODE#") == []
    bought = stage.buy(course)
    stage.just_before_the_next_commit(crash)
    with pytest.raises(RuntimeError):
        cancel(stage, bought)
    assert stage.trainings().trainings == [bought]
    assert cancel(stage, bought).state == "CANCELLED"


def test_a_person_excluded_after_the_award_cannot_buy(stage, monkeypatch):
    """Neither by a purchase nor by a code that is not taken in yet; what was done before is still told the same."""
    course, bought = stage.course(), stage.buy()
    taken_in = stage.redeemed(OTHER)

    def refuse(_: str, *, given: bool) -> None:
        raise Excluded()

    monkeypatch.setattr(stage.services.registrations, "is_excluded", lambda _: True)
    monkeypatch.setattr(stage.services.registrations, "check_may_spend", refuse)
    before = stage.items("")
    with pytest.raises(Excluded):
        stage.services.training.buy(PERSON.registrant_id, course, T0)
    with pytest.raises(errors.ParticipantBlocked):
        stage.services.reports.validate(stage.partner, RedemptionForm(bought.redeem_code, PERSON.card_number))
    with pytest.raises(errors.ParticipantBlocked):
        stage.redeem(bought)
    assert stage.items("") == before
    assert stage.services.training.buy(PERSON.registrant_id, bought.course_id, T0)[1] is False
    assert stage.redeem(taken_in, OTHER)[1] is False
    # What they paid comes back, and stays where it is.
    assert cancel(stage, bought, T0).state == "CANCELLED"


STEPS = 14
LIVES = (3, 5, 12, 21, 27)
"""Seeds: lives that come to different ends."""


class Life:
    """One person does what comes into their head, and the partner and the clock do their part."""

    def __init__(self, stage: Scene, person: Beneficiary, courses: list[str], choices: Random) -> None:
        self._stage, self._person, self._courses = stage, person, courses
        self._choose = choices.choice
        self._now = T0
        stage.choose(person)

    def go_on(self) -> None:
        """Something happens, or is refused; then time passes: a moment, or two of the days there are."""
        event = self._choose([self._buy, self._cancel, self._cancel, self._report, self._report, self._expire])
        with suppress(DomainError, LegsFailed):
            event()
        self._now += self._choose([timedelta(seconds=1), timedelta(seconds=9), timedelta(days=2)])

    def _buy(self) -> None:
        self._stage.services.training.buy(self._person.registrant_id, self._choose(self._courses), self._now)

    def _cancel(self) -> None:
        cancel(self._stage, self._one(), self._now, self._person)

    def _report(self) -> None:
        """The next thing that may happen to a training, whatever it is."""
        reports, partner, one, now = self._stage.services.reports, self._stage.partner, self._one(), self._now
        code = one.redeem_code
        if one.state == "PURCHASED":
            reports.redeem(partner, wire.RedemptionForm(code, self._person.card_number), now)
        elif one.state == "REDEEMED":
            reports.attend(partner, wire.AttendanceForm(code, now), now)
        elif one.state == "ATTENDED":
            reports.complete(partner, wire.CompletionForm(code, f"C-{code}", now), now)
        else:
            form = wire.ReviewForm(9, "Sangat membantu.")
            self._stage.services.training.review(self._person.registrant_id, one.training_id, form, now)

    def _expire(self) -> None:
        self._stage.revoke(self._person, self._now)

    def _one(self) -> wire.TrainingView:
        trainings = self._stage.trainings(self._person).trainings
        if not trainings:
            raise NotFound()
        return self._choose(trainings)


def test_a_place_is_lost_only_while_no_purchase_stands(stage):
    courses, ends = [stage.course() for _ in range(2)], set()
    for number in LIVES:
        person = replace(PERSON, registrant_id=f"somebody-{number}", card_number=f"{number:016d}")
        life = Life(stage, person, courses, Random(number))
        for _ in range(STEPS):
            life.go_on()
            state, shown = stage.state(person), stage.trainings(person)
            has = stage.account(person) or TrainingAccount(FULL)
            stand = [one for one in shown.trainings if one.state != "CANCELLED"]
            assert (state in {BeneficiaryState.ACTIVE, BeneficiaryState.GRADUATED}) == bool(stand)
            assert len(stand) == has.purchases
            assert has.balance_idr == FULL - sum(one.price_idr for one in stand) >= 0
            assert shown.balance_idr == (0 if state is BeneficiaryState.REVOKED else has.balance_idr)
            assert any(one.review for one in stand) == (state is BeneficiaryState.GRADUATED)
        ends.add((state.value, len(shown.trainings) - len(stand), len(stand)))
    # Among them one who is revoked after a purchase that they had taken back.
    assert ends == {("REVOKED", 0, 0), ("POTENTIAL", 1, 0), ("REVOKED", 1, 0), ("GRADUATED", 0, 1), ("ACTIVE", 1, 1)}


def test_all_of_more_than_a_hundred_purchases_are_found_for_their_owner(stage):
    person = PERSON.registrant_id
    bought = dict.fromkeys(("course_id", "partner_id", "partner_name", "code", "title"), "any")
    with TrainingItem.batch_write() as items, CodeItem.batch_write() as codes:
        for number in range(101):
            code = f"{number:04}"
            items.save(
                TrainingItem(
                    f"T#{person}",
                    f"training-{code}",
                    **bought,
                    wave=PERSON.wave,
                    skills=(),
                    price_idr=1,
                    redeem_code=code,
                    state=TrainingState.CANCELLED,
                    purchased_at=T0,
                )
            )
            codes.save(CodeItem(f"CODE#{code}", "CODE", registrant_id=person, training_id=f"training-{code}"))
    services = stage.services
    held = [one.kind for one in of_trainings(person, services.registrations.key, services.vault.mac)]
    assert held == ["training"] * 101 + ["redeem_code"] * 101
