"""Whatever a server does, each verifier comes to an end within its time limit, and gives it the same name."""

from __future__ import annotations

from collections.abc import Callable, Iterator

import pytest

from admin.ascending import Ascending, Disordered
from admin.evidence import MAX_ENTRIES, Known
from admin.publication import Unreachable
from admin.receipt import Own
from admin.site import Site, TimeLimit
from admin.verify import verify
from tests.builders.publications import GOOD, LISTS, PRODUCTION, encoded
from tests.builders.verify_draw import program
from tests.builders.verify_draw import verify as verify_draw

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
