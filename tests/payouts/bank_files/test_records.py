"""What is kept of a bank file, what is logged of it, and what its refusals say."""

from __future__ import annotations

import logging
from datetime import timedelta

import pytest

from chalicelib.config import Programme, Settings
from chalicelib.payouts.bank_files.store import BatchState
from chalicelib.payouts.errors import BatchDiffers, BatchNotNow, BatchOutdated
from chalicelib.payouts.rules import Move, State
from tests.builders.payouts.bank import CHECKER, MAKER, BankWorld, pain002


@pytest.fixture
def world(cloud: Settings, programme: Programme) -> BankWorld:
    return BankWorld(cloud, programme)


def logged(caplog: pytest.LogCaptureFixture, message: str) -> list[dict[str, object]]:
    names = ("batch", "by", "sha256", "state")
    return [
        {name: getattr(record, name) for name in names if hasattr(record, name)}
        for record in caplog.records
        if record.message == message
    ]


def test_who_approved_a_file_and_when_is_kept_and_logged_once(world, caplog):
    caplog.set_level(logging.INFO, "chalicelib.payouts")
    world.claimed("ani")
    batch = world.propose()
    world.later(hours=1)
    world.approve(batch.id)
    world.later(hours=1)
    world.approve(batch.id)
    kept = world.bank_store.batch(batch.id)
    assert (kept.state, kept.decided_by) == (BatchState.APPROVED, CHECKER)
    assert kept.decided_at == world.now - timedelta(hours=1)
    assert logged(caplog, "bank_file_approved") == [{"batch": batch.id, "by": CHECKER, "sha256": batch.sha256}]


def test_who_gave_a_file_up_and_when_is_kept_and_logged(world, caplog):
    caplog.set_level(logging.INFO, "chalicelib.payouts")
    world.claimed("ani")
    batch = world.propose()
    world.later(hours=1)
    given_up = world.files.reject(batch.id, MAKER, world.now)
    assert world.bank_store.batch(batch.id) == given_up
    assert (given_up.state, given_up.decided_by, given_up.decided_at) == (BatchState.REJECTED, MAKER, world.now)
    assert logged(caplog, "bank_file_given_up") == [{"batch": batch.id, "by": MAKER, "state": "REJECTED"}]


def test_a_refusal_names_the_file_what_was_wanted_and_where_it_stands(world):
    world.claimed("ani")
    batch = world.propose()
    with pytest.raises(BatchDiffers) as differs:
        world.files.approve(batch.id, CHECKER, lambda order: world.write(order) + b" ", world.now)
    assert differs.value.facts == {"batch": batch.id, "what": "sha256"}
    world.files.reject(batch.id, MAKER, world.now)
    facts = {"batch": batch.id, "state": "REJECTED"}
    with pytest.raises(BatchNotNow) as approving:
        world.approve(batch.id)
    assert approving.value.facts == facts | {"action": "approve"}
    with pytest.raises(BatchNotNow) as rejecting:
        world.files.reject(batch.id, MAKER, world.now)
    assert rejecting.value.facts == facts | {"action": "reject"}


def test_a_file_that_is_out_of_date_says_how_many_of_it_are(world):
    one, two = world.claimed("ani"), world.claimed("budi")
    batch = world.propose()
    for each in (one, two):
        world.store.move(world.store.get(each[:26]), Move(State.PAID, "decided_paid"), world.now)
    with pytest.raises(BatchOutdated) as outdated:
        world.approve(batch.id)
    assert outdated.value.facts == {"batch": batch.id, "moved": 2}


def test_a_finding_says_on_which_line_it_is_and_in_the_banks_word(world):
    batch, [reference] = world.sent("ani")
    [found] = world.take_in(pain002(batch, {reference: "XXXX"})).findings
    assert (found.word, found.reference) == ("XXXX", reference)
    assert found.number > 0
