"""`gelombang status`: how a stage is, on one screen, from the records and measures that alarms go by."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum

import click
from rich.text import Text

from chalicelib.clock import utc_now
from chalicelib.helpdesk.store import ALL_SHARDS
from chalicelib.money import Rupiah, format_idr
from chalicelib.payouts.controls.limits import day_name
from chalicelib.watch import PROMISED
from chalicelib.waves.rules import WaveState

from ..deployment import stages
from ..options import as_json, example, stage_options
from ..rows import Row, plain, wib
from ..terminal import console, show
from .dlq import DeadLetters

QUEUES = ("payouts", "mails", "awards", "codes", "registry")
NEAR = 0.8
"""A quota that is used up to this share is near."""

LEFT = 130
"""The exit code of a command that was ended by Ctrl-C."""


class How(StrEnum):
    OK = "ok"
    LOOK = "LOOK"
    UNKNOWN = "unknown"


_STYLES = {How.OK: "green", How.LOOK: "bold red", How.UNKNOWN: "yellow"}
Found = tuple[str, str, How]
"""What was looked at, how it is in words, and whether somebody should look."""


@example("status")
@click.command()
@stage_options
@click.option("--watch", is_flag=True, help="Look again and again, until Ctrl-C.")
@click.option("--every", type=click.FloatRange(1), default=30.0, show_default=True, help="Seconds between two looks.")
def status(stage: str, watch: bool, every: float) -> None:
    """Show how a stage is: waves, what is late, queues, alarms that ring, payments, grievances, quotas.

    Exit code 0: all is well. 1: somebody should look. 2: something could not be found out, and nothing else is wrong.
    """
    at = stages.load(stage)
    if not watch:
        click.get_current_context().exit(_show(at))
    try:
        while True:
            if console().is_terminal:
                click.clear()
            _show(at)
            time.sleep(every)
    except KeyboardInterrupt:
        click.get_current_context().exit(LEFT)


def _show(stage: stages.Stage) -> int:
    now = utc_now()
    rows = list(findings(stage, now))
    seen = {str(row["state"]) for row in rows}
    if as_json():
        show({"stage": stage.name, "at": now, "findings": rows})
    else:
        console().print(f"{stage.name}, {wib(now)}")
        show(rows)
    return 1 if How.LOOK in seen else 2 if How.UNKNOWN in seen else 0


def findings(stage: stages.Stage, now: datetime) -> Iterator[Row]:
    """Every finding, each area by itself: what cannot be read is said, and keeps no other from being shown."""
    for area, look in AREAS.items():
        try:
            found = list(look(stage, now))
        except Exception as error:  # noqa: BLE001 - a part that cannot be read hides no other
            found = [("not known", plain(f"{type(error).__name__}: {error}"), How.UNKNOWN)]
        for what, said, how in found:
            yield {"area": area, "what": what, "is": said, "state": Text(how, _STYLES[how])}


def _waves(stage: stages.Stage, now: datetime) -> Iterator[Found]:
    """Those that are not over, up to the next one."""
    views = [view for view in stage.services.waves.list(now) if view.state is not WaveState.SETTLED]
    if not views:
        yield "waves", "none is open, in selection or planned", How.OK
    for view in views:
        waits = ", waits for its random number" if view.waiting_for else ""
        match view.state:
            case WaveState.SCHEDULED:
                said = f"{view.state}, opens {wib(view.opens_at)}"
            case WaveState.OPEN:
                said = f"{view.state}, closes {wib(view.closes_at)}"
            case _:
                said = f"{view.state}{waits}"
        yield f"wave {view.number}", said, How.LOOK if waits else How.OK
        if view.state is WaveState.SCHEDULED:
            return


def _promises(stage: stages.Stage, now: datetime) -> Iterator[Found]:
    measured = {late.job: late for late in stage.services.watch.look(now)}
    for job in PROMISED:
        if job not in measured:
            yield job, "could not be measured", How.UNKNOWN
        elif minutes := measured[job].minutes:
            waves = "".join(f", wave {wave}: {said}" for wave, said in measured[job].waves.items())
            rings_from = PROMISED[job]
            said = f"{minutes} minutes late, rings from {rings_from}{waves}"
            yield job, said, How.LOOK if minutes >= rings_from else How.OK
    if measured and not any(late.minutes for late in measured.values()):
        yield "promises", f"nothing of {len(measured)} is late", How.OK


def _queues(stage: stages.Stage, _now: datetime) -> Iterator[Found]:
    sqs = stages.connect().client("sqs")
    for name in QUEUES:
        url = getattr(stage.settings, f"{name}_queue_url")
        counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(counts))["Attributes"]
        waiting, at_work = (int(found[count]) for count in counts)
        dead = DeadLetters(sqs, url).count()
        said = f"{waiting:,} wait, {at_work:,} at work, {dead:,} given up"
        yield name, said, How.LOOK if dead else How.OK


def _alarms(stage: stages.Stage, _now: datetime) -> Iterator[Found]:
    prefix = f"gelombang-{stage.name}-"
    pages = stages.connect().client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix)
    alarms = [alarm for page in pages for alarm in page.get("MetricAlarms", ())]
    ringing = [alarm for alarm in alarms if alarm["StateValue"] == "ALARM"]
    for alarm in ringing:
        said = f"rings since {wib(alarm['StateUpdatedTimestamp'])}: {alarm.get('AlarmDescription', '')}"
        yield alarm["AlarmName"].removeprefix(prefix), said, How.LOOK
    if not ringing:
        yield "alarms", f"none of {len(alarms)} rings", How.OK if alarms else How.UNKNOWN


def _payments(stage: stages.Stage, now: datetime) -> Iterator[Found]:
    controls = stage.services.payout_administration
    paused = controls.paused()
    said = f"paused since {wib(paused.since)} by {plain(paused.by)}: {plain(paused.reason)}" if paused else "not paused"
    yield "payments", said, How.LOOK if paused else How.OK
    today = controls.ceiling(day_name(now))
    reserved = today.ceiling_idr - today.left_idr
    said = f"{format_idr(Rupiah(reserved))} of {format_idr(today.ceiling_idr)} reserved"
    yield "today's ceiling", said, _near(reserved, today.ceiling_idr)


def _grievances(stage: stages.Stage, now: datetime) -> Iterator[Found]:
    waiting = [each for shard in ALL_SHARDS for each in stage.services.helpdesk.unanswered(shard)]
    overdue = sum(each.overdue(now) for each in waiting)
    yield "grievances", f"{len(waiting):,} unanswered, {overdue:,} overdue", How.LOOK if overdue else How.OK


def _mail_quota(_stage: stages.Stage, _now: datetime) -> Iterator[Found]:
    found = stages.connect().client("sesv2").get_account()
    sent, most = int(found["SendQuota"]["SentLast24Hours"]), int(found["SendQuota"]["Max24HourSend"])
    paused = "" if found.get("SendingEnabled", True) else ", and SES has paused sending"
    said = f"{sent:,} of {most:,} in 24 hours{paused}"
    yield "mails sent", said, How.LOOK if paused else _near(sent, most)


def _lambda_quota(_stage: stages.Stage, now: datetime) -> Iterator[Found]:
    aws = stages.connect()
    most = int(aws.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"])
    points = aws.client("cloudwatch").get_metric_statistics(
        Namespace="AWS/Lambda",
        MetricName="ConcurrentExecutions",
        StartTime=now - timedelta(minutes=15),
        EndTime=now,
        Period=300,
        Statistics=["Maximum"],
    )["Datapoints"]
    used = int(max((point["Maximum"] for point in points), default=0))
    yield "functions at once", f"{used:,} of {most:,} in the last 15 minutes", _near(used, most)


def _near(used: int, most: int) -> How:
    return How.LOOK if used >= NEAR * most else How.OK


AREAS: dict[str, Callable[[stages.Stage, datetime], Iterator[Found]]] = {
    "waves": _waves,
    "late": _promises,
    "queues": _queues,
    "alarms": _alarms,
    "payments": _payments,
    "help desk": _grievances,
    "quota of SES": _mail_quota,
    "quota of Lambda": _lambda_quota,
}
