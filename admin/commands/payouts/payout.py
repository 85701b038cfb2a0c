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

from chalicelib.clock import utc_now
from chalicelib.payouts.errors import StatementUnreadable
from chalicelib.payouts.reconciliation import day_rules, nightly, whole_ledger
from chalicelib.payouts.reconciliation.day_rules import Slice
from chalicelib.payouts.reconciliation.whole_ledger import Disagreement, ProviderBooks
from chalicelib.payouts.rules import Entitlement, Hold, Kind, State
from chalicelib.payouts.service import BACKLOG_MAX
from chalicelib.web import problems

from ...deployment import stages
from ...terminal import Row, example, progress, show, stage_options
from .. import stage as stage_commands
from . import bank_file, control, decision
from .lines import bank_rows, entitlement_argument, entitlement_row, event_row, plan_row, proposal_row

BOOKS_TIMEOUT_S = 60


@click.group()
def payout() -> None:
    """Entitlements, their attempts, what administrators decide of them, and the provider's books."""


for command in (*decision.COMMANDS, *control.COMMANDS, *bank_file.COMMANDS):
    payout.add_command(command)


@example("payout list --state HELD --hold NO_ADDRESS")
@payout.command("list")
@stage_options
@click.option("--state", type=click.Choice(State, case_sensitive=False))
@click.option("--hold", type=click.Choice(Hold, case_sensitive=False), help="Only what is HELD for this reason.")
@click.option("--wave", type=int)
@click.option("--kind", type=click.Choice(Kind, case_sensitive=False))
def list_payouts(stage: str, state: State | None, hold: Hold | None, wave: int | None, kind: Kind | None) -> None:
    """List entitlements, narrowed by what is asked for. Reads them all."""
    wanted = {"state": state, "hold": hold, "wave": wave, "kind": kind}
    asked = {name: value for name, value in wanted.items() if value is not None}
    found = [
        entitlement_row(each)
        for each in progress(_ledger(stage), "reading")
        if all(getattr(each, name) == value for name, value in asked.items())
    ]
    show(found, "no entitlement is like that" if asked else "nobody was ever entitled to anything")


@example("payout show k7qx2m4abcd23yzk7qx2m4abcd")
@payout.command("show")
@stage_options
@entitlement_argument
def show_payout(stage: str, entitlement_id: str) -> None:
    """Show one entitlement: its attempts, its history with who decided what, what is proposed about it, what the bank
    said, if it was paid by file, and the person's monthly payments to come.
    """
    services = stages.load(stage).services
    ledger, standing = services.payout_store, services.payout_administration.standing(entitlement_id)
    attempts, entitlement = ledger.attempts(entitlement_id), ledger.get(entitlement_id)
    plan = ledger.plans.of((entitlement.registrant_id, entitlement.wave))
    show(
        entitlement_row(entitlement)
        | {
            "sent": [{"reference": one.key, "first_sent_at": one.first_sent_at, "rail": one.rail} for one in attempts],
            "history": [event_row(event) for event in ledger.events(entitlement_id)],
            "proposal": [proposal_row(standing)] if standing else [],
            "the_bank_said": bank_rows(services, attempts),
            "plan": [plan_row(plan, services.plans)] if plan else [],
        }
    )


@example("payout ask k7qx2m4abcd23yzk7qx2m4abcd")
@payout.command()
@stage_options
@entitlement_argument
def ask(stage: str, entitlement_id: str) -> None:
    """Queue one entitlement now, also a paid one: the provider is then asked whether its money came back."""
    services = stages.load(stage).services
    found = services.payout_store.get(entitlement_id)
    services.payout_queue.send([entitlement_id])
    show(entitlement_row(found) | {"done": "queued"})


@example("payout sweep --deployed")
@payout.command()
@stage_options
@click.option("--deployed", is_flag=True, help="Let the stage's own function do it, with its own rights.")
def sweep(stage: str, deployed: bool) -> None:
    """Queue every unsettled payout that has rested for too long, now."""
    if deployed:
        show(stage_commands.fire(stage, "sweep_payouts"), stage_commands.SAID_NOTHING)
        return
    queued = stages.load(stage).services.payouts.sweep(utc_now())
    if queued is None:
        raise click.ClickException(
            f"not swept: more than {BACKLOG_MAX} messages wait in the queue, and `pay` comes to them first"
        )
    show({"queued": queued})


@example("payout compare --books books.json")
@payout.command()
@stage_options
@click.option("--books", "where", required=True, help="Address or file of the provider's record, as JSON.")
def compare(stage: str, where: str) -> None:
    """Compare the ledger with the provider's record, both ways. Exit code 1 if they disagree in anything."""
    ledger, books = list(progress(_ledger(stage), "reading")), _books(where)
    totals = whole_ledger.totals(ledger, books.payouts)
    found = whole_ledger.compare(ledger, books.payouts)
    show(
        {
            "ledger_entitlements": totals.entitlements,
            "ledger_paid": totals.paid,
            "ledger_paid_idr": totals.paid_idr,
            "ledger_unsettled": totals.unsettled,
            "provider_payouts": totals.fsp_payouts,
            "provider_moved_idr": totals.fsp_moved_idr,
            "disagreements": _rows(found),
        }
    )
    if found:
        raise click.exceptions.Exit(1)


class NothingCompared(click.ClickException):
    """A statement could not be read: neither exit code 0 (no difference) nor 1 (differences) applies."""

    exit_code = 2


@example("payout reconcile --date 2026-11-24")
@payout.command()
@stage_options
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
    totals = report.totals
    show(
        {
            "day": report.day,
            "ledger_paid": totals.paid,
            "ledger_paid_idr": totals.paid_idr,
            "ledger_reversed": totals.reversed,
            "ledger_reversed_idr": totals.reversed_idr,
            "providers_succeeded": totals.fsp_succeeded,
            "providers_succeeded_idr": totals.fsp_succeeded_idr,
            "providers_reversed": totals.fsp_reversed,
            "providers_reversed_idr": totals.fsp_reversed_idr,
            "providers_other": totals.fsp_other,
            "differences": _rows(report.found),
        }
    )
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
    except (OSError, urllib3.exceptions.HTTPError) as error:
        why = getattr(error, "strerror", None) or type(error).__name__
        raise click.ClickException(f"the provider's record {where} cannot be read: {why}") from error
    except msgspec.DecodeError as error:
        raise click.ClickException(f"the provider's record {where} is not of the form that `compare` reads") from error


def _with_progress(slices: list[Slice]) -> Iterable[Slice]:
    return progress(slices, "comparing", len(slices))


def _rows(found: Iterable[Disagreement]) -> list[Row]:
    return [
        {"difference": each.difference, "subject": each.subject, "ledger": each.ledger, "provider": each.fsp}
        for each in found
    ]
