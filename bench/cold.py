"""A cold start, measured: importing the application and answering its first join, against four other ways.

    python -m bench.cold [RUNS] [--json]

Each run is a new interpreter (`bench/first_join.py`); the ways of `bench.join` take turns. DynamoDB is a server in
another process on loopback, without TLS. What Lambda adds is not measured: fetching and unpacking the package, starting
the sandbox and the interpreter, a disk that has none of it in memory, less than a whole core at less than 1,769 MB, and
a TLS handshake. A missed target is only said: it is the machine's too.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
from datetime import timedelta

from .harness import ENVIRONMENT, Report, Row, Table, Target, command, machine
from .race import apart, serving
from .requests import HANDLERS, NOW, REGISTRATIONS, join_event, profile_of, registered

RUNS = 15
WALL_MS_MAX = 200


def measure(runs: int) -> dict[str, list[tuple[float, float]]]:
    """Wall and CPU seconds of each run, by way."""
    profile = apart(registered)
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in HANDLERS}
    with serving({}) as [(endpoint, address)]:
        environment = os.environ | ENVIRONMENT | {"AWS_ENDPOINT_URL": address}
        for number in range(1 + runs):
            for place, (name, named) in enumerate(HANDLERS.items()):
                person = f"{place:08x}-{number:04x}-4000-8000-000000000000"
                endpoint.put(REGISTRATIONS, profile_of(person, profile))
                event = join_event(person, NOW + timedelta(milliseconds=number))
                seconds[name].append(_first_join(named, json.dumps(event), environment))
    return {name: each[1:] for name, each in seconds.items()}  # the first one may have had to compile its modules


def _first_join(named: str, event: str, environment: dict[str, str]) -> tuple[float, float]:
    command = [sys.executable, "-m", "bench.first_join", named]
    ran = subprocess.run(command, input=event, stdout=subprocess.PIPE, text=True, env=environment, check=True)
    wall_s, cpu_s, status = json.loads(ran.stdout)
    if status != 201:
        raise SystemExit(f"{named} answered {status}")
    return wall_s, cpu_s


def report(runs: int) -> Report:
    seconds = measure(runs)
    rows: dict[str, Row] = {name: row(each) for name, each in seconds.items()}
    walls = {name: statistics.median(wall for wall, _ in each) * 1e3 for name, each in seconds.items()}
    ours, best = walls.pop("gelombang"), min(walls.values())
    targets = [
        Target(name="gelombang, wall ms", value=ours, at_most=WALL_MS_MAX),
        Target(name="gelombang / the best of (a) to (d), wall", value=ours / best, at_most=1),
    ]
    about = f"A cold start: import and first join, medians of {runs} new processes each, in turns"
    return Report("cold", about, machine(), [Table("a cold start", rows)], targets)


def row(seconds: list[tuple[float, float]]) -> Row:
    wall_s, cpu_s = zip(*seconds, strict=True)
    return {
        "wall ms": statistics.median(wall_s) * 1e3,
        "best ms": min(wall_s) * 1e3,
        "CPU ms": statistics.median(cpu_s) * 1e3,
    }


if __name__ == "__main__":
    sys.exit(command(__doc__ or "", report, RUNS))
