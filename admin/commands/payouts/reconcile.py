"""`gelombang payout reconcile`: one day of the ledger against the providers' own statements."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import click

from chalicelib.clock import utc_now
from chalicelib.money import Rupiah, format_idr
from chalicelib.payouts.errors import StatementUnreadable
from chalicelib.payouts.reconciliation import day_rules, nightly
from chalicelib.payouts.reconciliation.day_rules import DayReport, Slice
from chalicelib.web import problems

from ...deployment import stages
from ...terminal import progress, stage_option


class NothingCompared(click.ClickException):
    """A statement could not be read: neither exit code 0 (no difference) nor 1 (differences)."""

    exit_code = 2


@click.command()
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
        report = nightly.compare(services.day_comparison(), wanted, now, _watched)
    except StatementUnreadable as error:
        raise NothingCompared(f"{problems.document(error, 'en')['detail']} ({error.code})") from error
    _show(report)
    if out is not None:
        out.write_bytes(day_rules.as_csv(report))
    if report.found:
        raise click.exceptions.Exit(1)


def _watched(slices: list[Slice]) -> Iterable[Slice]:
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
    for each in report.found:
        click.echo(f"{each.difference}: {each.subject}: ledger {each.ledger or '-'}, provider {each.fsp or '-'}")
    click.echo(f"differences: {len(report.found)}")


COMMANDS = (reconcile,)
