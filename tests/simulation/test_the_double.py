"""The stores in memory and the real ones answer the same questions alike: else the simulation proves nothing."""

from __future__ import annotations

import random
from collections.abc import Callable, Iterator
from contextlib import AbstractContextManager, nullcontext
from dataclasses import dataclass
from datetime import UTC, datetime, timedelta

import pytest
from msgspec.structs import replace

from chalicelib.aws import dynamodb
from chalicelib.money import rupiah
from chalicelib.payouts.controls.limits import Ceiling, CeilingStore, Pause, PauseStore
from chalicelib.payouts.controls.proposals import Decision, Proposal, ProposalStore
from chalicelib.payouts.errors import CeilingChanged, Superseded, UnknownEntitlement
from chalicelib.payouts.ledger.items import PayoutsTable
from chalicelib.payouts.ledger.records import StoredAttempt, Unsettled, plan_shards
from chalicelib.payouts.ledger.store import ENTITLEMENT_LEG, EVENT_LEG, PayoutStore
from chalicelib.payouts.plans.plan_rules import Plan, Stop, stopped
from chalicelib.payouts.plans.store import GOING_ON_LEG, PLAN_LEG, STOPPED_LEG, PlanKey
from chalicelib.payouts.rules import Authority, Entitlement, Hold, Kind, Move, State

from .ports import Nature
from .store import (
    MemoryCeilingStore,
    MemoryPauseStore,
    MemoryPayoutStore,
    MemoryProposalStore,
    MemoryTransaction,
    Table,
)

T = datetime(2026, 11, 24, 3, 0, 0, 123_456, tzinfo=UTC)  # microseconds that no store keeps
KEPT = T.replace(microsecond=123_000)
FIRST = datetime(2026, 1, 31, 3, tzinfo=UTC)
ID = "a" * 26
FRESH = Entitlement(
    id=ID,
    registrant_id="ani",
    wave=143,
    kind=Kind.INCENTIVE,
    amount_idr=rupiah(600_000),
    state=State.DUE,
    n=0,
    seq=1,
    hold=None,
    created_at=T,
    changed_at=T,
)
TWO = Authority("arn:budi", "as agreed", "arn:ani")


@dataclass
class Stores:
    """One of the two implementations."""

    ledger: PayoutStore
    proposals: ProposalStore
    pauses: PauseStore
    ceilings: CeilingStore
    transaction: Callable[[], AbstractContextManager]

    def entitle(self) -> Entitlement:
        with self.transaction() as tx:
            self.ledger.add(tx, FRESH, "entitled")
        return self.ledger.get(ID)

    def claimed(self) -> Entitlement:
        due = self.entitle()
        return self.ledger.claim(due, StoredAttempt(1, f"{ID}-1", b"sealed", T, "rail"), T)

    def swept(self, state: str, before: datetime) -> list[Unsettled]:
        return self.ledger.unsettled(f"{state}#0", before, 10)


@pytest.fixture(params=["in memory", "on moto"])
def stores(request) -> Iterator[Stores]:
    if request.param == "on moto":
        settings = request.getfixturevalue("cloud")
        dynamodb.bind(PayoutsTable, settings.table("payouts"), settings.region)
        yield Stores(
            PayoutStore(settings.region),
            ProposalStore(),
            PauseStore(),
            CeilingStore(),
            lambda: dynamodb.Transaction(settings.region),
        )
        return
    table, dice = Table(), random.Random("double")
    nature = Nature(dice, int, len)
    yield Stores(
        MemoryPayoutStore(table, nature, dice),
        MemoryProposalStore(table, nature),
        MemoryPauseStore(table, nature),
        MemoryCeilingStore(table, nature),
        lambda: MemoryTransaction(table, nature),
    )


def test_an_entitlement_is_stored_unchanged_and_once(stores: Stores) -> None:
    kept = stores.entitle()
    assert kept == replace(FRESH, created_at=KEPT, changed_at=KEPT, queued_at=KEPT)
    with pytest.raises(dynamodb.LegsFailed) as failed:
        stores.entitle()
    assert set(failed.value.legs) == {ENTITLEMENT_LEG, EVENT_LEG}
    assert stores.ledger.get(ID) == kept
    assert list(stores.ledger.everything()) == [kept]
    assert stores.ledger.batch([ID, "b" * 26]) == [kept]


def test_an_entitlement_that_was_never_added_is_unknown(stores: Stores) -> None:
    for read in (stores.ledger.get, stores.ledger.get_for_work):
        with pytest.raises(UnknownEntitlement):
            read(ID)
    assert stores.ledger.events(ID) == []


def test_a_claim_stores_its_attempt_and_keeps_its_place_in_the_sweep(stores: Stores) -> None:
    claimed = stores.claimed()
    head = stores.ledger.get(ID)
    assert (head.state, head.n, head.seq, head.attempt_seq, head.rail) == (State.SENDING, 1, 2, 2, "rail")
    assert head.queued_at == KEPT
    kept = StoredAttempt(1, f"{ID}-1", b"sealed", KEPT, "rail")
    assert stores.ledger.attempt(claimed) == stores.ledger.attempt(head) == kept
    assert stores.ledger.attempts(ID) == [kept]


def test_an_outdated_transition_writes_nothing(stores: Stores) -> None:
    due = stores.entitle()
    stores.ledger.move(due, Move(State.HELD, "asked to", Hold.ADMIN, TWO), T)
    before = stores.ledger.get(ID), stores.ledger.events(ID)
    for late in (
        lambda: stores.ledger.move(due, Move(State.CANCELLED, "late"), T),
        lambda: stores.ledger.claim(due, StoredAttempt(1, f"{ID}-1", b"", T, "rail"), T),
    ):
        with pytest.raises(Superseded):
            late()
    assert (stores.ledger.get(ID), stores.ledger.events(ID)) == before


@pytest.mark.parametrize("change", [{"n": 7}, {"seq": 0}, {"seq": 2}, {"state": State.FAILED}])
def test_a_write_depends_on_every_part_that_was_read(stores: Stores, change: dict) -> None:
    due = stores.entitle()
    with pytest.raises(Superseded):
        stores.ledger.move(replace(due, **change), Move(State.HELD, "late", Hold.ADMIN), T)
    assert stores.ledger.get(ID) == due


def test_only_transitions_of_the_table_are_written(stores: Stores) -> None:
    with pytest.raises(ValueError, match="no transition from DUE to PAID"):
        stores.ledger.move(stores.entitle(), Move(State.PAID, "wrong"), T)


def test_the_history_has_each_transition_and_its_authority(stores: Stores) -> None:
    claimed = stores.claimed()
    stores.ledger.move(claimed, Move(State.HELD, "unknown", Hold.KEY_EXPIRED, TWO), T + timedelta(days=1))
    told = [
        (event.seq, event.at, event.before, event.state, event.n, event.hold, event.reason, event.authority)
        for event in stores.ledger.events(ID)
    ]
    assert told == [
        (1, KEPT, None, State.DUE, 0, None, "entitled", None),
        (2, KEPT, State.DUE, State.SENDING, 1, None, "claimed", None),
        (3, KEPT + timedelta(days=1), State.SENDING, State.HELD, 1, Hold.KEY_EXPIRED, "unknown", TWO),
    ]


def test_the_sweep_finds_resting_payouts_and_marks_each_row_once(stores: Stores, monkeypatch) -> None:
    monkeypatch.setattr("chalicelib.payouts.ledger.records.SHARDS", 1)
    stores.entitle()
    assert stores.swept("U", T) == []
    later = T + timedelta(minutes=5)
    [row] = stores.swept("U", later)
    assert row.entitlement_id == ID
    assert stores.swept("H", later) == []
    marked = stores.ledger.mark_queued(row, later)
    assert marked == stores.ledger.get(ID)
    assert marked.queued_at == later.replace(microsecond=123_000)
    assert stores.ledger.mark_queued(row, later) is None
    assert stores.swept("U", later) == []


def test_held_payouts_are_swept_separately_and_those_for_a_person_not_at_all(stores: Stores, monkeypatch) -> None:
    monkeypatch.setattr("chalicelib.payouts.ledger.records.SHARDS", 1)
    later = T + timedelta(days=1)
    held = stores.ledger.move(stores.entitle(), Move(State.HELD, "none", Hold.NO_ADDRESS), T)
    [row] = stores.swept("H", later)
    assert stores.swept("U", later) == []
    stores.ledger.move(held, Move(State.HELD, "asked to", Hold.ADMIN), T)
    assert stores.swept("H", later) == []
    assert stores.ledger.mark_queued(row, later) is None


def begin(stores: Stores, **change) -> Plan:
    plan = replace(Plan("ani", 143, 31, "2020", FIRST, 2, FIRST + timedelta(days=30)), **change)
    with stores.transaction() as tx:
        stores.ledger.plans.add(tx, plan)
    return plan


def going_on(stores: Stores, until: datetime | None = None) -> list[PlanKey]:
    plans = stores.ledger.plans
    return [key for shard in plan_shards() for key in (plans.due(shard, until) if until else plans.going_on(shard)[0])]


def test_a_plan_is_found_when_it_is_due_and_moved_on_or_stopped_as_it_was_read(stores: Stores) -> None:
    plan, plans = begin(stores), stores.ledger.plans
    with pytest.raises(dynamodb.LegsFailed) as failed:
        begin(stores)
    assert set(failed.value.legs) == {PLAN_LEG}
    assert plans.of(("ani", 143)) == plan
    assert plans.many([("ani", 143), ("ani", 144), ("budi", 143)]) == [plan]
    assert plans.of(("budi", 143)) is None
    assert (going_on(stores, FIRST), going_on(stores)) == ([], [("ani", 143)])
    assert going_on(stores, plan.due_at + timedelta(milliseconds=1)) == [("ani", 143)]

    later = replace(plan, number=3, due_at=FIRST + timedelta(days=61), ends_at=FIRST + timedelta(days=366))
    with stores.transaction() as tx:
        plans.move(tx, plan, later)
    with pytest.raises(dynamodb.LegsFailed), stores.transaction() as tx:
        plans.move(tx, plan, later)
    with pytest.raises(dynamodb.LegsFailed), stores.transaction() as tx:
        plans.move(tx, plan, stopped(plan, Stop.DIED, T))
    assert plans.of(("ani", 143)) == later
    assert going_on(stores, FIRST + timedelta(days=60)) == []

    ended = stopped(later, Stop.DIED, T)
    with stores.transaction() as tx:
        plans.check_stopped(tx, ("ani", 143), stopped=False)
    with stores.transaction() as tx:
        plans.move(tx, later, ended)
    assert plans.of(("ani", 143)) == replace(ended, stopped_at=KEPT)
    proposed = replace(ended, maker="arn:ani", note="by mistake", made_at=T)
    with stores.transaction() as tx:
        plans.check_stopped(tx, ("ani", 143), stopped=True)
    with stores.transaction() as tx:
        plans.move(tx, ended, proposed)
    assert plans.of(("ani", 143)) == replace(proposed, stopped_at=KEPT, made_at=KEPT)
    for refused, leg in (
        (lambda tx: plans.move(tx, later, replace(later, number=4)), PLAN_LEG),
        (lambda tx: plans.move(tx, ended, later), PLAN_LEG),
        (lambda tx: plans.remove(tx, ended), PLAN_LEG),
        (lambda tx: plans.check_stopped(tx, ("ani", 143), stopped=False), STOPPED_LEG),
        (lambda tx: plans.check_stopped(tx, ("budi", 143), stopped=True), GOING_ON_LEG),
    ):
        with pytest.raises(dynamodb.LegsFailed) as failed, stores.transaction() as tx:
            refused(tx)
        assert set(failed.value.legs) == {leg}
    assert going_on(stores) == []
    with stores.transaction() as tx:
        plans.remove(tx, proposed)
    assert plans.of(("ani", 143)) is None
    assert list(stores.ledger.everything()) == [], "no plan is taken for an entitlement"


def test_a_write_may_require_that_no_payment_is_under_way(stores: Stores) -> None:
    def check() -> None:
        with stores.transaction() as tx:
            stores.ledger.check_nothing_alive(tx, "busy", [ID])

    check()
    claimed = stores.claimed()
    for move in (Move(State.HELD, "unknown", Hold.KEY_EXPIRED), Move(State.FAILED, "over"), None):
        with pytest.raises(dynamodb.LegsFailed) if move else nullcontext():
            check()
        claimed = stores.ledger.move(claimed, move, T) if move else claimed


def test_the_pause_is_read_with_the_entitlement(stores: Stores) -> None:
    due = stores.entitle()
    assert stores.ledger.get_for_work(ID) == (due, None)
    pause = Pause("arn:ani", KEPT, "looking into it")
    stores.pauses.set(Pause("arn:budi", KEPT, "the latest reason stands"))
    stores.pauses.set(pause)
    assert stores.ledger.get_for_work(ID) == (due, pause)
    assert stores.pauses.get() == pause
    stores.pauses.clear()
    stores.pauses.clear()
    assert stores.pauses.get() is None


def proposal(**change) -> Proposal:
    return replace(Proposal(Decision.FAILED, 2, "arn:ani", "it is over", KEPT), **change)


def test_a_proposal_stands_until_it_is_outdated_or_withdrawn(stores: Stores) -> None:
    assert stores.proposals.get(ID) is None
    assert stores.proposals.put(ID, proposal())
    assert not stores.proposals.put(ID, proposal(maker="arn:budi"))
    assert stores.proposals.get(ID) == proposal()
    assert stores.proposals.put(ID, proposal(seq=3))
    assert stores.proposals.get(ID) == proposal(seq=3)
    for other in ({"maker": "arn:budi"}, {"made_at": KEPT + timedelta(seconds=1)}, {"decision": Decision.PAID}):
        assert not stores.proposals.delete(ID, proposal(seq=3, **other))
    assert stores.proposals.delete(ID, proposal(seq=3))
    assert not stores.proposals.delete(ID, proposal(seq=3))


def test_a_decision_removes_its_proposal_and_counts_once(stores: Stores) -> None:
    claimed = stores.claimed()
    move = Move(State.FAILED, "decided_failed", authority=TWO)
    with pytest.raises(Superseded):
        stores.ledger.approve(claimed, proposal(), move, T)
    stores.proposals.put(ID, proposal())
    failed = stores.ledger.approve(claimed, proposal(), move, T)
    assert stores.ledger.get(ID).state is failed.state is State.FAILED
    assert stores.proposals.get(ID) is None
    with pytest.raises(Superseded):
        stores.ledger.approve(claimed, proposal(), move, T)


def test_a_reopened_entitlement_keeps_its_earlier_attempts(stores: Stores) -> None:
    failed = stores.ledger.move(stores.claimed(), Move(State.FAILED, "over"), T)
    cancelled = stores.ledger.move(failed, Move(State.CANCELLED, "given up"), T)
    stores.proposals.put(ID, proposal(decision=Decision.RETRY, seq=cancelled.seq))
    again = proposal(decision=Decision.RETRY, seq=cancelled.seq)
    stores.ledger.approve(cancelled, again, Move(State.DUE, "decided_retry", authority=TWO), T)
    due = stores.ledger.get(ID)
    assert (due.state, due.n, due.n_before) == (State.DUE, 1, 1)


def test_a_ceiling_opens_once_counts_down_and_is_never_passed(stores: Stores) -> None:
    assert stores.ceilings.get("DAY#1") is None
    assert not stores.ceilings.take("DAY#1", 100, 101)
    assert stores.ceilings.get("DAY#1") is None
    assert stores.ceilings.take("DAY#1", 100, 60)
    assert not stores.ceilings.take("DAY#1", 500, 60)
    assert stores.ceilings.take("DAY#1", 500, 40)
    assert stores.ceilings.get("DAY#1") == Ceiling("DAY#1", rupiah(100), 0)


def test_a_ceiling_is_set_by_one_administrator_at_a_time_and_keeps_amounts_taken(stores: Stores) -> None:
    stores.ceilings.take("DAY#1", 100, 60)
    read = stores.ceilings.get("DAY#1")
    stores.ceilings.change(read, rupiah(50), "arn:ani", "less")
    assert stores.ceilings.get("DAY#1") == Ceiling("DAY#1", rupiah(50), -10, "arn:ani", "less")
    with pytest.raises(CeilingChanged):
        stores.ceilings.change(read, rupiah(900), "arn:budi", "more")
    unused = Ceiling("DAY#2", rupiah(100), 100)
    stores.ceilings.change(unused, rupiah(300), "arn:ani", "more")
    assert stores.ceilings.get("DAY#2") == Ceiling("DAY#2", rupiah(300), 300, "arn:ani", "more")
