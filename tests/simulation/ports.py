"""The ports between the service and the outside: calls at which other tasks may run and faults happen, and a queue.

One thread runs many tasks. Each runs until it calls a port, and a random choice decides which continues.
"""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable, Sequence
from contextlib import suppress
from dataclasses import dataclass, field
from enum import StrEnum
from typing import Any, TypeVar

from botocore.exceptions import ClientError, ReadTimeoutError
from greenlet import greenlet
from pynamodb.exceptions import PynamoDBException, TransactWriteError

from chalicelib.errors import Unavailable
from chalicelib.payouts.wire import encode_message

T = TypeVar("T")


class Port(StrEnum):
    """The sorts of calls."""

    TRANSACTION = "transaction"
    GET = "get"
    ENQUEUE = "enqueue"
    SEND = "send"
    STATUS = "status query"
    WRITE = "single write"
    INQUIRY = "inquiry"
    KEYS = "key service"


class Fault(StrEnum):
    """What may happen to a call."""

    CRASH_BEFORE = "crash before"
    CRASH_AFTER = "crash after"
    THROTTLE = "throttle"
    TIMEOUT_BEFORE = "time-out before"
    REPLY_LOST = "committed, reply lost"


class Died(BaseException):
    """The process was killed here. Nothing may catch it but the scheduler."""


@dataclass(frozen=True)
class Errors:
    """How a port's failures look to the code that calls it."""

    throttled: Callable[[], Exception]
    timed_out: Callable[[], Exception]


class Nature:
    """Carries calls out, and spoils some. `pause` lets others go first; `note` is told what happened."""

    def __init__(self, dice: random.Random, pause: Callable[[], None], note: Callable[[str], None]) -> None:
        self._dice = dice
        self._pause = pause
        self.note = note
        self.rate = 0.0
        self.outage_rate = 0.0
        """Of the calls to the provider, on top."""
        self.late_rate = 0.0
        """Of the sendings that time out unheard: so many reach the provider all the same, minutes later."""
        self.lost_rate = 0.0
        """Of the transactions, on top: committed, and the reply lost."""
        self.under_way: list[Callable[[], Any]] = []
        self.injected: Counter[tuple[Port, Fault]] = Counter()

    def call(self, port: Port, what: str, act: Callable[[], T], errors: Errors) -> T:
        """One call of a port. Others may run before it takes effect; then it is atomic."""
        self._pause()
        rate = self.rate + (self.outage_rate if port in _PROVIDER else 0.0)
        lost = port is Port.TRANSACTION and self._dice.random() < self.lost_rate
        if not lost and self._dice.random() >= rate:
            return self._heard(what, act)
        fault = Fault.REPLY_LOST if lost else self._dice.choice(_FAULTS)
        self.injected[port, fault] += 1
        self.note(f"{what}  !! {fault}")
        return self._spoilt(port, fault, act, errors)

    def _heard(self, what: str, act: Callable[[], T]) -> T:
        try:
            answer = act()
        except Exception as refusal:
            self.note(f"{what}: {type(refusal).__name__}")
            raise
        self.note(f"{what}: no" if answer is False else what)
        return answer

    def _spoilt(self, port: Port, fault: Fault, act: Callable[[], T], errors: Errors) -> T:
        match fault:
            case Fault.CRASH_BEFORE:
                raise Died
            case Fault.CRASH_AFTER:
                _whatever_it_says(act)
                raise Died
            case Fault.THROTTLE:
                raise errors.throttled()
            case Fault.TIMEOUT_BEFORE:
                if port is Port.SEND and self._dice.random() < self.late_rate:
                    self.under_way.append(act)
                raise errors.timed_out()
            case _:
                _whatever_it_says(act)
                if port is Port.WRITE and self._dice.random() < 0.5:
                    return act()  # the SDK tries a single write again, which then meets its own effect
                raise errors.timed_out()


def store_errors(kind: type[PynamoDBException]) -> Errors:
    """As pynamodb says it."""
    return Errors(
        lambda: kind("throttled", _throttling()), lambda: kind("timed out", ReadTimeoutError(endpoint_url="dynamodb"))
    )


def _throttling() -> ClientError:
    return ClientError({"Error": {"Code": "ThrottlingException", "Message": ""}}, "call")


def _whatever_it_says(act: Callable[[], Any]) -> None:
    try:
        act()
    except Exception:  # noqa: BLE001 - nobody is left to hear it
        return


PAYOUT_PORTS = tuple(port for port in Port if port is not Port.KEYS)
ACCOUNT_PORTS = (Port.GET, Port.WRITE, Port.TRANSACTION, Port.KEYS, Port.ENQUEUE, Port.SEND)

CLAIM_PORTS = (Port.GET, Port.WRITE, Port.TRANSACTION, Port.KEYS, Port.ENQUEUE)

_FAULTS = tuple(Fault)
_PROVIDER = {Port.SEND, Port.STATUS, Port.INQUIRY}
TRANSACTION = Errors(Unavailable, store_errors(TransactWriteError).timed_out)
SQS = Errors(Unavailable, lambda: ReadTimeoutError(endpoint_url="sqs"))
KMS = Errors(_throttling, lambda: ReadTimeoutError(endpoint_url="kms"))


@dataclass
class Message:
    """`receives`: how often it was handed out."""

    id: str
    body: str
    receives: int = 0


@dataclass
class MemoryQueue:
    """In place of `PayoutQueue`, and what Lambda does for it. The real queue's figures: 5 receives, 5 a batch."""

    nature: Nature
    dice: random.Random
    waiting: list[Message] = field(default_factory=list)
    dead: list[Message] = field(default_factory=list)
    sent: int = 0

    def send(self, ids: Sequence[str]) -> None:
        """The port that the services have."""
        if ids:
            names = ",".join(id_[:4] for id_ in ids)
            self.nature.call(Port.ENQUEUE, f"enqueue {names}", lambda: self.put([encode_message(i) for i in ids]), SQS)

    def backlog(self) -> int:
        """The port that the services have."""
        return len(self.waiting)

    def put(self, bodies: Sequence[str]) -> None:
        """Messages from anybody."""
        for body in bodies:
            self.sent += 1
            self.waiting.append(Message(f"m{self.sent}", body))

    def take(self, at_most: int) -> list[Message]:
        """Any messages, in any order."""
        taken = self.dice.sample(self.waiting, min(at_most, len(self.waiting)))
        for message in taken:
            self.waiting.remove(message)
            message.receives += 1
        return taken

    def give_back(self, messages: Sequence[Message]) -> None:
        """Not deleted: it comes again, unless it has come too often."""
        for message in messages:
            (self.waiting if message.receives < 5 else self.dead).append(message)

    def redrive(self) -> None:
        """What an operator does with the dead-letter queue."""
        for message in self.dead:
            message.receives = 0
        self.waiting += self.dead
        self.dead = []


class Task:
    """A run of service code. `deadline` is when its function is killed; `since` is the step at which its present
    message was begun, as the oracle needs to know what a worker could have seen."""

    def __init__(self, name: str, deadline: float, ended: Callable[[], None], since: int) -> None:
        self.name = name
        self.deadline = deadline
        self.ended = ended
        self.since = since
        self.fiber: Any = None


class Scheduler:
    """`stay`: how likely the running task goes on, so that some schedules switch at each call and others seldom."""

    def __init__(self, dice: random.Random, failed: Callable[[Task, Exception], None]) -> None:
        self._dice = dice
        self._failed = failed
        self._hub = greenlet.getcurrent()
        self._last: Task | None = None
        self.stay = 0.0
        self.step = 0
        self.tasks: list[Task] = []
        self.current: Task | None = None

    def start(
        self, name: str, work: Callable[[], Any], deadline: float = float("inf"), ended: Callable[[], None] = int
    ) -> None:
        """A new task; it begins when it is chosen. `ended` is called when it is over, however it ends."""
        task = Task(name, deadline, ended, self.step)
        task.fiber = greenlet(lambda: self._run(task, work))
        self.tasks.append(task)

    def pause(self) -> None:
        """Called within a task before each effect. Outside any task nothing else can run."""
        if self.current is not None:
            self._hub.switch()

    def resume(self) -> None:
        """Let one task go on to its next call."""
        task = self._last
        if task not in self.tasks or self._dice.random() >= self.stay:
            task = self._dice.choice(self.tasks)
        self._switch(task, task.fiber.switch)

    def kill_late(self, now: float) -> None:
        """A function does not outlive its time-out."""
        for task in [task for task in self.tasks if task.deadline <= now]:
            self._switch(task, lambda task=task: task.fiber.throw(Died))

    def finish(self) -> None:
        """Kill all that are left."""
        self.kill_late(float("inf"))

    def _switch(self, task: Task, go: Callable[[], Any]) -> None:
        self.step += 1
        self.current = self._last = task
        with suppress(Died):  # thrown into a task that has not begun, it comes back
            go()
        self.current = None
        if task.fiber.dead:
            self.tasks.remove(task)
            task.ended()

    def _run(self, task: Task, work: Callable[[], Any]) -> None:
        with suppress(Died):
            try:
                work()
            except Exception as error:  # noqa: BLE001 - the oracle judges it
                self._failed(task, error)
