"""From a message of the queue to a mail: claim the notice, hand the mail to SES once, record the result.

A notice is claimed before the call, so that two consumers do not both send it. If a function dies between the claim and
the answer, the mail may have been sent. It is sent again: twice is better than never.
"""

from __future__ import annotations

import logging
from collections.abc import Iterable, Mapping
from dataclasses import dataclass, replace
from datetime import datetime
from typing import Any, Literal

from botocore.exceptions import BotoCoreError, ClientError

from ..aws import queues
from ..aws.clients import is_passing
from ..clock import Clock
from ..errors import Unavailable
from ..ids import Randomness, random_id
from .rules import CHANGES, OF_ACCOUNT, REMINDERS, ChangeLink, Kind, Notice, NoticeState, withheld
from .service import decode_message
from .ses import NeverTaken, NotTaken, OutcomeUnknown, SesMail
from .store import NoticeStore
from .texts import MailText, mail_text

_CONFIRMED = {"CONFIRMED", "RESET_REQUIRED"}
"""The states of an account whose address is confirmed; in the second it waits for a new password."""


@dataclass(frozen=True, slots=True, repr=False)
class MailAddress:
    """A confirmed address. Its repr leaves it out, so that none is logged."""

    email: str
    language: Literal["id", "en"]


class MailAddresses:
    """The addresses of people's mails, read from the user pool when needed and not kept.

    Nobody can change an address in the pool, so a stolen session does not get the mails of its owner. `cognito` is a
    botocore client of the pool `user_pool`.
    """

    def __init__(self, cognito: Any, user_pool: str) -> None:
        self._cognito = cognito
        self._user_pool = user_pool

    def of(self, registrant_id: str) -> MailAddress | None:
        """The address of an account; None if there is no such account or its address was never confirmed.

        One call. Raises `Unavailable`.
        """
        try:
            user = self._cognito.admin_get_user(UserPoolId=self._user_pool, Username=registrant_id)
        except (BotoCoreError, ClientError) as error:
            if isinstance(error, ClientError) and error.response["Error"]["Code"] == "UserNotFoundException":
                return None
            if is_passing(error):
                raise Unavailable() from error
            raise
        attributes = {each["Name"]: each["Value"] for each in user["UserAttributes"]}
        if user["UserStatus"] not in _CONFIRMED or attributes.get("email_verified") != "true":
            return None
        return MailAddress(attributes["email"], "en" if attributes.get("locale") == "en" else "id")


log = logging.getLogger(__name__)


class Mailer:
    """`public_url`: the API's address, which the links begin with."""

    def __init__(
        self, store: NoticeStore, addresses: MailAddresses, mail: SesMail, public_url: str, randomness: Randomness
    ) -> None:
        self._store = store
        self._addresses = addresses
        self._mail = mail
        self._public_url = public_url
        self._randomness = randomness

    def process(self, registrant_id: str, event: str, now: datetime) -> None:
        """Send the mail of a notice unless there is a reason not to. Raises `Unavailable`: it must come again."""
        notice = self._store.notice(registrant_id, event)
        if notice is None or notice.state is not NoticeState.QUEUED:
            return  # a doubled message, or a notice that was deleted long ago
        mailbox = self._store.mailbox(registrant_id)
        end = withheld(notice, mailbox, now)
        address = None if end else self._addresses.of(registrant_id)
        if address is None:
            self._store.move(notice, end or NoticeState.NO_ADDRESS, now)
            return
        url = self._url(notice, mailbox.token, now)
        written = mail_text(notice, address.language, now, url)
        if self._store.move(notice, NoticeState.SENDING, now):
            claimed = replace(notice, state=NoticeState.SENDING, updated_at=now)
            self._hand_over(claimed, address.email, written, url, now)

    def _hand_over(self, claimed: Notice, to: str, written: MailText, url: str | None, now: datetime) -> None:
        facts = {"kind": claimed.kind.value}
        try:
            message_id = self._mail.send(to, written, claimed.registrant_id, url if claimed.kind in REMINDERS else None)
        except NotTaken as error:
            self._store.move(claimed, NoticeState.QUEUED, now)
            cause = error.__cause__
            level = logging.WARNING if isinstance(cause, Exception) and is_passing(cause) else logging.ERROR
            log.log(level, "mail_not_taken", extra={**facts, "code": str(error)})
            raise Unavailable() from error
        except NeverTaken as error:
            self._store.move(claimed, NoticeState.REFUSED, now)
            log.warning("mail_refused", extra={**facts, "code": str(error)})
        except OutcomeUnknown as error:
            after = self._store.doubt(claimed, now)
            level = logging.ERROR if after is NoticeState.UNKNOWN else logging.WARNING
            log.log(level, "mail_outcome_unknown", extra={**facts, "code": str(error), "after": after})
            if after is NoticeState.QUEUED:
                raise Unavailable() from error
        else:
            self._store.move(claimed, NoticeState.SENT, now, message_id)

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
