"""Clients generated from `/openapi.json`, in Python and in TypeScript, make the calls of a whole wave."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import sys
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from typing import Any

import pytest
import urllib3

from chalicelib.clock import wib_date
from chalicelib.config import Programme, Settings
from local.demo.people import people
from local.demo.postbox import Postbox
from tests.builders.training import course_row, import_courses
from tests.conftest import ROOT
from tests.e2e.world import World, world_on

HERE = Path(__file__).parent
NODE = ROOT / "build/api/node_modules/.bin"
"""Where `make test-api` puts the commands that come from npm."""
pytestmark = pytest.mark.api


class Stage:
    """Does for a client what the API does not do."""

    def __init__(self, world: World, programme: Programme) -> None:
        self._world = world
        self._person = people(1, 50, wib_date(world.now()), programme, "9" * 9)[0]
        world._fsp.books.open_accounts([self._person.address])
        self._programme = programme

    def now(self) -> str:
        return self._world.now().isoformat()

    def wait(self, seconds: float) -> None:
        self._world.wait_until(self._world.now() + timedelta(seconds=seconds))

    def person(self) -> dict[str, Any]:
        return {"email": self._person.email, "form": self._person.form, "address": self._person.address}

    def code(self, contact: str) -> str:
        self._world.deliver()
        return Postbox(self._world.mails, lambda: None).codes(contact)[-1]

    def open(self) -> int:
        opens_at = self._world.now().replace(microsecond=0) + timedelta(hours=1)
        number = self._world.add_wave(opens_at, opens_at + timedelta(hours=3), 1)
        self._world.fire("advance")
        self._world.wait_until(opens_at)
        self._world.fire("advance")
        return number

    def draw(self, number: int) -> None:
        self._world.wait_until(self._world.close_wave(number))
        for _ in range(20):
            if self._world.services.waves.get(number, self._world.now()).state == "SETTLED":
                return
            self.wait(10)
            self._world.fire("advance")
        raise AssertionError("the wave was not settled")

    def partner(self) -> tuple[str, str]:
        partner = self._world.add_partner("Pelatihan Jaya")
        row = course_row(partner.id)
        import_courses(self._world.services, [",".join(row), ",".join(row.values())], self._world.now())
        return partner.id, partner.key

    def pay(self) -> None:
        self.wait(1)
        self._world.fire("sweep_payouts")

    def surveys(self) -> None:
        self.wait(10)
        self._world.fire("open_surveys")

    def answer(self, question: dict[str, Any]) -> Any:
        if question["kind"] == "scale":
            return question["lowest"]
        value = question["choices"][0]["value"]
        return [value] if question["kind"] == "choices" else value


def play(world: World, programme: Programme, *command: str | Path, env: dict[str, str] | None = None) -> None:
    """Run a client, which writes what it asks of the stage in lines, to its end."""
    stage = Stage(world, programme)
    pipe = subprocess.PIPE
    with subprocess.Popen([*command, world.url], stdin=pipe, stdout=pipe, text=True, env=env) as client:
        assert client.stdin
        assert client.stdout
        for line in client.stdout:
            word, *about = json.loads(line)
            print(json.dumps(getattr(stage, word)(*about)), file=client.stdin, flush=True)
    assert client.returncode == 0


def run(*command: str | Path, **given: Any) -> None:
    ran = subprocess.run(command, capture_output=True, text=True, **given)
    assert ran.returncode == 0, ran.stdout + ran.stderr


@pytest.fixture
def world(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    with world_on(cloud, programme, monkeypatch) as world:
        yield world


@pytest.fixture
def described(world: World, tmp_path: Path) -> Path:
    """The document as the application serves it, in a file."""
    path = tmp_path / "openapi.json"
    path.write_bytes(urllib3.request("GET", f"{world.url}/openapi.json").data)
    return path


def test_a_linter_finds_nothing(described: Path) -> None:
    quiet = os.environ | {"REDOCLY_TELEMETRY": "off", "REDOCLY_SUPPRESS_UPDATE_NOTICE": "true"}
    run(NODE / "redocly", "lint", described, "--extends", "recommended-strict", env=quiet)


def test_a_python_client_plays_a_wave(world: World, programme: Programme, described: Path, tmp_path: Path) -> None:
    python, code = Path(sys.executable).parent, HERE / "client.py"
    run(python / "openapi-python-client", "generate", "--path", described, "--fail-on-warning", "--meta", "none",
        "--output-path", tmp_path / "gelombang_client", "--config", HERE / "openapi-python-client.yaml")  # fmt: skip
    env = os.environ | {"PYTHONPATH": str(tmp_path), "MYPYPATH": str(tmp_path)}
    run(python / "mypy", "--strict", "--no-incremental", code, env=env, cwd=tmp_path)
    play(world, programme, python / "python", code, env=env)


def test_a_typescript_client_plays_a_wave(world: World, programme: Programme, described: Path) -> None:
    folder = NODE.parent.parent / "wave"
    shutil.copytree(HERE, folder, dirs_exist_ok=True, ignore=shutil.ignore_patterns("*.py*", "*.toml"))
    run(NODE / "openapi-typescript", described, "--output", folder / "openapi.d.ts", "--default-non-nullable", "false")
    run(NODE / "tsc", "--project", folder)
    play(world, programme, "node", folder / "client.js")
