"""What the public is told, on one topic: channels, e-mail and feeds subscribe to it and decide their own wording.

Delivery is at least once: a subscriber may hear the same event of the same wave again.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from typing import Any


class Announcements:
    """`sns` is a boto3 client."""

    def __init__(self, sns: Any, topic: str) -> None:
        self._sns = sns
        self._topic = topic

    def publish(self, event: str, wave: int, facts: Mapping[str, str | int | None]) -> None:
        """Tell that `event` (such as `wave_open`) happened to a wave; `facts` are public and name nobody."""
        self._sns.publish(
            TopicArn=self._topic,
            Message=json.dumps({"v": 1, "event": event, "wave": wave, **facts}),
            MessageAttributes={"event": {"DataType": "String", "StringValue": event}},
        )
