"""Telling people: each notice is kept once, then queued. The sweep queues notices that were kept and never queued.

A message of the queue names the notice; it has neither text nor address.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Sequence
from datetime import datetime, timedelta

import msgspec

from ..aws.clients import is_passing
from ..aws.dynamodb import Transaction
from ..aws.queues import Queue
from ..clock import Clock
from ..errors import Unavailable
from ..figures.people import NoticeRules
from . import rules
from .rules import Facts, Kind, NoticeState, Told
from .store import NoticeStore


class MailMessage(msgspec.Struct, frozen=True, forbid_unknown_fields=True, tag_field="v", tag=1):
    """Version 1."""

    registrant_id: str
    event: str


def encode_message(registrant_id: str, event: str) -> str:
    return msgspec.json.encode(MailMessage(registrant_id, event)).decode()


def decode_message(body: str) -> MailMessage:
    """The inverse. Raises msgspec.DecodeError for anything else, and for another version."""
    return msgspec.json.decode(body, type=MailMessage)


log = logging.getLogger(__name__)

SWEEP_LIMIT = 100
"""How many notices of one index partition a sweep looks at; DynamoDB gives so many in one batch."""

SENDING_LIMIT_S = 300
"""After this time no function can still hold a claim: it is more than twice the time-out of `send_mail`."""


class NoticeService:
    """How every domain tells a person, and the sweep."""

    def __init__(self, store: NoticeStore, queue: Queue, figures: NoticeRules, clock: Clock) -> None:
        self._store = store
        self._queue = queue
        self._figures = figures
        self._clock = clock

    def tell(self, registrant_id: str, kind: Kind, event: str, facts: Facts) -> None:
        """Tell a person, once for each `event` of theirs; a repeat, even of half of it, changes nothing.

        Names of events: `chosen/<wave>`, `not_chosen/<wave>`, `revoked/<wave>`, `survey_open/<survey id>`, and so on:
        the kind and what it is about. Returns when the notice is safely kept; the mail follows. Raises ValueError if
        `facts` are not those that `NEEDS` names.
        """
        self.tell_all([(registrant_id, kind, event, facts)])

    def tell_all(self, told: Iterable[Told]) -> int:
        """Tell many, each as `tell` does, and queue their mails together; returns how many of them were new."""
        now = self._clock()
        new = []
        for registrant_id, kind, event, facts in told:
            rules.check(kind, facts)
            if self._store.add(registrant_id, kind, event, facts, now):
                new.append((registrant_id, event))
        self.enqueue(new)
        return len(new)

    def keep(
        self, tx: Transaction, registrant_id: str, kind: Kind, event: str, facts: Facts, *, anew: bool = False
    ) -> None:
        """Add to a transaction the leg that keeps a notice together with its cause; `enqueue` it afterwards.

        The leg fails if the event was told before, unless it is told `anew`. Raises ValueError if the facts are
        not the kind's.
        """
        rules.check(kind, facts)
        self._store.keep(tx, registrant_id, kind, event, facts, self._clock(), anew=anew)

    def tell_sign_in(self, account_id: str, session_id: str) -> None:
        """Queue the message about a new device of a person. Raises `Unavailable`.

        `send_mail` stores the notice, so that the sign-in needs no further write.
        """
        try:
            self._send([(account_id, f"{Kind.SIGNED_IN}/{session_id}")])
        except Exception as error:
            if not is_passing(error):
                raise
            raise Unavailable() from error

    def told(self, registrant_id: str, event: str) -> datetime | None:
        """As `rules.told_at`; None too for an event that was not told, or was forgotten. Two reads."""
        notice = self._store.notice(registrant_id, event)
        if notice is None:
            return None
        return rules.told_at(notice, self._store.mailbox(registrant_id), self._clock())

    def enqueue(self, kept: Sequence[tuple[str, str]]) -> None:
        """Queue the mail of each (registrant, event); the sweep queues those that the queue does not take."""
        try:
            self._send(kept)
        except Exception as error:
            if not (isinstance(error, Unavailable) or is_passing(error)):
                raise
            log.warning("mails_not_queued", extra={"count": len(kept)})

    def sweep(self) -> int:
        """Queue again the notices that were lost on the way or claimed by a function that died; returns how many.

        While messages wait in the queue none counts as lost: a wave's results may take hours to send.
        """
        now = self._clock()
        mine = []
        for notice in self._store.unsent(NoticeState.SENDING, now - timedelta(seconds=SENDING_LIMIT_S), SWEEP_LIMIT):
            after = self._store.doubt(notice, now)
            level = logging.ERROR if after is NoticeState.UNKNOWN else logging.WARNING
            log.log(level, "mail_outcome_unknown", extra={"kind": notice.kind.value, "after": after})
            if after is NoticeState.QUEUED:
                mine.append((notice.registrant_id, notice.event))
        if not self._queue.waiting():
            lost = self._store.unsent(
                NoticeState.QUEUED, now - timedelta(seconds=self._figures.requeue_after_s), SWEEP_LIMIT
            )
            mine += [(notice.registrant_id, notice.event) for notice in lost if self._store.touch(notice, now)]
        self._send(mine)
        return len(mine)

    def _send(self, kept: Sequence[tuple[str, str]]) -> None:
        self._queue.send([encode_message(*one) for one in kept])
