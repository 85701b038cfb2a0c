"""`gelombang payout address`: what is shown of an account that waits or is disputed, and who may let it be paid to."""

from __future__ import annotations

from datetime import timedelta
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from admin.cli import main
from admin.commands.payouts import address
from admin.deployment import stages
from chalicelib import wiring
from chalicelib.clock import iso
from chalicelib.config import Programme, Settings
from chalicelib.notices.rules import NoticeState
from tests.builders.registration import ACCOUNT, SITI
from tests.conftest import T0

ANI = "arn:aws:sts::123456789012:assumed-role/helpdesk/ani@example.go.id"
LATER = T0 + timedelta(hours=1)
OTHER = "9876543210"


@pytest.fixture
def services(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> wiring.Services:
    services = wiring.Services(cloud, programme, lambda: T0)
    services.register("siti", SITI, T0)
    monkeypatch.setattr(stages, "load", lambda _: SimpleNamespace(services=services))
    monkeypatch.setattr(stages, "caller", lambda: ANI)
    monkeypatch.setattr(address, "utc_now", lambda: LATER)
    return services


def run(*words: str) -> Result:
    result = CliRunner().invoke(main, ["payout", "address", *words, "--stage", "test"])
    assert result.exception is None or isinstance(result.exception, SystemExit), result.exception
    return result


def shown() -> list[str]:
    result = run("show", "siti")
    assert result.exit_code == 0, result.output
    return result.output.splitlines()


def settle(version: int, *more: str) -> Result:
    return run("settle", "siti", "--version", str(version), *more)


def give(services: wiring.Services, number: str) -> None:
    from msgspec.structs import replace

    services.registrations.set_financial_address("siti", replace(ACCOUNT, account_number=number), T0)


def acts(services: wiring.Services) -> list[tuple[str, str, str, str]]:
    return [(act.deed, act.about, act.by, act.note) for act in services.payout_administration.acts(5)]


def test_it_is_shown_whether_an_account_waits_and_is_disputed_and_never_which_it_is(services):
    assert shown() == ["address: version 0", "change: not disputed"]
    give(services, ACCOUNT.account_number)
    assert shown() == ["address: version 1", "change: not disputed"]
    give(services, OTHER)
    services.registrations.dispute("siti", LATER)
    _, pay_from, _ = services.registrations.waiting_address("siti")
    assert pay_from is not None
    assert shown() == [
        f"address: version 2, paid to from {iso(pay_from)}",
        f"change: disputed since {iso(LATER)}",
    ]
    for secret in (ACCOUNT.account_number, OTHER, SITI.name, SITI.nik):
        assert secret not in run("show", "siti").output


def test_it_is_shown_that_nobody_could_be_told_of_a_change(services):
    for number in (ACCOUNT.account_number, OTHER):
        give(services, number)
    told = services.mailboxes.notice("siti", "address_changed/2")
    assert services.mailboxes.move(told, NoticeState.NO_ADDRESS, LATER)
    assert shown() == ["address: version 2, not paid to: its person could not be told", "change: not disputed"]
    assert settle(2, "--reason", "called them back").exit_code == 0
    assert shown() == ["address: version 2", "change: not disputed"]


def test_who_made_sure_lets_just_that_version_be_paid_to_and_the_journal_says_so(services):
    give(services, ACCOUNT.account_number)
    give(services, OTHER)
    services.registrations.dispute("siti", LATER)
    before = shown()
    overtaken = settle(1, "--reason", "called them")
    assert overtaken.exit_code == 1, overtaken.exception
    assert overtaken.output.splitlines() == ["Error: the address was changed since: look again"]
    assert shown() == before
    done = settle(2, "--reason", "called them back")
    assert (done.exit_code, done.output) == (0, "settled\n")
    assert shown() == ["address: version 2", "change: not disputed"]
    assert set(acts(services)) == {
        ("SETTLE_ADDRESS", "siti version 1", ANI, "called them"),
        ("SETTLE_ADDRESS", "siti version 2", ANI, "called them back"),
    }
    assert settle(2, "--reason", "again").exit_code == 0, "again it changes nothing"


def test_a_dispute_of_who_has_no_account_ends_too(services):
    services.registrations.dispute("siti", LATER)
    assert settle(0, "--reason", "called them").output == "settled\n"
    assert shown() == ["address: version 0", "change: not disputed"]


@pytest.mark.parametrize(
    "words",
    [
        ("settle", "siti", "--version", "1"),
        ("settle", "siti", "--reason", "called them"),
        ("settle", "siti", "--version", "-1", "--reason", "called them"),
        ("show",),
    ],
)
def test_a_command_without_its_version_or_reason_does_nothing(services, words):
    result = run(*words)
    assert result.exit_code == 2
    assert "Traceback" not in result.output
    assert acts(services) == []


@pytest.mark.parametrize("words", [("show",), ("settle", "--version", "1", "--reason", "called them")])
def test_nobody_of_that_name_is_a_sentence_and_no_act(services, words):
    result = run(*words, "nobody")
    assert result.exit_code == 1
    assert result.output.startswith("Error: ")
    assert result.output.endswith("(not_registered)\n")
    assert acts(services) == []
