"""The queue of payouts."""

from __future__ import annotations

from collections.abc import Sequence

from .. import sqs
from .wire import encode_message


class PayoutQueue:
    """Sends ids. What gets lost is made up for by the sweep."""

    def __init__(self, url: str, region: str) -> None:
        self._queue = sqs.Queue(url, region)

    def send(self, ids: Sequence[str]) -> None:
        """Queue each id. Raises `Unavailable` if SQS refused any; those before it are queued."""
        self._queue.send([encode_message(id_) for id_ in ids])

    def backlog(self) -> int:
        """About how many messages nobody has received yet."""
        return self._queue.waiting()
