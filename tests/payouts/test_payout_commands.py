"""`gelombang payout`, on the services it asks."""

from __future__ import annotations

import json
from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from admin.commands.payouts.payout import payout
from admin.deployment import stages
from chalicelib.config import Programme, Settings
from chalicelib.payouts import service
from tests.builders.payouts.world import World, incentive_id, running

UNKNOWN = "Error: There is no such entitlement. (unknown_entitlement)\n"


@pytest.fixture
def world(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with running(World(cloud, programme)) as world:

        def load(name: str) -> SimpleNamespace:
            assert name == "test"
            return SimpleNamespace(services=world.services)

        monkeypatch.setattr(stages, "load", load)
        yield world


def run(*words: str) -> Result:
    return CliRunner().invoke(payout, [*words[:1], "--stage", "test", *words[1:]])


def pay(world: World, name: str, account: str) -> str:
    entitlement = world.entitle(world.person(name, account))
    world.worker.process(entitlement, world.now)
    return entitlement


def test_equal_books_end_with_code_0_and_both_totals(world):
    pay(world, "ani", "111111")
    pay(world, "budi", "222222")
    result = run("compare", "--books", f"{world.sandbox.url}/sandbox/books")
    assert result.exit_code == 0
    assert result.output.splitlines() == [
        "ledger: 2 entitlements, 2 paid, Rp1.200.000; 0 unsettled",
        "provider: 2 payouts, Rp1.200.000 moved",
        "disagreements: 0",
    ]


def test_a_disagreement_is_named_and_ends_with_code_1(world, tmp_path: Path):
    entitlement = pay(world, "ani", "111111")
    report = world.sandbox.books.report()
    report["payouts"][0]["amount"] = 599_999
    file = tmp_path / "books.json"
    file.write_text(json.dumps(report))
    result = run("compare", "--books", str(file))
    assert result.exit_code == 1
    assert f"amount: {entitlement}-1: ledger 600000, provider 599999" in result.output
    assert result.output.endswith("disagreements: 1\n")


@pytest.mark.parametrize("record", ["not json", '{"payouts": [{}]}', None])
def test_a_record_that_cannot_be_read_is_one_line_and_code_1(world, tmp_path, record):
    file = tmp_path / "books.json"
    if record is not None:
        file.write_text(record)
    result = run("compare", "--books", str(file))
    assert result.exit_code == 1
    assert result.output.startswith("Error: the provider's record cannot be read")


def test_a_provider_that_is_not_there_is_one_line_and_code_1(world):
    result = run("compare", "--books", f"{world.sandbox.url}/nothing-here")
    assert (result.exit_code, result.output) == (1, "Error: the provider's record was answered with status 404\n")


def test_list_shows_states_and_can_be_narrowed(world):
    paid = pay(world, "ani", "111111")
    failed = pay(world, "budi", "2220000")
    listed = run("list").output.splitlines()
    assert sorted(line.split()[:3] for line in listed) == sorted(
        [[paid, "PAID", "n=1"], [failed, "HELD(ACCOUNT_REFUSED)", "n=1"]]
    )
    narrowed = {
        (paid,): [
            ("--state", "paid"),
            ("--state", "PAID", "--wave", "143"),
            ("--kind", "incentive", "--state", "paid"),
        ],
        (failed,): [("--state", "held"), ("--hold", "account_refused")],
        (): [("--wave", "54"), ("--kind", "SURVEY_1"), ("--hold", "admin")],
    }
    for expected, options in narrowed.items():
        for words in options:
            assert tuple(line.split()[0] for line in run("list", *words).output.splitlines()) == expected, words


def test_list_says_why_what_is_held_is_held(world):
    entitlement = world.entitle(world.person("ani"))
    world.administration.hold(entitlement, "arn", "why", world.now)
    assert run("list", "--hold", "ADMIN").output.split()[:3] == [entitlement, "HELD(ADMIN)", "n=0"]
    assert run("list", "--hold", "EXCLUDED").output == ""
    assert "'ADMINS' is not one of" in run("list", "--hold", "ADMINS").output


def test_show_has_the_attempts_and_the_history_and_no_account(world):
    entitlement = pay(world, "ani", "8887776665")
    output = run("show", entitlement).output
    assert f"attempt 1  {entitlement}-1" in output
    assert "- -> DUE  n=0  entitled" in output
    assert "SENDING -> PAID  n=1  SUCCEEDED" in output
    assert "8887776665" not in output
    refused = run("show", incentive_id("nobody"))
    assert (refused.exit_code, refused.output) == (1, UNKNOWN)


def test_a_reversal_that_a_comparison_found_is_learnt_by_asking(world):
    entitlement = pay(world, "ani", "111111")
    world.sandbox.books.reverse(f"{entitlement}-1")
    where = f"{world.sandbox.url}/sandbox/books"
    assert run("compare", "--books", where).exit_code == 1
    assert run("ask", entitlement).output == "queued; PAID now\n"
    assert [world.deliver(body) for body in world.messages()] == [True]
    assert run("compare", "--books", where).exit_code == 0


def test_only_what_the_ledger_has_can_be_asked_about(world):
    assert run("ask", incentive_id("nobody")).output == UNKNOWN
    assert world.messages() == []


def test_a_sweep_tells_how_many_it_queued(world):
    world.entitle(world.person("ani"))
    world.later(days=-1)
    assert run("sweep").output == "1 queued\n", "by the present time, long after the entitlement's"


def test_a_sweep_that_does_nothing_is_an_error(world, monkeypatch):
    monkeypatch.setattr(service, "BACKLOG_MAX", 0)
    world.payouts.enqueue(world.entitle(world.person("siti")))
    swept = run("sweep")
    assert swept.exit_code == 1
    assert "not swept: more than 1000 messages wait" in swept.output
