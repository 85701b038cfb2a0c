"""People who sign in on the test's cloud, at a time that stands still until a test moves it."""

from __future__ import annotations

import itertools
import re
from collections.abc import Callable
from dataclasses import dataclass, field
from datetime import datetime, timedelta
from functools import cached_property

import boto3
from msgspec.structs import replace

from chalicelib.accounts.contacts.contact import Contact, parse_contact
from chalicelib.accounts.delivery import consumer
from chalicelib.accounts.delivery.consumer import CodeSender
from chalicelib.accounts.delivery.texts import CodeText
from chalicelib.accounts.signing_in import codes
from chalicelib.accounts.signing_in.budgets import KnownDevice
from chalicelib.accounts.signing_in.networks import Networks
from chalicelib.accounts.signing_in.sign_ins import Proved, SignIns, Started
from chalicelib.accounts.wire import EnteredCode, Language, SignInStart
from chalicelib.config import Programme, Settings
from chalicelib.wiring import Services
from tests.builders.aws.calls import drained
from tests.conftest import T0

SITI = "siti.aminah@example.org"
ADDRESS = "192.0.2.7"


def offering_sms(programme: Programme) -> Programme:
    """The same figures, with SMS switched on."""
    accounts = programme.accounts
    return replace(programme, accounts=replace(accounts, sms=replace(accounts.sms, enabled=True)))


@dataclass
class Channel:
    """Accepts messages, unless a test plans something else: an error, or an event in between."""

    taken: list[tuple[Contact, CodeText, str]] = field(default_factory=list)
    plan: list[Exception | Callable[[], object]] = field(default_factory=list)

    def send(self, to: Contact, text: CodeText, sign_in_id: str, now: datetime) -> None:
        for planned in self.plan[:1]:
            del self.plan[0]
            if isinstance(planned, Exception):
                raise planned
            planned()
        self.taken.append((to, text, sign_in_id))

    @property
    def codes(self) -> list[str]:
        return [re.findall(r"\b\d{6}\b", text.mail)[0] for _, text, _ in self.taken]


class SignInsWorld:
    """Signing in on the test's cloud. `now` is the time of the next event."""

    def __init__(self, settings: Settings, programme: Programme) -> None:
        self.settings = settings
        self.rules = programme.accounts
        self.services = Services(settings, programme, clock=lambda: self.now)
        # One start in sixteen costs a write more: not where calls are counted.
        self.services.networks = Networks(self.rules, b"\1".__mul__)
        self.now: datetime = T0
        self.pauses: list[float] = []
        self.language: Language = "id"

    @property
    def sign_ins(self) -> SignIns:
        return self.services.sign_ins

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def start(self, contact: str = SITI, device_key: str | None = None) -> Started:
        form = SignInStart(contact=contact, language=self.language, device="phone")
        return self.sign_ins.start(form, ADDRESS, self.now, self.device(contact, device_key) if device_key else None)

    def device(self, contact: str, key: str) -> KnownDevice:
        """A device that has signed in with a contact."""
        return KnownDevice(self.mac(contact), key)

    def mac(self, contact: str) -> str:
        return self.services.macs.contact(parse_contact(contact))

    def hand_over(self, started: Started, sending: int = 1) -> None:
        """Store that the channel accepted the code, as the consumer does."""
        store, budgets = self.sign_ins.store, self.sign_ins.budgets
        store.handed_over(started.sign_in.id, sending, self.now)
        budgets.served(started.sign_in.budget_id, started.sign_in.places[0].day, started.sign_in.id)

    def sent(self, contact: str = SITI, device_key: str | None = None) -> Started:
        """A sign-in whose code was handed over."""
        started = self.start(contact, device_key)
        self.hand_over(started)
        return started

    def deliver(self) -> list[dict]:
        """Give the queue's messages to the consumer. Those that it reports as failed are queued again."""
        messages = drained(self.settings.codes_queue_url)
        records = [{"messageId": each["MessageId"], "body": each["Body"]} for each in messages]
        failed = consumer.consume(records, self.sender)["batchItemFailures"]
        for record in records:
            if {"itemIdentifier": record["messageId"]} in failed:
                queue = {"QueueUrl": self.settings.codes_queue_url}
                boto3.client("sqs", self.settings.region).send_message(**queue, MessageBody=record["body"])
        return failed

    @cached_property
    def sender(self) -> CodeSender:
        """The consumer, with channels that a test may let fail."""
        self.channel = Channel()
        both: dict = {"email": self.channel, "phone": self.channel}
        domain, pause = self.settings.rp_id, self.pauses.append
        return CodeSender(self.rules, self.sign_ins, self.services.macs, both, domain, lambda: self.now, pause)

    def code(self, started: Started, sending: int = 1) -> str:
        return codes.code(self.services.macs.code_key(started.sign_in.id), sending)

    def entered(self, contact: str = SITI) -> EnteredCode:
        """A code that was sent to a contact, as its owner enters it."""
        started = self.sent(contact)
        return EnteredCode(sign_in_id=started.sign_in.id, secret=started.secret, code=self.code(started))

    def wrong(self, started: Started) -> str:
        """A code that none of this sign-in's is."""
        good = {self.code(started, sending) for sending in (1, 2, 3)}
        return next(code for code in map("{:06d}".format, itertools.count()) if code not in good)

    def judge(self, started: Started, code: str) -> Proved:
        return self.sign_ins.judge(started.sign_in.id, started.secret, code, self.now)

    def queued(self) -> list[str]:
        """The bodies of the messages that wait; gone from the queue."""
        return [message["Body"] for message in drained(self.settings.codes_queue_url)]

    def rows(self, prefix: str = "") -> list[dict]:
        """What the table has in partitions that begin so, in DynamoDB's own form."""
        items = boto3.client("dynamodb", self.settings.region).scan(TableName=self.settings.table("sign-ins"))["Items"]
        return [item for item in items if item["pk"]["S"].startswith(prefix)]
