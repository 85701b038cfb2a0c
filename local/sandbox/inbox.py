"""The mails that the local cloud's mail service took, which goes no further with them.

    .venv/bin/python -m local.sandbox.inbox [ADDRESS]

prints those to one address, or all of them, oldest first, from the cloud that `AWS_ENDPOINT_URL` names (`make serve`
says which). Codes of the user pool are among them.
"""

from __future__ import annotations

import json
import os
import urllib.request
from dataclasses import dataclass
from datetime import UTC, datetime

import click

_TIMEOUT_S = 120


@dataclass(frozen=True)
class Mail:
    sender: str
    to: str
    subject: str
    text: str
    sent_at: datetime


def mails(endpoint: str, to: str | None = None) -> list[Mail]:
    """Every mail so far, or those to one address, oldest first. `endpoint`: MiniStack's; raises OSError."""
    address = f"{endpoint.rstrip('/')}/_ministack/ses/messages"
    with urllib.request.urlopen(address, timeout=_TIMEOUT_S) as answer:  # noqa: S310 - the local cloud's own address
        accounts = json.load(answer)["messages"]
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


@click.command()
@click.argument("address", required=False)
def main(address: str | None) -> None:
    """Print the mails that the local cloud has taken, all or those to ADDRESS."""
    endpoint = os.environ.get("AWS_ENDPOINT_URL")
    if not endpoint:
        raise click.ClickException("set AWS_ENDPOINT_URL to the local cloud's address, as `make serve` prints it")
    try:
        found = mails(endpoint, address)
    except OSError as error:
        raise click.ClickException(f"the local cloud does not answer: {error}") from error
    for mail in found:
        click.echo(f"From: {mail.sender}\nTo: {mail.to}\nDate: {mail.sent_at:%Y-%m-%d %H:%M:%S} UTC")
        click.echo(f"Subject: {mail.subject}\n\n{mail.text}")


if __name__ == "__main__":
    main()
