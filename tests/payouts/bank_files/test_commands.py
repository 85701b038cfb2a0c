"""`gelombang payout export` and `import`, as two people use them."""

from __future__ import annotations

import hashlib
import stat
from datetime import date

import pytest
from lxml import etree

from admin.commands.payouts import bank_file
from chalicelib import wiring
from chalicelib.config import BadConfiguration
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


@pytest.fixture
def desk(world: BankWorld, monkeypatch: pytest.MonkeyPatch) -> Desk:
    return Desk(world, monkeypatch, MAKER)


def test_the_whole_round_by_two_people(desk, tmp_path):
    assert desk.told("export") == ["nothing waits for a bank file"]
    references = [desk.world.claimed(name) for name in ("ani", "budi")]
    assert desk.told("export", "--list") == ["2 wait for a file, the longest since 2026-11-24T03:00:00Z"]
    [proposed] = desk.told("export")
    batch, state, *_ = proposed.split()
    assert state == "PROPOSED"
    assert "2 transfers  Rp1.200.000  sha256 " in proposed
    assert f"pays 2026-11-25  made 2026-11-24T03:00:00Z by {MAKER}" in proposed
    assert desk.told("export") == ["nothing waits for a bank file"]

    out = tmp_path / "order.xml"
    assert "(payout_same_person)" in desk.refused("export", "--approve", batch, "--out", str(out))
    assert not out.exists()
    desk.me = CHECKER
    [written] = desk.told("export", "--approve", batch, "--out", str(out))
    raw = out.read_bytes()
    assert written == f"{out} written, {len(raw)} bytes, sha256 {hashlib.sha256(raw).hexdigest()}"
    assert stat.S_IMODE(out.stat().st_mode) == 0o600
    assert sorted(text(etree.fromstring(raw), "EndToEndId")) == sorted(references)
    assert [each.name for each in tmp_path.iterdir()] == ["order.xml"]

    desk.me = MAKER
    again = tmp_path / "again.xml"
    desk.told("export", "--approve", batch, "--out", str(again))
    assert again.read_bytes() == raw
    assert f"decided 2026-11-24T03:00:00Z by {CHECKER}" in desk.told("export", "--list")[0]

    report = tmp_path / "report.xml"
    report.write_bytes(pain002(batch, {references[0]: "ACSC", references[1]: "RJCT AC04"}))
    first = desk.run("import", str(report)).output
    assert f": rejection_awaits_another_person: {references[1]} RJCT_AC04" in first
    assert first.endswith("\npain.002: 1 applied, 0 known before, 1 not applied\n")
    desk.me = CHECKER
    assert desk.told("import", str(report)) == ["pain.002: 1 applied, 1 known before, 0 not applied"]
    assert desk.told("import", str(report)) == ["pain.002: 0 applied, 2 known before, 0 not applied"]
    assert [desk.world.state(each) for each in references] == [State.PAID, State.HELD]
    report.write_bytes(camt054(entry(references[0], returned="AC04", ref="C-1")))
    assert desk.told("import", str(report)) == ["camt.054: 1 applied, 0 known before, 0 not applied"]
    assert desk.world.state(references[0]) is State.REVERSED


def test_lines_that_match_no_transfer_are_named_without_personal_data(desk, tmp_path):
    batch, [reference] = desk.world.sent("ani")
    report = tmp_path / "report.xml"
    report.write_bytes(pain002(batch, [("Ani Lestari 1234567890", "ACSC"), (reference, "ZZZZ")]))
    assert desk.run("import", str(report)).output.splitlines() == [
        "line 6: unknown_reference: not one of ours ACSC",
        f"line 7: unknown_word: {reference} ZZZZ",
        "pain.002: 0 applied, 0 known before, 2 not applied",
    ]
    report.write_bytes(b"<!DOCTYPE x><x/>")
    assert desk.refused("import", str(report)) == "Error: not read: it has a document type"


def test_the_banks_text_is_shown_to_both_who_decide(desk, tmp_path):
    batch, [reference] = desk.world.sent("ani")
    path = tmp_path / "report.xml"
    why = reason("NARR", text="MsgId already received\x7f7")
    path.write_bytes(report(batch, block(batch, "", "", tx(reference, "RJCT", why))))
    told = desk.run("import", str(path)).output.splitlines()
    assert told[0].endswith(f": rejected_as_duplicate: {reference} RJCT_NARR")
    assert told[1] == "  the bank: MsgId already received\N{REPLACEMENT CHARACTER}7"
    line = f"the bank of {reference}: REJECTED  RJCT_NARR  imported by {MAKER}: {told[1].removeprefix('  the bank: ')}"
    assert desk.told("show", reference[:26])[-1] == f"  {line}"
    desk.told("resolve", reference[:26], "--as", "FAILED", "--reason", "the bank by letter")
    desk.me = CHECKER
    shown = desk.told("approve", reference[:26], "--yes")
    assert shown[0] == line
    assert "FAILED" in shown[-1]
    assert desk.world.state(reference) is State.FAILED


def test_both_statuses_are_shown_if_the_bank_paid_a_rejected_transfer(desk, tmp_path):
    batch, [reference] = desk.world.sent("ani")
    desk.world.take_in_by_two(pain002(batch, {reference: "RJCT AC04"}))
    path = tmp_path / "report.xml"
    path.write_bytes(pain002(batch, {reference: "ACSC"}))
    assert f": contradicts_what_was_applied: {reference} ACSC" in desk.run("import", str(path)).output
    assert desk.told("show", reference[:26])[-2:] == [
        f"  the bank of {reference}: FAILED  RJCT_AC04  imported by {CHECKER}",
        f"  the bank of {reference}: SUCCEEDED  ACSC  imported by {MAKER}",
    ]


def test_a_status_that_cannot_be_settled_now_is_left_to_the_sweep(desk, tmp_path, monkeypatch):
    batch, [reference] = desk.world.sent("ani")

    def busy(*_: object) -> State:
        raise OutcomeNotKnown(entitlement_id="x", reason="test")

    report = tmp_path / "report.xml"
    report.write_bytes(pain002(batch, {reference: "ACSC"}))
    with monkeypatch.context() as patch:
        patch.setattr(desk.world.worker, "process", busy)
        assert desk.told("import", str(report))[1] == "1 kept and not settled yet: the sweep will"
    assert desk.world.state(reference) is State.SENDING
    assert desk.world.worker.process(reference[:26], desk.world.now) is State.PAID


def test_a_file_can_be_rejected_and_its_transfers_go_into_the_next(desk):
    desk.world.claimed("ani")
    first = desk.told("export")[0].split()[0]
    assert desk.told("export", "--reject", first)[0].split()[:2] == [first, "REJECTED"]
    assert "(bank_file_not_now)" in desk.refused("export", "--reject", first)
    second = desk.told("export", "--execute-on", "2026-12-01")[0]
    assert "pays 2026-12-01" in second
    assert second.split()[0] != first
    assert "(unknown_bank_file)" in desk.refused("export", "--reject", "nobodys")


def test_a_file_that_cannot_be_written_leaves_nothing_behind(desk, tmp_path):
    desk.world.claimed("ani")
    batch = desk.told("export")[0].split()[0]
    desk.me = CHECKER
    out = tmp_path / "there"
    out.mkdir()
    (out / "x").write_text("")
    assert desk.run("export", "--approve", batch, "--out", str(out)).exit_code == 2
    assert [each.name for each in tmp_path.iterdir()] == ["there"]


@pytest.mark.parametrize(
    "words",
    ["--approve b", "--out f.xml", "--list --reject b", "--reject b --approve c --out f.xml", "--list --out f.xml"],
)
def test_an_export_does_one_thing_at_a_time(desk, words):
    assert desk.run("export", *words.split()).exit_code == 2


@pytest.mark.parametrize(
    ("today", "next_"),
    [("2026-11-24", "2026-11-25"), ("2026-11-27", "2026-11-30"), ("2026-12-31", "2027-01-04")],
)
def test_the_bank_is_to_pay_on_the_next_working_day(today, next_):
    assert bank_file._next_working_day(date.fromisoformat(today)) == date.fromisoformat(next_)


def test_the_services_are_wired_to_the_stages_tables(cloud, programme):
    services = wiring.build(cloud)
    assert services.providers.named("bank-file").status("a" * 26 + "-1").fact == "awaits_bank_file"
    with pytest.raises(BadConfiguration, match=r"no \[payouts\.bank_file\]"):
        _ = services.bank_files
    services.programme = with_bank(programme)
    assert services.bank_files.waiting() == []
    assert services.bank_reports.take_in([], bank_file.Source("ab", MAKER), lambda: T0).findings == ()
