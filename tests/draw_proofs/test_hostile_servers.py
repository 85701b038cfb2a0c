"""Whatever a server does, each verifier comes to an end within its time limit, and gives it the same name."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterator
from typing import Any

import pytest

from admin.ascending import Ascending, Disordered
from admin.evidence import MAX_ENTRIES, Evidence, Known
from admin.publication import Unreachable
from admin.receipt import Own
from admin.site import Site, TimeLimit
from admin.verify import verify
from chalicelib.draw import published
from tests.builders.draws.publications import GOOD, LISTS, PRODUCTION, encoded
from tests.builders.draws.verify_draw import program
from tests.builders.draws.verify_draw import verify as verify_draw

from .hostile_server import BROKEN, FLOODS, OK, SLOW, Answer, hostile, saying
from .verifiers import named

LONG_S, SHORT_S = 3600.0, 0.3
"""In which all may be read that is sent, however slow the machine is; and in which next to nothing may."""

ByAddress = Callable[[str, float, Own | None], set[str]]


def by_command(url: str, limit_s: float, own: Own | None) -> set[str]:
    checks = verify(Site(url, TimeLimit(limit_s)), PRODUCTION, Known(own=own))
    return named(check.detail for check in checks if check.ok is False)


def by_single_file(url: str, limit_s: float, own: Own | None) -> set[str]:
    told = [] if own is None else ["--ticket", own.ticket.hex(), "--region", str(own.region)]
    verdict = verify_draw(url, "--time-limit", str(limit_s), *told)
    return named(check["detail"] for check in verdict.checks if check["ok"] is False)


BY_ADDRESS: dict[str, ByAddress] = {"the command": by_command, "verify_draw.py": by_single_file}
both = pytest.mark.parametrize("verifier", BY_ADDRESS.values(), ids=BY_ADDRESS)
FILES = ["note.txt", "result.json", "leaves/31.bin", "cosignatures.txt"]
OWN = Own(31, (3).to_bytes(32, "big"))


@both
def test_a_good_server_is_believed(verifier: ByAddress) -> None:
    with hostile(GOOD, {}) as server:
        assert verifier(server.url, LONG_S, None) == set()
        assert verifier(server.url, LONG_S, OWN) == set()


@both
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", SLOW)
def test_a_server_that_never_ends_is_left_at_the_time_limit(verifier: ByAddress, kind: str, name: str) -> None:
    with hostile(GOOD, {name: SLOW[kind]}) as server:
        assert verifier(server.url, SHORT_S, None) == {"missing"}


@both
@pytest.mark.parametrize("kind", SLOW)
def test_nor_does_a_personal_proof_wait_for_it(verifier: ByAddress, kind: str) -> None:
    with hostile(GOOD, {"leaves/31.bin": SLOW[kind]}) as server:
        assert verifier(server.url, SHORT_S, OWN) == {"missing"}


@both
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", BROKEN)
def test_what_is_no_file_is_missing_and_nothing_else_is(verifier: ByAddress, kind: str, name: str) -> None:
    with hostile(GOOD, {name: BROKEN[kind]}) as server:
        assert verifier(server.url, LONG_S, None) == {"missing"}


@both
@pytest.mark.parametrize("name", FILES)
@pytest.mark.parametrize("kind", FLOODS)
def test_more_than_a_file_may_have_is_malformed_and_not_read(verifier: ByAddress, kind: str, name: str) -> None:
    with hostile(GOOD, {name: FLOODS[kind]}) as server:
        assert verifier(server.url, LONG_S, None) == {"malformed"}
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


@both
@pytest.mark.parametrize(("file", "answer", "name"), LENGTHS.values(), ids=LENGTHS)
def test_a_wrong_length_on_a_kept_connection_is_told_of_its_own_file(
    verifier: ByAddress, file: str, answer: Answer, name: str
) -> None:
    """Nothing of it is taken for the answer to the next request."""
    with hostile(GOOD, {file: answer}, kept=True) as server:
        assert verifier(server.url, LONG_S, None) == ({name} if name else set())


@both
def test_a_list_of_one_leaf_again_and_again_is_left_at_its_second_one(verifier: ByAddress) -> None:
    """1.6 GB of it, as the region table says: neither read nor kept."""
    rows = [{"region": 31, "entries": MAX_ENTRIES, "quota": 0, "root": "00" * 32}]

    def endless(_: bytes) -> Iterator[bytes]:
        yield OK + b"Content-Length: %d\r\n\r\n" % (32 * MAX_ENTRIES)
        while True:
            yield b"\x07" * (1 << 16)

    files = {**GOOD, "regions.json": encoded(rows)}
    with hostile(files, {"leaves/31.bin": endless}) as server:
        assert "duplicate leaf" in verifier(server.url, LONG_S, None)
        assert server.sent < 32 * (1 << 20)


@both
@pytest.mark.parametrize("name", ["leaves/12.bin", "leaves/99.bin", "nodes/12.bin"])
def test_a_list_of_a_region_without_a_row_is_noticed(verifier: ByAddress, name: str) -> None:
    with hostile({**GOOD, name: LISTS[31][:32]}, {}) as server:
        assert verifier(server.url, LONG_S, None) == {"malformed"}


class Clock:
    now = 100.0

    def __call__(self) -> float:
        return self.now


LIMITS = {"the command": (TimeLimit, Unreachable), "verify_draw.py": (program().TimeLimit, TimeoutError)}


@pytest.mark.parametrize(("limit", "over"), LIMITS.values(), ids=LIMITS)
def test_there_is_one_limit_for_all_and_patience_is_earned_back_by_sending(
    limit: Callable[..., TimeLimit], over: type[Exception]
) -> None:
    clock = Clock()
    time = limit(1000, clock)
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
    with pytest.raises(over):
        time.left()


def by_command_line(url: str, limit_s: float, clock: Clock) -> Callable[[str, int, Callable[[bytes], None]], bytes]:
    return Site(url, TimeLimit(limit_s, clock)).read


def by_published_file(url: str, limit_s: float, clock: Clock) -> Callable[[str, int, Callable[[bytes], None]], bytes]:
    web = program().Web(url, limit_s)
    web.limit = program().TimeLimit(limit_s, clock)

    def read(name: str, size: int, watch: Callable[[bytes], None]) -> bytes:
        found: bytes = web.read(name, size, whole=size, watch=watch)
        return found

    return read


PIECE = bytes(1 << 16)
readers = pytest.mark.parametrize("reader", [by_command_line, by_published_file])


@readers
@pytest.mark.parametrize(("bytes_s", "pieces"), [(40_000, 64), (20_001, 64), (10_000, 64), (40_000, 200)])
def test_a_file_may_take_longer_than_the_patience_as_long_as_it_comes_fast_enough(
    reader: Callable[..., Any], bytes_s: int, pieces: int
) -> None:
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
        read = reader(server.url, limit_s, clock)
        if within:
            assert read("leaves/31.bin", size, watch) == PIECE * pieces
        else:
            with pytest.raises((Unreachable, program().Failure), match="too slow"):
                read("leaves/31.bin", size, watch)


def strays_by_command(url: str, limit_s: float, clock: Clock) -> str:
    evidence = Evidence(Site(url, TimeLimit(limit_s, clock)), PRODUCTION, Known())
    return evidence.stray(published.leaves_name) or evidence.stray(published.nodes_name) or ""


def strays_by_published_file(url: str, limit_s: float, clock: Clock) -> str:
    web, report = program().Web(url, limit_s), program().Report(aloud=False)
    web.limit = program().TimeLimit(limit_s, clock)
    program().check_strays(report, web, program().parse_regions(web.read("regions.json", 1 << 20)))
    return "" if report.ok else str(report.checks[0].detail)


@pytest.mark.parametrize("strays", [strays_by_command, strays_by_published_file])
@pytest.mark.parametrize("status", [b"403 Forbidden", b"404 Not Found"])
@pytest.mark.parametrize(
    ("answer_s", "limit_s", "fault"),
    [(0.35, 3600, ""), (1.5, 3600, ""), (2.0, 3600, ""), (2.5, 3600, "too slow"), (1.5, 200, "too slow")],
)
def test_the_way_there_and_back_costs_no_patience_however_many_files_are_asked_for(
    strays: Callable[[str, float, Clock], str], status: bytes, answer_s: float, limit_s: float, fault: str
) -> None:
    """Nearly two hundred files are asked for that must not be there; the limit for all is held nevertheless."""
    clock = Clock()

    def late(_: bytes) -> Iterator[bytes]:
        clock.now += answer_s
        yield b"HTTP/1.1 %s\r\nContent-Length: 0\r\n\r\n" % status

    asked = {f"{kind}/{code}.bin": late for kind in ("leaves", "nodes") for code in range(10, 100)}
    with hostile(GOOD, asked, kept=True) as server:
        found = strays(server.url, limit_s, clock)
        assert (fault in found, bool(found)) == (True, bool(fault))


@pytest.mark.parametrize("size", [1, 31, 32, 33, 64, 1000])
def test_the_order_of_a_list_does_not_depend_on_the_pieces_in_which_it_comes(size: int) -> None:
    def judged(leaves: bytes) -> tuple[str, str]:
        found = []
        for watch, faults in ((Ascending(), Disordered), (program().Ascending("x"), program().Failure)):
            said = ""
            try:
                for at in range(0, len(leaves), size):
                    watch(leaves[at : at + size])
            except faults as fault:
                said = str(fault).partition(":")[0]
            found.append(said)
        return found[0], found[1]

    good = b"".join(number.to_bytes(32, "big") for number in range(40))
    assert judged(good) == ("", "")
    assert judged(good[:640] + good[608:]) == ("duplicate leaf", "duplicate leaf")
    assert judged(good[:640] + good[576:]) == ("list not ascending", "list not ascending")
    assert judged(bytes(64)) == ("duplicate leaf", "duplicate leaf")
