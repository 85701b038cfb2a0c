"""What administrators do, over stores in memory: who is recorded with which words, what is queued, who is asked."""

from __future__ import annotations

import random
from collections.abc import Callable, Sequence
from datetime import datetime, timedelta
from typing import Any

import pytest

from chalicelib.aws.admin_acts import Act
from chalicelib.config import Programme
from chalicelib.payouts.controls.administration import Administration, PayoutDeed, PayoutStores
from chalicelib.payouts.controls.ceilings import Ceiling, day_name, envelope_name
from chalicelib.payouts.controls.pause import Pause
from chalicelib.payouts.controls.proposals import Decision, Proposal
from chalicelib.payouts.errors import (
    CeilingChanged,
    NoProposal,
    NotNow,
    ProposalStands,
    ProviderObjects,
    SamePerson,
    Superseded,
)
from chalicelib.payouts.ledger.records import StoredAttempt
from chalicelib.payouts.providers.provider import Providers
from chalicelib.payouts.rules import Answer, Authority, Entitlement, Hold, Kind, Move, Outcome, State
from tests.builders.payouts.states import refused
from tests.conftest import T0
from tests.simulation.ports import Nature
from tests.simulation.store import (
    MemoryCeilingStore,
    MemoryPauseStore,
    MemoryPayoutStore,
    MemoryProposalStore,
    MemoryTransaction,
)
from tests.simulation.table import Table

ID = "a" * 26
ANI, BUDI = "arn:aws:iam::1:user/ani", "arn:aws:iam::1:user/budi"
DUE = Entitlement(ID, "ani", 143, Kind.INCENTIVE, 600_000, State.DUE, 0, 1, None, T0, T0)
LATER = T0 + timedelta(minutes=1)


class Journal:
    """Keeps lines; `then` happens after each."""

    def __init__(self) -> None:
        self.lines: list[Act] = []
        self.then: Callable[[], object] = int

    def add(self, act: Act) -> None:
        self.lines.append(act)
        self.then()

    def latest(self, limit: int) -> list[Act]:
        return self.lines[::-1][:limit]


class Rig:
    """One entitlement, DUE. The provider of its attempts is `rail`; `asked` are the references asked about."""

    def __init__(self, programme: Programme) -> None:
        self.rules = programme.payouts
        table, dice = Table(), random.Random("decisions")
        nature = Nature(dice, int, len)
        self.table = table
        self.ledger = MemoryPayoutStore(table, nature, dice)
        self.journal, self.queued, self.asked = Journal(), [], []
        self.said = Answer(Outcome.FAILED, "FAILED")
        fake: Any = self
        books = PayoutStores(
            self.ledger,
            MemoryProposalStore(table, nature),
            MemoryPauseStore(table, nature),
            MemoryCeilingStore(table, nature),
            fake.journal,
        )
        self.admin = Administration(books, Providers({"rail": fake}, {}), fake, self.rules)
        with MemoryTransaction(table, nature) as tx:
            self.ledger.add(tx, DUE, "entitled")

    def send(self, ids: Sequence[str]) -> None:
        self.queued += ids

    def status(self, reference: str) -> Answer:
        self.asked.append(reference)
        return self.said

    def head(self) -> Entitlement:
        return self.ledger.get(ID)

    def claimed(self, now: datetime = T0) -> Entitlement:
        n = self.head().n + 1
        return self.ledger.claim(self.head(), StoredAttempt(n, f"{ID}-{n}", b"sealed", now, "rail"), now)

    def moved(self, state: State, hold: Hold | None = None) -> Entitlement:
        return self.ledger.move(self.head(), Move(state, "test", hold), T0)

    def last(self) -> tuple[State, Hold | None, str, Authority | None, datetime]:
        event = self.ledger.events(ID)[-1]
        return event.state, event.hold, event.reason, event.authority, event.at


@pytest.fixture
def rig(programme: Programme) -> Rig:
    return Rig(programme)


def test_one_person_holds_and_releases_and_only_then_is_it_queued(rig):
    held = rig.admin.hold(ID, ANI, "looking into it", LATER)
    assert (held.state, held.hold) == (State.HELD, Hold.ADMIN)
    looking = Authority(ANI, "looking into it")
    assert rig.last() == (State.HELD, Hold.ADMIN, "held_by_administrator", looking, LATER)
    again = lambda: rig.admin.hold(ID, BUDI, "again", LATER)  # noqa: E731
    assert refused(again, NotNow) == {"action": "hold", "state": "HELD (ADMIN)"}
    assert rig.queued == []
    assert rig.admin.release(ID, BUDI, "in order", LATER).state is State.DUE
    assert rig.last() == (State.DUE, None, "released_by_administrator", Authority(BUDI, "in order"), LATER)
    assert rig.queued == [ID]
    again = lambda: rig.admin.release(ID, BUDI, "again", LATER)  # noqa: E731
    assert refused(again, NotNow) == {"action": "release", "state": "DUE"}
    assert rig.queued == [ID]


def test_one_person_cancels_what_is_not_alive(rig):
    rig.claimed()
    for act in ("hold", "cancel"):
        call = lambda act=act: getattr(rig.admin, act)(ID, ANI, "why", LATER)  # noqa: E731
        assert refused(call, NotNow) == {"action": act, "state": "SENDING"}
    rig.moved(State.FAILED)
    assert rig.admin.cancel(ID, ANI, "moved abroad", LATER).state is State.CANCELLED
    assert rig.last() == (State.CANCELLED, None, "cancelled_by_administrator", Authority(ANI, "moved abroad"), LATER)
    assert rig.queued == []


def test_about_what_is_not_open_nothing_is_decided_by_two(rig):
    for decision in Decision:
        call = lambda d=decision: rig.admin.propose(ID, d, ANI, "why", LATER)  # noqa: E731
        assert refused(call, NotNow) == {"action": decision.value.lower(), "state": "DUE"}


def test_a_proposal_is_about_what_its_maker_saw_and_stands_alone(rig):
    seq = rig.claimed().seq
    proposal = Proposal(Decision.PAID, seq, ANI, "bank says so", LATER)
    assert rig.admin.standing(ID) is None
    assert rig.admin.propose(ID, Decision.PAID, ANI, "bank says so", LATER) == proposal
    assert rig.admin.propose(ID, Decision.PAID, ANI, "said again", T0) == proposal
    assert rig.admin.standing(ID) == proposal
    for decision, by in ((Decision.FAILED, ANI), (Decision.PAID, BUDI)):
        call = lambda d=decision, by=by: rig.admin.propose(ID, d, by, "other", LATER)  # noqa: E731
        assert refused(call, ProposalStands) == {"decision": "PAID", "maker": ANI}
    wrong = lambda: rig.admin.propose(ID, Decision.RETRY, ANI, "why", LATER)  # noqa: E731
    assert refused(wrong, NotNow) == {"action": "retry", "state": "SENDING"}
    rig.moved(State.HELD, Hold.KEY_EXPIRED)
    assert rig.admin.standing(ID) is None, "it is out of date"
    assert refused(lambda: rig.admin.approve(ID, BUDI, LATER), NoProposal) == {"entitlement_id": ID}


def test_what_stood_in_the_way_may_have_gone_when_it_is_looked_at(rig, monkeypatch):
    rig.claimed()
    proposals = rig.admin._proposals
    monkeypatch.setattr(proposals, "put", lambda *_: False)
    call = lambda: rig.admin.propose(ID, Decision.PAID, ANI, "why", LATER)  # noqa: E731
    assert refused(call, ProposalStands) == {"decision": "PAID", "maker": ANI}


def test_another_person_approves_with_both_names_in_the_history(rig):
    rig.claimed()
    seen = rig.admin.propose(ID, Decision.PAID, ANI, "bank says so", T0)
    assert refused(lambda: rig.admin.approve(ID, ANI.upper(), LATER), SamePerson) == {}
    shown_other = Proposal(Decision.FAILED, seen.seq, ANI, "bank says so", T0)
    assert refused(lambda: rig.admin.approve(ID, BUDI, LATER, shown_other), NoProposal) == {"entitlement_id": ID}
    assert rig.admin.approve(ID, BUDI, LATER, seen).state is State.PAID
    assert rig.last() == (State.PAID, None, "decided_paid", Authority(BUDI, "bank says so", ANI), LATER)
    assert (rig.queued, rig.asked) == ([], [])
    assert rig.table.proposals == {}


def test_where_money_may_be_sent_again_the_provider_must_agree(rig):
    rig.claimed()
    rig.admin.propose(ID, Decision.FAILED, ANI, "gone", T0)
    approve = lambda now: rig.admin.approve(ID, BUDI, now)  # noqa: E731
    rig.said = Answer(Outcome.PENDING, "ACCEPTED")
    assert refused(lambda: approve(LATER), ProviderObjects) == {"fact": "ACCEPTED"}
    rig.said = Answer(Outcome.NOT_FOUND, "not_found")
    dead = T0 + timedelta(seconds=rig.rules.key_lifetime_s)
    assert refused(lambda: approve(dead - timedelta(seconds=1)), ProviderObjects) == {"fact": "not_found"}
    assert approve(dead).state is State.FAILED
    assert rig.asked == [f"{ID}-1"] * 3
    assert rig.queued == [ID]


@pytest.mark.parametrize("outcome", [Outcome.FAILED, Outcome.REVERSED])
def test_what_was_given_up_is_opened_again_by_two_once_the_provider_says_it_is_over(rig, outcome):
    rig.claimed()
    rig.moved(State.FAILED)
    rig.moved(State.CANCELLED)
    rig.said = Answer(outcome, outcome.value)
    rig.admin.propose(ID, Decision.RETRY, ANI, "new account", T0)
    opened = rig.admin.approve(ID, BUDI, LATER)
    assert (opened.state, opened.n, opened.n_before) == (State.DUE, 1, 1)
    assert rig.last() == (State.DUE, None, "decided_retry", Authority(BUDI, "new account", ANI), LATER)
    assert (rig.queued, rig.asked) == ([ID], [f"{ID}-1"])


def test_of_what_was_never_sent_the_provider_is_not_asked(rig):
    rig.moved(State.CANCELLED)
    rig.admin.propose(ID, Decision.RETRY, ANI, "a mistake", T0)
    assert rig.admin.approve(ID, BUDI, LATER).state is State.DUE
    assert (rig.queued, rig.asked) == ([ID], [])


def test_a_proposal_is_taken_away_with_a_line_in_the_journal_first(rig):
    rig.claimed()
    proposal = rig.admin.propose(ID, Decision.PAID, ANI, "bank says so", T0)
    assert rig.admin.reject(ID, BUDI, "it did not", LATER) == proposal
    about = f"{ID} PAID proposed by {ANI}"
    assert rig.journal.lines == [Act(LATER, PayoutDeed.REJECT, about, BUDI, "it did not")]
    assert rig.admin.standing(ID) is None
    assert refused(lambda: rig.admin.reject(ID, BUDI, "again", LATER), NoProposal) == {"entitlement_id": ID}
    assert len(rig.journal.lines) == 1
    rig.admin.propose(ID, Decision.PAID, ANI, "bank says so", T0)
    rig.journal.then = rig.table.proposals.clear
    assert refused(lambda: rig.admin.reject(ID, BUDI, "late", LATER), NoProposal) == {"entitlement_id": ID}


def test_a_pause_and_its_end_are_in_the_journal_before_they_happen(rig):
    assert rig.admin.paused() is None
    seen = []
    rig.journal.then = lambda: seen.append(rig.admin.paused())
    pause = Pause(ANI, LATER, "odd figures")
    assert rig.admin.pause(ANI, "odd figures", LATER) == pause
    assert rig.admin.paused() == pause
    rig.admin.resume(BUDI, "explained", LATER)
    assert rig.admin.paused() is None
    assert seen == [None, pause]
    lines = [Act(LATER, PayoutDeed.PAUSE, "", ANI, "odd figures"), Act(LATER, PayoutDeed.RESUME, "", BUDI, "explained")]
    assert rig.journal.lines == lines
    assert rig.admin.acts(1) == lines[1:]


def test_a_ceiling_is_as_configured_until_it_is_set_and_only_as_it_was_read(rig):
    configured = rig.rules.ceilings
    day, envelope = day_name(T0), envelope_name(143, Kind.INCENTIVE)
    assert rig.admin.ceiling(day) == Ceiling(day, configured.day_idr, configured.day_idr)
    assert rig.admin.ceiling(envelope).ceiling_idr == configured.envelope_idr
    set_to = lambda was: rig.admin.set_ceiling(day, was, 5, Authority(ANI, "fewer"), LATER)  # noqa: E731
    assert refused(lambda: set_to(configured.day_idr + 1), CeilingChanged) == {"name": day}
    assert rig.journal.lines == []
    assert set_to(configured.day_idr) == rig.admin.ceiling(day) == Ceiling(day, 5, 5, ANI, "fewer")
    about = f"{day} from {configured.day_idr} to 5"
    assert rig.journal.lines == [Act(LATER, PayoutDeed.SET_CEILING, about, ANI, "fewer")]


@pytest.mark.parametrize("act", ["hold", "release", "cancel"])
def test_an_act_that_meets_a_worker_writes_and_queues_nothing(rig, monkeypatch, act):
    if act == "release":
        rig.admin.hold(ID, ANI, "why", T0)
    stale = rig.head()
    rig.moved(State.CANCELLED)
    monkeypatch.setattr(rig.ledger, "get", lambda _: stale)
    refused(lambda: getattr(rig.admin, act)(ID, BUDI, "why", LATER), Superseded)
    assert (rig.last()[3], rig.queued) == (None, [])
