"""Messages that were tried as often as their queue allows, and lie in its dead-letter queue."""

from __future__ import annotations

import json
from collections.abc import Callable, Generator, Iterable, Iterator, Sequence
from dataclasses import dataclass
from datetime import UTC, datetime
from typing import Any

HIDDEN_S = 300
"""For how long a message that was read is hidden from others: longer than reading or moving what was received."""

WAIT_S = 1
"""How long to wait for messages; waiting at all lets SQS ask all of its servers."""

_BATCH = 10
"""SQS takes and gives at most ten messages at a time."""


@dataclass(frozen=True)
class Letter:
    """One message: when it was first sent, and how often it was received since it lies here."""

    id: str
    body: str
    sent_at: datetime
    received: int
    receipt: str


class DeadLetters:
    """The dead-letter queue of a queue, which its redrive policy names."""

    def __init__(self, sqs: Any, queue_url: str) -> None:
        found = sqs.get_queue_attributes(QueueUrl=queue_url, AttributeNames=["RedrivePolicy"])
        arn = json.loads(found["Attributes"]["RedrivePolicy"])["deadLetterTargetArn"]
        self._sqs = sqs
        self._queue_url = queue_url
        self._dead_url: str = sqs.get_queue_url(QueueName=arn.rpartition(":")[2])["QueueUrl"]

    def count(self) -> int:
        """How many there are, as SQS counts: about."""
        names = ["ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible"]
        counts = self._sqs.get_queue_attributes(QueueUrl=self._dead_url, AttributeNames=names)["Attributes"]
        return sum(int(counts[name]) for name in names)

    def read(self) -> Iterator[Letter]:
        """Each that nobody else reads just now. When this ends, however it does, all can be read again."""
        seen: list[Letter] = []
        try:
            for batch in self._batches():
                seen += batch
                yield from batch
        finally:
            self._give_back(seen)

    def redrive(self, wanted: Callable[[Letter], bool]) -> Generator[tuple[Letter, bool]]:
        """Move what is wanted to its queue; tells of each letter whether it went.

        Each is sent before it is deleted: if this is killed in between, the letter is here and there, and does twice
        what may be done any number of times.
        """
        kept: list[Letter] = []
        try:
            for batch in self._batches():
                sent = self._send([each for each in batch if wanted(each)])
                self._delete(sent)
                kept += [each for each in batch if each not in sent]
                yield from ((each, each in sent) for each in batch)
        finally:
            self._give_back(kept)

    def _batches(self) -> Iterator[list[Letter]]:
        """Until nothing comes that has not been seen."""
        seen: set[str] = set()
        while True:
            got = self._sqs.receive_message(
                QueueUrl=self._dead_url,
                MaxNumberOfMessages=_BATCH,
                WaitTimeSeconds=WAIT_S,
                VisibilityTimeout=HIDDEN_S,
                MessageSystemAttributeNames=["SentTimestamp", "ApproximateReceiveCount"],
            )
            batch = [_letter(message) for message in got.get("Messages", ()) if message["MessageId"] not in seen]
            if not batch:
                return
            seen.update(each.id for each in batch)
            yield batch

    def _send(self, letters: Sequence[Letter]) -> list[Letter]:
        entries = [{"Id": str(place), "MessageBody": each.body} for place, each in enumerate(letters)]
        if not entries:
            return []
        answer = self._sqs.send_message_batch(QueueUrl=self._queue_url, Entries=entries)
        return [letters[int(one["Id"])] for one in answer.get("Successful", ())]

    def _delete(self, letters: Iterable[Letter]) -> None:
        entries = [{"Id": str(place), "ReceiptHandle": each.receipt} for place, each in enumerate(letters)]
        if entries:
            self._sqs.delete_message_batch(QueueUrl=self._dead_url, Entries=entries)

    def _give_back(self, letters: Sequence[Letter]) -> None:
        for start in range(0, len(letters), _BATCH):
            entries = [
                {"Id": str(place), "ReceiptHandle": each.receipt, "VisibilityTimeout": 0}
                for place, each in enumerate(letters[start : start + _BATCH])
            ]
            self._sqs.change_message_visibility_batch(QueueUrl=self._dead_url, Entries=entries)


def _letter(message: dict[str, Any]) -> Letter:
    known = message["Attributes"]
    sent_at = datetime.fromtimestamp(int(known["SentTimestamp"]) / 1000, UTC)
    return Letter(
        message["MessageId"], message["Body"], sent_at, int(known["ApproximateReceiveCount"]), message["ReceiptHandle"]
    )
