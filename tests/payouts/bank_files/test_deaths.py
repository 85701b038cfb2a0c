"""Exports, approvals and imports that die at any call, or meet another at the same time."""

from __future__ import annotations

from functools import partial

import pytest

from chalicelib.config import Programme, Settings
from chalicelib.payouts.bank_files.store import BatchState
from chalicelib.payouts.rules import State
from tests.builders.crashes import Calls, Crash, die
from tests.builders.payouts.bank import MAKER, BankBooks, BankWorld, pain002, rejection


@pytest.fixture
def world(cloud: Settings, programme: Programme) -> BankWorld:
    return BankWorld(cloud, programme)


@pytest.mark.parametrize("where", ["before", "after"])
def test_an_export_may_die_at_any_call_and_each_transfer_is_in_one_file(world, monkeypatch, where):
    calls = Calls(monkeypatch)
    at = 0
    while True:
        world.wipe()
        references = {world.claimed(name) for name in ("ani", "budi")}
        bank = BankBooks()
        died = calls.dies(world.propose, where, at)
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
        raw = pain002(batch, {paid: "ACSC", failed: "RJCT AB08"})
        world.bank_store.first_importer(failed, batch, rejection("RJCT_AB08", MAKER), world.now)
        died = calls.dies(partial(world.take_in, raw), where, at)
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
