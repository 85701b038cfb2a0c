"""Channels that tell the public events besides the topic: a webhook, a Telegram channel, a Mastodon account.

A channel tells the events in their order, each for a day from when it happened, and tries again after 5 minutes and
then ever later. None tells one twice. A webhook has the event's id as `webhook-id`, by which its receiver knows a
repetition (Standard Webhooks 1.0). Mastodon knows one by its `Idempotency-Key`, for an hour. Telegram knows none: if
nobody can know whether it took a message, that is not sent again, and somebody must look.
"""

from __future__ import annotations

import base64
import hashlib
import hmac
import json
import logging
from collections.abc import Callable, Mapping, Sequence
from datetime import datetime, timedelta
from enum import Enum, StrEnum

from pynamodb.attributes import UnicodeAttribute

from ..aws.attributes import InstantAttribute, WholeAttribute
from ..aws.clients import is_passing
from ..aws.dynamodb import find, save_if
from ..clock import Clock, iso
from ..figures.people import ChannelRules
from .announcements import PublicEvent, PublicEventStore, told
from .feeds import announcement
from .store import NoticesTable

log = logging.getLogger(__name__)

TOLD_FOR = timedelta(days=1)
"""What is older is not told any more, nor at first by a channel that is new."""

LATEST = 40
"""How many of the last events are looked at: more than a day has."""

FIRST_REST = timedelta(minutes=5)
"""After a failure; it doubles with each one."""

KNOWN_AGAIN = {"webhook": TOLD_FOR, "mastodon": timedelta(minutes=55), "telegram": timedelta(0)}
"""How long after its first sending the receiver recognises a repetition; Mastodon's own figure is an hour."""

TIMEOUT_S = 15
POST_MAX = 500
"""Characters of a post on Mastodon; Telegram takes more."""


class Outcome(Enum):
    TAKEN = "taken"
    NOT_TAKEN = "not taken"
    UNKNOWN = "unknown"


Post = Callable[[str, Mapping[str, str], bytes], Outcome]
"""POST a body with headers to an address; never raises for what the network or the receiver does."""


class Telling(StrEnum):
    """How far a channel is with an event."""

    WAITING = "WAITING"
    SENDING = "SENDING"
    TOLD = "TOLD"
    GIVEN_UP = "GIVEN_UP"


class ChannelItem(NoticesTable):
    """`E#<event>` / `CHANNEL#<name>`: what became of an event in a channel."""

    state = UnicodeAttribute()
    tries = WholeAttribute()
    first_at = InstantAttribute()
    next_at = InstantAttribute()


class Channels:
    """`secret` reads the key or token of a channel by its name, when it is first needed."""

    def __init__(
        self,
        rules: Sequence[ChannelRules],
        store: PublicEventStore,
        secret: Callable[[str], str],
        post: Post,
        public_url: str,
        clock: Clock,
    ) -> None:
        self._rules = rules
        self._store = store
        self._secret = secret
        self._post = post
        self._public_url = public_url
        self._clock = clock

    def run(self) -> None:
        """Tell what is due. A channel stops at the first event that it cannot tell now; the others go on."""
        if not self._rules:
            return
        since = self._clock() - TOLD_FOR
        events = [event for event in reversed(self._store.latest(LATEST)) if event.at >= since]
        for channel in self._rules:
            try:
                for event in events:
                    if not self._tell(channel, event):
                        break
            except Exception as error:  # noqa: BLE001 - a key that is not as it should be keeps no other channel back
                level = logging.WARNING if is_passing(error) else logging.ERROR
                log.log(level, "channel_failed", extra={"channel": channel.name, "error": type(error).__name__})

    def _tell(self, channel: ChannelRules, event: PublicEvent) -> bool:
        """Whether the next event may be told: this one is, or never will be."""
        now, name = self._clock(), f"CHANNEL#{channel.name}"
        item = find(ChannelItem, f"E#{event.id}", name)
        if item is None:
            item = ChannelItem(f"E#{event.id}", name, state=Telling.WAITING, tries=0, first_at=now, next_at=now)
        if item.state in {Telling.TOLD, Telling.GIVEN_UP}:
            return True
        if now < item.next_at:
            return False
        in_doubt, before = item.state == Telling.SENDING, item.tries
        if in_doubt and now - item.first_at >= KNOWN_AGAIN[channel.kind]:
            return self._give_up(item, channel, event)
        request = _request(channel, event, self._secret(channel.name), self._public_url, now)
        item.state, item.tries, item.next_at = Telling.SENDING, before + 1, now + FIRST_REST * 2**before
        if not save_if(item, ChannelItem.pk.does_not_exist() | (ChannelItem.tries == before)):
            return False  # another run has it
        outcome = self._post(*request)
        if outcome is Outcome.TAKEN:
            item.state = Telling.TOLD
        elif outcome is Outcome.NOT_TAKEN and not in_doubt:
            item.state, item.first_at = Telling.WAITING, item.next_at
        elif item.next_at - item.first_at >= KNOWN_AGAIN[channel.kind]:
            return self._give_up(item, channel, event)
        item.save()
        if outcome is not Outcome.TAKEN:
            facts = {"channel": channel.name, "event_id": event.id, "outcome": outcome.value, "tries": item.tries}
            last = item.next_at >= event.at + TOLD_FOR
            log.log(logging.ERROR if last else logging.WARNING, "announcement_not_told", extra=facts)
        return outcome is Outcome.TAKEN

    @staticmethod
    def _give_up(item: ChannelItem, channel: ChannelRules, event: PublicEvent) -> bool:
        """Nobody knows whether it was told, and a repetition would be told twice."""
        item.state = Telling.GIVEN_UP
        item.save()
        log.error("announcement_outcome_unknown", extra={"channel": channel.name, "event_id": event.id})
        return True


def _request(
    channel: ChannelRules, event: PublicEvent, secret: str, public_url: str, now: datetime
) -> tuple[str, Mapping[str, str], bytes]:
    json_type = {"Content-Type": "application/json", "User-Agent": "Gelombang"}
    match channel.kind:
        case "webhook":
            body = {"type": event.event, "timestamp": iso(event.at), "data": told(event)}
            raw = json.dumps(body).encode()
            return channel.to, json_type | signed(event.id, now, raw, secret), raw
        case "telegram":
            message = {"chat_id": channel.to, "text": announcement(event, public_url, channel.language)}
            return f"{channel.api}/bot{secret}/sendMessage", json_type, json.dumps(message).encode()
        case "mastodon":
            text = announcement(event, public_url, channel.language, POST_MAX)
            post = {"status": text, "language": channel.language, "visibility": "public"}
            headers = {"Authorization": f"Bearer {secret}", "Idempotency-Key": event.id}
            return f"{channel.to}/api/v1/statuses", json_type | headers, json.dumps(post).encode()


def signed(id_: str, at: datetime, body: bytes, secrets: str) -> dict[str, str]:
    """The three headers of Standard Webhooks 1.0; `secrets` are `whsec_<base64>`, two with a space while one is
    replaced.
    """
    stamp = str(int(at.timestamp()))
    content = b".".join([id_.encode(), stamp.encode(), body])
    keys = [base64.b64decode(secret.removeprefix("whsec_"), validate=True) for secret in secrets.split()]
    macs = [base64.b64encode(hmac.digest(key, content, hashlib.sha256)).decode() for key in keys]
    return {
        "webhook-id": id_,
        "webhook-timestamp": stamp,
        "webhook-signature": " ".join(f"v1,{mac}" for mac in macs),
    }


class Https:
    """A `Post` over the network: no redirects, one attempt."""

    def __init__(self) -> None:
        import urllib3  # only this job needs it

        self._errors = urllib3.exceptions
        self._http = urllib3.PoolManager(timeout=urllib3.Timeout(TIMEOUT_S), retries=False)

    def __call__(self, url: str, headers: Mapping[str, str], body: bytes) -> Outcome:
        try:
            status = self._http.request("POST", url, body=body, headers=dict(headers), redirect=False).status
        except (self._errors.NewConnectionError, self._errors.ConnectTimeoutError):
            return Outcome.NOT_TAKEN
        except self._errors.HTTPError:
            return Outcome.UNKNOWN  # without its text, which may have the address, and a token in it
        if 200 <= status < 300:
            return Outcome.TAKEN
        return Outcome.UNKNOWN if status >= 500 else Outcome.NOT_TAKEN
