"""A world for notices: the services on moto, people with accounts, a clock that tests move, and the mails sent."""

from __future__ import annotations

import json
from collections.abc import Callable
from datetime import datetime
from itertools import count
from typing import Any, Literal

import boto3
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from chalicelib.accounts.contacts.contact import parse_contact
from chalicelib.accounts.sessions.rules import Account, KeptContact
from chalicelib.config import Programme, Settings
from chalicelib.notices import mailer
from chalicelib.notices.rules import Facts, Kind, NoticeState
from chalicelib.notices.ses import TAG, tag_of
from chalicelib.notices.texts import MailText
from chalicelib.wiring import Services
from tests.builders.aws.calls import drained
from tests.conftest import T0

CHOSEN: Facts = {"wave": 60, "training_idr": 3_500_000, "buy_by": "2026-12-08T17:00:00Z"}
DEADLINE: Facts = {"buy_by": "2026-12-08T17:00:00Z"}
PAID: Facts = {"for": "INCENTIVE", "amount_idr": 600_000}


class Ses:
    """Accepts mails, or does what a test planned instead: raises an error, or calls something afterwards."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, MailText, str | None, str]] = []
        """To whom, what, where reminders end, and the tag."""
        self.plan: list[BaseException | Callable[[], object]] = []

    def send(self, to: str, text: MailText, tag: str, unsubscribe_url: str | None) -> str:
        planned = self.plan.pop(0) if self.plan else None
        if isinstance(planned, BaseException):
            raise planned
        self.taken.append((to, text, unsubscribe_url, tag))
        if planned is not None:
            planned()
        return f"message-{len(self.taken)}"


class Phones:
    """Takes short messages."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, str]] = []

    def tell(self, to: str, text: str, _now: datetime) -> str:
        self.taken.append((to, text))
        return "sms"


class PostOffice:
    """`now` moves only when a test moves it. `ses` stands for the mail service where `faked`."""

    def __init__(self, cloud: Settings, programme: Programme, *, faked: bool = True) -> None:
        self.cloud = cloud
        self.now = T0
        self.services = Services(cloud, programme, clock=lambda: self.now)
        self.store = self.services.mailboxes
        self.ses = Ses()
        self._sqs = boto3.client("sqs", cloud.region)
        self._numbers = count(1)
        boto3.client("sesv2", cloud.region).create_email_identity(EmailIdentity=cloud.mail_domain)
        if faked:
            self.services.mailer._mail = self.ses

    def person(self, *contacts: str, language: Literal["id", "en"] = "id") -> str:
        """Open an account with these contacts, whose ids are c0, c1 and so on; returns its id."""
        account_id = f"person-{next(self._numbers)}"
        key, kept = self.services.vault.new_key(account_id), []
        for number, each in enumerate(map(parse_contact, contacts)):
            sealed = key.seal("contact/1", each.value.encode())
            kept.append(KeptContact(f"c{number}", f"mac of {each.value}", each.kind, sealed, self.now))
        account = Account(account_id, key.wrapped, language, self.now, tuple(kept))
        assert self.services.account_store.add_account(account)
        return account_id

    def tell(self, person: str, kind: Kind = Kind.CHOSEN, event: str = "chosen/60", facts: Facts = CHOSEN) -> None:
        self.services.notices.tell(person, kind, event, facts)

    def state(self, person: str, event: str = "chosen/60") -> NoticeState:
        notice = self.store.notice(person, event)
        assert notice is not None
        return notice.state

    def receive(self) -> list[dict[str, Any]]:
        """Every message that waits, as Lambda hands them over; gone from the queue."""
        messages = drained(self.cloud.mails_queue_url)
        return [{"messageId": message["MessageId"], "body": message["Body"]} for message in messages]

    def deliver(self, records: list[dict[str, Any]] | None = None) -> list[str]:
        """Let the consumer work on what waits; returns the messages that must come again."""
        given = self.receive() if records is None else records
        failed = mailer.consume(given, self.services.mailer, lambda: self.now)["batchItemFailures"]
        return [each["itemIdentifier"] for each in failed]


def sent_by_moto(region: str) -> list[Any]:
    """What moto's SES has sent."""
    return list(ses_backends[DEFAULT_ACCOUNT_ID][region].sent_messages)


def report(kind: str, person: str, contact: str = "c0", **details: str) -> str:
    """An event of SES about a mail to a person, as its topic passes it on."""
    mail = {"messageId": "m", "destination": ["siti@example.org"], "tags": {TAG: [tag_of(person, contact)]}}
    return json.dumps({"eventType": kind, "mail": mail, kind.lower(): details})
