"""A world for notices: the services on moto, people with accounts, a clock that tests move, and what SES was given."""

from __future__ import annotations

import json
from collections.abc import Callable
from typing import Any

import boto3
from moto.core import DEFAULT_ACCOUNT_ID
from moto.ses.models import ses_backends

from chalicelib.config import Programme, Settings
from chalicelib.notices import mailer
from chalicelib.notices.rules import Facts, Kind, NoticeState
from chalicelib.notices.texts import MailText
from chalicelib.registration.accounts import Accounts
from chalicelib.wiring import Services
from tests.builders.aws_calls import drained
from tests.conftest import T0

CHOSEN: Facts = {"wave": 60, "training_idr": 3_500_000, "buy_by": "2026-12-08T17:00:00Z"}
DEADLINE: Facts = {"buy_by": "2026-12-08T17:00:00Z"}
PAID: Facts = {"for": "INCENTIVE", "amount_idr": 600_000}


class Ses:
    """Takes mails, or does what a test planned instead: raises an error, or calls something afterwards."""

    def __init__(self) -> None:
        self.taken: list[tuple[str, MailText, str, str | None]] = []
        self.plan: list[BaseException | Callable[[], object]] = []

    def send(self, to: str, text: MailText, registrant_id: str, unsubscribe_url: str | None) -> str:
        planned = self.plan.pop(0) if self.plan else None
        if isinstance(planned, BaseException):
            raise planned
        self.taken.append((to, text, registrant_id, unsubscribe_url))
        if planned is not None:
            planned()
        return f"message-{len(self.taken)}"


class PostOffice:
    """`now` moves only when a test moves it. `ses` stands for the mail service where `faked`."""

    def __init__(self, cloud: Settings, programme: Programme, *, faked: bool = True) -> None:
        self.cloud = cloud
        self.now = T0
        self.services = Services(cloud, programme, clock=lambda: self.now)
        self.store = self.services.mailboxes
        self.ses = Ses()
        self._sqs = boto3.client("sqs", cloud.region)
        self._cognito = boto3.client("cognito-idp", cloud.region)
        boto3.client("sesv2", cloud.region).create_email_identity(EmailIdentity=cloud.mail_domain)
        if faked:
            self.services.mailer._mail = self.ses

    def person(self, email: str, language: str = "id", *, confirmed: bool = True) -> str:
        """Open an account; returns its subject."""
        accounts = Accounts(self._cognito, self.cloud.user_pool_client)
        accounts.sign_up(email, "Correct horse 1 battery!", language)  # type: ignore[arg-type]
        if confirmed:
            accounts.confirm(email, "123456")
        user = self._cognito.list_users(UserPoolId=self.cloud.user_pool, Filter=f'email = "{email}"')["Users"][0]
        return next(each["Value"] for each in user["Attributes"] if each["Name"] == "sub")

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


def report(kind: str, person: str, **details: str) -> str:
    """An event of SES about a mail to a person, as its topic passes it on."""
    mail = {"messageId": "m", "destination": ["siti@example.org"], "tags": {"registrant": [person]}}
    return json.dumps({"eventType": kind, "mail": mail, kind.lower(): details})
