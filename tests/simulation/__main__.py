"""`python -m tests.simulation`: play many schedules, or replay one.

--seed N        replay one schedule and print what happens
--schedules N   play the seeds 0 to N-1, on all cores; print what went wrong where, and what was reached
"""

from __future__ import annotations

import argparse
import logging
import os
import resource
import sys
import time
from collections import Counter
from multiprocessing import Pool

from .ports import Fault, Port
from .schedule import Played, play

CHUNK = 50
LEAST_IN_A_CELL = 100


def main() -> int:
    """1 if the promise was broken, or a fault was injected too seldom to prove anything."""
    parser = argparse.ArgumentParser(description=__doc__)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--schedules", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    return replay(asked.seed) if asked.seed is not None else play_many(asked.first, asked.schedules)


def replay(seed: int) -> int:
    """Print each step of one schedule."""
    played = play(seed, note=print)
    print(f"seed {seed}: {played.steps} steps,", "; ".join(played.wrong) or "nothing wrong")
    return 1 if played.wrong else 0


def play_many(first: int, schedules: int) -> int:
    """Play them on all cores."""
    started = time.perf_counter()
    injected: Counter[tuple[Port, Fault]] = Counter()
    seen: Counter[str] = Counter()
    wrong: list[Played] = []
    steps = 0
    cores = len(os.sched_getaffinity(0))
    end = first + schedules
    with Pool(cores) as pool:
        for chunk in pool.imap(_play_chunk, [(start, min(start + CHUNK, end)) for start in range(first, end, CHUNK)]):
            for played in chunk:
                injected += played.injected
                seen += played.seen
                steps += played.steps
                wrong += [played] if played.wrong else []
    took = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = used.ru_utime + used.ru_stime
    print(
        f"{schedules:,} schedules, {steps:,} steps on {cores} cores in {took:.0f} s: {schedules / took:.0f} a second;\n"
        f"{cpu_s:.0f} s of CPU: {schedules / cpu_s:.0f} a second on one core\n"
    )
    print(table(injected), "\n")
    for what, count in sorted(seen.items()):
        print(f"{count:10,}  {what}")
    for played in wrong[:10]:
        print(f"\nmake simulate SEED={played.seed}: {played.wrong[0]}")
    print(f"\n{len(wrong)} schedules broke the promise")
    seldom = min(injected[port, fault] for port in Port for fault in Fault) < LEAST_IN_A_CELL
    if seldom:
        print(f"some fault was injected less than {LEAST_IN_A_CELL} times")
    return 1 if wrong or seldom else 0


def table(injected: Counter[tuple[Port, Fault]]) -> str:
    """How often each fault was injected at each port."""
    lines = [f"{'':14}" + "".join(f"{fault:>24}" for fault in Fault)]
    lines += [f"{port:14}" + "".join(f"{injected[port, fault]:>24,}" for fault in Fault) for port in Port]
    return "\n".join(lines)


def _play_chunk(bounds: tuple[int, int]) -> list[Played]:
    logging.disable(logging.CRITICAL)
    return [play(seed) for seed in range(*bounds)]


if __name__ == "__main__":
    sys.exit(main())
