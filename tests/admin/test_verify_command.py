"""`gelombang draw verify`: targets, exit codes, and what a person reads."""

from __future__ import annotations

import json
import subprocess
import sys
import threading
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import timedelta
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result
from msgspec import structs

from admin.commands.draws import verify as verify_command
from admin.commands.draws.verify import program
from admin.commands.draws.verify import verify_command as verifier
from admin.deployment import stages
from chalicelib.clock import iso
from chalicelib.config import BadConfiguration, load_programme
from chalicelib.draw.cosignatures import Signer
from chalicelib.figures.waves import WitnessRules
from chalicelib.waves.publication.bucket import VERIFIER_FILE
from tests.builders.draws.files import (
    DEVELOPMENT,
    DEVELOPMENT_FROZEN,
    GOOD,
    LISTS,
    REAL_FROZEN,
    RESERVED,
    published_draw,
    random_lists,
    updated,
    write,
)

FOLDER = "/draws/62/"


class ResultsSite(ThreadingHTTPServer):
    """`files` by their names in `FOLDER`, others by their whole path; `asked` are the paths and the ranges of parts."""

    files: dict[str, bytes]
    asked: list[str]
    missing = 404
    modified: str | None = "Fri, 15 Sep 2023 10:30:05 GMT"
    ranges = True

    @property
    def url(self) -> str:
        """Where it is, without a slash at the end."""
        return f"http://127.0.0.1:{self.server_port}"


class _Handler(BaseHTTPRequestHandler):
    server: ResultsSite

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        content = self.server.files.get(self.path.removeprefix(FOLDER))
        status, wanted = 200, self.headers.get("Range")
        if content is not None and wanted and self.server.ranges:
            first, last = map(int, wanted.removeprefix("bytes=").split("-"))
            last = min(last, len(content) - 1)
            whole, status, content = len(content), 206, content[first : last + 1]
            self.server.asked.append(wanted)
        self.send_response(self.server.missing if content is None else status)
        if status == 206:
            self.send_header("Content-Range", f"bytes {first}-{last}/{whole}")
        if self.server.modified:
            self.send_header("Last-Modified", self.server.modified)
        self.send_header("Content-Length", str(len(content or b"")))
        self.end_headers()
        if self.command == "GET":
            self.wfile.write(content or b"")

    def do_HEAD(self) -> None:
        self.do_GET()

    def log_message(self, *_: object) -> None:
        pass


@contextmanager
def results_site() -> Iterator[ResultsSite]:
    """The site, with a good wave, while the block runs."""
    running = ResultsSite(("127.0.0.1", 0), _Handler)
    running.files, running.asked = dict(GOOD), []
    thread = threading.Thread(target=running.serve_forever, args=(0.02,))
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def run(*arguments: object, env: dict[str, str] | None = None) -> Result:
    result = CliRunner().invoke(verifier, [*map(str, arguments)], env=env)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


def test_draw_verify_prints_what_the_published_program_prints(tmp_path: Path):
    folder = write(tmp_path, updated("result.json", seed="00" * 32) | {"verify_draw.py": VERIFIER_FILE.read_bytes()})
    command = [sys.executable, str(folder / "verify_draw.py"), str(folder)]
    published = subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)
    result = run(folder)
    assert (result.exit_code, result.stdout) == (published.returncode, published.stdout)
    assert result.exit_code == 1
    assert "FAILED       result: seed: wrong seed: it should be " in result.stdout
    assert "ok           verify_draw.py: the same as this one" in result.stdout
    assert "not checked  note: public before its round: nobody says when the note was first seen" in result.stdout
    assert result.stdout.splitlines()[-2:] == [
        program().UNPROVEN,
        "verify_draw: FAILED: 31 checks hold, 1 do not, 7 could not be made",
    ]


def test_only_the_local_stage_accepts_the_development_chain(tmp_path: Path):
    draws = published_draw(70, random_lists(70, {31: 8}), {}, 3, DEVELOPMENT, DEVELOPMENT_FROZEN)
    folder = write(tmp_path / "70", draws)
    for stage in ("prod", "staging"):
        refused = run(folder, "--stage", stage)
        assert (refused.exit_code, "foreign chain: " in refused.stdout) == (1, True)
        assert "not checked  beacon: signature: the note's chain is not known" in refused.stdout
    local = run(folder, "--stage", "local")
    assert local.exit_code == 0
    assert f"not checked  THE CHAIN WAS GIVEN BY HAND: {DEVELOPMENT.hash}: its key proves only" in local.stdout
    assert run(write(tmp_path / "62", GOOD), "--stage", "local").exit_code == 0


CLOSED = iso(REAL_FROZEN - timedelta(minutes=15))
WEIGHTS = [word for region, weight in RESERVED.items() for word in ("--weight", region, weight)]
FACTS = ["--closes-at", CLOSED, "--seen-at", iso(REAL_FROZEN), *WEIGHTS]


def test_a_stage_has_its_own_delay_of_the_freeze(tmp_path: Path):
    folder = write(tmp_path, GOOD)
    closed = ["--closes-at", iso(REAL_FROZEN - timedelta(seconds=16))]
    assert "early note: " in run(folder, *closed).stdout
    assert run(folder, *closed, "--stage", "local").exit_code == 0
    assert run(folder, *closed, "--freeze-delay", 16).exit_code == 0


TICKET = (3).to_bytes(32, "big").hex()
RECEIPT = {"format": "gelombang/receipt/1", "wave": 62, "region": 31, "ticket": TICKET}


def test_a_ticket_or_receipt_gives_the_personal_proof_and_names_skipped_checks(tmp_path: Path):
    folder, kept = write(tmp_path / "62", GOOD), tmp_path / "receipt.json"
    kept.write_text(json.dumps(RECEIPT))
    result = run(folder, "--ticket", kept)
    assert result.exit_code == 0
    left_out = "removals, lists, cut-offs, all substitutions, sample, verify_draw.py"
    assert f"not checked  {left_out}: a run without --ticket checks them" in result.stdout
    assert "ok           ticket: outcome: " in result.stdout
    assert run(folder, "--ticket", TICKET, "--region", 31).stdout == result.stdout
    assert run(folder, "--ticket", kept, "--region", 32).exit_code == 2


def test_strict_fails_a_check_that_could_not_be_made_but_not_an_irrelevant_one(tmp_path):
    files = GOOD | {"verify_draw.py": VERIFIER_FILE.read_bytes()}
    folder = write(tmp_path, files)
    for facts in ([], FACTS[2:], FACTS[:2], FACTS[:4]):
        assert run(folder, *facts).exit_code == 0
        strict = run(folder, *facts, "--strict")
        assert (strict.exit_code, strict.stdout.splitlines()[-1].split()[1]) == (1, "FAILED:")
        assert json.loads(run(folder, *facts, "--strict", "--json").stdout)["ok"] is False
    assert run(folder, *FACTS, "--strict").exit_code == 0
    (folder / "substitutions.json").unlink()
    assert run(folder, *FACTS, "--strict").exit_code == 1
    own = ["--strict", "--region", 31, "--ticket"]
    assert run(folder, *FACTS, *own, TICKET).exit_code == 0
    assert run(folder, *FACTS, *own, "ab" * 32).exit_code == 1
    nothing_reserved = write(
        tmp_path / "none", published_draw(62, LISTS, {}, 13, leaving=(0,)) | {"verify_draw.py": files["verify_draw.py"]}
    )
    assert run(nothing_reserved, *FACTS[:4], "--strict").exit_code == 0


def test_an_invented_receipt_is_not_on_the_list(tmp_path: Path):
    result = run(write(tmp_path, GOOD), "--ticket", "ab" * 32, "--region", 32)
    assert result.exit_code == 1
    assert "FAILED       ticket: on the list: not on the list: " in result.stdout
    assert "not checked  ticket: outcome: it needs the leaf on its list" in result.stdout
    assert "Do not rely on what is said above of your own place" in result.stdout


def test_a_verifiers_own_witnesses_count_instead_of_ours(tmp_path: Path, monkeypatch: pytest.MonkeyPatch):
    signer, stranger = Signer("witness.example", b"k" * 32), Signer("other.example", b"o" * 32)
    files = GOOD | {"cosignatures.txt": signer.sign(GOOD["note.txt"], REAL_FROZEN).line()}
    folder, key, other = write(tmp_path, files), str(signer.public), str(stranger.public)
    assert "1 signed in time, 1 are demanded" in run(folder, "--witness", key).stdout
    assert "no quorum: 1 signed in time, 2 are demanded" in run(folder, "--witness", key, "--witness", other).stdout
    for leave in (["--quorum", 1], ["--no-witness"]):
        assert run(folder, "--witness", key, "--witness", other, *leave).exit_code == 0
    assert "0 signed in time, no witness is demanded" in run(folder, "--witness", other, "--no-witness").stdout
    assert run(folder, "--witness", key, "--quorum", 2).exit_code == 2

    programme = load_programme("prod")
    draw = structs.replace(programme.draw, witnesses=WitnessRules(quorum=2, keys=(key, other)))
    monkeypatch.setattr(verify_command, "load_programme", lambda stage: structs.replace(programme, draw=draw))
    assert "no quorum: 1 signed in time, 2 are demanded" in run(folder).stdout
    assert "1 signed in time, 1 are demanded" in run(folder, "--quorum", 1).stdout
    assert "1 signed in time, no witness is demanded" in run(folder, "--no-witness").stdout


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("ftp://results.example/draws/62",),
        (".", "--closes-at", "yesterday"),
        (".", "--ticket", "ab"),
        (".", "--ticket", ""),
        (".", "--ticket", "nul\0"),
        (".", "--ticket", "ab" * 32, "--region", "9"),
        (".", "--weight", "31"),
        (".", "--quorum", "1"),
        (".", "--quorum", "-1"),
        (".", "--no-such-option"),
    ],
)
def test_contradictory_options_exit_with_2(arguments: tuple[str, ...]):
    assert run(*arguments).exit_code == 2


FROZEN_LATER = "ok           note: frozen after the close: frozen at "


@pytest.fixture
def served() -> Iterator[tuple[str, dict[str, bytes]]]:
    wave = {"number": 62, "closes_at": iso(REAL_FROZEN - timedelta(minutes=15)), "state": "SETTLED"}
    with results_site() as site:
        site.files["/api/waves/62"] = json.dumps(wave).encode()
        yield site.url, site.files


def test_a_wave_is_found_by_number_and_its_closing_time_is_fetched(served):
    url, _ = served
    by_options = run(62, "--results-url", url, "--api-url", f"{url}/api")
    assert by_options.exit_code == 0
    assert FROZEN_LATER in by_options.stdout
    env = {"GELOMBANG_RESULTS_URL": url, "GELOMBANG_API_URL": f"{url}/api"}
    assert run(62, env=env).stdout == by_options.stdout


def test_files_of_another_wave_than_the_one_asked_for_are_named(served):
    url, files = served
    files |= {f"/draws/63/{name}": content for name, content in files.items()}
    result = run(63, "--results-url", url)
    assert result.exit_code == 1
    assert "wrong wave: the note is of wave 62, not 63" in result.stdout


@pytest.mark.parametrize("answer", [None, b"", b"{}", b'{"closes_at": null}', b'{"closes_at": "2023-09-15T10:00:00"}'])
def test_without_the_closing_time_from_the_api_that_check_is_skipped(served, answer):
    url, files = served
    files["/api/waves/62"] = answer
    result = run(62, "--results-url", url, "--api-url", f"{url}/api")
    assert result.exit_code == 0
    assert "the API does not say when wave 62 closed" in result.stderr
    assert "not checked  note: frozen after the close: " in result.stdout


def test_the_default_address_is_that_of_the_deployed_stage(served, monkeypatch: pytest.MonkeyPatch):
    url, _ = served
    deployed = SimpleNamespace(api_url=f"{url}/api", settings=SimpleNamespace(results_url=url))
    monkeypatch.setattr(stages, "load", lambda name: deployed)
    result = run(62)
    assert (result.exit_code, FROZEN_LATER in result.stdout) == (0, True)


def test_a_stage_that_cannot_be_found_is_a_usage_error(monkeypatch: pytest.MonkeyPatch):
    def absent(name: str) -> None:
        raise BadConfiguration(reason="no region: set AWS_DEFAULT_REGION")

    monkeypatch.setattr(stages, "load", absent)
    result = run(62)
    assert result.exit_code == 2
    assert "give --results-url" in result.stderr


@pytest.mark.parametrize("target", ["9" * 5000, "x" * 300, "nul\0", "http"])
def test_a_target_that_does_not_exist_is_a_usage_error(target):
    assert run(target).exit_code == 2
