"""`gelombang`: the one entry point of the command line."""

from __future__ import annotations

import click
from botocore.exceptions import BotoCoreError, ClientError

from chalicelib.errors import DomainError

from . import (
    course_commands,
    deploy_commands,
    dlq_commands,
    draw_commands,
    grievance_commands,
    mailbox_commands,
    partner_commands,
    payout_commands,
    people_commands,
    registration_commands,
    statistics_commands,
    trigger_commands,
    wave_commands,
)


class _Group(click.Group):
    """A refusal is one line with its code and exit code 1, never a traceback."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except (DomainError, BotoCoreError, ClientError) as error:
            raise click.ClickException(str(error)) from error


@click.group(cls=_Group, context_settings={"help_option_names": ["-h", "--help"]})
@click.version_option(package_name="gelombang")
def main() -> None:
    """Run a benefit programme: deploy it, steer its waves, check its draws."""


for group in (
    deploy_commands.deploy,
    deploy_commands.destroy,
    wave_commands.wave,
    draw_commands.draw,
    partner_commands.partner,
    course_commands.course,
    payout_commands.payout,
    dlq_commands.dlq,
    people_commands.exclusion,
    registration_commands.registration,
    grievance_commands.grievance,
    mailbox_commands.mailbox,
    statistics_commands.statistics,
    trigger_commands.trigger,
):
    main.add_command(group)
