"""The queue of codes and its length. A message names a budget, whose last waiting sign-in gets its code."""

from __future__ import annotations

import logging
from datetime import datetime, timedelta

import msgspec

from ...aws.clients import is_passing
from ...aws.queues import Queue

log = logging.getLogger(__name__)

USUAL_DELAY_S = 5
"""Seconds from the request until the person has the code, if the queue is empty."""
_LOOK_EVERY = timedelta(seconds=10)


class CodeMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="v", tag=1):
    """Version 1."""

    budget_id: str
    day: str


def decode_message(body: str) -> CodeMessage:
    """Read a message. Raises msgspec.DecodeError for a malformed one or another version."""
    return msgspec.json.decode(body, type=CodeMessage)


class CodeQueue:
    """The queue. `codes_per_s` is the rate at which its consumers send."""

    def __init__(self, queue: Queue, codes_per_s: int) -> None:
        self._queue = queue
        self._codes_per_s = codes_per_s
        self._waiting = 0
        self._looked_at: datetime | None = None

    def send(self, budget_id: str, day: str, network: str) -> None:
        """Queue a budget. The network is its group, so that messages of one network do not delay those of others.

        Raises `Unavailable`, or what SQS raises.
        """
        self._queue.send([msgspec.json.encode(CodeMessage(budget_id, day)).decode()], group=network)

    def delay_s(self, now: datetime) -> int:
        """In about how many seconds a code queued now arrives. It asks the queue at most every ten seconds."""
        if self._looked_at is None or now - self._looked_at >= _LOOK_EVERY:
            self._looked_at = now
            try:
                self._waiting = self._queue.waiting()
            except Exception as error:
                if not is_passing(error):
                    raise
                log.warning("code_queue_not_seen", extra={"error": type(error).__name__})
        return USUAL_DELAY_S + self._waiting // self._codes_per_s
