"""The use cases of payouts: entitle, queue, process, sweep, hint.

`process` may die between any two calls and may run twice at once. What keeps the promise is the order: the attempt with
its exact bytes is stored before it is sent, an unknown outcome is asked about or sent again with the same key and the
same bytes, and only the provider's word on a status query settles or fails anything.
"""

from __future__ import annotations

import hmac
import logging
from collections.abc import Callable, Iterable, Iterator
from dataclasses import dataclass
from datetime import datetime, timedelta
from typing import Protocol

from ..config import Programme
from ..dynamo import Transaction
from ..registration.errors import Excluded
from ..registration.rules import Registrant
from ..waves.rules import Beneficiary
from . import rules, wire
from .errors import InvalidCallback, PendingOutcome
from .fsp import Address, Fsp
from .queue import PayoutQueue
from .records import Event, News, StoredAttempt
from .rules import Answer, Attempt, Entitlement, Hold, Kind, Move, Outcome, State, Step
from .shards import unsettled_shards
from .store import PayoutStore
from .wire import PayoutView

log = logging.getLogger(__name__)

SWEEP_LIMIT = 50
"""Entitlements that one sweep queues from one partition of the index: 800 a minute, so it ends within its time."""


class Registrations(Protocol):
    """Who a person is; `financial_address` gives the account in the clear, for paying only."""

    def financial_address(self, registrant_id: str) -> Address | None: ...
    def registrant(self, registrant_id: str) -> Registrant: ...
    def check_not_excluded(self, registrant: Registrant) -> None: ...


class Sealer(Protocol):
    """Encrypts with a person's own data key."""

    def seal(self, registrant_id: str, plain: bytes) -> bytes: ...
    def unseal(self, registrant_id: str, sealed: bytes) -> bytes: ...


@dataclass(frozen=True)
class Ports:
    """What payouts need of others. `callback_token` is asked for at each webhook."""

    registrations: Registrations
    sealer: Sealer
    fsp: Fsp
    queue: PayoutQueue
    callback_token: Callable[[], str]


@dataclass(frozen=True)
class History:
    """One entitlement as it stands, its attempts (their bodies sealed) and every transition, each in order."""

    entitlement: Entitlement
    attempts: list[StoredAttempt]
    events: list[Event]


class Payouts:
    """See the module. Methods with `now` take an aware UTC instant."""

    def __init__(self, store: PayoutStore, ports: Ports, programme: Programme) -> None:
        self._store = store
        self._registrations = ports.registrations
        self._sealer = ports.sealer
        self._fsp = ports.fsp
        self._queue = ports.queue
        self._callback_token = ports.callback_token
        self._programme = programme
        self._rules = programme.payouts

    def entitle(self, tx: Transaction, beneficiary: Beneficiary, kind: Kind, now: datetime) -> str:
        """Add a new entitlement to the caller's transaction and return its id; the caller then calls `enqueue`.

        If the person is entitled already, the transaction fails in the leg `ENTITLEMENT_LEG` and writes nothing. That
        is no error of the person's: if no other leg failed, a caller whose own write is worth having does it again
        without this call. Enqueueing after a commit may be lost: the sweep finds the entitlement. Raises `NotInScheme`.
        """
        scheme = {scheme.version: scheme for scheme in self._programme.schemes}[beneficiary.scheme]
        entitlement = Entitlement(
            id=rules.entitlement_id(beneficiary.wave, beneficiary.registrant_id, kind),
            registrant_id=beneficiary.registrant_id,
            wave=beneficiary.wave,
            kind=kind,
            amount_idr=rules.amount(kind, scheme),
            state=State.DUE,
            n=0,
            seq=1,
            hold=None,
            created_at=now,
            changed_at=now,
        )
        self._store.add(tx, entitlement, "entitled")
        return entitlement.id

    def enqueue(self, entitlement_id: str) -> None:
        """Queue one entitlement for `process`. Any number of times does no harm. Raises `Unavailable`."""
        self._queue.send([entitlement_id])

    def process(self, entitlement_id: str, now: datetime) -> State:
        """Take an entitlement as far as it goes now, and return its state.

        Raises `PendingOutcome` or `Superseded` if its message must come again, `UnknownEntitlement`.
        """
        entitlement = self._store.get(entitlement_id)
        match rules.next_step(entitlement, now, self._rules):
            case Step.CLAIM:
                return self._claim(entitlement, now)
            case Step.ASK:
                return self._ask(entitlement, now)
            case Step.CANCEL:
                return self._move(entitlement, Move(State.CANCELLED, "attempts_used_up"), now).state
            case Step.WAIT:
                return entitlement.state

    def sweep(self, now: datetime) -> int:
        """Queue what has rested unsettled for too long, and return how many. Two sweeps at once queue each one once.

        A row is marked before it is queued: if the queueing is lost, a later sweep comes back to it.
        """
        interval = timedelta(seconds=self._rules.requeue_after_s)
        queued = 0
        for shard, seldom in unsettled_shards():
            before = now - interval * (self._rules.held_look_factor if seldom else 1)
            rows = self._store.unsettled(shard, before, SWEEP_LIMIT)
            marked = [row.entitlement_id for row in rows if self._store.mark_queued(row, now)]
            self._queue.send(marked)
            queued += len(marked)
        if queued:
            log.info("payouts_swept", extra={"queued": queued})
        return queued

    def hint(self, callback_token: str, reference_id: str) -> None:
        """Take a webhook as a hint: queue the entitlement, so that the provider is asked. Raises `InvalidCallback`.

        References that are not of this ledger's making are ignored, here or (if they only look like ours) by the
        consumer: the provider's account may serve others too.
        """
        expected = self._callback_token()
        if not expected or not hmac.compare_digest(callback_token.encode(), expected.encode()):
            raise InvalidCallback()
        entitlement_id = rules.entitlement_of(reference_id)
        if entitlement_id is None:
            log.info("fsp_hint_ignored")
            return
        self.enqueue(entitlement_id)

    def of(self, beneficiary: Beneficiary | None) -> list[PayoutView]:
        """A person's entitlements, by kind; one batch get of the derived ids. Nobody's for whom was not chosen."""
        if beneficiary is None:
            return []
        ids = [rules.entitlement_id(beneficiary.wave, beneficiary.registrant_id, kind) for kind in Kind]
        order = list(Kind)
        return [wire.view(each) for each in sorted(self._store.batch(ids), key=lambda each: order.index(each.kind))]

    def of_many(self, beneficiaries: Iterable[Beneficiary]) -> dict[str, list[Entitlement]]:
        """The entitlements of many people by registrant id, each list by kind; for whom there are none, an empty list.

        One batch get of the derived ids for each 33 people.
        """
        people = list(beneficiaries)
        found: dict[str, list[Entitlement]] = {each.registrant_id: [] for each in people}
        ids = [rules.entitlement_id(each.wave, each.registrant_id, kind) for each in people for kind in Kind]
        for entitlement in self._store.batch(ids):
            found[entitlement.registrant_id].append(entitlement)
        order = list(Kind)
        return {person: sorted(own, key=lambda each: order.index(each.kind)) for person, own in found.items()}

    def news(self, shard: str, after: str, until: datetime, limit: int) -> list[News]:
        """What happened in one of `shards.NEWS_SHARDS` that others act on: PAID, CANCELLED, REVERSED, HELD(NO_ADDRESS).

        Oldest first, at most `limit` (up to 100). `after` is an instant as `clock.iso` writes it, or the `key` of the
        last line that was read. A key goes on exactly behind its line; instants are compared as texts, so either end
        may be off by up to a second. The index lags behind the ledger by moments: who reads up to the present reads
        the last minutes again (`cursors.Cursors` does).
        """
        return self._store.news(shard, after, until, limit)

    def ledger(self) -> Iterator[Entitlement]:
        """Every entitlement there is: for an administrator, as it reads the whole table."""
        return self._store.everything()

    def history(self, entitlement_id: str) -> History:
        """All that is recorded of one entitlement. Raises `UnknownEntitlement`."""
        entitlement = self._store.get(entitlement_id)
        return History(entitlement, self._store.attempts(entitlement_id), self._store.events(entitlement_id))

    def _claim(self, entitlement: Entitlement, now: datetime) -> State:
        address = self._registrations.financial_address(entitlement.registrant_id)
        if address is None:
            return self._hold(entitlement, Move(State.HELD, "no_financial_address", Hold.NO_ADDRESS), now)
        if self._excluded(entitlement.registrant_id):
            return self._hold(entitlement, Move(State.HELD, "on_exclusion_list", Hold.EXCLUDED), now)
        if entitlement.state is State.HELD:
            entitlement = self._move(entitlement, Move(State.DUE, "obstacle_gone"), now)
        n = entitlement.n + 1
        key = rules.reference(entitlement.id, n)
        attempt = Attempt(n, key, self._fsp.render(key, entitlement, address), now, self._fsp.rail)
        sealed = self._sealer.seal(entitlement.registrant_id, attempt.body)
        entitlement = self._store.claim(entitlement, StoredAttempt(n, key, sealed, now, attempt.rail), now)
        return self._send(entitlement, attempt, now)

    def _hold(self, entitlement: Entitlement, move: Move, now: datetime) -> State:
        """HELD for what stands in the way now: the person is shown it, so a hold that changed is recorded anew."""
        if entitlement.hold is move.hold:
            return entitlement.state
        return self._move(entitlement, move, now).state

    def _excluded(self, registrant_id: str) -> bool:
        try:
            self._registrations.check_not_excluded(self._registrations.registrant(registrant_id))
        except Excluded:
            return True
        return False

    def _ask(self, entitlement: Entitlement, now: datetime) -> State:
        stored = self._store.attempt(entitlement.id, entitlement.n)
        answer = self._fsp.status(stored.key)
        if answer.outcome is Outcome.NOT_FOUND and entitlement.state is State.SENDING:
            attempt = stored.opened(self._sealer.unseal(entitlement.registrant_id, stored.sealed_body))
            move = rules.after_not_found(attempt, now, self._rules)
            return self._move(entitlement, move, now).state if move else self._send(entitlement, attempt, now)
        return self._settle(entitlement, answer, now)

    def _send(self, entitlement: Entitlement, attempt: Attempt, now: datetime) -> State:
        answer = self._fsp.send(attempt.key, attempt.body)
        if answer.outcome is Outcome.UNKNOWN:
            raise PendingOutcome(entitlement_id=entitlement.id, reason=answer.fact)
        move = rules.after_send(answer)
        if move is not None:
            return self._move(entitlement, move, now).state
        return self._settle(entitlement, self._fsp.status(attempt.key), now)

    def _settle(self, entitlement: Entitlement, answer: Answer, now: datetime) -> State:
        """Follow a status answer. PENDING is the provider's own word: its webhook or the sweep brings us back."""
        if rules.contradicts(entitlement, answer):
            log.error("payout_contradicted", extra={"entitlement": entitlement.id, "reason": answer.fact})
        for move in rules.after_status(entitlement, answer):
            entitlement = self._move(entitlement, move, now)
        missing = answer.outcome is Outcome.NOT_FOUND and entitlement.state is State.SENDING
        # Of a PAID one nothing is owed: most messages about it are the provider's late hint of just that payment, and
        # an outage of the provider would send them all to the dead-letter queue. Whether money came back is asked again
        # at the next hint, or by a person after a comparison of the books.
        unanswered = answer.outcome is Outcome.UNKNOWN and entitlement.state is not State.PAID
        if missing or unanswered:
            raise PendingOutcome(entitlement_id=entitlement.id, reason=answer.fact)
        if rules.next_step(entitlement, now, self._rules) is Step.CANCEL:
            entitlement = self._move(entitlement, Move(State.CANCELLED, "attempts_used_up"), now)
        return entitlement.state

    def _move(self, entitlement: Entitlement, move: Move, now: datetime) -> Entitlement:
        moved = self._store.move(entitlement, move, now)
        facts = {"entitlement": moved.id, "state": moved.state.value, "n": moved.n, "reason": move.reason}
        # What only a person can put right is an error in the log.
        held_for_person = moved.hold is not None and moved.hold not in rules.WAITING
        alarming = held_for_person or moved.state in {State.CANCELLED, State.REVERSED}
        log.log(logging.ERROR if alarming else logging.INFO, "payout_moved", extra=facts)
        return moved
