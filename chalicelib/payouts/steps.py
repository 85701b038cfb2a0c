"""What a worker does with an entitlement now, and when it may do more. Pure, as `rules`."""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from ..figures.benefits import PayoutRules
from . import rules
from .rules import Entitlement, Hold, Move, State


class Step(StrEnum):
    """What a worker does with an entitlement."""

    CLAIM = "CLAIM"
    """Make a new attempt."""
    ASK = "ASK"
    """Ask the provider about the latest attempt."""
    CANCEL = "CANCEL"
    WAIT = "WAIT"


def next_step(entitlement: Entitlement, now: datetime, figures: PayoutRules) -> Step:
    """What to do with an entitlement. PAID is asked about too: a message about it may tell of a reversal."""
    used_up = entitlement.n - entitlement.n_before >= figures.attempts_max
    match entitlement.state:
        case State.DUE | State.FAILED if used_up:
            return Step.CANCEL
        case State.DUE:
            return Step.CLAIM
        case State.SENDING | State.PAID:
            return Step.ASK
        case State.FAILED:
            # Pauses, so that neither doubled messages nor a night's maintenance of a bank can use up every attempt.
            return Step.CLAIM if now >= _rested_at(entitlement, figures) else Step.WAIT
        case State.HELD if entitlement.hold in rules.WAITING:
            return Step.CLAIM
        case State.HELD if entitlement.hold not in rules.FOR_A_PERSON:
            return Step.ASK
        case _:
            return Step.WAIT


def may_resend(first_sent_at: datetime, now: datetime, figures: PayoutRules) -> bool:
    """Whether the provider surely still remembers an attempt's key, so that the same bytes cannot pay twice."""
    return now - first_sent_at < timedelta(seconds=figures.key_lifetime_s) * figures.resend_before_percent / 100


def sender_is_gone(first_sent_at: datetime, now: datetime, figures: PayoutRules) -> bool:
    """Whether who made an attempt is surely not sending it any more: `pay` is ended before so long.

    Nobody else sends until then, so what a claim's own sending is answered is the only answer there is.
    """
    return now - first_sent_at >= timedelta(seconds=figures.requeue_after_s)


def key_is_dead(first_sent_at: datetime, now: datetime, figures: PayoutRules) -> bool:
    """Whether no sending of an attempt can still be on its way: its key's whole life is over, and nothing re-sends."""
    return now - first_sent_at >= timedelta(seconds=figures.key_lifetime_s)


def after_not_found(first_sent_at: datetime, now: datetime, figures: PayoutRules) -> Move | None:
    """What follows when the provider does not know a SENDING's reference; None: the same bytes are sent again."""
    if may_resend(first_sent_at, now, figures):
        return None
    return Move(State.HELD, "not_found_after_key_life", Hold.KEY_EXPIRED)


def retries_at(entitlement: Entitlement, figures: PayoutRules) -> datetime:
    """When one that is HELD for a refusing account, or for our own side, is tried again without a word from anybody."""
    waits = figures.our_retry_after_s if entitlement.hold is Hold.OUR_SIDE else figures.retry_after_s
    return _after(entitlement, waits, entitlement.n)


def _rested_at(entitlement: Entitlement, figures: PayoutRules) -> datetime:
    """When one that FAILED is tried again."""
    return _after(entitlement, figures.failed_rest_s, entitlement.n - entitlement.n_before)


def ours_from(entitlement: Entitlement, figures: PayoutRules) -> datetime | None:
    """From when on it waits for nobody but us and the provider, at the latest; None: for people, or for ever."""
    match entitlement.state:
        case State.FAILED if entitlement.n - entitlement.n_before < figures.attempts_max:
            return _rested_at(entitlement, figures)
        case State.DUE | State.SENDING | State.FAILED:
            return entitlement.changed_at
        case State.HELD if entitlement.hold in rules.UNCOUNTED:
            return retries_at(entitlement, figures)
        case State.HELD if entitlement.hold is Hold.ADDRESS_CHANGED:
            return entitlement.changed_at + timedelta(seconds=figures.address_wait_s)
        case _:
            return None


def _after(entitlement: Entitlement, waits: tuple[int, ...], times: int) -> datetime:
    """When it has rested for the wait of this time; after the last, for so long each time."""
    return entitlement.changed_at + timedelta(seconds=waits[min(times, len(waits)) - 1])


def may_retry(entitlement: Entitlement, address_version: int, now: datetime, figures: PayoutRules) -> bool:
    """Whether a claim may be made: no account was in the way, it has rested, or the person has another account now."""
    same_account = entitlement.hold is Hold.ACCOUNT_REFUSED and address_version == entitlement.address_version
    waits = same_account or entitlement.hold is Hold.OUR_SIDE
    return not waits or now >= retries_at(entitlement, figures)


def may_be_mended(entitlement: Entitlement, now: datetime, figures: PayoutRules) -> bool:
    """Whether the person may have the same account tried again: not before a HELD one would have been looked at."""
    rest = timedelta(seconds=figures.requeue_after_s * figures.held_look_factor)
    return entitlement.hold is Hold.ACCOUNT_REFUSED and now - entitlement.changed_at >= rest


def takes_long(entitlement: Entitlement, now: datetime, limit_s: int) -> bool:
    """Whether an attempt has been under way for so long that somebody should look."""
    return entitlement.state is State.SENDING and now - entitlement.changed_at >= timedelta(seconds=limit_s)
