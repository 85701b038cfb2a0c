"""Each planted bug is found by the schedules within a few; without one, none of the same schedules finds anything."""

from __future__ import annotations

import logging
import sys
from collections.abc import Iterator

import pytest

from .bugs import BUGS
from .schedule import play

WITHIN = 200


@pytest.fixture(autouse=True)
def quiet() -> Iterator[None]:
    logging.disable(logging.CRITICAL)
    yield
    logging.disable(logging.NOTSET)


@pytest.mark.parametrize("bug", BUGS)
def test_a_planted_bug_is_found(bug: str) -> None:
    with BUGS[bug].planted() as parts:
        for seed in range(WITHIN):
            if (played := play(seed, parts)).wrong:
                sys.stdout.write(f"{bug}: schedule {seed + 1}: {played.wrong[0]}\n")
                return
    pytest.fail(f"not found in {WITHIN} schedules")
