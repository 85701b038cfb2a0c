"""Scheduled functions as Lambda runs them, for 15 minutes at most and killed whenever it likes, and their mails."""

from __future__ import annotations

import json
import os
import time
from collections import Counter
from collections.abc import Callable
from types import SimpleNamespace
from typing import Any

from chalicelib.aws.failures import MARGIN_S
from chalicelib.notices.service import decode_message
from tests.builders.crashes import Calls

FULL = 10_000
MANY = int(os.environ.get("MANY", FULL))
"""People that a job finds due."""

LIFE_S = 900 - MARGIN_S
"""What a run is given when its function may live for 15 minutes."""

CALL_S = 0.01
"""What a call takes on the clock of a run: more than one of DynamoDB, which usually needs less than half of that."""


class Function:
    """Runs of one job, one after the other. On their clock nothing but calls takes time, so all is the same each time.

    `job` is given how many seconds it may take, and that clock.
    """

    def __init__(self, calls: Calls, job: Callable[[float, Callable[[], float]], Any]) -> None:
        self._calls = calls
        self._job = job
        self.runs: list[Counter[str]] = []
        """What each run called."""
        self.took_s = 0.0
        """CPU of this process in all runs together; DynamoDB Local has its own."""

    def is_killed_after(self, calls: int) -> None:
        """Run, and die right after so many calls."""
        assert self._calls.dies(lambda: self._run(LIFE_S), "after", calls - 1)

    def has_time_for(self, calls: int, margin_s: float) -> None:
        """Run until `margin_s` are left after so many calls: then the job itself stops."""
        self._calls.reset()
        self._run(margin_s + calls * CALL_S)
        assert self.runs[-1].total() >= calls, f"it was done after {self.runs[-1].total()} calls, in time"

    def lives(self) -> Any:
        """Run for as long as Lambda lets it; what the job returns. It must not come to the end of that time."""
        self._calls.reset()
        answer = self._run(LIFE_S)
        assert len(self._calls.made) * CALL_S < LIFE_S
        return answer

    def made(self, operation: str) -> int:
        """How often all runs together called this."""
        return sum(run[operation] for run in self.runs)

    def _run(self, deadline_s: float) -> Any:
        began = time.process_time()
        try:
            return self._job(deadline_s, lambda: len(self._calls.made) * CALL_S)
        finally:
            self.took_s += time.process_time() - began
            self.runs.append(Counter(operation for _, operation in self._calls.made))
            self._calls.reset()

    def line(self, name: str) -> str:
        """What is shown when the tests are over."""
        calls = [run.total() for run in self.runs]
        return f"{name}: {MANY:,} people, {sum(calls):,} calls in {len(calls)} runs, {self.took_s:.0f} s of CPU"


def partly(low: float, done: int, high: float, people: int = MANY) -> bool:
    """Whether a run that was cut short did its work for such a part of the people.

    Of fewer than ten thousand it may do any part: most of its calls are then those of the partitions.
    """
    return MANY < FULL or people * low < done < people * high


class Mails:
    """Takes the messages that a client is about to send; the client makes and counts its calls as ever."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []
        """Each message: who, and which event."""

    def take(self, params: dict[str, Any], **_: Any) -> tuple[SimpleNamespace, dict[str, Any]]:
        """What botocore calls instead of the network; its answer."""
        for entry in json.loads(params["body"])["Entries"]:
            message = decode_message(entry["MessageBody"])
            self.taken.append((message.registrant_id, message.event))
        return SimpleNamespace(status_code=200), {"Successful": [], "Failed": []}

    def waiting(self, **_: Any) -> tuple[SimpleNamespace, dict[str, Any]]:
        """All that were taken: nobody delivers them here, and what waits is not lost."""
        return SimpleNamespace(status_code=200), {"Attributes": {"ApproximateNumberOfMessages": str(len(self.taken))}}

    def events(self) -> Counter[str]:
        """How many messages there are of each event."""
        return Counter(event for _, event in self.taken)
