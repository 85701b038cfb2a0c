"""The work on one entitlement: claim, send, ask, settle.

`process` may die between any two calls and may run twice at once. The order of its writes keeps the promise. The
attempt with its exact bytes is stored before it is sent. An unknown outcome is asked about, or sent again with the same
key and the same bytes. Only the provider's word on a status query settles or fails anything.
"""

from __future__ import annotations

import logging
from datetime import datetime
from typing import TYPE_CHECKING

from msgspec.structs import replace

from ..figures.benefits import PayoutRules
from ..registration.rules import Payee
from ..values import Value
from . import alarm_words, rules, steps
from .bank_files.transfers import BankFile
from .controls.limits import Allowance, Pause
from .errors import OutcomeNotKnown, Superseded
from .ledger.records import Attempt, StoredAttempt
from .ledger.store import PayoutStore
from .providers.provider import Providers
from .rules import Answer, Entitlement, Hold, Move, Outcome, State
from .steps import Step

if TYPE_CHECKING:
    from ..registration.service import Registrations
    from .address_checks import AddressBook

log = logging.getLogger(__name__)


class Ports(Value, frozen=True):
    """What the work needs of others. `sealer` opens what was sealed with a person's own data key."""

    payees: AddressBook
    sealer: Registrations
    providers: Providers
    allowance: Allowance


_OBSTACLES = {
    Hold.NO_ADDRESS: "no_financial_address",
    Hold.UNVERIFIED: "account_not_verified",
    Hold.EXCLUDED: "on_exclusion_list",
    Hold.UNCONFIRMED: "not_confirmed_by_the_registry",
    Hold.ADDRESS_CHANGED: "address_changed_lately",
    Hold.UNTOLD: "person_not_told_of_change",
    Hold.CONTESTED: "nik_contested",
    Hold.DISPUTED: "change_disputed_by_the_person",
}


class Worker:
    """See the module. Methods with `now` take an aware UTC instant."""

    def __init__(self, store: PayoutStore, ports: Ports, payout_rules: PayoutRules) -> None:
        self._store = store
        self._ports = ports
        self._providers = ports.providers
        self._rules = payout_rules

    def process(self, entitlement_id: str, now: datetime) -> State:
        """Take an entitlement as far as it goes now, and return its state.

        Raises `OutcomeNotKnown` or `Superseded` if its message must come again, `UnknownEntitlement`.
        """
        entitlement, pause = self._store.get_for_work(entitlement_id)
        if entitlement.rail == BankFile.rail and rules.follows_a_failure(entitlement):
            # A bank's word is no final status: it may have said since that it paid.
            answer = self._providers.named(BankFile.rail).status(rules.reference(entitlement.id, entitlement.n))
            for move in rules.after_late_word(answer):
                return self._move(entitlement, move, now).state
        match steps.next_step(entitlement, now, self._rules):
            case Step.CLAIM if pause is None:
                return self._claim(entitlement, now)
            case Step.CLAIM:
                return self._paused(entitlement)
            case Step.ASK:
                return self._ask(entitlement, pause, now)
            case Step.CANCEL:
                return self._move(entitlement, Move(State.CANCELLED, "attempts_used_up"), now).state
            case _:
                return entitlement.state

    def _claim(self, entitlement: Entitlement, now: datetime) -> State:
        payee = self._ports.payees.payee(entitlement.registrant_id, now)
        if isinstance(payee, Hold):
            return self._hold(entitlement, payee, now)
        if not steps.may_retry(entitlement, payee.address.version, now, self._rules):
            return entitlement.state
        if entitlement.state is State.HELD:
            entitlement = self._move(entitlement, Move(State.DUE, "obstacle_gone"), now)
        reached = self._ports.allowance.spend(entitlement, now)
        if reached is not None:
            # At rest until the sweep comes: tomorrow, or after an administrator has set the ceiling anew.
            log.warning(alarm_words.CEILING_REACHED, extra={"entitlement": entitlement.id, "ceiling": reached})
            return entitlement.state
        return self._claim_and_send(entitlement, payee, now)

    def _claim_and_send(self, entitlement: Entitlement, payee: Payee, now: datetime) -> State:
        fsp = self._providers.of_code(payee.address.code)
        n = entitlement.n + 1
        key = rules.reference(entitlement.id, n)
        attempt = Attempt(n, key, fsp.render(key, entitlement, payee.address), now, fsp.rail)
        sealed = payee.seal(attempt.body)
        entitlement = replace(entitlement, address_version=payee.address.version)
        try:
            claimed = self._store.claim(entitlement, StoredAttempt(n, key, sealed, now, attempt.rail), now)
        except Superseded:
            self._ports.allowance.give_back(entitlement, now)
            raise
        return self._send(claimed, attempt, now, first=True)

    def _paused(self, entitlement: Entitlement) -> State:
        """At rest until the sweep comes after the pause."""
        log.warning(alarm_words.PAUSED, extra={"entitlement": entitlement.id})
        return entitlement.state

    def _hold(self, entitlement: Entitlement, hold: Hold, now: datetime) -> State:
        """HELD for what stands in the way now. The person is shown it, so a changed hold is recorded anew.

        So is a wait that is renewed when it should end: the account was changed again, or the person was told later.
        """
        over = steps.ours_from(entitlement, self._rules)
        if entitlement.hold is hold and (over is None or now < over):
            return entitlement.state
        return self._move(entitlement, Move(State.HELD, _OBSTACLES[hold], hold), now).state

    def _ask(self, entitlement: Entitlement, pause: Pause | None, now: datetime) -> State:
        stored = self._store.attempt(entitlement)
        answer = self._providers.named(stored.rail).status(stored.key)
        if answer.outcome is not Outcome.NOT_FOUND or entitlement.state is not State.SENDING:
            return self._settle(entitlement, answer, now)
        if pause is not None:
            return self._paused(entitlement)
        attempt = stored.opened(self._ports.sealer.unseal(entitlement.registrant_id, stored.sealed_body))
        if not steps.sender_is_gone(attempt.first_sent_at, now, self._rules):
            raise OutcomeNotKnown(entitlement_id=entitlement.id, reason=answer.fact)
        move = steps.after_not_found(attempt.first_sent_at, now, self._rules)
        return self._move(entitlement, move, now).state if move else self._send(entitlement, attempt, now)

    def _send(self, entitlement: Entitlement, attempt: Attempt, now: datetime, *, first: bool = False) -> State:
        fsp = self._providers.named(attempt.rail)
        answer = fsp.send(attempt.key, attempt.body)
        if answer.outcome is Outcome.UNKNOWN:
            raise OutcomeNotKnown(entitlement_id=entitlement.id, reason=answer.fact)
        move = rules.after_send(answer, first=first)
        if move is not None:
            return self._move(entitlement, move, now).state
        return self._settle(entitlement, fsp.status(attempt.key), now)

    def _settle(self, entitlement: Entitlement, answer: Answer, now: datetime) -> State:
        """Follow a status answer. PENDING is the provider's own word: its webhook or the sweep brings us back."""
        if rules.contradicts(entitlement, answer):
            log.error(alarm_words.CONTRADICTED, extra={"entitlement": entitlement.id, "reason": answer.fact})
        for move in rules.after_status(entitlement, answer):
            entitlement = self._move(entitlement, move, now)
        missing = answer.outcome is Outcome.NOT_FOUND and entitlement.state is State.SENDING
        # A PAID one is done, whatever the answer. Most messages about it are the provider's late hint of just that
        # payment, and an outage of the provider would send them all to the dead-letter queue. Whether money came back
        # is asked again at the next hint, or by a person after a comparison with the provider's record.
        unanswered = answer.outcome is Outcome.UNKNOWN and entitlement.state is not State.PAID
        if missing or unanswered:
            raise OutcomeNotKnown(entitlement_id=entitlement.id, reason=answer.fact)
        if steps.next_step(entitlement, now, self._rules) is Step.CANCEL:
            entitlement = self._move(entitlement, Move(State.CANCELLED, "attempts_used_up"), now)
        return entitlement.state

    def _move(self, entitlement: Entitlement, move: Move, now: datetime) -> Entitlement:
        moved = self._store.move(entitlement, move, now)
        facts = {"entitlement": moved.id, "state": moved.state.value, "n": moved.n, "reason": move.reason}
        # A transition that only a person can put right is an error in the log.
        held = moved.hold in rules.ALIVE | {Hold.ADMIN, Hold.OUR_SIDE, Hold.UNTOLD}
        alarming = held or moved.state in {State.CANCELLED, State.REVERSED}
        log.log(logging.ERROR if alarming else logging.INFO, alarm_words.MOVED, extra=facts)
        return moved
