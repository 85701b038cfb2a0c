"""Corrections as stored: the proposal that stands, and every one that was decided, in the person's own partition."""

from __future__ import annotations

from collections.abc import Callable
from dataclasses import dataclass
from datetime import datetime

from pynamodb.exceptions import PutError
from pynamodb.expressions.condition import Condition

from ..clock import iso
from ..dynamo import LegsFailed, Transaction, is_condition_failure
from .items import Decided, Proposed, person_pk
from .store import OVERTAKEN_LEG


@dataclass(frozen=True, slots=True)
class Proposal:
    """What a maker proposed; the values are sealed."""

    maker: str
    reason: str
    made_at: datetime
    sealed: bytes

    def decided(self, outcome: str, by: str, reason: str, at: datetime) -> Decision:
        """What becomes of it."""
        return Decision(outcome, self.maker, by, reason, at, self.sealed)


@dataclass(frozen=True, slots=True)
class Decision:
    """What became of a proposal: CORRECTED or REJECTED `by` whom; `reason` is the maker's, or why it was rejected."""

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
        """The proposal, also one that is out of date. One read."""
        try:
            item = Proposed.get(person_pk(registrant_id), "CORRECTION", consistent_read=True)
        except Proposed.DoesNotExist:
            return None
        return Proposal(item.maker, item.reason, item.made_at, item.sealed)

    def put(self, registrant_id: str, new: Proposal, instead_of: Proposal | None) -> bool:
        """Propose; False if by now there is another than `instead_of`."""
        item = Proposed(
            person_pk(registrant_id),
            "CORRECTION",
            maker=new.maker,
            reason=new.reason,
            made_at=new.made_at,
            sealed=new.sealed,
        )
        try:
            item.save(condition=Proposed.pk.does_not_exist() if instead_of is None else _still(instead_of))
        except PutError as error:
            if is_condition_failure(error):
                return False
            raise
        return True

    def reject(self, registrant_id: str, proposal: Proposal, by: str, reason: str, now: datetime) -> bool:
        """Take a proposal away and keep it as rejected; False if it is not there any more."""
        try:
            with self._transaction() as tx:
                self.decide(tx, registrant_id, proposal, proposal.decided("REJECTED", by, reason, now))
        except LegsFailed:
            return False
        return True

    def decisions(self, registrant_id: str) -> list[Decision]:
        """All that was ever decided, in order. One query."""
        found = Decided.query(person_pk(registrant_id), Decided.sk.startswith("CORRECTED#"), consistent_read=True)
        return [Decision(one.outcome, one.maker, one.by, one.reason, one.at, one.sealed) for one in found]

    @staticmethod
    def decide(tx: Transaction, registrant_id: str, proposal: Proposal, decision: Decision) -> None:
        """Add the legs by which a proposal is taken away and kept with what became of it."""
        pk = person_pk(registrant_id)
        line = Decided(
            pk,
            f"CORRECTED#{iso(decision.at)}",
            outcome=decision.outcome,
            maker=decision.maker,
            by=decision.by,
            reason=decision.reason,
            at=decision.at,
            sealed=decision.sealed,
        )
        tx.delete(OVERTAKEN_LEG, Proposed(pk, "CORRECTION"), _still(proposal))
        tx.put(OVERTAKEN_LEG, line, Decided.pk.does_not_exist())


def _still(proposal: Proposal) -> Condition:
    same: Condition = Proposed.sealed == proposal.sealed  # sealed anew each time, so no two are equal
    return same
