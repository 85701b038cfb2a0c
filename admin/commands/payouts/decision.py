"""`gelombang payout hold ... reject` and `address`: what administrators decide about one entitlement or account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import click

from chalicelib.clock import utc_now
from chalicelib.payouts.controls.proposals import Decision
from chalicelib.payouts.errors import NoProposal, NothingToContinue
from chalicelib.payouts.plans.plan_rules import Stop
from chalicelib.payouts.rules import Authority, State
from chalicelib.wiring import Services

from ...deployment import stages
from ...terminal import ask_back, example, reason_if_two, reason_option, show, stage_options, yes_option
from .lines import administration, bank_rows, entitlement_argument, entitlement_row, plan_row, proposal_row

_ID = "k7qx2m4abcd23yzk7qx2m4abcd"


def decision_command(act: Callable[..., None]) -> click.Command:
    """A command about one entitlement, with a reason."""
    return click.command()(stage_options(entitlement_argument(reason_option(act))))


@example(f"payout hold {_ID} --reason 'asked for by the audit'")
@decision_command
def hold(stage: str, entitlement_id: str, reason: str) -> None:
    """Let nothing be paid on an entitlement until it is released. Not while an attempt may be alive."""
    held = administration(stage).hold(entitlement_id, stages.caller(), reason, utc_now())
    show(entitlement_row(held))


@example(f"payout release {_ID} --reason 'the audit is over'")
@decision_command
def release(stage: str, entitlement_id: str, reason: str) -> None:
    """End an administrator's hold; address and exclusion lists are then tested anew."""
    released = administration(stage).release(entitlement_id, stages.caller(), reason, utc_now())
    show(entitlement_row(released))


@example(f"payout cancel {_ID} --reason 'entitled by mistake'")
@decision_command
def cancel(stage: str, entitlement_id: str, reason: str) -> None:
    """End an entitlement that is not to be paid. Not while an attempt may be alive; two people can open it again."""
    cancelled = administration(stage).cancel(entitlement_id, stages.caller(), reason, utc_now())
    show(entitlement_row(cancelled))


@example(f"payout retry {_ID}")
@click.command()
@stage_options
@entitlement_argument
@reason_if_two
def retry(stage: str, entitlement_id: str, reason: str | None) -> None:
    """Queue the next attempt of a FAILED one; propose to pay a CANCELLED or REVERSED one, which takes another person.

    The rest after a failure is not skipped: it keeps doubled messages from using up every attempt in one outage.
    """
    services = stages.load(stage).services
    entitlement = services.payout_store.get(entitlement_id)
    if entitlement.state is not State.FAILED:
        if reason is None and entitlement.state in {State.CANCELLED, State.REVERSED}:
            raise click.UsageError(f"it is {entitlement.state}, and two people decide to pay it: give --reason")
        _propose(stage, entitlement_id, Decision.RETRY, reason or "")
        return
    services.payout_queue.send([entitlement_id])
    rested = entitlement.changed_at + timedelta(seconds=services.programme.payouts.requeue_after_s)
    show(entitlement_row(entitlement) | {"done": "queued", "next_attempt_from": rested})


@example(f"payout resolve {_ID} --as FAILED --reason 'the provider knows nothing of it'")
@click.command()
@stage_options
@entitlement_argument
@click.option("--as", "decision", type=click.Choice(["PAID", "FAILED"], case_sensitive=False), required=True)
@reason_option
def resolve(stage: str, entitlement_id: str, decision: str, reason: str) -> None:
    """Propose how an attempt ended that nobody can learn from the provider; another person approves it.

    FAILED lets a new attempt be made, so the provider must not deny it at that moment; PAID is believed.
    """
    _propose(stage, entitlement_id, Decision(decision), reason)


@example(f"payout reverse {_ID} --reason 'the bank gave it back'")
@decision_command
def reverse(stage: str, entitlement_id: str, reason: str) -> None:
    """Propose that the money of a PAID one has come back; another person approves it."""
    _propose(stage, entitlement_id, Decision.REVERSED, reason)


@example(f"payout approve {_ID}")
@click.command()
@stage_options
@entitlement_argument
@yes_option
def approve(stage: str, entitlement_id: str, yes: bool) -> None:
    """Carry out what another person proposed, after it was shown with what the bank said, if it pays by file."""
    services = stages.load(stage).services
    standing = services.payout_administration.standing(entitlement_id)
    if standing is None:
        raise NoProposal(entitlement_id=entitlement_id)
    said = bank_rows(services, services.payout_store.attempts(entitlement_id))
    ask_back(proposal_row(standing) | {"the_bank_said": said}, yes)
    decided = services.payout_administration.approve(entitlement_id, stages.caller(), utc_now(), standing)
    show(entitlement_row(decided))


@example(f"payout reject {_ID} --reason 'the bank says otherwise'")
@decision_command
def reject(stage: str, entitlement_id: str, reason: str) -> None:
    """Take a proposal away, one's own or another's."""
    taken = administration(stage).reject(entitlement_id, stages.caller(), reason, utc_now())
    show({"done": "taken away"} | proposal_row(taken))


@click.group()
def address() -> None:
    """A person's account after a change; the account itself is never shown."""


@example("payout address show 3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a11")
@address.command("show")
@stage_options
@click.argument("registrant")
def show_address(stage: str, registrant: str) -> None:
    """Say which version REGISTRANT's account is, whether it waits, and whether they dispute a change."""
    _show_address(stages.load(stage).services, registrant)


@example('payout address settle 3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a11 --version 2 --reason "asked by phone"')
@address.command()
@stage_options
@reason_option
@click.option("--version", type=click.IntRange(min=0), required=True, help="As `show` has it; 0: there is none yet.")
@click.argument("registrant")
def settle(stage: str, reason: str, version: int, registrant: str) -> None:
    """Let REGISTRANT be paid to this version, after making sure with them that it is their own."""
    services = stages.load(stage).services
    services.registrations.registrant(registrant)
    if not services.settle_address(registrant, version, Authority(stages.caller(), reason), utc_now()):
        raise click.ClickException(
            f"version {version} is not the present one, and nothing was settled: `gelombang payout address show`"
        )
    _show_address(services, registrant)


def _show_address(services: Services, registrant: str) -> None:
    services.registrations.registrant(registrant)  # nobody has no address
    version, pay_from, untold, _ = services.registrations.addresses.waiting(registrant)
    waits = {"paid_to_from": None if untold else pay_from, "person_could_not_be_told": untold}
    address = {"address_version": version or None} | waits
    show({"registrant": registrant} | address | {"disputed_since": services.registration_store.disputed(registrant)})


_wave_option = click.option("--wave", type=click.IntRange(min=1), help="Of which wave's place; default: the latest.")


@click.group()
def plan() -> None:
    """A person's monthly payments."""


@example("payout plan show 3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a11")
@plan.command("show")
@stage_options
@_wave_option
@click.argument("registrant")
def show_plan(stage: str, wave: int | None, registrant: str) -> None:
    """Show what is to come for REGISTRANT, or why nothing is."""
    services = stages.load(stage).services
    found, _ = services.plans.of(services.place(registrant, wave))
    show(plan_row(found, services.plans) if found else [], "this person has no monthly payments")


@example('payout plan stop 3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a11 --because DROPPED_OUT --reason "told us by letter"')
@plan.command()
@stage_options
@reason_option
@click.option("--because", type=click.Choice(Stop, case_sensitive=False), required=True)
@click.argument("registrant")
def stop(stage: str, reason: str, because: Stop, registrant: str) -> None:
    """End REGISTRANT's incentives of every place, also before the first.

    What is due by now stays due: `cancel` is for that.
    """
    services = stages.load(stage).services
    authority = Authority(stages.caller(), reason)
    ended = services.stop_plan(registrant, because, authority, utc_now())
    show(plan_row(ended[0], services.plans) | {"stopped_of_waves": ", ".join(str(one.wave) for one in ended)})


@example('payout plan continue 3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a11 --reason "another person of that name died"')
@plan.command("continue")
@stage_options
@reason_option
@_wave_option
@click.argument("registrant")
def continue_plan(stage: str, reason: str, wave: int | None, registrant: str) -> None:
    """Propose that REGISTRANT's stopped incentives go on, with the months that were missed; another person approves."""
    services = stages.load(stage).services
    proposed = services.propose_to_continue(registrant, Authority(stages.caller(), reason), utc_now(), wave)
    command = f"gelombang payout plan approve --stage {stage} --wave {proposed.wave} {registrant}"
    next_ = f"another person approves it: {command}"
    show(plan_row(proposed, services.plans) | {"next": next_})


@example("payout plan approve 3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a11")
@plan.command("approve")
@stage_options
@_wave_option
@click.argument("registrant")
@yes_option
def approve_plan(stage: str, wave: int | None, registrant: str, yes: bool) -> None:
    """Let REGISTRANT's stopped incentives go on as another person proposed, after it was shown."""
    services = stages.load(stage).services
    seen, _ = services.plans.of(services.place(registrant, wave))
    if seen is None:
        raise NothingToContinue(registrant=registrant)
    ask_back(plan_row(seen, services.plans), yes)
    found = services.continue_plan(seen, stages.caller(), utc_now())
    show(plan_row(found, services.plans) if found else {"done": "the first incentive comes when it is earned"})


COMMANDS = (address, plan, hold, release, cancel, retry, resolve, reverse, approve, reject)


def _propose(stage: str, entitlement_id: str, decision: Decision, reason: str) -> None:
    proposed = administration(stage).propose(entitlement_id, decision, stages.caller(), reason, utc_now())
    next_ = f"another person approves it: gelombang payout approve --stage {stage} {entitlement_id}"
    show({"id": entitlement_id} | proposal_row(proposed) | {"next": next_})
