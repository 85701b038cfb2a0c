"""`gelombang payout reconcile`: a day of the ledger against the providers' statements."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click
import msgspec

from chalicelib.clock import utc_now
from chalicelib.payouts.errors import DayNotOver, StatementUnreadable
from chalicelib.payouts.reconciliation import day_rules
from chalicelib.payouts.reconciliation.nightly import Answered
from chalicelib.web import problems

from ...desk import AUDITOR, CHECKER, MAKER, OPERATOR, Administered, Desk
from ...options import Local, example
from ..trigger import errand
from .lines import difference_rows


class NothingCompared(click.ClickException):
    """A statement could not be read: neither exit code 0 (no difference) nor 1 (differences) applies."""

    exit_code = 2


@example("payout reconcile --date 2026-11-24")
@click.command(cls=Administered, sets=(OPERATOR, MAKER, CHECKER, AUDITOR))
@click.option("--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="A WIB day: the latest that can be compared.")
@click.option(
    "--out",
    cls=Local,
    type=click.Path(dir_okay=False, path_type=Path),
    help="Write the differences as CSV, too.",
)
def reconcile(desk: Desk, day: datetime | None) -> None:
    """Compare a day of payments with the providers' statements, both ways; exit code 1 if they differ in anything.

    The function `reconcile_payouts` does it, in as many runs as it takes; it is waited for. Nothing is repaired: a
    difference is for people (`payout show`, `resolve`, `reverse`). Exit code 2 if a statement cannot be read to its
    end.
    """
    answered = _answer(desk, day)
    if answered.report is None:
        error = StatementUnreadable(fact=answered.unreadable)
        raise NothingCompared(f"{problems.document(error, 'en')['detail']} ({error.code})")
    report, totals = answered.report, answered.report.totals
    desk.show(
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
            "differences": difference_rows(report.found),
        },
        file=day_rules.as_csv(report),
    )
    if report.found:
        raise click.exceptions.Exit(1)


def _answer(desk: Desk, day: datetime | None) -> Answered:
    """What the function found. The first request has it begin, unless that day is being compared; later ones look."""
    about = desk.cursor
    if not about:
        latest = day_rules.latest_over(utc_now())
        wanted = day.date() if day else latest
        if wanted > latest:
            raise DayNotOver(day=str(wanted), latest=str(latest))
        about = wanted.isoformat()
    found = errand(desk, "reconcile_payouts", desk.services.comparisons, about, joins=True).found
    return msgspec.convert(found, Answered)


COMMANDS: tuple[click.Command, ...] = (reconcile,)
