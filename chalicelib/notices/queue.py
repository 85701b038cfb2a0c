"""The queue of mails. A message says which notice, never what it says or to whom it goes."""

from __future__ import annotations

from collections.abc import Sequence

import msgspec

from ..aws import queues


class MailQueue:
    """Sends the ids of notices. What gets lost is made up for by the sweep."""

    def __init__(self, url: str, region: str) -> None:
        self._queue = queues.Queue(url, region)

    def send(self, ids: Sequence[tuple[str, str]]) -> None:
        """Queue each (registrant, event). Raises `Unavailable` if SQS refused any; those before it are queued."""
        self._queue.send([encode_message(*id_) for id_ in ids])

    def waiting(self) -> int:
        """About how many messages nobody has received yet."""
        return self._queue.waiting()


class MailMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="v", tag=1):
    """Version 1."""

    registrant_id: str
    event: str


def encode_message(registrant_id: str, event: str) -> str:
    """The body of a message."""
    return msgspec.json.encode(MailMessage(registrant_id, event)).decode()


def decode_message(body: str) -> MailMessage:
    """The inverse; raises msgspec.DecodeError for what is no message or one of another version."""
    return msgspec.json.decode(body, type=MailMessage)
