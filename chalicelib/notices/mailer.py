"""From a message of the queue to a mail: claim the notice, hand the mail to SES once, record the result.

A notice is claimed before the call, so that two consumers do not both send it. If a function dies between the claim and
the answer, the mail may have been sent. It is sent again: twice is better than never.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from datetime import datetime
from typing import Any, Literal, Protocol

from msgspec.structs import replace

from ..aws import queues
from ..aws.clients import is_passing
from ..clock import Clock
from ..errors import Unavailable
from ..ids import Randomness, random_id
from .rules import CHANGES, OF_ACCOUNT, REMINDERS, ChangeLink, Facts, Kind, Notice, NoticeState, recipients, withheld
from .service import decode_message
from .ses import NeverTaken, NotTaken, OutcomeUnknown, SesMail, tag_of
from .store import NoticeStore
from .texts import MailText, mail_text


class Contact(Protocol):
    """Where a person is reached."""

    @property
    def kind(self) -> Literal["email", "phone"]:
        """Which of the two."""

    @property
    def value(self) -> str:
        """The address or the number."""


class Reach(Protocol):
    """Every contact of a person by its id, the first one first, and the language to write in."""

    @property
    def contacts(self) -> Mapping[str, Contact]:
        """An id says nothing of its contact."""

    @property
    def language(self) -> Literal["id", "en"]:
        """Chosen with the account."""


class Directory(Protocol):
    """Looks contacts up, for each message anew."""

    def contacts(self, account_id: str, at: datetime) -> Reach | None:
        """Who hears of what happened then. None if there is no such account. Raises `Unavailable`."""

    def sign_in(self, account_id: str, session_id: str) -> Facts | None:
        """The facts of the notice about a session. None if there is no such session. Raises `Unavailable`."""


class Sms(Protocol):
    """Sends a short message to a phone."""

    def tell(self, to: str, text: str, now: datetime) -> str:
        """Returns the id that it was given. Raises `NotTaken`, `NeverTaken`, `OutcomeUnknown`."""


log = logging.getLogger(__name__)


class Mailer:
    """`public_url`: the API's address, which the links begin with; `sms` is None where none are sent."""

    def __init__(
        self,
        store: NoticeStore,
        directory: Directory,
        mail: SesMail,
        sms: Sms | None,
        public_url: str,
        randomness: Randomness,
    ) -> None:
        self._store = store
        self._directory = directory
        self._mail = mail
        self._sms = sms
        self._public_url = public_url
        self._randomness = randomness

    def process(self, registrant_id: str, event: str, now: datetime) -> None:
        """Send a notice unless there is a reason not to. Raises `Unavailable`: it must come again."""
        notice = self._store.notice(registrant_id, event) or self._of_sign_in(registrant_id, event, now)
        if notice is None or notice.state is not NoticeState.QUEUED:
            return  # a doubled message, or a notice that was deleted long ago
        mailbox = self._store.mailbox(registrant_id)
        end = withheld(notice, mailbox, now)
        reach = None if end else self._directory.contacts(registrant_id, notice.created_at)
        if reach is None:
            self._store.move(notice, end or NoticeState.NO_ADDRESS, now)
            if end is None:
                self._store.fade(notice, now)  # nobody is left whom it is about
            return
        kinds = {name: one.kind for name, one in reach.contacts.items()}
        chosen = recipients(notice, mailbox, kinds, sms=self._sms is not None)
        if not chosen and not notice.sent_to:
            self._store.move(notice, NoticeState.CLOSED if mailbox.closed else NoticeState.NO_ADDRESS, now)
            return
        url = self._url(notice, mailbox.token, now)
        written = mail_text(notice, reach.language, now, url)
        if self._store.move(notice, NoticeState.SENDING, now):
            claimed = replace(notice, state=NoticeState.SENDING, updated_at=now)
            self._hand_over(claimed, {name: reach.contacts[name] for name in chosen}, written, url, now)

    def _of_sign_in(self, account_id: str, event: str, now: datetime) -> Notice | None:
        """Store and return the notice of a device that signed in; until now there was only its message."""
        kind, _, session_id = event.partition("/")
        facts = self._directory.sign_in(account_id, session_id) if kind == Kind.SIGNED_IN else None
        if facts is None:
            return None
        self._store.add(account_id, Kind.SIGNED_IN, event, facts, now)
        return self._store.notice(account_id, event)

    def _hand_over(
        self, claimed: Notice, to: Mapping[str, Contact], written: MailText, url: str | None, now: datetime
    ) -> None:
        """Send to each of these contacts, and record the end; whom it has not reached yet it is sent to again."""
        facts = {"kind": claimed.kind.value}
        message_id: str | None = None
        not_taken, unknown = list[NotTaken](), list[OutcomeUnknown]()
        for name, contact in to.items():
            try:
                message_id = self._sent(claimed, name, contact, written, url)
                claimed = replace(claimed, sent_to=(*claimed.sent_to, name))
            except NotTaken as error:
                not_taken.append(error)
                cause = error.__cause__
                level = logging.WARNING if isinstance(cause, Exception) and is_passing(cause) else logging.ERROR
                log.log(level, "mail_not_taken", extra={**facts, "code": str(error)})
            except NeverTaken as error:
                log.warning("mail_refused", extra={**facts, "code": str(error)})
            except OutcomeUnknown as error:
                unknown.append(error)
        if unknown:
            after = self._store.doubt(claimed, now)
            level = logging.ERROR if after is NoticeState.UNKNOWN else logging.WARNING
            log.log(level, "mail_outcome_unknown", extra={**facts, "code": str(unknown[0]), "after": after})
        elif not_taken:
            after = NoticeState.QUEUED
            self._store.move(claimed, after, now)
        else:
            after = NoticeState.SENT if claimed.sent_to else NoticeState.REFUSED
            self._store.move(claimed, after, now, message_id)
        if after is NoticeState.QUEUED:
            raise Unavailable() from [*unknown, *not_taken][0]

    def _sent(self, notice: Notice, name: str, contact: Contact, written: MailText, url: str | None) -> str:
        if contact.kind == "phone":
            assert self._sms is not None  # noqa: S101 - else no phone is chosen
            link = url if notice.kind in CHANGES else self._public_url
            return self._sms.tell(contact.value, f"Gelombang: {written.subject}. {link}", notice.updated_at)
        unsubscribe_url = url if notice.kind in REMINDERS else None
        return self._mail.send(contact.value, written, tag_of(notice.registrant_id, name), unsubscribe_url)

    def _url(self, notice: Notice, token: str | None, now: datetime) -> str | None:
        """The link of a reminder (one a person) or of a notice of a change (one a mail); None for other notices."""
        who = notice.registrant_id
        if notice.kind in REMINDERS:
            own = token or self._store.give_token(who, random_id(self._randomness))
            return f"{self._public_url}/unsubscriptions/{own}"
        if notice.kind in CHANGES:
            secret = random_id(self._randomness)
            about = notice.event.rpartition("/")[2]
            version = int(about) if notice.kind is Kind.ADDRESS_CHANGED else 0
            link = ChangeLink(who, version, about if notice.kind in OF_ACCOUNT else None)
            self._store.give_change_link(secret, link, now)
            return f"{self._public_url}/changes/{secret}"
        return None


def consume(records: Iterable[Mapping[str, Any]], mailer: Mailer, clock: Clock) -> dict[str, list[dict[str, str]]]:
    """Send the mails of a batch of messages (see `queues.consume`)."""

    def take(body: str) -> None:
        message = decode_message(body)
        mailer.process(message.registrant_id, message.event, clock())

    return queues.consume("mails", records, take)
