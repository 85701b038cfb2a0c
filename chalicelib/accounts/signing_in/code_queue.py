"""The queue of codes: its messages name a budget, whose sign-in that waits last is sent its code; how long it is."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import msgspec

from ...aws.clients import is_passing
from ...aws.queues import Queue

log = logging.getLogger(__name__)

USUAL_DELAY_S = 5
"""From the request to the code in the person's hand, with nobody else in the queue."""
_LOOK_EVERY = timedelta(seconds=10)


class CodeMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="v", tag=1):
    """Version 1."""

    budget_id: str
    day: str


def decode_message(body: str) -> CodeMessage:
    """Raises msgspec.DecodeError for anything that is no message, and for another version."""
    return msgspec.json.decode(body, type=CodeMessage)


class CodeQueue:
    """`codes_per_s`: at which rate its consumers work."""

    def __init__(self, queue: Queue, codes_per_s: int) -> None:
        self._queue = queue
        self._codes_per_s = codes_per_s
        self._waiting = 0
        self._looked_at: datetime | None = None

    def send(self, budget_id: str, day: str, network: str) -> None:
        """Queue a budget. Those of one network do not hold up the others': SQS shares its receivers among groups.

        Raises `Unavailable`, or as SQS does.
        """
        self._queue.send([msgspec.json.encode(CodeMessage(budget_id, day)).decode()], group=network)

    def delay_s(self, now: datetime) -> int:
        """In how many seconds a code that is queued now arrives, about. It asks the queue every ten seconds only."""
        if self._looked_at is None or now - self._looked_at >= _LOOK_EVERY:
            self._looked_at = now
            try:
                self._waiting = self._queue.waiting()
            except Exception as error:
                if not is_passing(error):
                    raise
                log.warning("code_queue_not_seen", extra={"error": type(error).__name__})
        return USUAL_DELAY_S + self._waiting // self._codes_per_s
