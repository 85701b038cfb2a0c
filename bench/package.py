"""The package, measured: its size, its files, and what `import app` costs a cold start, with and without .pyc files.

    python -m bench.package [--runs N]

It is the very zip that `gelombang deploy` uploads, unzipped; the alternative is the same zip without its compiled
modules, as `chalice package` would leave it. Each run is a fresh interpreter that has nothing but the package; the two
take turns, and the figures are medians. Exits with 1 if the package is not under 80 MB unzipped, or does not import in
less than 400 ms.
"""

from __future__ import annotations

import argparse
import os
import platform
import statistics
import sys
import tempfile
import zipfile
from pathlib import Path

from admin.deployment import package, stages
from admin.deployment.stacks import DeployFailed

from .harness import processor

REGION = "ap-southeast-3"


def unzip(file: Path, folder: Path, *, compiled: bool) -> Path:
    with zipfile.ZipFile(file) as packed:
        packed.extractall(folder, [name for name in packed.namelist() if compiled or not name.endswith(".pyc")])
    return folder


def main() -> None:
    parser = argparse.ArgumentParser(description="Measure the package.")
    parser.add_argument("--runs", type=int, default=9, help="the figures are medians of so many")
    options = parser.parse_args()
    try:
        built = package.build(stages.ROOT, "local", REGION, stages.ROOT / "build")
    except DeployFailed as error:
        sys.exit(str(error))
    with zipfile.ZipFile(built.zip) as packed:
        files = len(packed.namelist())
    print(f"package {built.release}")
    print(f"{processor()}, {os.cpu_count()} cores, Python {platform.python_version()}; medians of {options.runs} runs")
    with tempfile.TemporaryDirectory() as scratch:
        ways = {
            "with .pyc": unzip(built.zip, Path(scratch) / "with", compiled=True),
            "without .pyc": unzip(built.zip, Path(scratch) / "without", compiled=False),
        }
        times: dict[str, list[float]] = {way: [] for way in ways}
        for _ in range(options.runs):
            for way, folder in ways.items():
                times[way].append(package.import_s([folder]))
    print(f"zip {built.zip.stat().st_size / 1e6:.1f} MB, unzipped {built.unzipped_bytes / 1e6:.1f} MB, {files} files")
    for way, each in times.items():
        print(f"import app, {way:<13}{statistics.median(each) * 1e3:>6.0f} ms (best {min(each) * 1e3:.0f})")
    if built.unzipped_bytes >= package.BUDGET_BYTES:
        sys.exit(f"the package is over its budget of {package.BUDGET_BYTES / 1e6:.0f} MB")
    if statistics.median(times["with .pyc"]) >= package.IMPORT_BUDGET_S:
        sys.exit(f"import app is over its budget of {package.IMPORT_BUDGET_S * 1e3:.0f} ms")


if __name__ == "__main__":
    main()
