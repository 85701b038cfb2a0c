"""`make chaos`: many payouts on a local cloud where calls and processes fail; at the end the books are compared.

The provider times out after it has accepted, fails, loses webhooks and sends them twice. Processes of the functions are
killed while they work. Some messages are never sent, some twice. Queue, event source mapping and sweep schedule are the
deployed ones. Only if all is at rest and the ledger agrees with the provider's books, the last line is `chaos: ok` and
the exit code 0.
"""

from __future__ import annotations

import json
from collections.abc import Mapping
from datetime import timedelta
from pathlib import Path
from typing import Any

import click

from admin.deployment import stages
from chalicelib.payouts.ledger.records import unsettled_shards
from chalicelib.payouts.plans import plan_rules
from chalicelib.payouts.rules import Hold, Kind

from ..cloud.local_cloud import STAGE, LocalCloud
from ..demo.administrator import Administrator
from ..demo.scene import Clock, Patience, Screen, keep_logs, run
from . import payees
from .killer import Killer, workers
from .payees import Aftermath

FOLDER = stages.ROOT / ".chaos"

FAULTS = {
    "timeout_after_rate": 0.2,
    "fail_rate": 0.1,
    "hang_s": 4,
    "settle_ms": 300,
    "webhook_lost_rate": 0.3,
    "webhook_twice_rate": 0.2,
}
"""How the sandbox provider misbehaves. Besides, it never pays into accounts that end in its failing suffix."""

MORTAL = ("pay", "sweep_payouts", "api")
"""The functions whose processes are killed."""

KILL_EVERY = (20, 100)
"""The least and the most calls to the provider between two kills. A worker spends most of its time in such calls."""

SCHEDULE = "sweep_payouts"


def only_payouts(stage: stages.Stage) -> None:
    """Stop every schedule except that of payouts, as the others take time of the few cores and show nothing here."""
    events = stages.connect().client("events")
    for rule in events.list_rules()["Rules"]:
        targets = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        if not any(target["Arn"].endswith(f":gelombang-{stage.name}-{SCHEDULE}") for target in targets):
            events.disable_rule(Name=rule["Name"])


def play(cloud: LocalCloud, screen: Screen, count: int, seed: int, still_s: float) -> list[str]:
    """Deploy and pay. Returns a sentence for each disagreement at the end. Raises `NotAtRest`."""
    screen.line("deployment: the same code, templates and commands as for AWS, onto the local cloud")
    stage = cloud.deploy()
    only_payouts(stage)
    services, ledger, clock = stage.services, Ledger(stage), Clock(screen.line)
    owed = payees.invent(count, seed, services)
    payees.register(owed, services, cloud.fsp.books, screen.progress)
    cloud.fsp.books.configure(FAULTS)
    cloud.fsp.books.happened.clear()
    killer = Killer(
        lambda: workers(cloud.folder.resolve(), STAGE), MORTAL, seed, lambda: cloud.fsp.books.calls, KILL_EVERY
    )
    with killer:
        payees.entitle(owed, services, screen.progress)
        wait_for_rest(ledger, screen, clock, count, still_s)
    wait_for_quiet(ledger, clock, still_s)
    keep_logs(FOLDER / "logs")
    scheme = services.programme.schemes[-1]
    after = Aftermath(
        payees=owed,
        amount_idr=plan_rules.amount(Kind.INCENTIVE, scheme, 31),
        ledger=list(services.payout_store.everything()),
        books=cloud.fsp.books.report(),
        kills=killer.kills,
        faults=cloud.fsp.books.happened,
        received_again=received_again(FOLDER / "logs"),
        dead_letters=ledger.dead_letters(),
    )
    compared = Administrator(STAGE, cloud.endpoint, cloud.fsp.url, FOLDER / "logs/office.log").compare_books()
    for line in (*(f"gelombang payout compare: {said}" for said in compared.said), *after.lines()):
        screen.line(line)
    return [*payees.differences(after), *compared.wrong]


def received_again(logs: Path) -> int:
    """How many different messages the consumer got more than once, according to its log."""
    again = set()
    for line in (logs / f"gelombang-{STAGE}-pay.log").read_text().splitlines():
        if '"message_again"' in line:
            again.add(json.loads(line)["message_id"])
    return len(again)


# Waiting until no payout moves any more, however slow the machine is


class NotAtRest(TimeoutError):
    """Nothing has moved for too long. The message says how much was still under way."""

    def __init__(self, still_s: float, left: str) -> None:
        super().__init__(f"nothing has moved for {still_s:.0f} s: {left}")


class Ledger:
    """What is still under way, according to the index and the queue of a stage."""

    def __init__(self, stage: stages.Stage) -> None:
        aws = stages.connect()
        self._dynamodb, self._sqs = aws.client("dynamodb"), aws.client("sqs")
        self._table, self._queue = stage.settings.table("payouts"), stage.settings.payouts_queue_url

    def unsettled(self) -> int:
        """How many entitlements a sweep would still move. Those held because of the account are not counted."""
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
        return self._messages(self._queue, "ApproximateNumberOfMessages", "ApproximateNumberOfMessagesNotVisible")

    def dead_letters(self) -> int:
        return self._messages(f"{self._queue}-dead", "ApproximateNumberOfMessages")

    def _messages(self, queue: str, *names: str) -> int:
        found = self._sqs.get_queue_attributes(QueueUrl=queue, AttributeNames=list(names))["Attributes"]
        return sum(int(found[name]) for name in names)


def wait_for_rest(ledger: Ledger, screen: Screen, clock: Clock, total: int, still_s: float) -> None:
    """Wait until nothing is unsettled. Raises `NotAtRest`."""
    patience = _patience(clock, still_s)
    while left := ledger.unsettled():
        screen.count("payouts at rest", total - left, total)
        if not patience.goes_on(left):
            queued = ledger.queued()
            raise NotAtRest(still_s, f"{left} payouts are not at rest, {queued} messages are queued")
    screen.progress("payouts at rest", total, total)


def wait_for_quiet(ledger: Ledger, clock: Clock, still_s: float) -> None:
    """Wait until no message is left in the queue; all of them are about payouts at rest. Raises `NotAtRest`."""
    patience = _patience(clock, still_s)
    while left := ledger.queued():
        if not patience.goes_on(left):
            raise NotAtRest(still_s, f"{left} messages are still queued")


def _patience(clock: Clock, still_s: float) -> Patience:
    """A patience that prints nothing, as the bars show the progress."""
    return Patience(clock, lambda _: None, "", still_s, timedelta(seconds=3))


@click.command()
@click.option("--payouts", "count", default=2000, show_default=True, help="How many people are owed an incentive.")
@click.option("--seed", default=54, show_default=True, help="The same seed invents the same people and mishaps.")
@click.option("--minutes", default=10.0, show_default=True, help="It is given up when nothing has moved for so long.")
def main(count: int, seed: int, minutes: float) -> None:
    """Pay many people on a local cloud where everything goes wrong, and compare the books."""

    def chaos(cloud: LocalCloud, screen: Screen, found: list[str]) -> None:
        found += play(cloud, screen, count, seed, minutes * 60)

    found = run(FOLDER, seed, chaos)
    click.echo(f"chaos: {'FAILED' if found else 'ok'}")
    raise SystemExit(1 if found else 0)


if __name__ == "__main__":
    main()
