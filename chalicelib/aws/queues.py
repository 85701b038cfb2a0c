"""Queues on SQS: sending messages, and consuming them in batches."""

from __future__ import annotations

import logging
from collections.abc import Callable, Iterable, Mapping, Sequence
from functools import cached_property
from typing import Any

import msgspec

from ..errors import DomainError, Unavailable
from ..time_budget import OutOfTime
from . import clients

log = logging.getLogger(__name__)

_BATCH = 10
"""SQS accepts at most ten messages in a call."""


class Queue:
    """Sends messages. A message may come twice, late or never, and the sender's domain must cope with that."""

    def __init__(self, url: str, region: str) -> None:
        self._url = url
        self._region = region

    @cached_property
    def _sqs(self) -> Any:
        # The client is made when something is sent. A join has queues among its services, but sends nothing.
        return clients.client("sqs", self._region)

    def send(self, bodies: Sequence[str], group: str | None = None) -> None:
        """Queue each message. Raises `Unavailable` if SQS refused any; those before it are queued.

        Messages with a `group` are received fairly, so a group with many does not delay the others.
        """
        shared = {} if group is None else {"MessageGroupId": group}
        for start in range(0, len(bodies), _BATCH):
            entries = [
                {"Id": str(place), "MessageBody": body, **shared}
                for place, body in enumerate(bodies[start : start + _BATCH])
            ]
            if self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries).get("Failed"):
                raise Unavailable()

    def waiting(self) -> int:
        """The approximate number of messages that wait to be received."""
        name = "ApproximateNumberOfMessages"
        answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=[name])
        return int(answer["Attributes"][name])


Kinds = tuple[type[DomainError], ...]


def consume(
    queue: str,
    records: Iterable[Mapping[str, Any]],
    take: Callable[[str], None],
    *,
    refused: Kinds = (),
    ignored: Kinds = (),
) -> dict[str, list[dict[str, str]]]:
    """Pass the body of each SQS record to `take`; returns the failed records in the form that Lambda reads.

    Each record fails or succeeds on its own, and a failed one comes again. After its last try it moves to the
    dead-letter queue, where a person finds it. Malformed bodies, the `refused` kinds of errors and unforeseen ones are
    logged as errors, which ring. Passing errors are warnings. The `ignored` kinds count as done. Contents are never
    logged.
    """
    failed = [record["messageId"] for record in records if not _taken(queue, record, take, refused, ignored)]
    return {"batchItemFailures": [{"itemIdentifier": message_id} for message_id in failed]}


def _taken(queue: str, record: Mapping[str, Any], take: Callable[[str], None], refused: Kinds, ignored: Kinds) -> bool:
    facts: dict[str, Any] = {"queue": queue, "message_id": record["messageId"]}
    received = int(record.get("attributes", {}).get("ApproximateReceiveCount", 1))
    if received > 1:
        log.info("message_again", extra=facts | {"received": received})
    try:
        take(record["body"])
    except msgspec.DecodeError:
        log.error("message_malformed", extra=facts)
    except OutOfTime:
        log.info("message_comes_again", extra=facts | {"code": "time_short"})
    except ignored:
        log.warning("message_ignored", extra=facts)
        return True
    except DomainError as error:
        level, word = (logging.ERROR, "refused") if isinstance(error, refused) else (logging.WARNING, "comes_again")
        log.log(level, f"message_{word}", extra={**facts, "code": error.code, **error.facts})
    except Exception as error:  # noqa: BLE001 - one broken message must not take the others of its batch with it
        level = logging.WARNING if clients.is_passing(error) else logging.ERROR
        log.log(level, "message_failed", extra=facts | {"error": type(error).__name__})
    else:
        return True
    return False
