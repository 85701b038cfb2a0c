"""Whatever the published files hold, the one-file verifier says so in its own words and reads no more than it may."""

from __future__ import annotations

import os
import random
import time
from pathlib import Path

import pytest

from tests.builders.draws.files import write
from tests.builders.draws.verify_draw import program, small_wave, verify

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
    ("regions.json", b'"region":31', b'"region": 31'),
    ("regions.json", b'"region":31', b'"region":31.0'),
    ("regions.json", b'"region":31', b'"region":"31"'),
    ("regions.json", b'"region":31', b'"region":65536'),
    ("regions.json", b'"region":31', b'"region":-31'),
    ("regions.json", b'"region":31', b'"region":true'),
    ("regions.json", b'"region":31', b'"\\u0072egion":31'),
    ("regions.json", b'"region":31', b'"region":31,"region":31'),
    ("regions.json", b'"entries":30', b'"entries":4294967296'),
    ("regions.json", b'"entries":30,"quota":4', b'"quota":4,"entries":30'),
    ("regions.json", b"}]\n", b"}]"),
    ("regions.json", b"}]\n", b"},]\n"),
    ("regions.json", b"}]\n", b'},{"region":97,"entries":0,"quota":0,"root":"' + b"0" * 64 + b'"}]\n'),
    ("regions.json", b"},{", b"}{"),
    ("regions.json", b"[", b"\xef\xbb\xbf["),
    ("regions.json", b"[", b"[" * 100_000),
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
    ("substitutions.json", b"\n", b" \n"),
    ("removals.json", b"[]", b'[{"reason":"over_age","entries":0}]'),
    ("removals.json", b"[]", b'[{"reason":"over_age","entries":1},{"reason":"over_age","entries":1}]'),
    ("removals.json", b"[]", b'[{"reason":"over_age","entries":1},{"reason":"excluded","entries":1}]'),
    ("removals.json", b"[]", b'[{"reason":"Over age","entries":1}]'),
]


@pytest.mark.parametrize(("name", "old", "new"), OTHER_FORMS)
def test_another_form_is_malformed_whatever_it_says(name: str, old: bytes, new: bytes, tmp_path: Path) -> None:
    files = small_wave()
    assert old in files[name]
    verdict = verify(write(tmp_path / "54", files | {name: files[name].replace(old, new)}))
    assert verdict.code == 1
    assert verdict.detail(name).startswith("malformed"), verdict.checks
    assert verdict.failures == ["malformed"]


def test_base64_of_another_form_is_malformed(tmp_path: Path) -> None:
    note = small_wave()["note.txt"]
    at = note.index(b"=\n") - 1  # its two lowest bits say nothing
    letters = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"
    other = bytes([letters[letters.index(note[at]) ^ 1]])
    verdict = verify(write(tmp_path / "54", small_wave() | {"note.txt": note[:at] + other + note[at + 1 :]}))
    assert verdict.failures == ["malformed"]


def test_removals_are_told(tmp_path: Path) -> None:
    content = b'{"removed":[{"reason":"excluded","entries":2},{"reason":"over_age","entries":31}]}\n'
    verdict = verify(write(tmp_path / "54", small_wave() | {"removals.json": content}))
    assert verdict.ok
    assert verdict.detail("removals.json") == "removed before the freeze: 2 excluded, 31 over_age"


@pytest.mark.parametrize("name", ["note.txt", "cosignatures.txt", "regions.json", "beacon.json", "result.json"])
def test_a_file_larger_than_it_may_be_is_not_read(name: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "54", small_wave())
    with (folder / name).open("wb") as file:
        file.truncate(1 << 40)  # no disc holds it: reading it would show
    verdict = verify(folder)
    assert verdict.failures == ["malformed"]
    assert "is larger than 1048576 bytes" in verdict.detail(name)


@pytest.mark.parametrize("name", ["leaves/31.bin", "nodes/31.bin", "substitutions.json", "sample.json"])
def test_a_list_nodes_substitutions_or_a_sample_of_another_size_is_not_read(name: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "54", small_wave())
    with (folder / name).open("wb") as file:
        file.truncate(1 << 40)
    assert verify(folder).failures == ["malformed"]


def test_more_entries_than_a_computer_can_hold_are_not_read(tmp_path: Path) -> None:
    files = small_wave()
    regions = files["regions.json"].replace(b'"entries":30', b'"entries":4294967295')
    folder = write(tmp_path / "54", files | {"regions.json": regions})
    with (folder / "leaves/31.bin").open("wb") as file:
        file.truncate(4294967295 * 32)
    assert "malformed" in verify(folder).failures


def test_the_seats_of_the_whole_world_are_no_trouble(tmp_path: Path) -> None:
    files = small_wave()
    note = files["note.txt"].replace(b"quota 20", b"quota 4294967295")
    begun = time.monotonic()
    assert not verify(write(tmp_path / "54", files | {"note.txt": note})).ok
    assert time.monotonic() - begun < 60, "one step for each seat takes many minutes"


@pytest.mark.parametrize("name", ["note.txt", "regions.json", "leaves/31.bin", "nodes/31.bin", "substitutions.json"])
def test_a_link_is_not_followed(name: str, tmp_path: Path) -> None:
    folder = write(tmp_path / "54", small_wave())
    outside = tmp_path / "outside"
    (folder / name).rename(outside)
    (folder / name).symlink_to(outside)
    verdict = verify(folder)
    assert verdict.failures == ["malformed"]
    assert any("is not a plain file" in check["detail"] for check in verdict.checks)


def test_a_folder_that_is_a_link_is_not_followed(tmp_path: Path) -> None:
    folder = write(tmp_path / "54", small_wave())
    (folder / "leaves").rename(tmp_path / "outside")
    (folder / "leaves").symlink_to(tmp_path / "outside")
    assert verify(folder).failures == ["malformed"]


def test_pipes_folders_and_unreadable_files_are_refused(tmp_path: Path) -> None:
    folder = write(tmp_path / "54", small_wave())
    for name, make in [("note.txt", os.mkfifo), ("beacon.json", Path.mkdir), ("leaves/31.bin", Path.mkdir)]:
        (folder / name).unlink()
        make(folder / name)
    verdict = verify(folder)
    assert verdict.failures == ["malformed"]
    assert verdict.code == 1


def test_what_a_file_says_does_not_steer_a_terminal() -> None:
    report = v.Report(aloud=False)
    report.add("name", False, "malformed: \x1b[2J\u202eletters\n")
    assert report.checks[0].detail == "malformed: ?[2J?letters?"


@pytest.mark.parametrize("number", range(60))
def test_nothing_gives_a_traceback(number: int, tmp_path: Path) -> None:
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
    folder = write(tmp_path / "54", files)
    verdict = verify(folder, *chance.choice([[], ["--ticket", "00" * 32, "--region", "31"]]))
    assert verdict.ok == (not verdict.failures)
    assert verdict.code in (0, 1)
