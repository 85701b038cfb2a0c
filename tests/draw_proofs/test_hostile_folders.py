"""The verifier on hostile folders: it names each fault and never hangs."""

from __future__ import annotations

import os
import socket
from collections.abc import Callable
from pathlib import Path

import pytest

from tests.builders.draws.files import GOOD, LISTS, write
from tests.builders.draws.verify_draw import verify

from .verifiers import named


def failures(folder: Path) -> set[str]:
    return named(check["detail"] for check in verify(folder).checks if check["ok"] is False)


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path / "62", GOOD)


def linked(path: Path) -> None:
    path.rename(path.parent.parent / f"outside-{path.name}")
    path.symlink_to(path.parent.parent / f"outside-{path.name}")


def linked_within(path: Path) -> None:
    path.rename(path.parent / "other.name")
    path.symlink_to("other.name")


def a_socket(path: Path) -> None:
    here = Path.cwd()
    os.chdir(path.parent)  # the path of a socket may not be long
    try:
        with socket.socket(socket.AF_UNIX) as one:
            one.bind(path.name)
    finally:
        os.chdir(here)


def instead(make: Callable[[Path], object]) -> Callable[[Path], None]:
    """Put what is there aside, and make something else in its place."""

    def spoil(path: Path) -> None:
        path.rename(path.parent / "put-aside")
        make(path)

    return spoil


PLAIN = ["note.txt", "regions.json", "beacon.json", "result.json", "removals.json", "substitutions.json"]
PLAIN += ["leaves/31.bin", "nodes/31.bin"]
NO_FOLDER: dict[str, Callable[[Path], None]] = {
    "linked": linked,
    "linked within": linked_within,
    "round and round": instead(lambda path: path.symlink_to(path)),
    "a pipe": instead(os.mkfifo),
}
NO_FILE = NO_FOLDER | {
    "to a device": instead(lambda path: path.symlink_to("/dev/zero")),
    "a socket": instead(a_socket),
    "a folder": instead(Path.mkdir),
    "huge": lambda path: os.truncate(path, 1 << 40),
}


@pytest.mark.parametrize("kind", NO_FILE)
@pytest.mark.parametrize("name", PLAIN)
def test_a_file_that_is_not_regular_is_malformed(kind: str, name: str, folder: Path) -> None:
    NO_FILE[kind](folder / name)
    assert failures(folder) == {"malformed"}
    if kind in ("linked", "a pipe", "a folder"):
        assert any("is not a plain file" in check["detail"] for check in verify(folder).checks)


@pytest.mark.parametrize("name", ["leaves", "nodes"])
@pytest.mark.parametrize("kind", NO_FOLDER)
def test_files_in_a_folder_that_is_not_regular_are_malformed(kind: str, name: str, folder: Path) -> None:
    NO_FOLDER[kind](folder / name)
    assert failures(folder) == {"malformed"}


def test_the_folder_itself_may_be_a_link(folder: Path) -> None:
    (folder.parent / "latest").symlink_to(folder)
    assert failures(folder.parent / "latest") == set()


@pytest.mark.parametrize("name", ["NOTE.TXT", "Note.txt", "note.txt.", "note.txt ", "note"])
def test_names_are_compared_exactly(name: str, folder: Path) -> None:
    (folder / "note.txt").rename(folder / name)
    assert failures(folder) == {"missing"}


@pytest.mark.parametrize("name", ["Leaves/31.bin", "leaves/31.BIN", "leaves/031.bin", "leaves/31.bin.bak"])
def test_a_list_is_not_found_under_another_name(name: str, folder: Path) -> None:
    (folder / name).parent.mkdir(exist_ok=True)
    (folder / "leaves/31.bin").rename(folder / name)
    assert failures(folder) == {"missing"}


@pytest.mark.parametrize("name", ["leaves/12.bin", "leaves/99.bin", "nodes/10.bin", "leaves/94.bin", "nodes/94.bin"])
@pytest.mark.parametrize("content", [b"", LISTS[31][:32]])
def test_a_list_of_a_region_without_a_row_or_without_entries_is_noticed(
    name: str, content: bytes, folder: Path
) -> None:
    (folder / name).write_bytes(content)
    assert failures(folder) == {"malformed"}


@pytest.mark.parametrize("name", [".DS_Store", "leaves/Thumbs.db", "leaves/9.bin", "leaves/100.bin", "index.html"])
def test_unknown_files_are_ignored(name: str, folder: Path) -> None:
    (folder / name).write_bytes(b"\xff" * 40)
    assert failures(folder) == set()


NUMBERS = [b"Infinity", b"-Infinity", b"NaN", b"1e400", b"1" * 5000, b"-0", b"00", b"0x1", b"1.0", b"true", b"\xd9\xa4"]


@pytest.mark.parametrize("number", NUMBERS)
@pytest.mark.parametrize(
    ("name", "before"),
    [
        ("regions.json", b'"entries":'),
        ("beacon.json", b'"round":'),
        ("result.json", b'"seats":'),
        ("substitutions.json", b'"seq":'),
    ],
)
def test_a_malformed_number_is_malformed(name: str, before: bytes, number: bytes, folder: Path) -> None:
    head, _, tail = GOOD[name].partition(before)
    rest = tail.lstrip(b"0123456789")
    assert rest != tail
    (folder / name).write_bytes(head + before + number + rest)
    assert failures(folder) == {"malformed"}


@pytest.mark.parametrize("deep", [b"[" * 500_000, b'{"a":' * 100_000, b"[" * 400_000 + b"]" * 400_000])
@pytest.mark.parametrize("name", ["regions.json", "beacon.json", "result.json", "removals.json", "substitutions.json"])
def test_endless_nesting_is_malformed(name: str, deep: bytes, folder: Path) -> None:
    (folder / name).write_bytes(deep + b"\n")
    assert failures(folder) == {"malformed"}


def test_a_sample_that_claims_everybody_is_wrong_and_costs_no_more(folder: Path) -> None:
    (folder / "sample.json").write_bytes(b'{"after_seq":0,"size":4294967295,"leaves":["' + b"ab" * 32 + b'"]}\n')
    assert failures(folder) == {"wrong sample"}
