"""What the public is told: each event once in the feed, and at least once on one topic to which channels subscribe.

An event is a line of the feed, and a guard by which it is kept once. A function that dies after the topic's answer
publishes the event again; subscribers recognise it by the event's id.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import UTC, datetime
from typing import Any

from pynamodb.attributes import UnicodeAttribute

from ..aws.attributes import InstantAttribute, JsonAttribute, WholeAttribute, item_of
from ..aws.dynamodb import LegsFailed, Transaction, find
from ..clock import Clock, iso
from ..ids import derived_id
from ..structs import fill
from ..values import Value
from .store import NoticesTable

PublicFacts = Mapping[str, str | int | None]

_ORDER = (
    *("wave_open", "wave_extended", "wave_closing_soon", "wave_closed", "wave_frozen", "wave_waiting_for_beacon"),
    *("wave_drawn", "wave_settled"),
)
"""The order in a wave. A late step announces several at one instant, and the feed keeps them in this order."""


class PublicEventItem(NoticesTable):
    """`E#<id>` / `EVENT`: the guard; `EVENTS` / `<at>#<place in _ORDER>#<id>`: the same as a line of the feed."""

    event = UnicodeAttribute()
    wave = WholeAttribute()
    at = InstantAttribute()
    facts: JsonAttribute[PublicFacts] = JsonAttribute(dict[str, str | int | None])
    published_at = InstantAttribute(null=True)


class PublicEvent(Value, frozen=True):
    """Something that happened to a wave, once. `at`: when it was first due to be told. `facts` name nobody."""

    id: str
    event: str
    wave: int
    at: datetime
    facts: PublicFacts
    published: bool = False


def event_id(event: str, wave: int, again: str = "") -> str:
    """The id of an event of a wave, always the same; `again` tells apart what may happen to a wave several times."""
    return derived_id("event/v1", event, wave, *([again] if again else []))


class PublicEventStore:
    def __init__(self, region: str) -> None:
        self._region = region

    def add(self, event: str, wave: int, facts: PublicFacts, now: datetime, again: str = "") -> PublicEvent:
        """Keep an event unless it is kept already; returns the kept one."""
        new = PublicEvent(event_id(event, wave, again), event, wave, now, dict(facts))
        found = self._find(new.id)
        if found is not None:
            return found
        try:
            with Transaction(self._region) as tx:
                tx.put(
                    "event", item_of(PublicEventItem, f"E#{new.id}", "EVENT", new), PublicEventItem.pk.does_not_exist()
                )
                tx.put("line", item_of(PublicEventItem, "EVENTS", _line(new), new))
        except LegsFailed:
            return self._find(new.id) or new
        return new

    def mark_published(self, event: PublicEvent, now: datetime) -> None:
        PublicEventItem(f"E#{event.id}", "EVENT").update([PublicEventItem.published_at.set(now)])

    def latest(self, limit: int) -> list[PublicEvent]:
        """The last events, the newest first; one query."""
        return [_event(item) for item in PublicEventItem.query("EVENTS", scan_index_forward=False, limit=limit)]

    def _find(self, id_: str) -> PublicEvent | None:
        item = find(PublicEventItem, f"E#{id_}", "EVENT")
        return _event(item) if item else None


def _line(event: PublicEvent) -> str:
    """The key of an event's line: always with the same number of digits, so that texts sort as instants do."""
    place = _ORDER.index(event.event) if event.event in _ORDER else len(_ORDER)
    return f"{event.at.astimezone(UTC).isoformat(timespec='microseconds')}#{place}#{event.id}"


def _event(item: PublicEventItem) -> PublicEvent:
    id_ = item.sk.rpartition("#")[2] if item.pk == "EVENTS" else item.pk.removeprefix("E#")
    return fill(PublicEvent, item, id=id_, published=item.published_at is not None)


def told(event: PublicEvent) -> dict[str, str | int | None]:
    """What the topic and webhooks are told of an event."""
    return {"v": 1, "id": event.id, "event": event.event, "wave": event.wave, "at": iso(event.at), **event.facts}


class Announcements:
    """`sns` is a botocore client."""

    def __init__(self, sns: Any, topic: str, store: PublicEventStore, clock: Clock) -> None:
        self._sns = sns
        self._topic = topic
        self._store = store
        self._clock = clock

    def publish(self, event: str, wave: int, facts: PublicFacts, again: str = "") -> None:
        """Publish that `event` (such as `wave_open`) happened to a wave; `facts` are public and name nobody.

        A repeat with the same `again` changes nothing; the first facts stay.
        """
        kept = self._store.add(event, wave, facts, self._clock(), again)
        if kept.published:
            return
        self._sns.publish(
            TopicArn=self._topic,
            Message=json.dumps(told(kept)),
            MessageAttributes={"event": {"DataType": "String", "StringValue": event}},
        )
        self._store.mark_published(kept, self._clock())
