"""`gelombang partner`: who may attest that a training was completed."""

from __future__ import annotations

import click

from chalicelib import typed
from chalicelib.clock import iso, utc_now

from . import stages


@click.group()
def partner() -> None:
    """Training partners and their signing keys."""


@partner.command()
@click.option("--stage", required=True)
@click.argument("name")
def add(stage: str, name: str) -> None:
    """Add the partner NAME; its signing key is shown this once. If the answer is lost, revoke it and add another."""
    known_as = typed.name(name)
    if known_as is None:
        raise click.BadParameter(f"letters, at most {typed.NAME_MAX} characters, no emoji", param_hint="NAME")
    added, key = stages.load(stage).services.partners.add(known_as, utc_now())
    click.echo(f"partner {added.id}")
    click.echo(f"key {key}")


@partner.command("list")
@click.option("--stage", required=True)
def list_partners(stage: str) -> None:
    """List every partner, oldest first: id, since when, active or when revoked, name."""
    for known in stages.load(stage).services.partners.all():
        standing = f"revoked {iso(known.revoked_at)}" if known.revoked_at else "active"
        click.echo(f"{known.id}  {iso(known.created_at)}  {standing}  {known.name}")


@partner.command()
@click.option("--stage", required=True)
@click.argument("partner_id")
def revoke(stage: str, partner_id: str) -> None:
    """Refuse a partner's requests from now on and close its vacancies. What it attested stands; it cannot be undone.

    Stopped half-way, or told that a vacancy could not be closed, run it again.
    """
    services = stages.load(stage).services
    services.partners.revoke(partner_id, utc_now())
    closed = services.jobs.close_all(partner_id, utc_now())
    click.echo(f"partner {partner_id} revoked, {closed} vacancies closed")
