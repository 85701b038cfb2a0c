"""The queue of mails. That of moto counts all its messages again with every one that it is sent."""

from __future__ import annotations

import json
from collections import Counter
from types import SimpleNamespace
from typing import Any

from chalicelib.notices.service import decode_message


class Mails:
    """Takes the messages that a client is about to send; the client makes and counts its calls as ever."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []
        """Each message: who, and which event."""

    def take(self, params: dict[str, Any], **_: Any) -> tuple[SimpleNamespace, dict[str, Any]]:
        """What botocore calls instead of the network; its answer."""
        for entry in json.loads(params["body"])["Entries"]:
            message = decode_message(entry["MessageBody"])
            self.taken.append((message.registrant_id, message.event))
        return SimpleNamespace(status_code=200), {"Successful": [], "Failed": []}

    def waiting(self, **_: Any) -> tuple[SimpleNamespace, dict[str, Any]]:
        """All that were taken: nobody delivers them here, and what waits is not lost."""
        return SimpleNamespace(status_code=200), {"Attributes": {"ApproximateNumberOfMessages": str(len(self.taken))}}

    def events(self) -> Counter[str]:
        """How many messages there are of each event."""
        return Counter(event for _, event in self.taken)
