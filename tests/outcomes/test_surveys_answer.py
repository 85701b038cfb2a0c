"""Answering a survey: once, validated, with its money, whatever is answered."""

from __future__ import annotations

from datetime import timedelta

import pytest

from chalicelib.aws import dynamodb
from chalicelib.clock import iso
from chalicelib.config import Programme, Settings
from chalicelib.errors import NotFound, Unavailable
from chalicelib.outcomes.errors import InvalidAnswer, SurveyAlreadyAnswered, SurveyClosed
from chalicelib.payouts.rules import Kind
from tests.builders.surveys import ANSWERS, COMPARED, DAY, WAVE, World, beneficiary, response
from tests.conftest import REGION, T0


@pytest.fixture
def world(cloud: Settings, programme: Programme) -> World:
    return World(cloud, programme)


def test_an_answered_survey_makes_its_money_due_once_and_the_same_again_is_the_same(world: World) -> None:
    first, second = world.opened("ani", T0), world.opened("ani", T0 + 60 * DAY, number=2)
    shown = world.surveys.of("ani", T0 + DAY)
    assert [(view.state, view.amount_idr, len(view.questions)) for view in shown] == [("open", 50_000, 8)] * 2

    view, new = world.surveys.respond("ani", first.id, response(), T0 + DAY)
    assert (new, view.state, view.answered_at) == (True, "answered", iso(T0 + DAY))
    assert world.due() == {"ani SURVEY_1": 50_000}
    assert world.queued() == 1

    ticked_otherwise = response(incentive_use=["daily_needs", "business_capital"])
    again = world.surveys.respond("ani", first.id, ticked_otherwise, T0 + 400 * DAY)
    assert again == (view, False), "also long after the close"
    with pytest.raises(SurveyAlreadyAnswered):
        world.surveys.respond("ani", first.id, response(recommendation=0), T0 + DAY)
    assert world.surveys.of("ani", T0 + DAY)[0].answers == view.answers
    assert world.due() == {"ani SURVEY_1": 50_000}
    assert world.queued() == 0

    world.surveys.respond("ani", second.id, response(), T0 + 61 * DAY)
    assert world.due() == {"ani SURVEY_1": 50_000, "ani SURVEY_2": 50_000}


def test_the_money_is_the_same_whatever_the_answers_are(world: World) -> None:
    for person, changes in {
        "glad": {"recommendation": 10, "satisfaction": 5},
        "angry": {"recommendation": 0, "satisfaction": 1, "employment_now": "unemployed", "work_kind": "none"},
        "silent": {"income_bracket": "not_said", "incentive_use": ["not_yet_used"], "certificate_used": "not_yet"},
    }.items():
        world.surveys.respond(person, world.opened(person, T0).id, response(**changes), T0)
    assert set(world.due().values()) == {50_000}
    assert len(world.due()) == 3


def test_the_comparison_group_answers_its_questions_and_is_paid_nothing(world: World) -> None:
    survey = world.compared("budi", T0)
    [shown] = world.surveys.of("budi", T0)
    assert (shown.group, shown.amount_idr) == ("comparison", 0)
    assert [question.id for question in shown.questions] == list(COMPARED)

    with pytest.raises(InvalidAnswer):
        world.surveys.respond("budi", survey.id, response(), T0)
    view, new = world.surveys.respond("budi", survey.id, response(COMPARED), T0)

    assert (new, view.answers) == (True, COMPARED)
    assert (world.due(), world.queued()) == ({}, 0)


def test_who_was_compared_and_is_chosen_in_a_later_wave_has_both_surveys(world: World) -> None:
    compared = world.compared("ani", T0, wave=WAVE - 1)
    own = world.opened("ani", T0 + DAY)
    world.surveys.respond("ani", compared.id, response(COMPARED), T0 + DAY)
    world.surveys.respond("ani", own.id, response(), T0 + DAY)
    assert [view.state for view in world.surveys.of("ani", T0 + DAY)] == ["answered", "answered"]
    assert world.due() == {"ani SURVEY_1": 50_000}


def test_a_closed_survey_anothers_or_a_wrong_answer_changes_nothing(world: World) -> None:
    survey = world.opened("ani", T0)
    world.opened("budi", T0)
    last = survey.closes_at - timedelta(milliseconds=1)
    with pytest.raises(NotFound):
        world.surveys.respond("budi", survey.id, response(), T0)
    with pytest.raises(InvalidAnswer):
        world.surveys.respond("ani", survey.id, response(satisfaction=6), T0)
    with pytest.raises(SurveyClosed) as closed:
        world.surveys.respond("ani", survey.id, response(), survey.closes_at)
    assert closed.value.facts == {"closed_at": iso(survey.closes_at)}
    assert [view.state for view in world.surveys.of("ani", last)] == ["open"]
    assert [view.state for view in world.surveys.of("ani", survey.closes_at)] == ["closed"]
    assert (world.due(), world.queued()) == ({}, 0)

    _, new = world.surveys.respond("ani", survey.id, response(), last)
    assert new


def test_an_answer_whose_payment_could_not_be_queued_is_kept_and_the_sweep_finds_it(world: World) -> None:
    survey = world.opened("ani", T0)

    def die() -> None:
        raise Unavailable()

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.queue, "send", lambda _: die())
        with pytest.raises(Unavailable):
            world.surveys.respond("ani", survey.id, response(), T0)
    assert world.surveys.respond("ani", survey.id, response(), T0)[1] is False
    assert world.due() == {"ani SURVEY_1": 50_000}
    assert world.payouts.sweep(T0 + DAY) == 1


def test_another_device_that_answered_between_reading_and_writing_stands(world: World) -> None:
    survey = world.opened("ani", T0)
    make = world.transactions

    def other_first() -> dynamodb.Transaction:
        world.transactions = make
        world.surveys.respond("ani", survey.id, response(satisfaction=1), T0)
        return make()

    world.transactions = other_first
    with pytest.raises(SurveyAlreadyAnswered):
        world.surveys.respond("ani", survey.id, response(satisfaction=5), T0)
    assert world.store.of("ani")[0].answers == {
        **ANSWERS,
        "satisfaction": 1,
        "incentive_use": tuple(sorted(ANSWERS["incentive_use"])),
    }
    assert world.due() == {"ani SURVEY_1": 50_000}


def test_an_answer_that_a_restore_lost_is_taken_again_and_paid_no_second_time(world: World) -> None:
    survey = world.opened("ani", T0)
    with dynamodb.Transaction(REGION) as tx:
        world.payouts.entitle(tx, beneficiary("ani"), Kind.SURVEY_1, T0)
    _, new = world.surveys.respond("ani", survey.id, response(), T0)
    assert new
    assert world.due() == {"ani SURVEY_1": 50_000}


def test_a_waves_surveys_of_both_groups_are_listed_by_shard_and_the_next_close_is_known(world: World) -> None:
    people = [f"person-{number}" for number in range(12)]
    for person in people:
        world.opened(person, T0)
        world.compared(f"{person}-compared", T0)
    world.compared("elsewhere", T0, wave=WAVE - 1)
    world.opened("person-1", T0 + 10 * DAY, number=2)
    world.surveys.respond("person-1", world.store.of("person-1")[0].id, response(), T0)

    listed = [survey for shard in range(64) for survey in world.store.of_wave(WAVE, f"{shard:02}")]

    assert len(listed) == len({survey.id for survey in listed}) == 25
    assert sum(survey.answers is not None for survey in listed) == 1
    assert world.surveys.next_closing("person-1", T0 + 10 * DAY) == T0 + 40 * DAY
    assert world.surveys.next_closing("person-2", T0) == T0 + 30 * DAY
    assert world.surveys.next_closing("person-2", T0 + 30 * DAY) is None
