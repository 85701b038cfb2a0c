"""`gelombang`: the one entry point of the command line."""

from __future__ import annotations

import click
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import DomainError
from local.sandbox.inbox import inbox

from .commands import account, dlq, draw, grievance, keys, mailbox, registration, stage, statistics, training, wave
from .commands.payouts import payout
from .deployment.stacks import DeployFailed


class _Group(click.Group):
    """A refusal is one line with its code and exit code 1, never a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (DomainError, DeployFailed, BotoCoreError, ClientError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gelombang")
def main() -> None:
    """Run a benefit programme: deploy it, steer its waves, check its draws."""


for group in (
    stage.deploy,
    stage.destroy,
    wave.wave,
    draw.draw,
    training.partner,
    training.course,
    payout.payout,
    dlq.dlq,
    registration.exclusion,
    registration.registration,
    grievance.grievance,
    account.account,
    mailbox.mailbox,
    keys.keys,
    statistics.statistics,
    stage.trigger,
    inbox,
):
    main.add_command(group)
