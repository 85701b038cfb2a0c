"""What the benchmarks share: their environment, the report that each prints, and the name of the machine."""

from __future__ import annotations

import argparse
import importlib.metadata
import os
import platform
from collections.abc import Callable, Iterator
from contextlib import suppress
from pathlib import Path

import msgspec
from msgspec import Struct

from infrastructure import app_stack

LIBRARIES = ("chalice", "pynamodb", "boto3", "aws-lambda-powertools", "fastapi", "mangum")
REGION = "ap-southeast-3"
ENVIRONMENT = {app_stack.variable(name): "http://bench.invalid" for name in app_stack.TOLD} | {
    "AWS_REGION": REGION,
    "AWS_DEFAULT_REGION": REGION,
    "AWS_ACCESS_KEY_ID": "bench",
    "AWS_SECRET_ACCESS_KEY": "bench",
    "AWS_LAMBDA_FUNCTION_NAME": "bench",
    "GELOMBANG_STAGE": "bench",
    "GELOMBANG_RESULTS_BUCKET": "bench",
    "GELOMBANG_MAIL_DOMAIN": "gelombang.example",
    "GELOMBANG_RP_ID": "localhost",
    "GELOMBANG_PROGRAMME": app_stack.TOLD["Programme"]["Default"],
    "GELOMBANG_REGISTRY_URL": "none",
    "GELOMBANG_STUDENTS_URL": "none",
    "GELOMBANG_CODES_QUEUE_URL": "http://codes.invalid",
    "GELOMBANG_AWS_CLIENT": os.environ.get("GELOMBANG_AWS_CLIENT", "lean"),
}
REGISTRATION = {
    "nik": "3174095708950001",
    "kk": "3174091203180002",
    "name": "Siti Aminah",
    "birth_date": "1995-08-17",
    "phone": "0812-3456-7890",
    "province": "31",
    "regency": "3174",
    "education": "senior_high",
    "employment": "jobseeker",
    "consent_version": "2026-01",
}

Row = dict[str, float | int | None]
"""Figures by column. The column's name has the unit of seconds and bytes."""


class Table(Struct):
    """Rows by name. All have the columns of the first row."""

    title: str
    rows: dict[str, Row]


class Target(Struct, kw_only=True):
    """A figure and its bounds. A benchmark that misses a target with `condition` exits with 1."""

    name: str
    value: float
    at_most: float | None = None
    at_least: float | None = None
    condition: bool = False
    met: bool = True

    def __post_init__(self) -> None:
        low, high = self.at_least, self.at_most
        self.met = (low is None or self.value >= low) and (high is None or self.value <= high)


class Report(Struct):
    """What every benchmark prints: as text, or with `--json` as JSON of this struct."""

    benchmark: str
    about: str
    machine: str
    tables: list[Table]
    targets: list[Target]


def parser(about: str) -> argparse.ArgumentParser:
    made = argparse.ArgumentParser(description=about, formatter_class=argparse.RawDescriptionHelpFormatter)
    made.add_argument("--json", action="store_true", help="print the figures as JSON (docs/benchmarks.md)")
    return made


def command(about: str, report: Callable[[int], Report], runs: int) -> int:
    """Run a benchmark's command line: read how often to measure, measure, print. Returns the exit code."""
    options = parser(about)
    options.add_argument("runs", type=int, nargs="?", default=runs, help=f"{runs} without it")
    given = options.parse_args()
    return tell(report(given.runs), given)


def tell(report: Report, options: argparse.Namespace) -> int:
    """Print a report. Returns the exit code: 1 if a condition is missed."""
    if options.json:
        print(msgspec.json.format(msgspec.json.encode(report)).decode())
    else:
        print("\n".join(_lines(report)))
    return int(any(target.condition and not target.met for target in report.targets))


def _lines(report: Report) -> Iterator[str]:
    yield report.about
    yield report.machine
    for table in report.tables:
        columns = list(next(iter(table.rows.values())))
        first = max(len(name) for name in (table.title, *table.rows)) + 1
        yield "\n" + table.title.ljust(first) + "".join(f"{column:>{_width(column)}}" for column in columns)
        for name, row in table.rows.items():
            yield name.ljust(first) + "".join(f"{_text(row[column]):>{_width(column)}}" for column in columns)
    yield ""
    for target in report.targets:
        aims = {"at most": target.at_most, "at least": target.at_least}
        aim = ", ".join(f"{word} {_text(limit)}" for word, limit in aims.items() if limit is not None)
        yield f"{target.name}: {_text(target.value)} (target {aim}{'' if target.met else ': MISSED'})"


def _width(column: str) -> int:
    return max(11, len(column) + 2)


def _text(value: float | None) -> str:
    if value is None:
        return "-"
    return f"{value:,}" if isinstance(value, int) else f"{value:,.{2 if abs(value) < 100 else 0}f}"


def machine() -> str:
    versions = [f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES]
    return ", ".join([processor(), f"{os.cpu_count()} cores", f"Python {platform.python_version()}", *versions])


def processor() -> str:
    named = (line.split(":", 1)[1].strip() for line in told("/proc/cpuinfo", "model name"))
    return next(named, platform.processor() or platform.machine())


def told(path: str, beginning: str) -> list[str]:
    """The lines of a file of the operating system that start with `beginning`; none if the file does not exist."""
    with suppress(OSError):
        return [line for line in Path(path).read_text().splitlines() if line.startswith(beginning)]
    return []
