"""The queue of payouts, and what its consumer does with a message."""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

from ..aws import queues
from . import wire
from .errors import UnknownEntitlement
from .rules import State
from .wire import encode_message


class PayoutQueue:
    """Sends ids. What gets lost is made up for by the sweep."""

    def __init__(self, url: str, region: str) -> None:
        self._queue = queues.Queue(url, region)

    def send(self, ids: Sequence[str]) -> None:
        """Queue each id. Raises `Unavailable` if SQS refused any; those before it are queued."""
        self._queue.send([encode_message(id_) for id_ in ids])

    def backlog(self) -> int:
        """About how many messages nobody has received yet."""
        return self._queue.waiting()


log = logging.getLogger(__name__)


class Processor(Protocol):
    """What a message is handed to."""

    def process(self, entitlement_id: str, now: datetime) -> State: ...


def consume(records: Iterable[Mapping[str, Any]], payouts: Processor, now: datetime) -> dict[str, list[dict[str, str]]]:
    """Process the messages of a batch (see `queues.consume`)."""

    def take(body: str) -> None:
        entitlement_id = wire.decode_message(body).entitlement_id
        try:
            payouts.process(entitlement_id, now)
        except UnknownEntitlement:
            # Ours are written before they are queued and read consistently, so this one never was ours: a hint about
            # another's payout whose reference only looks like one of this ledger. To come again would not change that.
            log.warning("payout_message_ignored")

    return queues.consume("payouts", records, take)
