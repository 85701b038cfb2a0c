"""`gelombang account`: for people who lost a device, or every contact and device. It shows no whole contact."""

from __future__ import annotations

from datetime import datetime

import click

from chalicelib.accounts.contacts.recovery import Recoveries
from chalicelib.accounts.errors import NoRecovery
from chalicelib.accounts.rules import Recovery
from chalicelib.accounts.sessions.rules import alive
from chalicelib.aws.admin_acts import Act
from chalicelib.clock import utc_now
from chalicelib.wiring import Services

from ..deployment import stages
from ..terminal import act_row, ask_back, example, reason_option, show, stage_options, yes_option

_account_argument = click.argument("account_id")
_LOST, _NEW = "3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a11", "90b1c6d2-52a0-4f8e-8c3b-7f4a9e2d6c05"


@click.group()
def account() -> None:
    """Accounts of people. Who did what, when and why is kept."""


@example("account find")
@account.command()
@stage_options
def find(stage: str) -> None:
    """Say which account registered with a NIK. It is typed unseen, and stands on no command line."""
    nik = click.prompt("NIK", hide_input=True, err=True)
    found = stages.load(stage).services.registrations.find(nik)
    show([{"account": found}] if found else [], "nobody registered with it")


@example(f'account show {_LOST} --reason "phone stolen, police report seen"')
@account.command("show")
@stage_options
@_account_argument
@reason_option
def show_account(stage: str, account_id: str, reason: str) -> None:
    """Show the contacts of ACCOUNT_ID, masked, and its devices. It is kept who looked, and why."""
    services, now = stages.load(stage).services, utc_now()
    services.accounts_journal.add(Act(now, "SHOW", account_id, stages.caller(), reason))
    _show_account(services, account_id, now)


@example(f'account sign-out {_LOST} --reason "phone stolen, police report seen"')
@account.command()
@stage_options
@_account_argument
@reason_option
def sign_out(stage: str, account_id: str, reason: str) -> None:
    """End every session of ACCOUNT_ID, as of a stolen phone. Contacts and passkeys still sign in.

    Access tokens end within six minutes.
    """
    services, now = stages.load(stage).services, utc_now()
    services.accounts_journal.add(Act(now, "SIGN_OUT", account_id, stages.caller(), reason))
    services.sessions.end_all(account_id, now)
    _show_account(services, account_id, now)


def _show_account(services: Services, account_id: str, now: datetime) -> None:
    contacts = [{"kind": one.kind, "contact": one.contact} for one in services.contacts.of(account_id, now).contacts]
    devices = [
        {"device": one.device, "by": one.how, "since": one.started_at, "last_used_at": one.last_used_at}
        for one in services.account_store.of(account_id).sessions
        if alive(one, now, services.programme.accounts)
    ]
    show({"account": account_id, "contacts": contacts, "devices": devices})


@account.group()
def recover() -> None:
    """Give an account to its owner's new contact: two administrators, and a week in which any use of it ends that."""


@example(f'account recover propose {_LOST} --with {_NEW} --reason "KTP and family card by video, face compared"')
@recover.command()
@stage_options
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
    proposed = recoveries.propose(account_id, new_account, stages.caller(), reason, utc_now())
    next_ = f"another person approves it: gelombang account recover approve --stage {stage} {account_id}"
    show(_row(proposed) | {"next": next_})


@example(f"account recover approve {_LOST}")
@recover.command()
@stage_options
@_account_argument
@yes_option
def approve(stage: str, account_id: str, yes: bool) -> None:
    """Let the week begin that another person proposed, after it was shown. Everybody's contacts are told."""
    recoveries = stages.load(stage).services.recoveries
    standing = recoveries.get(account_id)
    if standing is None:
        raise NoRecovery()
    ask_back(_row(standing), yes)
    show(_row(recoveries.approve(account_id, stages.caller(), utc_now(), standing)))


@example(f'account recover cancel {_LOST} --reason "the person found the old phone"')
@recover.command()
@stage_options
@_account_argument
@reason_option
def cancel(stage: str, account_id: str, reason: str) -> None:
    """Take a proposal or a recovery that waits away, one's own or another's."""
    recoveries = stages.load(stage).services.recoveries
    recoveries.cancel(account_id, stages.caller(), reason, utc_now())
    _show(recoveries, account_id)


@example(f"account recover show {_LOST}")
@recover.command("show")
@stage_options
@_account_argument
def show_recovery(stage: str, account_id: str) -> None:
    """Show the last recovery of an account, and all that administrators did to it."""
    services = stages.load(stage).services
    if services.account_store.account(account_id) is None:
        raise click.ClickException(f"there is no account {account_id}: `gelombang account find` finds it by a NIK")
    _show(services.recoveries, account_id)


def _show(recoveries: Recoveries, account_id: str) -> None:
    found = recoveries.get(account_id)
    state = _row(found) if found else {"state": "never recovered"}
    show({"account": account_id} | state | {"acts": [act_row(act) for act in recoveries.acts(account_id)]})


def _row(recovery: Recovery) -> dict[str, object]:
    return {
        "state": recovery.state,
        "with_contact_of": recovery.new_account_id,
        "takes_effect_at": recovery.takes_effect_at,
        "proposed_at": recovery.made_at,
        "proposed_by": recovery.maker,
        "reason": recovery.note,
    }
