"""The draw, measured: from the pages that DynamoDB sends to what is published and verified, with other ways beside it.

    python -m bench.draw [--entries N]... [--runs N]

Each size is drawn in a process of its own, on one core (`bench/draw_steps.py`), from pages that are made before and
lie in a temporary folder (`bench/draw_cloud.py`). Speeds are by CPU time, medians. The other ways, and the hashes that
no way can do without, run in that same process; above a million entries only the hashes. Exits with 1 if the plain way
chooses anyone else, or if the verifier finds anything wrong; a missed target is only said, since it is the machine's
too.
"""

from __future__ import annotations

import argparse
import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from . import draw_cloud
from .draw_steps import (
    COMMIT,
    DRAW,
    FLOOR_HASHES,
    FLOOR_HMACS,
    LEAVES,
    LIST,
    PLAIN_DRAW,
    PLAIN_READ,
    PROVE,
    READ,
    SCREEN,
    SEATS_PERCENT,
    WHOLE,
    Figures,
)
from .harness import machine

SIZES = (100_000, 1_000_000)
RUNS = ((100_000, 5), (1_000_000, 3))
"""The figures are medians of so many runs up to that size; beyond it, of one."""
TRACED_MAX = 100_000
"""Up to here memory is counted by tracemalloc, and the other ways run as often: larger draws would take too long."""
COMPARED_MAX = 1_000_000
AT_ONCE_S = 1e-3
"""What takes less does not depend on the entries: it has no speed."""

OVER_PLAIN_MIN = 10
OVER_FLOOR_MAX = 2.5
LARGE, LARGE_WALL_S, LARGE_BYTES = 10_000_000, 180, 3e9


def measured(entries: int, runs: int) -> Figures:
    """Make the pages, draw them in a process of its own. Exits as that does."""
    with tempfile.TemporaryDirectory() as folder:
        draw_cloud.make(Path(folder), entries)
        traced = "traced" if entries <= TRACED_MAX else "resident"
        others = "all" if entries <= COMPARED_MAX else "alone"
        command = [sys.executable, "-m", "bench.draw_steps", folder, str(runs), traced, others]
        ran = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        if ran.returncode:
            raise SystemExit(ran.returncode)
    return msgspec.json.decode(ran.stdout, type=Figures)


def targets(figures: Figures) -> Iterator[str]:
    """The figures that have a target, and whether they reach it."""
    cpu_s = {step.name: step.cpu_s for step in figures.steps}
    drawn_s = cpu_s[LEAVES] + cpu_s[LIST] + cpu_s[COMMIT] + cpu_s[DRAW]
    yield (
        f"pages to winners ({LEAVES}; {LIST}; {COMMIT}; {DRAW}): {drawn_s / figures.entries * 1e6:.2f} us an entry, "
        f"{figures.entries / drawn_s:,.0f} entries a second"
    )
    if PLAIN_READ in cpu_s:
        ratio = (cpu_s[PLAIN_READ] + cpu_s[PLAIN_DRAW]) / drawn_s
        yield f"(a) / pages to winners: {ratio:.1f}" + _aim(ratio >= OVER_PLAIN_MIN, f">= {OVER_PLAIN_MIN}")
    ratio = (drawn_s - cpu_s[READ]) / (cpu_s[FLOOR_HASHES] + cpu_s[FLOOR_HMACS])
    yield f"pages to winners less {READ} / (c): {ratio:.2f}" + _aim(ratio <= OVER_FLOOR_MAX, f"<= {OVER_FLOOR_MAX}")
    if figures.entries >= LARGE:
        whole = next(step for step in figures.steps if step.name == WHOLE)
        kept = whole.wall_s <= LARGE_WALL_S and figures.whole_bytes <= LARGE_BYTES
        yield (
            f"{WHOLE}: {whole.wall_s:.0f} s by the clock, {figures.whole_bytes / 1e9:.2f} GB resident"
            + _aim(kept, f"<= {LARGE_WALL_S} s, {LARGE_BYTES / 1e9:g} GB")
        )


def _aim(kept: bool, target: str) -> str:
    return f" (target {target})" if kept else f" - target missed: {target}"


def report(figures: Figures, runs: int) -> None:
    entries = figures.entries
    once = ", of (a), (b) and screen one" if TRACED_MAX < entries <= COMPARED_MAX else ""
    print(f"\n{entries:,} entries, medians of {runs} runs{once}" if runs > 1 else f"\n{entries:,} entries, one run")
    print(
        f"DynamoDB: {figures.pages:,} calls, {figures.read_units:,} read units, {figures.body_bytes / 1e6:,.0f} MB of "
        f"answers; at most {figures.whole_bytes / 1e6:,.0f} MB resident when the whole was done"
    )
    memory = "peak MB" if entries <= TRACED_MAX else "resident MB"
    print(f"{'':30}{'entries/s':>12}{'us/entry':>10}{'CPU s':>9}{'wall s':>9}{memory:>13}")
    for step in figures.steps:
        if step.name == PROVE:
            continue  # it does not depend on the entries
        speed = f"{entries / step.cpu_s:,.0f}" if step.cpu_s > AT_ONCE_S else "-"
        print(
            f"{step.name:30}{speed:>12}{step.cpu_s / entries * 1e6:>10.2f}"
            f"{step.cpu_s:>9.2f}{step.wall_s:>9.2f}{step.peak_bytes / 1e6:>13,.1f}"
        )
    if figures.screen_calls:
        print(f"{SCREEN}: {figures.screen_calls:,} calls, {figures.screen_read_units:,.0f} read units")
    proof = next(step for step in figures.steps if step.name == PROVE)
    print(f"{PROVE}: {proof.wall_s * 1e3:.1f} ms by the clock, from the published files alone")
    for line in targets(figures):
        print(line)


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the draw.")
    parser.add_argument("--entries", type=int, action="append", help=f"repeatable; without it {SIZES}")
    parser.add_argument("--runs", type=int, help="the figures are medians of so many; fewer for more entries")
    options = parser.parse_args()
    print(
        f"The draw: {len(draw_cloud.REGIONS)} regions, {SEATS_PERCENT}% seats, half of them reserved; one core of "
        f"{os.cpu_count()}, without the network"
    )
    print(machine())
    for entries in options.entries or SIZES:
        runs = options.runs or next((runs for most, runs in RUNS if entries <= most), 1)
        report(measured(entries, runs), runs)


if __name__ == "__main__":
    main()
