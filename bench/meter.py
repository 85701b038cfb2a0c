"""How long steps of a process are measured: CPU, wall time and peak memory."""

from __future__ import annotations

import gc
import resource
import statistics
import time
import tracemalloc
from collections.abc import Callable
from contextlib import suppress
from pathlib import Path
from typing import TypeVar

from msgspec import Struct

from .harness import told

G = TypeVar("G")
T = TypeVar("T")


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
    for line in told("/proc/self/status", "VmHWM:"):
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
