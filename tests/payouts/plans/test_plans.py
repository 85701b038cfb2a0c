"""The job on its table: the first month begins a plan, each month comes once whatever dies, and what is refused."""

from __future__ import annotations

from datetime import UTC, datetime, timedelta
from types import SimpleNamespace
from typing import get_args

import pytest
from msgspec.structs import replace

from chalicelib.config import Programme, Settings
from chalicelib.payouts import wire
from chalicelib.payouts.errors import NothingToCome, NothingToContinue
from chalicelib.payouts.plans import store as plan_store
from chalicelib.payouts.plans.plan_rules import INCENTIVES, Kind, Plan, Stop
from chalicelib.payouts.plans.service import ONE_PERSON_S, THREADS
from chalicelib.payouts.rules import Authority
from chalicelib.payouts.wire import decode_message
from tests.builders.crashes import SOME_OR_ALL, Calls, worth_it
from tests.builders.payouts.desk import Desk
from tests.builders.payouts.states import ANI, BUDI
from tests.builders.payouts.world import World, beneficiary
from tests.conftest import T0

FIRST = datetime(2026, 1, 31, 3, tzinfo=UTC)
ALL_OF_IT = list(INCENTIVES[:4])


class Months(World):
    def begin(self, name: str) -> str:
        return self.entitle(beneficiary(name, scheme="2020"))

    def go_on(self, deadline_s: float = 800) -> bool:
        return self.services.plans.run(self.now, deadline_s, lambda: 0.0)

    def kinds(self, name: str) -> list[Kind]:
        return sorted((e.kind for e in self.store.everything() if e.registrant_id == name), key=list(Kind).index)


@pytest.fixture
def months(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> Months:
    monkeypatch.setattr("chalicelib.payouts.ledger.records.SHARDS", 1)
    programme = replace(programme, payouts=replace(programme.payouts, month_s=None))
    world = Months(cloud, programme)
    world.now = FIRST
    return world


def test_four_months_come_on_their_days_and_are_queued(months: Months):
    months.begin("ani")
    months.entitle(beneficiary("budi"))
    seen = []
    for day in (27, 28, 58, 59, 88, 89, 120):
        months.now = FIRST + timedelta(days=day)
        assert months.go_on()
        queued = [decode_message(body).entitlement_id for body in months.messages()]
        seen += [(months.now.day, months.store.get(id_).kind) for id_ in queued]
    assert seen == [(28, Kind.INCENTIVE_2), (31, Kind.INCENTIVE_3), (30, Kind.INCENTIVE_4)]
    assert (months.kinds("ani"), months.kinds("budi")) == (ALL_OF_IT, [Kind.INCENTIVE])
    assert [event.reason for event in months.store.events(queued_id(months))] == ["instalment"]


def queued_id(months: Months) -> str:
    return next(each.id for each in months.store.everything() if each.kind is Kind.INCENTIVE_4)


@pytest.mark.parametrize("where", ["before", "after"])
@SOME_OR_ALL
def test_a_job_that_dies_at_any_call_pays_each_missed_month_once(months: Months, monkeypatch, where, picked):
    calls = Calls(monkeypatch)

    def outage(name: str) -> None:
        months.now = FIRST
        months.begin(name)
        months.begin(f"{name}-2")
        months.now = FIRST + timedelta(days=60)

    outage("first")
    calls.reset()
    assert months.go_on()
    points = worth_it([operation for _, operation in calls.made])
    assert len(points) == 6
    for at in picked(points):
        outage(f"person-{at}")
        assert calls.dies(months.go_on, where, at)
        assert months.go_on()
        assert months.go_on()
        for name in (f"person-{at}", f"person-{at}-2"):
            assert months.kinds(name) == ALL_OF_IT[:3]
        months.now += timedelta(days=60)
        assert months.go_on()


def test_two_runs_at_once_pay_a_month_once(months: Months, monkeypatch):
    calls = Calls(monkeypatch)
    for at in (0, 1, 2, 3):
        months.now = FIRST
        months.begin(f"person-{at}")
        months.now = FIRST + timedelta(days=40)
        calls.meeting(at, months.go_on, months.go_on)
        assert months.kinds(f"person-{at}") == ALL_OF_IT[:2]


def test_a_run_without_time_leaves_the_rest_to_the_next(months: Months):
    months.begin("ani")
    months.now += timedelta(days=28)
    assert not months.go_on(deadline_s=ONE_PERSON_S - 1)
    assert months.kinds("ani") == [Kind.INCENTIVE]
    assert months.go_on()
    assert months.kinds("ani") == ALL_OF_IT[:2]


def test_threads_share_the_partitions_and_make_each_month_due_once(months: Months, monkeypatch):
    monkeypatch.setattr("chalicelib.payouts.ledger.records.SHARDS", 16)
    names = [f"person-{number}" for number in range(12)]
    for name in names:
        months.begin(name)
    months.now += timedelta(days=60)
    plans = months.services.plans
    assert not plans.run(months.now, ONE_PERSON_S - 1, lambda: 0.0, threads=THREADS)
    assert plans.run_at_once(months.now, 800)
    assert plans.run_at_once(months.now, 800)
    assert {name: months.kinds(name) for name in names} == dict.fromkeys(names, ALL_OF_IT[:3])
    assert len(months.messages()) == 2 * len(names)


def test_a_list_that_is_retracted_costs_nobody_a_month(months: Months):
    """The months of who is excluded come too, and the worker holds them."""
    months.begin("ani")
    months.people.excluded.add("ani")
    months.now += timedelta(days=60)
    assert months.go_on()
    assert months.kinds("ani") == ALL_OF_IT[:3]


def test_a_plan_that_was_restored_to_an_earlier_time_follows_the_ledger(months: Months, caplog):
    months.begin("ani")
    earlier = months.store.plans.of(("ani", 143))
    assert earlier
    months.now += timedelta(days=28)
    assert months.go_on()
    plan_store._item(earlier).save()
    months.now += timedelta(days=31)
    assert months.go_on()
    assert months.kinds("ani") == ALL_OF_IT[:3]
    assert [record.message for record in caplog.records if record.levelname == "ERROR"] == ["plan_behind"]


def test_a_stop_makes_what_is_due_come_and_nothing_after_it(months: Months):
    months.begin("ani")
    months.now += timedelta(days=60)
    ani = beneficiary("ani", scheme="2020")
    plan = months.services.plans.stop(ani, Stop.DROPPED_OUT, months.now)
    assert (plan.stopped, plan.due_at) == (Stop.DROPPED_OUT, None)
    assert len(months.messages()) == 2
    assert months.services.plans.stop(ani, Stop.DIED, months.now + timedelta(days=1)) == plan
    months.now += timedelta(days=60)
    assert months.go_on()
    assert months.kinds("ani") == ALL_OF_IT[:3]


def test_there_must_be_something_to_stop(months: Months):
    months.begin("ani")
    months.entitle(beneficiary("budi"))
    with pytest.raises(NothingToCome):
        months.services.plans.stop(beneficiary("budi"), Stop.DIED, T0)
    months.now += timedelta(days=200)
    assert months.go_on()
    with pytest.raises(NothingToCome):
        months.services.plans.stop(beneficiary("ani", scheme="2020"), Stop.DIED, months.now)


def chosen(months: Months, *names: str) -> None:
    people = {name: beneficiary(name, scheme="2020") for name in names} | {"budi": beneficiary("budi")}
    held = {name: [place] for name, place in people.items()}
    places = SimpleNamespace(of=people.get, places=lambda name: held.get(name, []), check_as_read=lambda *_: None)
    months.services.waves = SimpleNamespace(beneficiaries=places)  # type: ignore[assignment]


def test_a_person_sees_what_is_to_come_and_why_nothing_more_is(months: Months):
    chosen(months, "ani")
    months.begin("ani")
    months.entitle(beneficiary("budi"))
    services, later = months.services, FIRST + timedelta(days=28)
    shown = services.payouts_of("ani")
    assert [(each.kind, each.amount_idr, each.due_at.day) for each in shown.to_come] == [
        ("INCENTIVE_2", 600_000, 28),
        ("INCENTIVE_3", 600_000, 31),
        ("INCENTIVE_4", 600_000, 30),
    ]
    months.now = later
    assert months.go_on()
    services.stop_plan("ani", Stop.DROPPED_OUT, Authority("arn:ani", "told us"), later)
    shown = services.payouts_of("ani")
    assert [each.kind for each in shown.payouts] == ["INCENTIVE", "INCENTIVE_2"]
    assert (shown.to_come, shown.stopped_because) == ([], "dropped_out")
    for other in ("budi", "nobody"):
        shown = services.payouts_of(other)
        assert (shown.to_come, shown.stopped_because) == ([], None)
    assert {wire.payout_list([], replace(PLAN, stopped=why), []).stopped_because for why in Stop} == {
        *get_args(wire.StoppedBecause)
    }


PLAN = Plan("ani", 143, 31, "2020", FIRST, 2, None)


def test_an_administrator_sees_and_stops_a_plan_and_the_budget_by_month(months: Months, monkeypatch):
    chosen(months, "ani", "citra")
    desk = Desk(months, monkeypatch)
    first = months.begin("ani")
    months.begin("citra")
    assert desk.found("status")["to_come"] == [
        {"month": month, "amount_idr": 1_200_000, "days_of_ceiling": 1} for month in ("2026-02", "2026-03", "2026-04")
    ]
    [plan] = desk.found("show", first)["plan"]
    assert [each["kind"] for each in plan["to_come"]] == ["INCENTIVE_2", "INCENTIVE_3", "INCENTIVE_4"]
    assert desk.found("plan", "show", "ani") == plan
    ended = desk.found("plan", "stop", "ani", "--because", "died", "--reason", "by the registry")
    assert (ended["stopped"], ended["to_come"]) == ("DIED", [])
    status = desk.found("status")
    assert [each["amount_idr"] for each in status["to_come"]] == [600_000] * 3
    acts = desk.world.services.payout_administration.acts(5)
    assert [(act.deed, act.about, act.note) for act in acts] == [("STOP_PLAN", "ani wave 143 DIED", "by the registry")]
    assert status["acts"] == [], "every set may look at it"
    months.entitle(beneficiary("budi"))
    assert "nothing_to_come" in desk.refused("plan", "stop", "budi", "--because", "died", "--reason", "by mistake")
    assert desk.told("plan", "show", "budi") == ["this person has no monthly payments"]


def test_a_stop_ends_the_months_of_every_place_and_each_goes_on_by_itself(months: Months, monkeypatch):
    latest = beneficiary("ani", scheme="2020")
    both = [latest, replace(latest, wave=latest.wave - 2)]
    places = SimpleNamespace(of=lambda _: latest, places=lambda _: both, check_as_read=lambda *_: None)
    months.services.waves = SimpleNamespace(beneficiaries=places)  # type: ignore[assignment]
    for place in both:
        months.entitle(place)
    desk = Desk(months, monkeypatch)
    assert desk.found("plan", "show", "ani", "--wave", "141")["wave"] == 141
    ended = desk.found("plan", "stop", "ani", "--because", "died", "--reason", "by the registry")
    assert (ended["wave"], ended["stopped_of_waves"]) == (143, "143, 141")
    assert desk.found("status")["to_come"] == []
    desk.found("plan", "continue", "ani", "--wave", "141", "--reason", "another ani died")
    desk.me = BUDI
    desk.found("plan", "approve", "ani", "--wave", "141", "--yes")
    assert [desk.found("plan", "show", "ani", "--wave", str(one.wave))["stopped"] for one in both] == ["DIED", None]
    assert len(months.services.payouts_of("ani").to_come) == 3, "what an earlier place still pays is shown"


def test_two_administrators_undo_a_stop(months: Months, monkeypatch):
    chosen(months, "ani")
    desk = Desk(months, monkeypatch)
    months.begin("ani")
    said = ("--reason", "another ani died")
    for words in (("continue", "ani", *said), ("continue", "nobody", *said), ("approve", "ani", "--yes")):
        assert "nothing_to_continue" in desk.refused("plan", *words)
    desk.found("plan", "stop", "ani", "--because", "died", "--reason", "by the registry")
    assert "nothing_to_continue" in desk.refused("plan", "approve", "ani", "--yes")
    months.now += timedelta(days=70)
    [proposal] = desk.found("plan", "continue", "ani", *said)["proposal"]
    assert (proposal["proposed"], proposal["by"], proposal["reason"]) == ("CONTINUE", ANI, "another ani died")
    assert "payout_same_person" in desk.refused("plan", "approve", "ani", "--yes")
    assert months.go_on()
    assert months.kinds("ani") == [Kind.INCENTIVE], "a proposal lets nothing go on"
    desk.me = BUDI
    taken = desk.found("plan", "reject", "ani", "--reason", "the registry confirms the death")
    assert (taken["done"], taken["proposal"][0]["by"]) == ("taken away", ANI)
    [act] = desk.world.services.payout_administration.acts(1)
    assert (act.deed, act.note) == ("REJECT", "the registry confirms the death")
    assert act.about == f"ani wave 143 CONTINUE proposed by {ANI}"
    for words in (("approve", "ani", "--yes"), ("reject", "ani", *said), ("reject", "nobody", *said)):
        assert "nothing_to_continue" in desk.refused("plan", *words)
    desk.me, months.now = ANI, months.now + timedelta(seconds=1)
    desk.found("plan", "continue", "ani", *said)
    desk.me = BUDI
    found = desk.found("plan", "approve", "ani", "--yes")
    assert (found["stopped"], found["proposal"]) == (None, [])
    assert [(each["kind"], each["due_at"][:10]) for each in found["to_come"]] == [
        ("INCENTIVE_2", "2026-02-28"),
        ("INCENTIVE_3", "2026-03-31"),
        ("INCENTIVE_4", "2026-04-30"),
    ]
    [act] = desk.world.services.payout_administration.acts(1)
    assert (act.deed, act.note) == ("CONTINUE_PLAN", "another ani died")
    assert act.about == f"ani wave 143 DIED proposed by {ANI}"
    assert months.go_on()
    assert months.kinds("ani") == ALL_OF_IT[:3], "what fell due meanwhile is paid"
    months.now += timedelta(days=20)
    assert months.go_on()
    assert months.kinds("ani") == ALL_OF_IT


def test_nothing_goes_on_if_it_is_not_as_it_was_shown(months: Months):
    plans, who = months.services.plans, beneficiary("ani", scheme="2020")
    months.begin("ani")
    plans.stop(who, Stop.DIED, months.now)
    seen = plans.propose(who, ANI, "by mistake", months.now)
    plans.propose(who, BUDI, "another reason", months.now + timedelta(seconds=1))
    with pytest.raises(NothingToContinue):
        plans.approve(who, seen, BUDI, bool)
    again = plans.propose(who, ANI, "by mistake", months.now + timedelta(seconds=2))
    assert plans.approve(who, again, BUDI, bool)
    with pytest.raises(NothingToContinue):
        plans.approve(who, again, BUDI, bool)


@pytest.mark.parametrize("where", ["before", "after"])
@SOME_OR_ALL
def test_stop_continue_and_stop_may_die_at_any_call_and_pay_each_month_once(months: Months, monkeypatch, where, picked):
    calls, plans = Calls(monkeypatch), months.services.plans
    for seq, deaths in enumerate(((), *((act, at) for act in range(4) for at in picked(range(4))))):
        months.now, who = FIRST, beneficiary(f"person-{seq}", scheme="2020")
        months.begin(who.registrant_id)

        def go_on(who=who) -> None:
            plan, _ = plans.of(who)
            if plan and plan.stopped:  # as an administrator who looks first
                plans.approve(who, plans.propose(who, ANI, "by mistake", months.now), BUDI, bool)

        def stop(who=who) -> None:
            plans.stop(who, Stop.DROPPED_OUT, months.now)

        # Month 2 falls due before the first stop, 3 between stop and continuation, 4 after the second stop.
        for number, (day, act) in enumerate(((40, stop), (62, go_on), (63, stop), (200, months.go_on))):
            months.now = FIRST + timedelta(days=day)
            if deaths[:1] == (number,):
                calls.dies(act, where, deaths[1])
            act()
        assert months.kinds(who.registrant_id) == ALL_OF_IT[:3], deaths
        plan, left = plans.of(who)
        assert plan
        assert (plan.stopped, plan.number, left) == (Stop.DROPPED_OUT, 4, [])


def test_a_plan_of_an_unknown_scheme_holds_nobody_else_up(months: Months, caplog):
    for name in ("ani", "budi"):
        months.begin(name)
    del months.services.plans._schemes["2020"]
    months.now += timedelta(days=28)
    with pytest.raises(ExceptionGroup) as failed:
        months.go_on()
    assert len(failed.value.exceptions) == 2
