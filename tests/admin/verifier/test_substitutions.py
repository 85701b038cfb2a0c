"""The verifier on seats that went on: every substitution is the next one by the committed order, or is named."""

from __future__ import annotations

import json

import pytest

from chalicelib.draw import leaves
from tests.builders.draws.publications import GOOD, LISTS, checked, edited, failures, updated

SUBSTITUTED = json.loads(GOOD["substitutions.json"])
LOSER = next(
    leaf.hex()
    for leaf in leaves.leaves_of(LISTS[32])
    if "holds no seat" in checked(updated("substitutions.json", 0, out=leaf.hex()))["substitutions"].detail
)


def test_the_good_draw_has_substitutions_of_both_kinds_and_one_that_leaves_its_region():
    assert {one["seat"] for one in SUBSTITUTED} >= {"open", "11", "31"}
    assert SUBSTITUTED[0]["seat"] == "11"
    assert SUBSTITUTED[0]["in"] is not None


SUBSTITUTIONS = {
    "a number left out": (updated("substitutions.json", 2, seq=4), "substitution out of order: 4 in place 3"),
    "rows exchanged": (edited("substitutions.json", list.reverse), "substitution out of order: 6 in place 1"),
    "the first one removed": (
        edited("substitutions.json", lambda rows: rows.pop(0)),
        "substitution out of order: 2 in place 1",
    ),
    "of someone not chosen": (
        updated("substitutions.json", 0, out=LOSER),
        "substitution out of order: 1 is of someone who holds no seat",
    ),
    "of someone who went before": (
        updated("substitutions.json", 3, out=SUBSTITUTED[0]["out"]),
        "substitution out of order: 4 is of someone who holds no seat",
    ),
    "another next in line": (
        updated("substitutions.json", 1, **{"in": LOSER}),
        "substitution out of order: 2 names the wrong next in line",
    ),
    "nobody though one is left": (
        updated("substitutions.json", 1, **{"in": None}),
        "substitution out of order: 2 names the wrong next in line",
    ),
    "another seat": (
        updated("substitutions.json", 0, seat="31"),
        "substitution out of order: 1 names the wrong seat, it is 11",
    ),
    "an open seat": (
        updated("substitutions.json", 0, seat="open"),
        "substitution out of order: 1 names the wrong seat, it is 11",
    ),
}


@pytest.mark.parametrize(("files", "detail"), SUBSTITUTIONS.values(), ids=SUBSTITUTIONS)
def test_a_wrong_substitution_is_named(files: dict[str, bytes], detail: str):
    assert failures(files) == {"substitutions": detail}


def test_a_last_substitution_that_was_removed_again_cannot_be_seen_in_the_files():
    """They are append-only: whoever keeps a copy sees it (docs/draw.md says so)."""
    assert failures(edited("substitutions.json", lambda rows: rows.pop())) == {}
