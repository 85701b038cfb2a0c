"""The whole application over HTTP on moto, in this process. It does what AWS would do, such as delivering messages."""

from __future__ import annotations

import json
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import UTC, datetime, timedelta
from pathlib import Path
from threading import Thread
from typing import Any

import boto3
import chalice.local
import msgspec
import pytest
from chalice.config import Config
from moto.core import DEFAULT_ACCOUNT_ID
from moto.server import ThreadedMotoServer
from moto.ses.models import ses_backends
from msgspec.structs import replace

import app as application
from admin.commands.draws.verify import pinned
from chalicelib import wiring
from chalicelib.config import Programme, Settings
from chalicelib.draw.note import parse, round_time
from chalicelib.helpdesk.store import ALL_SHARDS
from chalicelib.payouts.reconciliation import whole_ledger
from chalicelib.payouts.reconciliation.whole_ledger import ProviderBooks
from chalicelib.payouts.rules import Hold
from chalicelib.waves.errors import ChangeTooLate
from chalicelib.web import edge
from infrastructure import app_stack
from local.demo import administrator, results
from local.demo.administrator import Comparison
from local.demo.crowd import Partner
from local.sandbox.beacon import DevelopmentBeacon
from local.sandbox.provider import Sandbox
from tests.builders.aws.rights import rights_of
from tests.builders.draws.verify_draw import verify
from tests.builders.training import import_courses
from tests.builders.waves import Ticketed

UNAUTHORIZED = app_stack.REFUSALS["UNAUTHORIZED"]
"""What the gateway answers in the deployed application."""

EVENT = {
    "version": "0", "id": "1", "detail-type": "Scheduled Event", "source": "aws.events", "account": "123456789012",
    "time": "2026-11-24T03:00:00Z", "region": "ap-southeast-3", "resources": [], "detail": {},
}  # fmt: skip
"""What EventBridge hands to a scheduled function; nothing in it is read."""


class Context:
    """What a function is told of its own run."""

    def get_remaining_time_in_millis(self) -> int:
        return 840_000


def invoke(function: str, event: dict[str, Any] = EVENT) -> Any:
    """As Lambda invokes a function that no route leads to, with its own rights."""
    with rights_of(function):
        return application.app.handler_map[function](event, Context())


BEGINNING = datetime(2026, 1, 5, 3, tzinfo=UTC)
"""No regular wave is open. Fixed, so that the draw is the same every time; nothing here looks at the real time."""


class World:
    """Administrator and time in one. The clock stands still until somebody waits, so a seed repeats a wave exactly."""

    def __init__(self, url: str, settings: Settings, services: wiring.Services, fsp: Sandbox) -> None:
        self.url = url
        self.services = services
        self._fsp = fsp
        self._queues = {
            "award": settings.awards_queue_url,
            "pay": settings.payouts_queue_url,
            "send_mail": settings.mails_queue_url,
            "send_code": settings.codes_queue_url,
            "ask_registry": settings.registry_queue_url,
        }
        self._sqs = boto3.client("sqs", settings.region)

    # Time

    instant = BEGINNING

    @classmethod
    def clock(cls) -> datetime:
        return cls.instant

    def now(self) -> datetime:
        return self.clock()

    def wait_until(self, instant: datetime, awaited: str = "") -> None:
        World.instant = max(instant, World.instant).astimezone(UTC)
        self.deliver()

    # What AWS does by itself

    def deliver(self) -> None:
        """Hand each queue's messages to its consumer until none is visible; those it reports as failed stay."""
        for consumer, queue_url in self._queues.items():
            while messages := self._sqs.receive_message(QueueUrl=queue_url, MaxNumberOfMessages=10).get("Messages"):
                records = [{"messageId": each["MessageId"], "body": each["Body"]} for each in messages]
                answer = invoke(consumer, {"Records": records})
                failed = {each["itemIdentifier"] for each in answer["batchItemFailures"]}
                for each in messages:
                    if each["MessageId"] not in failed:
                        self._sqs.delete_message(QueueUrl=queue_url, ReceiptHandle=each["ReceiptHandle"])

    # The administrator

    def add_wave(self, opens_at: datetime, closes_at: datetime, quota: int, scheme: str = "") -> int:
        return self.services.waves.add(opens_at, closes_at, quota, self.now(), scheme=scheme or None)

    def move_wave(self, number: int, opens_at: datetime, closes_at: datetime) -> bool:
        try:
            self.services.waves.move(number, opens_at, closes_at, self.now())
        except ChangeTooLate:
            return False
        return True

    def close_wave(self, number: int) -> datetime:
        return administrator.close_wave(self.services, number, self.clock)

    def unanswered(self) -> int:
        return administrator.unanswered(self.services)

    def settle(self, number: int) -> None:
        """Close a wave, and have it frozen, drawn and awarded."""
        rules = self.services.programme.draw
        self.wait_until(self.close_wave(number) + timedelta(seconds=rules.freeze_delay_s))
        self.fire("advance")
        note = results.fetch_note(self.services.waves.get(number, self.now()).results_url)
        self.wait_until(round_time(rules.pinned, parse(note).round) + timedelta(seconds=rules.pinned.period_s))
        for _ in range(5):
            self.fire("advance")
            self.deliver()
        assert self.services.waves.get(number, self.now()).state == "SETTLED"

    def end_buying(self) -> datetime:
        return administrator.end_buying(self.services, self.clock)

    def fire(self, schedule: str) -> None:
        invoke(schedule)
        # A step dates what it does by how long it has run.
        self.wait_until(self.now() + timedelta(seconds=5))

    @contextmanager
    def firing(self, schedule: str) -> Iterator[None]:
        self.fire(schedule)
        yield

    def look_again(self) -> None:
        for each in self.services.payout_store.everything():
            if each.hold is Hold.NO_ADDRESS:
                self.services.payout_queue.send([each.id])

    def add_partner(self, name: str) -> Partner:
        partner, key = self.services.partners.add(name, self.now())
        return Partner(partner.id, key)

    def import_courses(self, catalogue: str) -> int:
        return import_courses(self.services, catalogue.splitlines(), self.now())

    def answer_grievances(self) -> int:
        helpdesk = self.services.helpdesk
        numbers = [each.number for shard in ALL_SHARDS for each in helpdesk.unanswered(shard)]
        helpdesk.escalate(numbers[0], "Mohon diperiksa bersama.", "office", self.now())
        for number in numbers:
            helpdesk.answer(number, "Sudah kami periksa.", "office", self.now())
        return len(numbers)

    def mails_in_doubt(self) -> int:
        return 0

    def mails(self) -> list[tuple[str, str, str]]:
        sent = ses_backends[DEFAULT_ACCOUNT_ID][self.services.settings.region].sent_messages
        return [(to, mail.subject, mail.body) for mail in sent for to in mail.destinations["ToAddresses"]]

    def show_statistics(self) -> list[str]:
        return [str(self.services.statistics.country().progress)]

    def add_cosignature(self, wave: int, line: bytes) -> None:
        assert self.services.witnessing.add(wave, line)

    def check_draw(self, wave: int, folder: Path) -> list[str]:
        view = self.services.waves.get(wave, self.now())
        known = ["--wave", wave, "--closes-at", view.closes_at, *pinned(self.services.programme.draw)]
        checks = verify(folder, *known).checks
        return [f"{check['name']}: {check['detail']}" for check in checks if check["ok"] is False]

    def compare_books(self) -> Comparison:
        lines = msgspec.convert(self.books(), ProviderBooks).payouts
        ledger = list(self.services.payout_store.everything())
        each_place = self.services.programme.eligibility.several_places
        wrong = whole_ledger.compare(ledger, lines, each_place=each_place)
        return Comparison(said=[str(whole_ledger.totals(ledger, lines))], wrong=list(map(str, wrong)))

    def books(self) -> dict[str, Any]:
        return self._fsp.books.report()


@contextmanager
def world_on(cloud: Settings, programme: Programme, patch: pytest.MonkeyPatch) -> Iterator[World]:
    """Serve `app.py` over HTTP on the test's cloud, with a development beacon and a sandbox provider."""
    World.instant = BEGINNING
    _publish(cloud)
    boto3.client("sesv2", cloud.region).create_email_identity(EmailIdentity=cloud.mail_domain)
    patch.setattr("moto.s3.models.utcnow", lambda: World.clock().replace(tzinfo=None))
    patch.setattr(application.app, "clock", World.clock)
    with (
        _moto_over_http() as aws_url,
        DevelopmentBeacon(clock=World.clock) as beacon,
        Sandbox("e2e", api_key="test-api-key", clock=lambda: World.clock().timestamp()) as fsp,
        application_over_http(patch) as url,
    ):
        settings = replace(
            cloud,
            public_url=url,
            results_url=f"{aws_url}/{cloud.results_bucket}",
            beacon_relays=(beacon.url,),
            fsp_url=fsp.url,
        )
        # So few win here that the walk alone would do.
        awards = replace(programme.draw.awards, batch=4, ahead_from=6)
        figures = replace(programme, draw=replace(programme.draw, awards=awards))
        services = wiring.Services(settings, figures, World.clock, Ticketed())
        patch.setattr(application, "services", lambda: services)
        fsp.books.configure({"callback_url": f"{url}/webhooks/fsp", "callback_token": "test-callback-token"})
        yield World(url, settings, services, fsp)


def _publish(cloud: Settings) -> None:
    """moto's CloudFormation knows no bucket policies: anyone may read the results, as in the template."""
    statement = {
        "Effect": "Allow",
        "Principal": "*",
        "Action": "s3:GetObject",
        "Resource": f"arn:aws:s3:::{cloud.results_bucket}/*",
    }
    policy = json.dumps({"Version": "2012-10-17", "Statement": [statement]})
    boto3.client("s3", cloud.region).put_bucket_policy(Bucket=cloud.results_bucket, Policy=policy)


@contextmanager
def _moto_over_http() -> Iterator[str]:
    """The same moto as in this process, for those who come by HTTP: published results."""
    server = ThreadedMotoServer("127.0.0.1", 0, verbose=False)
    server.start()
    try:
        yield "http://{}:{}".format(*server.get_host_and_port())
    finally:
        server.stop()


@contextmanager
def application_over_http(patch: pytest.MonkeyPatch) -> Iterator[str]:
    """Chalice's local server, without the pauses of Nagle's algorithm and delayed acknowledgements."""
    patch.setattr(chalice.local.ChaliceRequestHandler, "wbufsize", -1)
    patch.setattr(chalice.local.ChaliceRequestHandler, "disable_nagle_algorithm", True, raising=False)
    patch.setattr(chalice.local.ChaliceRequestHandler, "log_message", lambda *_: None)
    patch.setattr(chalice.local.LocalGatewayAuthorizer, "authorize", _as_api_gateway_does)
    server = chalice.local.create_local_server(application.app, Config(), "127.0.0.1", 0)
    thread = Thread(target=server.server.serve_forever, args=(0.05,), daemon=True)
    thread.start()
    try:
        yield "http://{}:{}".format(*server.server.server_address[:2])
    finally:
        server.shutdown()
        thread.join()
        server.server.server_close()
        application.app.__class__ = edge.Api  # the local server has put a class of its own there


_authorize = chalice.local.LocalGatewayAuthorizer.authorize


def _as_api_gateway_does(self: Any, *request: Any) -> Any:
    """An authorizer that raises "Unauthorized" is a 401 there; Chalice's local server would drop the connection.

    Without a token it answers 401 itself, with other headers and another body.
    """
    try:
        return _authorize(self, *request)
    except (edge.Unauthorized, chalice.local.NotAuthorizedError) as error:
        headers = {name: value.strip("'") for name, value in UNAUTHORIZED["ResponseParameters"]["Headers"].items()}
        body = UNAUTHORIZED["ResponseTemplates"]["application/json"].encode()
        raise chalice.local.NotAuthorizedError(headers, body) from error
