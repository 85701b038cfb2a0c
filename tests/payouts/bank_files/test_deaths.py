"""Exports, approvals and imports that die at any call, or meet another at the same time."""

from __future__ import annotations

from functools import partial

import pytest

from chalicelib.payouts.bank_files.store import BatchState
from chalicelib.payouts.rules import State
from tests.builders.crashes import Calls
from tests.builders.payouts.bank import MAKER, BankBooks, BankWorld, pain002, rejection

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
def test_an_import_may_die_at_any_call_and_is_simply_done_again(world, each_call, where):
    for act in each_call(where, more_than=8):
        batch, [paid, failed] = world.sent("ani", "budi")
        raw = pain002(batch, {paid: "ACSC", failed: "RJCT AB08"})
        world.bank_store.first_importer(failed, batch, rejection("RJCT_AB08", MAKER), world.now)
        act(partial(world.take_in, raw))
        assert world.take_in(raw).findings == ()
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
