"""Schedules of faults, races and people's decisions keep the promise, and find each planted bug within a few."""

from __future__ import annotations

import os
import subprocess
import sys
from collections import Counter

import pytest

from tests.builders.crashes import some_of
from tests.conftest import ROOT

from .bugs import BUGS
from .ports import PAYOUT_PORTS, Fault, Port
from .schedule import play

SCHEDULES, BLOCKS = 1_000, 4
"""`make simulate` plays ten thousand."""


@pytest.mark.parametrize("block", some_of(range(BLOCKS), BLOCKS))
def test_schedules_keep_the_promise_and_end_with_equal_books(block: int) -> None:
    size = SCHEDULES // BLOCKS
    injected: Counter[tuple[Port, Fault]] = Counter()
    for seed in range(block * size, (block + 1) * size):
        played = play(seed)
        assert not played.wrong, f"make simulate OF=payouts SEED={seed}: {played.wrong[0]}"
        injected += played.injected
    assert set(injected) == {(port, fault) for port in PAYOUT_PORTS for fault in Fault}, "every fault at every port"


@pytest.mark.parametrize(("of", "said"), [("payouts", b" -> SENDING n=1 (claimed)"), ("accounts", b"SESSION#")])
def test_a_seed_plays_the_same_schedule_in_every_process(of: str, said: bytes) -> None:
    told = {
        subprocess.run(
            [sys.executable, "-m", "tests.simulation", of, "--seed", "11"],
            capture_output=True,
            check=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(told) == 1
    assert said in told.pop()


WITHIN = 500


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str) -> None:
    with BUGS[bug].planted() as parts:
        for seed in range(WITHIN):
            if (played := play(seed, parts)).wrong:
                sys.stdout.write(f"{bug}: schedule {seed + 1}: {played.wrong[0]}\n")
                return
    pytest.fail(f"not found in {WITHIN} schedules")
