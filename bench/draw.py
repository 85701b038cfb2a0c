"""The draw, measured: lists and commitment, selection, verification; and the selection written the plain way.

    python -m bench.draw [--entries N] [--runs N]

The plain way is what one would write first: `hmac.new` for every entry and a sort of everything. It runs on the same
lists in the same process, and the script exits with 1 if it chooses anyone else. Times are medians; the peak memory is
that of one more run, beyond what the step was given, as tracemalloc counts it.
"""

from __future__ import annotations

import argparse
import hmac
import os
import platform
import statistics
import tempfile
import time
import tracemalloc
from collections.abc import Callable
from dataclasses import dataclass
from datetime import UTC, datetime
from hashlib import sha256
from pathlib import Path
from typing import TypeVar

from admin.evidence import Known
from admin.publication import Folder
from admin.verify import verify
from chalicelib.config import load_programme
from chalicelib.waves import beacon, draw, published
from chalicelib.waves.seats import allot
from chalicelib.waves.selection import OPEN, Selection, draw_seed
from local.beacon import sign

T = TypeVar("T")

WAVE = 60
FROZEN = datetime(2026, 11, 24, 3, 0, tzinfo=UTC)
REGIONS = tuple(range(11, 49))
SEATS_PERCENT = 4
"""Of the entries; half of the seats are reserved, so that every entry needs a rank and nearly all an open value."""


@dataclass(frozen=True)
class Measured:
    """A step: its median time and its peak memory beyond its input."""

    name: str
    seconds: float
    peak_bytes: int


def measure(name: str, step: Callable[[], T], runs: int) -> tuple[Measured, T]:
    """Run a step `runs` times for its time and once more for its memory."""
    times = []
    for _ in range(runs):
        started = time.perf_counter()
        step()
        times.append(time.perf_counter() - started)
    tracemalloc.start()
    result = step()
    peak = tracemalloc.get_traced_memory()[1]
    tracemalloc.stop()
    return Measured(name, statistics.median(times), peak), result


def tickets(entries: int) -> dict[int, list[bytes]]:
    """Tickets by region; the regions differ in size as provinces do."""
    found: dict[int, list[bytes]] = {region: [] for region in REGIONS}
    for number in range(entries):
        ticket = sha256(number.to_bytes(4, "big")).digest()
        found[REGIONS[min(ticket[0], ticket[1]) * len(REGIONS) // 256]].append(ticket)
    return found


def commit(by_region: dict[int, list[bytes]], quota: int) -> tuple[draw.Commitment, dict[int, bytes], dict[int, int]]:
    """The freeze: every list, its root, the note."""
    lists = {region: draw.build_list(WAVE, region, some) for region, some in by_region.items()}
    reserved = allot(quota // 2, {region: len(some) for region, some in by_region.items()})
    chain = load_programme("local").draw.pinned
    return draw.commit(WAVE, lists, reserved, quota, FROZEN, chain), lists, reserved


def plain(lists: dict[int, bytes], reserved: dict[int, int], quota: int, seed: bytes) -> list[tuple[bytes, str]]:
    """Who is chosen, written as the rules are read."""
    chosen: dict[bytes, str] = {}
    for region, seats in sorted(reserved.items()):
        leaves = list(draw.leaves_of(lists[region]))
        ranks = {leaf: hmac.new(seed, b"gelombang1/rank\0" + leaf, sha256).digest() for leaf in leaves}
        for leaf in sorted(leaves, key=lambda leaf: (ranks[leaf], leaf))[:seats]:
            chosen[leaf] = str(region)
    others = [leaf for leaves in lists.values() for leaf in draw.leaves_of(leaves) if leaf not in chosen]
    values = {leaf: hmac.new(seed, b"gelombang1/open\0" + leaf, sha256).digest() for leaf in others}
    for leaf in sorted(others, key=lambda leaf: (values[leaf], leaf))[: quota - len(chosen)]:
        chosen[leaf] = OPEN
    return list(chosen.items())


def check(folder: Path) -> None:
    """Verify what was published; stop if anything is wrong."""
    failed = [one for one in verify(Folder(folder), load_programme("local").draw, Known()) if one.ok is False]
    if failed:
        raise SystemExit(f"the verifier found {failed}")


def measurements(entries: int, runs: int) -> list[Measured]:
    """Every step of one draw, each with the result of the one before."""
    quota = entries * SEATS_PERCENT // 100
    by_region = tickets(entries)
    committing, (commitment, lists, reserved) = measure("lists and commitment", lambda: commit(by_region, quota), runs)
    signed = beacon.verify(load_programme("local").draw.pinned, commitment.note.round, sign(commitment.note.round))
    seed = draw_seed(commitment.note.encode(), signed.randomness)
    drawing, selection = measure("selection", lambda: Selection(lists, reserved, quota, seed), runs)
    plainly, chosen = measure("selection, plain way", lambda: plain(lists, reserved, quota, seed), runs)
    if list(selection.winners()) != chosen:
        raise SystemExit("the plain way chose others")
    files = published.commitment_files(commitment, lists)
    files |= published.result_files(WAVE, signed, seed, selection) | published.substitutions_file([])
    with tempfile.TemporaryDirectory() as folder:
        (Path(folder) / "leaves").mkdir()
        for name, content in files.items():
            (Path(folder) / name).write_bytes(content)
        verifying, _ = measure("verification", lambda: check(Path(folder)), runs)
    return [committing, drawing, plainly, verifying]


def processor() -> str:
    """The processor's name, where the system tells it."""
    try:
        lines = Path("/proc/cpuinfo").read_text().splitlines()
    except OSError:
        return platform.processor() or platform.machine()
    return next((line.split(":", 1)[1].strip() for line in lines if line.startswith("model name")), platform.machine())


def main() -> None:
    """Measure and print the table."""
    parser = argparse.ArgumentParser(description="Measure the draw.")
    parser.add_argument("--entries", type=int, default=100_000)
    parser.add_argument("--runs", type=int, default=5, help="the figures are medians of so many")
    options = parser.parse_args()
    print(f"draw of {options.entries} entries in {len(REGIONS)} regions, {SEATS_PERCENT}% seats, half of them reserved")
    print(f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}; medians of {options.runs} runs")
    print(f"{'':<22}{'entries/s':>12}{'us/entry':>10}{'ms':>9}{'peak MB':>9}")
    for one in measurements(options.entries, options.runs):
        speed, each_us = options.entries / one.seconds, one.seconds / options.entries * 1e6
        print(f"{one.name:<22}{speed:>12,.0f}{each_us:>10.2f}{one.seconds * 1e3:>9.0f}{one.peak_bytes / 1e6:>9.1f}")


if __name__ == "__main__":
    main()
