"""The review that makes the incentive due: both or neither, once per person, and never lost."""

from __future__ import annotations

from datetime import timedelta
from typing import Any

import pytest

from chalicelib.config import Programme, Settings
from chalicelib.errors import NotFound, Unavailable
from chalicelib.payouts.rules import Kind, State, entitlement_id
from chalicelib.training.errors import AlreadyReviewed
from chalicelib.training.wire import ReviewView, TrainingView
from chalicelib.waves.errors import BeneficiaryRevoked
from tests.builders.training import OTHER, PERSON, Scene, completion, review, scene
from tests.conftest import T0

INCENTIVE = entitlement_id(PERSON.wave, PERSON.registrant_id, Kind.INCENTIVE)
LATER = T0 + timedelta(hours=1)


@pytest.fixture
def stage(cloud: Settings, programme: Programme) -> Scene:
    return scene(cloud, programme)


@pytest.fixture
def trainings(stage: Scene) -> list[str]:
    """Two completed trainings of PERSON."""
    partner = stage.partner()
    forms = [completion(certificate_number=number) for number in ("C-1", "C-2")]
    return [stage.training.complete(partner, form, T0)[0].training_id for form in forms]


def say(stage: Scene, training_id: str, *words: Any, now: Any = LATER) -> tuple[TrainingView, bool]:
    return stage.training.review(PERSON.registrant_id, training_id, review(*words), now)


def entitlements(stage: Scene) -> list[tuple[str, str, int]]:
    rows = [row for row in stage.items("P#", "payouts") if row["sk"] == "HEAD"]
    return [(row["pk"].removeprefix("P#"), row["state"], row["amount_idr"]) for row in rows]


def test_the_first_review_makes_the_incentive_due_and_queues_it(stage: Scene, trainings: list[str]) -> None:
    view, new = say(stage, trainings[0])
    assert new
    assert view.review == ReviewView(9, "Sangat membantu.", "2026-11-24T04:00:00Z")
    assert view in stage.training.of(PERSON.registrant_id)
    assert entitlements(stage) == [(INCENTIVE, "DUE", 600_000)]
    assert stage.queued() == [INCENTIVE]


def test_the_same_review_again_gives_the_same_answer_and_queues_nothing(stage: Scene, trainings: list[str]) -> None:
    first, _ = say(stage, trainings[0])
    stage.queued()
    assert say(stage, trainings[0], now=LATER + timedelta(days=1)) == (first, False)
    assert stage.queued() == []


@pytest.mark.parametrize("words", [(8,), (9, "Kurang membantu.")])
def test_a_review_is_not_changed_by_another(stage: Scene, trainings: list[str], words: tuple[Any, ...]) -> None:
    first, _ = say(stage, trainings[0])
    with pytest.raises(AlreadyReviewed):
        say(stage, trainings[0], *words)
    assert first in stage.training.of(PERSON.registrant_id)


def test_a_second_training_is_reviewed_without_a_second_incentive(stage: Scene, trainings: list[str]) -> None:
    say(stage, trainings[0])
    stage.queued()
    view, new = say(stage, trainings[1], 0, "Kurang.")
    assert new
    assert view.review == ReviewView(0, "Kurang.", "2026-11-24T04:00:00Z")
    assert len(entitlements(stage)) == 1
    assert stage.queued() == []


def test_only_ones_own_training_can_be_reviewed(stage: Scene, trainings: list[str]) -> None:
    for person, training_id in ((OTHER.registrant_id, trainings[0]), (PERSON.registrant_id, "a" * 26)):
        with pytest.raises(NotFound):
            stage.training.review(person, training_id, review(), LATER)
    assert entitlements(stage) == []


def test_a_revoked_beneficiary_is_owed_nothing(stage: Scene, trainings: list[str]) -> None:
    stage.people.revoke(PERSON.card_number)
    with pytest.raises(BeneficiaryRevoked):
        say(stage, trainings[0])
    assert entitlements(stage) == []
    assert all(view.review is None for view in stage.training.of(PERSON.registrant_id))


def test_a_review_sent_again_is_answered_after_a_revocation_too(stage: Scene, trainings: list[str]) -> None:
    first, _ = say(stage, trainings[0])
    stage.people.revoke(PERSON.card_number)
    assert say(stage, trainings[0]) == (first, False)


def test_of_two_same_reviews_at_once_one_is_new_and_one_incentive_is_due(stage: Scene, trainings: list[str]) -> None:
    answers: list[tuple[TrainingView, bool]] = []
    stage.just_before_the_next_commit(lambda: answers.append(say(stage, trainings[0])))
    answers.append(say(stage, trainings[0], now=LATER + timedelta(seconds=1)))
    assert [new for _, new in answers] == [True, False]
    assert answers[0][0] == answers[1][0]
    assert len(entitlements(stage)) == 1
    assert stage.queued() == [INCENTIVE]


def test_of_two_different_reviews_at_once_the_second_is_refused(stage: Scene, trainings: list[str]) -> None:
    stage.just_before_the_next_commit(lambda: say(stage, trainings[0]))
    with pytest.raises(AlreadyReviewed):
        say(stage, trainings[0], 1, "Buruk.")
    assert stage.queued() == [INCENTIVE]


def test_two_trainings_reviewed_at_once_are_both_reviewed_and_one_incentive_is_due(
    stage: Scene, trainings: list[str]
) -> None:
    stage.just_before_the_next_commit(lambda: say(stage, trainings[0]))
    assert say(stage, trainings[1])[1]
    assert all(view.review is not None for view in stage.training.of(PERSON.registrant_id))
    assert len(entitlements(stage)) == 1
    assert stage.queued() == [INCENTIVE]


def test_a_crash_before_the_transaction_leaves_nothing_and_the_review_can_be_sent_again(
    stage: Scene, trainings: list[str]
) -> None:
    def crash() -> None:
        raise RuntimeError("the function died")

    stage.just_before_the_next_commit(crash)
    with pytest.raises(RuntimeError):
        say(stage, trainings[0])
    assert entitlements(stage) == []
    assert say(stage, trainings[0])[1]
    assert stage.queued() == [INCENTIVE]


def test_a_crash_between_the_transaction_and_the_queue_is_made_up_for_by_the_sweep(
    stage: Scene, trainings: list[str], programme: Programme, monkeypatch: pytest.MonkeyPatch
) -> None:
    def crash(entitlement: str) -> None:
        raise Unavailable()

    with monkeypatch.context() as broken:
        broken.setattr(stage.payouts, "enqueue", crash)
        with pytest.raises(Unavailable):
            say(stage, trainings[0])
    assert entitlements(stage) == [(INCENTIVE, State.DUE, 600_000)]
    assert stage.queued() == []
    # Told to come back, the person sends the same review again and hears that it is stored.
    assert say(stage, trainings[0])[1] is False
    assert stage.payouts.sweep(LATER + timedelta(seconds=programme.payouts.requeue_after_s + 1)) == 1
    assert stage.queued() == [INCENTIVE]
