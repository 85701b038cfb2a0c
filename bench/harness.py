"""What the benchmarks share: reports, the machine's name, ways that take turns, and how long steps are measured.

Ways are compared in one run, each in a process of its own, so that none meets what another one imported or set up. They
take turns of a few runs, so that whatever the machine does meanwhile happens to all.
"""

from __future__ import annotations

import argparse
import gc
import importlib.metadata
import os
import platform
import resource
import statistics
import time
import tracemalloc
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager, suppress
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.managers import BaseManager
from pathlib import Path
from typing import Any, NamedTuple, Protocol, TypeVar
from unittest.mock import patch

import msgspec
from botocore.httpsession import URLLib3Session
from msgspec import Struct

from infrastructure import app_stack

from .endpoint import Call, Endpoint, Index

G = TypeVar("G")
T = TypeVar("T")

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


# What a benchmark says

Row = dict[str, float | int | None]
"""Figures by the name of their column; seconds and bytes have their unit in it."""


class Table(Struct):
    """Rows by name; all have the columns of the first."""

    title: str
    rows: dict[str, Row]


class Target(Struct, kw_only=True):
    """A figure and what it should be. One that is a `condition` ends the benchmark with 1 when it is missed."""

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
    """What every benchmark prints: as text, or with `--json` in just this form."""

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
    """A benchmark's command line: how often to measure, and how to print it. Returns the exit code."""
    options = parser(about)
    options.add_argument("runs", type=int, nargs="?", default=runs, help=f"{runs} without it")
    given = options.parse_args()
    return tell(report(given.runs), given)


def tell(report: Report, options: argparse.Namespace) -> int:
    """Print a report; returns the exit code."""
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


# Ways that take turns


class Stage:
    """AWS's side of one way, in two modes that have items of their own.

    In process, where HTTP is missing; or HTTP counted, where a server in another process answers. The way's clients
    are the same in both.
    """

    def __init__(self, inside: Endpoint, outside: Any) -> None:
        self._inside, self._outside = inside, outside
        self.counted = False

    @property
    def endpoint(self) -> Any:
        return self._outside if self.counted else self._inside

    def install(self) -> None:
        """From now on, for the life of this process."""
        over_http = URLLib3Session.send

        def send(session: URLLib3Session, request: Any) -> Any:
            return over_http(session, request) if self.counted else self._inside.send(request)

        patch.object(URLLib3Session, "send", send).start()


class Work(Protocol):
    """What a way does again and again. It is made in the way's own process."""

    def prepare(self) -> Any:
        """What one run is given; not measured."""

    def run(self, given: Any) -> Any:
        """What is measured."""

    def check(self, given: Any, answer: Any) -> None:
        """Raise unless a run did what it should; not measured."""


class Run(NamedTuple):
    """CPU seconds of a run, its calls, and those that prepared it."""

    cpu_s: float
    calls: tuple[Call, ...]
    before: tuple[Call, ...]


@dataclass(frozen=True)
class Way:
    """One way to do something, `pieces` of it a run. `make` makes its work of a `Stage`, in the way's own process."""

    name: str
    make: Callable[[Stage], Work]
    pieces: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Raced:
    """A way and its runs, by whether HTTP was counted."""

    way: Way
    pool: ProcessPoolExecutor
    runs: dict[bool, list[Run]] = field(default_factory=lambda: {False: [], True: []})

    def cpu_us(self, *, http: bool) -> float:
        """The median of a piece, in microseconds."""
        return round(statistics.median(run.cpu_s for run in self.runs[http]) / self.way.pieces * 1e6, 1)

    def p90_us(self, *, http: bool) -> float:
        ninth = statistics.quantiles((run.cpu_s for run in self.runs[http]), n=10)[-1]
        return round(ninth / self.way.pieces * 1e6, 1)

    def made(self, *operations: str, service: str = "DynamoDB") -> list[Call]:
        """The calls of some operations, without HTTP; all of the service without any."""
        calls = (call for run in self.runs[False] for call in run.calls if call.service == service)
        return [call for call in calls if not operations or call.operation in operations]

    def mean(self, total: float) -> float:
        """A total of all runs, by piece; whole numbers stay whole."""
        mean = total / len(self.runs[False]) / self.way.pieces
        return int(mean) if mean == int(mean) else mean

    def most(self, measure: Callable[[Call], float]) -> float:
        """The largest sum over the calls of one run."""
        return max(sum(map(measure, run.calls)) for run in self.runs[False])

    def row(self) -> Row:
        """What a piece costs."""
        calls = self.made()
        return {
            "calls": self.mean(len(calls)),
            "KMS": self.mean(len(self.made(service="KMS"))),
            "read units": self.mean(sum(call.read_units for call in calls)),
            "write units": self.mean(sum(call.write_units for call in calls)),
            "index units": self.mean(sum(call.index_units for call in calls)),
            "CPU us": self.cpu_us(http=False),
            "p90 us": self.p90_us(http=False),
            "HTTP CPU us": self.cpu_us(http=True),
            "HTTP p90 us": self.p90_us(http=True),
        }


def ratio(ours: Raced, other: Raced, *, http: bool, at_most: float) -> Target:
    mode = "HTTP counted" if http else "in process"
    value = round(ours.cpu_us(http=http) / other.cpu_us(http=http), 3)
    return Target(name=f"{mode}, {ours.way.name} / {other.way.name}", value=value, at_most=at_most)


class _Server(BaseManager):
    """The process that answers over HTTP."""


_Server.register("Endpoint", Endpoint)
_spawn = get_context("spawn")  # a fork would have what this process imported


@contextmanager
def serving(indexes: Mapping[str, Sequence[Index]], count: int = 1) -> Iterator[list[tuple[Any, str]]]:
    """So many endpoints in another process, each with its address."""
    with _Server(ctx=_spawn) as server:
        endpoints = [server.Endpoint(indexes) for _ in range(count)]  # type: ignore[attr-defined]  # registered above
        yield [(endpoint, endpoint.serve()) for endpoint in endpoints]


def race(
    ways: Sequence[Way], runs: int, *, turn: int, warm_up: int, indexes: Mapping[str, Sequence[Index]] | None = None
) -> list[Raced]:
    """Measure each way `runs` times in either mode, in turns of `turn` runs."""
    indexes = indexes or {}
    with ExitStack() as stack:
        endpoints = stack.enter_context(serving(indexes, len(ways)))
        raced = [
            Raced(way, stack.enter_context(ProcessPoolExecutor(1, _spawn, _begin, (way, indexes, *endpoint))))
            for way, endpoint in zip(ways, endpoints, strict=True)
        ]
        for number in range(0, warm_up + runs, turn):
            for each in raced:
                for counted in (False, True):
                    done = each.pool.submit(_runs, counted, turn).result()
                    each.runs[counted] += done if number >= warm_up else []
        return raced


_stage: Stage
_work: Work


def _begin(way: Way, indexes: Mapping[str, Sequence[Index]], server: Any, address: str) -> None:
    global _stage, _work
    os.environ.update({**ENVIRONMENT, "AWS_ENDPOINT_URL": address, **way.environment})
    _stage = Stage(Endpoint(indexes), server)
    _stage.install()
    _work = way.make(_stage)


def _runs(counted: bool, count: int) -> list[Run]:
    _stage.counted = counted
    return [_run() for _ in range(count)]


def _run() -> Run:
    given = _work.prepare()
    before, _ = _stage.endpoint.take()
    began_s = time.process_time()
    answer = _work.run(given)
    cpu_s = time.process_time() - began_s
    calls, spent_s = _stage.endpoint.take()
    _work.check(given, answer)
    return Run(cpu_s - spent_s, calls, before)


def apart(function: Callable[..., T], *arguments: Any) -> T:
    """What a function returns in a process of its own."""
    with ProcessPoolExecutor(1, _spawn) as pool:
        return pool.submit(function, *arguments).result()


# Long steps


class Measured(Struct, frozen=True):
    """A step: medians of its CPU and wall seconds, and its peak memory in bytes."""

    name: str
    cpu_s: float
    wall_s: float
    peak_bytes: int


class Meter:
    """Measures steps of this process, each `runs` times, until that is changed.

    `aside_s`: CPU seconds so far that are none of a step's.
    `traced`: the peak is what a step takes beyond what it was given, from one more run that tracemalloc watches. That
    makes it several times slower, so otherwise it is the process's resident memory at its highest during the step,
    which has everything in it: the interpreter, what the step was given, what earlier ones left.
    """

    def __init__(self, runs: int, aside_s: Callable[[], float], *, traced: bool) -> None:
        self.runs = runs
        self._aside_s = aside_s
        self._traced = traced
        self.steps: list[Measured] = []

    def step(self, name: str, work: Callable[[], T]) -> T:
        """Run a step and keep its figures; returns what its last run did."""
        return self.step_on(name, lambda: None, lambda _: work())

    def step_on(self, name: str, given: Callable[[], G], work: Callable[[G], T]) -> T:
        """The same for a step that uses up what it is given, which is made anew, unmeasured, for each run."""
        cpu_s, wall_s, peak_bytes = [], [], 0
        for _ in range(self.runs):
            result = None  # what a run made is not held while the next one runs
            prepared = given()
            gc.collect()
            _reset_peak()
            began_s, began_cpu_s = time.perf_counter(), self._cpu_s()
            result = work(prepared)
            cpu_s.append(self._cpu_s() - began_cpu_s)
            wall_s.append(time.perf_counter() - began_s)
            peak_bytes = max(peak_bytes, resident_peak())
        if self._traced:
            result, prepared = None, given()
            tracemalloc.start()
            result = work(prepared)
            peak_bytes = tracemalloc.get_traced_memory()[1]
            tracemalloc.stop()
        self.steps.append(Measured(name, statistics.median(cpu_s), statistics.median(wall_s), peak_bytes))
        assert result is not None, "a step returns something"
        return result

    def _cpu_s(self) -> float:
        return time.process_time() - self._aside_s()


def _reset_peak() -> None:
    """Let the peak of the resident memory begin anew, where the system can (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def resident_peak() -> int:
    """The peak of this process's resident memory, in bytes: since it was reset where that can be, else ever."""
    for line in _told("/proc/self/status", "VmHWM:"):
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024


def processor() -> str:
    named = (line.split(":", 1)[1].strip() for line in _told("/proc/cpuinfo", "model name"))
    return next(named, platform.processor() or platform.machine())


def _told(path: str, beginning: str) -> list[str]:
    """The lines of one of the system's files that begin so; none where there is no such file."""
    with suppress(OSError):
        return [line for line in Path(path).read_text().splitlines() if line.startswith(beginning)]
    return []
