"""`gelombang payout address`: a person's account that waits, or that they say is not theirs."""

from __future__ import annotations

import click

from chalicelib.clock import iso, utc_now
from chalicelib.payouts.rules import Authority

from ...deployment import stages
from ...terminal import SaysWhy, reason_option, stage_option


@click.group(cls=SaysWhy)
def address() -> None:
    """A person's account after a change; the account itself is never shown."""


@address.command()
@stage_option
@click.argument("registrant")
def show(stage: str, registrant: str) -> None:
    """Say which version REGISTRANT's account is, whether it waits, and whether they dispute a change."""
    services = stages.load(stage).services
    registrations = services.registrations
    registrations.registrant(registrant)
    version, pay_from, untold = registrations.waiting_address(registrant)
    disputed = services.registration_store.disputed(registrant)
    waits = f", paid to from {iso(pay_from)}" if pay_from else ""
    click.echo(f"address: version {version}{', not paid to: its person could not be told' if untold else waits}")
    click.echo(f"change: {f'disputed since {iso(disputed)}' if disputed else 'not disputed'}")


@address.command()
@stage_option
@reason_option
@click.option("--version", type=click.IntRange(min=0), required=True, help="As `show` has it; 0: there is none yet.")
@click.argument("registrant")
def settle(stage: str, reason: str, version: int, registrant: str) -> None:
    """Let REGISTRANT be paid to this version, after making sure with them that it is their own."""
    services = stages.load(stage).services
    services.registrations.registrant(registrant)
    if not services.settle_address(registrant, version, Authority(stages.caller(), reason), utc_now()):
        raise click.ClickException("the address was changed since: look again")
    click.echo("settled")
