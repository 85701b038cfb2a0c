"""The whole command line: changing commands ask for a reason and record who; unknown things are errors."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path
from types import SimpleNamespace

import click
import pytest

from admin import desk
from admin.cli import main
from admin.deployment import stages
from chalicelib.aws.admin_acts import Act
from chalicelib.clock import iso
from chalicelib.config import Programme, Settings
from chalicelib.wiring import Services
from tests.builders.commands import Terminal
from tests.builders.training import ANI
from tests.conftest import T0

terminal = Terminal()


READS = {
    "course history", "dlq list",
    "draw progress", "draw verify", "draw watch", "exclusion list", "exclusion show", "grievance list",
    "inbox", "journal verify", "keys list",
    "partner list", "payout ceiling show", "payout compare",
    "payout export list", "payout ledger", "payout list", "payout status", "payout written-off", "programme check",
    "programme diff",
    "programme list", "registry list", "roster show", "statistics show", "status",
    "wave history", "wave list", "wave schemes", "wave show",
}  # fmt: skip
"""They change nothing."""

WITHOUT = {
    "deploy": "CloudFormation keeps who changed a stack",
    "destroy": "CloudFormation keeps who deleted a stack",
    "programme promises": "takes away what nobody was promised, and what a deployment promised anew it records again",
    "trigger": "a function does what is due, and nothing else",
    "registration enlist": "queues questions to the civil registry, and nothing else",
    "registry export": "the batch keeps who wrote it, and the reason of who proposed it",
    "registry import": "the batch keeps who imported its answer",
    "registry approve": "the batch keeps who approved it",
    "payout ask": "queues one entitlement again",
    "payout reconcile": "does what the night does, and nothing else",
    "dlq redrive": "sends a message of ours again, whose reader decides anew",
    "draw hand-in": "a signature proves itself, whoever hands it in",
    "draw witness add": "a signature proves itself, whoever hands it in",
    "draw witness keygen": "writes a file of one's own",
    "draw witness sign": "writes a file of one's own",
    "payout export approve": "approves what was proposed with a reason",
    "payout import": "the bank's report is the reason; each line is kept with who imported it",
    "payout approve": "carries the reason of what was proposed",
    "payout plan approve": "carries the reason of what was proposed",
    "account recover approve": "carries the reason of what was proposed",
    "registration approve": "carries the reason of what was proposed",
    "roster approve": "carries the reason of what was proposed",
    "partner approve": "carries the reason of who added the office",
    "exclusion approve": "carries the reason of who proposed to retract the list",
    "course approve": "carries the reason of what was proposed",
    "grievance answer": "the answer is the reason, kept with who gave it",
    "grievance escalate": "the note is the reason, kept with who wrote it",
}
"""What changes something and asks for no reason, and why not."""


def leaves(group: click.Group, path: str = "") -> Iterator[tuple[str, click.Command]]:
    for name, command in group.commands.items():
        if isinstance(command, click.Group):
            yield from leaves(command, f"{path}{name} ")
        else:
            yield f"{path}{name}", command


COMMANDS = dict(leaves(main))


@pytest.mark.parametrize("name", sorted(COMMANDS.keys() - READS - WITHOUT.keys()))
def test_a_command_that_changes_something_takes_a_reason(name: str) -> None:
    (reason,) = (one for one in COMMANDS[name].params if one.name == "reason")
    assert reason.required or name == "payout retry", "which needs one where two people decide"


def test_no_command_that_takes_a_reason_is_on_the_list_of_exceptions() -> None:
    asked = {name for name, command in COMMANDS.items() if any(one.name == "reason" for one in command.params)}
    assert asked & (READS | WITHOUT.keys()) == set()
    assert (READS | WITHOUT.keys()) - COMMANDS.keys() == set()


@pytest.fixture
def services(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> Services:
    built = Services(cloud, programme, lambda: T0)
    monkeypatch.setattr(stages, "load", lambda _: SimpleNamespace(name="test", services=built, settings=cloud))
    monkeypatch.setattr(stages, "caller", lambda: ANI)
    return built


WHY = ("--reason", "trial")
TIMES = ("--opens-at", "2027-11-25T12:00:00Z", "--closes-at", "2027-11-25T13:00:00Z")
NOBODY = "a" * 26
NUMBER = "aaaa-aaaa-aaaa-aaaa"


@pytest.mark.parametrize(
    "words",
    [
        ("mailbox", "show", "nonsense"),
        ("account", "recover", "show", "nobody"),
        ("account", "recover", "cancel", "nobody", *WHY),
        ("payout", "address", "show", "nobody"),
        ("payout", "address", "settle", "nobody", "--version", "1", *WHY),
        ("exclusion", "show", "--list", "nonsense", "--version", "1"),
        ("exclusion", "retract", "--list", "nonsense", "--version", "1", *WHY),
        ("draw", "watch", "999", "--once"),
        ("draw", "audit-sample", "999"),
        ("mailbox", "reopen", "nonsense", *WHY),
        ("partner", "revoke", NOBODY, *WHY),
        ("wave", "show", "3"),
        ("wave", "show", "100001"),
        ("wave", "skip", "100001", *WHY),
        ("wave", "move", "100001", *TIMES, *WHY),
        ("wave", "resize", "100001", "--quota", "1", *WHY),
        ("payout", "ceiling", "show", "--wave", "9999", "--kind", "incentive"),
        ("payout", "ceiling", "set", "5", "--wave", "9999", "--kind", "incentive", "--was", "60000000000", *WHY),
        ("payout", "ceiling", "set", "5", "--wave", "3", "--kind", "survey_1", "--was", "60000000000", *WHY),
        ("payout", "ceiling", "set", "5", "--wave", "-1", "--kind", "incentive", "--was", "60000000000", *WHY),
        ("payout", "ceiling", "set", "5", "--wave", "100001", "--kind", "incentive", "--was", "60000000000", *WHY),
        ("payout", "show", NOBODY),
        ("payout", "ask", NOBODY),
        ("payout", "hold", NOBODY, *WHY),
        ("payout", "release", NOBODY, *WHY),
        ("payout", "cancel", NOBODY, *WHY),
        ("payout", "retry", NOBODY, *WHY),
        ("payout", "resolve", NOBODY, "--as", "PAID", *WHY),
        ("payout", "reverse", NOBODY, *WHY),
        ("payout", "write-off", NOBODY, *WHY),
        ("payout", "approve", NOBODY, "--yes"),
        ("payout", "reject", NOBODY, *WHY),
        ("dlq", "show", "nonsense"),
        ("dlq", "redrive", "nonsense"),
        ("grievance", "show", NUMBER),
        ("grievance", "answer", NUMBER, "--text", "a"),
        ("grievance", "escalate", NUMBER, "--note", "a"),
        ("registration", "show", "nobody"),
        ("registration", "approve", "nobody", "--yes"),
        ("registration", "reject", "nobody", *WHY),
        ("statistics", "show", "--wave", "999"),
        ("draw", "hand-in", "999", "00" * 48),
        ("draw", "witness", "add", "999", "x"),
    ],
    ids=" ".join,
)
def test_a_command_about_a_thing_that_does_not_exist_fails_and_changes_nothing(
    services: Services, words: tuple[str, ...]
) -> None:
    answer = terminal.run(*words)
    assert answer.exit_code == 1, answer.output
    assert answer.exception is not None
    assert "Error: " in answer.output
    assert services.payout_administration.acts(1) == []


def test_the_calendar_records_each_change_and_lists_skipped_waves(services: Services) -> None:
    assert terminal.run("wave", "add", *TIMES, "--quota", "5", "--reason", "a pilot").exit_code == 0
    assert terminal.run("wave", "resize", "100001", "--quota", "9", "--reason", "more money").exit_code == 0
    assert terminal.run("wave", "skip", "100001", "--reason", "the pilot is off").exit_code == 0
    listed = terminal.run("wave", "list").output.splitlines()
    assert listed[-1].split()[:6] == ["100001", "SKIPPED", "Thu", "2027-11-25", "19:00:00", "WIB"]
    shown = terminal.found("wave", "show", "100001")
    assert (shown["wave"], shown["state"]) == (100001, "SKIPPED")
    assert [act["reason"] for act in shown["changes"]] == ["the pilot is off", "more money", "a pilot"]
    assert {act["by"] for act in shown["changes"]} == {ANI}
    assert terminal.found("wave", "history") == shown["changes"]
    again = terminal.run("wave", "move", "100001", *TIMES, "--reason", "on again")
    assert again.exit_code == 0
    assert "SKIPPED" not in terminal.run("wave", "list").output
    # What is refused leaves no line.
    assert terminal.run("wave", "skip", "54", "--reason", "too late").exit_code == 1
    assert "too late" not in terminal.run("wave", "history").output


def test_changes_of_partners_mailboxes_and_past_totals_are_recorded(services: Services, tmp_path: Path) -> None:
    added = terminal.found("partner", "add", "Pelatihan Jaya", "--reason", "contract 7/2026")
    partner = added["partner"]
    assert terminal.run("partner", "revoke", partner, "--reason", "a leaked key").exit_code == 0
    assert terminal.run("partner", "revoke", partner, "--reason", "again").exit_code == 0
    acts = terminal.found("partner", "list")["acts"]
    assert [(act["deed"], act["about"], act["by"], act["reason"]) for act in acts] == [
        ("REVOKE", f"partner {partner}", ANI, "a leaked key"),
        ("ADD", f"partner {partner}", ANI, "contract 7/2026"),
    ]
    assert added["key"] not in terminal.run("partner", "list").output
    file = tmp_path / "history.csv"
    file.write_text("wave,year,province,recipients,graduates\n1,2020,31,10,9\n")
    assert terminal.run("wave", "import-history", str(file), "--reason", "by the ministry").exit_code == 0
    act = terminal.found("wave", "history")[-1]
    assert (act["by"], act["reason"]) == (ANI, "by the ministry")


def test_mailbox_show_says_who_reopened_the_mailbox(services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(services.registrations, "registrant", lambda _: None)
    services.mailboxes.close("person-1", "c0", "bounced", T0)
    closed = {"contact": "c0", "since": iso(T0), "because": "bounced"}
    assert terminal.found("mailbox", "show", "person-1")["closed_contacts"] == [closed]
    reopened = terminal.found("mailbox", "reopen", "person-1", "--reason", "a new address")
    assert (reopened["mailbox"], reopened["closed_contacts"]) == ("open", [])
    services.mailboxes.journal.add(Act(T0, "REOPEN", "person-2", ANI, "another's"))
    for seconds in (15, -1):
        monkeypatch.setattr(desk, "STEPS_S", seconds)
        shown = terminal.found("mailbox", "show", "person-1")
        assert [(act["by"], act["reason"]) for act in shown.pop("acts")] == [(ANI, "a new address")]
        assert shown == reopened
