"""Answers that truly come at the same time: one answer and one entitlement, whatever they say."""

from __future__ import annotations

from typing import Any

import pytest

from chalicelib.aws import dynamodb
from chalicelib.config import Programme, Settings
from chalicelib.outcomes import questions
from chalicelib.outcomes.errors import SurveyAlreadyAnswered
from chalicelib.outcomes.store import SurveyStore
from chalicelib.outcomes.surveys import Surveys
from chalicelib.payouts.ledger.items import Head
from chalicelib.payouts.ledger.store import PayoutStore
from chalicelib.payouts.service import Payouts
from tests.builders.surveys import DAY, People, beneficiary, response, survey_of
from tests.conftest import REGION, T0

from .together import refusals, together

pytestmark = pytest.mark.dynamodb

AT_ONCE = 6
ROUNDS = 5


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
def store(cloud: Settings) -> SurveyStore:
    return SurveyStore(lambda: dynamodb.Transaction(REGION))


@pytest.fixture
def surveys(store: SurveyStore, queue: Queue, programme: Programme) -> Surveys:
    unused: Any = None
    any_queue: Any = queue
    payouts = Payouts(PayoutStore(REGION), any_queue, unused, programme)
    people = People()
    people.chosen = {f"person-{number}": beneficiary(f"person-{number}") for number in range(ROUNDS)}
    return Surveys(store, questions.load(), people, payouts)


def test_devices_that_answer_differently_at_once_leave_one_answer_and_one_entitlement(
    surveys: Surveys, store: SurveyStore, queue: Queue, programme: Programme
) -> None:
    for number in range(ROUNDS):
        person = f"person-{number}"
        survey = store.open(survey_of(beneficiary(person), programme, T0))
        answers = together(
            [
                lambda rating=rating, survey=survey: surveys.respond(
                    survey.registrant_id, survey.id, response(recommendation=rating), T0
                )
                for rating in range(AT_ONCE)
            ]
        )
        assert refusals(answers) == [SurveyAlreadyAnswered] * (AT_ONCE - 1)
        [(view, new)] = [answer for answer in answers if isinstance(answer, tuple)]
        [kept] = store.of(person)
        assert new
        assert kept.answers == view.answers
    heads = list(Head.scan(Head.sk == "HEAD"))
    assert len(heads) == ROUNDS
    assert sorted(queue.ids) == sorted(head.pk.removeprefix("P#") for head in heads)


def test_the_same_answers_at_once_are_all_accepted_and_one_is_new(
    surveys: Surveys, store: SurveyStore, queue: Queue, programme: Programme
) -> None:
    for number in range(ROUNDS):
        survey = store.open(survey_of(beneficiary(f"person-{number}"), programme, T0))
        answers = together(
            [lambda survey=survey: surveys.respond(survey.registrant_id, survey.id, response(), T0)] * AT_ONCE
        )
        assert sorted(new for _, new in answers) == [False] * (AT_ONCE - 1) + [True]
        assert len({view.answered_at for view, _ in answers}) == 1
    assert len(queue.ids) == ROUNDS


def test_two_runs_that_open_a_survey_at_once_agree_on_when_it_closes(store: SurveyStore, programme: Programme) -> None:
    for number in range(ROUNDS):
        first, second = (survey_of(beneficiary(f"person-{number}"), programme, now) for now in (T0, T0 + DAY))
        held = together([lambda one=one: store.open(one) for one in (first, second)])
        assert held[0] == held[1] == store.of(first.registrant_id)[0]
