"""Runs calls in threads that wait for each other when all have read and none has written yet."""

from __future__ import annotations

import threading
from collections.abc import Callable, Iterable
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from chalicelib.errors import DomainError, Unavailable

AT_ONCE, ROUNDS = 8, 5
"""How many calls meet, and how often, where a race needs no other figures."""

ALWAYS = 1_000_000
"""For `meet`: before every write."""

_WRITES = {"DeleteItem", "PutItem", "TransactWriteItems", "UpdateItem"}
_LOST_S = 20  # nothing here takes so long: whoever waits for longer would wait for ever
_here = threading.local()


def together(calls: Iterable[Callable[[], Any]], meet: int = 1) -> list[Any]:
    """Run all calls at once, each in a thread; their results, or the refusals they met, in the order of the calls.

    Before each of its first `meet` writes to DynamoDB a call waits until all the others have come to a write too, or
    have ended; then they write at once. Who is told to come back a moment later does, as callers do.
    """
    calls = list(calls)
    meeting = _Meeting(len(calls))

    def run(call: Callable[[], Any]) -> Any:
        _here.meeting, _here.left = meeting, meet
        try:
            return _answer(call)
        finally:
            _leave()

    with ThreadPoolExecutor(len(calls)) as pool:
        return list(pool.map(run, calls))


def the_new_one(answers: Iterable[tuple[Any, bool]]) -> Any:
    """What all answers are about; one of them says that it is new."""
    things, new = zip(*answers, strict=True)
    assert sorted(new) == [False] * (len(new) - 1) + [True]
    assert all(thing == things[0] for thing in things)
    return things[0]


def refusals(answers: Iterable[Any]) -> list[type[DomainError]]:
    """Which refusals are among the answers."""
    return [type(answer) for answer in answers if isinstance(answer, DomainError)]


def meeting_before_writes(make_api_call: Callable[..., Any]) -> Callable[..., Any]:
    """A call to AWS, after a meeting if it is a write of a thread that `together` runs."""

    def call(client: Any, operation: str, parameters: Any) -> Any:
        if operation in _WRITES and getattr(_here, "meeting", None):
            _here.meeting.come()
            _here.left -= 1
            if not _here.left:
                _leave()
        return make_api_call(client, operation, parameters)

    return call


class _Meeting:
    """Opens each time when everybody who still takes part has come."""

    def __init__(self, parties: int) -> None:
        self._parties = parties
        self._waiting = 0
        self._opened = 0
        self._changed = threading.Condition()

    def come(self) -> None:
        with self._changed:
            self._waiting += 1
            before = self._opened
            self._open_if_complete()
            if not self._changed.wait_for(lambda: self._opened > before, _LOST_S):
                raise TimeoutError("the others never came")

    def leave(self) -> None:
        with self._changed:
            self._parties -= 1
            self._open_if_complete()

    def _open_if_complete(self) -> None:
        if self._waiting >= self._parties:
            self._waiting = 0
            self._opened += 1
            self._changed.notify_all()


def _answer(call: Callable[[], Any]) -> Any:
    while True:
        try:
            return call()
        except Unavailable:
            continue
        except DomainError as refusal:
            return refusal


def _leave() -> None:
    meeting, _here.meeting = _here.meeting, None
    if meeting:
        meeting.leave()
