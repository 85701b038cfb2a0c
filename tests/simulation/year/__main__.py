"""`python -m tests.simulation.year`: play a whole year and show it as a table and as plots.

The people are shared out among the cores: each process plays a programme of its own with its part of the people and of
the target, and the table adds them up. A rate is set by `--set name=value`, or many by a TOML file (`--rates`).
"""

from __future__ import annotations

import argparse
import os
import sys
import time
import tomllib
from functools import partial, reduce
from multiprocessing import Pool
from pathlib import Path
from typing import Any

import msgspec
from msgspec.structs import asdict, replace

from chalicelib.outcomes import figures

from .bugs import BUGS
from .coverage import by_chance, coverage
from .play import WAVE_COLUMNS, Played, play
from .plots import draw
from .rates import PROGRAMMES, Rates


def main() -> int:
    """1 if a promise was broken, or a planted bug was not found."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("--people", type=int, help="20000 unless the rates say otherwise")
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--programme", choices=PROGRAMMES, default=Rates().programme)
    parser.add_argument("--days", type=int, help="until its last payment unless this says otherwise")
    parser.add_argument("--processes", type=int, default=min(2, len(os.sched_getaffinity(0))))
    parser.add_argument("--rates", type=Path, help="a TOML file")
    parser.add_argument("--set", action="append", default=[], metavar="NAME=VALUE")
    parser.add_argument("--plots", type=Path, default=Path("build/year"), help="the folder that the plots go to")
    parser.add_argument("--bugs", action="store_true", help="plant each bug in a small year")
    parser.add_argument(
        "--coverage", type=int, metavar="SEEDS", help="how often the interval covers the planted effect"
    )
    asked = parser.parse_args()
    try:
        rates = rates_of(asked)
    except (ValueError, OSError) as error:
        parser.error(str(error))
    if asked.bugs:
        return plant(asked.seed)
    if asked.coverage:
        covered, (least, most) = coverage(asked.coverage, rates), by_chance(asked.coverage)
        print(
            f"the interval covers the planted effect in {covered / asked.coverage:.1%} of {asked.coverage} seeds; "
            f"an interval of 95% does in {least} to {most} of so many, by chance, and this one in {covered}"
        )
        return 0 if least <= covered else 1
    began = time.perf_counter()
    played = play_all(asked.seed, rates, asked.days or PROGRAMMES[asked.programme][1], asked.processes)
    show(played, rates)
    print(
        f"{time.perf_counter() - began:.0f} s in {asked.processes} processes,",
        ", ".join(map(str, draw(played, rates, asked.plots))),
    )
    return 1 if played.wrong else 0


def rates_of(asked: argparse.Namespace) -> Rates:
    """The rates that were asked for. Raises `ValueError` (msgspec's is one) for what is no rate, and `OSError`."""
    usual = replace(PROGRAMMES[asked.programme][0], people=Rates().people)
    given: dict[str, Any] = tomllib.loads(asked.rates.read_text()) if asked.rates else {}
    given |= dict(word.partition("=")[::2] for word in asked.set)
    if asked.people:
        given["people"] = asked.people
    return msgspec.convert(asdict(usual) | given, Rates, strict=False)


def play_all(seed: int, rates: Rates, days: int, processes: int) -> Played:
    """The year in several processes, added up."""
    part = replace(rates, people=rates.people // processes)
    if processes == 1:
        return play(seed, part, days)
    with Pool(processes) as pool:
        parts = pool.map(partial(_part, part, days), range(seed, seed + processes))
    return reduce(Played.__add__, parts)


def _part(rates: Rates, days: int, seed: int) -> Played:
    return play(seed, rates, days)


def plant(seed: int) -> int:
    """Plant each bug; print what finds it."""
    missed = 0
    for name, bug in BUGS.items():
        wrong = play(seed, bug.rates, bug.days, bug=bug.plant(), stop_at=1).wrong
        found = any(bug.found_by in what for what in wrong)
        missed += not found
        print(f"{name}: {wrong[0] if found else 'NOT FOUND ' + str(wrong)}", flush=True)
    return 1 if missed else 0


def show(played: Played, rates: Rates) -> None:
    """The year as a table, its outcomes, and what it took."""
    print("wave" + "".join(f"{name:>13}" for name in WAVE_COLUMNS))
    for number, row in played.waves.items():
        print(f"{number:4}" + "".join(f"{row[name]:13,}" for name in WAVE_COLUMNS))
    names = ("registered", "joined", "chosen", "bought", "completed", "reviewed", "rupiah")
    print("\nmonth  " + "".join(f"{name:>13}" for name in names))
    for month, counts in sorted(played.months.items()):
        print(month + "".join(f"{counts[name]:13,}" for name in names))
    print("\n" + ", ".join(f"{name} {count:,}" for name, count in played.happened.most_common()))
    gap = figures.outcomes(played.counts, lambda _: True).working_difference
    if gap.difference is not None and gap.lower is not None and gap.upper is not None:
        covers = "covers" if gap.lower <= rates.effect <= gap.upper else "does not cover"
        print(
            f"more at work than in the comparison group: {gap.difference:+.3f} ({gap.lower:+.3f} to {gap.upper:+.3f}); "
            f"the interval {covers} the planted {rates.effect:+.3f}"
        )
    print(", ".join(f"{name} {count:,}" for name, count in sorted(played.work.items())))
    print(f"{played.memory_mb} MB of memory")
    for what in played.wrong:
        print("WRONG:", what)
    print(f"{len(played.wrong)} promises were broken")


if __name__ == "__main__":
    sys.exit(main())
