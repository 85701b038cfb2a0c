"""The verifier on the comparison sample: it is the lowest of those who never held a seat, or something is named."""

from __future__ import annotations

import hmac
import json

import pytest

from chalicelib.draw import leaves as draw
from tests.builders.draws.publications import GOOD, LISTS, checked, encoded, failures

RESULT = json.loads(GOOD["result.json"])
SUBSTITUTED = json.loads(GOOD["substitutions.json"])
SEED = bytes.fromhex(RESULT["seed"])
RANKED = {row["region"]: row["cutoff"] for row in RESULT["reserved"]}
NAME = "comparison sample"


def keyed(tag: bytes, leaf: bytes) -> str:
    return hmac.new(SEED, b"gelombang1/" + tag + b"\0" + leaf, "sha256").hexdigest()


def expected(after_seq: int) -> list[str]:
    """All that may be in a sample, in order, worked out from docs/draw.md alone."""
    followed = {row["in"] for row in SUBSTITUTED[:after_seq]}
    left = [
        leaf
        for region, leaves in LISTS.items()
        for leaf in draw.leaves_of(leaves)
        if keyed(b"rank", leaf) > (RANKED.get(region) or "") and keyed(b"open", leaf) > RESULT["open"]["cutoff"]
    ]
    return [leaf.hex() for leaf in sorted(left, key=lambda leaf: keyed(b"survey", leaf)) if leaf.hex() not in followed]


def sampled(**changes: object) -> dict[str, bytes]:
    sample = {"after_seq": 2, "size": 3, "leaves": expected(2)[:3]} | changes
    return GOOD | {"sample.json": encoded(sample)}


def test_a_right_sample_holds_and_so_does_a_wave_without_one():
    assert checked(GOOD)[NAME].detail == "none was drawn yet"
    assert len(expected(0)) > len(expected(6)) >= 3
    for after_seq in (0, 2, 6):
        files = sampled(after_seq=after_seq, leaves=expected(after_seq)[:3])
        assert (checked(files)[NAME].ok, checked(files)[NAME].detail) == (True, "3 to compare with")
    everybody = sampled(size=100, leaves=expected(2))
    assert checked(everybody)[NAME].ok


WRONG = "wrong sample: these are not the lowest of those who never held a seat"
CASES = {
    "one left out": (sampled(leaves=expected(2)[:2]), WRONG),
    "one too many": (sampled(leaves=expected(2)[:4]), WRONG),
    "another one": (sampled(leaves=[*expected(2)[:2], expected(2)[3]]), WRONG),
    "another order": (sampled(leaves=expected(2)[2::-1]), WRONG),
    "one who followed": (sampled(after_seq=6, leaves=expected(0)[:3], size=3), WRONG),
    "substitutions that are not there": (
        sampled(after_seq=7),
        "wrong sample: after 7 substitutions, of which 6 are published",
    ),
}


@pytest.mark.parametrize(("files", "detail"), CASES.values(), ids=CASES)
def test_a_wrong_sample_is_named(files: dict[str, bytes], detail: str):
    assert failures(files) == {NAME: detail}


@pytest.mark.parametrize("changes", [{"size": 0}, {"after_seq": -1}, {"leaves": ["ab"]}, {"picked_by": "nobody"}])
def test_a_malformed_sample_is_named(changes: dict[str, object]):
    assert failures(sampled(**changes))[NAME].startswith("malformed sample.json: ")
