"""Payments by bank file as a whole: claim, export by two people, the bank's reports; with crashes at any call."""

from __future__ import annotations

import logging
from functools import partial

import pytest
from lxml import etree

from chalicelib.payouts.bank_files import store
from chalicelib.payouts.bank_files.report_lines import Problem
from chalicelib.payouts.bank_files.store import BankNote, BatchState
from chalicelib.payouts.controls.limits import Pause
from chalicelib.payouts.errors import BatchDiffers, BatchNotNow, BatchOutdated, PayoutsPaused, SamePerson, UnknownBatch
from chalicelib.payouts.rules import Move, State
from tests.builders.crashes import Calls
from tests.builders.payouts.bank import (
    CHECKER,
    MAKER,
    BankBooks,
    BankWorld,
    pain002,
    reason,
    rejection,
    report,
    text,
    told_of,
)
from tests.builders.payouts.states import refused
from tests.conftest import T0


def test_a_claim_for_a_bank_waits_for_a_file_and_calls_no_provider(world):
    reference = world.claimed("ani")
    assert world.state(reference) is State.SENDING
    assert world.providers.named("bank-file").status(reference).fact == "awaits_bank_file"
    world.later(days=30)
    assert world.worker.process(reference[:26], world.now) is State.SENDING, "no life of a key ends it"


def test_transfers_in_files_are_swept_as_seldom_as_held_payouts(world):
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
    assert (done.news, done.known, done.unsettled, done.findings) == (1, 0, 0, [])
    assert world.state(reference) is State.PAID
    last = world.store.events(reference[:26])[-1]
    assert (last.before, last.reason) == (State.SENDING, "ACSC")


def test_a_rejected_transfer_fails_and_its_next_attempt_goes_into_the_next_file(world):
    batch, [first] = world.sent("ani")
    done = world.take_in_by_two(pain002(batch, {first: "RJCT AB08"}))
    assert (done.news, world.state(first)) == (1, State.FAILED)
    assert world.propose() is None

    world.later(seconds=world.rules.requeue_after_s)
    assert world.worker.process(first[:26], world.now) is State.SENDING
    second = world.propose()
    assert world.bank_store.references(second.id) == (f"{first[:26]}-2",)
    world.approve(second.id)
    assert world.take_in(pain002(second.id, {f"{first[:26]}-2": "ACCC"})).findings == []
    assert world.state(first) is State.PAID
    # The first report once more, and the bank's change of mind about the first attempt.
    assert world.take_in(pain002(batch, {first: "RJCT AC04"})).known == 1
    assert told_of(world.take_in(pain002(batch, {first: "ACSC"}))) == [(Problem.CONTRADICTS, first)]


def logged(caplog, message: str) -> list[dict[str, object]]:
    names = ("batch", "by", "sha256", "state")
    found = [record.__dict__ for record in caplog.records if record.message == message]
    return [{name: record[name] for name in names if name in record} for record in found]


def test_a_file_takes_two_people_and_comes_out_the_same_every_time(world, caplog):
    caplog.set_level(logging.INFO, "chalicelib.payouts")
    world.claimed("ani")
    batch = world.propose()
    refused(lambda: world.approve(batch.id, by=MAKER), SamePerson)
    world.later(hours=1)
    first, approved_at = world.approve(batch.id), world.now
    world.later(days=3)
    assert world.approve(batch.id, by=MAKER) == first, "once approved, anybody may write it again"
    kept = world.bank_store.batch(batch.id)
    assert (kept.state, kept.decided_by, kept.decided_at) == (BatchState.APPROVED, CHECKER, approved_at)
    assert logged(caplog, "bank_file_approved") == [{"batch": batch.id, "by": CHECKER, "sha256": batch.sha256}]
    refused(lambda: world.approve("nobodys"), UnknownBatch)


@pytest.mark.parametrize("word", ["ACTC", "RJCT AC04", "ACSC"])
def test_a_file_with_any_status_of_the_bank_is_not_written_again(world, word):
    """Handed over a second time, it would pay again what the bank rejected and a later file pays."""
    batch, [answered, _] = world.sent("ani", "budi")
    world.approve(batch)
    world.take_in_by_two(pain002(batch, {answered: word}))
    assert refused(lambda: world.approve(batch), BatchOutdated)["moved"] == 1


def test_a_file_that_does_not_come_out_as_proposed_is_refused(world):
    world.claimed("ani")
    batch = world.propose()
    approve = partial(world.files.approve, batch.id, CHECKER, lambda order: world.write(order) + b" ", world.now)
    assert refused(approve, BatchDiffers) == {"batch": batch.id, "what": "sha256"}
    assert world.bank_store.batch(batch.id).state is BatchState.PROPOSED


def test_a_rejected_file_frees_its_transfers_for_the_next(world, caplog):
    caplog.set_level(logging.INFO, "chalicelib.payouts")
    reference = world.claimed("ani")
    first = world.propose()
    assert world.propose() is None, "it is in a file"
    world.later(hours=1)
    given_up = world.files.reject(first.id, MAKER, world.now)
    assert world.bank_store.batch(first.id) == given_up
    assert (given_up.state, given_up.decided_by, given_up.decided_at) == (BatchState.REJECTED, MAKER, world.now)
    assert logged(caplog, "bank_file_given_up") == [{"batch": first.id, "by": MAKER, "state": "REJECTED"}]
    for action, act in (("approve", world.approve), ("reject", lambda batch: world.files.reject(batch, MAKER, T0))):
        assert refused(partial(act, first.id), BatchNotNow) == {
            "batch": first.id,
            "state": "REJECTED",
            "action": action,
        }
    second = world.propose()
    assert second.id != first.id
    assert world.bank_store.references(second.id) == (reference,)


def test_an_attempt_marked_too_late_for_a_file_goes_into_the_next(world):
    """Two exports go on with one file; one completes it, then the other marks what was free only for it."""
    world.claimed("ani")
    first = world.propose()
    late = world.claimed("budi")
    assert world.bank_store.mark(late, first.id, BankNote())
    world.approve(first.id)
    second = world.propose()
    assert world.bank_store.references(second.id) == (late,)
    assert world.propose() is None


def test_a_file_that_was_recalled_before_there_was_a_roster_is_recalled_anew(world):
    batch, _ = world.sent("ani")
    states = [world.files.reject(batch, who, world.now).state for who in (MAKER, "person/s1")]
    assert states == [BatchState.RECALLED] * 2
    refused(lambda: world.files.reject(batch, "person/s1", world.now), SamePerson)
    assert world.files.reject(batch, "person/b1", world.now).state is BatchState.REJECTED


@pytest.mark.parametrize("said", [False, True], ids=["it says nothing", "it rejects it in words"])
def test_an_approved_file_that_the_bank_does_not_have_is_given_up_by_two_people(world, said):
    """A bank refuses a file at its door and reports nothing: without this its transfers would wait for ever."""
    batch, references = world.sent("ani", "budi")
    if said:
        world.take_in(report(batch, group="ACTC"))
        world.take_in(report(batch, group="RJCT", why=reason("NARR", text="cut-off time")))
        refused(lambda: world.approve(batch), BatchOutdated)
    assert world.files.reject(batch, MAKER, world.now).state is BatchState.RECALLED
    refused(lambda: world.files.reject(batch, MAKER, world.now), SamePerson)
    refused(lambda: world.approve(batch), BatchNotNow)
    assert world.propose() is None, "one person's word frees nothing"

    given_up = world.files.reject(batch, CHECKER, world.now)
    assert (given_up.state, given_up.recalled_by, given_up.decided_by) == (BatchState.REJECTED, MAKER, CHECKER)
    refused(lambda: world.files.reject(batch, CHECKER, world.now), BatchNotNow)
    again = world.propose()
    assert sorted(world.bank_store.references(again.id)) == sorted(references)
    assert b"EndToEndId" in world.approve(again.id)
    assert told_of(world.take_in(pain002(batch, {references[0]: "ACSC"}))) == [(Problem.OTHER_FILE, references[0])]
    assert world.take_in(pain002(again.id, dict.fromkeys(references, "ACSC"))).findings == []
    assert [world.state(each) for each in references] == [State.HELD, State.PAID], "perhaps the bank paid it twice"


def test_a_file_with_any_status_of_the_bank_is_not_given_up(world):
    batch, [reference, _] = world.sent("ani", "budi")
    world.files.reject(batch, MAKER, world.now)
    assert world.take_in(pain002(batch, {reference: "ACTC"})).news == 1
    refused(lambda: world.files.reject(batch, CHECKER, world.now), BatchOutdated)
    assert world.take_in(pain002(batch, {reference: "ACSC"})).news == 1
    other, _ = world.sent("citra")
    world.take_in(pain002(other, {}, "ACTC"))
    refused(lambda: world.files.reject(other, MAKER, world.now), BatchOutdated)


def test_a_transfer_settled_by_people_meanwhile_is_not_in_the_file(world):
    references = [world.claimed("ani"), world.claimed("budi")]
    batch = world.propose()
    for each in references:
        world.store.move(world.store.get(each[:26]), Move(State.PAID, "decided_paid"), world.now)
    assert refused(lambda: world.approve(batch.id), BatchOutdated) == {"batch": batch.id, "moved": 2}
    rejected = pain002(batch.id, {references[0]: "RJCT AC04"})
    assert told_of(world.take_in(rejected)) == [(Problem.NOT_IN_A_FILE, references[0])]


def test_a_rejection_of_a_transfer_that_two_people_called_paid_is_reported(world):
    batch, [reference] = world.sent("ani")
    world.store.move(world.store.get(reference[:26]), Move(State.PAID, "decided_paid"), world.now)
    assert told_of(world.take_in(pain002(batch, {reference: "RJCT AC04"}))) == [(Problem.CONTRADICTS, reference)]
    assert world.take_in(pain002(batch, {reference: "ACSC"})).news == 1
    assert world.state(reference) is State.PAID


def test_no_file_is_made_or_written_while_payouts_are_paused(world):
    world.claimed("ani")
    batch = world.propose()
    world.pause.set(Pause(MAKER, world.now, "test"))
    for act in (world.propose, lambda: world.approve(batch.id)):
        refused(act, PayoutsPaused)


def test_a_file_has_a_limited_number_of_transfers_oldest_first(cloud, programme, monkeypatch):
    world = BankWorld(cloud, programme, transfers_max=2)
    references = []
    for name in ("ani", "budi", "citra"):
        references.append(world.claimed(name))
        world.later(minutes=1)
    monkeypatch.setattr(store, "_PAGE", 1)
    read, notes = list[int](), world.bank_store.notes
    monkeypatch.setattr(world.bank_store, "notes", lambda asked: read.append(len(asked)) or notes(asked))
    assert world.bank_store.references(world.propose().id) == tuple(references[:2])
    assert read == [1, 1, 2], "no more is read than a file takes"
    assert world.bank_store.references(world.propose().id) == tuple(references[2:])


PAID = [State.DUE, State.SENDING, State.PAID]


def handed_over(world: BankWorld) -> list[str]:
    """What the bank pays of the files that are proposed."""
    bank = BankBooks()
    for batch in world.bank_store.batches():
        if batch.state is BatchState.PROPOSED:
            bank.take(world.approve(batch.id))
    return sorted(bank.paid)


def history(world: BankWorld, reference: str) -> list[State]:
    return [event.state for event in world.store.events(reference[:26])]


@pytest.mark.parametrize("where", ["before", "after"])
def test_an_export_may_die_at_any_call_and_each_transfer_is_in_one_file(world, each_call, where):
    for act in each_call(where, more_than=5):
        references = [world.claimed(name) for name in ("ani", "budi")]
        act(world.propose)
        while world.propose() is not None:
            pass
        assert handed_over(world) == sorted(references)


def test_an_approval_may_die_at_any_call_and_the_file_is_the_same(world, monkeypatch):
    calls = Calls(monkeypatch)
    world.claimed("ani")
    batch = world.propose()
    raws = set()
    for where in ("before", "after"):
        at = 0
        while calls.dies(lambda: raws.add(world.approve(batch.id)), where, at):
            at += 1
    raws.add(world.approve(batch.id))
    assert len(raws) == 1
    assert world.bank_store.batch(batch.id).state is BatchState.APPROVED


@pytest.mark.parametrize("where", ["before", "after"])
def test_an_import_that_died_at_any_call_can_be_repeated(world, each_call, where):
    for act in each_call(where, more_than=8):
        batch, [paid, failed] = world.sent("ani", "budi")
        raw = pain002(batch, {paid: "ACSC", failed: "RJCT AB08"})
        world.bank_store.first_importer(failed, batch, rejection("RJCT_AB08", MAKER), world.now)
        act(partial(world.take_in, raw))
        assert world.take_in(raw).findings == []
        assert (history(world, paid), world.state(failed)) == (PAID, State.FAILED)


def test_two_exports_at_once_never_put_one_transfer_into_two_files(world, each_call):
    for act in each_call("before", more_than=5):
        references = [world.claimed(name) for name in ("ani", "budi")]
        act(world.propose, lambda: world.propose("arn:aws:iam::123456789012:user/other"))
        assert handed_over(world) == sorted(references)
        assert not [each for each in world.bank_store.batches() if each.state is BatchState.COLLECTING]


def test_two_imports_at_once_settle_once(world, each_call):
    for act in each_call("before", more_than=4):
        batch, [reference] = world.sent("ani")
        take_in = partial(world.take_in, pain002(batch, {reference: "ACSC"}))
        act(take_in, take_in)
        assert history(world, reference) == PAID
