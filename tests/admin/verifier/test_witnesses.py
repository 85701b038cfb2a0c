"""The verifier on who saw the note in time: every line of a known key holds, and the demanded quorum was there."""

from __future__ import annotations

from datetime import datetime, timedelta

import pytest

from admin.evidence import Known
from chalicelib.draw.cosignatures import Cosignature, Signer
from chalicelib.draw.note import round_time
from tests.builders.draws.files import QUICKNET, REAL_FROZEN, REAL_ROUND
from tests.builders.draws.publications import GOOD, checked, failures, noted

ANNE, BUDI, CITRA = (Signer(f"{name}.example", bytes([number]) * 32) for number, name in enumerate(("a", "b", "c")))
EXISTS = round_time(QUICKNET, REAL_ROUND["round"])
SECOND = timedelta(seconds=1)


def signed(signer: Signer, at: datetime = REAL_FROZEN, note: bytes = GOOD["note.txt"]) -> bytes:
    return signer.sign(note, at).line()


def with_lines(*lines: bytes) -> dict[str, bytes]:
    return GOOD | {"cosignatures.txt": b"".join(lines)}


def trusting(quorum: int, *signers: Signer) -> Known:
    return Known(witnesses=(tuple(one.public for one in signers), quorum))


def test_a_quorum_in_time_holds_and_lines_of_others_are_passed_over():
    files = with_lines(signed(CITRA), signed(ANNE), signed(BUDI, EXISTS - SECOND), signed(ANNE))
    known = trusting(2, ANNE, BUDI)
    assert failures(files, known) == {}
    assert checked(files, known)["quorum of witnesses"].detail == "2 of 2 witnesses in time, 2 demanded"


def test_where_none_is_demanded_it_says_how_many_there_are():
    assert checked(GOOD)["quorum of witnesses"].detail == "0 of 0 witnesses in time, no witness is demanded"
    detail = checked(with_lines(signed(ANNE)), trusting(0, ANNE, BUDI))["quorum of witnesses"].detail
    assert detail == "1 of 2 witnesses in time, no witness is demanded"


FEW = "no quorum: 1 of 2 witnesses in time, 2 are demanded"
WRONG = {
    "nobody signed": (GOOD, {"quorum of witnesses": "no quorum: 0 of 2 witnesses in time, 2 are demanded"}),
    "too few": (with_lines(signed(ANNE), signed(CITRA)), {"quorum of witnesses": FEW}),
    "one twice": (with_lines(signed(ANNE), signed(ANNE, REAL_FROZEN + SECOND)), {"quorum of witnesses": FEW}),
    "when the round exists": (
        with_lines(signed(ANNE), signed(BUDI, EXISTS)),
        {"witnesses in time": "late witness: b.example", "quorum of witnesses": FEW},
    ),
    "another note": (
        with_lines(signed(ANNE), signed(BUDI, note=noted(quota=14)["note.txt"])),
        {"cosignatures": "forged cosignature: b.example", "quorum of witnesses": FEW},
    ),
    "another time than the signed one": (
        with_lines(
            signed(ANNE),
            Cosignature(BUDI.name, BUDI.public.id, int(EXISTS.timestamp()) - 9, bytes(64)).line(),
        ),
        {"cosignatures": "forged cosignature: b.example", "quorum of witnesses": FEW},
    ),
    "a quorum, and a line that was forged": (
        with_lines(signed(ANNE), signed(BUDI), signed(ANNE, note=b"another note\n")),
        {"cosignatures": "forged cosignature: a.example"},
    ),
}


@pytest.mark.parametrize(("files", "named"), WRONG.values(), ids=WRONG)
def test_what_is_wrong_with_witnesses_is_named(files: dict[str, bytes], named: dict[str, str]):
    assert failures(files, trusting(2, ANNE, BUDI)) == named


@pytest.mark.parametrize("junk", [b"", b"\n", b"hello\n", b"\xff\n", signed(ANNE)[:-1], signed(ANNE) + b"\n"])
def test_a_file_that_is_not_lines_is_malformed_and_no_quorum_is_counted(junk: bytes):
    checks = checked(with_lines(junk), trusting(1, ANNE))
    assert checks["cosignatures"].detail.startswith("malformed cosignatures.txt: ")
    assert (checks["cosignatures"].ok, checks["witnesses in time"].ok, checks["quorum of witnesses"].ok) == (
        False,
        None,
        None,
    )
