"""`gelombang payout list|show|ask|sweep|compare`, and `address`: an account that waits or is disputed."""

from __future__ import annotations

import json
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from msgspec.structs import replace

from admin import client
from admin import desk as at_desk
from chalicelib import wiring
from chalicelib.clock import iso
from chalicelib.config import Programme, Settings
from chalicelib.notices.rules import NoticeState
from tests.builders.payouts.desk import Desk
from tests.builders.payouts.states import ANI
from tests.builders.payouts.world import World, incentive_id
from tests.builders.registration import ACCOUNT, SITI
from tests.conftest import T0

UNKNOWN = "Error: There is no such entitlement. (unknown_entitlement "


def pay(world: World, name: str, account: str) -> str:
    entitlement = world.entitle(world.person(name, account))
    world.worker.process(entitlement, world.now)
    return entitlement


def test_equal_books_end_with_code_0_and_both_totals(desk, world):
    pay(world, "ani", "111111")
    pay(world, "budi", "222222")
    assert desk.found("compare", "--books", f"{world.sandbox.url}/sandbox/books") == {
        "ledger_entitlements": 2,
        "ledger_paid": 2,
        "ledger_paid_idr": 1_200_000,
        "ledger_unsettled": 0,
        "provider_payouts": 2,
        "provider_moved_idr": 1_200_000,
        "disagreements": [],
    }


def test_a_disagreement_is_named_and_ends_with_code_1(desk, world, tmp_path: Path):
    entitlement = pay(world, "ani", "111111")
    report = world.sandbox.books.report()
    report["payouts"][0]["amount"] = 599_999
    file = tmp_path / "books.json"
    file.write_text(json.dumps(report))
    told = desk.refused("compare", "--books", str(file))
    assert told.split() == ["amount", f"{entitlement}-1", "600000", "599999"]


@pytest.mark.parametrize("record", ["not json", '{"payouts": [{}]}', None])
def test_unreadable_books_are_one_line_and_code_1(desk, world, tmp_path, record):
    file = tmp_path / "books.json"
    if record is not None:
        file.write_text(record)
    said = desk.refused("compare", "--books", str(file))
    why = "cannot be read: No such file or directory" if record is None else "is not of the form that `compare` reads"
    assert said == f"Error: the provider's record {file} {why}"


def test_an_unreachable_provider_is_one_line_and_code_1(desk, world):
    said = desk.refused("compare", "--books", f"{world.sandbox.url}/nothing-here")
    assert said == "Error: the provider's record was answered with status 404"


@pytest.mark.parametrize(("rows", "seconds"), [(2, 15), (100, -1)], ids=["enough rows", "no time"])
def test_a_list_that_is_too_long_for_one_answer_comes_in_several(desk, world, monkeypatch, rows, seconds):
    owed = {world.entitle(world.person(f"person-{number}")) for number in range(5)}
    whole, asked = desk.found("list"), client.ask
    answers = []
    monkeypatch.setattr(at_desk, "ROWS_MAX", rows)
    monkeypatch.setattr(at_desk, "STEPS_S", seconds)
    monkeypatch.setattr(client, "ask", lambda *words: answers.append(asked(*words)) or answers[-1])
    assert desk.found("list") == whole
    assert {row["id"] for row in whole} == owed
    assert len(answers) > 2
    assert desk.found("status")["today"][0]["payments"] == 0


def test_list_shows_states_and_can_be_narrowed(desk, world):
    paid = pay(world, "ani", "111111")
    failed = pay(world, "budi", "2220000")
    listed = {row["id"]: (row["state"], row["hold"], row["attempts"]) for row in desk.found("list")}
    assert listed == {paid: ("PAID", None, 1), failed: ("HELD", "ACCOUNT_REFUSED", 1)}
    assert desk.told("list")[0].split() == ["id", "state", "hold", "attempts", "amount", "kind", "wave", "since"]
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
            assert tuple(row["id"] for row in desk.found("list", *words)) == expected, words


def test_list_shows_the_reason_of_a_hold(desk, world):
    entitlement = world.entitle(world.person("ani"))
    world.administration.hold(entitlement, "arn", "why", world.now)
    assert [(row["id"], row["hold"]) for row in desk.found("list", "--hold", "ADMIN")] == [(entitlement, "ADMIN")]
    assert desk.told("list", "--hold", "EXCLUDED") == ["no entitlement is like that"]
    assert "'ADMINS' is not one of" in desk.run("list", "--hold", "ADMINS").output


def test_show_has_the_attempts_and_the_history_and_no_account(desk, world):
    entitlement = pay(world, "ani", "8887776665")
    output = desk.run("show", entitlement).output
    assert "8887776665" not in output
    shown = desk.found("show", entitlement)
    assert [one["reference"] for one in shown["sent"]] == [f"{entitlement}-1"]
    steps = [(one["before"], one["state"], one["attempts"], one["because"]) for one in shown["history"]]
    assert (steps[0], steps[-1]) == ((None, "DUE", 0, "entitled"), ("SENDING", "PAID", 1, "SUCCEEDED"))
    assert desk.refused("show", incentive_id("nobody")).startswith(UNKNOWN)


def test_asking_the_provider_records_a_reversal_that_a_comparison_found(desk, world):
    entitlement = pay(world, "ani", "111111")
    world.sandbox.books.reverse(f"{entitlement}-1")
    where = f"{world.sandbox.url}/sandbox/books"
    assert desk.run("compare", "--books", where).exit_code == 1
    asked = desk.found("ask", entitlement)
    assert (asked["done"], asked["state"]) == ("queued", "PAID")
    assert [world.deliver(body) for body in world.messages()] == [True]
    assert desk.run("compare", "--books", where).exit_code == 0


def test_only_entitlements_of_the_ledger_can_be_asked_about(desk, world):
    assert desk.refused("ask", incentive_id("nobody")).startswith(UNKNOWN)
    assert world.messages() == []


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


def shown(helpdesk: Desk) -> dict[str, object]:
    return helpdesk.found("address", "show", "siti")


def settle(helpdesk: Desk, version: int, reason: str = "called them") -> dict[str, object]:
    return helpdesk.found("address", "settle", "siti", "--version", str(version), "--reason", reason)


def standing(version: int | None, pay_from: object = None, disputed: object = None, *, untold: bool = False) -> object:
    address = {"address_version": version, "paid_to_from": pay_from, "person_could_not_be_told": untold}
    return {"registrant": "siti"} | address | {"disputed_since": disputed}


def give(services: wiring.Services, number: str) -> None:
    services.registrations.addresses.set("siti", replace(ACCOUNT, account_number=number), T0)


def acts(services: wiring.Services) -> list[tuple[str, str, str, str]]:
    return [(act.deed, act.about, act.by, act.note) for act in services.payout_administration.acts(5)]


def test_the_command_shows_whether_an_account_waits_or_is_disputed_but_not_the_account(helpdesk, services):
    assert shown(helpdesk) == standing(None)
    give(services, ACCOUNT.account_number)
    assert shown(helpdesk) == standing(1)
    give(services, OTHER)
    services.address_store.dispute("siti", LATER)
    pay_from = services.registrations.addresses.waiting("siti").pay_from
    assert shown(helpdesk) == standing(2, iso(pay_from), iso(LATER))
    for secret in (ACCOUNT.account_number, OTHER, SITI.name, SITI.nik):
        assert secret not in str(shown(helpdesk))


def test_the_command_shows_that_nobody_could_be_told_of_a_change(helpdesk, services):
    for number in (ACCOUNT.account_number, OTHER):
        give(services, number)
    told = services.mailboxes.notice("siti", "address_changed/2")
    assert services.mailboxes.move(told, NoticeState.NO_ADDRESS, LATER)
    assert shown(helpdesk) == standing(2, untold=True)
    assert settle(helpdesk, 2) == standing(2)


def test_an_administrator_confirms_exactly_one_version_of_an_address(helpdesk, services):
    give(services, ACCOUNT.account_number)
    give(services, OTHER)
    services.address_store.dispute("siti", LATER)
    before = shown(helpdesk)
    overtaken = helpdesk.refused("address", "settle", "siti", "--version", "1", "--reason", "called them")
    assert overtaken.startswith("Error: version 1 is not the present one, and nothing was settled")
    assert shown(helpdesk) == before
    assert settle(helpdesk, 2, "called them back") == standing(2)
    assert set(acts(services)) == {
        ("SETTLE_ADDRESS", "siti version 1", ANI, "called them"),
        ("SETTLE_ADDRESS", "siti version 2", ANI, "called them back"),
    }
    assert settle(helpdesk, 2, "again") == standing(2), "again it changes nothing"


def test_a_dispute_without_an_account_can_be_ended_too(helpdesk, services):
    services.address_store.dispute("siti", LATER)
    assert settle(helpdesk, 0) == standing(None)


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
    assert "(not_registered registrant=nobody)" in said
    assert acts(services) == []
