"""The queue's message: which notice, never what it says or to whom it goes."""

from __future__ import annotations

import msgspec


class Message(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="v", tag=1):
    """Version 1."""

    registrant_id: str
    event: str


def encode_message(registrant_id: str, event: str) -> str:
    """The body of a message."""
    return msgspec.json.encode(Message(registrant_id, event)).decode()


def decode_message(body: str) -> Message:
    """The inverse; raises msgspec.DecodeError for what is no message or one of another version."""
    return msgspec.json.decode(body, type=Message)
