"""Reports and reviews that truly run at the same time: one completion, one review, one incentive."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib import dynamo
from chalicelib.config import Programme, Settings
from chalicelib.ids import system_randomness
from chalicelib.payouts.rules import Kind, entitlement_id
from chalicelib.payouts.service import Payouts, Ports
from chalicelib.payouts.store import PayoutsTable, PayoutStore
from chalicelib.training.errors import AlreadyReviewed, CertificateAlreadyUsed, RequestReplayed
from chalicelib.training.rules import Partner
from chalicelib.training.service import Training
from chalicelib.training.store import TrainingStore
from tests.builders.training import OTHER, PERSON, People, completion, review
from tests.conftest import REGION, T0

from .together import refusals, together

pytestmark = pytest.mark.dynamodb

AT_ONCE = 8
ROUNDS = 5
PARTNER = Partner("p" * 26, "Pelatihan Jaya", b"", T0)


class Queue:
    """Keeps what would be queued."""

    def __init__(self) -> None:
        self.ids: list[str] = []

    def send(self, ids: list[str]) -> None:
        self.ids += ids


@pytest.fixture
def queue() -> Queue:
    return Queue()


@pytest.fixture
def store(cloud: Settings) -> TrainingStore:
    return TrainingStore(lambda: dynamo.Transaction(REGION))


@pytest.fixture
def training(store: TrainingStore, queue: Queue, programme: Programme) -> Training:
    unused: Any = None
    anyqueue: Any = queue
    payouts = Payouts(PayoutStore(REGION), Ports(unused, unused, unused, anyqueue, unused), programme)
    return Training(store, unused, People(PERSON, OTHER), payouts, 300, system_randomness)


def incentives() -> list[str]:
    heads = [item for item in PayoutsTable.scan() if item.sk == "HEAD"]
    return [item.pk.removeprefix("P#") for item in heads]


def test_of_many_same_signatures_one_is_accepted(store: TrainingStore) -> None:
    for number in range(ROUNDS):
        calls = [
            lambda claim=str(place), seen=str(number): store.remember_request(PARTNER.id, seen, claim, 1)
            for place in range(AT_ONCE)
        ]
        answers = together(calls)
        assert refusals(answers) == [RequestReplayed] * (AT_ONCE - 1)


def test_of_many_same_reports_one_is_new_and_all_get_the_same_answer(training: Training) -> None:
    for number in range(ROUNDS):
        form = completion(certificate_number=f"C-{number}")
        answers = together([lambda form=form: training.complete(PARTNER, form, T0)] * AT_ONCE)
        assert sorted(new for _, new in answers) == [False] * (AT_ONCE - 1) + [True]
        assert len({view.training_id for view, _ in answers}) == 1
    assert len(training.of(PERSON.registrant_id)) == ROUNDS


def test_of_two_people_on_one_certificate_one_gets_it(training: Training) -> None:
    for number in range(ROUNDS):
        forms = [
            completion(certificate_number=f"C-{number}", card_number=person.card_number) for person in (PERSON, OTHER)
        ]
        answers = together([lambda form=form: training.complete(PARTNER, form, T0) for form in forms])
        assert refusals(answers) == [CertificateAlreadyUsed]
    assert len(training.of(PERSON.registrant_id)) + len(training.of(OTHER.registrant_id)) == ROUNDS


def test_of_many_different_reviews_one_is_stored_and_one_incentive_is_due(training: Training, queue: Queue) -> None:
    view, _ = training.complete(PARTNER, completion(), T0)
    forms = [review(text=f"Ulasan {place}") for place in range(AT_ONCE)]
    answers = together(
        [lambda form=form: training.review(PERSON.registrant_id, view.training_id, form, T0) for form in forms]
    )
    assert refusals(answers) == [AlreadyReviewed] * (AT_ONCE - 1)
    assert incentives() == queue.ids == [entitlement_id(PERSON.wave, PERSON.registrant_id, Kind.INCENTIVE)]


def test_many_trainings_reviewed_at_once_make_one_incentive_due(training: Training, queue: Queue) -> None:
    views = [training.complete(PARTNER, completion(certificate_number=f"C-{n}"), T0)[0] for n in range(AT_ONCE)]
    answers = together(
        [lambda view=view: training.review(PERSON.registrant_id, view.training_id, review(), T0) for view in views]
    )
    assert [new for _, new in answers] == [True] * AT_ONCE
    assert all(view.review for view in training.of(PERSON.registrant_id))
    assert incentives() == queue.ids == [entitlement_id(PERSON.wave, PERSON.registrant_id, Kind.INCENTIVE)]
