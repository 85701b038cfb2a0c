"""`gelombang grievance` on the real service: readable tables, harmless control characters, clear errors."""

from __future__ import annotations

from datetime import datetime, timedelta
from types import SimpleNamespace

import pytest

from admin import desk as at_desk
from admin.commands import grievance
from admin.deployment import stages
from chalicelib.clock import iso
from chalicelib.config import Programme, Settings
from chalicelib.helpdesk.rules import AboutSelection, Category, GrievanceState, SelectionEvidence
from tests.builders.commands import CALLER, Terminal
from tests.builders.helpdesk import Desk
from tests.conftest import T0

terminal = Terminal("grievance")


@pytest.fixture
def desk(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> Desk:
    desk = Desk(cloud, programme)

    services = SimpleNamespace(helpdesk=desk.helpdesk, vault=SimpleNamespace(mac=lambda *_: "0" * 64))
    monkeypatch.setattr(stages, "load", {"test": SimpleNamespace(services=services)}.__getitem__)
    at(monkeypatch, T0)
    return desk


def at(monkeypatch: pytest.MonkeyPatch, now: datetime) -> None:
    monkeypatch.setattr(grievance, "utc_now", lambda: now)


def test_open_grievances_are_listed_by_deadline(desk, monkeypatch):
    assert terminal.told("list") == ["unanswered  0", "overdue     0", "grievances: none"]
    first = desk.file("siti", category=Category.PAYMENT_LATE)
    second = desk.file("budi", now=T0 + timedelta(days=2))
    desk.helpdesk.answer(desk.file("ani").number, "Selesai.", "arn", T0)
    desk.helpdesk.escalate(second.number, "Tolong.", "arn", T0)
    at_once = terminal.found("list")
    monkeypatch.setattr(at_desk, "STEPS_S", -1)
    assert terminal.found("list") == at_once
    assert terminal.told("list") == [
        "unanswered  2",
        "overdue     0",
        "grievances",
        "  number               state      about         category      answer by   left",
        f"  {first.number}  OPEN       registration  payment_late  2026-12-08  14 d",
        f"  {second.number}  ESCALATED  registration  other         2026-12-10  16 d",
    ]
    at(monkeypatch, T0 + timedelta(days=15))
    late = terminal.found("list", "--overdue")
    assert (late["unanswered"], late["overdue"]) == (1, 1)
    assert [(one["number"], one["left"]) for one in late["grievances"]] == [(first.number, "1 d late")]
    assert [one["number"] for one in terminal.found("list", "--state", "escalated")["grievances"]] == [second.number]
    assert terminal.found("list", "--state", "open", "--overdue")["overdue"] == 1
    at(monkeypatch, T0 + timedelta(days=14))
    assert terminal.found("list")["grievances"][0]["left"] == "today"
    desk.helpdesk.answer(first.number, "Selesai.", "arn", T0)
    assert terminal.found("list", "--overdue")["grievances"] == []


def test_control_characters_of_a_grievance_are_not_printed(desk):
    hostile = "Halo [red]merah[/red] \x1b[2J\x1b]0;judul\x07\u202eterbalik\nbaris kedua"
    view = desk.file("siti", text=hostile)
    shown = terminal.run("show", view.number).output
    assert "Halo [red]merah[/red] �[2J�]0;judul��terbalik" in shown
    assert "baris kedua" in shown
    assert not any(letter in shown for letter in "\x1b\x07\u202e")
    assert "answer by  2026-12-08" in [line.rstrip() for line in shown.splitlines()]


def test_the_evidence_of_an_appeal_is_shown_with_the_place_in_the_list(desk):
    evidence = SelectionEvidence(
        wave=54, region=31, leaf="ab" * 32, list_url="https://results.example/draws/54/leaves/31.bin",
        position=123_456, entries=949_210, seed="cd" * 32, rank=None, rank_cutoff=None, open="ef" * 32,
        open_cutoff="01" * 32, within=None, verdict="not_chosen", reason="not_drawn", seat=None,
        results_url="https://results.example/draws/54/",
    )  # fmt: skip
    desk.helpdesk._evidence = lambda *_: evidence
    number = desk.file("siti", AboutSelection(54)).number
    shown = terminal.found("show", number)
    assert shown["verdict"] == "not_chosen (not_drawn), within no cut-off"
    assert [shown[name] for name in ("place_in_the_list", "entries_of_the_region", "region")] == [123_456, 949_210, 31]
    assert (shown["leaf"], shown["rank"], shown["about"]) == ("ab" * 32, None, "selection 54")
    assert "place in the list           123,456" in terminal.told("show", number)


def test_a_grievance_is_answered_once_under_the_name_of_who_called(desk, tmp_path):
    number = desk.file("siti").number
    once = {"number": number, "done": "escalated"}
    again = {"number": number, "done": "it was escalated with this note before"}
    assert [terminal.found("escalate", number, "--note", "Ke bagian hukum.") for _ in range(2)] == [once, again]
    assert terminal.refused("escalate", number, "--note", "Lain.").startswith(
        f"Error: Grievance {number} was escalated before"
    )
    # However a number is written.
    answered = terminal.found("answer", number.upper().replace("-", " "), "--text", "Sudah.\n")
    assert answered == {"number": number, "done": "answered"}
    file = tmp_path / "answer.txt"
    file.write_text("Sudah.\n")
    assert terminal.found("answer", number, "--file", str(file))["done"] == "it had this answer before"
    assert terminal.run("answer", number, "--file", "-", input="Sudah.").exit_code == 0
    assert terminal.refused("answer", number, "--text", "Belum.") == (
        f"Error: Grievance {number} was answered before; an answer cannot be changed. (grievance_already_answered)"
    )
    shown = terminal.found("show", number)
    for deed, words in (("escalated", "Ke bagian hukum."), ("answered", "Sudah.")):
        assert [shown[f"{deed}_{name}"] for name in ("at", "by", "with")] == [iso(T0), CALLER, words]
    assert desk.store.by_number(number).state is GrievanceState.ANSWERED


@pytest.mark.parametrize(
    ("words", "said"),
    [
        (["show", "aaaa-bbbb-cccc-dddd"], "There is no grievance aaaa-bbbb-cccc-dddd. (unknown_grievance); `gelombang"),
        (["show", "54"], "'54' is none: a grievance's number is 16 letters and digits"),
        (["answer", "aaaa-bbbb-cccc-dddd"], "give the answer with --text or with --file"),
        (["answer", "aaaa-bbbb-cccc-dddd", "--text", " \n"], "it has 0 characters; an answer or a note has 1 to 4000"),
        (
            ["escalate", "aaaa-bbbb-cccc-dddd", "--note", "x" * 4001],
            "it has 4001 characters; an answer or a note has 1 to 4000",
        ),
        (["list", "--state", "answered"], "'answered' is not one of"),
    ],
)
def test_an_error_is_printed_in_one_line(desk, words, said):
    assert said in terminal.refused(*words)
