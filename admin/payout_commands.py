"""`gelombang payout`: what is owed, what was paid, and whether the provider says the same."""

from __future__ import annotations

from collections.abc import Iterator
from pathlib import Path

import click
import msgspec
import urllib3

from chalicelib.clock import iso, utc_now
from chalicelib.money import Rupiah, format_idr
from chalicelib.payouts import reconciliation
from chalicelib.payouts.reconciliation import Books
from chalicelib.payouts.rules import Entitlement, State

from . import stages, triggers

BOOKS_TIMEOUT_S = 60


@click.group()
def payout() -> None:
    """Entitlements, their attempts and the provider's books."""


@payout.command("list")
@click.option("--stage", required=True)
@click.option("--state", type=click.Choice([state.value for state in State], case_sensitive=False))
def list_payouts(stage: str, state: str | None) -> None:
    """List every entitlement: id, state and why it is held, attempts, amount, kind, wave, since when. Reads it all."""
    for each in _ledger(stage):
        if state is None or each.state.value == state.upper():
            click.echo(_line(each))


@payout.command()
@click.option("--stage", required=True)
@click.argument("entitlement_id")
def show(stage: str, entitlement_id: str) -> None:
    """Show one entitlement with its attempts and its history; accounts are never shown."""
    history = stages.load(stage).services.payouts.history(entitlement_id)
    click.echo(_line(history.entitlement))
    for attempt in history.attempts:
        click.echo(f"  attempt {attempt.n}  {attempt.key}  {iso(attempt.first_sent_at)}  {attempt.rail}")
    for event in history.events:
        click.echo(f"  {iso(event.at)}  {event.before or '-'} -> {event.state}  n={event.n}  {event.reason}")


@payout.command()
@click.option("--stage", required=True)
@click.argument("entitlement_id")
def ask(stage: str, entitlement_id: str) -> None:
    """Queue one entitlement now, also a paid one: the provider is then asked whether its money came back."""
    payouts = stages.load(stage).services.payouts
    state = payouts.history(entitlement_id).entitlement.state
    payouts.enqueue(entitlement_id)
    click.echo(f"queued; {state} now")


@payout.command()
@click.option("--stage", required=True)
@click.option("--deployed", is_flag=True, help="Let the stage's own function do it, with its own rights.")
def sweep(stage: str, deployed: bool) -> None:
    """Queue every unsettled payout that has rested for too long, now."""
    if deployed:
        triggers.fire(stage, "sweep_payouts")
        click.echo("swept by the stage's own function")
        return
    click.echo(f"{stages.load(stage).services.payouts.sweep(utc_now())} queued")


@payout.command()
@click.option("--stage", required=True)
@click.option("--books", "where", required=True, help="Address or file of the provider's record, as JSON.")
def compare(stage: str, where: str) -> None:
    """Compare the ledger with the provider's record, both ways. Exit code 1 if they disagree in anything."""
    ledger, books = list(_ledger(stage)), _books(where)
    totals = reconciliation.totals(ledger, books.payouts)
    click.echo(
        f"ledger: {totals.entitlements} entitlements, {totals.paid} paid, {format_idr(Rupiah(totals.paid_idr))}; "
        f"{totals.unsettled} unsettled"
    )
    click.echo(f"provider: {totals.fsp_payouts} payouts, {format_idr(Rupiah(totals.fsp_moved_idr))} moved")
    found = reconciliation.compare(ledger, books.payouts)
    for each in found:
        click.echo(f"{each.difference}: {each.subject}: ledger {each.ledger or '-'}, provider {each.fsp or '-'}")
    click.echo(f"disagreements: {len(found)}")
    if found:
        raise click.exceptions.Exit(1)


def _ledger(stage: str) -> Iterator[Entitlement]:
    return stages.load(stage).services.payouts.ledger()


def _books(where: str) -> Books:
    try:
        if where.startswith(("http://", "https://")):
            answer = urllib3.request("GET", where, timeout=BOOKS_TIMEOUT_S, retries=False)
            if answer.status != 200:
                raise click.ClickException(f"the provider's record was answered with status {answer.status}")
            raw = answer.data
        else:
            raw = Path(where).read_bytes()
        return msgspec.json.decode(raw, type=Books)
    except (OSError, urllib3.exceptions.HTTPError, msgspec.DecodeError) as error:
        raise click.ClickException(f"the provider's record cannot be read: {type(error).__name__}") from error


def _line(each: Entitlement) -> str:
    held = f"({each.hold})" if each.hold else ""
    amount = format_idr(each.amount_idr)
    return f"{each.id}  {each.state}{held}  n={each.n}  {amount}  {each.kind}  {each.wave}  {iso(each.changed_at)}"
