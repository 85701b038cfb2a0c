"""`gelombang payout export` and `import`, as two people use them."""

from __future__ import annotations

import hashlib
import json
import stat
from datetime import date

import pytest
from lxml import etree

from admin import desk as admin_desk
from admin import messages
from admin.commands.payouts import bank_file
from chalicelib import wiring
from chalicelib.config import BadConfiguration
from chalicelib.payouts.bank_files import export, store
from chalicelib.payouts.errors import OutcomeNotKnown
from chalicelib.payouts.rules import State
from tests.builders.payouts.bank import (
    CHECKER,
    MAKER,
    BankWorld,
    block,
    camt054,
    entry,
    pain002,
    reason,
    report,
    text,
    tx,
    with_bank,
)
from tests.builders.payouts.desk import Desk
from tests.conftest import T0

WHY = ("--reason", "a test")


@pytest.fixture
def desk(world: BankWorld, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(world, monkeypatch, MAKER)


def imported(desk, path) -> tuple[str, int, int, int]:
    told = json.loads(desk.run("import", str(path), "--json").stdout)
    return tuple(told[name] for name in ("message", "applied", "known_before", "kept_for_the_sweep_to_settle"))


def not_applied(desk, path) -> list[tuple[object, ...]]:
    """Imports it again, which changes nothing: what was applied to nothing."""
    return [tuple(one.values()) for one in json.loads(desk.run("import", str(path), "--json").stdout)["not_applied"]]


def looks(desk, person, act: str = "payout export approve") -> list[tuple[str, str, str | None]]:
    """Who had a file with a transfer to somebody, the last one first."""
    lines = desk.world.services.journal.of_person(person)
    return [(one.person, one.about[0], one.outcome) for one in lines if one.route == act]


def test_the_whole_round_by_two_people(desk, tmp_path):
    assert desk.told("export", "propose", *WHY) == ["nothing waits for a bank file"]
    references = [desk.world.claimed(name) for name in ("ani", "budi")]
    listed = desk.found("export", "list")
    assert (listed["files"], len(listed["waiting_for_a_file"])) == ([], 2)
    [proposed] = desk.found("export", "propose", *WHY)
    batch = proposed["file"]
    assert [proposed[name] for name in ("state", "transfers", "sum_idr")] == ["PROPOSED", 2, 1_200_000]
    made = [proposed[name] for name in ("pays_on", "made_at", "by")]
    assert made == ["2026-11-25", "2026-11-24T03:00:00Z", MAKER]
    assert desk.told("export", "propose", *WHY) == ["nothing waits for a bank file"]

    out = tmp_path / "order.xml"
    assert "(payout_same_person)" in desk.refused("export", "approve", batch, "--out", str(out), "--yes")
    assert not out.exists()
    assert looks(desk, "ani") == []
    desk.me = CHECKER
    written = desk.found("export", "approve", batch, "--out", str(out), "--yes")
    raw = out.read_bytes()
    assert written == {"file": batch, "written": str(out), "bytes": len(raw), "sha256": hashlib.sha256(raw).hexdigest()}
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert sorted(text(etree.fromstring(raw), "EndToEndId")) == sorted(references)
    assert [each.name for each in tmp_path.iterdir()] == ["order.xml"]

    desk.me = MAKER
    again = tmp_path / "again.xml"
    desk.told("export", "approve", batch, "--out", str(again))
    assert again.read_bytes() == raw
    assert looks(desk, "ani") == looks(desk, "budi") == [(MAKER, batch, "done"), (CHECKER, batch, "done")]
    [decided] = desk.found("export", "list")["files"]
    assert [decided[name] for name in ("decided_at", "decided_by")] == ["2026-11-24T03:00:00Z", CHECKER]

    report = tmp_path / "report.xml"
    report.write_bytes(pain002(batch, {references[0]: "ACSC", references[1]: "RJCT AC04"}))
    assert imported(desk, report) == ("pain.002", 1, 0, 0)
    [left] = not_applied(desk, report)
    assert left[1:] == ("rejection_awaits_another_person", references[1], "RJCT_AC04", None)
    desk.me = CHECKER
    assert imported(desk, report) == ("pain.002", 1, 1, 0)
    assert (imported(desk, report), not_applied(desk, report)) == (("pain.002", 0, 2, 0), [])
    assert [desk.world.state(each) for each in references] == [State.PAID, State.HELD]
    report.write_bytes(camt054(entry(references[0], returned="AC04", ref="C-1")))
    assert imported(desk, report) == ("camt.054", 1, 0, 0)
    assert desk.world.state(references[0]) is State.REVERSED


def test_whose_transfer_a_report_names_can_read_that_it_was_imported(desk, tmp_path):
    batch, [reference, other] = desk.world.sent("ani", "budi")
    report = tmp_path / "report.xml"
    report.write_bytes(pain002(batch, {reference: "ACSC", "of-another-bank": "ACSC"}))
    imported(desk, report)
    assert [one[0] for one in looks(desk, "ani", "payout import")] == [MAKER]
    assert looks(desk, "budi", "payout import") == []
    report.write_bytes(pain002(batch, {}, group="RJCT"))
    desk.run("import", str(report))
    assert len(looks(desk, "budi", "payout import")) == 1, "a word about the whole file is about each in it"
    assert desk.world.state(other) is State.SENDING


def test_lines_that_match_no_transfer_are_named_without_personal_data(desk, tmp_path):
    batch, [reference] = desk.world.sent("ani")
    report = tmp_path / "report.xml"
    report.write_bytes(pain002(batch, [("Ani Lestari 1234567890", "ACSC"), (reference, "ZZZZ")]))
    assert not_applied(desk, report) == [
        (6, "unknown_reference", None, "ACSC", None),
        (7, "unknown_word", reference, "ZZZZ", None),
    ]
    assert desk.run("import", str(report)).exit_code == 1
    report.write_bytes(b"<!DOCTYPE x><x/>")
    assert desk.refused("import", str(report)) == "Error: not read: it has a document type"


def test_the_banks_text_is_shown_to_both_who_decide(desk, tmp_path):
    batch, [reference] = desk.world.sent("ani")
    path = tmp_path / "report.xml"
    why = reason("NARR", text="MsgId already received\x7f7")
    path.write_bytes(report(batch, block(batch, "", "", tx(reference, "RJCT", why))))
    [told] = not_applied(desk, path)
    assert told[1:] == ("rejected_as_duplicate", reference, "RJCT_NARR", "MsgId already received\x7f7")
    assert "MsgId already received\N{REPLACEMENT CHARACTER}7" in desk.run("import", str(path)).output
    said = {"attempt": reference, "outcome": "REJECTED", "fact": "RJCT_NARR", "imported_by": MAKER}
    assert desk.found("show", reference[:26])["the_bank_said"] == [said | {"bank_text": told[-1]}]
    desk.told("resolve", reference[:26], "--as", "FAILED", "--reason", "the bank by letter")
    desk.me = CHECKER
    shown = "\n".join(desk.told("approve", reference[:26], "--yes"))
    assert "MsgId already received\N{REPLACEMENT CHARACTER}7" in shown
    assert desk.world.state(reference) is State.FAILED


def test_both_statuses_are_shown_if_the_bank_paid_a_rejected_transfer(desk, tmp_path):
    batch, [reference] = desk.world.sent("ani")
    desk.world.take_in_by_two(pain002(batch, {reference: "RJCT AC04"}))
    path = tmp_path / "report.xml"
    path.write_bytes(pain002(batch, {reference: "ACSC"}))
    [told] = not_applied(desk, path)
    assert told[1:4] == ("contradicts_what_was_applied", reference, "ACSC")
    said = desk.found("show", reference[:26])["the_bank_said"]
    assert [(word["outcome"], word["fact"], word["imported_by"]) for word in said] == [
        ("FAILED", "RJCT_AC04", CHECKER),
        ("SUCCEEDED", "ACSC", MAKER),
    ]


def test_a_status_that_cannot_be_settled_now_is_left_to_the_sweep(desk, tmp_path, monkeypatch):
    batch, [reference] = desk.world.sent("ani")

    def busy(*_: object) -> State:
        raise OutcomeNotKnown(entitlement_id="x", reason="test")

    report = tmp_path / "report.xml"
    report.write_bytes(pain002(batch, {reference: "ACSC"}))
    with monkeypatch.context() as patch:
        patch.setattr(desk.world.worker, "process", busy)
        assert imported(desk, report)[-1] == 1
    assert desk.world.state(reference) is State.SENDING
    assert desk.world.worker.process(reference[:26], desk.world.now) is State.PAID


def test_a_file_can_be_rejected_and_its_transfers_go_into_the_next(desk):
    desk.world.claimed("ani")
    first = desk.found("export", "propose", *WHY)[0]["file"]
    rejected = desk.found("export", "reject", first, *WHY)
    assert (rejected["file"], rejected["state"]) == (first, "REJECTED")
    assert "(bank_file_not_now" in desk.refused("export", "reject", first, *WHY)
    [second] = desk.found("export", "propose", "--execute-on", "2026-12-01", *WHY)
    assert second["pays_on"] == "2026-12-01"
    assert second["file"] != first
    assert "(unknown_bank_file" in desk.refused("export", "reject", "nobodys", *WHY)


def test_a_file_that_cannot_be_written_leaves_nothing_behind(desk, tmp_path):
    desk.world.claimed("ani")
    batch = desk.found("export", "propose", *WHY)[0]["file"]
    desk.me = CHECKER
    out = tmp_path / "there"
    out.mkdir()
    (out / "x").write_text("")
    assert desk.run("export", "approve", batch, "--out", str(out), "--yes").exit_code == 2
    assert [each.name for each in tmp_path.iterdir()] == ["there"]


def test_what_takes_longer_than_a_request_goes_on_where_it_was(desk, tmp_path, monkeypatch):
    """Here each request does one page, one transfer, or one line."""
    earlier = [desk.world.claimed(name) for name in ("eka", "fitri")]
    desk.found("export", "propose", *WHY)
    desk.world.later(minutes=1)
    references = [desk.world.claimed(name) for name in ("ani", "budi", "cici")]
    monkeypatch.setattr(admin_desk, "STEPS_S", -1)
    monkeypatch.setattr(store, "_PAGE", 1)
    waiting = desk.found("export", "list")["waiting_for_a_file"]
    assert sorted(each["id"] for each in waiting) == sorted(each[:26] for each in references)
    assert len(earlier) == 2, "pages without anything free are gone past"
    [one] = desk.found("export", "propose", *WHY)
    assert one["transfers"] == 1, "when it is late a file has what was found"
    desk.told("export", "reject", one["file"], *WHY)
    monkeypatch.setattr(store, "_PAGE", 100)
    monkeypatch.setattr(export, "_PART", 2)
    [proposed] = desk.found("export", "propose", *WHY)
    assert proposed["transfers"] == 3
    desk.me, out = CHECKER, tmp_path / "order.xml"
    desk.told("export", "approve", proposed["file"], "--out", str(out), "--yes")
    assert [len(looks(desk, name)) for name in ("ani", "budi", "cici")] == [1, 1, 1], "each, and once"
    report = tmp_path / "report.xml"
    said = [(references[0], "ACSC"), ("a stranger", "ACSC"), (references[1], "ZZZZ"), (references[2], "ACSC")]
    report.write_bytes(pain002(proposed["file"], [*said, (references[2], "RJCT AC04")]))
    told = json.loads(desk.run("import", str(report), "--json").stdout)
    assert (told["applied"], told["known_before"]) == (1, 0)
    problems = sorted(one["problem"] for one in told["not_applied"])
    assert problems == ["twice_in_one_file", "twice_in_one_file", "unknown_reference", "unknown_word"]
    assert [desk.world.state(each) for each in references[:2]] == [State.PAID, State.SENDING]


def test_a_file_that_is_not_packed_or_too_large_is_refused(monkeypatch):
    assert messages.unpacked(messages.packed(b"x" * 100)) == b"x" * 100
    monkeypatch.setattr(messages, "FILE_MAX", 99)
    for sent in (messages.packed(b"x" * 100), messages.packed(b"x")[:-4], "x", "eA==", messages.packed(b"")[:4]):
        with pytest.raises(ValueError, match=r"\w"):
            messages.unpacked(sent)


@pytest.mark.parametrize(
    ("today", "next_"),
    [("2026-11-24", "2026-11-25"), ("2026-11-27", "2026-11-30"), ("2026-12-31", "2027-01-04")],
)
def test_the_bank_is_to_pay_on_the_next_working_day(today, next_):
    assert bank_file._next_working_day(date.fromisoformat(today)) == date.fromisoformat(next_)


def test_a_programme_that_pays_nobody_by_file_says_what_is_missing(desk, programme):
    del desk.world.services.bank_files
    desk.world.services.programme = programme
    assert "no [payouts.bank_file]" in desk.refused("export", "list")


def test_the_services_are_wired_to_the_stages_tables(cloud, programme):
    services = wiring.build(cloud)
    assert services.providers.named("bank-file").status("a" * 26 + "-1").fact == "awaits_bank_file"
    with pytest.raises(BadConfiguration, match=r"no \[payouts\.bank_file\]"):
        _ = services.bank_files
    services.programme = with_bank(programme)
    assert list(services.bank_files.waiting()) == []
    assert services.bank_reports.take_in([], bank_file.Source("ab", MAKER), lambda: T0).findings == []
