"""`gelombang partner` and `gelombang course`, on the services they steer."""

from __future__ import annotations

from itertools import count
from pathlib import Path
from types import SimpleNamespace
from typing import Any

import pytest
from botocore.exceptions import ConnectTimeoutError
from click.testing import CliRunner, Result

from admin import stages
from admin.course_commands import course
from admin.partner_commands import partner
from chalicelib.clock import utc_now
from chalicelib.config import Programme, Settings
from chalicelib.errors import NotFound
from chalicelib.training.catalogue import COLUMNS
from chalicelib.training.errors import PartnerRevoked
from tests.builders.aws_calls import Call, wrap_calls
from tests.builders.training import PATH, Scene, course_row, scene, signed
from tests.conftest import T0


@pytest.fixture
def stage(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> Scene:
    built = scene(cloud, programme)

    def load(name: str) -> SimpleNamespace:
        assert name == "test"
        return SimpleNamespace(services=built.services)

    monkeypatch.setattr(stages, "load", load)
    return built


def run(*words: str) -> Result:
    return CliRunner().invoke(partner, [*words[:1], "--stage", "test", *words[1:]])


def added(name: str) -> tuple[str, str]:
    result = run("add", name)
    assert result.exit_code == 0
    (_, partner_id), (_, key) = (line.split() for line in result.output.splitlines())
    return partner_id, key


def test_what_add_prints_is_what_signs(stage: Scene) -> None:
    partner_id, key = added("Pelatihan Jaya")
    now = utc_now()
    known = stage.services.partners.authenticate("POST", PATH, [], signed(partner_id, key, b"{}", now), b"{}", now)
    assert (known.id, known.name) == (partner_id, "Pelatihan Jaya")


@pytest.mark.parametrize("name", ["", "   ", "a" * 101, "123", "\u200b", "Balai 🏆"])
def test_a_name_that_cannot_be_shown_is_refused(stage: Scene, name: str) -> None:
    assert run("add", name).exit_code == 2
    assert stage.services.partners.all() == []


def test_list_tells_the_active_from_the_revoked_and_shows_no_key(stage: Scene) -> None:
    first, key = added("Pelatihan Jaya")
    second, _ = added("Kursus Maju")
    assert run("revoke", first).output == f"partner {first} revoked, 0 vacancies closed\n"
    lines = run("list").output.splitlines()
    assert [line.split()[0] for line in lines] == [first, second]
    assert "  revoked 20" in lines[0]
    assert "  active  Kursus Maju" in lines[1]
    assert key not in "".join(lines)


def test_a_revoked_partner_is_refused(stage: Scene) -> None:
    partner_id, key = added("Pelatihan Jaya")
    run("revoke", partner_id)
    now = utc_now()
    with pytest.raises(PartnerRevoked):
        stage.services.partners.authenticate("POST", PATH, [], signed(partner_id, key, b"{}", now), b"{}", now)


def test_revoking_nobody_is_refused(stage: Scene) -> None:
    assert isinstance(run("revoke", "a" * 26).exception, NotFound)


def import_file(folder: Path, *rows: dict[str, str], encoding: str = "utf-8") -> Result:
    path = folder / "catalogue.csv"
    path.write_text("\r\n".join([",".join(COLUMNS), *(",".join(map(row.get, COLUMNS)) for row in rows)]), encoding)
    return CliRunner().invoke(course, ["import", "--stage", "test", str(path)])


def catalogue(stage: Scene) -> list[tuple[str, int, bool]]:
    rows = sorted(stage.items("COURSES"), key=lambda row: row["code"])
    return [(row["code"], int(row["price_idr"]), row["offered"]) for row in rows]


def test_a_catalogue_is_imported_whole_and_again_and_changed(stage: Scene, tmp_path: Path) -> None:
    first, second = (course_row(stage.partner.id, code=code) for code in ("PY-1", "PY-2"))
    for encoding in ("utf-8", "utf-8-sig"):
        assert import_file(tmp_path, first, second, encoding=encoding).output == "2 courses imported\n"
        assert catalogue(stage) == [("PY-1", 1_000_000, True), ("PY-2", 1_000_000, True)]
    # A course that a later file does not mention stays; one that it does is replaced.
    changed = course_row(stage.partner.id, code="PY-2", price_idr="5", offered="no")
    assert import_file(tmp_path, changed).output == "1 courses imported\n"
    assert catalogue(stage) == [("PY-1", 1_000_000, True), ("PY-2", 5, False)]


def test_of_a_catalogue_with_a_wrong_line_nothing_is_taken(stage: Scene, tmp_path: Path) -> None:
    revoked = stage.new_partner()
    stage.services.partners.revoke(revoked.id, T0)
    right = course_row(stage.partner.id)
    wrong = [course_row(revoked.id), course_row(stage.partner.id, code="PY-2", skills="telepathy")]
    refused = import_file(tmp_path, right, *wrong)
    assert refused.exit_code == 1
    assert str(refused.exception) == "malformed_catalogue wrong=2 lines=3: provider; 4: skills"
    assert catalogue(stage) == []


def test_an_import_that_broke_off_is_finished_by_doing_it_again(
    stage: Scene, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
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
        assert import_file(tmp_path, *rows).exit_code == 1
    assert len(catalogue(stage)) == 25
    assert import_file(tmp_path, *rows).output == "60 courses imported\n"
    assert len(catalogue(stage)) == 60
