"""What a join may cost, on the application itself. CPU is compared by `make bench`, where the machine is quiet."""

from __future__ import annotations

import subprocess
import sys

from tests.conftest import ROOT


def test_a_join_makes_two_calls_and_writes_one_unit() -> None:
    # A process of its own: the benchmark builds the application from its own environment.
    ran = subprocess.run(
        [sys.executable, "-m", "bench.join", "20"], cwd=ROOT, capture_output=True, text=True, check=False
    )
    [row] = [line.split() for line in ran.stdout.splitlines() if line.startswith("gelombang ")]
    calls, read_units, write_units = row[1:4]
    assert (calls, read_units, write_units) == ("2", "1", "1"), ran.stderr
