"""`gelombang payout`: shows what is owed and what was paid.

It also compares the ledger with the providers' statements, for one day or as a whole.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from pathlib import Path

import click
import msgspec
import urllib3

from chalicelib.clock import iso, utc_now
from chalicelib.money import Rupiah, format_idr
from chalicelib.payouts.errors import StatementUnreadable
from chalicelib.payouts.reconciliation import day_rules, nightly, whole_ledger
from chalicelib.payouts.reconciliation.day_rules import DayReport, Slice
from chalicelib.payouts.reconciliation.whole_ledger import Disagreement, ProviderBooks
from chalicelib.payouts.rules import Entitlement, Hold, Kind, State
from chalicelib.payouts.service import BACKLOG_MAX
from chalicelib.web import problems

from ...deployment import stages
from ...terminal import SaysWhy, progress, stage_option
from .. import stage as stage_commands
from . import bank_file, control, decision
from .lines import bank_lines, entitlement_argument, entitlement_line, event_line, proposal_line

BOOKS_TIMEOUT_S = 60


@click.group(cls=SaysWhy)
def payout() -> None:
    """Entitlements, their attempts, what administrators decide of them, and the provider's books."""


for command in (*decision.COMMANDS, *control.COMMANDS, *bank_file.COMMANDS):
    payout.add_command(command)


@payout.command("list")
@stage_option
@click.option("--state", type=click.Choice(State, case_sensitive=False))
@click.option("--hold", type=click.Choice(Hold, case_sensitive=False), help="Only what is HELD for this reason.")
@click.option("--wave", type=int)
@click.option("--kind", type=click.Choice(Kind, case_sensitive=False))
def list_payouts(stage: str, state: State | None, hold: Hold | None, wave: int | None, kind: Kind | None) -> None:
    """List entitlements: id, state and why it is held, attempts, amount, kind, wave, since when. Reads them all."""
    wanted = {"state": state, "hold": hold, "wave": wave, "kind": kind}
    asked = {name: value for name, value in wanted.items() if value is not None}
    for each in list(progress(_ledger(stage), "reading")):
        if all(getattr(each, name) == value for name, value in asked.items()):
            click.echo(entitlement_line(each))


@payout.command()
@stage_option
@entitlement_argument
def show(stage: str, entitlement_id: str) -> None:
    """Show one entitlement: its attempts, its history with who decided what, what is proposed about it, and what the
    bank said, if it was paid by file.
    """
    services = stages.load(stage).services
    ledger, standing = services.payout_store, services.payout_administration.standing(entitlement_id)
    click.echo(entitlement_line(ledger.get(entitlement_id)))
    attempts = ledger.attempts(entitlement_id)
    for attempt in attempts:
        click.echo(f"  attempt {attempt.n}  {attempt.key}  {iso(attempt.first_sent_at)}  {attempt.rail}")
    for event in ledger.events(entitlement_id):
        click.echo(f"  {event_line(event)}")
    if standing is not None:
        click.echo(f"  {proposal_line(standing)}")
    for line in bank_lines(services, attempts):
        click.echo(f"  {line}")


@payout.command()
@stage_option
@entitlement_argument
def ask(stage: str, entitlement_id: str) -> None:
    """Queue one entitlement now, also a paid one: the provider is then asked whether its money came back."""
    services = stages.load(stage).services
    state = services.payout_store.get(entitlement_id).state
    services.payout_queue.send([entitlement_id])
    click.echo(f"queued; {state} now")


@payout.command()
@stage_option
@click.option("--deployed", is_flag=True, help="Let the stage's own function do it, with its own rights.")
def sweep(stage: str, deployed: bool) -> None:
    """Queue every unsettled payout that has rested for too long, now."""
    if deployed:
        stage_commands.fire(stage, "sweep_payouts")
        click.echo("swept by the stage's own function")
        return
    queued = stages.load(stage).services.payouts.sweep(utc_now())
    if queued is None:
        raise click.ClickException(f"not swept: more than {BACKLOG_MAX} messages wait in the queue")
    click.echo(f"{queued} queued")


@payout.command()
@stage_option
@click.option("--books", "where", required=True, help="Address or file of the provider's record, as JSON.")
def compare(stage: str, where: str) -> None:
    """Compare the ledger with the provider's record, both ways. Exit code 1 if they disagree in anything."""
    ledger, books = list(progress(_ledger(stage), "reading")), _books(where)
    totals = whole_ledger.totals(ledger, books.payouts)
    click.echo(
        f"ledger: {totals.entitlements} entitlements, {totals.paid} paid, {format_idr(Rupiah(totals.paid_idr))}; "
        f"{totals.unsettled} unsettled"
    )
    click.echo(f"provider: {totals.fsp_payouts} payouts, {format_idr(Rupiah(totals.fsp_moved_idr))} moved")
    found = whole_ledger.compare(ledger, books.payouts)
    _tell(found)
    click.echo(f"disagreements: {len(found)}")
    if found:
        raise click.exceptions.Exit(1)


class NothingCompared(click.ClickException):
    """A statement could not be read: neither exit code 0 (no difference) nor 1 (differences) applies."""

    exit_code = 2


@payout.command()
@stage_option
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="A WIB day: the latest that can be compared.")
@click.option("--out", type=click.Path(dir_okay=False, path_type=Path), help="Write the differences as CSV, too.")
def reconcile(stage: str, day: datetime | None, out: Path | None) -> None:
    """Compare a day of payments with the providers' statements, both ways; exit code 1 if they differ in anything.

    Nothing is repaired: a difference is for people (`payout show`, `resolve`, `reverse`). Exit code 2 if a statement
    cannot be read to its end.
    """
    services, now = stages.load(stage).services, utc_now()
    wanted = day.date() if day else day_rules.latest_over(now)
    try:
        report = nightly.compare(services.day_comparison(), wanted, now, _with_progress)
    except StatementUnreadable as error:
        raise NothingCompared(f"{problems.document(error, 'en')['detail']} ({error.code})") from error
    _show(report)
    if out is not None:
        out.write_bytes(day_rules.as_csv(report))
    if report.found:
        raise click.exceptions.Exit(1)


def _ledger(stage: str) -> Iterator[Entitlement]:
    return stages.load(stage).services.payout_store.everything()


def _books(where: str) -> ProviderBooks:
    try:
        if where.startswith(("http://", "https://")):
            answer = urllib3.request("GET", where, timeout=BOOKS_TIMEOUT_S, retries=False)
            if answer.status != 200:
                raise click.ClickException(f"the provider's record was answered with status {answer.status}")
            raw = answer.data
        else:
            raw = Path(where).read_bytes()
        return msgspec.json.decode(raw, type=ProviderBooks)
    except (OSError, urllib3.exceptions.HTTPError, msgspec.DecodeError) as error:
        raise click.ClickException(f"the provider's record cannot be read: {type(error).__name__}") from error


def _with_progress(slices: list[Slice]) -> Iterable[Slice]:
    return progress(slices, "comparing", len(slices))


def _show(report: DayReport) -> None:
    totals = report.totals
    click.echo(
        f"{report.day} ledger: {totals.paid} paid, {format_idr(Rupiah(totals.paid_idr))}; "
        f"{totals.reversed} reversed, {format_idr(Rupiah(totals.reversed_idr))}"
    )
    click.echo(
        f"{report.day} providers: {totals.fsp_succeeded} succeeded, {format_idr(Rupiah(totals.fsp_succeeded_idr))}; "
        f"{totals.fsp_reversed} reversed, {format_idr(Rupiah(totals.fsp_reversed_idr))}; {totals.fsp_other} other"
    )
    _tell(report.found)
    click.echo(f"differences: {len(report.found)}")


def _tell(found: Iterable[Disagreement]) -> None:
    for each in found:
        click.echo(f"{each.difference}: {each.subject}: ledger {each.ledger or '-'}, provider {each.fsp or '-'}")
