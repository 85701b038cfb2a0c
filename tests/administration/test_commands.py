"""`gelombang roster` and `gelombang journal`, as two administrators and an auditor use them."""

from __future__ import annotations

import re
from datetime import UTC, datetime, timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest

from admin import desk, office
from admin.commands.administrators import journal as journal_commands
from admin.deployment import stages
from chalicelib.administration.journal import Line, LineItem
from chalicelib.aws.admin_acts import Signed
from chalicelib.config import Programme, Settings
from chalicelib.wiring import Services
from tests.builders.commands import ACCOUNT, Terminal
from tests.builders.training import course_row
from tests.conftest import ROOT, T0

roster, journal = Terminal("roster"), Terminal("journal")
FILE = "person,name\ns1,sari\ns1,sari@example.go.id\nb1,budi\nt1,tini\n"


class Office:
    """A stage, and who sits at the terminal and when."""

    def __init__(self, services: Services, monkeypatch: pytest.MonkeyPatch) -> None:
        self.services, self.name, self.now = services, "sari", T0
        found = SimpleNamespace(services=services, settings=services.settings)
        monkeypatch.setattr(stages, "load", lambda _: found)
        monkeypatch.setattr(stages, "caller", lambda: f"arn:aws:iam::{ACCOUNT}:user/{self.name}")
        for module in (office, journal_commands):
            monkeypatch.setattr(module, "utc_now", self._tick)

    def _tick(self) -> datetime:
        self.now += timedelta(seconds=1, microseconds=1)
        return self.now


@pytest.fixture
def stage(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> Office:
    return Office(Services(cloud, programme), monkeypatch)


@pytest.fixture
def file(tmp_path: Path) -> str:
    path = tmp_path / "roster.csv"
    path.write_text(FILE)
    return str(path)


def test_a_roster_is_proposed_seen_and_approved_by_another_person(stage: Office, file: str) -> None:
    assert roster.found("show") == {"people": [], "proposed": [], "history": []}
    proposed = roster.found("propose", file, "--reason", "we begin")
    assert proposed["changes"] == [
        {"person": "b1", "names": ["budi"], "were": []},
        {"person": "s1", "names": ["sari", "sari@example.go.id"], "were": []},
        {"person": "t1", "names": ["tini"], "were": []},
    ]
    assert "(roster_by_same_person)" in roster.refused("approve", "--yes")
    assert "(roster_stands" in roster.refused("propose", file, "--reason", "again")
    stage.name = "budi"
    shown = roster.run("approve", input="n\n")
    assert shown.exit_code == 1
    assert "sari@example.go.id" in shown.output
    assert roster.found("approve", "--yes") == {"done": "this roster holds", "people": 3}
    stage.name = "tono"
    assert "(not_on_roster)" in roster.refused("show")
    stage.name = "Sari"
    assert roster.found("show")["people"] == [
        {"person": "b1", "names": ["budi"]},
        {"person": "s1", "names": ["sari", "sari@example.go.id"]},
        {"person": "t1", "names": ["tini"]},
    ]
    assert roster.found("propose", file, "--reason", "again")["by"] == "person/s1"
    assert roster.found("reject", "--reason", "it is the same")["done"] == "the proposal was taken away"
    assert "(no_roster_proposed)" in roster.refused("approve", "--yes")


def test_under_another_name_one_stays_who_proposed(stage: Office, file: str, tmp_path: Path) -> None:
    partner, _ = stage.services.partners.add("Pelatihan Jaya", T0, Signed("person/b1", "a contract"))
    courses, catalogue = Terminal("course"), tmp_path / "courses.csv"
    row = course_row(partner.id)
    catalogue.write_text(f"{','.join(row)}\n{','.join(row.values())}\n")
    courses.found("import", str(catalogue), "--reason", "before the roster")
    roster.found("propose", file, "--reason", "we begin")
    stage.name = "budi"
    roster.found("approve", "--yes")
    assert "(payout_same_person)" in courses.refused("approve", str(catalogue), "--yes"), "who was that?"
    stage.name = "sari"
    assert courses.found("import", str(catalogue), "--reason", "with the roster")
    stage.name = "sari@example.go.id"
    assert "(payout_same_person)" in courses.refused("approve", str(catalogue), "--yes")
    stage.name = "budi"
    assert courses.found("approve", str(catalogue), "--yes") == {"courses_imported": 1}
    assert {act["by"] for act in courses.found("history")[:2]} == {"person/b1", "person/s1"}


def test_no_command_takes_who_acts_from_anywhere_but_the_roster() -> None:
    """`desk.caller` does; what STS or the gateway says is not compared as a person."""
    texts = {path.name: path.read_text() for path in (ROOT / "admin/commands").rglob("*.py")}
    assert any("desk.caller" in text for text in texts.values())
    wrong = re.compile(r"stages\.caller|get_caller_identity|userArn|who\.arn")
    assert [name for name, text in texts.items() if wrong.search(text)] == []


def test_the_journal_has_each_act_with_its_outcome_and_who_it_was(stage: Office, file: str) -> None:
    roster.found("propose", file, "--reason", "we begin")
    roster.refused("approve", "--yes")
    stage.name = "budi"
    roster.found("approve", "--yes")
    lines = [line for line in journal.found("show") if line["did"].startswith("roster")]
    assert [(line["did"], line["person"].rpartition("/")[2], line["outcome"]) for line in lines[:1]] == [
        ("roster propose", "sari", "done")
    ]
    assert lines[0]["reason"] == "we begin"
    assert [line["outcome"] for line in lines if line["person"].endswith("sari")][-1] == "roster_by_same_person"
    assert (lines[-1]["did"], lines[-1]["outcome"]) == ("roster approve", "done")
    assert lines[-1]["identity"] == f"arn:aws:iam::{ACCOUNT}:user/budi"
    stage.now += timedelta(days=1)
    assert journal.told("show") != []
    last = journal.found("show")[-1]
    assert (last["did"], last["person"], last["outcome"]) == ("journal show", "person/b1", None), "it goes on"
    assert len(journal.found("show", "--day", f"{T0.date()}")) == len(lines) + 1, "and that it was looked at"


def test_days_of_the_journal_are_shown_in_steps_narrowed_and_with_what_ended_after_midnight(
    stage: Office, monkeypatch: pytest.MonkeyPatch
) -> None:
    kept, midnight = stage.services.journal, datetime(2026, 11, 25, tzinfo=UTC)
    for number in range(4):
        at = midnight + timedelta(hours=number - 3, seconds=-2, microseconds=number)
        route, person = ("payout hold", "person/s1") if number % 2 else ("payout plan stop", "person/b1")
        begun = kept.write(Line(at, person, "arn", route, (f"p{number}",), reason="why"))
        kept.end(begun, "done", at + timedelta(seconds=9), (f"made-{number}",), "0" * 64)
    kept.seen("lembaga", "participants", "course-1", "siti", midnight)
    stage.now = midnight + timedelta(days=3)
    monkeypatch.setattr(desk, "STEPS_S", -1)

    def shown(*words: str) -> list[tuple[object, ...]]:
        found = journal.found("show", "--day", "2026-11-24", *words)
        return [(*line["about"], line["outcome"], *line["made"], bool(line["approved"])) for line in found]

    acts = [(f"p{number}", "done", f"made-{number}", True) for number in range(4)]
    assert shown() == acts, "the last one ended after midnight, and partners are left out"
    assert shown("--until", "2026-11-25", "--partners") == [*acts, ("course-1", "done", False)]
    assert shown("--command", "payout hold") == shown("--person", "s1") == acts[1::2]
    assert (shown("--command", "payout"), shown("--command", "pay"), shown("--person", "1")) == (acts, [], [])

    kept.write(Line(midnight + timedelta(hours=30), "person/s1", "arn", "payout hold", ("died",)))
    goes_on, cursors = desk.Desk.go_on, list[str]()
    stage.now = midnight + timedelta(days=20)  # each look has lines of its own
    monkeypatch.setattr(desk.Desk, "go_on", lambda self, cursor: cursors.append(cursor) or goes_on(self, cursor))
    assert shown("--until", "2026-12-03", "--command", "payout") == [*acts, ("died", None, False)]
    assert cursors[-2:] == ["2026-12-02", "2026-12-03"], "days without lines are gone past step by step"
    assert "--until is before --day" in journal.refused("show", "--day", "2026-11-24", "--until", "2026-11-23")


def test_what_is_not_as_published_ends_with_exit_code_1(
    stage: Office, file: str, monkeypatch: pytest.MonkeyPatch
) -> None:
    roster.found("propose", file, "--reason", "we begin")
    stage.now = T0 + timedelta(days=1)
    stage.services.journal_heads._sns = SimpleNamespace(publish=lambda **_: None)
    stage.services.journal_heads.run(stage.now, 800)
    monkeypatch.setattr(desk, "STEPS_S", -1)
    found = journal.found("verify")
    assert found == {"days": [{"day": f"{T0.date()}", "lines_published": 2, "lines_now": 2, "verdict": "as published"}]}
    head = stage.services.journal_heads._read()[0][0].head
    assert journal.found("verify", "--kept", head)["kept_head"] == "published"
    assert journal.run("verify", "--kept", "0" * 64).exit_code == 1
    next(iter(LineItem.scan(LineItem.pk.startswith(f"LINE#{T0.date()}#")))).delete()
    changed = journal.run("verify")
    assert changed.exit_code == 1
    assert "fewer lines than published" in changed.output
    assert journal.run("verify", "--since", "2026-11-25").exit_code == 0
