"""`make chaos`: many payouts on a local cloud where everything goes wrong, and the sums at the end.

The provider times out after it has accepted, fails, loses webhooks and sends them twice; processes of the functions are
killed while they work; some messages are never sent, some twice. Queue, event source mapping and sweep schedule are the
deployed ones. The last line is `chaos: ok`, and the exit code is 0, only if all is at rest and the ledger agrees with
the provider's books.
"""

from __future__ import annotations

import json
from pathlib import Path

import click

from admin.deployment import stages
from chalicelib.payouts import rules
from chalicelib.payouts.rules import Kind

from ..cloud.local_cloud import STAGE, LocalCloud
from ..demo.administrator import Administrator
from ..demo.screen import Clock, Screen, keep_logs, run
from . import payees, sums
from .killer import Killer, workers
from .rest import Ledger, wait_for_quiet, wait_for_rest
from .sums import Aftermath

FOLDER = stages.ROOT / ".chaos"

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


def only_payouts(stage: stages.Stage) -> None:
    """Stop every schedule but that of payouts: nothing else is to be seen here, and two cores are few."""
    events = stages.connect().client("events")
    for rule in events.list_rules()["Rules"]:
        targets = events.list_targets_by_rule(Rule=rule["Name"])["Targets"]
        if not any(target["Arn"].endswith(f":gelombang-{stage.name}-{SCHEDULE}") for target in targets):
            events.disable_rule(Name=rule["Name"])


def play(cloud: LocalCloud, screen: Screen, count: int, seed: int, still_s: float) -> list[str]:
    """Deploy and pay; returns what does not agree at the end. Raises `NotAtRest`."""
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
        amount_idr=rules.amount(Kind.INCENTIVE, scheme),
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
    return [*sums.differences(after), *compared.wrong]


def received_again(logs: Path) -> int:
    """How many different messages came to the consumer more than once, by what it logged."""
    again = set()
    for line in (logs / f"gelombang-{STAGE}-pay.log").read_text().splitlines():
        if '"message_again"' in line:
            again.add(json.loads(line)["message_id"])
    return len(again)


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
