"""`verify_draw.py`: it needs only Python, agrees with the vectors, and accepts correct waves."""

from __future__ import annotations

import ast
import json
import random
import subprocess
import sys
from hashlib import sha256
from pathlib import Path

import pytest

from chalicelib.waves.publication.bucket import VERIFIER_FILE as PROGRAM
from tests.builders.draws.files import CASES, VECTORS, encoded, lists_of, published_draw, reserved_of, write
from tests.builders.draws.verify_draw import lists, program, small_wave, verify, verify_files

v = program()


def run(*arguments: object) -> subprocess.CompletedProcess[str]:
    """As a citizen would, with nothing but Python's own library in reach."""
    command = [sys.executable, "-I", "-S", str(PROGRAM), *map(str, arguments)]
    return subprocess.run(command, capture_output=True, text=True, timeout=300, check=False)


def test_the_verifier_needs_only_python() -> None:
    tree = ast.parse(PROGRAM.read_text())
    names = [alias.name for node in ast.walk(tree) if isinstance(node, ast.Import) for alias in node.names]
    names += [node.module or "." for node in ast.walk(tree) if isinstance(node, ast.ImportFrom)]
    assert {name.partition(".")[0] for name in names} - set(sys.stdlib_module_names) == {"pyblst"}


def test_without_the_bls_library_the_verifier_names_what_it_cannot_check(tmp_path: Path) -> None:
    done = run(write(tmp_path / "54", small_wave()))
    assert done.returncode == 0, done.stdout + done.stderr
    assert done.stderr == ""
    lines = done.stdout.splitlines()
    assert any(line.startswith("not checked  beacon: signature: this Python has no BLS12-381") for line in lines)
    assert all(line.startswith(("ok  ", "not checked  ")) for line in lines[:-2])
    assert lines[-1].startswith("verify_draw: ok")


def test_a_file_named_like_a_standard_module_is_not_imported_from_the_folder(tmp_path: Path) -> None:
    folder = write(tmp_path / "54", small_wave() | {"verify_draw.py": PROGRAM.read_bytes()})
    for name in ("json", "hashlib", "pyblst"):
        (folder / f"{name}.py").write_text("raise SystemExit('run from the folder')")
    command = [sys.executable, "verify_draw.py", "."]
    done = subprocess.run(command, cwd=folder, capture_output=True, text=True, timeout=300, check=False)
    assert done.returncode == 0, done.stdout + done.stderr


def test_a_failure_shows_in_its_line_the_last_line_and_the_exit_code(tmp_path: Path) -> None:
    folder = write(tmp_path / "54", small_wave())
    (folder / "removals.json").unlink()
    done = run(folder)
    assert done.returncode == 1
    assert "FAILED       removals.json: missing: removals.json is not there\n" in done.stdout
    assert done.stdout.splitlines()[-1].startswith("verify_draw: FAILED")


def test_json_has_every_check(tmp_path: Path) -> None:
    done = run(write(tmp_path / "54", small_wave()), "--json")
    report = json.loads(done.stdout)
    assert list(report) == ["checks", "ok"]
    assert report["ok"] is True
    assert all(list(check) == ["name", "ok", "detail"] for check in report["checks"])
    assert {check["ok"] for check in report["checks"]} == {True, None}


@pytest.mark.parametrize(
    "wrong",
    [
        ["nowhere"],
        [str(PROGRAM)],
        [".", "--ticket", "00" * 32],
        [".", "--ticket", "no such file"],
        [".", "--region", "31"],
        [".", "--ticket", "00" * 32, "--region", "70000"],
        [".", "--closes-at", "2023-09-15T10:15:00"],
        [".", "--witness", "name+00000000+AAAA"],
        [".", "--chain", "1:2:3:4:5"],
        [".", "--weight", "31", "-1"],
        [".", "--time-limit", "0"],
        [".", "--time-limit", "-1"],
        ["http://127.0.0.1:1/draws/54/"],
        ["http://user@127.0.0.1/54/"],
        ["http://[/"],
    ],
)
def test_wrong_arguments_are_reported_without_a_traceback(wrong: list[str]) -> None:
    done = run(*wrong)
    assert done.returncode == 2
    assert "Traceback" not in done.stderr


def test_help_explains_every_option() -> None:
    done = run("--help")
    assert done.returncode == 0
    for option in ("--ticket", "--region", "--closes-at", "--seen-at", "--weight", "--witness", "--quorum", "--chain"):
        assert option in done.stdout


@pytest.mark.parametrize("case", CASES, ids=lambda case: case["name"])
def test_the_vectors_pass(case: dict, tmp_path: Path) -> None:
    published = published_draw(case["wave"], lists_of(case), reserved_of(case), case["quota"])
    weights = [word for pair in case["weights"].items() for word in ("--weight", pair[0], str(pair[1]))]
    verdict = verify(write(tmp_path / str(case["wave"]), published), *weights)
    assert verdict.code == 0, verdict.checks
    assert verdict.ok


def test_real_signatures_of_quicknet_pass_for_their_round_only() -> None:
    for real in VECTORS["drand_quicknet"]:
        signature = bytes.fromhex(real["signature"])
        assert v.signature_fault(v.QUICKNET, real["round"], signature) is None
        assert v.signature_fault(v.QUICKNET, real["round"] + 1, signature).startswith("forged signature")
    assert v.signature_fault(v.QUICKNET, 1, b"\xc0" + bytes(47)).startswith("forged signature")
    assert v.signature_fault(v.QUICKNET, 1, b"\xff" * 48).startswith("forged signature")


@pytest.mark.parametrize("number", range(12))
def test_correct_waves_of_any_shape_pass(number: int, tmp_path: Path) -> None:
    chance = random.Random(number)
    sizes = {
        region: chance.choice([1, 2, 7, 40, 5000 if number < 3 else 90]) for region in chance.sample(range(11, 97), 4)
    }
    reserved = {region: chance.randrange(6) for region in chance.sample(sorted(sizes), 2)} | {97: number % 2}
    reserved = {region: seats for region, seats in reserved.items() if seats}
    quota = sum(reserved.values()) + chance.randrange(12)
    seated = sum(min(sizes.get(region, 0), seats) for region, seats in reserved.items())
    leaving = [0] * min(seated, 3) if chance.random() < 0.8 else []
    published = published_draw(54, lists(54, sizes), reserved, quota, leaving=leaving)
    verdict = verify(write(tmp_path / "54", published))
    assert verdict.ok, [check for check in verdict.checks if check["ok"] is False]
    assert "not checked" not in verdict.detail("substitutions")


def test_with_all_facts_given_every_check_is_made() -> None:
    files = small_wave() | {"sample.json": sample_of(small_wave(), after=3, size=10)}
    verdict = verify_files(
        files | {"verify_draw.py": PROGRAM.read_bytes()}, "--closes-at", "2023-09-15T17:15:03+07:00",
        "--seen-at", "2023-09-15T10:31:00Z", "--weight", "31", "4", "--weight", "96", "3", "--strict", wave=54,
    )  # fmt: skip
    assert verdict.ok
    assert verdict.unchecked == ["cosignatures.txt", "witnesses: quorum"]


def sample_of(files: dict[str, bytes], after: int, size: int) -> bytes:
    """The sample as section 9 says it, in the slowest way there is."""
    result = json.loads(files["result.json"])
    seed = bytes.fromhex(result["seed"])
    cutoffs = {row["region"]: row["cutoff"] for row in result["reserved"]}
    held = {row["in"] for row in json.loads(files["substitutions.json"])[:after]}
    leaves = []
    for name, data in files.items():
        if not name.startswith("leaves/"):
            continue
        for leaf in (data[i : i + 32] for i in range(0, len(data), 32)):
            rank, opened, survey = (v.value_of(seed, purpose, leaf).hex() for purpose in ("rank", "open", "survey"))
            lost = rank > (cutoffs.get(int(name[7:9])) or "") and opened > result["open"]["cutoff"]
            if lost and leaf.hex() not in held:
                leaves.append((survey, leaf.hex()))
    chosen = [leaf for _, leaf in sorted(leaves)[:size]]
    return encoded({"after_seq": after, "size": size, "leaves": chosen})


def test_the_lowest_values_are_found_with_any_first_threshold() -> None:
    leaves = b"".join(sha256(bytes([n % 256, n // 256])).digest() for n in range(1000))
    everything = sorted(
        v.value_of(b"seed" * 8, "open", leaves[i : i + 32]) + leaves[i : i + 32] for i in range(0, 32000, 32)
    )
    for count in (0, 1, 17, 500, 999, 1000, 5000):
        assert v.lowest([leaves[:3200], leaves[3200:]], b"seed" * 8, "open", count) == everything[:count]
    # Of these only high values are left: the threshold that was hoped for finds none, and a higher one must.
    high = b"".join(sorted(entry[32:] for entry in everything[600:]))
    assert v.lowest([high], b"seed" * 8, "open", 5) == everything[600:605]
