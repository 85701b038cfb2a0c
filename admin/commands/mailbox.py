"""`gelombang mailbox`: what is known of a person's mailbox, and sending to one again that was closed by mistake."""

from __future__ import annotations

import click

from chalicelib.aws.admin_acts import Act
from chalicelib.clock import iso, utc_now

from ..deployment import stages
from ..terminal import SaysWhy, echo_acts, reason_option, stage_option


@click.group(cls=SaysWhy)
def mailbox() -> None:
    """Mailboxes that nothing is sent to."""


@mailbox.command()
@stage_option
@click.argument("registrant")
def show(stage: str, registrant: str) -> None:
    """Say whether mails to REGISTRANT, the id of an account, are sent."""
    services = stages.load(stage).services
    services.registrations.registrant(registrant)  # of nobody there is no mailbox
    found = services.mailboxes.mailbox(registrant)
    for contact, closed in found.closed.items():
        click.echo(f"contact {contact}: closed since {iso(closed.closed_at)} ({closed.because})")
    if not found.closed:
        click.echo("mailbox: open")
    reminders = f"none since {iso(found.unsubscribed_at)}" if found.unsubscribed_at else "wanted"
    click.echo(f"reminders: {reminders}")
    echo_acts((act for act in services.mailboxes.journal.all() if act.about == registrant), "  ")


@mailbox.command()
@stage_option
@reason_option
@click.argument("registrant")
def reopen(stage: str, registrant: str, reason: str) -> None:
    """Send mails to REGISTRANT again. What was not sent meanwhile stays unsent.

    SES keeps a list of its own; take the address off it too: aws sesv2 delete-suppressed-destination.
    """
    services = stages.load(stage).services
    services.registrations.registrant(registrant)
    services.mailboxes.journal.add(Act(utc_now(), "REOPEN", registrant, stages.caller(), reason))
    services.mailboxes.reopen(registrant)
    click.echo("mailbox: open")
