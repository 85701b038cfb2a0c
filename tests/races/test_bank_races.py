"""Exports, approvals and imports that truly run at the same time: one file for a transfer, one end for each."""

from __future__ import annotations

from functools import partial

import pytest

from chalicelib.config import Programme, Settings
from chalicelib.payouts.bank_files.store import BatchState
from chalicelib.payouts.errors import BatchMoved, BatchNotNow, BatchOutdated, SamePerson
from chalicelib.payouts.rules import State
from tests.builders.payouts.bank import CHECKER, BankBooks, BankWorld, pain002, rejection

from .together import ALWAYS, refusals, together

pytestmark = pytest.mark.dynamodb

ROUNDS = 4
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
