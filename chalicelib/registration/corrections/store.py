"""Proposals of corrections and what was decided on them, in the partition of the person."""

from __future__ import annotations

from collections.abc import Callable
from datetime import datetime

from pynamodb.expressions.condition import Condition

from ...aws.attributes import item_of
from ...aws.dynamodb import LegsFailed, Transaction, find, save_if
from ...clock import iso
from ...structs import fill
from ...values import Value
from ..items import Decided, Proposed, person_pk
from ..store import OVERTAKEN_LEG


class Proposal(Value, frozen=True):
    """What a maker proposed; the values are sealed."""

    maker: str
    reason: str
    made_at: datetime
    sealed: bytes

    def decided(self, outcome: str, by: str, reason: str, at: datetime) -> Decision:
        """The decision on this proposal."""
        return Decision(outcome, self.maker, by, reason, at, self.sealed)


class Decision(Value, frozen=True):
    """How a proposal ended: CORRECTED or REJECTED `by` whom; `reason` is the maker's, or why it was rejected."""

    outcome: str
    maker: str
    by: str
    reason: str
    at: datetime
    sealed: bytes


class CorrectionStore:
    """`transaction` makes a new, empty transaction. Reads are consistent."""

    def __init__(self, transaction: Callable[[], Transaction]) -> None:
        self._transaction = transaction

    def proposal(self, registrant_id: str) -> Proposal | None:
        """The proposal, even if it is out of date. One read."""
        item = find(Proposed, person_pk(registrant_id), "CORRECTION")
        return fill(Proposal, item) if item else None

    def put(self, registrant_id: str, new: Proposal, instead_of: Proposal | None) -> bool:
        """Propose; False if the stored proposal is not `instead_of`."""
        item = item_of(Proposed, person_pk(registrant_id), "CORRECTION", new)
        return save_if(item, Proposed.pk.does_not_exist() if instead_of is None else _still(instead_of))

    def reject(self, registrant_id: str, proposal: Proposal, by: str, reason: str, now: datetime) -> bool:
        """Take a proposal away and keep it as rejected; False if it is not there any more."""
        try:
            with self._transaction() as tx:
                self.decide(tx, registrant_id, proposal, proposal.decided("REJECTED", by, reason, now))
        except LegsFailed:
            return False
        return True

    def decisions(self, registrant_id: str) -> list[Decision]:
        """All decisions, in order. One query."""
        found = Decided.query(person_pk(registrant_id), Decided.sk.startswith("CORRECTED#"), consistent_read=True)
        return [fill(Decision, one) for one in found]

    @staticmethod
    def decide(tx: Transaction, registrant_id: str, proposal: Proposal, decision: Decision) -> None:
        """Add the legs that remove a proposal and keep it with the decision."""
        pk = person_pk(registrant_id)
        line = item_of(Decided, pk, f"CORRECTED#{iso(decision.at)}", decision)
        tx.delete(OVERTAKEN_LEG, Proposed(pk, "CORRECTION"), _still(proposal))
        tx.put(OVERTAKEN_LEG, line, Decided.pk.does_not_exist())


def _still(proposal: Proposal) -> Condition:
    same: Condition = Proposed.sealed == proposal.sealed  # sealed anew each time, so no two are equal
    return same
