"""Grievances that are truly filed and answered at the same time: each once, none above the limit, one notice."""

from __future__ import annotations

from functools import partial

import pytest

from chalicelib.config import Programme, Settings
from chalicelib.helpdesk.errors import AlreadyAnswered, TooManyGrievances
from chalicelib.helpdesk.rules import AboutRegistration, Category, GrievanceState
from chalicelib.helpdesk.wire import GrievanceForm
from tests.builders.helpdesk import ADMIN, Desk
from tests.conftest import T0

from .together import ALWAYS, refusals, together

pytestmark = pytest.mark.dynamodb

AT_ONCE = 8
ROUNDS = 5


@pytest.fixture
def desk(cloud: Settings, programme: Programme) -> Desk:
    return Desk(cloud, programme)


def form(text: str) -> GrievanceForm:
    return GrievanceForm(AboutRegistration(), Category.OTHER, text)


def test_of_many_clicks_one_files_and_all_get_its_number(desk: Desk) -> None:
    for n in range(ROUNDS):
        person = f"person-{n}"
        answers = together([partial(desk.helpdesk.file, person, form("Halo."), T0)] * AT_ONCE, ALWAYS)
        assert sorted(new for _, new in answers) == [False] * (AT_ONCE - 1) + [True]
        assert len({view.number for view, _ in answers}) == 1
        assert desk.store.unanswered_of(person) == 1


def test_of_many_grievances_at_once_no_more_are_kept_than_one_may_have(desk: Desk) -> None:
    limit = desk.figures.open_max
    for n in range(ROUNDS):
        person = f"person-{n}"
        files = [partial(desk.helpdesk.file, person, form(f"Pengaduan {k}."), T0) for k in range(AT_ONCE)]
        answers = together(files, ALWAYS)
        assert refusals(answers) == [TooManyGrievances] * (AT_ONCE - limit)
        assert len(desk.helpdesk.of(person)) == desk.store.unanswered_of(person) == limit


def test_of_many_answers_and_an_escalation_at_once_one_answer_counts_and_is_told_once(desk: Desk) -> None:
    for n in range(ROUNDS):
        number = desk.file(f"person-{n}").number
        answers = [partial(desk.helpdesk.answer, number, f"Jawaban {k % 2}.", ADMIN, T0) for k in range(4)]
        done = together([*answers, partial(desk.helpdesk.escalate, number, "Ke hukum.", ADMIN, T0)], ALWAYS)
        assert done[:4].count(True) == 1
        assert done[:4].count(False) == 1, "the same words again"
        assert refusals(done[:4]) == [AlreadyAnswered] * 2
        assert desk.helpdesk.show(number).answer == f"Jawaban {done.index(True) % 2}."
        assert desk.helpdesk.of(f"person-{n}")[0].state is GrievanceState.ANSWERED
        assert desk.queued() == [(f"person-{n}", f"grievance_answered/{number}")]
        assert desk.store.unanswered_of(f"person-{n}") == 0
    assert desk.helpdesk.counts().answered == ROUNDS
