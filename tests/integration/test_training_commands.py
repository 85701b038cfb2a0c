"""`gelombang partner`, on the service it steers."""

from __future__ import annotations

from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from admin import stages
from admin.partner_commands import partner
from chalicelib.clock import utc_now
from chalicelib.config import Programme, Settings
from chalicelib.errors import NotFound
from chalicelib.training.errors import PartnerRevoked
from tests.builders.training import PATH, Scene, scene, signed


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
    known = stage.services.partners.authenticate("POST", PATH, signed(partner_id, key, b"{}", now), b"{}", now)
    assert (known.id, known.name) == (partner_id, "Pelatihan Jaya")


@pytest.mark.parametrize("name", ["", "   ", "a" * 101, "two\nlines"])
def test_a_name_that_cannot_be_shown_is_refused(stage: Scene, name: str) -> None:
    assert run("add", name).exit_code == 2
    assert stage.services.partners.all() == []


def test_list_tells_the_active_from_the_revoked_and_shows_no_key(stage: Scene) -> None:
    first, key = added("Pelatihan Jaya")
    second, _ = added("Kursus Maju")
    assert run("revoke", first).output == f"partner {first} revoked\n"
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
        stage.services.partners.authenticate("POST", PATH, signed(partner_id, key, b"{}", now), b"{}", now)


def test_revoking_nobody_is_refused(stage: Scene) -> None:
    assert isinstance(run("revoke", "a" * 26).exception, NotFound)
