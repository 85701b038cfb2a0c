"""Batches by file, from the proposal to the answer that two people let in, with the sandbox registry as the office."""

from __future__ import annotations

import csv
import hashlib
import io
from collections.abc import Callable, Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from msgspec.structs import replace

from admin import desk
from admin.deployment import stages
from chalicelib.civil_registry import batch_file
from chalicelib.civil_registry.batches import BatchState
from chalicelib.civil_registry.errors import AnotherAnswer, BatchBySamePerson, MalformedRegistryFile, RegistrySumsDiffer
from chalicelib.civil_registry.service import FILES_TAKE
from chalicelib.config import Settings
from chalicelib.registration.rules import Verification
from chalicelib.registration.verifications import Verifications
from chalicelib.wiring import Services
from local.sandbox.registry import Person, Registry
from tests.builders.aws.calls import drained
from tests.builders.commands import Terminal
from tests.builders.registration import SITI, form, other_form, rows
from tests.conftest import T0

WHO = {
    "siti": SITI,
    "budi": other_form(2, name="Budi Santoso"),
    "ani": other_form(3, name="Ani Lestari"),
    "dewi": other_form(4, name="Dewi Sartika"),
    "edi": other_form(5, name="Edi Kurnia"),
}
FOUND = {
    "siti": Verification.VERIFIED,
    "budi": Verification.MISMATCH,
    "ani": Verification.UNKNOWN_NIK,
    "dewi": Verification.PENDING,
    "edi": Verification.MISMATCH,
}
COUNTS = {"VERIFIED": 1, "MISMATCH": 2, "UNKNOWN_NIK": 1, "not_answered": 1}
WHY = ("--reason", "letter 12 of the office")
terminal = Terminal("registry")


class Office:
    """A stage whose registry takes files, the office's sandbox, and the two files of a batch."""

    def __init__(self, settings: Settings, programme: Any, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self.settings, self.folder, self.patch = replace(settings, registry_url="files"), folder, patch
        self.services = Services(self.settings, programme, lambda: T0)
        patch.setattr(stages, "load", lambda _: SimpleNamespace(services=self.services, settings=self.settings))
        self.sent, self.answer = folder / "batch.csv", folder / "answer.csv"
        self.sandbox = Registry("office", [known("siti"), known("budi", name="Budi Wijaya"), known("dewi", kk="")])
        self.sandbox.add([known("edi", died_on="2020-01-01")])

    def register(self) -> None:
        for who, given in WHO.items():
            self.services.registrations.register(who, given, T0)

    def as_(self, name: str, *words: str) -> Any:
        self.patch.setattr(stages, "caller", lambda: f"arn:aws:iam::123456789012:user/{name}")
        return terminal.found(*words)

    def refused(self, name: str, *words: str) -> str:
        self.patch.setattr(stages, "caller", lambda: f"arn:aws:iam::123456789012:user/{name}")
        return terminal.refused(*words)

    def export(self) -> str:
        """A batch, written."""
        batch: str = self.as_("sari", "propose", *WHY)["batch"]
        self.as_("budi", "export", batch, "--out", str(self.sent))
        return batch

    def answered(self, change: Callable[[list[dict[str, str]]], Any] = lambda _: None) -> None:
        """Write the office's answer, changed, with the sums of the changed file."""
        raw = self.sandbox.answer_file(self.sent.read_bytes())
        control, body = raw.partition(b"\n")[0].decode().split(","), raw.partition(b"\n")[2].decode()
        lines = list(csv.DictReader(io.StringIO(body)))
        change(lines)
        text = io.StringIO()
        out = csv.DictWriter(text, lines[0].keys())
        out.writeheader()
        out.writerows(lines)
        changed = text.getvalue().encode()
        sums = [*control[:2], str(len(lines)), hashlib.sha256(changed).hexdigest()]
        self.answer.write_bytes(",".join(sums).encode() + b"\n" + changed)

    def states(self) -> dict[str, Verification]:
        return {who: self.services.registrations.registrant(who).verification for who in WHO}


def known(who: str, **changes: str) -> Person:
    given = WHO[who]
    facts = {"nik": given.nik, "name": given.name, "birth_date": given.birth_date.isoformat(), "kk": given.kk}
    return Person(**(facts | {"province": "31"} | changes))


@pytest.fixture
def office(cloud: Settings, programme: Any, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Office]:
    monkeypatch.setattr(batch_file, "PART", 2)
    made = Office(cloud, programme, tmp_path, monkeypatch)
    made.register()
    return made


def test_two_people_send_a_batch_and_two_let_its_answer_in(office):
    proposed = office.as_("sari", "propose", *WHY)
    assert "another person" in office.refused("SARI", "export", proposed["batch"], "--out", str(office.sent))
    sent = office.as_("budi", "export", proposed["batch"], "--out", str(office.sent))
    assert (sent["state"], sent["rows"], office.sent.stat().st_mode & 0o777) == ("SENT", 5, 0o600)
    control, body = office.sent.read_bytes().split(b"\n", 1)
    assert control.decode().split(",")[1:] == [proposed["batch"], "5", hashlib.sha256(body).hexdigest()]
    assert [line.partition(b",")[0] for line in body.splitlines()] == [b"row", *b"1 2 3 4 5".split()]
    office.answered()

    taken = office.as_("sari", "import", str(office.answer))
    assert (taken["state"], taken["found"]) == ("ANSWERED", COUNTS)
    assert set(office.states().values()) == {Verification.PENDING}, "nothing before another person approves"
    assert "another person" in office.refused("sari", "approve", str(office.answer), "--yes")
    applied = office.as_("budi", "approve", str(office.answer), "--yes")
    assert (applied["found"], office.states()) == (COUNTS, FOUND)
    siti = office.services.registrations.registrant("siti")
    assert (siti.verified_at, siti.verification_source) == (T0, "file")
    assert office.services.registrations.registrant("budi").differs == {"name"}
    told = {who for who in WHO if [one for one in office.services.mailboxes.notices(who) if one.kind == "data_differs"]}
    assert told == {"budi", "ani", "edi"}
    assert "is APPLIED" in office.refused("budi", "approve", str(office.answer), "--yes")
    [batch] = office.as_("sari", "list")
    assert (batch["written_by"], batch["imported_by"], batch["decided_by"]) == (
        "arn:aws:iam::123456789012:user/budi", "arn:aws:iam::123456789012:user/sari",
        "arn:aws:iam::123456789012:user/budi",
    )  # fmt: skip


def test_nothing_of_a_person_is_kept_with_a_batch_nor_queued(office):
    office.export()
    office.answered()
    office.as_("sari", "import", str(office.answer))
    kept = repr(rows(office.settings, "BATCHES"))
    for given in WHO.values():
        for secret in (given.nik, given.name, given.name.upper()):
            assert secret not in kept
    assert drained(office.settings.registry_queue_url) == []
    assert not [who for who in WHO if who in office.sent.read_text()], "the office gets no account's id"
    lines = {who: list(office.services.journal.of_person(who)) for who in WHO}
    assert {(one.route, one.person, one.outcome) for each in lines.values() for one in each} == {
        ("registry export", "arn:aws:iam::123456789012:user/budi", "done")
    }
    assert {len(each) for each in lines.values()} == {1}, "everybody can read who had the file"


def _drop(lines: list[dict[str, str]]) -> None:
    del lines[1]


def _double(lines: list[dict[str, str]]) -> None:
    lines[1] = lines[0]


def _foreign(lines: list[dict[str, str]]) -> None:
    lines[1]["reference"] = lines[0]["reference"]


def _swap(lines: list[dict[str, str]]) -> None:
    lines[0]["nik"], lines[1]["nik"] = lines[1]["nik"], lines[0]["nik"]


def _cell(column: str, value: str) -> Callable[[list[dict[str, str]]], None]:
    def change(lines: list[dict[str, str]]) -> None:
        next(line for line in lines if line["found"] == "yes")[column] = value

    return change


@pytest.mark.parametrize(
    ("change", "refusal"),
    [
        (_drop, "sum (rows)"),
        (lambda lines: lines.append(lines[0]), "1 wrong lines (8)"),
        (lambda lines: lines.append(lines[0] | {"row": "6"}), "sum (rows)"),
        (_double, "1 wrong lines"),
        (_foreign, "1 wrong lines"),
        (_swap, "2 wrong lines"),
        (_cell("row", "6"), "sum (rows)"),
        (_cell("row", "-1"), "1 wrong lines"),
        (_cell("found", "perhaps"), "1 wrong lines"),
        (_cell("found", "no"), "1 wrong lines"),
        (_cell("found", ""), "1 wrong lines"),
        (_cell("birth_date", "17-08-1995"), "1 wrong lines"),
        (_cell("sex", "W"), "1 wrong lines"),
        (_cell("province", "DKI"), "1 wrong lines"),
        (_cell("kk", "31740912031800"), "1 wrong lines"),
        (_cell("nik", "3,17409570895E+15"), "a spreadsheet spoiled"),
    ],
)
def test_a_file_with_one_row_that_is_none_of_what_was_sent_is_refused_whole(office, change: Any, refusal: str):
    office.export()
    office.answered(change)
    said = office.refused("sari", "import", str(office.answer))
    assert refusal in said
    assert not any(given.nik in said or given.name in said for given in WHO.values())
    assert office.as_("sari", "list")[0]["state"] == "SENT"


def test_sums_and_batches_that_are_others_are_refused(office):
    batch = office.export()
    office.answered()
    raw = office.answer.read_bytes()
    other = raw.replace(batch.encode(), b"a" * 26)
    for changed, refusal in (
        (raw.replace(b"SITI", b"SITO"), "sum (sha256)"),
        (raw.replace(b"gelombang-registry-1", b"another"), "1 wrong lines (1)"),
        (raw.replace(b",5,", b",6,", 1), "sum (rows)"),
        (other, "There is no batch"),
        (b"PK\x03\x04" + raw, "1 wrong lines (1)"),
    ):
        office.answer.write_bytes(changed)
        assert refusal in office.refused("sari", "import", str(office.answer))


def test_the_answer_to_one_batch_is_none_to_another(office):
    first = office.export()
    office.answered()
    office.as_("sari", "give-up", first, "--reason", "lost")
    assert "is GIVEN_UP" in office.refused("sari", "import", str(office.answer))
    old = office.answer.read_bytes()
    second = office.export()
    office.answer.write_bytes(old.replace(first.encode(), second.encode()))
    assert "2 wrong lines (3, 4)" in office.refused("sari", "import", str(office.answer))  # of the first part


def test_only_the_file_that_was_imported_is_approved(office):
    office.export()
    office.answered()
    office.as_("sari", "import", str(office.answer))
    office.answered(lambda lines: lines[-1].update(name="ANOTHER"))
    assert "not the answer that was imported" in office.refused("budi", "approve", str(office.answer), "--yes")
    assert set(office.states().values()) == {Verification.PENDING}, "only its last part is another"
    office.as_("sari", "import", str(office.answer))  # takes the place of the first
    office.as_("budi", "approve", str(office.answer), "--yes")


def test_the_version_that_was_sent_is_judged_and_a_changed_one_is_not(office):
    office.export()
    office.answered()
    office.services.registrations.register("siti", form(name="Siti Rahmah"), T0)
    office.as_("sari", "import", str(office.answer))
    office.services.registrations.register("budi", other_form(2, name="Budi Wijaya"), T0)
    found = office.as_("budi", "approve", str(office.answer), "--yes")["found"]
    assert found == {"changed_meanwhile": 2, "MISMATCH": 1, "UNKNOWN_NIK": 1, "not_answered": 1}
    assert (office.states()["siti"], office.states()["budi"]) == (Verification.PENDING, Verification.PENDING)


def test_an_approval_that_broke_off_is_finished_by_doing_it_again(office, monkeypatch: pytest.MonkeyPatch):
    office.export()
    office.answered()
    office.as_("sari", "import", str(office.answer))
    keep, kept = Verifications.keep, []

    def breaks(self: Verifications, *given: Any) -> bool:
        if len(kept) == 2:
            raise TimeoutError
        kept.append(given)
        return keep(self, *given)

    with monkeypatch.context() as broken:
        broken.setattr(Verifications, "keep", breaks)
        broken.setattr("chalicelib.civil_registry.batches._WORKERS", 1)
        assert "it may have been done" in office.refused("budi", "approve", str(office.answer), "--yes")
    assert sorted(office.states().values()).count(Verification.PENDING) == 3
    office.as_("budi", "approve", str(office.answer), "--yes")
    assert office.states() == FOUND


def test_a_part_counts_only_in_its_place_and_as_it_was_imported(office):
    batches, batch = office.services.registry_batches, office.export()
    office.answered()
    first, second, third = batch_file.parts(office.answer.read_bytes())
    sent, _ = batches.part(first, "", BatchState.SENT)
    for raw, number in ((second, 0), (first, 1), (third, 1), (first, 3)):
        with pytest.raises((MalformedRegistryFile, RegistrySumsDiffer)):
            batches.count(sent, raw, number)
    with pytest.raises(AnotherAnswer):
        batches.part(first, "a" * 26, BatchState.SENT)
    office.as_("sari", "import", str(office.answer))
    office.answered(lambda lines: lines[2].update(found="no", name="", birth_date="", kk="", province="", sex=""))
    changed = batch_file.parts(office.answer.read_bytes())
    assert [one == other for one, other in zip(changed, (first, second, third), strict=True)] == [True, False, True]
    for raw, number in ((changed[1], 1), (second, 0), (third, 3)):
        with pytest.raises(AnotherAnswer):
            batches.standing(raw, batch, number, "budi")
    with pytest.raises(BatchBySamePerson):
        batches.standing(second, batch, 1, "arn:aws:iam::123456789012:user/sari")
    assert batches.standing(second, batch, 1, "budi").state is BatchState.ANSWERED


def test_a_file_is_written_in_steps_and_a_repeat_before_its_end_writes_the_same(office, monkeypatch):
    batch: str = office.as_("sari", "propose", *WHY, "--at-most", "4")["batch"]
    monkeypatch.setattr(desk, "STEPS_S", -1)
    batches = office.services.registry_batches
    rows, people, after = batches.questions(batch, "budi", 0)
    assert (len(people), batches.questions(batch, "budi", 0)) == (2, (rows, people, after))
    assert office.as_("budi", "export", batch, "--out", str(office.sent))["rows"] == 4
    assert office.sent.read_bytes().partition(b"nik\n")[2].startswith(rows)
    assert "is SENT" in office.refused("budi", "export", batch, "--out", str(office.sent))


def test_one_batch_stands_at_a_time_and_who_was_answered_comes_into_no_other(office):
    batch = office.export()
    assert batch in office.refused("sari", "propose", *WHY)
    office.answered()
    office.as_("sari", "import", str(office.answer))
    office.as_("budi", "approve", str(office.answer), "--yes")
    office.export()
    assert office.sent.read_text().count("\n") == 3  # the control line, the columns, and who was not answered
    assert WHO["dewi"].nik in office.sent.read_text()
    dewi, much_later = office.services.registrations.registrant("dewi"), T0 + timedelta(days=60)
    assert (dewi.verification, dewi.undecided, dewi.undecided_at) == (Verification.PENDING, "without_kk", T0)
    assert office.services.registry_sweep.waiting_since(much_later) is None, "she was answered, and rings no alarm"


def test_where_a_registry_takes_files_nothing_is_swept_and_the_watch_gives_an_office_two_weeks(office):
    sweep, later = office.services.registry_sweep, T0 + timedelta(days=3)
    assert (sweep.run(later), drained(office.settings.registry_queue_url)) == (0, [])
    assert sweep.waiting_since(later) == T0 + FILES_TAKE


def test_a_stage_without_a_registry_has_no_batches(office):
    office.settings = replace(office.settings, registry_url="none")
    assert "has no civil registry" in office.refused("sari", "propose", *WHY)
