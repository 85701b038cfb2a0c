"""The verifier on hostile servers: it ends within its time limit and names each fault."""

from __future__ import annotations

import socket
import threading
from collections.abc import Callable, Iterator, Mapping
from contextlib import contextmanager, suppress
from functools import partial
from itertools import chain, count, repeat
from types import SimpleNamespace
from typing import Any

import pytest

from tests.builders.draws.files import GOOD, LISTS, encoded
from tests.builders.draws.verify_draw import program, verify

from .verifiers import named

Answer = Callable[[bytes], Iterator[bytes]]
"""From a file to what is sent for it, piece by piece; it may never end."""

OK = b"HTTP/1.1 200 OK\r\n"


def good(body: bytes) -> Iterator[bytes]:
    yield OK + b"Content-Length: %d\r\n\r\n" % len(body) + body


def dripping(start: bytes, drop: bytes) -> Answer:
    """After a start the same few bytes for ever, one drop at a time."""
    return lambda _: chain([start], repeat(drop))


def saying(length: Callable[[int], int], sent: Callable[[bytes], bytes] = lambda body: body) -> Answer:
    """A length of a body of so many bytes, and what is sent of it."""
    return lambda body: iter([OK + b"Content-Length: %d\r\n\r\n" % length(len(body)), sent(body)])


def then_nothing(first: Answer) -> Answer:
    """The connection stays open behind it, and silent."""
    return lambda body: chain(first(body), repeat(b""))


def once(raw: bytes) -> Answer:
    """These bytes, and then the end of the connection."""
    return lambda _: iter([raw])


def len_or_9(size: int) -> int:
    return size or 9


def nothing(_: bytes) -> bytes:
    return b""


CHUNKED = OK + b"Transfer-Encoding: chunked\r\n\r\n"
SLOW: dict[str, Answer] = {
    "says nothing": lambda _: repeat(b""),
    "a status line that drips": dripping(b"HTTP/1.1 ", b"2"),
    "a header that drips": dripping(OK + b"X: ", b"x"),
    "headers without end, one at a time": dripping(OK, b"X: y\r\n"),
    "100 Continue without end": dripping(b"", b"HTTP/1.1 100 Continue\r\n\r\n"),
    "a body that drips": lambda body: chain(saying(len_or_9, nothing)(body), (body[at : at + 1] for at in count())),
    "a body that stops": then_nothing(saying(len_or_9, lambda body: body[:-1])),
    "a length and no body": then_nothing(saying(len_or_9, nothing)),
    "a chunk's size that drips": dripping(CHUNKED, b"0"),
    "chunks of one byte that drip": dripping(CHUNKED, b"1\r\n{\r\n"),
    "a chunk's extension that drips": dripping(CHUNKED + b"1;", b"x"),
    "a trailer that drips": dripping(CHUNKED + b"0\r\n", b"X: y\r\n"),
}
"""None of these ever ends."""

BROKEN: dict[str, Answer] = {
    "a redirect": once(b"HTTP/1.1 302 Found\r\nLocation: /54/note.txt\r\nContent-Length: 0\r\n\r\n"),
    "a redirect to a file": once(b"HTTP/1.1 301 Moved\r\nLocation: file:///etc/passwd\r\nContent-Length: 0\r\n\r\n"),
    "an error": once(b"HTTP/1.1 500 Oops\r\nContent-Length: 0\r\n\r\n"),
    "what is packed": once(OK + b"Content-Encoding: gzip\r\nContent-Length: 20\r\n\r\n" + b"\x1f\x8b" + bytes(18)),
    "no HTTP": once(b"\x00\x01\x02\r\n\r\n"),
    "the end at once": once(b""),
    "the end within the body": saying(len_or_9, lambda body: body[:-1]),
    "a header without an end": once(OK + b"X: " + b"x" * 100_000),
    "a thousand headers": once(OK + b"X: y\r\n" * 1000 + b"\r\n{}"),
    "no size of a chunk": once(CHUNKED + b"zz\r\n{}\r\n0\r\n\r\n"),
    "the end within a chunk": once(CHUNKED + b"10\r\n{}"),
    "the end before the last chunk": once(CHUNKED + b"2\r\n{}\r\n"),
    "no content": once(b"HTTP/1.1 204 No Content\r\n\r\n"),
    "a part that nobody asked for": once(
        b"HTTP/1.1 206 Part\r\nContent-Range: bytes 0-1/2\r\nContent-Length: 2\r\n\r\n{}"
    ),
    "HTTP of another age": once(b"HTTP/2.0 200 OK\r\n\r\n{}"),
}
"""None of these is a file."""

FLOODS: dict[str, Answer] = {
    "a length beyond all": then_nothing(saying(lambda _: 1 << 50)),
    "a body without end": dripping(OK + b"\r\n", b"0" * (1 << 16)),
    "a chunk beyond all": dripping(CHUNKED + b"ffffffffffff\r\n", b"0" * (1 << 16)),
    "chunks without end": dripping(CHUNKED, b"4000\r\n" + b"0" * 0x4000 + b"\r\n"),
}
"""More than any file may have."""


class HostileServer:
    """Serves files, some of them as `answers` has it, after which the connection is `kept`, or is closed.

    `sent` is how many bytes went out.
    """

    def __init__(self, files: Mapping[str, bytes], answers: Mapping[str, Answer], kept: bool) -> None:
        self.sent = 0
        self._files, self._answers, self._kept = files, answers, kept
        self._listening = socket.create_server(("127.0.0.1", 0))
        self.url = f"http://127.0.0.1:{self._listening.getsockname()[1]}/draws/62"
        self._over = threading.Event()
        threading.Thread(target=self._accept, daemon=True).start()

    def stop(self) -> None:
        self._over.set()
        self._listening.close()

    def _accept(self) -> None:
        with suppress(OSError):
            while True:
                threading.Thread(target=self._serve, args=(self._listening.accept()[0],), daemon=True).start()

    def _serve(self, connection: socket.socket) -> None:
        with suppress(OSError), connection, connection.makefile("rb") as asked:
            while line := asked.readline():
                while asked.readline() not in (b"\r\n", b""):
                    pass
                name = line.split(b" ")[1].decode().removeprefix("/draws/62/")
                if not self._answer(connection, name):
                    return

    def _answer(self, connection: socket.socket, name: str) -> bool:
        """Whether the connection goes on."""
        body = self._files.get(name)
        if body is None and name not in self._answers:
            connection.sendall(b"HTTP/1.1 404 Gone\r\nContent-Length: 0\r\n\r\n")
            return True
        answer = self._answers.get(name, good)
        for piece in answer(body or b""):
            connection.sendall(piece)
            self.sent += len(piece)
            if len(piece) < 1 << 14 and answer is not good:
                self._over.wait(0.01)  # a drop, and a little nothing
            if self._over.is_set():
                return False
        return answer is good or self._kept


@contextmanager
def hostile(files: Mapping[str, bytes], answers: Mapping[str, Answer], kept: bool = False) -> Iterator[HostileServer]:
    server = HostileServer(files, answers, kept)
    try:
        yield server
    finally:
        server.stop()


LONG_S, SHORT_S = 3600.0, 0.3
"""In which all may be read that is sent, however slow the machine is; and in which next to nothing may."""

OWN = ("--ticket", (3).to_bytes(32, "big").hex(), "--region", "31")


def failures(url: str, limit_s: float, *own: str) -> set[str]:
    verdict = verify(url, "--time-limit", limit_s, *own)
    return named(check["detail"] for check in verdict.checks if check["ok"] is False)


FILES = ["note.txt", "result.json", "leaves/31.bin", "cosignatures.txt"]


@pytest.fixture
def few_strays(monkeypatch: pytest.MonkeyPatch) -> None:
    """Of nearly two hundred files that must not be there two are asked for; other tests let all be."""
    check, taken = program().check_strays, [SimpleNamespace(region=code) for code in range(11, 99)]
    monkeypatch.setattr(program(), "check_strays", lambda report, source, _: check(report, source, taken))


def test_a_good_server_passes() -> None:
    with hostile(GOOD, {}) as server:
        assert failures(server.url, LONG_S) == set()
        assert failures(server.url, LONG_S, *OWN) == set()


@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", SLOW)
def test_a_server_that_never_ends_is_given_up_at_the_time_limit(kind: str, name: str) -> None:
    with hostile(GOOD, {name: SLOW[kind]}) as server:
        assert failures(server.url, SHORT_S) == {"missing"}


@pytest.mark.parametrize("kind", SLOW)
def test_a_personal_proof_gives_up_an_endless_server_too(kind: str) -> None:
    with hostile(GOOD, {"leaves/31.bin": SLOW[kind]}) as server:
        assert failures(server.url, SHORT_S, *OWN) == {"missing"}


@pytest.mark.usefixtures("few_strays")
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", BROKEN)
def test_a_broken_answer_counts_as_a_missing_file(kind: str, name: str) -> None:
    with hostile(GOOD, {name: BROKEN[kind]}) as server:
        assert failures(server.url, LONG_S) == {"missing"}


@pytest.mark.usefixtures("few_strays")
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
def test_a_wrong_length_on_a_kept_connection_is_attributed_to_its_file(file: str, answer: Answer, name: str) -> None:
    """Nothing of it is taken for the answer to the next request."""
    with hostile(GOOD, {file: answer}, kept=True) as server:
        assert failures(server.url, LONG_S) == ({name} if name else set())


def test_reading_a_list_stops_at_the_first_repeated_leaf() -> None:
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


def test_all_files_share_one_time_limit_that_sending_extends() -> None:
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
def test_round_trips_cost_no_patience_but_count_for_the_overall_limit(
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
def test_the_order_check_works_for_any_chunks(size: int) -> None:
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
