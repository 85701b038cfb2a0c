"""The queue of payouts, and what its consumer does with a message."""

from __future__ import annotations

from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import TYPE_CHECKING, Any

from ..aws import queues
from . import wire
from .errors import UnknownEntitlement

if TYPE_CHECKING:
    from .worker import Worker


class PayoutQueue:
    """Sends ids; the sweep sends again what gets lost."""

    def __init__(self, url: str, region: str) -> None:
        self._queue = queues.Queue(url, region)

    def send(self, ids: Sequence[str]) -> None:
        """Queue each id. Raises `Unavailable` if SQS refused any; those before it are queued."""
        self._queue.send([wire.encode_message(id_) for id_ in ids])

    def backlog(self) -> int:
        """About how many messages nobody has received yet."""
        return self._queue.waiting()


def consume(records: Iterable[Mapping[str, Any]], worker: Worker, now: datetime) -> dict[str, list[dict[str, str]]]:
    """Process the messages of a batch (see `queues.consume`)."""

    def take(body: str) -> None:
        worker.process(wire.decode_message(body).entitlement_id, now)

    # Ours are written before they are queued and read consistently, so an unknown one never was ours: a hint about
    # another's payout whose reference only looks like one of this ledger. To come again would not change that.
    return queues.consume("payouts", records, take, ignored=(UnknownEntitlement,))
