"""Planted bugs of payouts: plausible mistakes. The schedules must find each, or they prove nothing.

Each is a small subclass of the real code or of a store, or replaces one function of the rules.
"""

from __future__ import annotations

import itertools
from collections.abc import Callable, Iterator
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from datetime import datetime
from typing import Any
from unittest.mock import patch

import msgspec
from botocore.exceptions import BotoCoreError, ClientError
from msgspec.structs import replace
from pynamodb.exceptions import PynamoDBException

from chalicelib import holder_names
from chalicelib.ids import derived_id
from chalicelib.payouts import rules, steps
from chalicelib.payouts.controls.administration import Administration
from chalicelib.payouts.controls.limits import Allowance, Pause
from chalicelib.payouts.controls.proposals import Proposal
from chalicelib.payouts.errors import Superseded
from chalicelib.payouts.ledger import records
from chalicelib.payouts.ledger.records import Attempt, StoredAttempt
from chalicelib.payouts.providers.xendit import Xendit
from chalicelib.payouts.rules import Answer, Entitlement, Hold, Move, Outcome, State
from chalicelib.payouts.service import Payouts
from chalicelib.payouts.worker import Worker
from chalicelib.registration.rules import Payee

from .people import MemoryPeople
from .ports import TRANSACTION, Port
from .store import MemoryPayoutStore, _line, as_kept
from .world import Parts


class NewKeyOnRetry(Xendit):
    def __init__(self, *arguments: Any) -> None:
        super().__init__(*arguments)
        self._calls = itertools.count()

    def send(self, key: str, body: bytes) -> Answer:
        return super().send(f"{key}-{next(self._calls)}", body)


class SendBeforeStore(Worker):
    def _claim_and_send(self, entitlement: Entitlement, payee: Payee, now: datetime) -> State:
        fsp = self._providers.of_code(payee.address.code)
        n = entitlement.n + 1
        key = rules.reference(entitlement.id, n)
        body = fsp.render(key, entitlement, payee.address)
        fsp.send(key, body)
        sealed = payee.seal(body)
        claimed = self._store.claim(entitlement, StoredAttempt(n, key, sealed, now, fsp.rail), now)
        return self._settle(claimed, fsp.status(key), now)


class TimeOutTakenAsFailure(Worker):
    def _send(self, entitlement: Entitlement, attempt: Attempt, now: datetime, *, first: bool = False) -> State:
        fsp = self._providers.named(attempt.rail)
        if fsp.send(attempt.key, attempt.body).outcome is Outcome.UNKNOWN:
            return self._move(entitlement, Move(State.FAILED, "timed_out"), now).state
        return self._settle(entitlement, fsp.status(attempt.key), now)


class AcceptedTakenAsPaid(Worker):
    def _send(self, entitlement: Entitlement, attempt: Attempt, now: datetime, *, first: bool = False) -> State:
        if self._providers.named(attempt.rail).send(attempt.key, attempt.body).outcome is Outcome.PENDING:
            return self._move(entitlement, Move(State.PAID, "accepted"), now).state
        return entitlement.state


class BodyDrift(Worker):
    def _send(self, entitlement: Entitlement, attempt: Attempt, now: datetime, *, first: bool = False) -> State:
        payee = self._ports.payees.payee(entitlement.registrant_id, now)
        if not isinstance(payee, Hold):
            body = self._providers.named(attempt.rail).render(attempt.key, entitlement, payee.address)
            attempt = replace(attempt, body=body)
        return super()._send(entitlement, attempt, now, first=first)


class UnclaimedGivenBackTwice(Worker):
    """Gives the allowance back when it does not know whether the claim was made."""

    def _claim_and_send(self, entitlement: Entitlement, payee: Payee, now: datetime) -> State:
        try:
            return super()._claim_and_send(entitlement, payee, now)
        except (PynamoDBException, BotoCoreError, ClientError):
            self._ports.allowance.give_back(entitlement, now)
            raise


class SplitTransaction(MemoryPayoutStore):
    def _transition(self, before: Entitlement, after: Entitlement, move: Move, **more: Any) -> None:
        def head() -> None:
            if not self._unchanged(before, after):
                raise Superseded(entitlement_id=before.id)
            self._table.write(before.id, as_kept(after))

        line = (after.seq, _line(after, before.state, move, more.get("attempt")))
        self._nature.call(Port.TRANSACTION, "HEAD", head, TRANSACTION)
        self._nature.call(Port.TRANSACTION, "line", lambda: self._table.write(before.id, None, [line]), TRANSACTION)


class UnconditionalCreate(MemoryPayoutStore):
    def add(self, tx: Any, entitlement: Entitlement, reason: str) -> None:
        super().add(tx, entitlement, reason)
        tx.legs[:] = [(name, lambda: True, write) for name, _, write in tx.legs]


class StaleN(MemoryPayoutStore):
    """Claims on the state alone, with the number of attempts as a read has it that may lag behind a failure."""

    def get_for_work(self, entitlement_id: str) -> tuple[Entitlement, Pause | None]:
        entitlement, pause = super().get_for_work(entitlement_id)
        behind = entitlement.state is State.FAILED and self._dice.random() < self._lag
        return replace(entitlement, n=entitlement.n - behind), pause

    def _unchanged(self, before: Entitlement, after: Entitlement) -> bool:
        now = self._table.heads[before.id]
        return now.state is before.state if after.state is State.SENDING else super()._unchanged(before, after)


class LateSettle(MemoryPayoutStore):
    """Settles whatever has become of the entitlement since it was read."""

    def _unchanged(self, before: Entitlement, after: Entitlement) -> bool:
        return after.state in {State.PAID, State.FAILED} or super()._unchanged(before, after)


class DoubleRelease(MemoryPayoutStore):
    """A release that is carried out twice opens what has been claimed in between."""

    def _unchanged(self, before: Entitlement, after: Entitlement) -> bool:
        return before.hold is Hold.ADMIN or super()._unchanged(before, after)

    def approve(self, entitlement: Entitlement, proposal: Proposal, move: Move, now: datetime) -> Entitlement:
        released = entitlement.hold is Hold.ADMIN
        return self.move(entitlement, move, now) if released else super().approve(entitlement, proposal, move, now)


class BlindToThePause(MemoryPayoutStore):
    def get_for_work(self, entitlement_id: str) -> tuple[Entitlement, Pause | None]:
        return super().get_for_work(entitlement_id)[0], None


class CountsAnew(MemoryPayoutStore):
    """Opens an entitlement again with its attempts counted, and named, from one."""

    def approve(self, entitlement: Entitlement, proposal: Proposal, move: Move, now: datetime) -> Entitlement:
        if move.state is State.DUE:
            entitlement = replace(entitlement, n=0)
        return super().approve(entitlement, proposal, move, now)

    def _unchanged(self, before: Entitlement, after: Entitlement) -> bool:
        return self._table.heads[before.id].seq == before.seq


class ProviderNotAsked(Administration):
    def _check_over(self, entitlement: Entitlement, now: datetime) -> None:
        return


class CeilingsIgnored(Allowance):
    def spend(self, entitlement: Entitlement, now: datetime) -> str | None:
        super().spend(entitlement, now)
        return None


class TokenNotCompared(Payouts):
    def hint(self, callback_token: str, reference_id: str) -> None:
        super().hint(self._callback_token(), reference_id)


class SweptOnceOnly(MemoryPayoutStore):
    """Takes a row out of the index when it is queued; a message that is then lost is never sent again."""

    def mark_queued(self, row: Any, now: datetime) -> Entitlement | None:
        return super().mark_queued(row, datetime(2099, 1, 1, tzinfo=now.tzinfo))


def trusting_webhook(payouts: Payouts, token: str, raw: bytes) -> None:
    """Settles from the body, and asks as well."""
    data = msgspec.json.decode(raw)["data"]
    payouts.hint(token, data["reference_id"])
    entitlement_id = rules.entitlement_of(data["reference_id"])
    if entitlement_id is None or data["status"] != "SUCCEEDED":
        return
    entitlement = payouts._store.get(entitlement_id)
    if entitlement.state is State.SENDING:
        payouts._store.move(entitlement, Move(State.PAID, "webhook"), entitlement.changed_at)


_count = itertools.count()
_after_status, _needs = rules.after_status, rules.needs_another_look


def _deaf_to_reversals(entitlement: Entitlement, answer: Answer) -> tuple[Move, ...]:
    return () if entitlement.state is State.PAID else _after_status(entitlement, answer)


def _any_amount(entitlement: Entitlement, answer: Answer) -> tuple[Move, ...]:
    return _after_status(entitlement, replace(answer, amount_idr=entitlement.amount_idr))


def _random_id(wave: int, registrant_id: str, kind: Any) -> str:
    return derived_id("random", next(_count), wave, registrant_id, kind.value)


def _sending_forgotten(state: State, hold: Hold | None) -> bool:
    return state is not State.SENDING and _needs(state, hold)


def _alive_or_not(entitlement: Entitlement) -> bool:
    return entitlement.state is not State.PAID


@dataclass(frozen=True)
class Bug:
    """`parts` are instead of the real ones, `patches` of functions: (module, name, what is there instead)."""

    parts: Parts = field(default_factory=Parts)
    patches: tuple[tuple[Any, str, Any], ...] = ()

    @contextmanager
    def planted(self) -> Iterator[Parts]:
        """While this lasts, the code has the bug."""
        with ExitStack() as stack:
            for module, name, instead in self.patches:
                stack.enter_context(patch.object(module, name, instead))
            yield self.parts


def _rule(name: str, instead: Callable[..., Any] | frozenset[Any]) -> Bug:
    return Bug(patches=((rules, name, instead),))


def _step(name: str, instead: Callable[..., Any]) -> Bug:
    return Bug(patches=((steps, name, instead),))


BUGS: dict[str, Bug] = {
    "a new key on retry": Bug(Parts(fsp=NewKeyOnRetry)),
    "send before store": Bug(Parts(worker=SendBeforeStore)),
    "time-out taken as failure": Bug(Parts(worker=TimeOutTakenAsFailure)),
    "not found taken as failure": _step("after_not_found", lambda *_: Move(State.FAILED, "not_found")),
    "accepted taken as paid": Bug(Parts(worker=AcceptedTakenAsPaid)),
    "split transaction": Bug(Parts(store=SplitTransaction)),
    "unconditional create": Bug(Parts(store=UnconditionalCreate)),
    "random id": _rule("entitlement_id", _random_id),
    "trust in a webhook's body": Bug(Parts(webhook=trusting_webhook)),
    "webhook's token not compared": Bug(Parts(payouts=TokenNotCompared)),
    "stale read of n": Bug(Parts(store=StaleN)),
    "body drift": Bug(Parts(worker=BodyDrift)),
    "late settle after cancel": Bug(Parts(store=LateSettle)),
    "key reuse across n": _rule("reference", lambda entitlement, _n: f"{entitlement}-1"),
    "attempts counted anew after a reopening": Bug(Parts(store=CountsAnew)),
    "lost reversal": _rule("after_status", _deaf_to_reversals),
    "amount not compared": _rule("after_status", _any_amount),
    "claim while paused": Bug(Parts(store=BlindToThePause)),
    "double release": Bug(Parts(store=DoubleRelease)),
    "held while it is sending": _rule("nothing_alive", _alive_or_not),
    "resolve by one person": _rule("same_person", lambda *_: False),
    "provider not asked before a retry": Bug(Parts(administration=ProviderNotAsked)),
    "key thought dead too soon": _step("key_is_dead", lambda *_: True),
    "resend after the key's life": _step("may_resend", lambda *_: True),
    "ceilings ignored": Bug(Parts(allowance=CeilingsIgnored)),
    "allowance given back of a claim that was made": Bug(Parts(worker=UnclaimedGivenBackTwice)),
    "alarm touched by a worker": _rule("FOR_A_PERSON", frozenset({Hold.ADMIN})),
    "administrator's hold touched by a worker": _rule("WAITING", rules.WAITING | {Hold.ADMIN}),
    "exclusion not tested again": Bug(patches=((MemoryPeople, "check_not_excluded", lambda *_: None),)),
    "holder's name not compared": Bug(patches=((holder_names, "score", lambda *_: 100),)),
    "sending forgotten by the sweep": Bug(patches=((records, "needs_another_look", _sending_forgotten),)),
    "swept once only": Bug(Parts(store=SweptOnceOnly)),
}
"""By what is wrong."""
