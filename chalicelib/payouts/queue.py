"""The queue of payouts.

The body of the queue's consumer: each message succeeds or comes again on its own (partial batch failures).
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping, Sequence
from datetime import datetime
from typing import Any, Protocol

import msgspec

from ..aws import queues
from ..errors import DomainError
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
    """Process SQS records (`messageId`, `body`) and report the failed ones in the form that Lambda reads.

    A malformed message or one of an unknown version fails too: after its last try it is in the dead-letter queue, where
    a person finds it. One about an entitlement that the ledger does not have is done with. Contents are never logged.
    """
    failed = [record["messageId"] for record in records if not _processed(record, payouts, now)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _processed(record: Mapping[str, Any], payouts: Processor, now: datetime) -> bool:
    message_id = record["messageId"]
    received = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
    if received > 1:
        log.info("payout_message_again", extra={"message_id": message_id, "received": received})
    try:
        payouts.process(wire.decode_message(record["body"]).entitlement_id, now)
    except msgspec.DecodeError:
        log.error("payout_message_malformed", extra={"message_id": message_id})
    except UnknownEntitlement:
        # Ours are written before they are queued and read consistently, so this one never was ours: a hint about
        # another's payout whose reference only looks like one of this ledger. To come again would not change that.
        log.warning("payout_message_ignored", extra={"message_id": message_id})
        return True
    except DomainError as error:
        log.warning("payout_comes_again", extra={"message_id": message_id, "code": error.code, **error.facts})
    except Exception as error:  # noqa: BLE001 - one broken message must not take the others of its batch with it
        log.error("payout_message_failed", extra={"message_id": message_id, "error": type(error).__name__})
    else:
        return True
    return False
