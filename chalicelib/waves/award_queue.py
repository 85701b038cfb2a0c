"""The queue of awards: winners by the hundred, to be decided by many at once. Ids and numbers, nothing else."""

from __future__ import annotations

from collections.abc import Sequence
from typing import Annotated

import msgspec
from msgspec import Meta

from .. import sqs
from ..config import AWARD_BATCH_MAX

Who = Annotated[str, Meta(pattern="^[0-9A-Za-z-]{1,36}$")]


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="v", tag=1):
    """Version 1: a batch of a wave's winners, whoever they are. Whether they were drawn is for the reader to find out.

    `batch` counts from 1.
    """

    wave: Annotated[int, Meta(ge=1, le=999_999)]
    batch: Annotated[int, Meta(ge=1, le=999_999)]
    people: Annotated[tuple[Who, ...], Meta(min_length=1, max_length=AWARD_BATCH_MAX)]


def encode_message(message: Message) -> str:
    """The body of a message."""
    return msgspec.json.encode(message).decode()


def decode_message(body: str) -> Message:
    """The inverse; raises msgspec.DecodeError for what is no message or one of another version."""
    return msgspec.json.decode(body, type=Message)


class AwardQueue:
    """Sends batches. A message may come twice, late or never: the walk and the next sending make up for it."""

    def __init__(self, url: str, region: str) -> None:
        self._queue = sqs.Queue(url, region)

    def send(self, messages: Sequence[Message]) -> None:
        """Queue each. Raises `Unavailable` if SQS refused any; those before it are queued."""
        self._queue.send(list(map(encode_message, messages)))
