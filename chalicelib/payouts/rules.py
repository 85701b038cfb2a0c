"""Entitlements, their states and every decision about them, as pure functions.

The promise: for one entitlement at most one instruction to pay is ever alive. What a worker does next depends only on
the entitlement as stored, the attempt as stored, the provider's answer and `now`; nothing here reads or writes.
"""

from __future__ import annotations

import re
from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from ..figures.schemes import Scheme
from ..ids import derived_id
from ..ids import same_person as same_person
from ..money import Rupiah
from ..values import Value
from ..waves.rules import Beneficiary
from .failure_causes import Cause, cause, cause_of_refusal
from .plans.plan_rules import Kind as Kind
from .plans.plan_rules import Plan, amount


class State(StrEnum):
    """Where an entitlement stands."""

    DUE = "DUE"
    SENDING = "SENDING"
    """Attempt n may be alive at the provider."""
    PAID = "PAID"
    FAILED = "FAILED"
    """The provider said that attempt n is over and moved nothing."""
    CANCELLED = "CANCELLED"
    """Every attempt failed, or an administrator ended it."""
    HELD = "HELD"
    """Waits, for the reason in `hold`."""
    REVERSED = "REVERSED"
    """The money came back after it had been paid."""


class Hold(StrEnum):
    """Why an entitlement is HELD. `WAITING`, `UNCOUNTED`, `ALIVE` and `FOR_A_PERSON` say what follows from it."""

    NO_ADDRESS = "NO_ADDRESS"
    """The person has no financial address at a bank or wallet that is paid."""
    EXCLUDED = "EXCLUDED"
    """The person is on an exclusion list now."""
    UNCONFIRMED = "UNCONFIRMED"
    """The civil registry has not confirmed the person, or not what was corrected since."""
    UNVERIFIED = "UNVERIFIED"
    """The provider knows the account under another name, or not at all."""
    ACCOUNT_REFUSED = "ACCOUNT_REFUSED"
    """The account would not take the latest attempt: tried again with another, at the person's word, or days later."""
    OUR_SIDE = "OUR_SIDE"
    """Our own account at the provider was short, or our file or order was wrong: an alarm; tried again hours later."""
    ADDRESS_CHANGED = "ADDRESS_CHANGED"
    """The account was changed lately, or first given when money was due: until it was confirmed, or has waited."""
    UNTOLD = "UNTOLD"
    """The same, and the mail about it reached nobody: an alarm; until an administrator or a new account settles it."""
    CONTESTED = "CONTESTED"
    """Another registration claims the person's NIK with no less proof, or has it by now: until presence decides."""
    DISPUTED = "DISPUTED"
    """The person said that a change of their data was not theirs: until an administrator has settled it."""
    ADMIN = "ADMIN"
    """An administrator holds it, or must look why an attempt failed for good: until one releases it."""
    KEY_EXPIRED = "KEY_EXPIRED"
    """The attempt is unknown to the provider and its key may have expired: asked about, never sent again."""
    REFUSED = "REFUSED"
    """The provider refused the request itself: asked about, never sent again."""
    DUPLICATE = "DUPLICATE"
    """The provider knows our key with another body, or our reference twice: an alarm, for a person only."""
    AMOUNT_DIFFERS = "AMOUNT_DIFFERS"
    """The provider's payout is of another amount than ours: an alarm, for a person only."""
    WRITTEN_OFF = "WRITTEN_OFF"
    """It was paid to somebody who had the person's NIK before: two administrators decide whether it is paid again."""


NEXT: Mapping[State, frozenset[State]] = MappingProxyType(
    {
        State.DUE: frozenset({State.SENDING, State.HELD, State.CANCELLED}),
        State.SENDING: frozenset({State.PAID, State.FAILED, State.HELD}),
        State.FAILED: frozenset({State.SENDING, State.CANCELLED, State.HELD}),
        State.HELD: frozenset({State.DUE, State.PAID, State.FAILED, State.HELD, State.CANCELLED}),
        State.PAID: frozenset({State.REVERSED}),
        State.CANCELLED: frozenset({State.DUE}),
        State.REVERSED: frozenset({State.DUE}),
    }
)
"""Every transition there is. HELD goes on to PAID or FAILED only by the provider's own word on the attempt or that of
two administrators, and to HELD only with another reason or for a wait that began anew. Only two administrators open
CANCELLED and REVERSED again; the number of attempts never goes back."""

AT_REST = frozenset({State.PAID, State.CANCELLED, State.REVERSED})
"""Where workers are done with an entitlement."""

WAITING = frozenset(
    {Hold.NO_ADDRESS, Hold.EXCLUDED, Hold.UNCONFIRMED, Hold.UNVERIFIED, Hold.ACCOUNT_REFUSED, Hold.OUR_SIDE}
    | {Hold.ADDRESS_CHANGED, Hold.UNTOLD, Hold.DISPUTED, Hold.CONTESTED}
)
"""Holds without a live attempt; tested again at every look, and DUE again once the obstacle is gone."""

UNCOUNTED = frozenset({Hold.ACCOUNT_REFUSED, Hold.OUR_SIDE})
"""Holds after an attempt that moved nothing and does not count against the most that are made."""

ALIVE = frozenset({Hold.KEY_EXPIRED, Hold.REFUSED, Hold.DUPLICATE, Hold.AMOUNT_DIFFERS})
"""Holds whose attempt may be alive at the provider: never claimed, never cancelled."""

FOR_A_PERSON = frozenset({Hold.ADMIN, Hold.DUPLICATE, Hold.AMOUNT_DIFFERS, Hold.WRITTEN_OFF})
"""Holds that no worker touches again."""


class Outcome(StrEnum):
    """What the provider's answer says about one payout, whatever words it used."""

    PENDING = "PENDING"
    SUCCEEDED = "SUCCEEDED"
    FAILED = "FAILED"
    """Over, and no money moved."""
    REJECTED = "REJECTED"
    """A bank's rejection that is no proof that nothing was paid: only two people make more of it."""
    REVERSED = "REVERSED"
    NOT_FOUND = "NOT_FOUND"
    REFUSED = "REFUSED"
    """The request was not acceptable; this send made no payout (an earlier one of the same key may have)."""
    DUPLICATE = "DUPLICATE"
    UNKNOWN = "UNKNOWN"
    """No answer, or none that can be believed: the payout may or may not exist."""


class Answer(Value, frozen=True):
    """A provider's answer: its outcome, its amount where it named one, and its own word for it (never personal)."""

    outcome: Outcome
    fact: str
    amount_idr: Rupiah | None = None


class Entitlement(Value, frozen=True):
    """The right of one person to one amount for one reason, as the ledger's HEAD has it."""

    id: str
    registrant_id: str
    wave: int
    kind: Kind
    amount_idr: Rupiah
    state: State
    n: int
    """Attempts made so far; the latest one's number."""
    seq: int
    """The number of the latest event; grows by one with every transition."""
    hold: Hold | None
    created_at: datetime
    changed_at: datetime
    """When it came into its state, or was HELD for another reason or anew."""
    n_before: int = 0
    """Attempts that do not count against the most: those before two administrators opened it again, and those that
    failed for what the person can mend, or for what was ours."""
    attempt_seq: int = 0
    """The event that carries the latest attempt; 0 before the first."""
    rail: str | None = None
    """Through which provider the latest attempt went."""
    address_version: int = 0
    """The version of the person's address that the latest attempt went to; 0 before the first."""
    queued_at: datetime | None = None
    """Its place in the order of the sweep; a claim leaves it where it was. None: as `changed_at`."""
    passed_to: str | None = None
    """Whose right it is since, with the NIK and the place (`passing`): nothing more is paid by this one."""
    instead_of: str | None = None
    """The entitlement, of somebody who had the NIK before, that was at rest when this one came: a write-off."""


class Authority(Value, frozen=True):
    """Who decided what no worker may: `by` and `maker` are IAM identities (ARN), `note` is for colleagues only.

    With a `maker` two people decided: the maker proposed and `by` approved.
    """

    by: str
    note: str
    maker: str | None = None


class Move(Value, frozen=True):
    """A transition that has been decided; `reason` goes into the history, `authority` too if people decided it."""

    state: State
    reason: str
    hold: Hold | None = None
    authority: Authority | None = None


def entitlement_id(wave: int, registrant_id: str, kind: Kind) -> str:
    """Derived, so that a replay collides with itself."""
    return derived_id("pay/v1", wave, registrant_id, kind.value)


def entitled(
    who: Beneficiary | Plan, kind: Kind, scheme: Scheme, now: datetime, days: int | None = None
) -> Entitlement:
    """A new entitlement under the scheme that the person keeps. Raises `NotInScheme`."""
    return Entitlement(
        id=entitlement_id(who.wave, who.registrant_id, kind),
        registrant_id=who.registrant_id,
        wave=who.wave,
        kind=kind,
        amount_idr=amount(kind, scheme, who.region, days),
        state=State.DUE,
        n=0,
        seq=1,
        hold=None,
        created_at=now,
        changed_at=now,
    )


def reference(entitlement: str, n: int) -> str:
    """The idempotency key of attempt n and its reference at the provider. Refuses a blank one with ValueError."""
    if not entitlement or n < 1:
        raise ValueError("a key needs an entitlement and an attempt")
    return f"{entitlement}-{n}"


def entitlement_of(reference: str) -> str | None:
    """The entitlement of a reference that `reference` made; None for any other text."""
    match = re.fullmatch(r"([a-z2-7]{26})-[1-9][0-9]{0,3}", reference)
    return match[1] if match else None


def after_send(answer: Answer, *, first: bool) -> Move | None:
    """The transition that an answer to a sending calls for; None: ask for the status.

    It settles nothing: a provider answers a repeated key with the object as it was at first, so its status may be old.
    What is refused at the `first` sending was never made; a refused repetition says nothing of the sending before it.
    """
    if answer.outcome is Outcome.DUPLICATE:
        return Move(State.HELD, answer.fact, Hold.DUPLICATE)
    if answer.outcome is Outcome.REFUSED:
        why = cause_of_refusal(answer.fact) if first else None
        if why is not None:
            return _after_failure(answer.fact, why)
        return Move(State.HELD, answer.fact, Hold.REFUSED)
    return None


def after_status(entitlement: Entitlement, answer: Answer) -> tuple[Move, ...]:
    """The transitions that an answer to a status query calls for, in their order; none: nothing has changed.

    An amount that is not ours, or two payouts under one reference, settles nothing: HELD, and an alarm. So is the
    success of what is taken for failed, before it is sent again. Of PAID, a reversal counts whatever its amount: what
    came back must not be lost, and no worker acts on REVERSED.
    """
    if taken_for_failed(entitlement):
        return after_late_word(answer)
    open_attempt = entitlement.state in {State.SENDING, State.HELD}
    amount_differs = answer.amount_idr != entitlement.amount_idr
    match answer.outcome:
        case Outcome.REVERSED if entitlement.state is State.PAID:
            return (Move(State.REVERSED, "reversed_amount_differs" if amount_differs else answer.fact),)
        case Outcome.DUPLICATE if open_attempt:
            return (Move(State.HELD, answer.fact, Hold.DUPLICATE),)
        case Outcome.SUCCEEDED | Outcome.REVERSED if open_attempt and amount_differs:
            return (Move(State.HELD, answer.fact, Hold.AMOUNT_DIFFERS),)
        case Outcome.SUCCEEDED if open_attempt:
            return (Move(State.PAID, answer.fact),)
        case Outcome.REVERSED if open_attempt:
            return (Move(State.PAID, answer.fact), Move(State.REVERSED, answer.fact))
        case Outcome.FAILED if open_attempt:
            return (_after_failure(answer.fact, cause(answer.fact)),)
        case _:
            return ()


def after_late_word(answer: Answer) -> tuple[Move, ...]:
    """What follows of an attempt that is taken for failed, if the provider says before the next that it paid."""
    denied = answer.outcome in {Outcome.SUCCEEDED, Outcome.DUPLICATE}
    return (Move(State.HELD, answer.fact, Hold.DUPLICATE),) if denied else ()


_HELD_AFTER_FAILURE = {Cause.PERSON: Hold.ACCOUNT_REFUSED, Cause.OURS: Hold.OUR_SIDE, Cause.FINAL: Hold.ADMIN}


def _after_failure(word: str, why: Cause) -> Move:
    """What an attempt's end without money calls for: one transition, so that no death leaves the cause unknown."""
    hold = _HELD_AFTER_FAILURE.get(why)
    return Move(State.FAILED if hold is None else State.HELD, word, hold)


def contradicts(entitlement: Entitlement, answer: Answer) -> bool:
    """Whether a status answer denies that a PAID one was paid, once and in our amount; that is no transition."""
    other_amount = answer.outcome is Outcome.SUCCEEDED and answer.amount_idr != entitlement.amount_idr
    return entitlement.state is State.PAID and (other_amount or answer.outcome in {Outcome.FAILED, Outcome.DUPLICATE})


def needs_another_look(state: State, hold: Hold | None) -> bool:
    """Whether the sweep must come back to it: it is not at rest and no alarm has handed it to a person."""
    return state not in AT_REST and hold not in FOR_A_PERSON


def nothing_alive(entitlement: Entitlement) -> bool:
    """Whether no instruction of it can be alive or have paid: an administrator may hold or cancel it."""
    open_ = entitlement.state in {State.DUE, State.FAILED, State.HELD}
    return open_ and entitlement.hold not in ALIVE | {Hold.WRITTEN_OFF}


def taken_for_failed(entitlement: Entitlement) -> bool:
    """Whether the latest attempt is taken to have moved nothing, and the next one follows by itself."""
    return entitlement.state is State.FAILED or entitlement.hold in UNCOUNTED


def follows_a_failure(entitlement: Entitlement) -> bool:
    """As `taken_for_failed`, also if another obstacle has come up before the next attempt."""
    return taken_for_failed(entitlement) or (entitlement.n > 0 and entitlement.hold in WAITING)
