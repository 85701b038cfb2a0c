"""The daily job: which survey opens when, that none opens twice, and that the job may die anywhere.

Answering a survey: once, validated, and paid whatever the answers are.
"""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from chalicelib.aws import dynamodb
from chalicelib.clock import iso
from chalicelib.config import Programme, Settings, load_programme
from chalicelib.errors import NotFound
from chalicelib.notices.rules import Kind as Notice
from chalicelib.outcomes.errors import InvalidAnswer, SurveyAlreadyAnswered, SurveyClosed
from chalicelib.outcomes.store import OutcomesTable
from chalicelib.outcomes.survey_job import PAGE_S, SAMPLE_S
from chalicelib.outcomes.survey_rules import Group
from chalicelib.payouts.rules import Kind
from tests.builders.crashes import Calls, Crash, die
from tests.builders.surveys import ANSWERS, COMPARED, DAY, WAVE, Seconds, World, beneficiary, response, settled
from tests.conftest import REGION, T0

PAID = T0
DUE = PAID + 30 * DAY


@pytest.fixture
def world(cloud: Settings, programme: Programme) -> World:
    return World(cloud, programme)


def test_a_programme_without_surveys_asks_nobody(cloud, programme):
    """Not even those who were not chosen; when a stage would open one changes nothing."""
    world = World(cloud, programme)
    world.programme = replace(world.programme, surveys=load_programme("local", "vokasi-2026").surveys)
    world.paid(["ani"], PAID)
    world.people.waves = [settled(WAVE, PAID)]
    world.open_surveys(DUE + 100 * DAY)
    assert (world.all(), world.told.heard, world.people.drawn) == ([], {}, [])


def test_the_first_survey_opens_30_days_after_the_incentive_was_paid_the_second_after_90(world, caplog):
    caplog.set_level("INFO", "chalicelib.outcomes.survey_job")
    world.paid(["ani", "budi"], PAID)
    world.paid(["returned"], PAID, latest="REVERSED")
    world.people.chosen.pop("budi")
    world.open_surveys(DUE - DAY)
    assert world.all() == []

    world.open_surveys(DUE)
    [survey] = world.store.of("ani")
    assert (survey.number, survey.group, survey.wave, survey.region) == (1, Group.BENEFICIARY, WAVE, 31)
    assert (survey.opened_at, survey.closes_at, survey.version) == (DUE, DUE + 30 * DAY, "2026-01")
    assert len(world.all()) == 1, "neither whose money came back, nor whom nobody knows"
    event = ("ani", f"survey_open/{survey.id}")
    facts = {"closes_at": iso(survey.closes_at), "amount_idr": 50_000}
    assert world.told.heard == {event: (Notice.SURVEY_OPEN, facts)}
    told = [(one.kind, one.count) for one in caplog.records if one.message == "surveys_told"]
    assert told == [("survey_open", 1)], "a run that did nothing says nothing"

    world.open_surveys(DUE + DAY)
    assert world.store.of("ani") == [survey], "what is open stays as it was opened"
    world.open_surveys(PAID + 90 * DAY)
    assert [one.number for one in world.store.of("ani")] == [1, 2]
    assert world.told.kinds(Notice.SURVEY_OPEN) == ["ani", "ani"]


def test_who_was_erased_is_asked_nothing(world):
    world.paid(["ani", "erased"], PAID)
    world.people.waves = [settled(WAVE, PAID)]
    world.people.samples[WAVE] = [("budi", 31), ("gone", 31)]
    world.people.erased = {"erased", "gone"}
    world.open_surveys(PAID + 100 * DAY)
    assert {item.pk for item in world.all()} == {"S#ani", "S#budi"}
    assert {person for person, _ in world.told.heard} == {"ani", "budi"}


def test_each_of_300_surveys_opens_once_though_the_job_is_killed(world, monkeypatch):
    people = [f"person-{number:03}" for number in range(300)]
    world.paid(people, PAID)
    calls = Calls(monkeypatch)
    calls.after[200] = die
    with pytest.raises(Crash):
        world.open_surveys(DUE)
    assert 0 < len(world.all()) < 300
    calls.reset()

    world.open_surveys(DUE)

    assert [(survey.pk, survey.opened_at) for survey in world.all()] == [(f"S#{one}", DUE) for one in people]
    assert world.told.kinds(Notice.SURVEY_OPEN) == people


def test_when_time_is_short_the_next_run_goes_on_where_it_stopped(world):
    people = [f"person-{number:03}" for number in range(60)]
    world.paid(people, PAID)
    opened = []
    for _ in range(8):
        world.opening().run(DUE, PAGE_S + 7, Seconds(1))
        opened.append(len(world.all()))
    assert opened[0] < 60
    assert opened == sorted(opened)

    world.open_surveys(DUE)
    assert len(world.all()) == 60


def test_a_person_not_told_before_a_crash_is_told_of_the_opened_survey(world):
    world.paid(["ani"], PAID)
    told, world.told = world.told, SimpleNamespace(tell_all=lambda _: die())
    with pytest.raises(Crash):
        world.open_surveys(DUE)
    assert len(world.all()) == 1

    world.told = told
    world.open_surveys(DUE + 2 * DAY)

    [(_, facts)] = told.heard.values()
    assert facts["closes_at"] == iso(DUE + 30 * DAY)


def test_people_without_an_answer_are_reminded_once_before_their_survey_closes(world):
    world.paid(["ani", "budi"], PAID)
    world.open_surveys(DUE)
    world.surveys.respond("budi", world.store.of("budi")[0].id, response(), DUE + DAY)
    world.paid(["late"], PAID)
    world.open_surveys(DUE + 10 * DAY)
    [survey] = world.store.of("late")
    assert (survey.opened_at, survey.closes_at) == (DUE + 10 * DAY, DUE + 40 * DAY), "missed days are made up for"

    # Opened ten days later, it closes ten days later.
    for day, reminded in ((26, []), (27, ["ani"]), (28, ["ani"]), (36, ["ani"]), (37, ["ani", "late"])):
        world.open_surveys(DUE + day * DAY)
        assert world.told.kinds(Notice.SURVEY_DEADLINE) == reminded


def test_the_comparison_group_is_offered_the_survey_once_60_days_after_the_wave_was_settled(world):
    world.people.waves = [settled(WAVE, T0), settled(WAVE + 1, T0 + 14 * DAY)]
    world.people.samples = {WAVE: [("compared", 31), ("chosen-since", 32)], WAVE + 1: [("compared", 31)]}
    world.paid(["chosen-since"], T0 + 59 * DAY, wave=WAVE + 1)
    world.open_surveys(T0 + 59 * DAY)
    assert world.people.drawn == []

    world.open_surveys(T0 + 60 * DAY)
    world.open_surveys(T0 + 61 * DAY)
    assert world.people.drawn == [(WAVE, world.rules.comparison_size)]
    assert [item.pk for item in world.all()] == ["S#compared"]
    [survey] = world.store.of("compared")
    assert (survey.number, survey.group, survey.wave, survey.region) == (1, Group.COMPARISON, WAVE, 31)
    [(kind, facts)] = world.told.heard.values()
    assert (kind, facts["amount_idr"]) == (Notice.SURVEY_OPEN, 0)

    world.open_surveys(T0 + 74 * DAY)
    assert [one.wave for one in world.store.of("compared")] == [WAVE, WAVE + 1], "drawn twice, asked twice"
    world.open_surveys(T0 + 87 * DAY)
    assert world.told.kinds(Notice.SURVEY_DEADLINE) == ["compared"], "reminded as the others are"


def test_a_page_of_people_is_told_together(world):
    world.people.waves = [settled(WAVE, T0)]
    world.people.samples = {WAVE: [(f"person-{number:02}", 31) for number in range(60)]}
    world.open_surveys(T0 + 60 * DAY)
    assert world.told.together == [50, 10]


def test_a_killed_offer_to_the_comparison_group_continues_to_the_same_end(world, monkeypatch):
    people = [f"person-{number:02}" for number in range(30)]
    world.people.waves = [settled(WAVE, T0)]
    world.people.samples = {WAVE: [(person, 31) for person in people]}
    calls = Calls(monkeypatch)
    calls.before[150] = die
    with pytest.raises(Crash):
        world.open_surveys(T0 + 60 * DAY)
    assert 0 < len(world.all()) < 30
    calls.reset()
    world.open_surveys(T0 + 61 * DAY)
    assert [survey.pk for survey in world.all()] == [f"S#{person}" for person in people]
    assert world.told.kinds(Notice.SURVEY_OPEN) == people
    assert [item.sk for item in OutcomesTable.query("SAMPLES")] == [f"{WAVE:06}"]


def test_a_sample_unlike_the_published_one_rings_and_stops_no_other_wave(world, caplog):
    world.people.waves = [settled(WAVE, T0), settled(WAVE + 1, T0)]
    world.people.samples = {WAVE + 1: [("compared", 31)]}
    world.open_surveys(T0 + 60 * DAY)
    assert [item.pk for item in world.all()] == ["S#compared"]
    logged = [(one.levelname, one.message) for one in caplog.records if one.levelname != "INFO"]
    assert logged == [("ERROR", "sample_not_as_published")]
    assert [item.sk for item in OutcomesTable.query("SAMPLES")] == [f"{WAVE + 1:06}"]


def test_without_time_no_sample_is_drawn_but_reminders_are_sent(world):
    world.people.waves = [settled(WAVE, T0)]
    world.people.samples = {WAVE: [("compared", 31)]}
    world.open_surveys(T0 + 60 * DAY, deadline_s=SAMPLE_S - 1)
    assert world.people.drawn == []
    world.open_surveys(T0 + 60 * DAY)
    world.people.waves.append(settled(WAVE + 1, T0))
    world.open_surveys(T0 + 87 * DAY, deadline_s=SAMPLE_S - 1)
    assert world.told.kinds(Notice.SURVEY_DEADLINE) == ["compared"]


def test_an_answered_survey_makes_its_money_due_once(world):
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


def test_the_money_is_the_same_whatever_the_answers_are(world):
    for person, changes in {
        "glad": {"recommendation": 10, "satisfaction": 5},
        "angry": {"recommendation": 0, "satisfaction": 1, "employment_now": "unemployed", "work_kind": "none"},
        "silent": {"income_bracket": "not_said", "incentive_use": ["not_yet_used"], "certificate_used": "not_yet"},
    }.items():
        world.surveys.respond(person, world.opened(person, T0).id, response(**changes), T0)
    assert sorted(world.due().values()) == [50_000] * 3


def test_the_comparison_group_answers_its_questions_and_is_paid_nothing(world):
    survey = world.compared("budi", T0)
    [shown] = world.surveys.of("budi", T0)
    assert (shown.group, shown.amount_idr) == ("comparison", 0)
    assert [question.id for question in shown.questions] == list(COMPARED)

    with pytest.raises(InvalidAnswer):
        world.surveys.respond("budi", survey.id, response(), T0)
    view, new = world.surveys.respond("budi", survey.id, response(COMPARED), T0)

    assert (new, view.answers) == (True, COMPARED)
    assert (world.due(), world.queued()) == ({}, 0)


def test_a_person_of_the_comparison_group_chosen_later_gets_both_surveys(world):
    compared = world.compared("ani", T0, wave=WAVE - 1)
    own = world.opened("ani", T0 + DAY)
    world.surveys.respond("ani", compared.id, response(COMPARED), T0 + DAY)
    world.surveys.respond("ani", own.id, response(), T0 + DAY)
    assert [view.state for view in world.surveys.of("ani", T0 + DAY)] == ["answered", "answered"]
    assert world.due() == {"ani SURVEY_1": 50_000}


def test_answers_to_a_closed_or_foreign_survey_and_wrong_answers_are_refused(world):
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


def test_an_answer_whose_payment_could_not_be_queued_is_kept_and_the_sweep_finds_it(world):
    survey = world.opened("ani", T0)

    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(world.queue, "send", lambda _: die())
        with pytest.raises(Crash):
            world.surveys.respond("ani", survey.id, response(), T0)
    assert world.surveys.respond("ani", survey.id, response(), T0)[1] is False
    assert world.due() == {"ani SURVEY_1": 50_000}
    assert world.payouts.sweep(T0 + DAY) == 1


def test_an_answer_of_another_device_in_between_is_kept(world):
    survey = world.opened("ani", T0)
    make = world.transactions

    def other_first() -> dynamodb.Transaction:
        world.transactions = make
        world.surveys.respond("ani", survey.id, response(satisfaction=1), T0)
        return make()

    world.transactions = other_first
    with pytest.raises(SurveyAlreadyAnswered):
        world.surveys.respond("ani", survey.id, response(satisfaction=5), T0)
    uses = tuple(sorted(ANSWERS["incentive_use"]))
    assert world.store.of("ani")[0].answers == ANSWERS | {"satisfaction": 1, "incentive_use": uses}
    assert world.due() == {"ani SURVEY_1": 50_000}


def test_an_answer_lost_by_a_restore_is_accepted_again_but_paid_once(world):
    survey = world.opened("ani", T0)
    with dynamodb.Transaction(REGION) as tx:
        world.payouts.entitle(tx, beneficiary("ani"), Kind.SURVEY_1, T0)
    _, new = world.surveys.respond("ani", survey.id, response(), T0)
    assert new
    assert world.due() == {"ani SURVEY_1": 50_000}


def test_a_waves_surveys_of_both_groups_are_listed_by_shard_and_the_next_close_is_known(world):
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
