"""What the public is told: each event once in the feed, and on one topic to which channels subscribe.

On the topic at least once: whoever dies between the topic's answer and the mark says it again. The message carries the
event's id, by which a subscriber knows it.
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
        """Tell that `event` (such as `wave_open`) happened to a wave; `facts` are public and name nobody.

        Again it changes nothing: what was told first stays, with its facts.
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
