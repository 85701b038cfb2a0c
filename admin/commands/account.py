"""`gelombang account`: the way back for whoever lost every contact and device. It shows no contact of anybody."""

from __future__ import annotations

import click

from chalicelib.accounts.errors import NoRecovery
from chalicelib.accounts.rules import Recovery
from chalicelib.clock import iso, utc_now

from ..deployment import stages
from ..terminal import SaysWhy, echo_acts, plain, reason_option, signed, stage_option

_account_argument = click.argument("account_id")


@click.group(cls=SaysWhy)
def account() -> None:
    """Accounts of people. Who did what, when and why is kept."""


@account.command()
@stage_option
def find(stage: str) -> None:
    """Say which account registered with a NIK. It is typed unseen, and stands on no command line."""
    nik = click.prompt("NIK", hide_input=True)
    click.echo(stages.load(stage).services.registrations.find(nik) or "nobody registered with it")


@account.group()
def recover() -> None:
    """Give an account to its owner's new contact: two administrators, and a week in which any use of it ends that."""


@recover.command()
@stage_option
@_account_argument
@click.option(
    "--with", "new_account", required=True, help="The account that they made with the contact that they have now."
)
@reason_option
def propose(stage: str, account_id: str, new_account: str, reason: str) -> None:
    """Propose that ACCOUNT_ID gets the contact of a new account. Look at the person's documents first.

    The reason says which documents were looked at, and how it was made sure that they are the person's: no numbers.
    """
    recoveries = stages.load(stage).services.recoveries
    _echo(recoveries.propose(account_id, new_account, stages.caller(), reason, utc_now()))
    click.echo(f"another person approves it: gelombang account recover approve --stage {stage} {account_id}")


@recover.command()
@stage_option
@_account_argument
@click.option("--yes", is_flag=True, help="Do not ask back.")
def approve(stage: str, account_id: str, yes: bool) -> None:
    """Let the week begin that another person proposed, after it was shown. Everybody's contacts are told."""
    recoveries = stages.load(stage).services.recoveries
    standing = recoveries.get(account_id)
    if standing is None:
        raise NoRecovery()
    _echo(standing)
    if not yes:
        click.confirm("approve it?", abort=True)
    _echo(recoveries.approve(account_id, stages.caller(), utc_now(), standing))


@recover.command()
@stage_option
@_account_argument
@reason_option
def cancel(stage: str, account_id: str, reason: str) -> None:
    """Take a proposal or a recovery that waits away, one's own or another's."""
    stages.load(stage).services.recoveries.cancel(account_id, stages.caller(), reason, utc_now())
    click.echo("cancelled")


@recover.command()
@stage_option
@_account_argument
def show(stage: str, account_id: str) -> None:
    """Show the last recovery of an account, and all that administrators did to it."""
    recoveries = stages.load(stage).services.recoveries
    standing = recoveries.get(account_id)
    if standing is None:
        click.echo("never recovered")
    else:
        _echo(standing)
    echo_acts(recoveries.acts(account_id), "  ")


def _echo(recovery: Recovery) -> None:
    since = f", the new contact has it from {iso(recovery.takes_effect_at)}" if recovery.takes_effect_at else ""
    click.echo(f"{recovery.state}: with the contact of {plain(recovery.new_account_id)}{since}")
    click.echo(f"proposed {signed(recovery.made_at, recovery.maker, recovery.note)}")
