"""`gelombang partner` and `gelombang course`, on the services they steer."""

from __future__ import annotations

import json
from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError
from click.testing import Result

from admin.deployment import stages
from chalicelib.clock import utc_now
from chalicelib.config import Programme, Settings
from chalicelib.training.catalogue import COLUMNS
from tests.builders.aws.calls import Call, wrap_calls
from tests.builders.commands import invoke
from tests.builders.training import ANI, BUDI, PATH, Scene, course_row, scene, signed
from tests.conftest import T0


@pytest.fixture
def stage(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> Scene:
    built = scene(cloud, programme)

    monkeypatch.setattr(stages, "load", {"test": SimpleNamespace(services=built.services)}.__getitem__)
    monkeypatch.setattr(stages, "caller", lambda: ANI)
    return built


def run(*words: str) -> Result:
    reason = () if words[0] == "list" else ("--reason", "trial")
    return invoke(["partner", *words[:1], "--stage", "test", *words[1:], *reason])


def added(name: str) -> tuple[str, str]:
    found = json.loads(run("add", name, "--json").stdout)
    return found["partner"], found["key"]


def test_the_key_that_add_prints_signs(stage):
    partner_id, key = added("Pelatihan Jaya")
    now = utc_now()
    known = stage.services.partners.authenticate("POST", PATH, [], signed(partner_id, key, b"{}", now), b"{}", now)
    assert (known.id, known.name) == (partner_id, "Pelatihan Jaya")


@pytest.mark.parametrize("name", ["", "   ", "a" * 101, "123", "\u200b", "Balai 🏆"])
def test_a_name_that_cannot_be_shown_is_refused(stage, name):
    assert run("add", name).exit_code == 2
    assert stage.services.partners.all() == []


def test_an_office_is_believed_once_another_person_approved_it_and_its_proofs_are_found(stage, monkeypatch):
    partners = stage.services.partners
    office = json.loads(run("add", "Kantor Camat", "--office", "--json").stdout)
    ask = ["partner", "approve", "--stage", "test", office["partner"]]
    for same in (ANI, ANI.replace("office/ani", "admin/Ani")):
        monkeypatch.setattr(stages, "caller", lambda same=same: same)
        assert "(payout_same_person)" in invoke([*ask, "--yes"]).output
    monkeypatch.setattr(stages, "caller", lambda: BUDI)
    assert invoke(ask).exit_code == 1, "nobody answers"
    assert not partners.office(office["partner"]).may("office")
    approved = invoke(ask, input="y\n")
    for words in ("Kantor Camat", ANI, "trial", "waits for approval", "active"):
        assert words in approved.output
    assert partners.office(office["partner"]).may("office")
    acts = json.loads(run("list", "--json").stdout)["acts"]
    assert [(act["deed"], act["by"]) for act in acts] == [("APPROVE", BUDI), ("ADD", ANI)]
    # What it proved, if it has to be revoked: whose, and on which day.
    stage.services.journal.seen(office["partner"], "POST /partners/presences", "presence", "siti-1", T0)
    day = ("--day", T0.date().isoformat(), "--partners", "--person", office["partner"])
    shown = invoke(["journal", "show", "--stage", "test", *day, "--json"])
    assert [line["registrant"] for line in json.loads(shown.stdout)] == ["siti-1"]


def test_list_shows_which_partners_are_revoked_and_no_key(stage):
    first, key = added("Pelatihan Jaya")
    second, _ = added("Kursus Maju")
    revoked = json.loads(run("revoke", first, "--json").stdout)
    assert revoked == {"partner": first, "state": "revoked", "vacancies_closed": 0}
    listed = json.loads(run("list", "--json").stdout)["partners"]
    assert [(row["partner"], row["name"], row["state"]) for row in listed] == [
        (first, "Pelatihan Jaya", "revoked"),
        (second, "Kursus Maju", "active"),
    ]
    assert [row["revoked_at"] is None for row in listed] == [False, True]
    assert key not in run("list").output


def test_revoking_nobody_is_refused(stage):
    refused = run("revoke", "a" * 26)
    assert (refused.exit_code, f"(not_found partner_id={'a' * 26})" in refused.output) == (1, True)


def file_of(folder: Path, *rows: dict[str, str], encoding: str = "utf-8") -> str:
    path = folder / "catalogue.csv"
    path.write_text("\r\n".join([",".join(COLUMNS), *(",".join(map(row.get, COLUMNS)) for row in rows)]), encoding)
    return str(path)


def courses(person: str, *words: str) -> Result:
    """A command as one of the administrators."""
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(stages, "caller", lambda: person)
        return invoke(["course", *words, "--stage", "test"])


WHY = ("--reason", "katalog November")


def propose(path: str) -> Result:
    return courses(ANI, "import", path, *WHY)


def approve(path: str) -> Result:
    return courses(BUDI, "approve", path, "--yes")


def import_file(folder: Path, *rows: dict[str, str], encoding: str = "utf-8") -> str:
    """Ani proposes it, and Budi approves it: the last line that Budi is told."""
    path = file_of(folder, *rows, encoding=encoding)
    propose(path)
    return " ".join(approve(path).output.splitlines()[-1].split())


def catalogue(stage: Scene) -> list[tuple[str, int, bool]]:
    rows = sorted(stage.items("COURSES"), key=lambda row: row["code"])
    return [(row["code"], int(row["price_idr"]), row["offered"]) for row in rows]


def test_a_catalogue_is_imported_whole_and_again_and_changed(stage, tmp_path):
    first, second = (course_row(stage.partner.id, code=code) for code in ("PY-1", "PY-2"))
    for encoding in ("utf-8", "utf-8-sig"):
        assert import_file(tmp_path, first, second, encoding=encoding) == "courses imported 2"
        assert catalogue(stage) == [("PY-1", 1_000_000, True), ("PY-2", 1_000_000, True)]
    # A course that a later file does not mention stays; one that it does is replaced.
    changed = course_row(stage.partner.id, code="PY-2", price_idr="10000", offered="no")
    assert import_file(tmp_path, changed) == "courses imported 1"
    assert catalogue(stage) == [("PY-1", 1_000_000, True), ("PY-2", 10_000, False)]


def test_a_catalogue_with_a_wrong_line_is_refused_whole(stage, tmp_path):
    revoked = stage.new_partner()
    stage.services.partners.revoke(revoked.id, T0)
    right = course_row(stage.partner.id)
    wrong = [course_row(revoked.id), course_row(stage.partner.id, code="PY-2", skills="telepathy")]
    path = file_of(tmp_path, right, *wrong)
    for refused in (propose(path), approve(path)):
        assert refused.exit_code == 1
        assert "2 wrong lines: 3: provider; 4: skills. Nothing was imported. (malformed_catalogue" in refused.output
    assert (catalogue(stage), stage.items("CONTROL")) == ([], [])


def shown(result: Result) -> list[str]:
    """The changes that a command showed."""
    lines = [line.strip() for line in result.output.splitlines()]
    return [line for line in lines if line.startswith(("changed ", "new "))]


def test_two_people_import_a_catalogue_and_the_second_is_shown_what_it_changes(stage, tmp_path):
    import_file(tmp_path, *(course_row(stage.partner.id, code=code) for code in ("PY-1", "PY-2", "PY-3")))
    rows = [
        course_row(stage.partner.id, code="PY-1"),
        course_row(stage.partner.id, code="PY-2", price_idr="2000000", hours="9", offered="no"),
        course_row(stage.partner.id, code="PY-4", title="Las"),
    ]
    before = catalogue(stage)
    path = file_of(tmp_path, *rows)
    name = f"{stage.partner.id} PY-"
    changes = [
        f"changed  {name}2: price_idr 1000000 -> 2000000, hours 1 -> 9, offered yes -> no",
        f"new      {name}4: title Las, price_idr 1000000, hours 1, mode online, province -,"
        " skills data_analysis;programming, offered yes",
    ]
    assert shown(propose(path)) == changes
    assert catalogue(stage) == before
    # Not by who proposed it, however the name is spelt, nor by anybody who says no.
    for same in (ANI, ANI.replace("office/ani", "admin/Ani")):
        refused = courses(same, "approve", path, "--yes")
        assert (refused.exit_code, shown(refused)) == (1, changes)
        assert "(payout_same_person)" in refused.output
    assert courses(BUDI, "approve", path).exit_code == 1, "nobody answers"
    assert catalogue(stage) == before
    approved = approve(path)
    assert shown(approved) == changes
    for words in ("courses imported  3", ANI, "katalog November"):
        assert words in approved.output
    assert len(catalogue(stage)) == 4
    again = approve(path)
    assert (again.exit_code, "(catalogue_not_proposed)" in again.output) == (1, True)
    acts = json.loads(courses(ANI, "history", "--json").stdout)
    assert [(act["deed"], act["about"].split()[0]) for act in acts] == [
        ("IMPORT", "catalogue"),
        ("PROPOSE", "catalogue"),
    ] * 2
    assert (acts[0]["by"], acts[0]["reason"]) == (BUDI, f"{ANI}: katalog November")


def test_only_the_proposed_catalogue_is_imported_in_whatever_form(stage, tmp_path):
    rows = [course_row(stage.partner.id, code=code) for code in ("PY-1", "PY-2")]
    propose(file_of(tmp_path, *rows))
    for other in (rows[:1], [*rows, course_row(stage.partner.id)], [rows[0], rows[1] | {"hours": "2"}]):
        refused = approve(file_of(tmp_path, *other))
        assert (refused.exit_code, "(catalogue_not_proposed)" in refused.output) == (1, True)
    assert catalogue(stage) == []
    turned = file_of(tmp_path, *(row | {"skills": "data_analysis;programming"} for row in rows[::-1]))
    assert approve(turned).exit_code == 0
    # The next proposal takes the place of the one before.
    for code in ("PY-3", "PY-4"):
        propose(file_of(tmp_path, course_row(stage.partner.id, code=code)))
    assert approve(file_of(tmp_path, course_row(stage.partner.id, code="PY-3"))).exit_code == 1
    # Who made it or who would approve it takes it away.
    assert ANI in courses(BUDI, "reject", "--reason", "two prices are wrong").output
    path = file_of(tmp_path, course_row(stage.partner.id, code="PY-4"))
    for refused in (approve(path), courses(ANI, "reject", *WHY)):
        assert (refused.exit_code, "(catalogue_not_proposed)" in refused.output) == (1, True)


def test_nothing_is_proposed_without_a_reason(stage, tmp_path):
    path = file_of(tmp_path, course_row(stage.partner.id))
    for words in ((), ("--reason", " ")):
        assert courses(ANI, "import", path, *words).exit_code == 2
    assert stage.items("CONTROL") == []


def test_a_catalogue_in_a_wrong_spreadsheet_format_is_refused_with_its_format(stage, tmp_path):
    path = Path(file_of(tmp_path, course_row(stage.partner.id, title="Python")))
    text = path.read_text()
    for spoilt, code in ((text.replace(",", ";").encode(), "not_commas"), (text.encode("utf-16"), "not_utf8")):
        path.write_bytes(spoilt)
        for refused in (propose(str(path)), approve(str(path))):
            assert (refused.exit_code, f"({code}" in refused.output) == (1, True)
    assert stage.items("CONTROL") == []


def test_a_title_is_normalised_to_what_is_visible(stage, tmp_path):
    titled = course_row(stage.partner.id, title=" Dasar\u00a0Python \u2013 \u200bpemula ")
    assert import_file(tmp_path, titled) == "courses imported 1"
    assert [row["title"] for row in stage.items("COURSES")] == ["Dasar Python - pemula"]


def test_an_interrupted_import_is_finished_by_repeating_it(stage, tmp_path, monkeypatch):
    rows = [course_row(stage.partner.id, code=f"PY-{n:02d}") for n in range(60)]
    calls = count()

    def breaking(original: Call) -> Call:
        def call(client: Any, operation: str, parameters: Any) -> Any:
            if operation == "BatchWriteItem" and next(calls) == 1:
                raise ConnectTimeoutError(endpoint_url="dynamodb")
            return original(client, operation, parameters)

        return call

    with monkeypatch.context() as broken:
        wrap_calls(broken, breaking)
        import_file(tmp_path, *rows)
    assert len(catalogue(stage)) == 25
    # It still stands as it was proposed, and half of it is not taken away.
    refused = courses(ANI, "reject", *WHY)
    assert (refused.exit_code, "(catalogue_import_begun)" in refused.output) == (1, True)
    assert "courses imported  60" in approve(file_of(tmp_path, *rows)).output
    assert len(catalogue(stage)) == 60
