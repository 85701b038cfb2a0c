"""`gelombang payout list|show|ask|sweep|compare`, and `address`: an account that waits or is disputed."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from chalicelib import wiring
from chalicelib.clock import iso
from chalicelib.config import Programme, Settings
from chalicelib.notices.rules import NoticeState
from chalicelib.payouts import service
from tests.builders.payouts.desk import Desk
from tests.builders.payouts.states import ANI
from tests.builders.payouts.world import World, incentive_id
from tests.builders.registration import ACCOUNT, SITI
from tests.conftest import T0

UNKNOWN = "Error: There is no such entitlement. (unknown_entitlement)"


def pay(world: World, name: str, account: str) -> str:
    entitlement = world.entitle(world.person(name, account))
    world.worker.process(entitlement, world.now)
    return entitlement


def test_equal_books_end_with_code_0_and_both_totals(desk, world):
    pay(world, "ani", "111111")
    pay(world, "budi", "222222")
    assert desk.told("compare", "--books", f"{world.sandbox.url}/sandbox/books") == [
        "ledger: 2 entitlements, 2 paid, Rp1.200.000; 0 unsettled",
        "provider: 2 payouts, Rp1.200.000 moved",
        "disagreements: 0",
    ]


def test_a_disagreement_is_named_and_ends_with_code_1(desk, world, tmp_path: Path):
    entitlement = pay(world, "ani", "111111")
    report = world.sandbox.books.report()
    report["payouts"][0]["amount"] = 599_999
    file = tmp_path / "books.json"
    file.write_text(json.dumps(report))
    assert desk.refused("compare", "--books", str(file)) == "disagreements: 1"
    told = f"amount: {entitlement}-1: ledger 600000, provider 599999\n"
    assert told in desk.run("compare", "--books", str(file)).output


@pytest.mark.parametrize("record", ["not json", '{"payouts": [{}]}', None])
def test_unreadable_books_are_one_line_and_code_1(desk, world, tmp_path, record):
    file = tmp_path / "books.json"
    if record is not None:
        file.write_text(record)
    said = desk.refused("compare", "--books", str(file))
    assert said.startswith("Error: the provider's record cannot be read")


def test_an_unreachable_provider_is_one_line_and_code_1(desk, world):
    said = desk.refused("compare", "--books", f"{world.sandbox.url}/nothing-here")
    assert said == "Error: the provider's record was answered with status 404"


def test_list_shows_states_and_can_be_narrowed(desk, world):
    paid = pay(world, "ani", "111111")
    failed = pay(world, "budi", "2220000")
    listed = desk.run("list").output.splitlines()
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
            assert tuple(line.split()[0] for line in desk.run("list", *words).output.splitlines()) == expected, words


def test_list_shows_the_reason_of_a_hold(desk, world):
    entitlement = world.entitle(world.person("ani"))
    world.administration.hold(entitlement, "arn", "why", world.now)
    assert desk.run("list", "--hold", "ADMIN").output.split()[:3] == [entitlement, "HELD(ADMIN)", "n=0"]
    assert desk.run("list", "--hold", "EXCLUDED").output == ""
    assert "'ADMINS' is not one of" in desk.run("list", "--hold", "ADMINS").output


def test_show_has_the_attempts_and_the_history_and_no_account(desk, world):
    entitlement = pay(world, "ani", "8887776665")
    output = desk.run("show", entitlement).output
    assert f"attempt 1  {entitlement}-1" in output
    assert "- -> DUE  n=0  entitled" in output
    assert "SENDING -> PAID  n=1  SUCCEEDED" in output
    assert "8887776665" not in output
    assert desk.refused("show", incentive_id("nobody")) == UNKNOWN


def test_asking_the_provider_records_a_reversal_that_a_comparison_found(desk, world):
    entitlement = pay(world, "ani", "111111")
    world.sandbox.books.reverse(f"{entitlement}-1")
    where = f"{world.sandbox.url}/sandbox/books"
    assert desk.run("compare", "--books", where).exit_code == 1
    assert desk.run("ask", entitlement).output == "queued; PAID now\n"
    assert [world.deliver(body) for body in world.messages()] == [True]
    assert desk.run("compare", "--books", where).exit_code == 0


def test_only_entitlements_of_the_ledger_can_be_asked_about(desk, world):
    assert desk.refused("ask", incentive_id("nobody")) == UNKNOWN
    assert world.messages() == []


def test_a_sweep_tells_how_many_it_queued(desk, world):
    world.entitle(world.person("ani"))
    world.later(days=1)
    assert desk.told("sweep") == ["1 queued"]


def test_a_sweep_that_does_nothing_is_an_error(desk, world, monkeypatch):
    monkeypatch.setattr(service, "BACKLOG_MAX", 0)
    world.payouts.queue.send([world.entitle(world.person("siti"))])
    assert "not swept: more than 1000 messages wait" in desk.refused("sweep")


LATER = T0 + timedelta(hours=1)
OTHER = "9876543210"


@pytest.fixture
def services(cloud: Settings, programme: Programme) -> wiring.Services:
    services = wiring.Services(cloud, programme, lambda: T0)
    services.register("siti", SITI, T0)
    return services


@pytest.fixture
def helpdesk(services: wiring.Services, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(SimpleNamespace(services=services, now=LATER), monkeypatch)


def shown(helpdesk: Desk) -> list[str]:
    return helpdesk.told("address", "show", "siti")


def settle(helpdesk: Desk, version: int, reason: str = "called them") -> list[str]:
    return helpdesk.told("address", "settle", "siti", "--version", str(version), "--reason", reason)


def give(services: wiring.Services, number: str) -> None:
    services.registrations.addresses.set("siti", replace(ACCOUNT, account_number=number), T0)


def acts(services: wiring.Services) -> list[tuple[str, str, str, str]]:
    return [(act.deed, act.about, act.by, act.note) for act in services.payout_administration.acts(5)]


def test_the_command_shows_whether_an_account_waits_or_is_disputed_but_not_the_account(helpdesk, services):
    assert shown(helpdesk) == ["address: version 0", "change: not disputed"]
    give(services, ACCOUNT.account_number)
    assert shown(helpdesk) == ["address: version 1", "change: not disputed"]
    give(services, OTHER)
    services.registration_store.dispute("siti", LATER)
    pay_from = services.registrations.addresses.waiting("siti").pay_from
    assert shown(helpdesk) == [
        f"address: version 2, paid to from {iso(pay_from)}",
        f"change: disputed since {iso(LATER)}",
    ]
    for secret in (ACCOUNT.account_number, OTHER, SITI.name, SITI.nik):
        assert secret not in str(shown(helpdesk))


def test_the_command_shows_that_nobody_could_be_told_of_a_change(helpdesk, services):
    for number in (ACCOUNT.account_number, OTHER):
        give(services, number)
    told = services.mailboxes.notice("siti", "address_changed/2")
    assert services.mailboxes.move(told, NoticeState.NO_ADDRESS, LATER)
    assert shown(helpdesk) == ["address: version 2, not paid to: its person could not be told", "change: not disputed"]
    assert settle(helpdesk, 2) == ["settled"]
    assert shown(helpdesk) == ["address: version 2", "change: not disputed"]


def test_an_administrator_confirms_exactly_one_version_of_an_address(helpdesk, services):
    give(services, ACCOUNT.account_number)
    give(services, OTHER)
    services.registration_store.dispute("siti", LATER)
    before = shown(helpdesk)
    overtaken = helpdesk.refused("address", "settle", "siti", "--version", "1", "--reason", "called them")
    assert overtaken == "Error: the address was changed since: look again"
    assert shown(helpdesk) == before
    assert settle(helpdesk, 2, "called them back") == ["settled"]
    assert shown(helpdesk) == ["address: version 2", "change: not disputed"]
    assert set(acts(services)) == {
        ("SETTLE_ADDRESS", "siti version 1", ANI, "called them"),
        ("SETTLE_ADDRESS", "siti version 2", ANI, "called them back"),
    }
    assert settle(helpdesk, 2, "again") == ["settled"], "again it changes nothing"


def test_a_dispute_without_an_account_can_be_ended_too(helpdesk, services):
    services.registration_store.dispute("siti", LATER)
    assert settle(helpdesk, 0) == ["settled"]
    assert shown(helpdesk) == ["address: version 0", "change: not disputed"]


@pytest.mark.parametrize(
    "words",
    [
        ("settle", "siti", "--version", "1"),
        ("settle", "siti", "--reason", "called them"),
        ("settle", "siti", "--version", "-1", "--reason", "called them"),
        ("show",),
    ],
)
def test_a_command_without_its_version_or_reason_does_nothing(helpdesk, services, words):
    assert helpdesk.run("address", *words).exit_code == 2
    assert acts(services) == []


@pytest.mark.parametrize("words", [("show",), ("settle", "--version", "1", "--reason", "called them")])
def test_an_unknown_person_is_an_error_and_changes_nothing(helpdesk, services, words):
    said = helpdesk.refused("address", *words, "nobody")
    assert said.startswith("Error: ")
    assert said.endswith("(not_registered)")
    assert acts(services) == []
