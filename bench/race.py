"""Measures several ways to do the same thing in one run.

Each way has its own process, so that none is affected by what another imported or set up. They take turns of a few
runs each, so that other work on the machine slows all of them alike.
"""

from __future__ import annotations

import os
import statistics
import time
from collections.abc import Callable, Iterator, Mapping, Sequence
from concurrent.futures import ProcessPoolExecutor
from contextlib import ExitStack, contextmanager
from dataclasses import dataclass, field
from multiprocessing import get_context
from multiprocessing.managers import BaseManager
from types import MappingProxyType
from typing import Any, NamedTuple, Protocol, TypeVar

from botocore.httpsession import URLLib3Session

from chalicelib.aws.kept_connections import SEND
from infrastructure import app_stack

from .aws.endpoint import Call, Endpoint, Index
from .harness import ENVIRONMENT, Row, Target

T = TypeVar("T")

assert "AwsClient" in app_stack.TOLD
ORDINARY = {app_stack.variable("AwsClient"): "ordinary"}
"""The environment in which the application uses botocore's own clients of DynamoDB and KMS."""


class Stage:
    """The double of AWS for one way, in two modes. Each mode has its own items.

    In process there is no HTTP. With HTTP counted a server in another process answers. The way's clients are the same
    in both.
    """

    def __init__(self, inside: Endpoint, outside: Any) -> None:
        self._inside, self._outside = inside, outside
        self.counted = False

    @property
    def endpoint(self) -> Any:
        return self._outside if self._counted else self._inside

    @property
    def counted(self) -> bool:
        return self._counted

    @counted.setter
    def counted(self, counted: bool) -> None:
        """Choose the mode for the whole process."""
        self._counted = counted
        send = SEND if counted else lambda _session, request: self._inside.send(request)
        URLLib3Session.send = send  # type: ignore[method-assign]  # the original itself: kept connections look for it


class Work(Protocol):
    """What a way repeats. It is made in the way's own process."""

    def prepare(self) -> Any:
        """Return the argument of one run; not measured."""

    def run(self, given: Any) -> Any:
        """Do one run, which is measured."""

    def check(self, given: Any, answer: Any) -> None:
        """Raise an error unless the run had the right result; not measured."""


class Run(NamedTuple):
    """CPU seconds of a run, its calls, and the calls that prepared it."""

    cpu_s: float
    calls: tuple[Call, ...]
    before: tuple[Call, ...]


@dataclass(frozen=True)
class Way:
    """One way to do something. A run does it `pieces` times. `make` makes its work, in the way's own process."""

    name: str
    make: Callable[[Stage], Work]
    pieces: int = 1
    environment: Mapping[str, str] = field(default_factory=dict)


@dataclass
class Raced:
    """A way and its runs in both modes; the key says whether HTTP was counted."""

    way: Way
    pool: ProcessPoolExecutor
    runs: dict[bool, list[Run]] = field(default_factory=lambda: {False: [], True: []})

    def cpu_us(self, *, http: bool) -> float:
        """The median CPU time of a piece, in microseconds."""
        return round(statistics.median(run.cpu_s for run in self.runs[http]) / self.way.pieces * 1e6, 1)

    def p90_us(self, *, http: bool) -> float:
        ninth = statistics.quantiles((run.cpu_s for run in self.runs[http]), n=10)[-1]
        return round(ninth / self.way.pieces * 1e6, 1)

    def made(self, *operations: str, service: str = "DynamoDB") -> list[Call]:
        """The calls of the operations named, or of the whole service if none is. They are those made in process."""
        calls = (call for run in self.runs[False] for call in run.calls if call.service == service)
        return [call for call in calls if not operations or call.operation in operations]

    def mean(self, total: float) -> float:
        """A total of all runs divided by their pieces. A whole number is an int."""
        mean = total / len(self.runs[False]) / self.way.pieces
        return int(mean) if mean == int(mean) else mean

    def row(self) -> Row:
        """What a piece costs, as a row of the report."""
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
_spawn = get_context("spawn")  # a fork would start with all modules that this process imported


@contextmanager
def serving(indexes: Mapping[str, Sequence[Index]], count: int = 1) -> Iterator[list[tuple[Any, str]]]:
    """A context with `count` endpoints in another process, each with its address."""
    with _Server(ctx=_spawn) as server:
        endpoints = [server.Endpoint(indexes) for _ in range(count)]  # type: ignore[attr-defined]  # registered above
        yield [(endpoint, endpoint.serve()) for endpoint in endpoints]


def race(
    ways: Sequence[Way], runs: int, *, turn: int, indexes: Mapping[str, Sequence[Index]] = MappingProxyType({})
) -> list[Raced]:
    """Measure each way `runs` times in each mode, in turns of `turn` runs. A tenth as many runs warm up before."""
    turn = min(turn, runs)
    with ExitStack() as stack:
        endpoints = stack.enter_context(serving(dict(indexes), len(ways)))
        raced = [
            Raced(way, stack.enter_context(ProcessPoolExecutor(1, _spawn, _begin, (way, dict(indexes), *endpoint))))
            for way, endpoint in zip(ways, endpoints, strict=True)
        ]
        for number in range(-(runs // 10), runs, turn):
            for each in raced:
                for counted in (False, True):
                    done = each.pool.submit(_runs, counted, turn).result()
                    each.runs[counted] += done if number >= 0 else []
        return raced


_stage: Stage
_work: Work


def _begin(way: Way, indexes: Mapping[str, Sequence[Index]], server: Any, address: str) -> None:
    global _stage, _work
    os.environ.update({**ENVIRONMENT, "AWS_ENDPOINT_URL": address, **way.environment})
    _stage = Stage(Endpoint(indexes), server)
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
    """Call a function in a new process; returns its result."""
    with ProcessPoolExecutor(1, _spawn) as pool:
        return pool.submit(function, *arguments).result()
