"""The verifier against whatever a stranger hands over: always named failed checks, never an exception."""

from __future__ import annotations

import json
import os
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from admin.evidence import MAX_ENTRIES
from admin.publication import Folder, Unreadable, Watch
from admin.published_forms import decode
from admin.verify import verify
from tests.builders.draws.files import write
from tests.builders.draws.publications import (
    GOOD,
    NOTHING,
    PRODUCTION,
    Shelf,
    checked,
    edited,
    encoded,
    failures,
    updated,
)

OWN_CHECK = {
    "note.txt": "note",
    "regions.json": "region table",
    "removals.json": "removals",
    "nodes/31.bin": "nodes of the lists",
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
    unchecked = [check.detail for check in checks.values() if check.ok is None]
    needed = any(name in detail or "region 31" in detail for detail in unchecked)
    assert needed or name in ("removals.json", "nodes/31.bin")  # from which nothing follows


def test_with_nothing_published_every_file_is_named_and_nothing_passes():
    checks = checked({})
    assert {check.detail for check in checks.values() if check.ok is False} == {
        "missing note.txt",
        "missing regions.json",
        "missing removals.json",
        "missing beacon.json",
        "missing result.json",
    }
    assert not any(check.ok for check in checks.values())


REASONS = {"ineligible", "family_card", "already_beneficiary", "revoked"}

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


def removed(*rows: dict[str, object]) -> dict[str, bytes]:
    return GOOD | {"removals.json": encoded({"removed": rows})}


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
    "a reason that is none": ("substitutions.json", updated("substitutions.json", 0, reason="tired")),
    "a removal of nobody": ("removals.json", removed({"reason": "over_age", "entries": 0})),
    "a reason in capitals": ("removals.json", removed({"reason": "OVER_AGE", "entries": 1})),
    "a reason twice": ("removals.json", removed(*[{"reason": "over_age", "entries": 1}] * 2)),
    "reasons out of order": (
        "removals.json",
        removed({"reason": "over_age", "entries": 1}, {"reason": "excluded", "entries": 1}),
    ),
    "no incoming": ("substitutions.json", edited("substitutions.json", lambda rows: rows[0].pop("in"))),
}


@pytest.mark.parametrize(("name", "files"), MISFORMED.values(), ids=MISFORMED)
def test_json_that_is_not_of_the_published_form_fails_its_own_check(name: str, files: dict[str, bytes]):
    assert failures(files)[OWN_CHECK[name]].startswith(f"malformed {name}: ")


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


@pytest.mark.parametrize("otherwise", OTHERWISE.values(), ids=OTHERWISE)
@pytest.mark.parametrize("name", [name for name in OWN_CHECK if name.endswith(".json")])
def test_the_same_facts_written_otherwise_are_malformed(name: str, otherwise: Callable[[bytes], bytes]):
    files = GOOD | {"removals.json": encoded({"removed": [{"reason": "over_age", "entries": 3}]})}
    assert failures(files) == {}
    other = otherwise(files[name])
    assert other != files[name]
    assert failures(files | {name: other})[OWN_CHECK[name]].startswith(f"malformed {name}: ")


def test_removals_are_told_by_their_reasons():
    rows = [{"reason": "barred", "entries": 1}, {"reason": "over_age", "entries": 3}]
    assert checked(removed(*rows))["removals"].detail == "barred 1, over_age 3"
    assert checked(GOOD)["removals"].detail == "none"


def test_a_fault_quotes_nothing_of_what_was_published():
    with pytest.raises(Unreadable) as refused:
        decode(b'{"secret": "\x1b[31mvalue"}', int)
    assert "value" not in str(refused.value)


@pytest.mark.parametrize(
    ("length", "detail"),
    [
        (0, "malformed leaves/31.bin: 0 bytes, not 384"),
        (31, "malformed leaves/31.bin: 31 bytes, not 384"),
        (11 * 32, "malformed leaves/31.bin: 352 bytes, not 384"),
        (12 * 32 + 1, "malformed leaves/31.bin: longer than 384 bytes"),
    ],
)
def test_a_list_of_another_length_is_named(length: int, detail: str):
    assert failures(GOOD | {"leaves/31.bin": bytes(length)})["lists complete"] == detail


def test_a_list_for_a_region_without_entries_is_named():
    for name, check in (("leaves/94.bin", "lists complete"), ("nodes/94.bin", "nodes of the lists")):
        detail = f"malformed {name}: the region table has no entries for it"
        assert failures(GOOD | {name: bytes(1)}) == {check: detail}


def test_more_entries_than_the_verifier_will_read_are_refused_before_anything_is_read():
    files = updated("regions.json", 1, entries=MAX_ENTRIES)
    tracemalloc.start()
    found = failures(files)
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    assert found["region table"] == f"malformed regions.json: more than {MAX_ENTRIES} entries"
    assert peak < 5_000_000


@given(st.data())
@settings(max_examples=150)
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
    """Whether a change was only one of what nothing can prove: why somebody left, and who was removed before."""
    try:
        document, good = (json.loads(raw) for raw in (content, GOOD[name]))
        written = encoded(document) == content
    except ValueError:
        return content == GOOD[name]
    if name == "removals.json":
        return written and [*document] == ["removed"]
    if name == "substitutions.json" and isinstance(document, list):
        reasons = [row.pop("reason", None) for row in document if isinstance(row, dict)]
        for row in good:
            row.pop("reason")
        return written and document == good[: len(document)] and set(reasons) <= REASONS
    return content == GOOD[name]


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.floats() | st.text() | st.sampled_from(["ab" * 32, "open", "31"]),
    lambda inner: st.lists(inner) | st.dictionaries(st.sampled_from(["region", "seq", "open", "seed", "in"]), inner),
)


@given(st.sampled_from(sorted(set(GOOD) - {"note.txt"})), json_values)
@settings(max_examples=100)
def test_any_json_at_all_is_a_named_failure(name: str, value: object):
    found = verify(Shelf(GOOD | {name: encoded(value)}), PRODUCTION, NOTHING)
    assert not any("could not follow" in check.detail for check in found)
    assert any(check.ok is False for check in found) or (value == [] and name == "substitutions.json")


def test_a_fault_of_the_verifier_itself_is_a_failed_check():
    class Broken(Shelf):
        def read(self, name: str, limit: int, watch: Watch | None = None) -> bytes:
            raise ZeroDivisionError

    checks = verify(Broken({}), PRODUCTION, NOTHING)
    assert checks[0].ok is False
    assert checks[0].detail == "malformed: the verifier could not follow it (ZeroDivisionError)"


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
    assert folder_failures(folder)[OWN_CHECK[name]] == f"malformed {name}: not a plain file in a plain folder"


def test_a_huge_file_is_refused_by_its_size_without_being_read(folder: Path):
    for name in OWN_CHECK:
        length = (folder / name).stat().st_size
        os.truncate(folder / name, 1 << 40)
        assert "longer than" in folder_failures(folder)[OWN_CHECK[name]]
        os.truncate(folder / name, length)
    assert folder_failures(folder) == {}


def test_a_file_that_may_not_be_read_or_lies_below_a_file_is_named(folder: Path, monkeypatch: pytest.MonkeyPatch):
    def refuse(*_: object, **__: object) -> int:
        raise PermissionError(13, "Permission denied")

    with monkeypatch.context() as patch:
        patch.setattr(os, "open", refuse)
        assert folder_failures(folder)["note"] == "missing note.txt: Permission denied"
    (folder / "leaves").rename(folder / "moved")
    (folder / "leaves").write_bytes(b"")
    assert "malformed leaves/31.bin: not a plain file in a plain folder" in folder_failures(folder)["lists complete"]
