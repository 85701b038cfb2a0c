"""People who sign in on the test's cloud, at a time that stands still until a test moves it."""

from __future__ import annotations

import itertools
from datetime import datetime, timedelta

import boto3

from chalicelib.accounts import codes
from chalicelib.accounts.sign_ins import Proved, SignIns, Started
from chalicelib.accounts.wire import SignInStart
from chalicelib.config import Programme, Settings
from chalicelib.wiring import Services
from tests.builders.aws_calls import drained
from tests.conftest import T0

SITI = "siti.aminah@example.org"
ADDRESS = "192.0.2.7"


class SignInsWorld:
    """`now` is the time of whatever happens next."""

    def __init__(self, settings: Settings, programme: Programme) -> None:
        self.settings = settings
        self.rules = programme.accounts
        self.services = Services(settings, programme)
        self.now: datetime = T0
        self._numbers = itertools.count()

    @property
    def sign_ins(self) -> SignIns:
        return self.services.sign_ins

    def later(self, seconds: float) -> None:
        self.now += timedelta(seconds=seconds)

    def start(self, contact: str = SITI, device_key: str | None = None) -> Started:
        form = SignInStart(contact=contact, language="id", device="phone")
        return self.sign_ins.start(form, ADDRESS, self.now, device_key)

    def hand_over(self, started: Started, sending: int = 1) -> None:
        """As the consumer does once the channel took the code."""
        store, budgets = self.sign_ins._store, self.sign_ins._budgets
        store.handed_over(started.sign_in.id, sending, self.now)
        budgets.served(started.sign_in.budget_id, started.sign_in.places[0].day, started.sign_in.id)

    def sent(self, contact: str = SITI, device_key: str | None = None) -> Started:
        """A sign-in whose code was handed over."""
        started = self.start(contact, device_key)
        self.hand_over(started)
        return started

    def code(self, started: Started, sending: int = 1) -> str:
        return codes.code(self.services.macs.code_key(started.sign_in.id), sending)

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
