"""`gelombang partner`: who may attest that a training was completed."""

from __future__ import annotations

import click

from chalicelib import typed_text
from chalicelib.aws.admin_acts import Signed
from chalicelib.clock import iso, utc_now

from ..deployment import stages
from ..terminal import act_line, reason_option, stage_option


@click.group()
def partner() -> None:
    """Training partners and their signing keys."""


@partner.command()
@stage_option
@reason_option
@click.argument("name")
def add(stage: str, name: str, reason: str) -> None:
    """Add the partner NAME; its signing key is shown this once. If the answer is lost, revoke it and add another."""
    known_as = typed_text.name(name)
    if known_as is None:
        raise click.BadParameter(f"letters, at most {typed_text.NAME_MAX} characters, no emoji", param_hint="NAME")
    added, key = stages.load(stage).services.partners.add(known_as, utc_now(), Signed(stages.caller(), reason))
    click.echo(f"partner {added.id}")
    click.echo(f"key {key}")


@partner.command("list")
@stage_option
def list_partners(stage: str) -> None:
    """List every partner, oldest first: id, since when, active or when revoked, name; who did it and why."""
    services = stages.load(stage).services
    acts = list(services.training_journal.all())
    for known in services.partners.all():
        standing = f"revoked {iso(known.revoked_at)}" if known.revoked_at else "active"
        click.echo(f"{known.id}  {iso(known.created_at)}  {standing}  {known.name}")
        for act in reversed([act for act in acts if act.about == f"partner {known.id}"]):
            click.echo(f"  {act_line(act)}")


@partner.command()
@stage_option
@reason_option
@click.argument("partner_id")
def revoke(stage: str, partner_id: str, reason: str) -> None:
    """Refuse a partner's requests from now on and close its vacancies. What it attested stands; it cannot be undone.

    Stopped half-way, or told that a vacancy could not be closed, run it again.
    """
    services = stages.load(stage).services
    services.partners.revoke(partner_id, utc_now(), Signed(stages.caller(), reason))
    closed = services.jobs.close_all(partner_id, utc_now())
    click.echo(f"partner {partner_id} revoked, {closed} vacancies closed")
