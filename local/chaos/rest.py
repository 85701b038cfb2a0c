"""Waits until no payout moves any more, at whatever speed."""

from __future__ import annotations

import time
from collections.abc import Callable, Mapping
from typing import Any

from admin.deployment import stages
from chalicelib.payouts.ledger.partitions import unsettled_shards
from chalicelib.payouts.rules import Hold

from ..demo.screen import Screen

LOOK_S = 3


class NotAtRest(Exception):
    """Nothing moves any more; the message says how much was still under way."""


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


def wait_for_rest(ledger: Ledger, screen: Screen, total: int, still_s: float) -> None:
    """Until nothing is unsettled. Raises `NotAtRest`."""
    watch = Watch(still_s)
    while left := ledger.unsettled():
        screen.count("payouts at rest", total - left, total)
        queued = ledger.queued()
        watch.look(left, f"{left} payouts are not at rest, {queued} messages are queued")
    screen.progress("payouts at rest", total, total)


def wait_for_quiet(ledger: Ledger, still_s: float) -> None:
    """Until no message is left: each is about a payout at rest. Raises `NotAtRest`."""
    watch = Watch(still_s)
    while left := ledger.queued():
        watch.look(left, f"{left} messages are still queued")


class Watch:
    """Waits as long as what is left becomes less, at whatever speed; `still_s`: so long it may stay the same."""

    def __init__(
        self, still_s: float, seconds: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._still_s = still_s
        self._seconds = seconds
        self._sleep = sleep
        self._least: int | None = None
        self._moved_at = seconds()

    def look(self, left: int, otherwise: str) -> None:
        """Pause a moment. Raises `NotAtRest`."""
        if self._least is None or left < self._least:
            self._least, self._moved_at = left, self._seconds()
        still_s = self._seconds() - self._moved_at
        if still_s > self._still_s:
            raise NotAtRest(f"nothing has moved for {still_s:.0f} s: {otherwise}")
        self._sleep(LOOK_S)
