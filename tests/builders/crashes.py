"""Counts every call to AWS, and lets something happen before or after one of them: a crash, or another's write."""

from __future__ import annotations

from collections.abc import Callable, Iterable, Sequence
from threading import Lock, current_thread, main_thread
from typing import Any, TypeVar

import pytest

from chalicelib.errors import DomainError

from .aws.calls import Call, wrap_calls

T = TypeVar("T")


def spread(points: Sequence[T], size: int = 4) -> list[T]:
    """`size` of the points (two or more), evenly spread, with the first and the last; all of fewer points."""
    return [points[at * (len(points) - 1) // (size - 1)] for at in range(size)] if len(points) > size else list(points)


def some_of(cases: Iterable[Any], every: int) -> list[Any]:
    """Cases for parametrising: every `every`-th runs in `make test`, the others in `make test-deep`."""
    return [
        pytest.param(*case if isinstance(case, tuple) else (case,), marks=[pytest.mark.deep] if number % every else [])
        for number, case in enumerate(cases)
    ]


READS = {"GetItem", "BatchGetItem", "Query", "GetObject"}


def worth_it(operations: Sequence[str]) -> list[int]:
    """The calls before which something may happen. Between two reads nothing is done, so the first stands for both."""
    return [
        number
        for number, operation in enumerate(operations)
        if not (number and operation in READS and operations[number - 1] in READS)
    ]


SOME_OR_ALL = pytest.mark.parametrize(
    "picked", [pytest.param(spread, id="some"), pytest.param(list, id="all", marks=pytest.mark.deep)]
)
"""Of all points at which something may happen: some in `make test`, all in `make test-deep`."""


class Crash(BaseException):
    """The function is killed here; no code of it runs any more."""


class Calls:
    """Every call to AWS from here on, as (service, operation). `before` and `after` hold what happens at the nth.

    Threads may call at once, in any order. When one of them dies so does every other at its next call.
    """

    def __init__(self, monkeypatch: pytest.MonkeyPatch) -> None:
        self.before: dict[int, Callable[[], object]] = {}
        self.after: dict[int, Callable[[], object]] = {}
        self.reset()
        wrap_calls(monkeypatch, self._watched)

    def reset(self) -> None:
        """Count from zero again, with nothing planned."""
        self.made: list[tuple[str, str]] = []
        self.before.clear()
        self.after.clear()
        self._busy = False
        self._dead = False
        self._counting = Lock()

    def dies(self, act: Callable[[], object], where: str, at: int) -> bool:
        """Let it die `before` or `after` the nth call of an action; False if the action ended before that."""
        self.reset()
        getattr(self, where)[at] = die
        try:
            act()
        except Crash:
            return True
        finally:
            self.reset()
        return False

    def meeting(self, at: int, act: Callable[[], object], other: Callable[[], object]) -> list[Any]:
        """What comes of an act, and of the other one, which happens before its nth call."""
        answers = list[Any]()
        self.reset()
        self.before[at] = lambda: answers.append(_tried(other))
        answers.append(_tried(act))
        self.reset()
        return answers

    def _watched(self, original: Call) -> Call:
        def call(client: Any, operation: str, parameters: Any) -> Any:
            if self._busy:
                return original(client, operation, parameters)
            with self._counting:
                self._dead &= current_thread() is not main_thread()  # which goes on in another life
                if self._dead:
                    raise Crash
                number = len(self.made)
                self.made.append((client.meta.service_model.service_name, operation))
            self._happen(self.before.get(number))
            try:
                return original(client, operation, parameters)
            finally:
                self._happen(self.after.get(number))

        return call

    def _happen(self, event: Callable[[], object] | None) -> None:
        if event is None:
            return
        self._busy = True
        try:
            event()
        except Crash:
            self._dead = True
            raise
        finally:
            self._busy = False


def _tried(act: Callable[[], object]) -> object:
    try:
        return act()
    except DomainError as refusal:
        return refusal


def die() -> None:
    """For `Calls`: the function dies before or after a call."""
    raise Crash
