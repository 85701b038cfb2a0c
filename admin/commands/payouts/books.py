"""`gelombang payout compare` and `reconcile`: the ledger against the providers' books."""

from __future__ import annotations

from collections.abc import Iterable
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
from chalicelib.payouts.rules import Entitlement
from chalicelib.web import problems

from ... import client
from ...deployment import stages
from ...options import example, stage_options
from ...rows import Row
from ...terminal import progress, show
from ..administered import COMMANDS as ADMINISTERED

BOOKS_TIMEOUT_S = 60


@example("payout compare --books books.json")
@click.command()
@stage_options
@click.option("--books", "where", required=True, help="Address or file of the provider's record, as JSON.")
def compare(stage: str, where: str) -> None:
    """Compare the ledger with the provider's record, both ways. Exit code 1 if they disagree in anything."""
    books = _books(where)
    ours = client.to_its_end(stage, ["payout", "ledger"], ADMINISTERED["payout ledger"], {"stage": stage})["rows"]
    ledger = msgspec.convert(ours["ledger"], list[Entitlement])
    totals = whole_ledger.totals(ledger, books.payouts)
    found = whole_ledger.compare(ledger, books.payouts, each_place=ours["paid_for_each_place"])
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
@click.command()
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


COMMANDS: tuple[click.Command, ...] = (compare, reconcile)
