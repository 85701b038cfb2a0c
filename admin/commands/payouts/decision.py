"""`gelombang payout hold ... reject` and `address`: what administrators decide about one entitlement or account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import click

from chalicelib.clock import iso, utc_now
from chalicelib.payouts.controls.proposals import Decision
from chalicelib.payouts.errors import NoProposal
from chalicelib.payouts.rules import Authority, State

from ...deployment import stages
from ...terminal import SaysWhy, reason_if_two, reason_option, stage_option
from .lines import administration, bank_lines, entitlement_argument, entitlement_line, proposal_line


def decision_command(act: Callable[..., None]) -> click.Command:
    """A command about one entitlement, with a reason."""
    return click.command()(stage_option(entitlement_argument(reason_option(act))))


@decision_command
def hold(stage: str, entitlement_id: str, reason: str) -> None:
    """Let nothing be paid on an entitlement until it is released. Not while an attempt may be alive."""
    held = administration(stage).hold(entitlement_id, stages.caller(), reason, utc_now())
    click.echo(entitlement_line(held))


@decision_command
def release(stage: str, entitlement_id: str, reason: str) -> None:
    """End an administrator's hold; address and exclusion lists are then tested anew."""
    released = administration(stage).release(entitlement_id, stages.caller(), reason, utc_now())
    click.echo(entitlement_line(released))


@decision_command
def cancel(stage: str, entitlement_id: str, reason: str) -> None:
    """End an entitlement that is not to be paid. Not while an attempt may be alive; two people can open it again."""
    cancelled = administration(stage).cancel(entitlement_id, stages.caller(), reason, utc_now())
    click.echo(entitlement_line(cancelled))


@click.command()
@stage_option
@entitlement_argument
@reason_if_two
def retry(stage: str, entitlement_id: str, reason: str | None) -> None:
    """Queue the next attempt of a FAILED one; propose to pay a CANCELLED or REVERSED one, which takes another person.

    The rest after a failure is not skipped: it keeps doubled messages from using up every attempt in one outage.
    """
    services = stages.load(stage).services
    entitlement = services.payout_store.get(entitlement_id)
    if entitlement.state is not State.FAILED:
        if reason is None:
            raise click.UsageError("give the reason with --reason")
        _propose(stage, entitlement_id, Decision.RETRY, reason)
        return
    services.payout_queue.send([entitlement_id])
    rested = entitlement.changed_at + timedelta(seconds=services.programme.payouts.requeue_after_s)
    click.echo(f"queued; the next attempt is made after {iso(rested)}")


@click.command()
@stage_option
@entitlement_argument
@click.option("--as", "decision", type=click.Choice(["PAID", "FAILED"], case_sensitive=False), required=True)
@reason_option
def resolve(stage: str, entitlement_id: str, decision: str, reason: str) -> None:
    """Propose how an attempt ended that nobody can learn from the provider; another person approves it.

    FAILED lets a new attempt be made, so the provider must not deny it at that moment; PAID is believed.
    """
    _propose(stage, entitlement_id, Decision(decision), reason)


@decision_command
def reverse(stage: str, entitlement_id: str, reason: str) -> None:
    """Propose that the money of a PAID one has come back; another person approves it."""
    _propose(stage, entitlement_id, Decision.REVERSED, reason)


@click.command()
@stage_option
@entitlement_argument
@click.option("--yes", is_flag=True, help="Do not ask back.")
def approve(stage: str, entitlement_id: str, yes: bool) -> None:
    """Carry out what another person proposed, after it was shown with what the bank said, if it pays by file."""
    services = stages.load(stage).services
    standing = services.payout_administration.standing(entitlement_id)
    if standing is None:
        raise NoProposal(entitlement_id=entitlement_id)
    for line in bank_lines(services, services.payout_store.attempts(entitlement_id)):
        click.echo(line)
    click.echo(proposal_line(standing))
    if not yes:
        click.confirm("approve it?", abort=True)
    decided = services.payout_administration.approve(entitlement_id, stages.caller(), utc_now(), standing)
    click.echo(entitlement_line(decided))


@decision_command
def reject(stage: str, entitlement_id: str, reason: str) -> None:
    """Take a proposal away, one's own or another's."""
    taken = administration(stage).reject(entitlement_id, stages.caller(), reason, utc_now())
    click.echo(f"taken away: {taken.decision}, as {taken.maker} had proposed")


@click.group(cls=SaysWhy)
def address() -> None:
    """A person's account after a change; the account itself is never shown."""


@address.command()
@stage_option
@click.argument("registrant")
def show(stage: str, registrant: str) -> None:
    """Say which version REGISTRANT's account is, whether it waits, and whether they dispute a change."""
    services = stages.load(stage).services
    registrations = services.registrations
    registrations.registrant(registrant)
    version, pay_from, untold, _ = registrations.addresses.waiting(registrant)
    disputed = services.registration_store.disputed(registrant)
    waits = f", paid to from {iso(pay_from)}" if pay_from else ""
    click.echo(f"address: version {version}{', not paid to: its person could not be told' if untold else waits}")
    click.echo(f"change: {f'disputed since {iso(disputed)}' if disputed else 'not disputed'}")


@address.command()
@stage_option
@reason_option
@click.option("--version", type=click.IntRange(min=0), required=True, help="As `show` has it; 0: there is none yet.")
@click.argument("registrant")
def settle(stage: str, reason: str, version: int, registrant: str) -> None:
    """Let REGISTRANT be paid to this version, after making sure with them that it is their own."""
    services = stages.load(stage).services
    services.registrations.registrant(registrant)
    if not services.settle_address(registrant, version, Authority(stages.caller(), reason), utc_now()):
        raise click.ClickException("the address was changed since: look again")
    click.echo("settled")


COMMANDS = (address, hold, release, cancel, retry, resolve, reverse, approve, reject)


def _propose(stage: str, entitlement_id: str, decision: Decision, reason: str) -> None:
    proposed = administration(stage).propose(entitlement_id, decision, stages.caller(), reason, utc_now())
    click.echo(proposal_line(proposed))
    click.echo(f"another person approves it: gelombang payout approve --stage {stage} {entitlement_id}")
