"""`gelombang account`: for people who lost a device, or every contact and device. It shows no whole contact."""

from __future__ import annotations

from datetime import datetime

import click

from chalicelib.accounts.errors import NoRecovery
from chalicelib.accounts.rules import Recovery
from chalicelib.accounts.sessions.rules import alive
from chalicelib.aws.admin_acts import Act
from chalicelib.clock import utc_now
from chalicelib.errors import NotFound
from chalicelib.wiring import Services

from ..desk import ABOUT_PEOPLE, CHECKER, HELPDESK, MAKER, Administered, Desk
from ..options import example, look_reason, reason_option, yes_option
from ..rows import Row, plain

_account_argument = click.argument("account_id")
_LOST, _NEW = "3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a11", "90b1c6d2-52a0-4f8e-8c3b-7f4a9e2d6c05"


@click.group()
def account() -> None:
    """Show the accounts of people, sign them out, and give lost ones back. Who did what, when and why is kept."""


@example(f'account show {_LOST} --reason "phone stolen, police report seen"')
@account.command("show", cls=Administered, sets=(HELPDESK,))
@_account_argument
@reason_option
def show_account(desk: Desk, account_id: str, reason: str) -> None:
    """Show the masked contacts and the devices of ACCOUNT_ID. Your identity and the reason are recorded."""
    services, now = _of(desk, account_id), utc_now()
    services.accounts_journal.add(Act(now, "SHOW", account_id, desk.caller, reason))
    _show_account(desk, account_id, now)


@example(f'account sign-out {_LOST} --reason "phone stolen, police report seen"')
@account.command(cls=Administered, sets=(HELPDESK,))
@_account_argument
@reason_option
def sign_out(desk: Desk, account_id: str, reason: str) -> None:
    """Sign ACCOUNT_ID out on every device, for example after a phone was stolen.

    Access tokens stop working within six minutes. The person can sign in again with a contact or a passkey.
    """
    services, now = _of(desk, account_id), utc_now()
    services.accounts_journal.add(Act(now, "SIGN_OUT", account_id, desk.caller, reason))
    services.sessions.end_all(account_id, now)
    _show_account(desk, account_id, now)


def _of(desk: Desk, account_id: str) -> Services:
    """The services of a stage that has this account. Raises `NotFound`."""
    services = desk.services
    if services.account_store.account(account_id) is None:
        raise NotFound()
    return services


def _contacts(services: Services, account_id: str, now: datetime) -> list[Row]:
    """Masked."""
    return [{"kind": one.kind, "contact": one.contact} for one in services.contacts.of(account_id, now).contacts]


def _show_account(desk: Desk, account_id: str, now: datetime) -> None:
    services = desk.services
    contacts = _contacts(services, account_id, now)
    devices = [
        {"device": one.device, "by": one.how, "since": one.started_at, "last_used_at": one.last_used_at}
        for one in services.account_store.of(account_id).sessions
        if alive(one, now, services.programme.accounts)
    ]
    desk.show({"account": account_id, "contacts": contacts, "devices": devices})


@account.group()
def recover() -> None:
    """Give an account back to its owner, who has lost every contact and device of it.

    One administrator proposes it, another approves it. It takes effect a week later, unless somebody uses the account
    in that week.
    """


@example(f'account recover propose {_LOST} --with {_NEW} --reason "KTP and family card by video, face compared"')
@recover.command(cls=Administered, sets=(MAKER,))
@_account_argument
@click.option(
    "--with", "new_account", required=True, help="The account that the owner made with a contact they have now."
)
@reason_option
def propose(desk: Desk, account_id: str, new_account: str, reason: str) -> None:
    """Propose that ACCOUNT_ID gets the contact of a new account. Check the owner's documents first.

    As the reason give which documents you saw, and how you made sure that they are this person's. Write no numbers.
    """
    services = _of(desk, account_id)
    if new_account == account_id or services.account_store.account(new_account) is None:
        raise click.BadParameter(f"{plain(new_account)} is no other account", param_hint="--with")
    desk.looks_at(new_account)
    proposed = services.recoveries.propose(account_id, new_account, desk.caller, reason, utc_now())
    next_ = f"another person approves it: gelombang account recover approve --stage {desk.stage} {account_id}"
    desk.show(_row(proposed) | {"next": next_})


@example(f"account recover approve {_LOST}")
@recover.command(cls=Administered, sets=(CHECKER,))
@_account_argument
@yes_option
def approve(desk: Desk, account_id: str) -> None:
    """Approve what another administrator proposed; you see it first, with masked contacts.

    The week begins, and all contacts are told.
    """
    recoveries = desk.services.recoveries
    standing = recoveries.get(account_id)
    if standing is None:
        raise NoRecovery()
    desk.looks_at(standing.new_account_id)
    now = utc_now()
    lost = {"account": account_id, "contacts": _contacts(desk.services, account_id, now)}
    desk.ask_back(lost | _row(standing) | {"gets": _contacts(desk.services, standing.new_account_id, now)})
    desk.show(_row(recoveries.approve(account_id, desk.caller, utc_now(), standing)))


@example(f'account recover cancel {_LOST} --reason "the person found the old phone"')
@recover.command(cls=Administered, sets=(MAKER, CHECKER))
@_account_argument
@reason_option
def cancel(desk: Desk, account_id: str, reason: str) -> None:
    """Cancel a proposal, or a recovery in its week, whoever made it."""
    recoveries = desk.services.recoveries
    recoveries.cancel(account_id, desk.caller, reason, utc_now())
    desk.show(_recovery(desk, account_id))


@example(f"account recover show {_LOST} --reason 'the owner asks how far it is'")
@recover.command("show", cls=Administered, sets=ABOUT_PEOPLE)
@_account_argument
@look_reason
def show_recovery(desk: Desk, account_id: str) -> None:
    """Show the last recovery of ACCOUNT_ID, and everything that administrators did to the account."""
    acts = desk.acts(_of(desk, account_id).accounts_journal, account_id)
    desk.show(_recovery(desk, account_id) | {"acts": acts}, into="acts")


def _recovery(desk: Desk, account_id: str) -> dict[str, object]:
    found = desk.services.recoveries.get(account_id)
    if found is None:
        return {"account": account_id, "state": "never recovered"}
    desk.looks_at(found.new_account_id)
    return {"account": account_id} | _row(found)


def _row(recovery: Recovery) -> dict[str, object]:
    return {
        "state": recovery.state,
        "with_contact_of": recovery.new_account_id,
        "takes_effect_at": recovery.takes_effect_at,
        "proposed_at": recovery.made_at,
        "proposed_by": recovery.maker,
        "reason": recovery.note,
    }
