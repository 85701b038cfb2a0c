"""The verifier against whatever a stranger hands over: always named failed checks, never an exception."""

from __future__ import annotations

import json
import os
import threading
import tracemalloc
from collections.abc import Iterator
from datetime import UTC, datetime
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from admin.draw_checks import MAX_ENTRIES
from admin.publication import Absent, Folder, Site, Unreadable, decode
from admin.verify import verify
from tests.builders.draws import write
from tests.builders.publications import GOOD, NOTHING, PRODUCTION, Shelf, checked, edited, failures, updated

OWN_CHECK = {
    "note.txt": "note",
    "regions.json": "region table",
    "leaves/31.bin": "lists complete",
    "beacon.json": "beacon",
    "result.json": "result",
    "substitutions.json": "substitutions",
}


@pytest.mark.parametrize("name", [name for name in OWN_CHECK if name != "substitutions.json"])
def test_a_missing_file_fails_its_own_check_and_what_needs_it_is_not_checked(name: str):
    checks = checked({other: content for other, content in GOOD.items() if other != name})
    assert {check.name: check.detail for check in checks.values() if check.ok is False} == {
        OWN_CHECK[name]: f"missing {name}"
    }
    assert any(check.ok is None and (name in check.detail or "region 31" in check.detail) for check in checks.values())


def test_with_nothing_published_every_file_is_named_and_nothing_passes():
    checks = checked({})
    assert {check.detail for check in checks.values() if check.ok is False} == {
        "missing note.txt",
        "missing regions.json",
        "missing beacon.json",
        "missing result.json",
    }
    assert not any(check.ok for check in checks.values())


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
@pytest.mark.parametrize("name", OWN_CHECK)
def test_junk_instead_of_a_file_fails_its_own_check(name: str, junk: bytes):
    found = failures(GOOD | {name: junk})
    assert found[OWN_CHECK[name]].startswith(f"malformed {name}: ")
    assert not any("could not follow" in detail for detail in found.values())


MISFORMED = {
    "true for a number": ("regions.json", updated("regions.json", 0, entries=True)),
    "text for a number": ("regions.json", updated("regions.json", 0, entries="1")),
    "a fraction": ("regions.json", updated("regions.json", 0, entries=1.0)),
    "below zero": ("regions.json", updated("regions.json", 0, entries=-1)),
    "over 32 bits": ("regions.json", updated("regions.json", 0, quota=2**32)),
    "over 64 bits": ("regions.json", updated("regions.json", 0, quota=2**70)),
    "a region of one digit": ("regions.json", updated("regions.json", 0, region=9)),
    "a path for a region": ("regions.json", updated("regions.json", 0, region="../../x")),
    "a hash in capitals": ("regions.json", updated("regions.json", 0, root="AB" * 32)),
    "a hash with a line end": ("regions.json", updated("regions.json", 0, root="ab" * 32 + "\n")),
    "a short hash": ("regions.json", updated("regions.json", 0, root="ab" * 31)),
    "a field too many": ("regions.json", updated("regions.json", 0, more=1)),
    "a field too few": ("regions.json", edited("regions.json", lambda table: table[0].pop("root"))),
    "a field twice": ("beacon.json", GOOD | {"beacon.json": GOOD["beacon.json"].replace(b"{", b'{"round":1,', 1)}),
    "a short signature": ("beacon.json", updated("beacon.json", signature="ab")),
    "round zero": ("beacon.json", updated("beacon.json", round=0)),
    "a seat that is none": ("substitutions.json", updated("substitutions.json", 0, seat="031")),
    "a seat without region": ("substitutions.json", updated("substitutions.json", 0, seat="")),
    "an essay for a reason": ("substitutions.json", updated("substitutions.json", 0, reason="x" * 65)),
    "no incoming": ("substitutions.json", edited("substitutions.json", lambda rows: rows[0].pop("in"))),
}


@pytest.mark.parametrize(("name", "files"), MISFORMED.values(), ids=MISFORMED)
def test_json_that_is_not_of_the_published_form_fails_its_own_check(name: str, files: dict[str, bytes]):
    assert failures(files)[OWN_CHECK[name]].startswith(f"malformed {name}: ")


def test_a_fault_quotes_nothing_of_what_was_published():
    with pytest.raises(Unreadable) as refused:
        decode(b'{"secret": "\x1b[31mvalue"}', int)
    assert "value" not in str(refused.value)


@pytest.mark.parametrize(
    ("length", "detail"),
    [
        (0, "malformed leaves/31.bin: 0 bytes are not 12 leaves"),
        (31, "malformed leaves/31.bin: 31 bytes are not 12 leaves"),
        (11 * 32, "malformed leaves/31.bin: 352 bytes are not 12 leaves"),
        (12 * 32 + 1, "malformed leaves/31.bin: longer than 384 bytes"),
    ],
)
def test_a_list_of_another_length_is_named(length: int, detail: str):
    assert failures(GOOD | {"leaves/31.bin": bytes(length)})["lists complete"] == detail


def test_a_list_for_a_region_without_entries_is_named():
    detail = "leaves/94.bin is there, and the region table has no entries for it"
    assert failures(GOOD | {"leaves/94.bin": bytes(1)}) == {"lists complete": detail}


def test_more_entries_than_the_verifier_will_read_are_refused_before_anything_is_read():
    files = updated("regions.json", 1, entries=MAX_ENTRIES)
    tracemalloc.start()
    found = failures(files)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found["lists complete"] == f"more than {MAX_ENTRIES} entries"
    assert peak < 5_000_000


@given(st.data())
@settings(deadline=None, max_examples=150)
def test_flipped_cut_and_repeated_bytes_never_escape_and_never_pass(data: st.DataObject):
    name = data.draw(st.sampled_from(sorted(GOOD)))
    content = bytearray(GOOD[name])
    start = data.draw(st.integers(0, len(content) - 1))
    length = data.draw(st.integers(1, 40))
    content[start : start + length] = data.draw(st.binary(max_size=40))
    files = GOOD | {name: bytes(content)}
    checks = verify(Shelf(files), PRODUCTION, NOTHING)
    assert not any("could not follow" in check.detail for check in checks)
    if not same_facts(name, bytes(content)):
        assert any(check.ok is False for check in checks)


def same_facts(name: str, content: bytes) -> bool:
    """Whether a change was only one of spelling (white space), or of a reason, which nothing can prove."""
    if not name.endswith(".json"):
        return content == GOOD[name]
    try:
        documents = [json.loads(raw) for raw in (content, GOOD[name])]
    except ValueError:
        return False
    if name == "substitutions.json":
        for rows in documents:
            for row in rows if isinstance(rows, list) else []:
                if isinstance(row, dict) and isinstance(row.get("reason"), str):
                    row["reason"] = ""
        return documents[0] == documents[1][: len(documents[0])] if isinstance(documents[0], list) else False
    return documents[0] == documents[1]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["ab" * 32, "open", "31"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["region", "seq", "open", "seed", "in"]), inner),
)


@given(st.sampled_from(sorted(set(GOOD) - {"note.txt"})), json_values)
@settings(deadline=None, max_examples=100)
def test_any_json_at_all_is_a_named_failure(name: str, value: object):
    found = verify(Shelf(GOOD | {name: json.dumps(value).encode()}), PRODUCTION, NOTHING)
    assert not any("could not follow" in check.detail for check in found)
    assert any(check.ok is False for check in found) or (value == [] and name == "substitutions.json")


def test_a_fault_of_the_verifier_itself_is_a_failed_check():
    class Broken(Shelf):
        def read(self, name: str, limit: int) -> bytes:
            raise ZeroDivisionError

    checks = verify(Broken({}), PRODUCTION, NOTHING)
    assert checks[0].ok is False
    assert checks[0].detail == "the verifier could not follow it (ZeroDivisionError)"


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    return write(tmp_path, GOOD)


def folder_failures(folder: Path) -> dict[str, str]:
    return {check.name: check.detail for check in verify(Folder(folder), PRODUCTION, NOTHING) if check.ok is False}


def test_a_good_folder_passes(folder: Path):
    assert folder_failures(folder) == {}


@pytest.mark.parametrize("name", OWN_CHECK)
def test_a_link_or_a_folder_or_a_pipe_in_place_of_a_file_is_named(folder: Path, name: str):
    path = folder / name
    path.rename(folder / "elsewhere")
    path.symlink_to(folder / "elsewhere")
    assert folder_failures(folder)[OWN_CHECK[name]].startswith(f"malformed {name}: ")
    path.unlink()
    path.symlink_to(path)
    assert folder_failures(folder)[OWN_CHECK[name]].startswith(f"malformed {name}: ")
    path.unlink()
    path.mkdir()
    assert folder_failures(folder)[OWN_CHECK[name]].startswith(f"malformed {name}: ")
    path.rmdir()
    os.mkfifo(path)
    assert folder_failures(folder)[OWN_CHECK[name]] == f"malformed {name}: not a plain file"


def test_a_huge_file_is_refused_by_its_size_without_being_read(folder: Path):
    for name in OWN_CHECK:
        length = (folder / name).stat().st_size
        os.truncate(folder / name, 1 << 40)
        assert "longer than" in folder_failures(folder)[OWN_CHECK[name]]
        os.truncate(folder / name, length)
    assert folder_failures(folder) == {}


def test_a_file_that_may_not_be_read_or_lies_below_a_file_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object) -> int:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        assert folder_failures(folder)["note"] == "malformed note.txt: Permission denied"
    (folder / "leaves").rename(folder / "moved")
    (folder / "leaves").write_bytes(b"")
    assert "malformed leaves/31.bin: Not a directory" in folder_failures(folder)["lists complete"]


class Server(ThreadingHTTPServer):
    files: dict[str, bytes]
    missing = 404
    modified: str | None = "Fri, 15 Sep 2023 10:30:05 GMT"
    asked: list[str]


class Handler(BaseHTTPRequestHandler):
    server: Server

    def do_GET(self) -> None:
        self.server.asked.append(self.path)
        name = self.path.removeprefix("/draws/62/")
        content = self.server.files.get(name)
        self.send_response(self.server.missing if content is None else 200)
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


@pytest.fixture
def server() -> Iterator[Server]:
    running = Server(("127.0.0.1", 0), Handler)
    running.files, running.asked = dict(GOOD), []
    thread = threading.Thread(target=running.serve_forever, args=(0.02,))
    thread.start()
    yield running
    running.shutdown()
    thread.join()
    running.server_close()


def site(server: Server) -> Site:
    return Site(f"http://127.0.0.1:{server.server_port}/draws/62/", timeout_s=2.0)


@pytest.mark.parametrize("missing", [403, 404])
def test_a_published_site_verifies_and_each_file_is_asked_for_once(server: Server, missing: int):
    server.missing = missing
    del server.files["substitutions.json"]
    checks = {check.name: check for check in verify(site(server), PRODUCTION, NOTHING)}
    assert [check for check in checks.values() if check.ok is False] == []
    assert checks["substitutions"].detail == "not published yet: the wave is not settled"
    assert len(server.asked) == len(set(server.asked)) == 10


def test_a_file_that_a_site_does_not_have_is_not_asked_for_again(server: Server):
    server.files = {}
    assert any(check.ok is False for check in verify(site(server), PRODUCTION, NOTHING))
    assert len(server.asked) == len(set(server.asked)) == 5


def test_a_site_tells_when_the_note_was_published_if_it_says_so(server: Server):
    assert site(server).note_published_at() == datetime(2023, 9, 15, 10, 30, 5, tzinfo=UTC)
    for header in (None, "yesterday", ""):
        server.modified = header
        assert site(server).note_published_at() is None
    server.files = {}
    assert site(server).note_published_at() is None


def test_a_site_that_errs_or_sends_too_much_is_named(server: Server):
    server.missing = 500
    server.files = {}
    found = {check.name: check.detail for check in verify(site(server), PRODUCTION, NOTHING) if check.ok is False}
    assert found["note"] == "malformed note.txt: status 500"
    server.files = {"note.txt": bytes(3_000_000)}
    with pytest.raises(Unreadable, match="longer than"):
        site(server).read("note.txt", 1 << 20)
    server.missing = 404
    with pytest.raises(Absent):
        site(server).read("beacon.json", 10)


def test_a_site_that_is_not_there_is_named():
    for address in ("http://127.0.0.1:1", "http://["):
        with pytest.raises(Unreadable):
            Site(address, timeout_s=0.5).read("note.txt", 10)
        assert Site(address, timeout_s=0.5).note_published_at() is None
