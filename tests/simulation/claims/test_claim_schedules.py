"""Random schedules with squatters, thieves, twins, outages and crashes end with every NIK at the most proof."""

from __future__ import annotations

import sys

import pytest

from tests.builders.crashes import some_of

from .bugs import BUGS, planted
from .schedule import play

FEW, SCHEDULES = 40, 300
"""`make simulate` plays 1,600, with more than 10,000 registrations."""
WITHIN = 600


@pytest.mark.parametrize(
    "seeds",
    [
        pytest.param(range(FEW), id="some"),
        pytest.param(range(FEW, SCHEDULES), id="others", marks=pytest.mark.deep),
    ],
)
def test_every_nik_ends_with_the_most_proof_and_nobody_invented_is_paid(seeds: range) -> None:
    for seed in seeds:
        played = play(seed)
        assert not played.wrong, f"make simulate OF=claims SEED={seed}: {played.wrong[0]}"


@pytest.mark.parametrize("bug", some_of(BUGS, 6))
def test_a_planted_bug_is_found(bug: str) -> None:
    """By the sentence that is for it. An error by which a task ends is none: it is said at the end."""
    sentence, _ = BUGS[bug]
    with planted(bug):
        for seed in range(WITHIN):
            wrong = play(seed).wrong
            assert not any("TypeError" in one for one in wrong), "the mistake does not fit what it replaces"
            if any(one.endswith(sentence) for one in wrong):
                sys.stdout.write(f"{bug}: schedule {seed + 1}: {wrong}\n")
                return
    pytest.fail(f"not found in {WITHIN} schedules")
