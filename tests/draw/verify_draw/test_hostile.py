"""`verify_draw.py` on malformed published files: it names the fault and never reads more than its limits."""

from __future__ import annotations

import json
import random
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from tests.builders.draws.files import encoded, write
from tests.builders.draws.verify_draw import program, small_wave, verify, verify_files

v = program()

OTHER_FORMS: list[tuple[str, bytes, bytes]] = [
    ("note.txt", b"gelombang/draw/1", b"gelombang/draw/2"),
    ("note.txt", b"wave 54", b"wave 054"),
    ("note.txt", b"wave 54", b"wave +54"),
    ("note.txt", b"wave 54", b"wave 5\xd9\xa4"),
    ("note.txt", b"wave 54", b"wave 4294967296"),
    ("note.txt", b"quota 20", b"quota 4294967296"),
    ("note.txt", b"quota 20", b"quota " + b"9" * 5000),
    ("note.txt", b"\n", b"\r\n"),
    ("note.txt", b"657413\n", b"657413"),
    ("note.txt", b"657413\n", b"657413\n\n"),
    ("note.txt", b"657413", b"18446744073709551616"),
    ("note.txt", b"2023-09-15T10:30:03Z", b"2023-09-31T10:30:03Z"),
    ("note.txt", b"2023-09-15T10:30:03Z", b"0000-00-00T00:00:00Z"),
    ("note.txt", b"2023-09-15T10:30:03Z", b"2023-09-15T10:30:03+00:00"),
    ("note.txt", b"beacon 52db", b"beacon 52DB"),
    ("regions.json", b'"region":31', b'"region":31.0'),
    ("regions.json", b'"region":31', b'"region":"31"'),
    ("regions.json", b'"region":31', b'"region":65536'),
    ("regions.json", b'"region":31', b'"region":-31'),
    ("regions.json", b'"region":31', b'"region":true'),
    ("regions.json", b'"region":31', b'"region":31,"region":31'),
    ("regions.json", b'"entries":30', b'"entries":4294967296'),
    ("regions.json", b"}]\n", b"},]\n"),
    ("regions.json", b"}]\n", b'},{"region":97,"entries":0,"quota":0,"root":"' + b"0" * 64 + b'"}]\n'),
    ("regions.json", b"},{", b"}{"),
    ("regions.json", b'"region":31', b'"region":9'),
    ("regions.json", b'"region":31', b'"region":"../../x"'),
    ("regions.json", b'"region":31', b'"region":32'),
    ("regions.json", b'"entries":30', b'"entries":"30"'),
    ("regions.json", b'"quota":4,', b""),
    ("regions.json", b'"root":"', b'"root":"00'),
    ("regions.json", b'"}]', b'\\n"}]'),
    ("beacon.json", b"{", b'{"round":1,'),
    ("beacon.json", b'"round":657413', b'"round":0'),
    ("beacon.json", b'"signature":"', b'"signature":"00'),
    ("result.json", b'"region":96', b'"region":31'),
    ("result.json", b'"seed":"', b'"seed":"AB'),
    ("substitutions.json", b'"seat":"31"', b'"seat":""'),
    ("substitutions.json", b'"in":', b'"into":'),
    ("regions.json", b"[", b"\xef\xbb\xbf["),
    ("beacon.json", b'"round":657413', b'"round":18446744073709551616'),
    ("beacon.json", b"}\n", b',"more":1}\n'),
    ("beacon.json", b"}\n", b"}\n{}\n"),
    ("result.json", b'"wave":54', b'"wave":NaN'),
    ("result.json", b'"wave":54', b'"wave":1e1'),
    ("result.json", b'"open":{', b'"open":{"more":1,'),
    ("result.json", b'"seats":4', b'"seats":4294967296'),
    ("substitutions.json", b"family_card", b"unlucky"),
    ("substitutions.json", b'"seat":"31"', b'"seat":31'),
    ("substitutions.json", b'"seat":"31"', b'"seat":"031"'),
    ("removals.json", b"[]", b'[{"reason":"over_age","entries":0}]'),
    ("removals.json", b"[]", b'[{"reason":"over_age","entries":1},{"reason":"over_age","entries":1}]'),
    ("removals.json", b"[]", b'[{"reason":"over_age","entries":1},{"reason":"excluded","entries":1}]'),
    ("removals.json", b"[]", b'[{"reason":"Over age","entries":1}]'),
]


@pytest.mark.parametrize(("name", "old", "new"), OTHER_FORMS)
def test_a_file_of_another_form_is_malformed(name: str, old: bytes, new: bytes) -> None:
    files = small_wave()
    assert old in files[name]
    verdict = verify_files(files | {name: files[name].replace(old, new)}, wave=54)
    assert verdict.code == 1
    assert verdict.detail(name).startswith("malformed"), verdict.checks
    assert verdict.failures == ["malformed"]


OF_ITS_FORM = {
    "removals.json": encoded({"removed": [{"reason": "over_age", "entries": 3}]}),
    "sample.json": encoded({"after_seq": 0, "size": 1, "leaves": ["ab" * 32]}),
}


def turned(document: Any) -> Any:
    """The same facts, the fields of every object in the other order."""
    if isinstance(document, dict):
        return {field: turned(value) for field, value in reversed(document.items())}
    return [turned(value) for value in document] if isinstance(document, list) else document


OTHERWISE: dict[str, Callable[[bytes], bytes]] = {
    "spaced": lambda raw: json.dumps(json.loads(raw)).encode() + b"\n",
    "in another order": lambda raw: encoded(turned(json.loads(raw))),
    "without a line end": lambda raw: raw[:-1],
    "with two line ends": lambda raw: raw + b"\n",
    "with another line end": lambda raw: raw[:-1] + b"\r\n",
    "with a character escaped": lambda raw: raw.replace(b"e", b"\\u0065", 1),
}
NAMES = ["regions.json", "removals.json", "beacon.json", "result.json", "substitutions.json", "sample.json"]


@pytest.mark.parametrize("otherwise", OTHERWISE.values(), ids=OTHERWISE)
@pytest.mark.parametrize("name", NAMES)
def test_the_same_facts_in_another_notation_are_malformed(name: str, otherwise: Callable[[bytes], bytes]) -> None:
    files = small_wave() | OF_ITS_FORM
    other = otherwise(files[name])
    assert other != files[name]
    assert verify_files(files | {name: other}).detail(name).startswith(f"malformed: {name}: ")


JUNK = {
    "nothing": b"",
    "no JSON": b"<html>",
    "no UTF-8": b"\xff\xfe[\x00]\x00",
    "a byte order mark": b"\xef\xbb\xbf[]",
    "another kind": b"7",
    "null": b"null",
    "deep": b"[" * 200_000,
    "a very long number": b"9" * 5000,
    "not a number": b"[NaN]",
}


@pytest.mark.parametrize("junk", JUNK.values(), ids=JUNK)
@pytest.mark.parametrize("name", [*NAMES, "note.txt", "cosignatures.txt", "leaves/31.bin", "nodes/31.bin"])
def test_junk_instead_of_a_file_is_malformed(name: str, junk: bytes) -> None:
    checks = verify_files(small_wave() | {name: junk}).checks
    assert [check["detail"].startswith(f"malformed: {name}") for check in checks if check["ok"] is False] == [True]


@pytest.mark.parametrize("changes", [{"size": 0}, {"after_seq": -1}, {"leaves": ["ab"]}, {"picked_by": "nobody"}])
def test_a_sample_of_another_form_is_malformed(changes: dict[str, object]) -> None:
    sample = encoded(json.loads(OF_ITS_FORM["sample.json"]) | changes)
    assert verify_files(small_wave() | {"sample.json": sample}).failures == ["malformed"]


@pytest.mark.parametrize("length", [0, 31, 29 * 32, 30 * 32 - 1, 30 * 32 + 1, 31 * 32])
def test_a_list_of_another_length_is_malformed(length: int) -> None:
    verdict = verify_files(small_wave() | {"leaves/31.bin": bytes(length)})
    assert verdict.detail("list of 31") == f"malformed: leaves/31.bin has {length} bytes, not 960"


def test_a_fault_of_the_verifier_itself_is_a_failed_check() -> None:
    def broken(*_: object) -> None:
        raise ZeroDivisionError

    with mock.patch.object(v, "check_round", broken):
        verdict = verify_files(small_wave())
    assert verdict.code == 1
    assert verdict.detail("note").endswith("malformed: this program could not follow it (ZeroDivisionError)")


def test_a_file_that_may_not_be_read_is_missing(tmp_path: Path) -> None:
    folder = write(tmp_path / "54", small_wave())

    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    with mock.patch.object(v, "plainly", refuse):
        assert verify(folder).detail("note.txt") == "missing: note.txt cannot be read: Permission denied"


def test_base64_of_another_form_is_malformed() -> None:
    note = small_wave()["note.txt"]
    at = note.index(b"=\n") - 1  # its two lowest bits say nothing
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = bytes([letters[letters.index(note[at]) ^ 1]])
    verdict = verify_files(small_wave() | {"note.txt": note[:at] + other + note[at + 1 :]})
    assert verdict.failures == ["malformed"]


def test_removals_are_printed() -> None:
    content = b'{"removed":[{"reason":"excluded","entries":2},{"reason":"over_age","entries":31}]}\n'
    verdict = verify_files(small_wave() | {"removals.json": content})
    assert verdict.ok
    assert verdict.detail("removals.json") == "removed before the freeze: 2 excluded, 31 over_age"


SMALL = ["note.txt", "cosignatures.txt", "regions.json", "beacon.json", "result.json"]


@pytest.mark.parametrize("name", [*SMALL, "sample.json"])
def test_a_file_larger_than_it_may_be_is_not_read(name: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "54", small_wave())
    with (folder / name).open("wb") as file:
        file.truncate(1 << 40)  # no disc holds it: reading it would show
    verdict = verify(folder)
    assert verdict.failures == ["malformed"]
    assert ("is larger than 1048576 bytes" in verdict.detail(name)) == (name in SMALL)


def test_more_entries_than_a_computer_can_hold_are_not_read(tmp_path: Path) -> None:
    files = small_wave()
    regions = files["regions.json"].replace(b'"entries":30', b'"entries":4294967295')
    folder = write(tmp_path / "54", files | {"regions.json": regions})
    with (folder / "leaves/31.bin").open("wb") as file:
        file.truncate(4294967295 * 32)
    assert "malformed" in verify(folder).failures


def test_the_seats_of_the_whole_world_are_no_trouble() -> None:
    files = small_wave()
    note = files["note.txt"].replace(b"quota 20", b"quota 4294967295")
    begun = time.monotonic()
    assert not verify_files(files | {"note.txt": note}).ok
    assert time.monotonic() - begun < 60, "one step for each seat takes many minutes"


def test_control_characters_in_a_file_do_not_reach_the_terminal() -> None:
    report = v.Report(aloud=False)
    report.add("name", False, "malformed: \x1b[2J\u202eletters\n")
    assert report.checks[0].detail == "malformed: ?[2J?letters?"


@pytest.mark.parametrize("number", range(60))
def test_nothing_gives_a_traceback(number: int) -> None:
    """Any file with bytes changed, cut, repeated or put in: an answer, and hardly ever a good one."""
    chance = random.Random(number)
    files = dict(small_wave())
    for name in chance.sample(sorted(files), chance.choice([1, 1, 2, 5])):
        data = bytearray(files[name])
        for _ in range(chance.choice([1, 1, 3])):
            at = chance.randrange(len(data) + 1)
            end = at + chance.choice([0, 1, 1, 32, 200])
            data[at:end] = chance.choice(
                [b"", b"0", b"9", b"null", b'"', b"\xff", chance.randbytes(3), bytes(data[:at])]
            )
        files[name] = bytes(data)
    verdict = verify_files(files, *chance.choice([[], ["--ticket", "00" * 32, "--region", "31"]]))
    assert verdict.ok == (not verdict.failures)
    assert verdict.code in (0, 1)
    assert not any("could not follow" in check["detail"] for check in verdict.checks)
