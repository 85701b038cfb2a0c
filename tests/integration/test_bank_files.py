"""The whole way by a bank's files: claim, export by two people, the bank's reports, and the ledger's end."""

from __future__ import annotations

import hashlib
from dataclasses import replace
from datetime import timedelta

import pytest
from lxml import etree

from chalicelib.config import Programme, Settings
from chalicelib.payouts import items
from chalicelib.payouts.bank_reports import Problem
from chalicelib.payouts.bank_store import BatchState, Note
from chalicelib.payouts.errors import BatchDiffers, BatchNotNow, BatchOutdated, PayoutsPaused, SamePerson, UnknownBatch
from chalicelib.payouts.items import PayoutsTable
from chalicelib.payouts.pause import Pause
from chalicelib.payouts.rules import Move, Outcome, State
from tests.builders.bank import CHECKER, MAKER, BankBooks, BankWorld, camt054, entry, pain002, text
from tests.builders.crashes import Calls, Crash, die


@pytest.fixture
def world(cloud: Settings, programme: Programme) -> BankWorld:
    return BankWorld(cloud, programme)


def problems(done) -> list[tuple[Problem, str | None]]:
    return [(each.problem, each.reference) for each in done.findings]


def test_a_claim_waits_for_a_file_and_calls_nobody(world):
    reference = world.claimed("ani")
    assert world.state(reference) is State.SENDING
    assert world.rails.named("bank-file").status(reference).fact == "awaits_bank_file"
    world.later(days=30)
    assert world.worker.process(reference[:26], world.now) is State.SENDING, "no life of a key ends it"


def test_what_is_on_its_way_by_file_is_looked_at_as_seldom_as_what_is_held(world):
    world.claimed("ani")
    world.later(seconds=world.rules.requeue_after_s * 2)
    assert world.payouts.sweep(world.now) == 0
    world.later(seconds=world.rules.requeue_after_s * world.rules.held_look_factor)
    assert world.payouts.sweep(world.now) == 1


def test_a_transfer_goes_out_in_a_file_and_is_paid_by_the_status_report(world):
    reference = world.claimed("ani")
    batch = world.propose()
    assert (batch.state, batch.count, batch.sum_idr, batch.maker) == (BatchState.PROPOSED, 1, 600_000, MAKER)
    raw = world.approve(batch.id)
    root = etree.fromstring(raw)
    assert text(root, "EndToEndId") == [reference]
    assert text(root, "CdtrAgt/FinInstnId/BICFI") == ["BNINIDJA"]

    done = world.take_in(pain002(batch.id, {reference: "ACSC"}))
    assert (done.news, done.known, done.unsettled, done.findings) == (1, 0, 0, ())
    assert world.state(reference) is State.PAID
    last = world.store.events(reference[:26])[-1]
    assert (last.before, last.reason) == (State.SENDING, "ACSC")


def test_a_rejected_transfer_fails_and_its_next_attempt_goes_into_the_next_file(world):
    batch, [first] = world.sent("ani")
    done = world.take_in_by_two(pain002(batch, {first: "RJCT AC04"}))
    assert (done.news, world.state(first)) == (1, State.FAILED)
    assert world.propose() is None

    world.later(seconds=world.rules.requeue_after_s)
    assert world.worker.process(first[:26], world.now) is State.SENDING
    second = world.propose()
    assert world.bank_store.references(second.id) == (f"{first[:26]}-2",)
    world.approve(second.id)
    assert world.take_in(pain002(second.id, {f"{first[:26]}-2": "ACCC"})).findings == ()
    assert world.state(first) is State.PAID
    # The first report once more, and the bank's change of mind about the first attempt.
    assert world.take_in(pain002(batch, {first: "RJCT AC04"})).known == 1
    assert problems(world.take_in(pain002(batch, {first: "ACSC"}))) == [(Problem.CONTRADICTS, first)]


def test_one_person_cannot_have_money_sent_again_by_a_report_of_rejections(world):
    """A report is a file that anybody could have written: without this one person could do what `resolve` forbids."""
    batch, [paid, rejected] = world.sent("ani", "budi")
    raw = pain002(batch, {paid: "ACSC", rejected: "RJCT AC04"})
    for who in (MAKER, MAKER, f"arn:aws:sts::123456789012:assumed-role/other/{MAKER.rpartition('/')[2]}"):
        assert problems(world.take_in(raw, who)) == [(Problem.ONE_PERSON, rejected)]
    assert (world.state(paid), world.state(rejected)) == (State.PAID, State.SENDING)
    another = pain002(batch, {rejected: "RJCT AC01"})
    assert problems(world.take_in(another)) == [(Problem.ONE_PERSON, rejected)], "not of the same report"

    done = world.take_in(raw, CHECKER)
    assert (done.news, done.known, done.findings, world.state(rejected)) == (1, 1, (), State.FAILED)
    assert world.take_in(raw, MAKER).findings == (), "known by now"


def test_money_that_comes_back_is_learnt_by_a_notification(world):
    _, [reference] = world.sent("ani")
    assert world.take_in(camt054(entry(reference, ref="D-1"))).news == 1
    assert world.state(reference) is State.PAID
    back = camt054(entry(reference, returned="AC04", ref="C-1"))
    assert world.take_in(back).news == 1
    assert world.state(reference) is State.REVERSED
    assert world.store.events(reference[:26])[-1].reason == "BOOKED_RETURN_AC04"
    assert (world.take_in(back).known, world.take_in(camt054(entry(reference, ref="D-1"))).known) == (1, 1)


def test_a_debit_and_its_return_in_one_notification_are_taken_in_their_order(world):
    _, [reference] = world.sent("ani")
    done = world.take_in(camt054(entry(reference, returned="AC01", ref="C-1"), entry(reference, ref="D-1")))
    assert (done.news, done.findings, world.state(reference)) == (2, (), State.REVERSED)


def test_the_same_report_again_changes_nothing(world):
    batch, references = world.sent("ani", "budi", "citra")
    raw = pain002(batch, dict(zip(references, ["ACSC", "RJCT AM04", "ACSP"], strict=True)))
    assert (world.take_in(raw, MAKER).news, world.take_in(raw).news) == (2, 1)
    before = {each: world.store.events(each[:26]) for each in references}
    again = world.take_in(raw)
    assert (again.news, again.known, again.findings) == (0, 3, ())
    assert {each: world.store.events(each[:26]) for each in references} == before


def test_a_pending_status_keeps_waiting_and_an_unknown_one_is_reported(world):
    batch, [one, other] = world.sent("ani", "budi")
    done = world.take_in(pain002(batch, {one: "ACTC", other: "ZZZZ"}))
    assert (done.news, problems(done)) == (1, [(Problem.UNKNOWN_WORD, other)])
    assert (world.state(one), world.state(other)) == (State.SENDING, State.SENDING)
    assert world.take_in(pain002(batch, {one: "ACSC", other: "ACSC"})).news == 2


def test_what_does_not_fit_is_reported_line_by_line_and_applied_to_nothing(world):
    batch, [ani, budi, citra, dewi] = world.sent("ani", "budi", "citra", "dewi")
    waiting = world.claimed("eko")
    stranger = "a" * 26 + "-1"
    done = world.take_in(
        pain002(
            batch,
            [
                (stranger, "ACSC"),
                ("RENT-1", "ACSC"),
                (waiting, "ACSC"),
                (ani, "ACSC"),
                (ani, "RJCT AC04"),
                (budi, "RJCT AM05"),
            ],
        )
    )
    assert problems(done) == [
        (Problem.UNKNOWN_REFERENCE, stranger),
        (Problem.UNKNOWN_REFERENCE, None),
        (Problem.NOT_IN_A_FILE, waiting),
        (Problem.TWICE, ani),
        (Problem.TWICE, ani),
        (Problem.DUPLICATE, budi),
    ]
    assert [each.number for each in done.findings] == sorted(each.number for each in done.findings)
    assert problems(world.take_in(pain002("other-file", {citra: "ACSC"}))) == [(Problem.OTHER_FILE, citra)]
    bookings = camt054(
        entry(citra, "599999.00"), entry(dewi, currency="USD"), entry(ani, "600000.50"), entry("NOTPROVIDED"),
        entry(budi, ref="D-1"), entry(budi, ref="D-2"),
    )  # fmt: skip
    assert problems(world.take_in(bookings)) == [
        (Problem.AMOUNT, citra),
        (Problem.CURRENCY, dewi),
        (Problem.AMOUNT, ani),
        (Problem.NO_REFERENCE, None),
        (Problem.PAID_TWICE, budi),
        (Problem.PAID_TWICE, budi),
    ]
    assert {world.state(each) for each in (ani, budi, citra, dewi, waiting)} == {State.SENDING}


def test_a_second_debit_in_a_later_notification_is_told_by_the_banks_own_reference(world):
    batch, [reference] = world.sent("ani")
    world.take_in(pain002(batch, {reference: "ACSC"}))
    assert world.take_in(camt054(entry(reference, ref="D-1"))).findings == ()
    assert problems(world.take_in(camt054(entry(reference, ref="D-2")))) == [(Problem.PAID_TWICE, reference)]
    assert world.take_in(camt054(entry(reference, ref="D-1"))).findings == ()


def test_a_notification_never_fails_anything_and_a_bare_credit_is_no_return(world):
    _, [reference] = world.sent("ani")
    credit = entry(reference).replace("DBIT", "CRDT")
    assert problems(world.take_in(camt054(credit))) == [(Problem.UNKNOWN_WORD, reference)]
    assert world.take_in(camt054(entry(reference, status="PDNG"))).news == 1
    assert world.state(reference) is State.SENDING


def test_an_attempt_of_another_rail_is_not_the_banks_business(world):
    batch, [reference] = world.sent("ani")
    entitlement = world.store.get(reference[:26])
    world.store.move(entitlement, Move(State.FAILED, "test"), world.now)
    items.to_head(replace(world.store.get(reference[:26]), rail="xendit-v2")).save()
    assert problems(world.take_in(pain002(batch, {reference: "ACSC"}))) == [(Problem.OTHER_RAIL, reference)]


def test_a_whole_file_is_rejected_with_a_reason_and_never_as_a_repetition(world):
    batch, references = world.sent("ani", "budi")
    for why, problem in (
        ("RJCT", Problem.NO_REASON),
        ("RJCT AM05", Problem.DUPLICATE),
        ("RJCT DU01", Problem.DUPLICATE),
    ):
        assert problems(world.take_in(pain002(batch, {}, why))) == [(problem, None)]
    assert problems(world.take_in(pain002("nobodys", {}, "RJCT AC01"))) == [(Problem.UNKNOWN_FILE, None)]
    wrong = pain002(batch, {}, "RJCT AC01", "<OrgnlNbOfTxs>3</OrgnlNbOfTxs>")
    assert problems(world.take_in(wrong)) == [(Problem.TOTALS, None)]
    assert world.take_in(pain002(batch, {}, "ACTC")).news == 2
    right = pain002(batch, {}, "RJCT AC01", "<OrgnlNbOfTxs>2</OrgnlNbOfTxs><OrgnlCtrlSum>1200000</OrgnlCtrlSum>")
    assert world.take_in_by_two(right).news == 2
    assert [world.state(each) for each in references] == [State.FAILED, State.FAILED]


def test_a_file_takes_two_people_and_comes_out_the_same_every_time(world):
    world.claimed("ani")
    batch = world.propose()
    with pytest.raises(SamePerson):
        world.approve(batch.id, by=MAKER)
    first = world.approve(batch.id)
    world.later(days=3)
    assert world.approve(batch.id, by=MAKER) == first, "once approved, anybody may write it again"
    approved = world.bank_store.batch(batch.id)
    assert (approved.state, approved.decided_by) == (BatchState.APPROVED, CHECKER)
    with pytest.raises(UnknownBatch):
        world.approve("nobodys")


@pytest.mark.parametrize("word", ["ACTC", "RJCT AC04", "ACSC"])
def test_a_file_of_which_the_bank_has_said_anything_is_not_written_again(world, word):
    """Handed over a second time, it would pay again what the bank rejected and a later file pays."""
    batch, [answered, _] = world.sent("ani", "budi")
    world.approve(batch)
    world.take_in_by_two(pain002(batch, {answered: word}))
    with pytest.raises(BatchOutdated) as refused:
        world.approve(batch)
    assert refused.value.facts["moved"] == 1


def test_a_file_that_does_not_come_out_as_proposed_is_refused(world):
    world.claimed("ani")
    batch = world.propose()
    with pytest.raises(BatchDiffers) as refused:
        world.files.approve(batch.id, CHECKER, lambda order: world.write(order) + b" ", world.now)
    assert refused.value.facts["what"] == "sha256"
    assert world.bank_store.batch(batch.id).state is BatchState.PROPOSED


def test_a_rejected_file_frees_its_transfers_for_the_next(world):
    reference = world.claimed("ani")
    first = world.propose()
    assert world.propose() is None, "it is in a file"
    world.files.reject(first.id, MAKER, world.now)
    with pytest.raises(BatchNotNow):
        world.approve(first.id)
    second = world.propose()
    assert second.id != first.id
    assert world.bank_store.references(second.id) == (reference,)


def test_an_attempt_that_was_marked_with_a_file_too_late_goes_into_the_next(world):
    """Two exports go on with one file; one completes it, then the other marks what was free only for it."""
    world.claimed("ani")
    first = world.propose()
    late = world.claimed("budi")
    assert world.bank_store.mark(late, first.id, Note())
    world.approve(first.id)
    second = world.propose()
    assert world.bank_store.references(second.id) == (late,)
    assert world.propose() is None


def test_an_approved_file_that_the_bank_does_not_have_is_given_up_by_two_people(world):
    """A bank refuses a file at its door and reports nothing: without this its transfers would wait for ever."""
    batch, references = world.sent("ani", "budi")
    assert world.files.reject(batch, MAKER, world.now).state is BatchState.RECALLED
    for refused in (lambda: world.files.reject(batch, MAKER, world.now), lambda: world.approve(batch)):
        with pytest.raises((SamePerson, BatchNotNow)):
            refused()
    assert world.propose() is None, "one person's word frees nothing"

    given_up = world.files.reject(batch, CHECKER, world.now)
    assert (given_up.state, given_up.recalled_by, given_up.decided_by) == (BatchState.REJECTED, MAKER, CHECKER)
    with pytest.raises(BatchNotNow):
        world.files.reject(batch, CHECKER, world.now)
    again = world.propose()
    assert set(world.bank_store.references(again.id)) == set(references)
    world.approve(again.id)
    assert problems(world.take_in(pain002(batch, {references[0]: "ACSC"}))) == [(Problem.OTHER_FILE, references[0])]
    assert world.take_in(pain002(again.id, dict.fromkeys(references, "ACSC"))).findings == ()
    assert {world.state(each) for each in references} == {State.PAID}


def test_a_file_is_not_given_up_once_the_bank_has_said_anything_of_it(world):
    batch, [reference, _] = world.sent("ani", "budi")
    world.files.reject(batch, MAKER, world.now)
    assert world.take_in(pain002(batch, {reference: "ACTC"})).news == 1
    with pytest.raises(BatchOutdated):
        world.files.reject(batch, CHECKER, world.now)
    assert world.take_in(pain002(batch, {reference: "ACSC"})).news == 1
    other, _ = world.sent("citra")
    world.take_in(pain002(other, {}, "ACTC"))
    with pytest.raises(BatchOutdated):
        world.files.reject(other, MAKER, world.now)


def test_what_people_settled_meanwhile_is_not_paid_by_file(world):
    reference = world.claimed("ani")
    batch = world.propose()
    world.store.move(world.store.get(reference[:26]), Move(State.PAID, "decided_paid"), world.now)
    with pytest.raises(BatchOutdated):
        world.approve(batch.id)
    assert problems(world.take_in(pain002(batch.id, {reference: "RJCT AC04"}))) == [(Problem.NOT_IN_A_FILE, reference)]


def test_a_rejection_of_what_two_people_decided_to_be_paid_is_reported(world):
    batch, [reference] = world.sent("ani")
    world.store.move(world.store.get(reference[:26]), Move(State.PAID, "decided_paid"), world.now)
    assert problems(world.take_in(pain002(batch, {reference: "RJCT AC04"}))) == [(Problem.CONTRADICTS, reference)]
    assert world.take_in(pain002(batch, {reference: "ACSC"})).news == 1
    assert world.state(reference) is State.PAID


def test_no_file_is_made_or_written_while_payouts_are_paused(world):
    world.claimed("ani")
    batch = world.propose()
    world.pause.set(Pause(MAKER, world.now, "test"))
    for act in (world.propose, lambda: world.approve(batch.id)):
        with pytest.raises(PayoutsPaused):
            act()


def test_a_file_has_only_so_many_transfers_the_longest_waiting_first(cloud, programme):
    world = BankWorld(cloud, programme, transfers_max=2)
    references = []
    for name in ("ani", "budi", "citra"):
        references.append(world.claimed(name))
        world.later(minutes=1)
    first = world.files.propose(MAKER, world.now.date(), world.write, world.now)
    assert (world.bank_store.references(first.batch.id), first.left) == (tuple(references[:2]), 1)
    second = world.files.propose(MAKER, world.now.date(), world.write, world.now)
    assert (world.bank_store.references(second.batch.id), second.left) == (tuple(references[2:]), 0)


@pytest.mark.parametrize("where", ["before", "after"])
def test_an_export_may_die_at_any_call_and_each_transfer_is_in_one_file(world, monkeypatch, where):
    calls = Calls(monkeypatch)
    at = 0
    while True:
        world.wipe()
        references = {world.claimed(name) for name in ("ani", "budi")}
        bank = BankBooks()
        calls.reset()
        getattr(calls, where)[at] = die
        try:
            world.propose()
            died = False
        except Crash:
            died = True
        calls.reset()
        while world.propose() is not None:
            pass
        for batch in world.files.all():
            if batch.state is BatchState.PROPOSED:
                bank.take(world.approve(batch.id))
        assert set(bank.paid) == references, at
        if not died:
            break
        at += 1
    assert at > 5


def test_an_approval_may_die_at_any_call_and_the_file_is_the_same(world, monkeypatch):
    calls = Calls(monkeypatch)
    world.claimed("ani")
    batch = world.propose()
    raws = set()
    for where in ("before", "after"):
        for at in range(30):
            calls.reset()
            getattr(calls, where)[at] = die
            try:
                raws.add(world.approve(batch.id))
                break
            except Crash:
                continue
    calls.reset()
    raws.add(world.approve(batch.id))
    assert len(raws) == 1
    assert world.bank_store.batch(batch.id).state is BatchState.APPROVED


@pytest.mark.parametrize("where", ["before", "after"])
def test_an_import_may_die_at_any_call_and_is_simply_done_again(world, monkeypatch, where):
    calls = Calls(monkeypatch)
    at = 0
    while True:
        world.wipe()
        batch, [paid, failed] = world.sent("ani", "budi")
        raw = pain002(batch, {paid: "ACSC", failed: "RJCT AC04"})
        world.bank_store.first_importer(hashlib.sha256(raw).hexdigest(), MAKER, world.now)
        calls.reset()
        getattr(calls, where)[at] = die
        try:
            world.take_in(raw)
            died = False
        except Crash:
            died = True
        calls.reset()
        assert world.take_in(raw).findings == ()
        assert (world.state(paid), world.state(failed)) == (State.PAID, State.FAILED)
        assert [event.state for event in world.store.events(paid[:26])] == [State.DUE, State.SENDING, State.PAID]
        if not died:
            break
        at += 1
    assert at > 8


def test_two_exports_at_once_never_put_one_transfer_into_two_files(world, monkeypatch):
    calls = Calls(monkeypatch)
    at = 0
    while True:
        world.wipe()
        references = [world.claimed(name) for name in ("ani", "budi")]
        bank = BankBooks()
        calls.reset()
        calls.before[at] = lambda: world.propose("arn:aws:iam::123456789012:user/other")
        world.propose()
        reached = len(calls.made) > at
        calls.reset()
        for batch in world.files.all():
            if batch.state is BatchState.PROPOSED:
                bank.take(world.approve(batch.id))
        assert sorted(bank.paid) == sorted(references), at
        assert not [each for each in world.files.all() if each.state is BatchState.COLLECTING]
        if not reached:
            break
        at += 1
    assert at > 5


def test_two_imports_at_once_settle_once(world, monkeypatch):
    calls = Calls(monkeypatch)
    at = 0
    while True:
        world.wipe()
        batch, [reference] = world.sent("ani")
        raw = pain002(batch, {reference: "ACSC"})
        calls.reset()
        calls.before[at] = lambda raw=raw: world.take_in(raw)
        world.take_in(raw)
        reached = len(calls.made) > at
        calls.reset()
        assert [event.state for event in world.store.events(reference[:26])] == [State.DUE, State.SENDING, State.PAID]
        if not reached:
            break
        at += 1
    assert at > 4


def test_the_word_is_kept_with_who_imported_it_and_no_personal_data_anywhere(world):
    batch, [reference] = world.sent("ani")
    world.take_in(pain002(batch, {reference: "ACSC"}))
    word = world.bank_store.note(reference).word
    assert (word.answer.outcome, word.answer.amount_idr, word.imported_by) == (Outcome.SUCCEEDED, 600_000, CHECKER)
    assert world.bank_store.note("a" * 26 + "-1") == Note()
    rows = [repr(row.serialize()) for row in PayoutsTable.scan()]
    assert not [row for row in rows if "1234567890" in row or "Holder" in row]
    assert world.now - timedelta(days=1) < world.bank_store.batch(batch).made_at
