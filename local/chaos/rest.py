"""Waits until no payout moves any more, at whatever speed."""

from __future__ import annotations

from collections.abc import Mapping
from datetime import timedelta
from typing import Any

from admin.deployment import stages
from chalicelib.payouts.ledger.partitions import unsettled_shards
from chalicelib.payouts.rules import Hold

from ..demo.scene import Patience
from ..demo.screen import Clock, Screen

LOOK = timedelta(seconds=3)


class NotAtRest(TimeoutError):
    """Nothing moves any more; the message says how much was still under way."""

    def __init__(self, still_s: float, left: str) -> None:
        super().__init__(f"nothing has moved for {still_s:.0f} s: {left}")


class Ledger:
    """What is still under way, by the index and the queue of a stage."""

    def __init__(self, stage: stages.Stage) -> None:
        aws = stages.connect()
        self._dynamodb, self._sqs = aws.client("dynamodb"), aws.client("sqs")
        self._table, self._queue = stage.settings.table("payouts"), stage.settings.payouts_queue_url

    def unsettled(self) -> int:
        """Entitlements that a sweep would still take further: not those held for an account that nobody here mends."""
        return sum(
            not (seldom and self._refused(item))
            for shard, seldom in unsettled_shards()
            for item in self._dynamodb.query(
                TableName=self._table,
                IndexName="unsettled",
                KeyConditionExpression="unsettled_shard = :shard",
                ExpressionAttributeValues={":shard": {"S": shard}},
            )["Items"]
        )

    def _refused(self, item: Mapping[str, Any]) -> bool:
        key = {"pk": item["pk"], "sk": item["sk"]}
        head = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)["Item"]
        return bool(head.get("hold", {}).get("S") == Hold.ACCOUNT_REFUSED.value)

    def queued(self) -> int:
        """Messages that wait or are being worked on."""
        return self._messages(self._queue, "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")

    def dead_letters(self) -> int:
        """Messages that were given up."""
        return self._messages(f"{self._queue}-dead", "ApproximateNumberOfMessages")

    def _messages(self, queue: str, *names: str) -> int:
        found = self._sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=list(names))["Attributes"]
        return sum(int(found[name]) for name in names)


def wait_for_rest(ledger: Ledger, screen: Screen, clock: Clock, total: int, still_s: float) -> None:
    """Wait until nothing is unsettled. Raises `NotAtRest`."""
    patience = Patience(clock, _untold, "", still_s, LOOK)
    while left := ledger.unsettled():
        screen.count("payouts at rest", total - left, total)
        if not patience.goes_on(left):
            queued = ledger.queued()
            raise NotAtRest(still_s, f"{left} payouts are not at rest, {queued} messages are queued")
    screen.progress("payouts at rest", total, total)


def wait_for_quiet(ledger: Ledger, clock: Clock, still_s: float) -> None:
    """Wait until no message is left: each is about a payout at rest. Raises `NotAtRest`."""
    patience = Patience(clock, _untold, "", still_s, LOOK)
    while left := ledger.queued():
        if not patience.goes_on(left):
            raise NotAtRest(still_s, f"{left} messages are still queued")


def _untold(_line: str) -> None:
    """The bars show what is waited for."""
