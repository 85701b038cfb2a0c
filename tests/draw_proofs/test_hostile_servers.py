"""Whatever a server does, the verifier comes to an end within its time limit, and has a name for it."""

from __future__ import annotations

import threading
from collections.abc import Iterator
from functools import partial
from typing import Any

import pytest

from tests.builders.draws.publications import GOOD, LISTS, encoded
from tests.builders.draws.verify_draw import program, verify

from .hostile_server import BROKEN, FLOODS, OK, SLOW, Answer, hostile, saying
from .verifiers import named

LONG_S, SHORT_S = 3600.0, 0.3
"""In which all may be read that is sent, however slow the machine is; and in which next to nothing may."""

OWN = ("--ticket", (3).to_bytes(32, "big").hex(), "--region", "31")


def failures(url: str, limit_s: float, *own: str) -> set[str]:
    verdict = verify(url, "--time-limit", limit_s, *own)
    return named(check["detail"] for check in verdict.checks if check["ok"] is False)


FILES = ["note.txt", "result.json", "leaves/31.bin", "cosignatures.txt"]


def test_a_good_server_is_believed() -> None:
    with hostile(GOOD, {}) as server:
        assert failures(server.url, LONG_S) == set()
        assert failures(server.url, LONG_S, *OWN) == set()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", SLOW)
def test_a_server_that_never_ends_is_left_at_the_time_limit(kind: str, name: str) -> None:
    with hostile(GOOD, {name: SLOW[kind]}) as server:
        assert failures(server.url, SHORT_S) == {"missing"}


@pytest.mark.parametrize("kind", SLOW)
def test_nor_does_a_personal_proof_wait_for_it(kind: str) -> None:
    with hostile(GOOD, {"leaves/31.bin": SLOW[kind]}) as server:
        assert failures(server.url, SHORT_S, *OWN) == {"missing"}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_no_file_is_missing_and_nothing_else_is(kind: str, name: str) -> None:
    with hostile(GOOD, {name: BROKEN[kind]}) as server:
        assert failures(server.url, LONG_S) == {"missing"}


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", FLOODS)
def test_more_than_a_file_may_have_is_malformed_and_not_read(kind: str, name: str) -> None:
    with hostile(GOOD, {name: FLOODS[kind]}) as server:
        assert failures(server.url, LONG_S) == {"malformed"}
        assert server.sent < 32 * (1 << 20), "what waited in buffers, and no more"


OTHER = OK + b"Content-Length: 2\r\n\r\n{}"
LENGTHS: dict[str, tuple[str, Answer, str]] = {
    "a list, less than there is": ("leaves/31.bin", saying(lambda size: size - 32), "malformed"),
    "a list, nothing": ("leaves/31.bin", saying(lambda _: 0), "malformed"),
    "a list, a hash more": ("leaves/31.bin", saying(lambda size: size + 32), "malformed"),
    "a table, less than there is": ("result.json", saying(lambda size: size - 5), "malformed"),
    "a hash behind it": ("leaves/31.bin", saying(lambda size: size, lambda body: body + bytes(32)), ""),
    "an answer behind it": ("result.json", saying(lambda size: size, lambda body: body + OTHER), ""),
}


@pytest.mark.parametrize(("file", "answer", "name"), LENGTHS.values(), ids=LENGTHS)
def test_a_wrong_length_on_a_kept_connection_is_told_of_its_own_file(file: str, answer: Answer, name: str) -> None:
    """Nothing of it is taken for the answer to the next request."""
    with hostile(GOOD, {file: answer}, kept=True) as server:
        assert failures(server.url, LONG_S) == ({name} if name else set())


def test_a_list_of_one_leaf_again_and_again_is_left_at_its_second_one() -> None:
    """1.6 GB of it, as the region table says: neither read nor kept."""
    rows = [{"region": 31, "entries": program().MOST_ENTRIES, "quota": 0, "root": "00" * 32}]

    def endless(_: bytes) -> Iterator[bytes]:
        yield OK + b"Content-Length: %d\r\n\r\n" % (32 * program().MOST_ENTRIES)
        while True:
            yield b"\x07" * (1 << 16)

    files = {**GOOD, "regions.json": encoded(rows)}
    with hostile(files, {"leaves/31.bin": endless}) as server:
        assert "duplicate leaf" in failures(server.url, LONG_S)
        assert server.sent < 32 * (1 << 20)


@pytest.mark.parametrize("name", ["leaves/12.bin", "leaves/99.bin", "nodes/12.bin"])
def test_a_list_of_a_region_without_a_row_is_noticed(name: str) -> None:
    with hostile({**GOOD, name: LISTS[31][:32]}, {}) as server:
        assert failures(server.url, LONG_S) == {"malformed"}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


def test_there_is_one_limit_for_all_and_patience_is_earned_back_by_sending() -> None:
    clock = Clock()
    time = program().TimeLimit(1000, clock)
    clock.now += 500  # spent on something else
    time.begin()
    assert time.left() == 60
    clock.now += 59
    assert time.left() == pytest.approx(1)
    time.end(received=0)
    time.begin()
    assert time.left() == pytest.approx(1), "another file has no patience of its own"
    time.end(received=200_000)
    time.begin()
    assert time.left() == pytest.approx(11), "20,000 bytes are worth a second"
    time.end(received=1 << 40)
    time.begin()
    assert time.left() == 60, "but never more than a minute in all"
    time.end(received=0)
    clock.now = 100 + 999
    time.begin()
    assert time.left() == pytest.approx(1), "nor more than there is left of the whole"
    clock.now += 1
    with pytest.raises(TimeoutError):
        time.left()


def web(url: str, limit_s: float, clock: Clock) -> Any:
    found = program().Web(url, limit_s)
    found.limit = program().TimeLimit(limit_s, clock)
    return found


PIECE = bytes(1 << 16)


@pytest.mark.parametrize(("bytes_s", "pieces"), [(40_000, 64), (20_001, 64), (10_000, 64), (40_000, 200)])
def test_a_file_may_take_longer_than_the_patience_as_long_as_it_comes_fast_enough(bytes_s: int, pieces: int) -> None:
    """Each piece is sent when the one before it was read, so that the clock alone says how fast."""
    clock, seen, go_on = Clock(), 0, threading.Condition()
    size, limit_s = len(PIECE) * pieces, 300.0

    def paced(_: bytes) -> Iterator[bytes]:
        yield OK + b"Content-Length: %d\r\n\r\n" % size
        for sent in range(0, size, len(PIECE)):
            with go_on:
                go_on.wait_for(lambda sent=sent: seen == sent)  # type: ignore[misc] # mypy infers no such lambda
            clock.now += len(PIECE) / bytes_s
            yield PIECE

    def watch(piece: bytes) -> None:
        nonlocal seen
        with go_on:
            seen += len(piece)
            go_on.notify()

    within = 60 < size / bytes_s < limit_s and bytes_s > 20_000
    with hostile(GOOD, {"leaves/31.bin": paced}) as server:
        read = partial(web(server.url, limit_s, clock).read, "leaves/31.bin", size, whole=size, watch=watch)
        if within:
            assert read() == PIECE * pieces
        else:
            with pytest.raises(program().Failure, match="too slow"):
                read()


@pytest.mark.parametrize("status", [b"403 Forbidden", b"404 Not Found"])
@pytest.mark.parametrize(
    ("answer_s", "limit_s", "fault"),
    [(0.35, 3600, ""), (1.5, 3600, ""), (2.0, 3600, ""), (2.5, 3600, "too slow"), (1.5, 200, "too slow")],
)
def test_the_way_there_and_back_costs_no_patience_however_many_files_are_asked_for(
    status: bytes, answer_s: float, limit_s: float, fault: str
) -> None:
    """Nearly two hundred files are asked for that must not be there; the limit for all is held nevertheless."""
    clock = Clock()

    def late(_: bytes) -> Iterator[bytes]:
        clock.now += answer_s
        yield b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % status

    asked = {f"{kind}/{code}.bin": late for kind in ("leaves", "nodes") for code in range(10, 100)}
    with hostile(GOOD, asked, kept=True) as server:
        report, site = program().Report(aloud=False), web(server.url, limit_s, clock)
        program().check_strays(report, site, program().parse_regions(site.read("regions.json", 1 << 20)))
    found = "" if report.ok else str(report.checks[0].detail)
    assert (fault in found, bool(found)) == (True, bool(fault))


@pytest.mark.parametrize("size", [1, 31, 32, 33, 64, 1000])
def test_the_order_of_a_list_does_not_depend_on_the_pieces_in_which_it_comes(size: int) -> None:
    def judged(leaves: bytes) -> str:
        watch = program().Ascending("x")
        try:
            for at in range(0, len(leaves), size):
                watch(leaves[at : at + size])
        except program().Failure as fault:
            return str(fault).partition(":")[0]
        return ""

    good = b"".join(number.to_bytes(32, "big") for number in range(40))
    assert judged(good) == ""
    assert judged(good[:640] + good[608:]) == "duplicate leaf"
    assert judged(good[:640] + good[576:]) == "list not ascending"
    assert judged(bytes(64)) == "duplicate leaf"
