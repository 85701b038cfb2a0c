"""`gelombang status`: how a stage is, on one screen, from the records and measures that alarms go by."""

from __future__ import annotations

from collections.abc import Callable, Iterator
from datetime import datetime, timedelta
from enum import StrEnum

import click
from botocore.exceptions import ClientError

from chalicelib.clock import utc_now
from chalicelib.helpdesk.store import ALL_SHARDS
from chalicelib.money import Rupiah, format_idr
from chalicelib.payouts.controls.limits import day_name
from chalicelib.watch import PROMISED
from chalicelib.waves.rules import WaveState

from ..desk import EVERYONE, Administered, Desk
from ..options import Local, example
from ..rows import Marked, Row, plain, wib
from .dlq import DeadLetters

QUEUES = ("payouts", "mails", "awards", "codes", "registry")
NEAR = 0.8
"""A quota that is used up to this share is near."""


class How(StrEnum):
    OK = "ok"
    LOOK = "LOOK"
    UNKNOWN = "unknown"


_STYLES = {How.OK: "green", How.LOOK: "bold red", How.UNKNOWN: "yellow"}
Found = tuple[str, str, How]
"""What was looked at, how it is in words, and whether somebody should look."""


@example("status")
@click.command(cls=Administered, sets=EVERYONE)
@click.option("--watch", cls=Local, is_flag=True, help="Look again and again, until Ctrl-C.")
@click.option(
    "--every", cls=Local, type=click.FloatRange(1), default=30.0, show_default=True, help="Seconds between two looks."
)
def status(desk: Desk) -> None:
    """Show how a stage is: waves, what is late, queues, alarms that ring, payments, grievances, quotas.

    Exit code 0: all is well. 1: somebody should look. 2: something could not be found out, and nothing else is wrong.
    """
    now = utc_now()
    rows = list(findings(desk, now))
    seen = {state.text for row in rows if isinstance(state := row["state"], Marked)}
    desk.show({"stage": desk.stage, "at": now, "findings": rows})
    raise click.exceptions.Exit(1 if How.LOOK in seen else 2 if How.UNKNOWN in seen else 0)


def findings(desk: Desk, now: datetime) -> Iterator[Row]:
    """Every finding, each area by itself: what cannot be read is said, and keeps no other from being shown."""
    for area, look in AREAS.items():
        try:
            found = list(look(desk, now))
        except Exception as error:  # noqa: BLE001 - a part that cannot be read hides no other
            # Without its message, which names whom and what it was about.
            code = error.response["Error"]["Code"] if isinstance(error, ClientError) else ""
            found = [("not known", f"{type(error).__name__} {code}".rstrip(), How.UNKNOWN)]
        for what, said, how in found:
            yield {"area": area, "what": what, "is": said, "state": Marked(how, _STYLES[how])}


def _waves(desk: Desk, now: datetime) -> Iterator[Found]:
    """Those that are not over, up to the next one."""
    views = [view for view in desk.services.waves.list(now) if view.state is not WaveState.SETTLED]
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


def _promises(desk: Desk, now: datetime) -> Iterator[Found]:
    measured = {late.job: late for late in desk.services.watch.look(now)}
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


def _queues(desk: Desk, _now: datetime) -> Iterator[Found]:
    sqs = desk.client("sqs")
    for name in QUEUES:
        url = getattr(desk.services.settings, f"{name}_queue_url")
        counts = ("ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")
        found = sqs.get_queue_attributes(QueueUrl=url, AttributeNames=list(counts))["Attributes"]
        waiting, at_work = (int(found[count]) for count in counts)
        dead = DeadLetters(sqs, url).count()
        said = f"{waiting:,} wait, {at_work:,} at work, {dead:,} given up"
        yield name, said, How.LOOK if dead else How.OK


def _alarms(desk: Desk, _now: datetime) -> Iterator[Found]:
    prefix = f"gelombang-{desk.stage}-"
    pages = desk.client("cloudwatch").get_paginator("describe_alarms").paginate(AlarmNamePrefix=prefix)
    alarms = [alarm for page in pages for alarm in page.get("MetricAlarms", ())]
    ringing = [alarm for alarm in alarms if alarm["StateValue"] == "ALARM"]
    for alarm in ringing:
        said = f"rings since {wib(alarm['StateUpdatedTimestamp'])}: {alarm.get('AlarmDescription', '')}"
        yield alarm["AlarmName"].removeprefix(prefix), said, How.LOOK
    if not ringing:
        yield "alarms", f"none of {len(alarms)} rings", How.OK if alarms else How.UNKNOWN


def _payments(desk: Desk, now: datetime) -> Iterator[Found]:
    controls = desk.services.payout_administration
    paused = controls.paused()
    said = f"paused since {wib(paused.since)} by {plain(paused.by)}: {plain(paused.reason)}" if paused else "not paused"
    yield "payments", said, How.LOOK if paused else How.OK
    today = controls.ceiling(day_name(now))
    reserved = today.ceiling_idr - today.left_idr
    said = f"{format_idr(Rupiah(reserved))} of {format_idr(today.ceiling_idr)} reserved"
    yield "today's ceiling", said, _near(reserved, today.ceiling_idr)


def _grievances(desk: Desk, now: datetime) -> Iterator[Found]:
    waiting = [each for shard in ALL_SHARDS for each in desk.services.helpdesk.unanswered(shard)]
    overdue = sum(each.overdue(now) for each in waiting)
    yield "grievances", f"{len(waiting):,} unanswered, {overdue:,} overdue", How.LOOK if overdue else How.OK


def _erasures(desk: Desk, now: datetime) -> Iterator[Found]:
    due, waiting = desk.services.deletions.counted(now)
    yield "erasures", f"{due:,} due, {waiting:,} closed that wait for a draw or the last token", How.OK


def _mail_quota(desk: Desk, _now: datetime) -> Iterator[Found]:
    found = desk.client("sesv2").get_account()
    sent, most = int(found["SendQuota"]["SentLast24Hours"]), int(found["SendQuota"]["Max24HourSend"])
    paused = "" if found.get("SendingEnabled", True) else ", and SES has paused sending"
    said = f"{sent:,} of {most:,} in 24 hours{paused}"
    yield "mails sent", said, How.LOOK if paused else _near(sent, most)


def _lambda_quota(desk: Desk, now: datetime) -> Iterator[Found]:
    most = int(desk.client("lambda").get_account_settings()["AccountLimit"]["ConcurrentExecutions"])
    points = desk.client("cloudwatch").get_metric_statistics(
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


AREAS: dict[str, Callable[[Desk, datetime], Iterator[Found]]] = {
    "waves": _waves,
    "late": _promises,
    "queues": _queues,
    "alarms": _alarms,
    "payments": _payments,
    "help desk": _grievances,
    "privacy": _erasures,
    "quota of SES": _mail_quota,
    "quota of Lambda": _lambda_quota,
}
