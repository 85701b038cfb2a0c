"""`make chaos`: many payouts on a local cloud where everything goes wrong, and the sums at the end.

The provider times out after it has accepted, fails, loses webhooks and sends them twice; processes of the functions are
killed while they work; some messages are never sent, some twice. Queue, event source mapping and sweep schedule are the
deployed ones. The last line is `chaos: ok`, and the exit code is 0, only if all is at rest and the ledger agrees with
the provider's books.
"""

from __future__ import annotations

import json
import time
import traceback
from collections.abc import Callable, Mapping, Sequence
from pathlib import Path
from typing import Any

import click

from admin import stages
from admin.stacks import DeployFailed
from chalicelib.payouts import rules
from chalicelib.payouts.rules import Hold, Kind
from chalicelib.payouts.shards import unsettled_shards

from . import payees
from .cloud import STAGE, CloudFailed, LocalCloud
from .demo import LOGS_S, Screen, begin, keep_logs
from .killer import Killer, workers
from .office import CommandLine, OfficeFailed
from .sums import chaos
from .sums.chaos import Aftermath

FOLDER = stages.ROOT / ".chaos"
LOOK_S = 3

FAULTS = {
    "timeout_after_rate": 0.2,
    "fail_rate": 0.1,
    "hang_s": 4,
    "settle_ms": 300,
    "webhook_lost_rate": 0.3,
    "webhook_twice_rate": 0.2,
}
"""How the sandbox provider misbehaves; accounts that end in its failing suffix are never paid besides."""

MORTAL = ("pay", "sweep_payouts", "api")
"""The functions whose processes are killed."""

KILL_EVERY = (20, 100)
"""Calls to the provider from one kill to the next: most of a worker's time goes by while it waits for one."""

SCHEDULE = "sweep_payouts"


class NotAtRest(Exception):
    """Nothing moves any more; the message says how much was still under way."""


def only_payouts(stage: stages.Stage) -> None:
    """Stop every schedule but that of payouts: nothing else is to be seen here, and two cores are few."""
    events = stages.connect().client("events")
    for rule in events.list_rules()["Rules"]:
        targets = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        if not any(target["Arn"].endswith(f":gelombang-{stage.name}-{SCHEDULE}") for target in targets):
            events.disable_rule(Name=rule["Name"])


class Ledger:
    """What is still under way, by the index and the queue of a stage."""

    def __init__(self, stage: stages.Stage) -> None:
        aws = stages.connect()
        self._dynamodb, self._sqs = aws.client("dynamodb"), aws.client("sqs")
        self._table, self._queue = stage.settings.table("payouts"), stage.settings.payouts_queue_url

    def unsettled(self) -> int:
        """Entitlements that a sweep would still take further: not those held for an account that nobody here mends."""
        return sum(
            not (seldom and self._refused(item))
            for shard, seldom in unsettled_shards()
            for item in self._dynamodb.query(
                TableName=self._table,
                IndexName="unsettled",
                KeyConditionExpression="unsettled_shard = :shard",
                ExpressionAttributeValues={":shard": {"S": shard}},
            )["Items"]
        )

    def _refused(self, item: Mapping[str, Any]) -> bool:
        key = {"pk": item["pk"], "sk": item["sk"]}
        head = self._dynamodb.get_item(TableName=self._table, Key=key, ConsistentRead=True)["Item"]
        return bool(head.get("hold", {}).get("S") == Hold.ACCOUNT_REFUSED.value)

    def queued(self) -> int:
        """Messages that wait or are being worked on."""
        return self._messages(self._queue, "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")

    def dead_letters(self) -> int:
        """Messages that were given up."""
        return self._messages(f"{self._queue}-dead", "ApproximateNumberOfMessages")

    def _messages(self, queue: str, *names: str) -> int:
        found = self._sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=list(names))["Attributes"]
        return sum(int(found[name]) for name in names)


def wait_for_rest(ledger: Ledger, screen: Screen, total: int, still_s: float) -> None:
    """Until nothing is unsettled. Raises `NotAtRest`."""
    watch = Watch(still_s)
    while left := ledger.unsettled():
        screen.count("payouts at rest", total - left, total)
        queued = ledger.queued()
        watch.look(left, f"{left} payouts are not at rest, {queued} messages are queued")
    screen.progress("payouts at rest", total, total)


def wait_for_quiet(ledger: Ledger, still_s: float) -> None:
    """Until no message is left: each is about a payout at rest. Raises `NotAtRest`."""
    watch = Watch(still_s)
    while left := ledger.queued():
        watch.look(left, f"{left} messages are still queued")


class Watch:
    """Waits as long as what is left becomes less, at whatever speed; `still_s`: so long it may stay the same."""

    def __init__(
        self, still_s: float, seconds: Callable[[], float] = time.monotonic, sleep: Callable[[float], None] = time.sleep
    ) -> None:
        self._still_s = still_s
        self._seconds = seconds
        self._sleep = sleep
        self._least: int | None = None
        self._moved_at = seconds()

    def look(self, left: int, otherwise: str) -> None:
        """Pause a moment. Raises `NotAtRest`."""
        if self._least is None or left < self._least:
            self._least, self._moved_at = left, self._seconds()
        still_s = self._seconds() - self._moved_at
        if still_s > self._still_s:
            raise NotAtRest(f"nothing has moved for {still_s:.0f} s: {otherwise}")
        self._sleep(LOOK_S)


def play(cloud: LocalCloud, screen: Screen, count: int, seed: int, still_s: float) -> tuple[Aftermath, list[str]]:
    """Deploy and pay; what is there at the end, and what does not agree. Raises `NotAtRest`."""
    screen.line("deployment: the same code, templates and commands as for AWS, onto the local cloud")
    stage = cloud.deploy()
    only_payouts(stage)
    services, ledger = stage.services, Ledger(stage)
    owed = payees.invent(count, seed, services)
    payees.register(owed, services, cloud.fsp.books, screen.progress)
    cloud.fsp.books.configure(FAULTS)
    cloud.fsp.books.happened.clear()
    killer = Killer(
        lambda: workers(cloud.folder.resolve(), STAGE), MORTAL, seed, lambda: cloud.fsp.books.calls, KILL_EVERY
    )
    with killer:
        payees.entitle(owed, services, screen.progress)
        wait_for_rest(ledger, screen, count, still_s)
    wait_for_quiet(ledger, still_s)
    keep_logs(FOLDER / "logs")
    scheme = services.programme.schemes[-1]
    after = Aftermath(
        payees=owed,
        amount_idr=rules.amount(Kind.INCENTIVE, scheme),
        ledger=list(services.payouts.ledger()),
        books=cloud.fsp.books.report(),
        kills=killer.kills,
        faults=cloud.fsp.books.happened,
        received_again=received_again(FOLDER / "logs"),
        dead_letters=ledger.dead_letters(),
    )
    office = CommandLine(STAGE, cloud.endpoint, cloud.fsp.url, FOLDER / "logs/office.log")
    compared = office.compare_books()
    for said in compared.said:
        screen.line(f"gelombang payout compare: {said}")
    return after, [*chaos.differences(after), *compared.wrong]


def received_again(logs: Path) -> int:
    """How many different messages came to the consumer more than once, by what it logged."""
    again = set()
    for line in (logs / f"gelombang-{STAGE}-pay.log").read_text().splitlines():
        if '"payout_message_again"' in line:
            again.add(json.loads(line)["message_id"])
    return len(again)


def _tell(screen: Screen, after: Aftermath, found: Sequence[str]) -> None:
    for line in after.lines():
        screen.line(line)
    for one in found:
        screen.line(f"disagreement: {one}")


@click.command()
@click.option("--payouts", "count", default=2000, show_default=True, help="How many people are owed an incentive.")
@click.option("--seed", default=54, show_default=True, help="The same seed invents the same people and mishaps.")
@click.option("--minutes", default=10.0, show_default=True, help="It is given up when nothing has moved for so long.")
def main(count: int, seed: int, minutes: float) -> None:
    """Pay many people on a local cloud where everything goes wrong, and compare the books."""
    found: list[str] = []
    screen = Screen()
    try:
        with screen, LocalCloud(FOLDER / "cloud", seed=str(seed), report=screen.line, count=screen.count) as cloud:
            begin(FOLDER)
            try:
                after, found = play(cloud, screen, count, seed, minutes * 60)
                _tell(screen, after, found)
            finally:
                screen.line("stopping everything that was started; logs are in .chaos/logs")
                keep_logs(FOLDER / "logs", LOGS_S)
    except (CloudFailed, DeployFailed, NotAtRest, OfficeFailed) as error:
        found.append(str(error))
        screen.line(str(error))
    except Exception as error:  # noqa: BLE001 - whatever happens, the last line must tell that it failed
        (FOLDER / "traceback.txt").write_text(traceback.format_exc())
        found.append(type(error).__name__)
        screen.line(f"{type(error).__name__}, see .chaos/traceback.txt")
    except (KeyboardInterrupt, SystemExit):
        found.append("interrupted")
    click.echo(f"chaos: {'FAILED' if found else 'ok'}")
    raise SystemExit(1 if found else 0)


if __name__ == "__main__":
    main()
