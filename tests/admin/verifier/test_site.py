"""The verifier on a published site: each file asked for once, parts by range, and whatever a server may do instead."""

from __future__ import annotations

from collections.abc import Iterator
from datetime import UTC, datetime

import pytest

from admin.evidence import Known
from admin.publication import Absent, Unreadable
from admin.receipt import Own
from admin.site import Site, TimeLimit
from admin.verify import verify
from tests.builders.draws.files import published_draw, random_lists
from tests.builders.draws.publications import NOTHING, PRODUCTION
from tests.builders.draws.results_site import FOLDER, ResultsSite, results_site


@pytest.fixture
def server() -> Iterator[ResultsSite]:
    with results_site() as running:
        yield running


def site(server: ResultsSite) -> Site:
    return Site(server.url + FOLDER, TimeLimit(600))


@pytest.mark.parametrize("missing", [403, 404])
def test_a_published_site_verifies_and_each_file_is_asked_for_once(server: ResultsSite, missing: int):
    server.missing = missing
    del server.files["substitutions.json"]
    checks = {check.name: check for check in verify(site(server), PRODUCTION, NOTHING)}
    assert [check for check in checks.values() if check.ok is False] == []
    assert checks["substitutions"].detail == "not published yet: the wave is not settled"
    assert len(server.asked) == len(set(server.asked)), "each file is asked for once"
    strays = {f"{FOLDER}{kind}/{code}.bin" for kind in ("leaves", "nodes") for code in range(10, 100)}
    assert len(set(server.asked) - strays) == 9
    assert len(strays - set(server.asked)) == 0, "nor is a list overlooked that no row is about"


def test_a_file_that_a_site_does_not_have_is_not_asked_for_again(server: ResultsSite):
    server.files = {}
    assert any(check.ok is False for check in verify(site(server), PRODUCTION, NOTHING))
    assert len(server.asked) == len(set(server.asked)) == 8


def seen(server: ResultsSite) -> datetime | None:
    """When the note was published, by the answer with which it came."""
    published = site(server)
    published.read("note.txt", 1 << 20)
    return published.note_published_at()


def test_a_site_tells_when_the_note_was_published_if_it_says_so(server: ResultsSite):
    assert seen(server) == datetime(2023, 9, 15, 10, 30, 5, tzinfo=UTC)
    for header in (None, "yesterday", "", "Fri, 99 Sep 99999 11:00:03 GMT"):
        server.modified = header
        assert seen(server) is None
    assert site(server).note_published_at() is None, "the note was not read"


def test_a_site_that_errs_or_sends_too_much_is_named(server: ResultsSite):
    server.missing = 500
    server.files = {}
    found = {check.name: check.detail for check in verify(site(server), PRODUCTION, NOTHING) if check.ok is False}
    assert found["note"] == "missing note.txt: status 500"
    server.files = {"note.txt": bytes(3_000_000)}
    with pytest.raises(Unreadable, match="longer than"):
        site(server).read("note.txt", 1 << 20)
    server.missing = 404
    with pytest.raises(Absent):
        site(server).read("beacon.json", 10)


@pytest.mark.parametrize("ranges", [True, False])
def test_a_personal_proof_asks_for_a_handful_of_files_and_for_a_run_by_its_range(server: ResultsSite, ranges: bool):
    server.ranges = ranges
    server.files = published_draw(62, random_lists(62, {31: 9_000, 32: 50}), {31: 5}, 50)
    checks = verify(site(server), PRODUCTION, Known(own=Own(31, (777).to_bytes(32, "big"), 62)))
    assert [check for check in checks if check.ok is False] == []
    files = [name.removeprefix("/draws/62/") for name in server.asked if not name.startswith("bytes=")]
    asked = [name for name in files if name != "leaves/31.bin"]
    assert sorted(asked) == [
        *("beacon.json", "cosignatures.txt", "nodes/31.bin", "note.txt"),
        *("regions.json", "result.json", "substitutions.json"),
    ]
    assert 1 <= files.count("leaves/31.bin") <= 2
    for part in server.asked:
        if part.startswith("bytes="):
            first, last = map(int, part.removeprefix("bytes=").split("-"))
            assert (first % (4096 * 32), last - first < 4096 * 32) == (0, True)


def test_a_part_of_a_file_is_asked_for_by_its_range(server: ResultsSite):
    server.files["long.bin"] = bytes(range(256)) * 1000
    assert site(server).read_part("long.bin", 1000, 9, 256_000) == bytes(range(232, 241))
    assert server.asked == ["/draws/62/long.bin", "bytes=1000-1008"]
    for start, whole in ((255_995, 256_000), (300_000, 300_009), (1000, 256_001)):
        with pytest.raises(Unreadable):
            site(server).read_part("long.bin", start, 9, whole)
    with pytest.raises(Absent):
        site(server).read_part("beacon.bin", 0, 1, 32)


def test_a_server_without_ranges_sends_all_and_no_more_than_needed_is_kept(server: ResultsSite):
    server.ranges = False
    server.files["long.bin"] = bytes(range(256)) * 1000
    for start in (0, 1000, 65_530, 255_991):
        assert site(server).read_part("long.bin", start, 9, 256_000) == server.files["long.bin"][start : start + 9]
    with pytest.raises(Unreadable, match="shorter"):
        site(server).read_part("long.bin", 255_995, 9, 256_000)
    with pytest.raises(Unreadable, match="of 256001"):
        site(server).read_part("long.bin", 1000, 9, 256_001)


def test_a_site_that_is_not_there_is_named():
    for address in ("http://127.0.0.1:1", "http://["):
        with pytest.raises(Unreadable):
            Site(address).read("note.txt", 10)
        with pytest.raises(Unreadable):
            Site(address).read_part("note.txt", 0, 10, 300)
