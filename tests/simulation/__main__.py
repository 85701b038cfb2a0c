"""`python -m tests.simulation payouts`, `accounts` or `claims`: play many schedules, or replay one.

--seed N        replay one schedule and print what happens
--schedules N   play the seeds 0 to N-1, on all cores; print what went wrong where, and what was reached
--bugs N        plant each bug in turn, and print in how many of the seeds 0 to N-1 it is found
"""

from __future__ import annotations

import argparse
import logging
import os
import resource
import sys
import time
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from functools import partial
from multiprocessing import Pool

from . import bugs as payout_bugs
from . import schedule as payouts
from .accounts import bugs as account_bugs
from .accounts import schedule as accounts
from .claims import bugs as claim_bugs
from .claims import schedule as claims
from .ports import ACCOUNT_PORTS, CLAIM_PORTS, PAYOUT_PORTS, Fault, Port
from .schedule import Played

CHUNK = 50


def _payouts_with(bug: str, seed: int) -> Played:
    with payout_bugs.BUGS[bug].planted() as parts:
        return payouts.play(seed, parts)


def _accounts_with(bug: str, seed: int) -> Played:
    with account_bugs.planted(bug):
        return accounts.play(seed)


def _claims_with(bug: str, seed: int) -> Played:
    with claim_bugs.planted(bug):
        return claims.play(seed)


@dataclass(frozen=True)
class Simulation:
    """`with_bug` plays a schedule while a bug is planted. Each fault must come `least` times at each port."""

    play: Callable[..., Played]
    ports: tuple[Port, ...]
    bugs: tuple[str, ...]
    with_bug: Callable[[str, int], Played]
    least: int


SIMULATIONS = {
    "payouts": Simulation(payouts.play, PAYOUT_PORTS, tuple(payout_bugs.BUGS), _payouts_with, 100),
    "accounts": Simulation(accounts.play, ACCOUNT_PORTS, tuple(account_bugs.BUGS), _accounts_with, 20),
    "claims": Simulation(claims.play, CLAIM_PORTS, tuple(claim_bugs.BUGS), _claims_with, 20),
}


def main() -> int:
    """1 if a promise was broken, a planted bug was not found, or a fault was injected too seldom to prove anything."""
    parser = argparse.ArgumentParser(description=__doc__, formatter_class=argparse.RawDescriptionHelpFormatter)
    parser.add_argument("simulation", choices=SIMULATIONS)
    parser.add_argument("--seed", type=int)
    parser.add_argument("--schedules", type=int, default=10_000)
    parser.add_argument("--first", type=int, default=0)
    parser.add_argument("--bugs", type=int)
    asked = parser.parse_args()
    logging.disable(logging.CRITICAL)
    if asked.seed is not None:
        return replay(asked.simulation, asked.seed)
    if asked.bugs is not None:
        return plant(asked.simulation, asked.bugs)
    return play_many(asked.simulation, asked.first, asked.schedules)


def replay(name: str, seed: int) -> int:
    """Print each step of one schedule."""
    played = SIMULATIONS[name].play(seed, note=print)
    print(f"seed {seed}: {played.steps} steps,", "; ".join(played.wrong) or "nothing wrong")
    return 1 if played.wrong else 0


def play_many(name: str, first: int, schedules: int) -> int:
    """Play them on all cores."""
    started = time.perf_counter()
    ports = SIMULATIONS[name].ports
    injected: Counter[tuple[Port, Fault]] = Counter()
    seen: Counter[str] = Counter()
    wrong: list[Played] = []
    steps = 0
    cores = len(os.sched_getaffinity(0))
    end = first + schedules
    chunks = [(name, start, min(start + CHUNK, end)) for start in range(first, end, CHUNK)]
    with Pool(cores) as pool:
        for chunk in pool.imap(_play_chunk, chunks):
            for played in chunk:
                injected += played.injected
                seen += played.seen
                steps += played.steps
                wrong += [played] if played.wrong else []
    took = time.perf_counter() - started
    used = resource.getrusage(resource.RUSAGE_CHILDREN)
    cpu_s = used.ru_utime + used.ru_stime
    print(
        f"{schedules:,} schedules of {name}, {steps:,} steps on {cores} cores in {took:.0f} s: "
        f"{schedules / took:.0f} a second;\n{cpu_s:.0f} s of CPU: {schedules / cpu_s:.0f} a second on one core\n"
    )
    print(table(injected, ports), "\n")
    for what, count in sorted(seen.items()):
        print(f"{count:10,}  {what}")
    for played in wrong[:10]:
        print(f"\nmake simulate OF={name} SEED={played.seed}: {played.wrong[0]}")
    print(f"\n{len(wrong)} schedules broke the promise")
    least = SIMULATIONS[name].least
    seldom = min(injected[port, fault] for port in ports for fault in Fault) < least
    if seldom:
        print(f"some fault was injected less than {least} times")
    return 1 if wrong or seldom else 0


def plant(name: str, schedules: int) -> int:
    """Play the same schedules with each bug; print how many find it, and which is the first."""
    missed = 0
    with Pool(len(os.sched_getaffinity(0))) as pool:
        for bug, found in zip(
            SIMULATIONS[name].bugs,
            pool.imap(partial(_found, name, schedules), SIMULATIONS[name].bugs),
            strict=True,
        ):
            missed += not found
            first = f"the first is {found[0]}" if found else "NOT FOUND"
            print(f"{len(found):6,} of {schedules:,}  {bug}; {first}", flush=True)
    return 1 if missed else 0


def table(injected: Counter[tuple[Port, Fault]], ports: tuple[Port, ...]) -> str:
    """How often each fault was injected at each port."""
    lines = [f"{'':14}" + "".join(f"{fault:>24}" for fault in Fault)]
    lines += [f"{port:14}" + "".join(f"{injected[port, fault]:>24,}" for fault in Fault) for port in ports]
    return "\n".join(lines)


def _play_chunk(chunk: tuple[str, int, int]) -> list[Played]:
    logging.disable(logging.CRITICAL)
    name, first, end = chunk
    return [SIMULATIONS[name].play(seed) for seed in range(first, end)]


def _found(name: str, schedules: int, bug: str) -> list[int]:
    """The seeds that find a bug."""
    logging.disable(logging.CRITICAL)
    return [seed for seed in range(schedules) if SIMULATIONS[name].with_bug(bug, seed).wrong]


if __name__ == "__main__":
    sys.exit(main())
