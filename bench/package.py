"""The package, measured: its size, its files, and what `import app` costs a cold start, with and without .pyc files.

    python -m bench.package [RUNS] [--json]

The package is the zip that `gelombang deploy` uploads, unzipped. The alternative is the same zip without compiled
modules, as `chalice package` would leave it. Each run is a new interpreter that has only the package. The two take
turns, and the figures are medians. Exits with 1 if the package has 80 MB or more unzipped, or takes 400 ms or more to
import.
"""

from __future__ import annotations

import statistics
import sys
import tempfile
import zipfile
from pathlib import Path

from admin.deployment import package, stages
from admin.deployment.stacks import DeployFailed

from .harness import Report, Row, Table, Target, command, machine

RUNS = 9
REGION = "ap-southeast-3"


def unzip(file: Path, folder: Path, *, compiled: bool) -> Path:
    with zipfile.ZipFile(file) as packed:
        packed.extractall(folder, [name for name in packed.namelist() if compiled or not name.endswith(".pyc")])
    return folder


def report(runs: int) -> Report:
    try:
        built = package.build(stages.ROOT, "local", REGION, stages.ROOT / "build")
    except DeployFailed as error:
        sys.exit(str(error))
    with zipfile.ZipFile(built.zip) as packed:
        files = len(packed.namelist())
    with tempfile.TemporaryDirectory() as scratch:
        ways = {
            "with .pyc": unzip(built.zip, Path(scratch) / "with", compiled=True),
            "without .pyc": unzip(built.zip, Path(scratch) / "without", compiled=False),
        }
        times: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(runs):
            for way, folder in ways.items():
                times[way].append(package.import_s([folder]) * 1e3)
    unzipped, import_ms = built.unzipped_bytes / 1e6, statistics.median(times["with .pyc"])
    size: Row = {"zip MB": built.zip.stat().st_size / 1e6, "unzipped MB": unzipped, "files": files}
    imports: dict[str, Row] = {
        way: {"median ms": statistics.median(each), "best ms": min(each)} for way, each in times.items()
    }
    return Report(
        "package",
        f"The package {built.release}: medians of {runs} imports each, in turns",
        machine(),
        [Table("the package", {"size": size}), Table("import app", imports)],
        [
            Target(name="unzipped MB", value=unzipped, at_most=package.BUDGET_BYTES / 1e6, condition=True),
            Target(name="import ms", value=import_ms, at_most=package.IMPORT_BUDGET_S * 1e3, condition=True),
        ],
    )


if __name__ == "__main__":
    sys.exit(command(__doc__ or "", report, RUNS))
