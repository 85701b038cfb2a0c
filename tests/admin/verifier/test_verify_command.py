"""`gelombang draw verify`: targets, exit codes, and what a person reads."""

from __future__ import annotations

import json
from collections.abc import Iterator
from datetime import timedelta
from pathlib import Path
from types import SimpleNamespace

import pytest
from click.testing import CliRunner, Result

from admin.commands.draw.draw import draw
from admin.commands.draw.verify import UNPROVEN
from admin.deployment import stages
from chalicelib.clock import iso
from chalicelib.config import BadConfiguration
from chalicelib.draw.cosignatures import Signer
from tests.builders.draws.files import (
    CASES,
    DEVELOPMENT,
    DEVELOPMENT_FROZEN,
    REAL_FROZEN,
    lists_of,
    published_draw,
    random_lists,
    reserved_of,
    write,
)
from tests.builders.draws.publications import GOOD, updated
from tests.builders.draws.results_site import results_site


def run(*arguments: object, env: dict[str, str] | None = None) -> Result:
    result = CliRunner().invoke(draw, ["verify", *map(str, arguments)], env=env)
    assert result.exception is None or isinstance(result.exception, SystemExit)
    return result


@pytest.mark.parametrize("case", CASES, ids=[case["name"] for case in CASES])
def test_a_folder_made_of_a_vector_exits_with_0(case, tmp_path: Path):
    files = published_draw(case["wave"], lists_of(case), reserved_of(case), case["quota"])
    result = run(write(tmp_path, files))
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1].startswith("draw verify: ok ok=")


def test_every_check_has_its_line_and_the_last_one_sums_up(tmp_path: Path):
    lines = run(write(tmp_path, GOOD)).stdout.splitlines()
    assert len(lines) == 34
    assert lines[0] == "ok           note: wave 62: 22 entries, 13 seats"
    assert "not checked  note before its round: when the note was published is not known here" in lines
    assert lines[-2:] == [UNPROVEN, "draw verify: ok ok=28 failed=0 not_checked=4"]


def test_a_failed_check_exits_with_1_and_is_named(tmp_path: Path):
    result = run(write(tmp_path, updated("result.json", seed="00" * 32)))
    assert result.exit_code == 1
    assert "FAILED       seed: wrong seed: it does not follow from the note and the signature" in result.stdout
    assert result.stdout.splitlines()[-1] == "draw verify: FAILED ok=27 failed=1 not_checked=4"
    assert result.stderr.splitlines()[-1] == "failed: seed"


def test_an_empty_folder_exits_with_1_and_names_what_is_missing(tmp_path: Path):
    result = run(tmp_path)
    assert result.exit_code == 1
    assert "FAILED       note: missing note.txt" in result.stdout


def test_the_development_chain_passes_only_for_the_local_stage(tmp_path: Path):
    folder = write(tmp_path, published_draw(70, random_lists(70, {31: 8}), {}, 3, DEVELOPMENT, DEVELOPMENT_FROZEN))
    assert run(folder).exit_code == 1
    assert run(folder, "--stage", "staging").exit_code == 1
    local = run(folder, "--stage", "local")
    assert local.exit_code == 0
    assert "proves nothing" in local.stdout


def test_what_one_knows_oneself_can_be_given(tmp_path: Path):
    folder = write(tmp_path, GOOD)
    closed = iso(REAL_FROZEN - timedelta(minutes=15))
    weights = ["--weight", 11, 2, "--weight", 31, 3, "--weight", 32, 2, "--weight", 94, 1]
    result = run(folder, "--closes-at", closed, "--seen-at", iso(REAL_FROZEN), *weights)
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "draw verify: ok ok=31 failed=0 not_checked=1"
    assert run(folder, "--closes-at", iso(REAL_FROZEN)).exit_code == 1
    assert run(folder, "--seen-at", iso(REAL_FROZEN + timedelta(minutes=31))).exit_code == 1


TICKET = (3).to_bytes(32, "big").hex()
RECEIPT = {"format": "gelombang/receipt/1", "wave": 62, "region": 31, "ticket": TICKET}


def test_with_a_ticket_or_a_receipt_the_personal_proof_is_printed_and_what_is_left_out_is_named(tmp_path: Path):
    folder, kept = write(tmp_path / "draw", GOOD), tmp_path / "receipt.json"
    kept.write_text(json.dumps(RECEIPT))
    result = run(folder, "--ticket", kept)
    assert result.exit_code == 0
    lines = result.stdout.splitlines()
    assert lines[-1] == "draw verify: ok ok=26 failed=0 not_checked=3 not_made=10"
    assert "not made     lists complete" in lines
    assert next(line for line in lines if "  verdict: " in line).startswith("ok           verdict: ")
    assert result.stderr.startswith("not made here, since that takes the whole lists (leave out --ticket): removals, ")
    assert run(folder, "--ticket", TICKET, "--region", 31).stdout == result.stdout
    assert run(folder, "--ticket", kept, "--region", 32).exit_code == 2


def test_strictly_what_a_personal_proof_does_without_does_not_count(tmp_path: Path):
    folder = write(tmp_path, GOOD)
    weights = [word for region, weight in ((11, 2), (31, 3), (32, 2), (94, 1)) for word in ("--weight", region, weight)]
    closed = iso(REAL_FROZEN - timedelta(minutes=15))
    facts = ["--closes-at", closed, "--seen-at", iso(REAL_FROZEN), *weights, "--strict", "--region", 31]
    assert run(folder, *facts, "--ticket", TICKET).exit_code == 0
    assert run(folder, *facts, "--ticket", "ab" * 32).exit_code == 1


def test_a_receipt_of_nobody_is_not_on_the_list(tmp_path: Path):
    result = run(write(tmp_path, GOOD), "--ticket", "ab" * 32, "--region", 32)
    assert result.exit_code == 1
    assert "FAILED       on the list: not on the list: region 32" in result.stdout
    assert "not checked  verdict: needs a leaf that is on the list" in result.stdout
    assert result.stderr.splitlines()[-1] == "do not rely on what is said above of your own place"


def test_what_is_no_receipt_is_a_wrong_command(tmp_path: Path):
    (tmp_path / "receipt.json").write_text(json.dumps(RECEIPT | {"format": "another"}))
    result = run(write(tmp_path, GOOD), "--ticket", tmp_path / "receipt.json")
    assert (result.exit_code, "not a receipt of the form gelombang/receipt/1" in result.stderr) == (2, True)


def test_programs_read_the_checks_as_json(tmp_path: Path):
    result = run(write(tmp_path, updated("result.json", seed="00" * 32)), "--json")
    assert result.exit_code == 1
    checks = {check["name"]: check for check in json.loads(result.stdout)}
    assert len(checks) == 32
    assert checks["seed"] == {
        "name": "seed",
        "ok": False,
        "detail": "wrong seed: it does not follow from the note and the signature",
    }
    assert checks["note before its round"]["ok"] is None
    assert checks["wave"] == {"name": "wave", "ok": True, "detail": ""}


def test_a_verifiers_own_witnesses_count_instead_of_ours(tmp_path: Path):
    signer = Signer("witness.example", b"k" * 32)
    files = GOOD | {"cosignatures.txt": signer.sign(GOOD["note.txt"], REAL_FROZEN).line()}
    folder, key = write(tmp_path, files), str(signer.public)
    stranger = str(Signer("other.example", b"o" * 32).public)
    assert "1 of 1 witnesses in time, 1 demanded" in run(folder, "--witness", key).stdout
    assert (
        "no quorum: 1 of 2 witnesses in time, 2 are demanded"
        in run(folder, "--witness", key, "--witness", stranger).stdout
    )
    for leave in (["--quorum", 1], ["--no-witness"]):
        assert run(folder, "--witness", key, "--witness", stranger, *leave).exit_code == 0
    assert (
        "0 of 1 witnesses in time, no witness is demanded" in run(folder, "--witness", stranger, "--no-witness").stdout
    )
    assert run(folder, "--witness", key, "--quorum", 2).exit_code == 2


@pytest.mark.parametrize(
    "arguments",
    [
        (),
        ("no-such-folder",),
        ("ftp://results.example/draws/62",),
        (".", "--closes-at", "yesterday"),
        (".", "--closes-at", "2023-06-05T17:00:00"),
        (".", "--ticket", "ab"),
        (".", "--ticket", "ab" * 32),
        (".", "--ticket", "nul\0"),
        (".", "--ticket", "ab" * 32, "--region", "9"),
        (".", "--region", "31"),
        (".", "--witness", "somebody"),
        (".", "--quorum", "1"),
        (".", "--quorum", "-1"),
        (".", "--no-such-option"),
    ],
)
def test_a_command_that_makes_no_sense_exits_with_2(arguments: tuple[str, ...]):
    assert run(*arguments).exit_code == 2


@pytest.fixture
def served() -> Iterator[tuple[str, dict[str, bytes]]]:
    wave = {"number": 62, "closes_at": iso(REAL_FROZEN - timedelta(minutes=15)), "state": "SETTLED"}
    with results_site() as site:
        site.files["/api/waves/62"] = json.dumps(wave).encode()
        yield site.url, site.files


def test_an_address_is_verified_with_the_time_its_note_was_published(served):
    url, _ = served
    result = run(f"{url}/draws/62")
    assert result.exit_code == 0
    assert result.stdout.splitlines()[-1] == "draw verify: ok ok=29 failed=0 not_checked=3"


def test_a_wave_by_its_number_is_found_and_its_closing_asked_for(served):
    url, _ = served
    by_options = run(62, "--results-url", url, "--api-url", f"{url}/api")
    assert by_options.exit_code == 0
    assert by_options.stdout.splitlines()[-1] == "draw verify: ok ok=30 failed=0 not_checked=2"
    env = {"GELOMBANG_RESULTS_URL": url, "GELOMBANG_API_URL": f"{url}/api"}
    assert run(62, env=env).stdout == by_options.stdout


def test_another_wave_in_the_place_of_the_one_asked_for_is_named(served):
    url, files = served
    files |= {f"/draws/63/{name}": content for name, content in files.items()}
    result = run(63, "--results-url", url)
    assert result.exit_code == 1
    assert "wrong wave: 62 instead of 63" in result.stdout


@pytest.mark.parametrize("answer", [None, b"", b"{}", b'{"closes_at": null}', b'{"closes_at": "2023-09-15T10:00:00"}'])
def test_an_api_that_does_not_tell_the_closing_leaves_that_check_undone(served, answer):
    url, files = served
    files["/api/waves/62"] = answer
    result = run(62, "--results-url", url, "--api-url", f"{url}/api")
    assert result.exit_code == 0
    assert "the API does not say when wave 62 closed" in result.stderr
    assert "not checked  note not before the close" in result.stdout


def test_without_an_address_that_of_the_deployed_stage_is_used(served, monkeypatch: pytest.MonkeyPatch):
    url, _ = served
    deployed = SimpleNamespace(api_url=f"{url}/api", settings=SimpleNamespace(results_url=url))
    monkeypatch.setattr(stages, "load", lambda name: deployed)
    assert run(62).stdout.splitlines()[-1] == "draw verify: ok ok=30 failed=0 not_checked=2"


def test_a_stage_that_cannot_be_found_is_a_usage_error(monkeypatch: pytest.MonkeyPatch):
    def absent(name: str) -> None:
        raise BadConfiguration(reason="no region: set AWS_DEFAULT_REGION")

    monkeypatch.setattr(stages, "load", absent)
    result = run(62)
    assert result.exit_code == 2
    assert "give --results-url" in result.stderr


@pytest.mark.parametrize("target", ["9" * 5000, "x" * 300, "nul\0", "http"])
def test_a_target_that_names_nothing_is_a_wrong_command_and_no_traceback(target):
    assert run(target).exit_code == 2


def test_strictly_a_check_that_could_not_be_made_counts_as_failed(tmp_path):
    write(tmp_path, GOOD)
    assert run(tmp_path, "--stage", "local").exit_code == 0
    strict = run(tmp_path, "--stage", "local", "--strict")
    assert (strict.exit_code, strict.stdout.splitlines()[-1].split()[2]) == (1, "FAILED")
