"""What stands between the service and everything outside it: each call may wait for others, and may go wrong."""

from __future__ import annotations

import random
from collections import Counter
from collections.abc import Callable
from dataclasses import dataclass
from enum import StrEnum
from typing import Any, TypeVar

from botocore.exceptions import ClientError, ReadTimeoutError
from pynamodb.exceptions import PynamoDBException, TransactWriteError

from chalicelib.errors import Unavailable

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


_FAULTS = tuple(Fault)
_PROVIDER = {Port.SEND, Port.STATUS, Port.INQUIRY}
TRANSACTION = Errors(Unavailable, store_errors(TransactWriteError).timed_out)
SQS = Errors(Unavailable, lambda: ReadTimeoutError(endpoint_url="sqs"))
KMS = Errors(_throttling, lambda: ReadTimeoutError(endpoint_url="kms"))
