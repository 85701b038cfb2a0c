"""A transfer that the bank paid after it counted as failed or given up is never sent again automatically."""

from __future__ import annotations

from contextlib import nullcontext
from functools import partial
from itertools import product

import pytest

from chalicelib.payouts import rules
from chalicelib.payouts.bank_files.report_lines import Problem
from chalicelib.payouts.bank_files.store import BatchState
from chalicelib.payouts.bank_files.transfers import BankStatements
from chalicelib.payouts.controls.proposals import Decision
from chalicelib.payouts.errors import BatchOutdated, ProviderObjects
from chalicelib.payouts.providers.provider import Entry
from chalicelib.payouts.rules import Hold, Outcome, State
from tests.builders.crashes import Crash, some_of
from tests.builders.payouts.bank import (
    CHECKER,
    MAKER,
    BankWorld,
    block,
    camt054,
    entry,
    pain002,
    problems,
    reason,
    report,
    tx,
)
from tests.builders.payouts.states import refused


def stands(world: BankWorld, reference: str) -> tuple[State, Hold | None, int]:
    each = world.store.get(reference[:26])
    return each.state, each.hold, each.n


def nothing_follows(world: BankWorld, reference: str) -> None:
    """Whatever comes by, and however late, it stays with two people."""
    before = stands(world, reference)[2]
    for _ in range(3):
        world.later(days=40)
        world.worker.process(reference[:26], world.now)
    assert stands(world, reference) == (State.HELD, Hold.DUPLICATE, before)
    assert world.propose() is None


def dying(*_: object) -> bool:
    raise Crash


STOPPED = (State.HELD, Hold.DUPLICATE, 1)
PAID_BY = {
    "a status": lambda batch, reference: pain002(batch, {reference: "ACSC"}),
    "a debit": lambda _, reference: camt054(entry(reference, ref="D-1")),
    "a status of the file": lambda batch, _: pain002(batch, {}, "ACCC"),
    "a debit with a fee in it": lambda _, reference: camt054(entry(reference, "602500.00", ref="D-1")),
    "two debits": lambda _, reference: camt054(entry(reference, ref="D-1"), entry(reference, ref="D-2")),
    "a status beside its rejection": lambda batch, reference: pain002(
        batch, [(reference, "ACSC"), (reference, "RJCT AB08")]
    ),
    "a status of a file that is not ours": lambda _, reference: pain002("FILE-7", {reference: "ACSC"}),
}


@pytest.mark.parametrize(
    ("followed", "code", "paid"),
    some_of(
        [
            *product([False], ["AB08", "AC04", "RR04", "AM04"], PAID_BY),
            *product([True], ["AB08"], PAID_BY),
            *product([True], ["AC04", "RR04"], ["a status"]),
        ],
        2,
    ),
)
def test_a_paid_status_after_a_rejection_stops_the_payout(world, monkeypatch, followed, code, paid):
    """If the second person's import died after it kept the rejection, the ledger has not followed it yet."""
    batch, [reference] = world.sent("ani")
    raw = pain002(batch, {reference: f"RJCT {code}"})
    world.take_in(raw, MAKER)
    with monkeypatch.context() as patch:
        if not followed:
            patch.setattr(world.reports, "_settled", dying)
        with nullcontext() if followed else pytest.raises(Crash):
            world.take_in(raw)
    assert rules.nothing_alive(world.store.get(reference[:26])) is followed
    assert followed or world.state(reference) is State.SENDING
    found = problems(world.take_in(PAID_BY[paid](batch, reference)))
    assert found == [Problem.CONTRADICTS] if paid in {"a status", "a debit"} else found
    assert stands(world, reference) == STOPPED
    note = world.bank_store.note(reference)
    assert (note.word.answer.outcome, note.paid.answer.outcome) == (Outcome.FAILED, Outcome.SUCCEEDED)
    assert note.paid.imported_by == CHECKER
    assert world.take_in(raw).news == 0, "the first import once more changes nothing"
    nothing_follows(world, reference)


@pytest.mark.parametrize("known_before", [True, False])
def test_a_paid_status_stops_the_payout_also_behind_another_obstacle(world, known_before):
    batch, [reference] = world.sent("ani")
    world.take_in_by_two(pain002(batch, {reference: "RJCT AB08"}))
    world.people.unconfirmed.add("ani")
    world.later(seconds=world.rules.requeue_after_s)
    assert world.worker.process(reference[:26], world.now) is State.HELD
    assert stands(world, reference) == (State.HELD, Hold.UNCONFIRMED, 1)
    if not known_before:
        world.people.unconfirmed.clear()
    world.take_in(pain002(batch, {reference: "ACSC"}))
    world.people.unconfirmed.clear()
    assert world.worker.process(reference[:26], world.now) is State.HELD
    assert stands(world, reference) == STOPPED
    nothing_follows(world, reference)


def test_a_fee_for_a_rejected_transfer_stops_nothing(world):
    batch, [reference] = world.sent("ani")
    world.take_in_by_two(pain002(batch, {reference: "RJCT AB08"}))
    assert problems(world.take_in(camt054(entry(reference, "2500.00")))) == [Problem.AMOUNT]
    assert stands(world, reference) == (State.FAILED, None, 1)


def test_a_paid_status_of_an_earlier_attempt_stops_the_later_one(world):
    batch, [first] = world.sent("ani")
    world.take_in_by_two(pain002(batch, {first: "RJCT AB08"}))
    world.later(seconds=world.rules.requeue_after_s)
    assert world.worker.process(first[:26], world.now) is State.SENDING
    second = world.propose()
    assert problems(world.take_in(pain002(batch, {first: "ACSC"}))) == [Problem.CONTRADICTS]
    assert stands(world, first) == (State.HELD, Hold.DUPLICATE, 2)
    refused(lambda: world.approve(second.id), BatchOutdated)
    nothing_follows(world, first)


def test_an_import_between_the_question_and_the_decision_of_two_people_is_not_lost(world, monkeypatch):
    batch, [reference] = world.sent("ani")
    world.take_in(report(batch, block(batch, "", "", tx(reference, "RJCT", reason("NARR", text="rejected")))))
    world.administration.propose(reference[:26], Decision.FAILED, MAKER, "by telephone", world.now)
    settled = world.reports._settled

    def decided_meanwhile(*args: object) -> bool:
        """The word is kept; the ledger, which had asked the bank's word before, now follows the two people."""
        with monkeypatch.context() as patch:
            patch.setattr(world.administration, "_check_over", lambda *_: None)
            assert world.checked(reference) is State.FAILED
        return settled(*args)

    monkeypatch.setattr(world.reports, "_settled", decided_meanwhile)
    done = world.take_in(pain002(batch, {reference: "ACSC"}))
    assert problems(done) == [Problem.CONTRADICTS]
    assert stands(world, reference) == STOPPED
    nothing_follows(world, reference)


def test_such_an_import_is_not_lost_if_it_dies_before_it_reads_the_ledger(world, monkeypatch):
    batch, [reference] = world.sent("ani")
    world.administration.propose(reference[:26], Decision.FAILED, MAKER, "by telephone", world.now)
    monkeypatch.setattr(world.administration, "_check_over", lambda *_: None)
    monkeypatch.setattr(world.reports, "_settled", dying)
    with pytest.raises(Crash):
        world.take_in(pain002(batch, {reference: "ACSC"}))
    world.checked(reference)
    nothing_follows(world, reference)


@pytest.mark.parametrize("where", ["before", "after"])
def test_such_an_import_may_die_at_any_call_and_nothing_is_sent_again(world, each_call, where):
    for act in each_call(where, more_than=4):
        batch, [reference] = world.sent("ani")
        world.take_in_by_two(pain002(batch, {reference: "RJCT AB08"}))
        raw = pain002(batch, {reference: "ACSC"})
        act(partial(world.take_in, raw))
        assert problems(world.take_in(raw)) == [Problem.CONTRADICTS]
        assert stands(world, reference) == STOPPED
        assert world.bank_store.note(reference).paid is not None


def test_a_file_known_to_the_bank_cannot_be_given_up(world):
    for why, count in (("AM05", ""), ("DU01", ""), ("AM05", "<OrgnlNbOfTxs>0</OrgnlNbOfTxs>")):
        batch, references = world.sent(*(f"{name}-{why}-{len(count)}" for name in ("ani", "budi")))
        world.take_in(pain002(batch, {}, f"RJCT {why}", count))
        give_up = partial(world.files.reject, batch, MAKER, world.now)
        assert refused(give_up, BatchOutdated)["moved"] == len(references)
        assert world.bank_store.batch(batch).state is BatchState.APPROVED
        assert world.propose() is None


@pytest.mark.parametrize(
    "reports",
    [
        [("RJCT", reason("NARR", text="cut-off time")), ("RJCT", reason("AM05"))],
        [("RJCT", reason("AM05")), ("PDNG", ""), ("RJCT", reason("NARR", text="cut-off time"))],
        [("RJCT", reason("NARR", text="MsgId already received"))],
        [("RJCT", reason("AM05")), ("RJCT", reason("NARR", text="cut-off time"))],
    ],
)
def test_that_the_bank_knows_a_file_is_never_forgotten(world, reports):
    batch, [reference] = world.sent("ani")
    world.files.reject(batch, MAKER, world.now)
    for status, why in reports:
        world.take_in(report(batch, group=status, why=why))
    refused(lambda: world.files.reject(batch, CHECKER, world.now), BatchOutdated)
    assert world.bank_store.note(reference).word.duplicate
    assert world.propose() is None


GIVEN_UP = {
    "a status": lambda batch, reference: pain002(batch, {reference: "ACSC"}),
    "a debit": lambda _, reference: camt054(entry(reference, ref="D-1")),
    "a status of the file": lambda batch, _: pain002(batch, {}, "ACSC"),
}


def given_up(world: BankWorld) -> tuple[str, list[str]]:
    batch, references = world.sent("ani", "budi")
    for who in (MAKER, CHECKER):
        world.files.reject(batch, who, world.now)
    return batch, references


@pytest.mark.parametrize("paid", GIVEN_UP.values(), ids=GIVEN_UP)
@pytest.mark.parametrize("then", ["nothing", "proposed", "approved"])
def test_a_transfer_paid_from_a_given_up_file_is_in_no_new_file(world, paid, then):
    first, [reference, other] = given_up(world)
    second = world.propose() if then != "nothing" else None
    if second is not None and then == "approved":
        world.approve(second.id)
    done = world.take_in(paid(first, reference))
    if then == "approved" and paid is GIVEN_UP["a debit"]:
        assert world.state(reference) is State.PAID, "a booking names no file"
    else:
        assert done.findings
        assert stands(world, reference) == STOPPED
    if paid is GIVEN_UP["a status of the file"]:
        assert stands(world, other) == STOPPED
    if second is not None:
        refused(lambda: world.approve(second.id), BatchOutdated)
        return
    later = world.propose()
    assert (later is None) is (paid is GIVEN_UP["a status of the file"])
    if later is not None:
        assert world.bank_store.references(later.id) == (other,)
        world.approve(later.id)


def test_the_rest_of_such_a_file_goes_into_the_next_one(world):
    first, [reference, other] = given_up(world)
    second = world.propose()
    assert problems(world.take_in(pain002(first, {reference: "ACSC"}))) == [Problem.NOT_IN_A_FILE]
    world.files.reject(second.id, MAKER, world.now)
    third = world.propose()
    assert world.bank_store.references(third.id) == (other,)
    refused(lambda: world.decide(reference, Decision.FAILED), ProviderObjects)
    world.administration.reject(reference[:26], MAKER, "in error", world.now)
    assert world.decide(reference, Decision.PAID) is State.PAID


def test_two_people_cannot_pay_again_a_given_up_transfer_that_the_bank_paid(world):
    batch, [reference] = world.sent("ani")
    world.take_in_by_two(pain002(batch, {reference: "RJCT AC04"}))
    world.administration.cancel(reference[:26], MAKER, "wrong person", world.now)
    assert problems(world.take_in(pain002(batch, {reference: "ACSC"}))) == [Problem.CONTRADICTS]
    assert world.state(reference) is State.CANCELLED
    told = world.reports.said(reference)
    assert [word.answer.fact for word, _ in told] == ["RJCT_AC04", "ACSC"]
    assert refused(lambda: world.decide(reference, Decision.RETRY), ProviderObjects)["fact"] == "ACSC"


def test_two_people_cannot_pay_it_again_after_a_later_attempt_either(world):
    batch, [first] = world.sent("ani")
    world.take_in_by_two(pain002(batch, {first: "RJCT AB08"}))
    world.later(seconds=world.rules.requeue_after_s)
    world.worker.process(first[:26], world.now)
    second = world.propose()
    world.approve(second.id)
    world.take_in_by_two(pain002(second.id, {f"{first[:26]}-2": "RJCT AC04"}))
    world.administration.cancel(first[:26], MAKER, "wrong person", world.now)
    assert problems(world.take_in(pain002(batch, {first: "ACSC"}))) == [Problem.CONTRADICTS]
    refused(lambda: world.decide(first, Decision.RETRY), ProviderObjects)


@pytest.mark.parametrize("level", ["file", "transfer"])
@pytest.mark.parametrize("proposed", [True, False])
def test_a_transfer_that_the_bank_has_from_a_given_up_file_is_in_no_new_file(world, level, proposed):
    first, references = given_up(world)
    second = world.propose() if proposed else None
    why = pain002(first, {}, "RJCT AM05") if level == "file" else pain002(first, dict.fromkeys(references, "RJCT DU04"))
    assert Problem.NOT_IN_A_FILE in problems(world.take_in(why))
    if second is not None:
        refused(lambda: world.approve(second.id), BatchOutdated)
        world.files.reject(second.id, MAKER, world.now)
    assert world.propose() is None
    assert [world.state(each) for each in references] == [State.SENDING] * 2, "two people decide each"


def test_after_an_error_of_the_bank_or_a_return_two_people_can_pay_again(world):
    batch, [reference] = world.sent("ani")
    world.take_in_by_two(pain002(batch, {reference: "RJCT AB08"}))
    world.take_in(pain002(batch, {reference: "ACSC"}))
    for decision, state in (
        (Decision.PAID, State.PAID), (Decision.REVERSED, State.REVERSED), (Decision.RETRY, State.DUE),
    ):  # fmt: skip
        assert world.decide(reference, decision) is state
    assert problems(world.take_in(pain002(batch, {reference: "ACSC"}))) == [Problem.CONTRADICTS], "known by now"
    assert world.worker.process(reference[:26], world.now) is State.SENDING
    assert stands(world, reference)[2] == 2
    world.later(days=4)
    assert world.decide(reference, Decision.FAILED) is State.FAILED, "that one is settled"


def test_the_statement_of_a_day_has_the_transfers_that_the_bank_paid(world):
    batch, [reference] = world.sent("ani")
    world.take_in_by_two(pain002(batch, {reference: "RJCT AB08"}))
    world.later(hours=1)
    world.take_in(pain002(batch, {reference: "ACSC"}))
    [line] = BankStatements(world.bank_store).between(world.now, world.now.replace(hour=23))
    assert (line.entry, line.reference) == (Entry.SUCCEEDED, reference)
