"""The use cases of payouts over stores in memory: entitling, the sweep and what it tells, hints, what a person sees."""

from __future__ import annotations

import logging
import random
from collections.abc import Sequence
from datetime import timedelta
from typing import Any

import pytest

from chalicelib.aws.dynamodb import LegsFailed
from chalicelib.config import Programme
from chalicelib.payouts import alarm_words, rules, service, wire
from chalicelib.payouts.errors import InvalidCallback, NotInScheme
from chalicelib.payouts.ledger.records import StoredAttempt
from chalicelib.payouts.rules import Entitlement, Hold, Kind, Move, State
from chalicelib.payouts.service import BACKLOG_MAX, SWEEP_LIMIT, Payouts
from tests.builders.payouts.world import beneficiary
from tests.conftest import T0
from tests.simulation.ports import Nature
from tests.simulation.store import MemoryPayoutStore, MemoryTransaction
from tests.simulation.table import Table

ANI = beneficiary("ani")


class Rig:
    """`queued`: what was sent; `waiting`: how many messages the queue says it has."""

    def __init__(self, programme: Programme) -> None:
        self.rules = programme.payouts
        dice = random.Random("service")
        self.table, self.nature = Table(), Nature(dice, int, len)
        self.store = MemoryPayoutStore(self.table, self.nature, dice)
        self.queued: list[str] = []
        self.waiting = 0
        queue: Any = self
        self.token = "token"
        self.payouts = Payouts(self.store, queue, lambda: self.token, programme)

    def send(self, ids: Sequence[str]) -> None:
        self.queued += ids

    def backlog(self) -> int:
        return self.waiting

    def entitle(self, who: str = "ani", kind: Kind = Kind.INCENTIVE) -> Entitlement:
        tx: Any = MemoryTransaction(self.table, self.nature)
        with tx:
            id_ = self.payouts.entitle(tx, beneficiary(who), kind, T0)
        return self.store.get(id_)

    def sending(self, who: str, rail: str = "rail") -> Entitlement:
        due = self.entitle(who)
        return self.store.claim(due, StoredAttempt(1, f"{due.id}-1", b"", T0, rail), T0)

    def swept(self, after: timedelta) -> list[str]:
        self.queued.clear()
        assert self.payouts.sweep(T0 + after) == len(self.queued)
        return sorted(self.queued)


@pytest.fixture
def rig(programme: Programme, caplog: pytest.LogCaptureFixture) -> Rig:
    caplog.set_level(logging.INFO)
    return Rig(programme)


def told(caplog: pytest.LogCaptureFixture) -> list[tuple]:
    known = ("waiting", "queued", "count")
    return [
        (each.levelname, each.message, *(getattr(each, name) for name in known if hasattr(each, name)))
        for each in caplog.records
    ]


def test_an_entitlement_begins_due_with_the_amount_of_the_persons_scheme(rig):
    due = rig.entitle(kind=Kind.SURVEY_1)
    assert due == Entitlement(
        id=rules.entitlement_id(ANI.wave, "ani", Kind.SURVEY_1),
        registrant_id="ani",
        wave=ANI.wave,
        kind=Kind.SURVEY_1,
        amount_idr=50_000,
        state=State.DUE,
        n=0,
        seq=1,
        hold=None,
        created_at=T0,
        changed_at=T0,
        queued_at=T0,
    )
    assert [each.reason for each in rig.store.events(due.id)] == ["entitled"]


def test_a_scheme_without_the_kind_entitles_to_nothing(rig, programme, monkeypatch):
    def refuse(kind: Kind, scheme: Any) -> int:
        assert scheme.version == ANI.scheme
        raise NotInScheme(scheme=scheme.version, kind=kind.value)

    monkeypatch.setattr(rules, "amount", refuse)
    with pytest.raises(NotInScheme):
        rig.entitle()
    assert rig.table.heads == {}


def test_while_a_payment_may_be_under_way_a_write_that_depends_on_it_fails(rig):
    def check(who: Any) -> None:
        tx: Any = MemoryTransaction(rig.table, rig.nature)
        with tx:
            rig.payouts.check_nothing_alive(tx, "paying", who)

    check(None)
    check(ANI)
    rig.entitle()
    check(ANI)
    rig.sending("budi")
    check(ANI)
    with pytest.raises(LegsFailed) as failed:
        check(beneficiary("budi"))
    assert set(failed.value.legs) == {"paying"}


def test_the_sweep_queues_what_has_rested_and_what_is_held_more_seldom(rig, caplog):
    due = rig.entitle("due")
    held = rig.store.move(rig.entitle("held"), Move(State.HELD, "none", Hold.NO_ADDRESS), T0)
    by_file = rig.sending("by file", "bank-file")
    rest = timedelta(seconds=rig.rules.requeue_after_s)
    seldom = rest * rig.rules.held_look_factor
    moment = timedelta(seconds=1)
    assert rig.swept(rest) == []
    assert told(caplog) == []
    assert rig.swept(rest + moment) == [due.id]
    assert told(caplog) == [("INFO", "payouts_swept", 1)]
    assert rig.swept(rest + moment) == []
    assert {held.id, by_file.id}.isdisjoint(rig.swept(seldom))
    assert {held.id, by_file.id} <= set(rig.swept(seldom + moment))
    assert due.id in rig.swept(seldom + rest + 2 * moment), "its message may have been lost"


def test_a_sweep_takes_so_many_of_a_partition_and_the_rest_next_time(rig, monkeypatch):
    monkeypatch.setattr("chalicelib.payouts.ledger.partitions.SHARDS", 1)
    monkeypatch.setattr(service, "SWEEP_LIMIT", 3)
    ids = {rig.entitle(f"person {number}").id for number in range(5)}
    later = timedelta(days=1)
    first, second = rig.swept(later), rig.swept(later)
    assert (len(first), len(second)) == (3, 2)
    assert set(first) | set(second) == ids
    assert SWEEP_LIMIT == 50


def test_a_backlog_is_not_fed(rig, caplog):
    rig.entitle()
    rig.waiting = BACKLOG_MAX + 1
    assert rig.payouts.sweep(T0 + timedelta(days=1)) is None
    assert rig.queued == []
    assert told(caplog) == [("WARNING", "payouts_not_swept", BACKLOG_MAX + 1)]
    rig.waiting = BACKLOG_MAX
    assert len(rig.swept(timedelta(days=1))) == 1


def test_what_has_been_under_way_for_long_is_counted_each_time_and_apart_if_it_goes_by_file(rig, caplog):
    for who in ("ani", "budi"):
        rig.sending(who)
    rig.sending("by file", "bank-file")
    due = rig.entitle("due")
    rig.swept(timedelta(hours=1) - timedelta(seconds=1))
    assert told(caplog) == [("INFO", "payouts_swept", 4)]
    attempt = StoredAttempt(1, f"{due.id}-1", b"", T0, "rail")
    rig.store.claim(rig.store.get(due.id), attempt, T0 + timedelta(hours=23.5))
    for days, by_file in ((1, []), (4, [("WARNING", alarm_words.BY_FILE_LONG, 1)])):
        caplog.clear()
        rig.swept(timedelta(days=days))
        long = 2 if days == 1 else 3  # a new attempt is young however long its entitlement has been open
        assert told(caplog) == [("INFO", "payouts_swept", 4), ("WARNING", alarm_words.SENDING_LONG, long), *by_file]


def test_what_another_sweep_took_first_is_not_queued_again(rig, monkeypatch):
    rig.entitle()
    monkeypatch.setattr(rig.store, "mark_queued", lambda *_: None)
    assert rig.swept(timedelta(days=1)) == []


def test_a_hint_with_the_right_token_queues_the_entitlement_of_its_reference(rig, caplog):
    due = rig.entitle()
    rig.payouts.hint("token", f"{due.id}-1")
    assert rig.queued == [due.id]
    rig.payouts.hint("token", "another system's")
    assert rig.queued == [due.id]
    assert told(caplog) == [("INFO", "fsp_hint_ignored")]


@pytest.mark.parametrize(("token", "said"), [("token", "Token"), ("token", ""), ("", ""), ("", "token"), ("é", "e")])
def test_a_hint_with_another_token_or_while_none_is_set_is_refused(rig, token, said):
    rig.token = token
    with pytest.raises(InvalidCallback):
        rig.payouts.hint(said, f"{'a' * 26}-1")
    assert rig.queued == []


def test_people_see_their_own_by_kind(rig):
    kinds = [Kind.SURVEY_2, Kind.INCENTIVE, Kind.SURVEY_1]
    own = {kind: rig.entitle("ani", kind) for kind in kinds}
    rig.entitle("budi")
    order = [own[kind] for kind in Kind]
    assert rig.payouts.of(ANI) == [wire.view(each) for each in order]
    assert rig.payouts.of(None) == []
    many = rig.payouts.of_many(iter([ANI, beneficiary("budi"), beneficiary("candra")]))
    assert many["ani"] == order
    assert [each.registrant_id for each in many["budi"]] == ["budi"]
    assert many["candra"] == []
    assert set(many) == {"ani", "budi", "candra"}
