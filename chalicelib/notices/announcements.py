"""What the public is told: each event once in the feed, and at least once on one topic to which channels subscribe.

A function that dies after the topic's answer publishes the event again; subscribers know it by the event's id.
"""

from __future__ import annotations

import json
from typing import Any

from ..clock import Clock, iso
from .public_events import PublicEventStore, PublicFacts


class Announcements:
    """`sns` is a boto3 client."""

    def __init__(self, sns: Any, topic: str, store: PublicEventStore, clock: Clock) -> None:
        self._sns = sns
        self._topic = topic
        self._store = store
        self._clock = clock

    def publish(self, event: str, wave: int, facts: PublicFacts) -> None:
        """Publish that `event` (such as `wave_open`) happened to a wave; `facts` are public and name nobody.

        Publishing again changes nothing; the first facts stay.
        """
        kept = self._store.add(event, wave, facts, self._clock())
        if kept.published:
            return
        told = {"v": 1, "id": kept.id, "event": kept.event, "wave": kept.wave, "at": iso(kept.at), **kept.facts}
        self._sns.publish(
            TopicArn=self._topic,
            Message=json.dumps(told),
            MessageAttributes={"event": {"DataType": "String", "StringValue": event}},
        )
        self._store.mark_published(kept, self._clock())
