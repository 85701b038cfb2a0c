"""`gelombang payout compare`: the ledger against a provider's books."""

from __future__ import annotations

from pathlib import Path

import click
import msgspec
import urllib3

from chalicelib.payouts.reconciliation import whole_ledger
from chalicelib.payouts.reconciliation.whole_ledger import ProviderBooks
from chalicelib.payouts.rules import Entitlement

from ... import client
from ...options import example, stage_options
from ...terminal import show
from ..administered import COMMANDS as ADMINISTERED
from .lines import difference_rows

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
            "disagreements": difference_rows(found),
        }
    )
    if found:
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


COMMANDS: tuple[click.Command, ...] = (compare,)
