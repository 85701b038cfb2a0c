"""`gelombang mailbox`: what is known of a person's mailbox, and sending to one again that was closed by mistake."""

from __future__ import annotations

import click

from chalicelib.clock import iso

from . import stages


@click.group()
def mailbox() -> None:
    """Mailboxes that nothing is sent to."""


@mailbox.command()
@click.option("--stage", required=True)
@click.argument("registrant")
def show(stage: str, registrant: str) -> None:
    """Say whether mails to REGISTRANT, an account's subject, are sent."""
    found = stages.load(stage).services.mailboxes.mailbox(registrant)
    closed = f"closed since {iso(found.closed_at)} ({found.closed_because})" if found.closed_at else "open"
    reminders = f"none since {iso(found.unsubscribed_at)}" if found.unsubscribed_at else "wanted"
    click.echo(f"mailbox: {closed}\nreminders: {reminders}")


@mailbox.command()
@click.option("--stage", required=True)
@click.argument("registrant")
def reopen(stage: str, registrant: str) -> None:
    """Send mails to REGISTRANT again. What was not sent meanwhile stays unsent.

    SES keeps a list of its own; take the address off it too: aws sesv2 delete-suppressed-destination.
    """
    stages.load(stage).services.mailboxes.reopen(registrant)
    click.echo("mailbox: open")
