"""Imports point one way (the contracts in pyproject.toml), importing does nothing, and one place builds clients."""

from __future__ import annotations

import os
import re
import subprocess
import sys
from pathlib import Path

import pytest

from bench.harness import ENVIRONMENT
from chalicelib.aws import clients
from chalicelib.config import API_TIMEOUT_S, Programme, Settings
from chalicelib.figures import Section, benefits, people, waves
from chalicelib.training import errors as training_errors
from chalicelib.web import later
from chalicelib.wiring import Services
from tests.conftest import REGION, ROOT

PURE = sorted(
    path.relative_to(ROOT).as_posix()
    for pattern in (
        *("*/rules.py", "*/wire.py", "draw/*.py", "waves/calendar.py"),
        *("accounts/*/rules.py", "accounts/contacts/contact.py", "accounts/signing_in/codes.py"),
        *("outcomes/*_rules.py", "outcomes/*_wire.py", "outcomes/figures.py"),
        *("payouts/alarm_words.py", "payouts/steps.py", "payouts/*/*_rules.py", "payouts/ledger/records.py"),
    )
    for path in (ROOT / "chalicelib").glob(pattern)
)


def test_every_folder_of_modules_is_a_package_that_the_contracts_see():
    tracked = (
        path
        for top in ("chalicelib", "admin", "local", "infrastructure", "bench")
        for path in (ROOT / top).rglob("*.py")
    )
    folders = {path.parent for path in tracked} - {ROOT / "chalicelib/draw/public"}  # what is published stands alone
    assert [folder for folder in sorted(folders) if not (folder / "__init__.py").exists()] == []


def test_the_import_contracts_hold():
    # In a process of its own: it reconfigures logging, which would deafen the tests that come after it.
    lint = Path(sys.executable).with_name("lint-imports")
    run = subprocess.run([lint, "--no-cache"], cwd=ROOT, capture_output=True, text=True)
    assert run.returncode == 0, run.stdout


@pytest.mark.parametrize("path", PURE)
def test_a_pure_file_sees_no_aws_environment_or_present_time(path):
    text = (ROOT / path).read_text()
    for word in ("boto", "pynamodb", "chalice ", "os.environ", "datetime.now", "time.time(", "utc_now"):
        assert word not in text, f"{path} mentions {word}"


def test_importing_the_application_needs_neither_environment_nor_network():
    code = "import socket\ndef refuse(*a, **k): raise SystemExit('network')\nsocket.socket.connect = refuse\nimport app"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, env={"PATH": ""}, capture_output=True, text=True)
    assert run.returncode == 0, run.stderr


def test_importing_the_application_loads_no_domain_and_no_library_that_only_some_function_uses():
    """Every cold start of every function pays for it. What routes declare is imported by their first request."""
    run = subprocess.run(
        [sys.executable, "-c", "import app, sys; print(*sys.modules)"], cwd=ROOT, capture_output=True, text=True
    )
    loaded = set(run.stdout.split())
    domains = r"accounts|registration|waves|payouts|training|jobs|helpdesk|outcomes|notices|privacy"
    works = re.compile(rf"chalicelib\.({domains}|status|web\.(me|references|openapi|pages))\b")
    libraries = {"boto3", "cryptography", "holidays", "icalendar", "joserfc", "lokal", "phonenumbers", "pyblst"}
    libraries |= {"OpenSSL", "webauthn"}
    assert "chalicelib.web.edge" in loaded, run.stderr
    assert sorted(filter(works.match, loaded)) + sorted(loaded & libraries) == []


def test_what_a_route_declares_is_what_its_modules_have():
    errors = later.Module("chalicelib.training.errors")
    assert later.taken(errors.UnknownCourse) is training_errors.UnknownCourse
    assert later.taken(None) is None
    assert later.taken_all((*errors.SIGNED, errors.UnknownCourse)) == (
        *training_errors.SIGNED,
        training_errors.UnknownCourse,
    )
    assert later.taken_all(errors.SIGNED) == tuple(training_errors.SIGNED)
    assert errors.UnknownCourse().code == "unknown_course"


def test_the_join_loads_nothing_that_only_other_requests_use():
    """The first join of each process pays for it."""
    run = subprocess.run(
        [sys.executable, "-c", "import app, sys; app.services().waves; print(*sys.modules)"],
        cwd=ROOT,
        env=os.environ | ENVIRONMENT,
        capture_output=True,
        text=True,
    )
    loaded = set(run.stdout.split())
    assert "chalicelib.waves.service" in loaded, run.stderr
    works = re.compile(r"chalicelib\.(accounts\.items|notices\.s\w+|waves\.publication|payouts\.ledger)\b")
    assert [*filter(works.match, loaded), *(loaded & {"aws_lambda_powertools"})] == []


def test_toml_is_read_in_one_place_only():
    """In a package that place reads JSON, so that no cold start loads a parser of TOML."""
    found = [path for path in (ROOT / "chalicelib").rglob("*.py") if "tomllib" in path.read_text()]
    assert found == [ROOT / "chalicelib/tables.py"]


def test_garbage_collection_skips_what_was_imported():
    """It would be a tenth of a cold start: hundreds of small ones during imports, large ones in the first request."""
    code = "import app, gc; print(gc.get_freeze_count(), gc.get_stats()[0]['collections'], int(gc.isenabled()))"
    run = subprocess.run([sys.executable, "-c", code], cwd=ROOT, capture_output=True, text=True)
    frozen, collections, enabled = map(int, run.stdout.split())
    assert frozen > 10_000
    assert collections < 50
    assert enabled


def test_the_types_of_the_figures_are_no_texts_to_evaluate():
    named = [kind for module in (benefits, people, waves) for kind in vars(module).values()]
    sections = [kind for kind in named if isinstance(kind, type) and issubclass(kind, Section)]
    types = [of_field for kind in sections for of_field in kind.__annotations__.values()]
    assert len(types) > 100
    assert [one for one in types if isinstance(one, str)] == []


def test_the_join_is_wired_with_the_client_of_dynamodb_only(
    cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch
):
    monkeypatch.setattr(clients, "client", lambda service, *_: pytest.fail(service))

    assert Services(cloud, programme).waves


def test_clients_are_built_in_one_place_only():
    builds = re.compile(r"\.create_client\(|^\s*(import|from) boto3\b", re.MULTILINE)
    found = [path for path in (ROOT / "chalicelib").rglob("*.py") if builds.search(path.read_text())]
    assert found == [ROOT / "chalicelib/aws/clients.py"]


@pytest.mark.parametrize("service", ["sqs", "secretsmanager", "kms"])
def test_a_client_gives_up_a_call_within_a_request(service: str):
    config = clients.client(service, REGION).meta.config
    assert config.connect_timeout + config.read_timeout < API_TIMEOUT_S
    assert config.retries["mode"] == "standard"
