"""A cold start, measured: importing the application and answering its first join, against four other ways.

    python -m bench.cold [RUNS] [--package] [--json]

Each run is a new interpreter (`bench/first_join.py`); the ways of `bench.join` take turns. DynamoDB is a server in
another process on loopback, without TLS. Not measured is what Lambda adds: fetching and unpacking the package, starting
the sandbox and the interpreter, a disk whose files are not in memory, less than a whole core at less than 1,769 MB, and
a TLS handshake. With `--package` the application is also started from the zip that would be deployed, which has less of
botocore's data. A missed target is only printed, as it depends on the machine too.
"""

from __future__ import annotations

import json
import os
import statistics
import subprocess
import sys
import tempfile
import zipfile
from datetime import timedelta

from admin.deployment import package, stages

from . import first_join
from .harness import ENVIRONMENT, REGION, Report, Row, Table, Target, machine, parser, tell
from .race import apart, serving
from .requests import HANDLERS, NOW, REGISTRATIONS, join_event, profile_of, registered

OURS = "gelombang"
RUNS = 15
WALL_MS_MAX = 200


def measure(commands: dict[str, list[str]], runs: int) -> dict[str, list[tuple[float, float]]]:
    """Run each way's command; returns the wall and CPU seconds of its runs, by the way's name."""
    profile = apart(registered)
    seconds: dict[str, list[tuple[float, float]]] = {name: [] for name in commands}
    with serving({}) as [(endpoint, address)]:
        # Modules are compiled once and kept, as in a package, whatever this process was told.
        environment = os.environ | ENVIRONMENT | {"AWS_ENDPOINT_URL": address, "PYTHONDONTWRITEBYTECODE": ""}
        for number in range(runs + (runs > 1)):
            for place, (name, command) in enumerate(commands.items()):
                person = f"{place:08x}-{number:04x}-4000-8000-000000000000"
                endpoint.put(REGISTRATIONS, profile_of(person, profile))
                event = join_event(person, NOW + timedelta(milliseconds=number))
                seconds[name].append(_first_join(command, json.dumps(event), environment))
    return {name: each[-runs:] for name, each in seconds.items()}  # the first may have had to compile its modules


def _first_join(command: list[str], event: str, environment: dict[str, str]) -> tuple[float, float]:
    ran = subprocess.run(command, input=event, stdout=subprocess.PIPE, text=True, env=environment, check=True)
    wall_s, cpu_s, status = json.loads(ran.stdout)
    if status != 201:
        raise SystemExit(f"{command} answered {status}")
    return wall_s, cpu_s


def report(runs: int, packaged: bool) -> Report:
    commands = {name: [sys.executable, "-m", first_join.__name__, named] for name, named in HANDLERS.items()}
    with tempfile.TemporaryDirectory() as folder:
        if packaged:
            built = package.build(stages.ROOT, "local", REGION, stages.ROOT / "build")
            zipfile.ZipFile(built.zip).extractall(folder)
            # As `package.import_s` does: nothing but the package.
            alone = [sys.executable, "-I", "-S", "-B", first_join.__file__, HANDLERS[OURS], folder]
            commands = {OURS: alone, f"{OURS}, not packaged": commands.pop(OURS), **commands}
        seconds = measure(commands, runs)
    rows: dict[str, Row] = {name: row(each) for name, each in seconds.items()}
    walls = {name: statistics.median(wall for wall, _ in each) * 1e3 for name, each in seconds.items()}
    ours, best = walls[OURS], min(wall for name, wall in walls.items() if name.startswith("("))
    targets = [
        Target(name=f"{OURS}, wall ms", value=ours, at_most=WALL_MS_MAX),
        Target(name=f"{OURS} / the best of (a) to (d), wall", value=ours / best, at_most=1),
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


def main() -> int:
    options = parser(__doc__ or "")
    options.add_argument("runs", type=int, nargs="?", default=RUNS)
    options.add_argument("--package", action="store_true", help="measure the package too; builds it first")
    given = options.parse_args()
    return tell(report(given.runs, given.package), given)


if __name__ == "__main__":
    sys.exit(main())
