"""The first review makes its author a graduate and the incentive due: atomic, once, and never lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.errors import NotFound
from chalicelib.payouts.rules import Kind, State, entitlement_id
from chalicelib.training.errors import AlreadyReviewed, NotCompleted
from chalicelib.training.rules import TrainingAccount
from chalicelib.training.wire import ReviewForm, ReviewView, TrainingView
from chalicelib.waves.rules import BeneficiaryState
from tests.builders.training import OTHER, PERSON, SECOND, Scene
from tests.conftest import T0

INCENTIVE = entitlement_id(PERSON.wave, PERSON.registrant_id, Kind.INCENTIVE)
LATER = T0 + timedelta(hours=1)


def reviews(stage: Scene) -> list[ReviewView | None]:
    return [view.review for view in stage.trainings().trainings]


def entitlements(stage: Scene) -> list[tuple[str, str, int]]:
    rows = [row for row in stage.items("P#", "payouts") if row["sk"] == "HEAD"]
    return [(row["pk"].removeprefix("P#"), row["state"], row["amount_idr"]) for row in rows]


def test_the_first_review_makes_a_graduate_and_the_incentive_due_and_queues_it(stage):
    bought = stage.completed()
    view, new = stage.review(bought)
    assert new
    assert view.review == ReviewView(9, "Sangat membantu.", "2026-11-24T04:00:00Z")
    assert stage.trainings().trainings == [view]
    assert entitlements(stage) == [(INCENTIVE, "DUE", 600_000)]
    assert stage.queued() == [INCENTIVE]
    graduate = stage.services.waves.beneficiaries.of(PERSON.registrant_id)
    assert (graduate.state, graduate.graduated_at) == (BeneficiaryState.GRADUATED, LATER)
    assert stage.account() == TrainingAccount(2_500_000, 1, 1, first_completed_at=T0 + 3 * SECOND)


def test_the_same_review_again_gives_the_same_answer_and_queues_nothing(stage):
    bought = stage.completed()
    first, _ = stage.review(bought)
    stage.queued()
    assert stage.review(bought, now=LATER + timedelta(days=1)) == (first, False)
    assert stage.queued() == []
    for words in ((8,), (9, "Kurang membantu."), (9, "sangat membantu.")):
        with pytest.raises(AlreadyReviewed):
            stage.review(bought, *words)
    assert reviews(stage) == [first.review]


def test_a_graduate_goes_on_training_and_reviews_without_a_second_incentive(stage):
    stage.review(stage.completed("C-1"))
    stage.queued()
    second = stage.completed("C-2")
    view, new = stage.review(second, 0, "Kurang.")
    assert (new, view.review) == (True, ReviewView(0, "Kurang.", "2026-11-24T04:00:00Z"))
    assert len(entitlements(stage)) == 1
    assert stage.queued() == []
    assert stage.state() is BeneficiaryState.GRADUATED
    third = stage.buy(now=PERSON.buy_by + timedelta(days=99))
    stage.services.training.cancel(PERSON.registrant_id, third.training_id, PERSON.buy_by + timedelta(days=99))
    assert stage.state() is BeneficiaryState.GRADUATED
    assert stage.account() == TrainingAccount(1_500_000, 2, 2, first_completed_at=T0 + 3 * SECOND)


def test_only_ones_own_completed_training_can_be_reviewed(stage):
    bought = stage.buy()
    form = ReviewForm(9, "Sangat membantu.")
    for person, training_id in ((OTHER.registrant_id, bought.training_id), (PERSON.registrant_id, "a" * 26)):
        with pytest.raises(NotFound):
            stage.services.training.review(person, training_id, form, LATER)
    for report in (lambda: None, lambda: stage.redeem(bought), lambda: stage.attend(bought)):
        report()
        with pytest.raises(NotCompleted):
            stage.review(bought)
    assert entitlements(stage) == []
    assert reviews(stage) == [None]


def crash(*_: Any) -> None:
    raise RuntimeError("the function died")


def test_two_different_reviews_at_once_make_one_incentive_due_and_one_is_refused(stage):
    bought = stage.completed()
    answers: list[tuple[TrainingView, bool]] = []
    stage.just_before_the_next_commit(lambda: answers.append(stage.review(bought)))
    answers.append(stage.review(bought, now=LATER + SECOND))
    assert [new for _, new in answers] == [True, False]
    assert answers[0][0] == answers[1][0]
    assert len(entitlements(stage)) == 1
    other = stage.completed("C-2")
    stage.just_before_the_next_commit(lambda: stage.review(other))
    with pytest.raises(AlreadyReviewed):
        stage.review(other, 1, "Buruk.")
    assert stage.queued() == [INCENTIVE]


def test_two_trainings_reviewed_at_once_are_both_reviewed_and_one_incentive_is_due(stage):
    first, second = stage.completed("C-1"), stage.completed("C-2")
    stage.just_before_the_next_commit(lambda: stage.review(first))
    assert stage.review(second)[1]
    assert None not in reviews(stage)
    assert len(entitlements(stage)) == 1
    assert stage.queued() == [INCENTIVE]


def test_a_crash_before_the_transaction_leaves_nothing_and_the_review_can_be_sent_again(stage):
    bought = stage.completed()
    stage.just_before_the_next_commit(crash)
    with pytest.raises(RuntimeError):
        stage.review(bought)
    assert entitlements(stage) == []
    assert stage.state() is BeneficiaryState.ACTIVE
    assert stage.review(bought)[1]
    assert stage.queued() == [INCENTIVE]


def test_after_a_crash_before_the_queue_the_sweep_queues_the_incentive(stage, programme, monkeypatch):
    bought = stage.completed()
    with monkeypatch.context() as broken:
        broken.setattr(stage.services.payouts.queue, "send", crash)
        with pytest.raises(RuntimeError):
            stage.review(bought)
    assert entitlements(stage) == [(INCENTIVE, State.DUE, 600_000)]
    assert stage.queued() == []
    # Told to come back, the person sends the same review again and hears that it is stored.
    assert stage.review(bought)[1] is False
    assert stage.services.payouts.sweep(LATER + timedelta(seconds=programme.payouts.requeue_after_s + 1)) == 1
    assert stage.queued() == [INCENTIVE]


def test_neither_the_number_of_a_certificate_nor_the_text_of_a_review_lies_in_the_clear(stage):
    bought = stage.completed("BNSP-2026-77")
    stage.review(bought, text="Saya Siti, 0812.")
    stored = [bytes(value) if hasattr(value, "value") else value for row in stage.items("") for value in row.values()]
    assert not [value for value in map(str, stored) if "BNSP-2026-77" in value or "Siti" in value]
    [mine] = stage.trainings().trainings
    assert (mine.certificate_number, mine.review.text) == ("BNSP-2026-77", "Saya Siti, 0812.")
