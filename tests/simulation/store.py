"""The payouts table in memory, and the ledger's stores over it. What they decide is theirs; items and calls are not.

`test_the_double.py` holds each to the same assertions as the real one. `news` is not here: no part of paying reads it.
"""

from __future__ import annotations

import random
from collections.abc import Callable, Iterable, Iterator, Sequence
from dataclasses import dataclass, field
from datetime import UTC, datetime
from functools import partial
from types import TracebackType
from typing import Any

from msgspec.structs import replace
from pynamodb.exceptions import DeleteError, GetError, PutError, QueryError, UpdateError

from chalicelib.aws.admin_acts import Act
from chalicelib.aws.dynamodb import LegsFailed
from chalicelib.clock import iso, parse_iso
from chalicelib.payouts.controls.administration import JournalStore
from chalicelib.payouts.controls.limits import Ceiling, CeilingStore, Pause, PauseStore
from chalicelib.payouts.controls.proposals import Decision, Proposal, ProposalStore
from chalicelib.payouts.errors import CeilingChanged, Superseded, UnknownEntitlement
from chalicelib.payouts.ledger.records import Event, StoredAttempt, Unsettled, plan_shard, unsettled_shard
from chalicelib.payouts.ledger.store import ENTITLEMENT_LEG, EVENT_LEG, PayoutStore
from chalicelib.payouts.plans.plan_rules import Plan
from chalicelib.payouts.plans.store import GOING_ON_LEG, PLAN_LEG, STOPPED_LEG, PlanKey, PlanStore
from chalicelib.payouts.rules import ALIVE, Entitlement, Move, State

from .ports import TRANSACTION, Nature, Port, store_errors


@dataclass(frozen=True)
class Line:
    """An EVENT item: the line of history, with the attempt if it is a claim's."""

    event: Event
    attempt: StoredAttempt | None


Watch = Callable[[str, Entitlement | None], None]


@dataclass
class Table:
    """`watch` is called after each atomic write with the entitlement's id and its HEAD before."""

    heads: dict[str, Entitlement] = field(default_factory=dict)
    lines: dict[str, dict[int, Line]] = field(default_factory=dict)
    proposals: dict[str, Proposal] = field(default_factory=dict)
    ceilings: dict[str, Ceiling] = field(default_factory=dict)
    plans: dict[PlanKey, Plan] = field(default_factory=dict)
    pause: Pause | None = None
    watch: Watch = lambda _id, _before: None

    def write(self, id_: str, head: Entitlement | None, lines: Iterable[tuple[int, Line]] = ()) -> None:
        """Put HEAD and lines at once."""
        before = self.heads.get(id_)
        if head is not None:
            self.heads[id_] = head
        history = self.lines.setdefault(id_, {})
        for seq, line in lines:
            history[seq] = line
        self.watch(id_, before)


GET, PUT, UPDATE, DELETE = (store_errors(kind) for kind in (GetError, PutError, UpdateError, DeleteError))
QUERY = store_errors(QueryError)


class InMemory:
    """A store over the table, each call of which may be spoilt."""

    def __init__(self, table: Table, nature: Nature) -> None:
        self._table = table
        self._nature = nature


class MemoryTransaction(InMemory):
    """As `dynamodb.Transaction`, for the one write of several that is not the store's own: to entitle."""

    def __init__(self, table: Table, nature: Nature) -> None:
        super().__init__(table, nature)
        self.legs: list[tuple[str, Callable[[], bool], Callable[[], None]]] = []

    def __enter__(self) -> MemoryTransaction:
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, tb: TracebackType | None) -> None:
        if kind is None:
            self._nature.call(Port.TRANSACTION, "commit what entitles", self._commit, TRANSACTION)

    def _commit(self) -> None:
        failed = {name: None for name, holds, _ in self.legs if not holds()}
        if failed:
            raise LegsFailed(failed)
        for _, _, write in self.legs:
            write()


class MemoryPayoutStore(InMemory, PayoutStore):
    """`lag` is how often a read of the index is answered as it was at the query before."""

    def __init__(self, table: Table, nature: Nature, dice: random.Random, lag: float = 0.0) -> None:
        super().__init__(table, nature)
        self._dice, self._lag = dice, lag
        self._seen: dict[str, list[Unsettled]] = {}
        self.plans = MemoryPlanStore(table, nature)

    def transaction(self) -> Any:
        return MemoryTransaction(self._table, self._nature)

    def add(self, tx: Any, entitlement: Entitlement, reason: str) -> None:
        line = _line(entitlement, None, Move(entitlement.state, reason), None)
        id_ = entitlement.id
        tx.legs += [
            (ENTITLEMENT_LEG, lambda: id_ not in self._table.heads, int),
            (
                EVENT_LEG,
                lambda: entitlement.seq not in self._table.lines.get(id_, {}),
                lambda: self._table.write(id_, as_kept(entitlement), [(entitlement.seq, line)]),
            ),
        ]

    def check_absent(self, tx: Any, entitlement_id: str) -> None:
        tx.legs.append((ENTITLEMENT_LEG, lambda: entitlement_id not in self._table.heads, int))

    def check_nothing_alive(self, tx: Any, leg: str, ids: Iterable[str]) -> None:
        def nothing_alive(id_: str) -> bool:
            head = self._table.heads.get(id_)
            return head is None or (head.state is not State.SENDING and head.hold not in ALIVE)

        tx.legs += [(leg, lambda id_=id_: nothing_alive(id_), int) for id_ in ids]

    def get(self, entitlement_id: str) -> Entitlement:
        head = self._read(f"read {entitlement_id[:4]}", lambda: self._table.heads.get(entitlement_id))
        if head is None:
            raise UnknownEntitlement(entitlement_id=entitlement_id)
        return head

    def get_for_work(self, entitlement_id: str) -> tuple[Entitlement, Pause | None]:
        # One batch get is consistent for each item, not for both: others may write in between.
        pause = self._read("read the pause", lambda: self._table.pause)
        return self.get(entitlement_id), pause

    def batch(self, ids: Iterable[str]) -> list[Entitlement]:
        wanted = list(ids)
        return self._read("read many", lambda: [self._table.heads[id_] for id_ in wanted if id_ in self._table.heads])

    def attempt(self, entitlement: Entitlement) -> StoredAttempt:
        def read() -> StoredAttempt:
            attempt = self._table.lines[entitlement.id][entitlement.attempt_seq].attempt
            assert attempt is not None, "HEAD says which line carries its attempt"
            return attempt

        return self._read(f"read attempt {entitlement.id[:4]}-{entitlement.n}", read)

    def attempts(self, entitlement_id: str) -> list[StoredAttempt]:
        return [line.attempt for line in self._history(entitlement_id) if line.attempt is not None]

    def events(self, entitlement_id: str) -> list[Event]:
        return [line.event for line in self._history(entitlement_id)]

    def everything(self) -> Iterator[Entitlement]:
        yield from self._read("scan", lambda: list(self._table.heads.values()))

    def unsettled(self, shard: str, before: datetime, limit: int) -> list[Unsettled]:
        def read() -> list[Unsettled]:
            rows = [
                Unsettled(head.id, iso(_place(head)))
                for head in self._table.heads.values()
                if unsettled_shard(head) == shard and iso(_place(head)) < iso(before)
            ]
            fresh = sorted(rows, key=lambda row: row.updated_at)[:limit]
            seen, self._seen[shard] = self._seen.get(shard, fresh), fresh
            return seen if self._lag and self._dice.random() < self._lag else fresh

        return self._nature.call(Port.GET, f"query {shard}", read, QUERY)

    def mark_queued(self, row: Unsettled, now: datetime) -> Entitlement | None:
        def write() -> Entitlement | None:
            head = self._table.heads.get(row.entitlement_id)
            if head is None or unsettled_shard(head) is None or iso(_place(head)) != row.updated_at:
                return None
            self._table.heads[head.id] = replace(head, queued_at=_kept(now))
            return self._table.heads[head.id]

        return self._nature.call(Port.WRITE, f"mark {row.entitlement_id[:4]} queued", write, UPDATE)

    def _transition(self, before: Entitlement, after: Entitlement, move: Move, **more: Any) -> None:
        """`more`: the attempt of a claim, or the proposal that is carried out."""
        proposal: Proposal | None = more.get("proposal")

        def commit() -> None:
            stands = proposal is None or same(self._table.proposals.get(before.id), proposal)
            if not self._unchanged(before, after) or not stands:
                raise Superseded(entitlement_id=before.id)
            if proposal is not None:
                del self._table.proposals[before.id]
            line = _line(after, before.state, move, more.get("attempt"))
            self._table.write(before.id, as_kept(after), [(after.seq, line)])

        what = f"{before.id[:4]} {before.state} -> {after.state} n={after.n} ({move.reason})"
        self._nature.call(Port.TRANSACTION, what, commit, TRANSACTION)

    def _unchanged(self, before: Entitlement, after: Entitlement) -> bool:
        """The conditions of both writes."""
        now = self._table.heads.get(before.id)
        as_read = now is not None and (now.state, now.n, now.seq) == (before.state, before.n, before.seq)
        return as_read and after.seq not in self._table.lines[before.id]

    def _history(self, entitlement_id: str) -> list[Line]:
        lines = self._read("read history", lambda: dict(self._table.lines.get(entitlement_id, {})))
        return [lines[seq] for seq in sorted(lines)]

    def _read(self, what: str, read: Callable[[], Any]) -> Any:
        return self._nature.call(Port.GET, what, read, GET)


class MemoryPlanStore(InMemory, PlanStore):
    """See the module."""

    def add(self, tx: Any, plan: Plan) -> None:
        key = plan.registrant_id, plan.wave
        tx.legs.append((PLAN_LEG, lambda: key not in self._table.plans, partial(self._write, plan)))

    def move(self, tx: Any, before: Plan, after: Plan) -> None:
        tx.legs.append((PLAN_LEG, lambda: self._as_read(before), partial(self._write, after)))

    def remove(self, tx: Any, before: Plan) -> None:
        def remove() -> None:
            del self._table.plans[before.registrant_id, before.wave]

        tx.legs.append((PLAN_LEG, lambda: self._as_read(before), remove))

    def check_stopped(self, tx: Any, key: PlanKey, *, stopped: bool) -> None:
        def holds() -> bool:
            plan = self._table.plans.get(key)
            return stopped == (plan is not None and plan.stopped is not None)

        tx.legs.append((GOING_ON_LEG if stopped else STOPPED_LEG, holds, int))

    def of(self, key: PlanKey) -> Plan | None:
        return self._nature.call(Port.GET, "read a plan", lambda: self._table.plans.get(key), GET)

    def many(self, keys: Sequence[PlanKey]) -> list[Plan]:
        plans = self._table.plans
        return self._nature.call(Port.GET, "read plans", lambda: [plans[key] for key in keys if key in plans], GET)

    def due(self, shard: str, until: datetime) -> Iterator[PlanKey]:
        return self._query(shard, until.replace(microsecond=0))

    def going_on(self, shard: str, after: str = "") -> tuple[list[PlanKey], str]:
        return list(self._query(shard, datetime.max.replace(tzinfo=UTC))), ""

    def _query(self, shard: str, until: datetime) -> Iterator[PlanKey]:
        def read() -> list[PlanKey]:
            found = [
                (plan.due_at, key)
                for key, plan in self._table.plans.items()
                if plan.due_at is not None and plan.due_at <= until and plan_shard(plan.registrant_id) == shard
            ]
            return [key for _, key in sorted(found)]

        yield from self._nature.call(Port.GET, f"query {shard}", read, QUERY)

    def _as_read(self, plan: Plan) -> bool:
        now = self._table.plans.get((plan.registrant_id, plan.wave))
        return now is not None and _read(now) == _read(_plan(plan))

    def _write(self, plan: Plan) -> None:
        self._table.plans[plan.registrant_id, plan.wave] = _plan(plan)


class MemoryProposalStore(InMemory, ProposalStore):
    """See the module."""

    def get(self, entitlement_id: str) -> Proposal | None:
        return self._nature.call(Port.GET, "read proposal", lambda: self._table.proposals.get(entitlement_id), GET)

    def put(self, entitlement_id: str, proposal: Proposal) -> bool:
        def write() -> bool:
            standing = self._table.proposals.get(entitlement_id)
            if standing is not None and standing.seq >= proposal.seq:
                return False
            self._table.proposals[entitlement_id] = replace(proposal, made_at=_kept(proposal.made_at))
            return True

        return self._nature.call(Port.WRITE, f"propose {proposal.decision} by {proposal.maker}", write, PUT)

    def delete(self, entitlement_id: str, proposal: Proposal) -> bool:
        def write() -> bool:
            if not same(self._table.proposals.get(entitlement_id), proposal):
                return False
            del self._table.proposals[entitlement_id]
            return True

        return self._nature.call(Port.WRITE, "take proposal back", write, DELETE)


class MemoryPauseStore(InMemory, PauseStore):
    """See the module."""

    def get(self) -> Pause | None:
        return self._nature.call(Port.GET, "read the pause", lambda: self._table.pause, GET)

    def set(self, pause: Pause) -> None:
        self._nature.call(Port.WRITE, "pause", lambda: setattr(self._table, "pause", pause), PUT)

    def clear(self) -> None:
        self._nature.call(Port.WRITE, "resume", lambda: setattr(self._table, "pause", None), DELETE)


class MemoryJournalStore(InMemory, JournalStore):
    """Lines are written for people, who read none here."""

    def add(self, act: Act) -> None:
        self._nature.call(Port.WRITE, f"note {act.deed}", lambda: None, PUT)


class MemoryCeilingStore(InMemory, CeilingStore):
    """`take` is the real one."""

    def get(self, name: str) -> Ceiling | None:
        return self._nature.call(Port.GET, f"read ceiling {name}", lambda: self._table.ceilings.get(name), GET)

    def change(self, before: Ceiling, ceiling_idr: Any, by: str, note: str) -> None:
        self._open(before.name, before.ceiling_idr)

        def write() -> None:
            now = self._table.ceilings[before.name]
            if now.ceiling_idr != before.ceiling_idr:
                raise CeilingChanged(name=before.name)
            left = now.left_idr + ceiling_idr - before.ceiling_idr
            self._table.ceilings[now.name] = Ceiling(now.name, ceiling_idr, left, by, note)

        self._nature.call(Port.WRITE, f"set ceiling {before.name}", write, UPDATE)

    def _taken(self, name: str, amount_idr: int) -> bool:
        def write() -> bool:
            now = self._table.ceilings.get(name)
            if now is None or now.left_idr < amount_idr:
                return False
            self._table.ceilings[name] = replace(now, left_idr=now.left_idr - amount_idr)
            return True

        return self._nature.call(Port.WRITE, f"take {amount_idr} of {name}", write, UPDATE)

    def _open(self, name: str, ceiling_idr: Any) -> None:
        new = Ceiling(name, ceiling_idr, ceiling_idr)
        self._nature.call(Port.WRITE, f"open ceiling {name}", lambda: self._table.ceilings.setdefault(name, new), PUT)


def same(standing: Proposal | None, read: Proposal) -> bool:
    """The condition of `Proposal.as_read`."""
    return standing is not None and _signed(standing) == _signed(read)


def _signed(proposal: Proposal) -> tuple[str, datetime, Decision]:
    return proposal.maker, _kept(proposal.made_at), proposal.decision


def as_kept(entitlement: Entitlement) -> Entitlement:
    """As HEAD gives it back: instants to the millisecond, and its place in the index always there."""
    return replace(
        entitlement,
        created_at=_kept(entitlement.created_at),
        changed_at=_kept(entitlement.changed_at),
        queued_at=_kept(entitlement.queued_at or entitlement.changed_at),
    )


def _plan(plan: Plan) -> Plan:
    stopped_at, made_at = (at and _kept(at) for at in (plan.stopped_at, plan.made_at))
    return replace(plan, stopped_at=stopped_at, made_at=made_at)


def _read(plan: Plan) -> tuple[object, ...]:
    """What the condition of a plan's change compares."""
    return plan.number, plan.stopped_at, plan.made_at


def _kept(instant: datetime) -> datetime:
    return parse_iso(iso(instant)) if instant.microsecond else instant


def _place(head: Entitlement) -> datetime:
    return head.queued_at or head.changed_at


def _line(after: Entitlement, before: State | None, move: Move, attempt: StoredAttempt | None) -> Line:
    at = _kept(after.changed_at)
    event = Event(after.seq, at, before, after.state, after.n, after.hold, move.reason, move.authority)
    return Line(event, attempt and replace(attempt, first_sent_at=at))
