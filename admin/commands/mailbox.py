"""`gelombang mailbox`: what is known of a person's mailbox, and sending to one again that was closed by mistake."""

from __future__ import annotations

import click

from chalicelib.aws.admin_acts import Act
from chalicelib.clock import utc_now

from ..desk import ABOUT_PEOPLE, HELPDESK, Administered, Desk
from ..options import example, look_reason, reason_option

_registrant_argument = click.argument("registrant")


@click.group()
def mailbox() -> None:
    """Mailboxes that nothing is sent to."""


@example("mailbox show 3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a11 --reason 'asked why no mail comes'")
@mailbox.command("show", cls=Administered, sets=ABOUT_PEOPLE)
@_registrant_argument
@look_reason
def show_mailbox(desk: Desk, registrant: str) -> None:
    """Say whether mails to REGISTRANT, the id of an account, are sent."""
    services = desk.services
    services.registrations.registrant(registrant)  # of nobody there is no mailbox
    desk.show(_mailbox(desk, registrant) | {"acts": desk.acts(services.mailboxes.journal, registrant)}, into="acts")


@example('mailbox reopen 3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a11 --reason "the mailbox was full"')
@mailbox.command(cls=Administered, sets=(HELPDESK,))
@reason_option
@_registrant_argument
def reopen(desk: Desk, registrant: str, reason: str) -> None:
    """Send mails to REGISTRANT again. What was not sent meanwhile stays unsent.

    SES keeps a list of its own; take the address off it too: aws sesv2 delete-suppressed-destination.
    """
    services = desk.services
    services.registrations.registrant(registrant)
    services.mailboxes.journal.add(Act(utc_now(), "REOPEN", registrant, desk.caller, reason))
    services.mailboxes.reopen(registrant)
    desk.show(_mailbox(desk, registrant))


def _mailbox(desk: Desk, registrant: str) -> dict[str, object]:
    services = desk.services
    found = services.mailboxes.mailbox(registrant)
    closed = [{"contact": name, "since": one.closed_at, "because": one.because} for name, one in found.closed.items()]
    reminders = {"refused_kinds": sorted(found.refused), "unsubscribed_at": found.unsubscribed_at}
    state = "closed" if closed else "open"
    return {"registrant": registrant, "mailbox": state} | reminders | {"closed_contacts": closed}
