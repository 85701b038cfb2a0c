"""Random schedules with faults and thieves keep every promise of accounts, and find each planted bug."""

from __future__ import annotations

import sys
from collections import Counter

import pytest

from tests.builders.crashes import some_of

from ..ports import ACCOUNT_PORTS, Fault, Port
from .bugs import BUGS, planted
from .schedule import play

FEW, SCHEDULES = 25, 100
"""`make simulate` plays 500."""
WITHIN = 200


@pytest.mark.parametrize(
    "seeds",
    [
        pytest.param(range(FEW), id="some"),
        pytest.param(range(FEW, SCHEDULES), id="others", marks=pytest.mark.deep),
    ],
)
def test_nobody_is_locked_out_and_nobody_else_gets_in(seeds: range) -> None:
    injected: Counter[tuple[Port, Fault]] = Counter()
    for seed in seeds:
        played = play(seed)
        assert not played.wrong, f"make simulate OF=accounts SEED={seed}: {played.wrong[0]}"
        injected += played.injected
    # Changes of contacts are too rare for a block: `make simulate` counts the faults of their transactions, too.
    often = [port for port in ACCOUNT_PORTS if port is not Port.TRANSACTION]
    assert set(injected) >= {(port, fault) for port in often for fault in Fault}, "every fault at every port"


@pytest.mark.parametrize("bug", some_of(BUGS, 6))
def test_a_planted_bug_is_found(bug: str) -> None:
    with planted(bug):
        for seed in range(WITHIN):
            if (played := play(seed)).wrong:
                sys.stdout.write(f"{bug}: schedule {seed + 1}: {played.wrong[0]}\n")
                return
    pytest.fail(f"not found in {WITHIN} schedules")
