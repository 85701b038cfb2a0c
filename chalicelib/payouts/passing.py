"""What is paid for a place when the place follows its NIK to another person (`waves.places.nik_claims`).

The plan goes first, so that no instalment comes for the former holder any more. Then each entitlement has a transaction
of its own: what is open goes on to the new owner. What is at rest does not, nor what a bank that is sent files was told
to pay, as its word that it failed is not final: for the owner it is HELD as WRITTEN_OFF, so nothing that was paid once
can fall due again but by the word of two administrators. What one has held or stopped stays so until two end it. A
repeat does what is left.
"""

from __future__ import annotations

import logging
from contextlib import suppress
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..aws.dynamodb import LegsFailed, Transaction
from ..waves.rules import Beneficiary
from . import rules
from .bank_files.store import RAIL
from .ledger.store import PayoutStore
from .rules import AT_REST, Entitlement, Hold, Move, State

if TYPE_CHECKING:
    from .service import Payouts

log = logging.getLogger(__name__)

PASSED = "passed_with_nik"


class PassedPayments:
    """See the module."""

    def __init__(self, store: PayoutStore, payouts: Payouts) -> None:
        self._store = store
        self._payouts = payouts

    def pass_on(self, place: Beneficiary, to: str, now: datetime) -> bool:
        """Let the payments of a place, by which nothing is earned any more, follow it; whether all have.

        While an instruction may be alive none does: it is not known yet whether it pays the former holder.
        """
        own = self._payouts.of_many([place, replace(place, registrant_id=to)])
        left = [one for one in own[place.registrant_id] if one.passed_to != to]
        if any(one.state is State.SENDING or one.hold in rules.ALIVE for one in left):
            return False
        theirs = {one.kind: one for one in own[to]}
        with suppress(LegsFailed):  # something moved it meanwhile
            self._pass_plan(place, to)
            for one in left:
                self._pass(one, theirs.get(one.kind), to, now)
            return True
        return False

    def end(self, place: Beneficiary, to: str, now: datetime) -> bool | None:
        """Let nothing more be paid for a place whose NIK is another's, who does not get the place; whether it was paid
        for, or may have been. None: it is not known yet, or something came between, and a repeat is to do it.
        """
        own = self._payouts.of_many([place])[place.registrant_id]
        if any(one.state is State.SENDING or one.hold in rules.ALIVE for one in own):
            return None
        with suppress(LegsFailed):
            plan = self._store.plans.of((place.registrant_id, place.wave))
            if plan is not None:
                with self._store.transaction() as tx:
                    self._store.plans.remove(tx, plan)
            for one in own:
                if one.state not in AT_REST:
                    with self._store.transaction() as tx:
                        self._cancel(tx, one, to, now)
            return any(one.state is State.PAID or one.instead_of or _by_file(one) for one in own)
        return None

    def _pass_plan(self, place: Beneficiary, to: str) -> None:
        plan = self._store.plans.of((place.registrant_id, place.wave))
        if plan is not None:
            if plan.stopped is not None:
                # It may have been against the former holder alone, or the new one's own: staff are to ask.
                first = rules.entitlement_id(place.wave, to, rules.Kind.INCENTIVE)
                log.error("stop_passed_with_nik", extra={"entitlement": first, "reason": plan.stopped})
            with self._store.transaction() as tx:
                self._store.plans.remove(tx, plan)
                self._store.plans.add(tx, replace(plan, registrant_id=to))

    def _pass(self, one: Entitlement, theirs: Entitlement | None, to: str, now: datetime) -> None:
        """`theirs`: what the new owner has of the same kind already, as the NIK was theirs before."""
        with self._store.transaction() as tx:
            if one.state in AT_REST:
                self._store.mark_passed(tx, one, to)
            else:
                self._cancel(tx, one, to, now)
            after = _of_owner(one, theirs, to, now)
            if after is None:
                self._store.mark_passed(tx, theirs, None) if theirs else None
            else:
                self._store.change(tx, theirs, after, Move(after.state, PASSED, after.hold))
        if after is not None and after.state is State.DUE:
            self._payouts.queue.send([after.id])

    def _cancel(self, tx: Transaction, one: Entitlement, to: str, now: datetime) -> None:
        ended = replace(_next(one, State.CANCELLED, now), passed_to=to)
        self._store.change(tx, one, ended, Move(State.CANCELLED, PASSED))


def _of_owner(one: Entitlement, theirs: Entitlement | None, to: str, now: datetime) -> Entitlement | None:
    """The entitlement of a place's new owner, for what the former holder has; None: it was paid to themselves."""
    if theirs is not None and theirs.state is State.PAID:
        return None
    if theirs is None:
        id_ = rules.entitlement_id(one.wave, to, one.kind)
        new = Entitlement(id_, to, one.wave, one.kind, one.amount_idr, State.DUE, 0, 1, None, now, now)
    else:
        new = replace(_next(theirs, State.DUE, now), n_before=theirs.n, passed_to=None)
    new = replace(new, instead_of=one.instead_of)
    if _by_file(one) or one.state in AT_REST or one.hold is Hold.WRITTEN_OFF:
        return replace(new, state=State.HELD, hold=Hold.WRITTEN_OFF, instead_of=one.instead_of or one.id)
    return replace(new, state=State.HELD, hold=Hold.ADMIN) if one.hold is Hold.ADMIN else new


def _by_file(one: Entitlement) -> bool:
    """Whether a bank that is sent files was told to pay it: it may say later that it did."""
    return one.n > 0 and one.rail == RAIL


def _next(entitlement: Entitlement, state: State, now: datetime) -> Entitlement:
    return replace(entitlement, state=state, hold=None, seq=entitlement.seq + 1, changed_at=now, queued_at=now)
