"""A stop before the first review: what is reviewed after it is kept without money, and what it is owed if undone."""

from __future__ import annotations

from datetime import timedelta
from itertools import count

import pytest
from msgspec.structs import replace

from chalicelib.aws.dynamodb import Transaction
from chalicelib.config import Programme, Settings
from chalicelib.payouts.errors import NothingToCome
from chalicelib.payouts.plans.plan_rules import INCENTIVES, Plan, Stop
from chalicelib.payouts.rules import Authority
from chalicelib.training.wire import ReviewForm, TrainingView
from chalicelib.waves.rules import Beneficiary
from tests.builders.crashes import SOME_OR_ALL, Calls
from tests.builders.training import ANI, BUDI, PERSON, Scene, scene
from tests.conftest import T0

REVIEWED = T0 + timedelta(hours=1)
LATER = T0 + timedelta(days=65)
CARDS = count(1)


@pytest.fixture
def stage(cloud: Settings, programme: Programme) -> Scene:
    return scene(cloud, replace(programme, payouts=replace(programme.payouts, month_s=None)))


def person(stage: Scene, name: str, scheme: str) -> Beneficiary:
    who = replace(PERSON, registrant_id=name, card_number=f"20269{next(CARDS):011}", scheme=scheme)
    stage.choose(who)
    return who


def stop(stage: Scene, who: Beneficiary, why: Stop = Stop.DIED) -> Plan:
    [ended] = stage.services.stop_plan(who.registrant_id, why, Authority(ANI, "by the registry"), T0)
    return ended


def go_on(stage: Scene, who: Beneficiary) -> None:
    proposed = stage.services.propose_to_continue(who.registrant_id, Authority(ANI, "another person"), LATER)
    stage.services.continue_plan(proposed, BUDI, LATER)


def review(stage: Scene, who: Beneficiary, bought: TrainingView) -> bool:
    return stage.services.training.review(who.registrant_id, bought.training_id, ReviewForm(9, "Baik."), REVIEWED)[1]


def earned(stage: Scene, who: Beneficiary) -> list[str]:
    return [
        payout.kind for payout in stage.services.payouts.of(stage.services.waves.beneficiaries.of(who.registrant_id))
    ]


def run(stage: Scene) -> None:
    assert stage.services.plans.run(LATER, 900, lambda: 0)


@pytest.mark.parametrize(("scheme", "owed"), [("2023", 1), ("2020", 3)])
def test_a_review_after_a_stop_is_kept_without_money_and_is_owed_once_the_stop_is_undone(stage, scheme, owed):
    who = person(stage, "citra", scheme)
    ended = stop(stage, who)
    assert (ended.stopped, ended.number, ended.due_at) == (Stop.DIED, 1, None)
    assert stop(stage, who, Stop.DROPPED_OUT) == ended, "the first stop counts"
    bought = stage.completed(person=who)
    assert review(stage, who, bought)
    assert not review(stage, who, bought)
    assert stage.state(who) == "GRADUATED"
    run(stage)
    assert earned(stage, who) == stage.queued() == []
    assert stage.services.payouts_of(who.registrant_id).stopped_because == "died"
    go_on(stage, who)
    run(stage)
    run(stage)
    assert earned(stage, who) == list(INCENTIVES[:owed]), "as of the review, with the months since"
    assert stage.services.payouts_of(who.registrant_id).stopped_because is None


@pytest.mark.parametrize("scheme", ["2023", "2020"])
def test_a_stop_that_is_undone_before_the_review_leaves_nothing(stage, scheme):
    who = person(stage, "citra", scheme)
    stop(stage, who)
    go_on(stage, who)
    assert stage.items("PLAN#", "payouts") == []
    assert review(stage, who, stage.completed(person=who))
    assert earned(stage, who) == ["INCENTIVE"]


@pytest.mark.parametrize("scheme", ["2023", "2020"])
def test_a_review_meets_a_stop_or_its_end_and_is_paid_exactly_where_there_is_none(stage, scheme):
    stopped, going = person(stage, "citra", scheme), person(stage, "dewi", scheme)
    courses = {who: stage.completed(who.registrant_id, who) for who in (stopped, going)}
    stage.just_before_the_next_commit(lambda: stop(stage, stopped))
    assert review(stage, stopped, courses[stopped])
    assert earned(stage, stopped) == []
    stop(stage, going)
    # It finds the stop, and this is over before it writes without the money.
    stage.just_before_the_next_commit(lambda: stage.just_before_the_next_commit(lambda: go_on(stage, going)))
    assert review(stage, going, courses[going])
    assert earned(stage, going) == ["INCENTIVE"]


def test_a_stop_that_meets_the_review_of_the_only_incentive_finds_nothing_to_stop(stage, monkeypatch):
    who = person(stage, "citra", "2023")
    bought = stage.completed(person=who)
    ledger, commit = stage.services.payout_store, stage.services.payout_store.transaction

    def after_the_review() -> Transaction:
        monkeypatch.setattr(ledger, "transaction", commit)
        assert review(stage, who, bought)
        return commit()

    monkeypatch.setattr(ledger, "transaction", after_the_review)
    with pytest.raises(NothingToCome):
        stop(stage, who)
    assert earned(stage, who) == ["INCENTIVE"]
    assert stage.services.payouts_of(who.registrant_id).stopped_because is None


@pytest.mark.parametrize("scheme", ["2023", "2020"])
def test_a_review_that_a_restored_table_lost_is_kept_again_and_pays_nothing_twice(stage, scheme):
    who = person(stage, "citra", scheme)
    bought = stage.completed(person=who)
    with stage.services.transaction() as tx:
        stage.services.payouts.entitle(tx, who, INCENTIVES[0], T0)
    assert review(stage, who, bought)
    assert (stage.state(who), earned(stage, who)) == ("GRADUATED", ["INCENTIVE"])


@SOME_OR_ALL
@pytest.mark.parametrize("where", ["before", "after"])
def test_each_act_may_die_at_any_call_and_the_first_instalment_comes_once(stage, monkeypatch, where, picked):
    calls = Calls(monkeypatch)
    for number, at in ((number, at) for number in range(4) for at in picked(range(5))):
        who = person(stage, f"person-{number}{at}", "2020")
        bought = stage.completed(who.registrant_id, who)

        def begin_again(who=who) -> None:
            plan, _ = stage.services.plans.of(stage.services.waves.beneficiaries.of(who.registrant_id))
            if plan and plan.stopped:
                go_on(stage, who)

        acts = (
            lambda who=who: stop(stage, who),
            lambda who=who, bought=bought: review(stage, who, bought),
            begin_again,
            lambda: run(stage),
        )
        for act_number, act in enumerate(acts):
            if act_number == number:
                calls.dies(act, where, at)
            act()
        assert earned(stage, who) == list(INCENTIVES[:3]), (number, at)
