"""Measures CPU time, wall time and peak memory of the steps of a process."""

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
    """A measured step: medians of its CPU and wall seconds, and its peak memory in bytes."""

    name: str
    cpu_s: float
    wall_s: float
    peak_bytes: int


class Meter:
    """Measures steps of this process, each `runs` times; `runs` may be changed between steps.

    `aside_s` returns the CPU seconds so far that belong to no step.

    With `traced` the peak is the memory that a step takes in addition to what it was given. One more run under
    tracemalloc counts it, several times slower. Otherwise the peak is the highest resident memory of the process during
    the step. That includes the interpreter, what the step was given, and what earlier steps left.
    """

    def __init__(self, runs: int, aside_s: Callable[[], float], *, traced: bool) -> None:
        self.runs = runs
        self._aside_s = aside_s
        self._traced = traced
        self.steps: list[Measured] = []

    def step(self, name: str, work: Callable[[], T]) -> T:
        """Run a step and keep its figures; returns the result of its last run."""
        return self.step_on(name, lambda: None, lambda _: work())

    def step_on(self, name: str, given: Callable[[], G], work: Callable[[G], T]) -> T:
        """The same for a step that uses up its argument. `given` makes it before each run; that is not measured."""
        cpu_s, wall_s, peak_bytes = [], [], 0
        for _ in range(self.runs):
            result = None  # the result of a run must not take memory during the next one
            prepared = given()
            gc.collect()
            reset_peak()
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


def reset_peak() -> None:
    """Reset the peak of the resident memory, where the system supports it (Linux)."""
    with suppress(OSError):
        Path("/proc/self/clear_refs").write_text("5")


def resident_peak() -> int:
    """The peak of this process's resident memory in bytes, since `reset_peak` or, without Linux, since the start."""
    for line in told("/proc/self/status", "VmHWM:"):
        return int(line.split()[1]) * 1024
    return resource.getrusage(resource.RUSAGE_SELF).ru_maxrss * 1024
