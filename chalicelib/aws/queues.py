"""A queue on SQS, as every domain sends to its own."""

from __future__ import annotations

from collections.abc import Sequence

from ..errors import Unavailable
from . import clients

_BATCH = 10
"""SQS takes at most ten messages at a time."""


class Queue:
    """Sends bodies of messages. One may come twice, late or never: whoever sends makes up for that."""

    def __init__(self, url: str, region: str) -> None:
        self._url = url
        self._sqs = clients.client("sqs", region)

    def send(self, bodies: Sequence[str]) -> None:
        """Queue each. Raises `Unavailable` if SQS refused any; those before it are queued."""
        for start in range(0, len(bodies), _BATCH):
            entries = [
                {"Id": str(place), "MessageBody": body} for place, body in enumerate(bodies[start : start + _BATCH])
            ]
            if self._sqs.send_message_batch(QueueUrl=self._url, Entries=entries).get("Failed"):
                raise Unavailable()

    def waiting(self) -> int:
        """About how many messages nobody has received yet."""
        name = "ApproximateNumberOfMessages"
        answer = self._sqs.get_queue_attributes(QueueUrl=self._url, AttributeNames=[name])
        return int(answer["Attributes"][name])
