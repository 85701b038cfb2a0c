"""What crosses a wire: the queue's message, the provider's hint, a person's view, and the books that are compared."""

from __future__ import annotations

from datetime import datetime
from typing import Literal

import msgspec
from msgspec import Struct

from .plans.plan_rules import Instalment, Plan, Stop
from .rules import Entitlement, Hold, State


class PayoutMessage(Struct, frozen=True, forbid_unknown_fields=True):
    """The queue's message: an id only. Names, amounts and accounts are read from the ledger."""

    v: Literal[1]
    entitlement_id: str


class HintData(Struct, frozen=True):
    """The part of a provider's event that is read."""

    reference_id: str


class FspHint(Struct, frozen=True):
    """A provider's webhook: `{"reference_id": ...}`, or the reference within `data` as Xendit's events have it.

    The other fields are allowed and never looked at: a webhook is a hint, and settles nothing.
    """

    reference_id: str | None = None
    data: HintData | None = None

    @property
    def reference(self) -> str:
        """The reference, or an empty text."""
        return self.reference_id or (self.data.reference_id if self.data else "")


PayoutState = Literal[
    "waiting",
    "needs_financial_address",
    "account_not_verified",
    "account_refused",
    "address_changed",
    "change_untold",
    "change_disputed",
    "in_progress",
    "paid",
    "under_review",
    "returned",
]
"""What a person may have to do: say where to be paid, correct it, or put their account in order."""

ToDo = Literal[
    "nothing",
    "wait",
    "set_financial_address",
    "correct_financial_address",
    "mend_account",
    "confirm_change",
    "ask_helpdesk",
]
"""`mend_account`: make the account take the money and give it again, or give another one. `confirm_change`: by the link
in the mail about it, or wait until `until`.
"""


HeldBecause = Literal[
    "no_financial_address",
    "excluded",
    "person_not_confirmed",
    "nik_contested",
    "account_not_verified",
    "account_refused",
    "our_account",
    "address_changed",
    "change_untold",
    "change_disputed",
    "looked_into_by_staff",
    "asked_at_the_provider",
]
"""`person_not_confirmed`: the civil registry has not confirmed the registration. `nik_contested`: it is not settled
that the NIK is this person's. `our_account`: our own account or
order at the provider was at fault; it is tried again."""


class Destination(Struct, frozen=True):
    """Where an attempt went: bank or wallet and the masked account; both None where that is another address by now."""

    earlier: bool
    code: str | None = None
    account_number: str | None = None


EARLIER = Destination(earlier=True)
_FirstHalf = Literal["INCENTIVE", "INCENTIVE_2", "INCENTIVE_3", "INCENTIVE_4", "INCENTIVE_5", "INCENTIVE_6"]
_SecondHalf = Literal["INCENTIVE_7", "INCENTIVE_8", "INCENTIVE_9", "INCENTIVE_10", "INCENTIVE_11", "INCENTIVE_12"]
PayoutKind = Literal[_FirstHalf, _SecondHalf, "SURVEY_1", "SURVEY_2", "SURVEY_3"]


class PayoutView(Struct, frozen=True):
    """What a person sees of one entitlement."""

    payout_id: str
    kind: PayoutKind
    amount_idr: int
    state: PayoutState
    updated_at: datetime
    to_do: ToDo = "wait"
    until: datetime | None = None
    """When it goes on by itself, where that is known."""
    due_at: datetime | None = None
    paid_at: datetime | None = None
    held_because: HeldBecause | None = None
    """Why nothing is sent now; None: it is not held."""
    destination: Destination | None = None
    """Where the latest attempt went; None before the first."""


class InstalmentView(Struct, frozen=True):
    """A payment of a person's plan that is not due yet."""

    kind: PayoutKind
    amount_idr: int
    due_at: datetime


StoppedBecause = Literal["dropped_out", "died", "revoked", "excluded"]


class PayoutList(Struct, frozen=True):
    """`GET /me/payouts`."""

    payouts: list[PayoutView]
    to_come: list[InstalmentView] = []
    """The next one first."""
    stopped_because: StoppedBecause | None = None
    """Why nothing more comes, although the plan had more."""


_STATES: dict[State, PayoutState] = {
    State.DUE: "waiting",
    State.SENDING: "in_progress",
    State.FAILED: "in_progress",
    State.PAID: "paid",
    State.CANCELLED: "under_review",
    State.HELD: "under_review",
    State.REVERSED: "returned",
}
_HELD: dict[Hold, PayoutState] = {
    Hold.NO_ADDRESS: "needs_financial_address",
    Hold.UNVERIFIED: "account_not_verified",
    Hold.ACCOUNT_REFUSED: "account_refused",
    Hold.OUR_SIDE: "in_progress",
    Hold.ADDRESS_CHANGED: "address_changed",
    Hold.UNTOLD: "change_untold",
    Hold.DISPUTED: "change_disputed",
}
_BECAUSE: dict[Hold, HeldBecause] = {
    Hold.NO_ADDRESS: "no_financial_address",
    Hold.EXCLUDED: "excluded",
    Hold.UNCONFIRMED: "person_not_confirmed",
    Hold.CONTESTED: "nik_contested",
    Hold.UNVERIFIED: "account_not_verified",
    Hold.ACCOUNT_REFUSED: "account_refused",
    Hold.OUR_SIDE: "our_account",
    Hold.ADDRESS_CHANGED: "address_changed",
    Hold.UNTOLD: "change_untold",
    Hold.DISPUTED: "change_disputed",
    Hold.ADMIN: "looked_into_by_staff",
    Hold.WRITTEN_OFF: "looked_into_by_staff",
    Hold.KEY_EXPIRED: "asked_at_the_provider",
    Hold.REFUSED: "asked_at_the_provider",
    Hold.DUPLICATE: "asked_at_the_provider",
    Hold.AMOUNT_DIFFERS: "asked_at_the_provider",
}
_TO_DO: dict[PayoutState, ToDo] = {
    "paid": "nothing",
    "needs_financial_address": "set_financial_address",
    "account_not_verified": "correct_financial_address",
    "account_refused": "mend_account",
    "address_changed": "confirm_change",
    "change_untold": "ask_helpdesk",
    "change_disputed": "ask_helpdesk",
}


def view(entitlement: Entitlement, until: datetime | None = None, destination: Destination | None = None) -> PayoutView:
    """A person's view. FAILED is shown as in progress, because another attempt follows."""
    state = _STATES[entitlement.state]
    state = _HELD.get(entitlement.hold, state) if entitlement.hold else state
    return PayoutView(
        payout_id=entitlement.id,
        kind=entitlement.kind.value,
        amount_idr=entitlement.amount_idr,
        state=state,
        updated_at=entitlement.changed_at,
        to_do="ask_helpdesk" if entitlement.hold is Hold.CONTESTED else _TO_DO.get(state, "wait"),
        until=until,
        due_at=entitlement.created_at,
        paid_at=entitlement.changed_at if entitlement.state is State.PAID else None,
        held_because=_BECAUSE[entitlement.hold] if entitlement.hold else None,
        destination=destination,
    )


_STOPPED: dict[Stop, StoppedBecause] = {
    Stop.DROPPED_OUT: "dropped_out",
    Stop.DIED: "died",
    Stop.REVOKED: "revoked",
    Stop.EXCLUDED: "excluded",
}


def payout_list(payouts: list[PayoutView], plan: Plan | None, left: list[Instalment]) -> PayoutList:
    """A person's payments with what is left of their plan, if they have one."""
    to_come = [InstalmentView(each.kind.value, each.amount_idr, each.due_at) for each in left]
    return PayoutList(payouts, to_come, _STOPPED[plan.stopped] if plan and plan.stopped else None)


_encoder = msgspec.json.Encoder()
_message_decoder = msgspec.json.Decoder(PayoutMessage)


def encode_message(entitlement_id: str) -> str:
    return _encoder.encode(PayoutMessage(1, entitlement_id)).decode()


def decode_message(body: str) -> PayoutMessage:
    """Raises msgspec.DecodeError (also for another version): such a message is never guessed at."""
    return _message_decoder.decode(body)
