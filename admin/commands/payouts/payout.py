"""`gelombang payout`: what is owed, what was paid, and whether the provider says the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import urllib3

from chalicelib.clock import utc_now
from chalicelib.money import Rupiah, format_idr
from chalicelib.payouts.reconciliation import whole_ledger
from chalicelib.payouts.reconciliation.whole_ledger import ProviderBooks
from chalicelib.payouts.rules import Entitlement, Hold, Kind, State
from chalicelib.payouts.service import BACKLOG_MAX

from ...deployment import stages
from ...terminal import SaysWhy, progress, stage_option
from .. import stage as stage_commands
from . import address, bank_file, control, decision, reconcile
from .lines import bank_lines, entitlement_argument, entitlement_line, history_lines

BOOKS_TIMEOUT_S = 60


@click.group(cls=SaysWhy)
def payout() -> None:
    """Entitlements, their attempts, what administrators decide of them, and the provider's books."""


for command in (
    *decision.COMMANDS,
    *control.COMMANDS,
    address.address,
    *bank_file.COMMANDS,
    *reconcile.COMMANDS,
):
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
    found = [
        entitlement_line(each)
        for each in progress(_ledger(stage), "reading")
        if all(getattr(each, name) == value for name, value in asked.items())
    ]
    for line in found:
        click.echo(line)


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
    for line in history_lines(attempts, ledger.events(entitlement_id), standing):
        click.echo(line)
    for line in bank_lines(services, attempts):
        click.echo(f"  {line}")


@payout.command()
@stage_option
@entitlement_argument
def ask(stage: str, entitlement_id: str) -> None:
    """Queue one entitlement now, also a paid one: the provider is then asked whether its money came back."""
    services = stages.load(stage).services
    state = services.payout_store.get(entitlement_id).state
    services.payouts.enqueue(entitlement_id)
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
    for each in found:
        click.echo(f"{each.difference}: {each.subject}: ledger {each.ledger or '-'}, provider {each.fsp or '-'}")
    click.echo(f"disagreements: {len(found)}")
    if found:
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
