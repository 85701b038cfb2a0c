"""The queue of payouts, on SQS."""

from __future__ import annotations

from collections.abc import Sequence

from .. import aws
from ..errors import Unavailable
from .wire import encode_message

_BATCH = 10
"""SQS takes at most ten messages at a time."""


class PayoutQueue:
    """Sends ids. A message may come twice, late or never; the sweep makes up for the last."""

    def __init__(self, url: str, region: str) -> None:
        self._url = url
        self._sqs = aws.client("sqs", region)

    def send(self, ids: Sequence[str]) -> None:
        """Queue each id. Raises `Unavailable` if SQS refused any; those before it are queued."""
        for start in range(0, len(ids), _BATCH):
            entries = [
                {"Id": str(place), "MessageBody": encode_message(id_)}
                for place, id_ in enumerate(ids[start : start + _BATCH])
            ]
            if self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries).get("Failed"):
                raise Unavailable()

    def backlog(self) -> int:
        """About how many messages nobody has received yet."""
        name = "ApproximateNumberOfMessages"
        return int(self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=[name])["Attributes"][name])
