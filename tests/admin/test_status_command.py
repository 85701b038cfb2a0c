"""`gelombang status`: well is well, whatever needs somebody is said, and what cannot be read hides nothing else."""

from __future__ import annotations

import json
from datetime import datetime, timedelta
from types import SimpleNamespace
from typing import Any

import boto3
import pytest
from botocore.exceptions import ClientError
from click.testing import Result

from admin import client
from admin.commands import status
from admin.deployment import stages
from admin.desk import Desk
from chalicelib.config import Programme, Settings
from chalicelib.watch import PROMISED
from chalicelib.wiring import Services
from tests.builders.commands import invoke
from tests.builders.training import ANI
from tests.conftest import REGION, T0


class Board:
    """A stage and what it is asked: SES and Lambda are doubles, because moto knows no quotas."""

    def __init__(self, settings: Settings, programme: Programme) -> None:
        self.settings, self.services = settings, Services(settings, programme, lambda: self.now)
        self.name, self.now = "test", T0
        self.sent, self.paused_by_ses, self.at_once = 0, False, 1000
        self.cloudwatch = boto3.client("cloudwatch", REGION)
        self.alarm("step-late", "OK")

    def alarm(self, name: str, state: str) -> None:
        self.cloudwatch.put_metric_alarm(
            AlarmName=f"gelombang-test-{name}", AlarmDescription="A wave was opened too late", MetricName="m",
            Namespace="n", Statistic="Sum", Period=60, EvaluationPeriods=1, Threshold=1,
            ComparisonOperator="GreaterThanThreshold",
        )  # fmt: skip
        self.cloudwatch.set_alarm_state(AlarmName=f"gelombang-test-{name}", StateValue=state, StateReason="test")

    def client(self, service: str, *_: Any) -> Any:
        quota = {"SentLast24Hours": float(self.sent), "Max24HourSend": 50_000.0}
        account = {"SendQuota": quota, "SendingEnabled": not self.paused_by_ses}
        limits = {"AccountLimit": {"ConcurrentExecutions": self.at_once}}
        doubles = {
            "sesv2": SimpleNamespace(get_account=lambda: account),
            "lambda": SimpleNamespace(get_account_settings=lambda: limits),
        }
        return doubles.get(service) or boto3.client(service, REGION)

    def look(self, code: int) -> dict[str, tuple[str, str]]:
        """What a look finds, by its name: in words and the state; the exit code is as expected."""
        result = run("--json")
        assert result.exit_code == code, result.output
        return {row["what"]: (row["is"], row["state"]) for row in json.loads(result.stdout)["findings"]}


def run(*words: str) -> Result:
    return invoke(["status", "--stage", "test", *words])


@pytest.fixture
def board(cloud: Settings, programme: Programme, monkeypatch: pytest.MonkeyPatch) -> Board:
    board = Board(cloud, programme)
    monkeypatch.setattr(stages, "load", lambda _: board)
    monkeypatch.setattr(Desk, "client", lambda _, service: board.client(service))
    monkeypatch.setattr(status, "utc_now", lambda: board.now)
    return board


def test_a_stage_that_is_well_is_told_so_on_one_screen_with_exit_code_0(board: Board) -> None:
    shown = run()
    assert shown.exit_code == 0, shown.output
    lines = [" ".join(line.split()) for line in shown.output.splitlines()]
    assert len(lines) < 25
    for line in (
        "stage test",
        "at Tue 2026-11-24 10:00:00 WIB",
        "area what is state",
        "waves wave 145 SCHEDULED, opens Fri 2026-11-27 12:00:00 WIB ok",
        f"late promises nothing of {len(PROMISED)} is late ok",
        "queues mails 0 wait, 0 at work, 0 given up ok",
        "alarms alarms none of 1 rings ok",
        "payments payments not paused ok",
        "payments today's ceiling Rp0 of Rp150.000.000.000 reserved ok",
        "help desk grievances 0 unanswered, 0 overdue ok",
        "privacy erasures 0 due, 0 closed that wait for a draw or the last token ok",
        "quota of SES mails sent 0 of 50,000 in 24 hours ok",
        "quota of Lambda functions at once 0 of 1,000 in the last 15 minutes ok",
    ):
        assert line in lines


def test_whatever_needs_somebody_is_said_and_ends_with_code_1(board: Board) -> None:
    board.services.payout_administration.pause(ANI, "wrong amounts", T0)
    found = board.look(1)
    assert found["payments"] == (f"paused since Tue 2026-11-24 10:00:00 WIB by {ANI}: wrong amounts", "LOOK")
    board.services.payout_administration.resume(ANI, "right again", T0)
    assert board.look(0)["payments"] == ("not paused", "ok")

    board.alarm("pay-fails", "ALARM")
    said, state = board.look(1)["pay-fails"]
    assert (said.startswith("rings since "), state) == (True, "LOOK")
    board.alarm("pay-fails", "OK")

    dead = f"{board.settings.mails_queue_url}-dead"
    boto3.client("sqs", REGION).send_message(QueueUrl=dead, MessageBody="x")
    assert ("mails", "0 wait, 0 at work, 1 given up", "LOOK") in rows()
    boto3.client("sqs", REGION).purge_queue(QueueUrl=dead)

    board.sent = 40_000
    assert ("mails sent", "40,000 of 50,000 in 24 hours", "LOOK") in rows()
    board.sent, board.paused_by_ses = 0, True
    assert ("mails sent", "0 of 50,000 in 24 hours, and SES has paused sending", "LOOK") in rows()


def rows() -> list[tuple[str, str, str]]:
    found = json.loads(run("--json").stdout)["findings"]
    return [(row["what"], row["is"], row["state"]) for row in found]


def test_what_is_late_is_told_and_rings_from_the_minute_of_its_alarm(board: Board) -> None:
    board.services.runs.whole("sweep_payouts", T0)
    late = PROMISED["sweep_payouts"]
    board.now = T0 + timedelta(minutes=late)
    assert board.look(0)["sweep_payouts"] == (f"{late - 1} minutes late, rings from {late}", "ok")
    board.now += timedelta(minutes=1)
    assert board.look(1)["sweep_payouts"] == (f"{late} minutes late, rings from {late}", "LOOK")


def test_what_cannot_be_read_is_said_and_hides_nothing_else(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    def forbidden(*_: Any) -> Any:
        raise ClientError({"Error": {"Code": "AccessDenied", "Message": "no right of arn:aws:sts::1:sari"}}, "GetItem")

    monkeypatch.setattr(board.services.payout_administration, "paused", forbidden)
    found = board.look(2)
    said, state = found["not known"]
    assert (said, state) == ("ClientError AccessDenied", "unknown"), "no message: everybody may see this"
    assert found["grievances"] == ("0 unanswered, 0 overdue", "ok")
    monkeypatch.setattr(board.services.watch, "look", lambda _: iter(()))
    assert board.look(2)["step"] == ("could not be measured", "unknown")


def test_it_looks_again_until_it_is_ended(board: Board, monkeypatch: pytest.MonkeyPatch) -> None:
    waited: list[float] = []

    def wait(seconds: float) -> None:
        waited.append(seconds)
        board.now = datetime.fromisoformat("2026-11-24T10:00:30+07:00")
        if len(waited) == 2:
            raise KeyboardInterrupt

    monkeypatch.setattr(client.time, "sleep", wait)
    result = run("--watch", "--every", "5", "--json")
    assert (result.exit_code, waited) == (130, [5, 5])
    assert [json.loads(line)["at"] for line in result.stdout.splitlines()] == [
        "2026-11-24T03:00:00Z",
        "2026-11-24T03:00:30Z",
    ]
