"""Decisions that take two administrators: one proposes (the maker), another approves (the checker).

An entitlement has one proposal at a time, in its own partition. The proposal is about the entitlement as the maker saw
it. Once the entitlement has moved on, the proposal is out of date and can only be replaced.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from enum import StrEnum
from types import MappingProxyType

from pynamodb.exceptions import DeleteError
from pynamodb.expressions.condition import Condition

from ...aws.attributes import item_of
from ...aws.dynamodb import find, is_condition_failure, save_if
from ...structs import fill
from ...values import Value
from ..ledger.items import ProposalItem, partition
from ..rules import ALIVE, Entitlement, Hold, State


class Decision(StrEnum):
    """What two people may decide."""

    PAID = "PAID"
    """The provider did pay, whatever it answers."""
    FAILED = "FAILED"
    """The attempt is over and moved nothing; another may follow."""
    REVERSED = "REVERSED"
    """The money has come back."""
    RETRY = "RETRY"
    """An entitlement that was given up, or whose money came back, or that was written off, is to be paid after all."""
    RELEASE = "RELEASE"
    """An administrator's hold ends, and the worker checks everything again."""
    WRITE_OFF = "WRITE_OFF"
    """What was paid to somebody who had the NIK before is not paid again."""


AFTER: Mapping[Decision, State] = MappingProxyType(
    {
        Decision.PAID: State.PAID,
        Decision.FAILED: State.FAILED,
        Decision.REVERSED: State.REVERSED,
        Decision.RETRY: State.DUE,
        Decision.RELEASE: State.DUE,
        Decision.WRITE_OFF: State.CANCELLED,
    }
)
"""The state to which a decision takes an entitlement."""

NEEDS_PROVIDER = frozenset({Decision.FAILED, Decision.RETRY})
"""Decisions after which money may be sent again: the provider must not say that the attempt is alive or has paid."""


class Proposal(Value, frozen=True):
    """What the maker proposed, about the entitlement as it was at event `seq`."""

    decision: Decision
    seq: int
    maker: str
    note: str
    made_at: datetime

    def as_read(self, entitlement_id: str) -> tuple[ProposalItem, Condition]:
        """The item, and the condition that it is still this one."""
        unchanged = (
            (ProposalItem.maker == self.maker)
            & (ProposalItem.made_at == self.made_at)
            & (ProposalItem.decision == self.decision.value)
        )
        return ProposalItem(partition(entitlement_id), "PROPOSAL"), unchanged


def may_be_decided(entitlement: Entitlement) -> frozenset[Decision]:
    """What two people may decide about an entitlement as it stands."""
    match entitlement.state:
        case State.PAID:
            return frozenset({Decision.REVERSED})
        case State.CANCELLED | State.REVERSED:
            return frozenset() if entitlement.passed_to else frozenset({Decision.RETRY})
        case State.HELD if entitlement.hold is Hold.WRITTEN_OFF:
            return frozenset({Decision.RETRY, Decision.WRITE_OFF})
        case State.SENDING:
            return frozenset({Decision.PAID, Decision.FAILED})
        case State.HELD if entitlement.hold in ALIVE:
            return frozenset({Decision.PAID, Decision.FAILED})
        case State.HELD if entitlement.hold is Hold.ADMIN:
            return frozenset({Decision.RELEASE})
        case _:
            return frozenset()


class ProposalStore:
    def get(self, entitlement_id: str) -> Proposal | None:
        """One consistent read."""
        item = find(ProposalItem, partition(entitlement_id), "PROPOSAL")
        return fill(Proposal, item, decision=Decision(item.decision)) if item else None

    def put(self, entitlement_id: str, proposal: Proposal) -> bool:
        """Propose, in place of a proposal that is out of date; False if one that is not out of date stands."""
        item = item_of(ProposalItem, partition(entitlement_id), "PROPOSAL", proposal, decision=proposal.decision.value)
        return save_if(item, ProposalItem.pk.does_not_exist() | (ProposalItem.seq < proposal.seq))

    def delete(self, entitlement_id: str, proposal: Proposal) -> bool:
        """Take a proposal back; False if it is not there any more."""
        item, unchanged = proposal.as_read(entitlement_id)
        try:
            item.delete(condition=unchanged)
        except DeleteError as error:
            if is_condition_failure(error):
                return False
            raise
        return True
