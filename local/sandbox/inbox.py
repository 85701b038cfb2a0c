"""The mails and SMS that the local cloud accepted and did not deliver, those with codes included.

`gelombang inbox` prints them, from the cloud that `AWS_ENDPOINT_URL` names (`make serve` says which).
"""

from __future__ import annotations

import json
import os
import urllib.request
from dataclasses import asdict, dataclass
from datetime import UTC, datetime
from typing import Any

import click

from admin.options import as_json, example, json_option
from admin.rows import wib
from admin.terminal import show

_TIMEOUT_S = 120


@dataclass(frozen=True)
class Mail:
    sender: str
    to: str
    subject: str
    text: str
    sent_at: datetime


def mails(endpoint: str, to: str | None = None) -> list[Mail]:
    """All mails so far, or those to one address, oldest first. `endpoint` is MiniStack's address. Raises OSError."""
    accounts = _asked(endpoint, "ses/messages")["messages"]
    found = [
        Mail(
            sender=each["Source"],
            to=recipient,
            subject=each["Subject"],
            text=each["BodyText"],
            sent_at=datetime.fromtimestamp(each["Timestamp"], UTC),
        )
        for taken in accounts.values()
        for each in taken
        for recipient in each["To"]
    ]
    return sorted((mail for mail in found if to in (None, mail.to)), key=lambda mail: mail.sent_at)


def messages(endpoint: str, to: str | None = None) -> list[tuple[str, str]]:
    """All SMS so far, or those to one number, as (number, text); their times are unknown. Otherwise like `mails`."""
    found = _asked(endpoint, "sns/sms-messages")["sms_messages"]
    return [(number, each["Message"]) for number, taken in found.items() if to in (None, number) for each in taken]


def _asked(endpoint: str, path: str) -> Any:
    address = f"{endpoint.rstrip('/')}/_ministack/{path}"
    with urllib.request.urlopen(address, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - the local cloud's own address
        return json.load(answer)


@example("inbox siti@example.id")
@click.command()
@json_option
@click.argument("contact", required=False)
@click.option("--last", type=click.IntRange(min=1), default=10, show_default=True, help="So many of each, the latest.")
def inbox(contact: str | None, last: int) -> None:
    """Print what a local stage has sent, codes too: the last mails and SMS, all or those to CONTACT."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        raise click.ClickException("set AWS_ENDPOINT_URL to the local cloud's address, as `make serve` prints it")
    try:
        found, texts = mails(endpoint, contact), messages(endpoint, contact)
    except OSError as error:
        raise click.ClickException(f"the local cloud does not answer: {error}") from error
    if as_json():
        sent = [asdict(mail) for mail in found[-last:]]
        show({"mails": sent, "sms": [{"to": number, "text": text} for number, text in texts[-last:]]})
        return
    if not (found or texts):
        click.echo(f"nothing was sent to {contact}" if contact else "nothing was sent yet")
    for mail in found[-last:]:
        click.echo(f"From: {mail.sender}\nTo: {mail.to}\nDate: {wib(mail.sent_at)}")
        click.echo(f"Subject: {mail.subject}\n\n{mail.text}")
    for number, text in texts[-last:]:
        click.echo(f"SMS to: {number}\n\n{text}\n")
