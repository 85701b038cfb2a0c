"""What administrators may do to payouts; each act is recorded with the IAM identity of the person.

The record is a line of the entitlement's own history, or of the journal if the act is about no single entitlement's
state.

One person is enough to keep money back, or to let all payments go on: hold, cancel, pause, ceilings. Two are needed to
say that money has moved, to end a hold, or to let money be sent again after the ledger had come to rest: the maker
proposes, another person approves. If money may be sent again after an attempt, the provider is asked too, and its word
stands above both.
"""

from __future__ import annotations

from datetime import datetime, timedelta
from enum import StrEnum

from ...aws.admin_acts import Act, Journal
from ...figures.benefits import PayoutRules
from ...money import Rupiah
from ...values import Value
from .. import alarm_words, rules, steps
from ..bank_files.transfers import BankFile
from ..errors import CeilingChanged, NoProposal, NotNow, ProposalStands, ProviderObjects, SamePerson
from ..ledger.items import ActItem
from ..ledger.records import StoredAttempt
from ..ledger.store import PayoutStore
from ..providers.provider import Providers
from ..rules import Answer, Authority, Entitlement, Hold, Move, Outcome, State
from ..service import PayoutQueue
from .limits import Ceiling, CeilingStore, Pause, PauseStore, as_configured
from .proposals import AFTER, NEEDS_PROVIDER, Decision, Proposal, ProposalStore, may_be_decided


class PayoutDeed(StrEnum):
    """What was done. A line is about a ceiling with its amounts, an entitlement with what was proposed, or a person."""

    PAUSE = "PAUSE"
    RESUME = "RESUME"
    SET_CEILING = "SET_CEILING"
    REJECT = "REJECT"
    SETTLE_ADDRESS = "SETTLE_ADDRESS"
    STOP_PLAN = "STOP_PLAN"
    CONTINUE_PLAN = "CONTINUE_PLAN"


class JournalStore(Journal):
    """Acts that no entitlement's own history shows: pauses, ceilings, proposals taken away."""

    def __init__(self) -> None:
        super().__init__(ActItem)


class PayoutStores(Value, frozen=True):
    """What administrators write."""

    ledger: PayoutStore
    proposals: ProposalStore
    pause: PauseStore
    ceilings: CeilingStore
    journal: JournalStore


class Administration:
    """See the module. `by` is the caller's IAM identity (ARN); `note` says why, without personal data.

    Every method that changes an entitlement raises `UnknownEntitlement`, `NotNow` if its state does not allow it, and
    `Superseded` if a worker moved it at the same time.
    """

    def __init__(self, stores: PayoutStores, providers: Providers, queue: PayoutQueue, figures: PayoutRules) -> None:
        self._ledger = stores.ledger
        self._proposals = stores.proposals
        self._pause = stores.pause
        self._ceilings = stores.ceilings
        self._journal = stores.journal
        self._providers, self._queue, self._rules = providers, queue, figures

    def hold(self, entitlement_id: str, by: str, note: str, now: datetime) -> Entitlement:
        """Keep workers from claiming it until it is released. One that may be alive at the provider cannot be held."""
        entitlement = self._ledger.get(entitlement_id)
        if not rules.nothing_alive(entitlement) or entitlement.hold is Hold.ADMIN:
            raise _not_now("hold", entitlement)
        move = Move(State.HELD, "held_by_administrator", Hold.ADMIN, Authority(by, note))
        return self._ledger.move(entitlement, move, now)

    def cancel(self, entitlement_id: str, by: str, note: str, now: datetime) -> Entitlement:
        """End an entitlement that has not been paid and of which nothing is alive."""
        entitlement = self._ledger.get(entitlement_id)
        if not rules.nothing_alive(entitlement):
            raise _not_now("cancel", entitlement)
        move = Move(State.CANCELLED, "cancelled_by_administrator", authority=Authority(by, note))
        return self._ledger.move(entitlement, move, now)

    def propose(self, entitlement_id: str, decision: Decision, by: str, note: str, now: datetime) -> Proposal:
        """Propose a decision that takes two. The same proposal by the same person again changes nothing.

        Raises `ProposalStands` if another one stands.
        """
        entitlement = self._ledger.get(entitlement_id)
        if decision not in may_be_decided(entitlement):
            raise _not_now(decision.value.lower(), entitlement)
        proposal = Proposal(decision, entitlement.seq, by, note, now)
        if self._proposals.put(entitlement_id, proposal):
            return proposal
        standing = self._proposals.get(entitlement_id)
        if standing is not None and (standing.maker, standing.decision, standing.seq) == (by, decision, proposal.seq):
            return standing
        raise ProposalStands(decision=(standing or proposal).decision.value, maker=(standing or proposal).maker)

    def standing(self, entitlement_id: str) -> Proposal | None:
        """The proposal about an entitlement; None if there is none, or the entitlement has moved on since."""
        proposal = self._proposals.get(entitlement_id)
        if proposal is None or proposal.seq != self._ledger.get(entitlement_id).seq:
            return None
        return proposal

    def approve(self, entitlement_id: str, by: str, now: datetime, seen: Proposal | None = None) -> Entitlement:
        """Carry out what another person proposed; with `seen`, only if it is what the checker was shown.

        Raises `NoProposal`, `SamePerson`, and `ProviderObjects` where money may be sent again and the provider does not
        say that the latest attempt is over.
        """
        entitlement = self._ledger.get(entitlement_id)
        proposal = self._proposals.get(entitlement_id)
        if proposal is None or proposal.seq != entitlement.seq or seen not in {None, proposal}:
            raise NoProposal(entitlement_id=entitlement_id)
        if rules.same_person(proposal.maker, by):
            raise SamePerson()
        if proposal.decision in NEEDS_PROVIDER:
            self._check_over(entitlement, now)
        authority = Authority(by, proposal.note, proposal.maker)
        move = Move(AFTER[proposal.decision], f"decided_{proposal.decision.value.lower()}", authority=authority)
        decided = self._ledger.approve(entitlement, proposal, move, now)
        if decided.state in {State.DUE, State.FAILED}:
            self._queue.send([entitlement_id])
        return decided

    def reject(self, entitlement_id: str, by: str, note: str, now: datetime) -> Proposal:
        """Take a proposal away, one's own or another's. Raises `NoProposal`."""
        proposal = self._proposals.get(entitlement_id)
        if proposal is None:
            raise NoProposal(entitlement_id=entitlement_id)
        about = f"{entitlement_id} {proposal.decision} proposed by {proposal.maker}"
        self._journal.add(Act(now, PayoutDeed.REJECT, about, by, note))
        if not self._proposals.delete(entitlement_id, proposal):
            raise NoProposal(entitlement_id=entitlement_id)
        return proposal

    def pause(self, by: str, note: str, now: datetime) -> Pause:
        """Stop every worker before its next claim or sending."""
        pause = Pause(by, now, note)
        self._journal.add(Act(now, PayoutDeed.PAUSE, "", by, note))
        self._pause.set(pause)
        return pause

    def resume(self, by: str, note: str, now: datetime) -> None:
        """Let the workers go on; what waited is queued by the sweep."""
        self._journal.add(Act(now, PayoutDeed.RESUME, "", by, note))
        self._pause.clear()

    def paused(self) -> Pause | None:
        """The pause, if payouts are paused."""
        return self._pause.get()

    def acts(self, limit: int) -> list[Act]:
        """The latest acts on payouts that no history of an entitlement has, newest first."""
        return self._journal.latest(limit)

    def ceiling(self, name: str) -> Ceiling:
        """A ceiling as it stands; as configured if nothing was taken from it and nobody set it."""
        return self._ceilings.get(name) or as_configured(name, self._rules.ceilings)

    def set_ceiling(self, name: str, was_idr: int, ceiling_idr: Rupiah, authority: Authority, now: datetime) -> Ceiling:
        """Set a ceiling that was `was_idr` when it was read; what was taken from it stays taken.

        Raises `CeilingChanged` if it was set meanwhile.
        """
        before = self.ceiling(name)
        if before.ceiling_idr != was_idr:
            raise CeilingChanged(name=name)
        about = f"{name} from {before.ceiling_idr} to {ceiling_idr}"
        self._journal.add(Act(now, PayoutDeed.SET_CEILING, about, authority.by, authority.note))
        self._ceilings.change(before, ceiling_idr, authority.by, authority.note)
        return self.ceiling(name)

    def _check_over(self, entitlement: Entitlement, now: datetime) -> None:
        """Check that the provider says that the latest attempt is over: it failed, came back, or was never known.

        Unknown counts only when the key can no longer be alive: until then a sending may still be on its way. A bank
        that is sent files is not asked here; two people have asked it, as its last word may be old.
        """
        if entitlement.n == 0:
            return
        attempt = self._ledger.attempt(entitlement)
        answer = self._providers.named(attempt.rail).status(attempt.key)
        over = {Outcome.FAILED, Outcome.REVERSED}
        if steps.key_is_dead(attempt.first_sent_at, now, self._rules):
            over.add(Outcome.NOT_FOUND)
        if attempt.rail == BankFile.rail:
            over |= _over_by_file(entitlement, attempt, now)
        answers = [answer] if answer.outcome not in over else self._paid_before(entitlement)
        for objection in answers:
            raise ProviderObjects(fact=objection.fact)

    def _paid_before(self, entitlement: Entitlement) -> list[Answer]:
        """What banks that are sent files say they paid of earlier attempts, less what came back."""
        if entitlement.n < 2:
            return []
        returned = [each.n for each in self._ledger.events(entitlement.id) if each.state is State.REVERSED]
        earlier = range(max(returned, default=0) + 1, entitlement.n)
        by_file = (each for each in self._ledger.attempts(entitlement.id) if each.rail == BankFile.rail)
        said = [self._providers.named(each.rail).status(each.key) for each in by_file if each.n in earlier]
        return [each for each in said if each.outcome in {Outcome.SUCCEEDED, Outcome.DUPLICATE}]


def _over_by_file(entitlement: Entitlement, attempt: StoredAttempt, now: datetime) -> set[Outcome]:
    """Other words of such a bank that allow the decision: a rejection in words alone, a long silence, and a payment of
    which two people have said that it came back.
    """
    over = {Outcome.REJECTED}
    if now - attempt.first_sent_at >= timedelta(seconds=alarm_words.BY_FILE_LONG_S):
        over.add(Outcome.PENDING)
    if entitlement.state is State.REVERSED:
        over |= {Outcome.SUCCEEDED, Outcome.DUPLICATE}
    return over


def _not_now(action: str, entitlement: Entitlement) -> NotNow:
    hold = f" ({entitlement.hold})" if entitlement.hold else ""
    return NotNow(action=action, state=f"{entitlement.state}{hold}")
