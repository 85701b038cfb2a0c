"""Administrators, workers and ceilings that truly meet: one transition, one side, and never more than was allowed."""

from __future__ import annotations

from collections.abc import Iterator
from functools import partial

import msgspec
import pytest

from chalicelib.config import CeilingRules, Programme, Settings
from chalicelib.money import Rupiah
from chalicelib.payouts.controls import limits
from chalicelib.payouts.controls.limits import CeilingStore
from chalicelib.payouts.controls.proposals import Decision
from chalicelib.payouts.errors import CeilingChanged, NoProposal, NotNow, ProposalStands, Superseded
from chalicelib.payouts.rules import Authority, Entitlement, Hold, State
from chalicelib.payouts.worker import Worker
from local.sandbox.provider import Sandbox
from tests.builders.payouts.races import Race
from tests.builders.payouts.states import ANI, BUDI
from tests.conftest import T0

from .together import ALWAYS, refusals, together

pytestmark = pytest.mark.dynamodb

ROUNDS = 8
INCENTIVE = 600_000
CITRA = ANI.replace("ani@", "citra@")


@pytest.fixture
def race(cloud: Settings, programme: Programme) -> Iterator[Race]:
    with Sandbox("races") as sandbox:
        yield Race(cloud, programme, sandbox)


def reasons(race: Race, entitlement: str) -> list[str]:
    return [event.reason for event in race.store.events(entitlement)]


@pytest.mark.parametrize("meet", [1, ALWAYS])
def test_of_two_approvals_at_once_one_counts(race, meet):
    for round_ in range(ROUNDS):
        entitlement = race.unknown(f"person-{round_}", Hold.DUPLICATE)
        race.administration.propose(entitlement, Decision.PAID, ANI, "why", T0)
        calls = [partial(race.administration.approve, entitlement, by, T0) for by in (BUDI, CITRA)]
        answers = together(calls, meet)
        assert len(refusals(answers)) == 1
        assert set(refusals(answers)) <= {Superseded, NoProposal}
        assert reasons(race, entitlement).count("decided_paid") == 1
        assert race.administration.standing(entitlement) is None


def test_of_many_proposals_at_once_one_stands(race):
    entitlement = race.unknown("ani")
    calls = [
        partial(race.administration.propose, entitlement, decision, by, by, T0)
        for decision in (Decision.PAID, Decision.FAILED)
        for by in (ANI, BUDI, CITRA)
    ]
    answers = together(calls)
    assert refusals(answers) == [ProposalStands] * 5
    assert race.administration.standing(entitlement) in answers


@pytest.mark.parametrize("meet", [1, ALWAYS])
def test_of_an_approval_and_a_worker_that_settles_one_moves_it(race, meet):
    for round_ in range(ROUNDS):
        entitlement = race.due(f"person-{round_}")
        race.sandbox.books.configure({"timeout_after_rate": 1.0})
        answers = together([partial(race.new_worker().process, entitlement, T0)])
        race.sandbox.books.configure({"timeout_after_rate": 0.0})
        assert race.store.get(entitlement).state is State.SENDING, answers
        race.administration.propose(entitlement, Decision.PAID, ANI, "on the statement", T0)
        approve = partial(race.administration.approve, entitlement, BUDI, T0)
        answers = together([approve, partial(race.new_worker().process, entitlement, T0)], meet)
        assert race.store.get(entitlement).state is State.PAID
        events = race.store.events(entitlement)
        assert [event.state for event in events].count(State.PAID) == 1
        assert len(refusals(answers)) <= 1
        # Whoever was later: the worker finds it PAID and asks, the checker has nothing to approve.
        assert set(refusals(answers)) <= {Superseded, NoProposal}
    assert race.moved_idr() == ROUNDS * INCENTIVE


def test_of_a_rejection_and_an_approval_one_counts(race):
    for round_ in range(ROUNDS):
        entitlement = race.unknown(f"person-{round_}", Hold.DUPLICATE)
        race.administration.propose(entitlement, Decision.PAID, ANI, "why", T0)
        approve = partial(race.administration.approve, entitlement, BUDI, T0)
        answers = together([approve, partial(race.administration.reject, entitlement, CITRA, "no", T0)], ALWAYS)
        paid = race.store.get(entitlement).state is State.PAID
        assert len(refusals(answers)) == 1
        assert isinstance(answers[0], Entitlement) is paid


@pytest.mark.parametrize("act", ["hold", "cancel"])
@pytest.mark.parametrize("meet", [1, 2, ALWAYS])
def test_what_an_administrator_stopped_no_worker_claims_at_the_same_time(race, act, meet):
    for round_ in range(ROUNDS):
        entitlement = race.due(f"person-{round_}")
        stop = partial(getattr(race.administration, act), entitlement, ANI, "why", T0)
        # A worker writes to two new ceilings before it claims.
        answers = together([stop, partial(race.new_worker().process, entitlement, T0)], meet)
        stopped = f"{'held' if act == 'hold' else 'cancelled'}_by_administrator" in reasons(race, entitlement)
        assert stopped is not ("claimed" in reasons(race, entitlement)), answers
        assert set(refusals(answers)) <= {Superseded, NotNow}
        attempts = len(race.store.attempts(entitlement))
        assert attempts == (not stopped)
    assert race.moved_idr() == INCENTIVE * sum(each.n for each in race.store.everything())


def test_of_two_releases_at_once_one_counts(race):
    for round_ in range(ROUNDS):
        entitlement = race.due(f"person-{round_}")
        race.administration.hold(entitlement, ANI, "why", T0)
        release = [partial(race.administration.release, entitlement, by, "why", T0) for by in (ANI, BUDI)]
        assert refusals(together(release)) == [Superseded]
        assert race.queued == [entitlement]
        race.queued.clear()


@pytest.mark.parametrize("block", [1, 3])
def test_eight_workers_never_pass_a_ceiling(race, programme, block):
    small = CeilingRules(day_idr=11 * INCENTIVE, envelope_idr=100 * INCENTIVE, block=block)
    race.services.programme = msgspec.structs.replace(
        programme, payouts=msgspec.structs.replace(programme.payouts, ceilings=small)
    )
    owed = [race.due(f"person-{number}") for number in range(24)]
    workers = [race.new_worker() for _ in range(8)]
    for shift in range(4):
        each = [partial(_process, one, owed[(number + shift) % 8 :: 8]) for number, one in enumerate(workers)]
        together(each, ALWAYS)
    assert race.moved_idr() <= 11 * INCENTIVE
    assert race.moved_idr() >= (11 - 8 * (block - 1)) * INCENTIVE
    left = race.administration.ceiling(limits.day_name(T0)).left_idr
    assert left == 0 if block == 1 else left >= 0


def _process(one: Worker, ids: list[str]) -> None:
    for id_ in ids:
        one.process(id_, T0)


def test_eight_who_open_a_ceiling_at_once_open_one(race):
    for round_ in range(ROUNDS):
        name = f"DAY#race-{round_}"
        answers = together([partial(CeilingStore().take, name, 5, 1)] * 8, ALWAYS)
        assert answers.count(True) == 5
        assert CeilingStore().get(name).left_idr == 0


def test_of_administrators_who_read_the_same_ceiling_one_sets_it_while_workers_take(race):
    name = limits.day_name(T0)
    was = race.services.programme.payouts.ceilings.day_idr
    setting = [
        partial(race.administration.set_ceiling, name, was, Rupiah(was + number), Authority(ANI, "why"), T0)
        for number in (1, 2, 3)
    ]
    answers = together([*setting, *[partial(CeilingStore().take, name, was, 10)] * 5], ALWAYS)
    assert refusals(answers) == [CeilingChanged] * 2
    after = CeilingStore().get(name)
    assert after.ceiling_idr - was in {1, 2, 3}
    assert after.left_idr == after.ceiling_idr - 50
