"""Simultaneous workers, sweeps, administrators and bank files: one payment, one transition, ceilings kept."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import timedelta
from functools import partial
from typing import Any
from uuid import uuid4

import msgspec
import pytest

from chalicelib.aws import dynamodb
from chalicelib.config import Programme, Settings
from chalicelib.figures.benefits import CeilingRules
from chalicelib.money import Rupiah
from chalicelib.payouts import service
from chalicelib.payouts.bank_files.store import BatchState
from chalicelib.payouts.controls import limits
from chalicelib.payouts.controls.limits import CeilingStore
from chalicelib.payouts.controls.proposals import Decision
from chalicelib.payouts.errors import (
    BatchMoved,
    BatchNotNow,
    BatchOutdated,
    CeilingChanged,
    NoProposal,
    NotNow,
    ProposalStands,
    SamePerson,
    Superseded,
)
from chalicelib.payouts.ledger.records import StoredAttempt
from chalicelib.payouts.providers.xendit import Xendit
from chalicelib.payouts.reconciliation import whole_ledger
from chalicelib.payouts.reconciliation.whole_ledger import BookLine, ProviderBooks
from chalicelib.payouts.rules import Authority, Entitlement, Hold, Kind, Move, State, reference
from chalicelib.payouts.worker import Worker
from chalicelib.registration.rules import FinancialAddress
from local.sandbox.provider import Sandbox
from tests.builders.payouts.bank import CHECKER, BankBooks, BankWorld, pain002, rejection
from tests.builders.payouts.states import ANI, BUDI
from tests.builders.payouts.world import CHECKED, People, beneficiary, built, new_worker, payee, sealed
from tests.conftest import REGION, T0

from .conftest import Queue
from .together import ALWAYS, AT_ONCE, ROUNDS, refusals, together

pytestmark = pytest.mark.dynamodb


class Race:
    """A ledger, the sandbox provider, and a list for a queue."""

    def __init__(self, settings: Settings, programme: Programme, sandbox: Sandbox) -> None:
        self.sandbox, self.people, self.rules = sandbox, People(), programme.payouts
        self.queue = Queue()
        self.fsp = Xendit(sandbox.url, 20, str)
        self.services = built(settings, programme, self.people, self.fsp)
        vars(self.services)["payout_queue"] = self.queue
        self.store, self.payouts = self.services.payout_store, self.services.payouts
        self.worker, self.administration = self.services.payout_worker, self.services.payout_administration

    def new_worker(self) -> Worker:
        return new_worker(self.services)

    def books(self) -> list[BookLine]:
        return msgspec.convert(self.sandbox.books.report(), ProviderBooks).payouts

    def moved_idr(self) -> int:
        return sum(line.moved_idr for line in self.books())

    def due(self, name: str) -> str:
        """A new person's entitlement."""
        number = f"1{uuid4().int % 10**9:09}1"
        self.people.addresses[name] = FinancialAddress("BNI", number, name, check=CHECKED)
        with dynamodb.Transaction(REGION) as tx:
            return self.payouts.entitle(tx, beneficiary(name), Kind.INCENTIVE, T0)

    def unknown(self, name: str, hold: Hold | None = None) -> str:
        """With an attempt that the provider never got; SENDING, or HELD."""
        entitlement = self.store.get(self.due(name))
        key = reference(entitlement.id, 1)
        body = sealed(name, self.fsp.render(key, entitlement, self.people.addresses[name]))
        claimed = self.store.claim(entitlement, StoredAttempt(1, key, body, T0, "xendit-v2"), T0)
        if hold:
            self.store.move(claimed, Move(State.HELD, "test", hold), T0)
        return entitlement.id


@pytest.fixture
def race(cloud: Settings, programme: Programme, sandbox: Sandbox) -> Race:
    return Race(cloud, programme, sandbox)


def at_once(call: Callable[[], Any]) -> list[Any]:
    return together([call] * AT_ONCE)


def test_many_workers_make_one_claim_and_one_payment(race: Race) -> None:
    for round_ in range(ROUNDS):
        entitlement = race.due(f"person-{round_}")
        answers = at_once(lambda id_=entitlement: race.worker.process(id_, T0))
        assert refusals(answers) == [Superseded] * (AT_ONCE - 1)
        assert race.worker.process(entitlement, T0) is State.PAID
        assert [attempt.n for attempt in race.store.attempts(entitlement)] == [1]
        assert [event.state for event in race.store.events(entitlement)] == [State.DUE, State.SENDING, State.PAID]
    assert len(race.books()) == ROUNDS
    assert whole_ledger.compare(race.store.everything(), race.books()) == []


def test_an_account_that_changes_while_workers_claim_is_paid_as_it_was_stored(race: Race) -> None:
    entitlement = race.due("person")
    numbers = iter(range(1_000_001, 2_000_000))
    race.people.addresses.payee = lambda name: payee(
        name, FinancialAddress("BNI", str(next(numbers)), name, check=CHECKED)
    )
    at_once(lambda: race.worker.process(entitlement, T0))
    assert race.worker.process(entitlement, T0) is State.PAID
    [attempt] = race.store.attempts(entitlement)
    [line] = race.sandbox.books.report()["payouts"]
    body = json.loads(race.people.unseal("person", attempt.sealed_body))
    assert body["channel_properties"]["account_number"] == line["account_number"]


@pytest.mark.parametrize("meet", [1, ALWAYS])
def test_consumers_sweeps_and_a_provider_that_loses_answers_make_one_payment_each(race: Race, meet: int) -> None:
    """All consumers get all messages at once, again and again, while a sweep runs, until none fails any more."""
    faults = ("timeout_before_rate", "timeout_after_rate", "error_before_rate", "error_after_rate", "blind_rate")
    race.sandbox.books.configure(dict.fromkeys(faults, 0.15))
    owed = [race.due(f"person-{n}") for n in range(8)]
    records = [{"messageId": id_, "body": json.dumps({"v": 1, "entitlement_id": id_})} for id_ in owed]
    now = T0
    for _ in range(20):
        deliver = [partial(service.consume, records, race.worker, now)] * AT_ONCE
        together([*deliver, partial(race.payouts.sweep, now)], meet)
        if {each.state for each in race.store.everything()} == {State.PAID}:
            break
        now += timedelta(seconds=race.rules.requeue_after_s)
    moved = [(line["account_number"], line["moved_idr"]) for line in race.sandbox.books.report()["payouts"]]
    assert sorted(moved) == sorted((one.account_number, 600_000) for one in race.people.addresses.values())
    assert whole_ledger.compare(race.store.everything(), race.books()) == []
    for entitlement in owed:
        assert [attempt.n for attempt in race.store.attempts(entitlement)] == [1]


def test_many_requests_at_once_make_one_entitlement(race: Race) -> None:
    def entitle(name: str) -> str | None:
        try:
            return race.due(name)
        except dynamodb.LegsFailed:
            return None

    for number in range(ROUNDS):
        answers = at_once(partial(entitle, f"person-{number}"))
        assert answers.count(None) == AT_ONCE - 1
    assert [each.state for each in race.store.everything()] == [State.DUE] * ROUNDS


def test_many_workers_make_one_new_attempt_after_a_failure(race: Race) -> None:
    race.sandbox.books.configure({"fail_rate": 1.0})
    entitlement = race.due("unlucky")
    assert race.worker.process(entitlement, T0) is State.FAILED
    rested = T0 + timedelta(seconds=race.rules.requeue_after_s)
    at_once(lambda: race.worker.process(entitlement, rested))
    assert race.worker.process(entitlement, rested) is State.PAID
    assert [attempt.n for attempt in race.store.attempts(entitlement)] == [1, 2]


def test_many_sweeps_queue_each_entitlement_once(race: Race) -> None:
    owed = {race.due(f"forgotten-{each}") for each in range(12)}
    later = T0 + timedelta(seconds=race.rules.requeue_after_s + 1)
    at_once(lambda: race.payouts.sweep(later))
    assert sorted(race.queue.ids) == sorted(owed)


INCENTIVE = 600_000
CITRA = ANI.replace("ani@", "citra@")


def reasons(race: Race, entitlement: str) -> list[str]:
    return [event.reason for event in race.store.events(entitlement)]


def proposed(race: Race, name: str) -> str:
    entitlement = race.unknown(name, Hold.DUPLICATE)
    race.administration.propose(entitlement, Decision.PAID, ANI, "why", T0)
    return entitlement


@pytest.mark.parametrize("meet", [1, ALWAYS])
def test_only_one_of_two_simultaneous_approvals_counts(race, meet):
    for round_ in range(ROUNDS):
        entitlement = proposed(race, f"person-{round_}")
        calls = [partial(race.administration.approve, entitlement, by, T0) for by in (BUDI, CITRA)]
        answers = together(calls, meet)
        assert len(refusals(answers)) == 1
        assert set(refusals(answers)) <= {Superseded, NoProposal}
        assert reasons(race, entitlement).count("decided_paid") == 1
        assert race.administration.standing(entitlement) is None


def test_only_one_of_many_simultaneous_proposals_stands(race):
    entitlement = race.unknown("ani")
    calls = [
        partial(race.administration.propose, entitlement, decision, by, by, T0)
        for decision in (Decision.PAID, Decision.FAILED)
        for by in (ANI, BUDI, CITRA)
    ]
    answers = together(calls)
    assert refusals(answers) == [ProposalStands] * 5
    assert race.administration.standing(entitlement) in answers


@pytest.mark.parametrize("meet", [1, ALWAYS])
def test_either_an_approval_or_a_worker_moves_an_entitlement(race, meet):
    for round_ in range(ROUNDS):
        entitlement = race.due(f"person-{round_}")
        race.sandbox.books.configure({"timeout_after_rate": 1.0})
        answers = together([partial(race.new_worker().process, entitlement, T0)])
        race.sandbox.books.configure({"timeout_after_rate": 0.0})
        assert race.store.get(entitlement).state is State.SENDING, answers
        race.administration.propose(entitlement, Decision.PAID, ANI, "on the statement", T0)
        approve = partial(race.administration.approve, entitlement, BUDI, T0)
        answers = together([approve, partial(race.new_worker().process, entitlement, T0)], meet)
        assert race.store.get(entitlement).state is State.PAID
        events = race.store.events(entitlement)
        assert [event.state for event in events].count(State.PAID) == 1
        assert len(refusals(answers)) <= 1
        # Whoever was later: the worker finds it PAID and asks, the checker has nothing to approve.
        assert set(refusals(answers)) <= {Superseded, NoProposal}
    assert race.moved_idr() == ROUNDS * INCENTIVE


def test_either_a_rejection_or_an_approval_counts(race):
    for round_ in range(ROUNDS):
        entitlement = proposed(race, f"person-{round_}")
        approve = partial(race.administration.approve, entitlement, BUDI, T0)
        answers = together([approve, partial(race.administration.reject, entitlement, CITRA, "no", T0)], ALWAYS)
        paid = race.store.get(entitlement).state is State.PAID
        assert len(refusals(answers)) == 1
        assert isinstance(answers[0], Entitlement) is paid


@pytest.mark.parametrize("act", ["hold", "cancel"])
@pytest.mark.parametrize("meet", [1, 2, ALWAYS])
def test_a_payout_stopped_by_an_administrator_is_not_claimed_at_the_same_time(race, act, meet):
    for round_ in range(ROUNDS):
        entitlement = race.due(f"person-{round_}")
        stop = partial(getattr(race.administration, act), entitlement, ANI, "why", T0)
        # A worker writes to two new ceilings before it claims.
        answers = together([stop, partial(race.new_worker().process, entitlement, T0)], meet)
        stopped = f"{'held' if act == 'hold' else 'cancelled'}_by_administrator" in reasons(race, entitlement)
        assert stopped is not ("claimed" in reasons(race, entitlement)), answers
        assert set(refusals(answers)) <= {Superseded, NotNow}
        attempts = len(race.store.attempts(entitlement))
        assert attempts == (not stopped)
    assert race.moved_idr() == INCENTIVE * sum(each.n for each in race.store.everything())


@pytest.mark.parametrize("block", [1, 3])
def test_eight_workers_never_pass_a_ceiling(race, programme, block):
    small = CeilingRules(day_idr=11 * INCENTIVE, envelope_idr=100 * INCENTIVE, block=block)
    race.services.programme = msgspec.structs.replace(
        programme, payouts=msgspec.structs.replace(programme.payouts, ceilings=small)
    )
    owed = [race.due(f"person-{number}") for number in range(24)]
    workers = [race.new_worker() for _ in range(8)]
    for shift in range(4):
        each = [partial(_process, one, owed[(number + shift) % 8 :: 8]) for number, one in enumerate(workers)]
        together(each, ALWAYS)
    assert race.moved_idr() <= 11 * INCENTIVE
    assert race.moved_idr() >= (11 - 8 * (block - 1)) * INCENTIVE
    left = race.administration.ceiling(limits.day_name(T0)).left_idr
    assert left == 0 if block == 1 else left >= 0


def _process(one: Worker, ids: list[str]) -> None:
    for id_ in ids:
        one.process(id_, T0)


def test_eight_workers_at_once_open_a_ceiling_once(race):
    for round_ in range(ROUNDS):
        name = f"DAY#race-{round_}"
        answers = together([partial(CeilingStore().take, name, 5, 1)] * 8, ALWAYS)
        assert answers.count(True) == 5
        assert CeilingStore().get(name).left_idr == 0


def test_only_one_of_two_administrators_sets_the_ceiling_that_both_read(race):
    name = limits.day_name(T0)
    was = race.services.programme.payouts.ceilings.day_idr
    setting = [
        partial(race.administration.set_ceiling, name, was, Rupiah(was + number), Authority(ANI, "why"), T0)
        for number in (1, 2, 3)
    ]
    answers = together([*setting, *[partial(CeilingStore().take, name, was, 10)] * 5], ALWAYS)
    assert refusals(answers) == [CeilingChanged] * 2
    after = CeilingStore().get(name)
    assert after.ceiling_idr - was in {1, 2, 3}
    assert after.left_idr == after.ceiling_idr - 50


MAKERS = [f"arn:aws:iam::123456789012:user/maker-{number}" for number in range(4)]


@pytest.fixture
def bank(cloud: Settings, programme: Programme) -> BankWorld:
    return BankWorld(cloud, programme)


def approved(bank: BankWorld, books: BankBooks) -> None:
    """Hand every proposed file to the bank, which refuses a transfer that it has."""
    for batch in bank.bank_store.batches():
        if batch.state is BatchState.PROPOSED:
            books.take(bank.approve(batch.id))


@pytest.mark.parametrize("meet", [1, ALWAYS])
def test_exports_at_once_put_each_transfer_into_one_file(bank, meet):
    books = BankBooks()
    for round_ in range(ROUNDS):
        references = {bank.claimed(f"p{round_}-{number}") for number in range(6)}
        answers = together([partial(bank.propose, by) for by in MAKERS], meet)
        assert refusals(answers) == []
        assert not [each for each in bank.bank_store.batches() if each.state is BatchState.COLLECTING]
        assert bank.propose() is None, "none is left over"
        before = set(books.paid)
        approved(bank, books)
        assert set(books.paid) - before == references


def test_a_file_is_approved_or_rejected_and_its_transfers_go_out_once(bank):
    books = BankBooks()
    for round_ in range(ROUNDS):
        reference = bank.claimed(f"p{round_}")
        batch = bank.propose()
        assert batch is not None
        acts = [partial(bank.approve, batch.id), partial(bank.files.reject, batch.id, CHECKER, bank.now)]
        answers = together([*acts, *acts])
        state = bank.bank_store.batch(batch.id).state
        if state is BatchState.RECALLED:
            state = bank.files.reject(batch.id, MAKERS[0], bank.now).state
        assert state in {BatchState.APPROVED, BatchState.REJECTED}
        assert set(refusals(answers)) <= {BatchMoved, BatchNotNow, BatchOutdated, SamePerson}
        if state is BatchState.APPROVED:
            books.take(bank.approve(batch.id))
        bank.propose()
        approved(bank, books)
        assert reference in books.paid


def test_imports_at_once_settle_once_and_only_one_of_two_contrary_words_is_believed(bank):
    for round_ in range(ROUNDS):
        batch, [reference] = bank.sent(f"p{round_}")
        paid, rejected = pain002(batch, {reference: "ACSC"}), pain002(batch, {reference: "RJCT AB08"})
        bank.bank_store.first_importer(reference, batch, rejection("RJCT_AB08", MAKERS[0]), bank.now)
        answers = together([partial(bank.take_in, raw) for raw in (paid, rejected, paid, rejected)], ALWAYS)
        assert sum(each.news for each in answers) == 1
        assert sum(len(each.findings) for each in answers) == 2
        states = [event.state for event in bank.store.events(reference[:26])]
        # What was taken for failed first is held by the other word.
        assert states[-1] in {State.PAID, State.HELD}
        assert states.count(State.SENDING) == 1
