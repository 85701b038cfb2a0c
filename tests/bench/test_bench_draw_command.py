"""The draw's benchmark runs the application from pages to the verified result, and the plain way agrees with it."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT


def test_a_small_draw_is_read_in_one_call_a_partition_and_chosen_alike() -> None:
    # A process of its own: the benchmark builds the application from its own environment.
    ran = subprocess.run(
        [sys.executable, "-m", "bench.draw", "--entries", "2000", "--runs", "1"],
        cwd=ROOT,
        capture_output=True,
        text=True,
        check=False,
    )
    assert ran.returncode == 0, ran.stderr
    assert "DynamoDB: 64 calls, 64 read units" in ran.stdout
    assert "(a) / pages to winners: " in ran.stdout
