"""Schedules of faults, races and people's decisions keep the promise; `make simulate` plays ten thousand."""

from __future__ import annotations

import logging
import os
import subprocess
import sys
from collections import Counter
from collections.abc import Iterator

import pytest

from tests.conftest import ROOT

from .ports import Fault, Port
from .schedule import play

SCHEDULES = 1_000
BLOCKS = 4


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("block", range(BLOCKS))
def test_schedules_keep_the_promise_and_end_with_equal_books(block: int) -> None:
    size = SCHEDULES // BLOCKS
    injected: Counter[tuple[Port, Fault]] = Counter()
    for seed in range(block * size, (block + 1) * size):
        played = play(seed)
        assert not played.wrong, f"make simulate SEED={seed}: {played.wrong[0]}"
        injected += played.injected
    assert set(injected) == {(port, fault) for port in Port for fault in Fault}, "every fault at every port"


def test_a_seed_plays_the_same_schedule_in_every_process() -> None:
    told = {
        subprocess.run(
            [sys.executable, "-m", "tests.simulation", "--seed", "11"],
            capture_output=True,
            check=True,
            cwd=ROOT,
            env=os.environ | {"PYTHONHASHSEED": hash_seed},
        ).stdout
        for hash_seed in ("1", "2")
    }
    assert len(told) == 1
    assert b" -> SENDING n=1 (claimed)" in told.pop()
