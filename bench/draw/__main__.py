"""The draw, measured from the pages that DynamoDB sends to the verified publication, and compared with other ways.

    python -m bench.draw [--entries N]... [--runs N] [--json]

Each size is drawn in a process of its own, on one core (`bench/draw/steps.py`). Its pages are made beforehand in a
temporary folder (`bench/aws/draw_cloud.py`). Speeds are medians of CPU time. The same process runs the other ways, and
alone the hashes that every way needs; above a million entries it runs only the hashes. Exits with 1 if the plain way
chooses anyone else, or if the verifier finds anything wrong. A missed target is only printed, as it depends on the
machine too.
"""

from __future__ import annotations

import os
import subprocess
import sys
import tempfile
from collections.abc import Iterator
from pathlib import Path

import msgspec

from ..aws import draw_cloud
from ..harness import Report, Row, Table, Target, machine, parser, tell
from .steps import (
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

SIZES = (100_000, 1_000_000)
RUNS = ((100_000, 5), (1_000_000, 3))
"""(entries, runs): up to so many entries the figures are medians of so many runs; larger draws run once."""
TRACED_MAX = 100_000
"""Up to so many entries tracemalloc counts the memory, and the other ways run as often. Larger draws take too long."""
COMPARED_MAX = 1_000_000
AT_ONCE_S = 1e-3
"""A step that takes less does not depend on the number of entries, so its table shows no speed."""

OVER_PLAIN_MIN = 10
OVER_FLOOR_MAX = 2.5
LARGE, LARGE_WALL_S, LARGE_MB = 10_000_000, 180, 3000
WINNERS = "pages to winners"


def measured(entries: int, runs: int) -> Figures:
    """Make the pages and draw them in another process. If that fails, exit with its code."""
    with tempfile.TemporaryDirectory() as folder:
        draw_cloud.make(Path(folder), entries)
        traced = "traced" if entries <= TRACED_MAX else "resident"
        others = "all" if entries <= COMPARED_MAX else "alone"
        command = [sys.executable, "-m", "bench.draw.steps", folder, str(runs), traced, others]
        ran = subprocess.run(command, stdout=subprocess.PIPE, check=False)
        if ran.returncode:
            raise SystemExit(ran.returncode)
    return msgspec.json.decode(ran.stdout, type=Figures)


def targets(figures: Figures) -> Iterator[Target]:
    """The figures that have a target. A missed one is no error, as it depends on the machine too."""
    cpu_s, size = {step.name: step.cpu_s for step in figures.steps}, f"{figures.entries:,}: "
    drawn_s = winners_s(figures)
    if PLAIN_READ in cpu_s:
        value = (cpu_s[PLAIN_READ] + cpu_s[PLAIN_DRAW]) / drawn_s
        yield Target(name=f"{size}(a) / {WINNERS}", value=value, at_least=OVER_PLAIN_MIN)
    value = (drawn_s - cpu_s[READ]) / (cpu_s[FLOOR_HASHES] + cpu_s[FLOOR_HMACS])
    yield Target(name=f"{size}{WINNERS} less {READ} / (c)", value=value, at_most=OVER_FLOOR_MAX)
    if figures.entries >= LARGE:
        whole = next(step for step in figures.steps if step.name == WHOLE)
        yield Target(name=f"{size}{WHOLE}, wall s", value=whole.wall_s, at_most=LARGE_WALL_S)
        yield Target(name=f"{size}{WHOLE}, resident MB", value=figures.whole_bytes / 1e6, at_most=LARGE_MB)


def winners_s(figures: Figures) -> float:
    """CPU seconds from the pages to the list of winners."""
    return sum(step.cpu_s for step in figures.steps if step.name in (LEAVES, LIST, COMMIT, DRAW))


def tables(figures: Figures, runs: int) -> Iterator[Table]:
    entries = figures.entries
    once = ", of (a), (b) and screen one" if TRACED_MAX < entries <= COMPARED_MAX and runs > 1 else ""
    memory = "peak MB" if entries <= TRACED_MAX else "resident MB"
    rows = {step.name: row(entries, step.cpu_s, step.wall_s, memory, step.peak_bytes) for step in figures.steps}
    del rows[PROVE]  # it does not depend on the entries
    rows[WINNERS] = row(entries, winners_s(figures), None, memory, None)
    yield Table(f"{entries:,} entries, runs: {runs}{once}", rows)
    read: Row = {"calls": figures.pages, "read units": figures.read_units, "MB": figures.body_bytes / 1e6}
    calls = {"read the wave once": read}
    if figures.screen_calls:
        calls[SCREEN] = {"calls": figures.screen_calls, "read units": figures.screen_read_units, "MB": None}
    yield Table(f"{entries:,} entries", calls)
    proof = next(step for step in figures.steps if step.name == PROVE)
    besides: Row = {f"{PROVE}, wall ms": proof.wall_s * 1e3, "resident MB": figures.whole_bytes / 1e6}
    yield Table(f"{entries:,} entries", {"besides": besides})


def row(entries: int, cpu_s: float, wall_s: float | None, memory: str, peak_bytes: int | None) -> Row:
    return {
        "entries/s": entries / cpu_s if cpu_s > AT_ONCE_S else None,
        "us/entry": cpu_s / entries * 1e6,
        "CPU s": cpu_s,
        "wall s": wall_s,
        memory: None if peak_bytes is None else peak_bytes / 1e6,
    }


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("--entries", type=int, action="append", help=f"repeatable; without it {SIZES}")
    options.add_argument("--runs", type=int, help="how many runs the medians are of; without it fewer for more entries")
    given = options.parse_args()
    about = (
        f"The draw: {len(draw_cloud.REGIONS)} regions, {SEATS_PERCENT}% seats, half of them reserved; one core of "
        f"{os.cpu_count()}, without the network; {WINNERS}: {LEAVES}; {LIST}; {COMMIT}; {DRAW}"
    )
    report = Report("draw", about, machine(), [], [])
    for entries in given.entries or SIZES:
        runs = given.runs or next((runs for most, runs in RUNS if entries <= most), 1)
        figures = measured(entries, runs)
        report.tables += tables(figures, runs)
        report.targets += targets(figures)
    return tell(report, given)


if __name__ == "__main__":
    sys.exit(main())
