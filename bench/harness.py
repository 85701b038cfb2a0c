"""What the benchmarks share: the environment, the machine's name, and how requests and long steps are measured."""

from __future__ import annotations

import gc
import importlib.metadata
import os
import platform
import resource
import statistics
import time
import tracemalloc
from collections.abc import Callable, Mapping
from contextlib import suppress
from dataclasses import dataclass, field
from pathlib import Path
from typing import Any, TypeVar

from msgspec import Struct

from infrastructure import app_stack

from .endpoint import Call, Endpoint

G = TypeVar("G")
T = TypeVar("T")

LIBRARIES = ("chalice", "pynamodb", "boto3", "aws-lambda-powertools")
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


@dataclass
class Contestant:
    """One way to do some work, `pieces` of it a run. Kept of each run: CPU seconds a piece, and the calls to AWS."""

    name: str
    work: Callable[..., Any]
    pieces: int = 1
    cpu_s: list[float] = field(default_factory=list)
    calls: list[tuple[Call, ...]] = field(default_factory=list)
    kms_calls: list[int] = field(default_factory=list)

    def run(self, endpoint: Endpoint, *arguments: Any) -> Any:
        """Work and keep the figures, without the time spent in the endpoint; returns what the work returned."""
        endpoint.forget_calls()
        started = time.process_time()
        answer = self.work(*arguments)
        self.cpu_s.append((time.process_time() - started - endpoint.spent_s) / self.pieces)
        self.calls.append(tuple(endpoint.calls))
        self.kms_calls.append(endpoint.kms_calls)
        return answer

    def forget(self, runs: int) -> None:
        for each in (self.cpu_s, self.calls, self.kms_calls):
            del each[:runs]

    @property
    def median_us(self) -> float:
        """CPU of a piece in microseconds."""
        return statistics.median(self.cpu_s) * 1e6

    def made(self, *operations: str) -> list[Call]:
        """The calls of some operations; all of them without any."""
        return [call for calls in self.calls for call in calls if not operations or call.operation in operations]

    def mean(self, total: float) -> float:
        """A total of all runs, by piece."""
        return total / len(self.calls) / self.pieces


def exit_code(benchmark: str, broken: Mapping[str, bool]) -> int:
    for limit in (limit for limit, is_broken in broken.items() if is_broken):
        print(f"{benchmark}: {limit}")
    return int(any(broken.values()))


def machine() -> str:
    versions = [f"{name} {importlib.metadata.version(name)}" for name in LIBRARIES]
    return ", ".join([processor(), f"{os.cpu_count()} cores", f"Python {platform.python_version()}", *versions])


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
