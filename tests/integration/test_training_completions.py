"""What a partner attests: recorded once, whatever is repeated, lost or done at the same time."""

from __future__ import annotations

from datetime import timedelta, timezone
from typing import Any

import pytest

from chalicelib.clock import iso
from chalicelib.config import Programme, Settings
from chalicelib.errors import DomainError
from chalicelib.training import rules
from chalicelib.training.errors import (
    CertificateAlreadyUsed,
    CompletedBeforeAward,
    CompletedInFuture,
)
from chalicelib.training.store import TrainingItem
from chalicelib.training.wire import TrainingView
from chalicelib.waves.errors import BeneficiaryRevoked, UnknownCard
from tests.builders.training import AWARDED_AT, OTHER, PERSON, Scene, completion, review, scene
from tests.conftest import T0

MS = timedelta(milliseconds=1)


@pytest.fixture
def stage(cloud: Settings, programme: Programme) -> Scene:
    return scene(cloud, programme)


def test_a_completion_is_recorded_for_the_holder_of_the_card(stage: Scene) -> None:
    partner = stage.partner()
    view, new = stage.training.complete(partner, completion(), T0)
    assert new
    assert view == TrainingView(
        training_id=view.training_id,
        partner="Pelatihan Jaya",
        course="PY-101",
        certificate_number="C-1",
        completed_at="2026-11-23T03:00:00Z",
        reported_at="2026-11-24T03:00:00Z",
        review=None,
    )
    assert stage.training.of(PERSON.registrant_id) == [view]
    assert stage.training.of(OTHER.registrant_id) == []


def test_the_same_report_again_gives_the_same_answer(stage: Scene) -> None:
    partner = stage.partner()
    first, _ = stage.training.complete(partner, completion(), T0)
    wib = completion().completed_at.astimezone(timezone(timedelta(hours=7)))
    again, new = stage.training.complete(partner, completion(completed_at=wib), T0 + timedelta(days=1))
    assert (again, new) == (first, False)
    assert len(stage.items("T#")) == len(stage.items("CERT#")) == 1


def test_a_report_again_says_nothing_of_the_review_and_stands_after_a_revocation(stage: Scene) -> None:
    partner = stage.partner()
    first, _ = stage.training.complete(partner, completion(), T0)
    stage.training.review(PERSON.registrant_id, first.training_id, review(), T0)
    stage.people.revoke(PERSON.card_number)
    assert stage.training.complete(partner, completion(), T0) == (first, False)


@pytest.mark.parametrize(
    "changes",
    [
        {"card_number": OTHER.card_number},
        {"card_number": "9" * 16},
        {"course": "PY-102"},
        {"completed_at": completion().completed_at + MS},
        {"completed_at": T0 + timedelta(days=1)},
    ],
)
def test_a_certificate_with_other_facts_is_refused(stage: Scene, changes: dict[str, Any]) -> None:
    partner = stage.partner()
    view, _ = stage.training.complete(partner, completion(), T0)
    with pytest.raises(CertificateAlreadyUsed):
        stage.training.complete(partner, completion(**changes), T0)
    assert stage.training.of(PERSON.registrant_id) == [view]
    assert stage.training.of(OTHER.registrant_id) == []


def test_two_partners_may_use_the_same_certificate_number(stage: Scene) -> None:
    for partner in (stage.partner("Pelatihan Jaya"), stage.partner("Kursus Maju")):
        assert stage.training.complete(partner, completion(), T0)[1]
    assert {view.partner for view in stage.training.of(PERSON.registrant_id)} == {"Pelatihan Jaya", "Kursus Maju"}


@pytest.mark.parametrize(
    ("changes", "error"),
    [
        ({"card_number": "9" * 16}, UnknownCard),
        ({"completed_at": T0 + MS}, CompletedInFuture),
        ({"completed_at": AWARDED_AT - MS}, CompletedBeforeAward),
    ],
)
def test_a_refused_report_leaves_nothing_behind(
    stage: Scene, changes: dict[str, Any], error: type[DomainError]
) -> None:
    partner = stage.partner()
    with pytest.raises(error):
        stage.training.complete(partner, completion(**changes), T0)
    assert stage.items("T#") + stage.items("CERT#") == []


@pytest.mark.parametrize("completed_at", [AWARDED_AT, T0])
def test_the_day_of_the_award_and_this_very_instant_are_allowed(stage: Scene, completed_at: Any) -> None:
    assert stage.training.complete(stage.partner(), completion(completed_at=completed_at), T0)[1]


def test_nothing_is_recorded_for_a_revoked_beneficiary(stage: Scene) -> None:
    stage.people.revoke(PERSON.card_number)
    with pytest.raises(BeneficiaryRevoked):
        stage.training.complete(stage.partner(), completion(), T0)
    assert stage.items("T#") == []


def test_of_two_same_reports_at_once_one_is_new_and_both_get_the_same_answer(stage: Scene) -> None:
    partner = stage.partner()
    answers: list[tuple[TrainingView, bool]] = []
    stage.just_before_the_next_commit(lambda: answers.append(stage.training.complete(partner, completion(), T0)))
    answers.append(stage.training.complete(partner, completion(), T0 + timedelta(seconds=1)))
    assert [new for _, new in answers] == [True, False]
    assert answers[0][0] == answers[1][0]
    assert len(stage.items("T#")) == len(stage.items("CERT#")) == 1


def test_of_two_people_on_one_certificate_at_once_the_second_is_refused(stage: Scene) -> None:
    partner = stage.partner()
    stage.just_before_the_next_commit(lambda: stage.training.complete(partner, completion(), T0))
    with pytest.raises(CertificateAlreadyUsed):
        stage.training.complete(partner, completion(card_number=OTHER.card_number), T0)
    assert len(stage.training.of(PERSON.registrant_id)) == 1
    assert stage.training.of(OTHER.registrant_id) == []


def test_every_training_is_listed_oldest_report_first_however_many_pages_they_fill(stage: Scene) -> None:
    view, _ = stage.training.complete(stage.partner(), completion(), T0)
    [item] = TrainingItem.query(f"T#{PERSON.registrant_id}")
    with TrainingItem.batch_write() as batch:
        # 150 reviews of 8,000 bytes are over the 1 MB that one page of a query can hold.
        for number in range(1, 151):
            item.sk = rules.training_id("partner", str(number))
            item.certificate_number = f"C-{number + 1}"
            item.reported_at = item.reviewed_at = iso(T0 + timedelta(seconds=number))
            item.rating, item.review_text = 10, "🙂" * 2000
            batch.save(TrainingItem(**item.attribute_values))
    listed = stage.training.of(PERSON.registrant_id)
    assert listed[0] == view
    assert [view.certificate_number for view in listed] == [f"C-{number}" for number in range(1, 152)]
