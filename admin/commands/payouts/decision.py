"""`gelombang payout hold ... reject` and `address`: what administrators decide about one entitlement or account."""

from __future__ import annotations

from collections.abc import Callable
from datetime import timedelta

import click

from chalicelib.clock import utc_now
from chalicelib.payouts.controls.proposals import Decision
from chalicelib.payouts.errors import NoProposal, NothingToContinue
from chalicelib.payouts.plans.plan_rules import Stop
from chalicelib.payouts.rules import Authority, Hold, State

from ...desk import ABOUT_PEOPLE, CHECKER, MAKER, Administered, Desk
from ...options import example, look_reason, reason_if_two, reason_option, yes_option
from .lines import bank_rows, entitlement_argument, entitlement_row, plan_row, proposal_row, whose

_ID = "k7qx2m4abcd23yzk7qx2m4abcd"


def decision_command(*sets: str) -> Callable[[Callable[..., None]], click.Command]:
    """A command about one entitlement, with a reason."""

    def declare(act: Callable[..., None]) -> click.Command:
        return click.command(cls=Administered, sets=sets, whose=whose)(entitlement_argument(reason_option(act)))

    return declare


@example(f"payout hold {_ID} --reason 'asked for by the audit'")
@decision_command(MAKER)
def hold(desk: Desk, entitlement_id: str, reason: str) -> None:
    """Let nothing be paid on an entitlement until it is released. Not while an attempt may be alive."""
    held = desk.services.payout_administration.hold(entitlement_id, desk.caller, reason, utc_now())
    desk.show(entitlement_row(held))


@example(f"payout release {_ID} --reason 'the audit is over'")
@decision_command(MAKER)
def release(desk: Desk, entitlement_id: str, reason: str) -> None:
    """Propose to end an administrator's hold; another person approves it. Address and exclusions are tested anew."""
    _propose(desk, entitlement_id, Decision.RELEASE, reason)


@example(f"payout cancel {_ID} --reason 'entitled by mistake'")
@decision_command(MAKER)
def cancel(desk: Desk, entitlement_id: str, reason: str) -> None:
    """End an entitlement that is not to be paid. Not while an attempt may be alive; two people can open it again."""
    cancelled = desk.services.payout_administration.cancel(entitlement_id, desk.caller, reason, utc_now())
    desk.show(entitlement_row(cancelled))


@example(f"payout retry {_ID}")
@click.command(cls=Administered, sets=(MAKER,), whose=whose)
@entitlement_argument
@reason_if_two
def retry(desk: Desk, entitlement_id: str, reason: str | None) -> None:
    """Queue the next attempt of a FAILED one; propose to pay a CANCELLED, REVERSED or WRITTEN_OFF one, which takes
    another person.

    The rest after a failure is not skipped: it keeps doubled messages from using up every attempt in one outage.
    """
    services = desk.services
    entitlement = services.payout_store.get(entitlement_id)
    if entitlement.state is not State.FAILED:
        written_off = entitlement.hold is Hold.WRITTEN_OFF
        if reason is None and (written_off or entitlement.state in {State.CANCELLED, State.REVERSED}):
            raise click.UsageError(f"it is {entitlement.state}, and two people decide to pay it: give --reason")
        _propose(desk, entitlement_id, Decision.RETRY, reason or "")
        return
    services.payout_queue.send([entitlement_id])
    rested = entitlement.changed_at + timedelta(seconds=services.programme.payouts.requeue_after_s)
    desk.show(entitlement_row(entitlement) | {"done": "queued", "next_attempt_from": rested})


@example(f"payout resolve {_ID} --as FAILED --reason 'the provider knows nothing of it'")
@click.command(cls=Administered, sets=(MAKER,), whose=whose)
@entitlement_argument
@click.option("--as", "decision", type=click.Choice(["PAID", "FAILED"], case_sensitive=False), required=True)
@reason_option
def resolve(desk: Desk, entitlement_id: str, decision: str, reason: str) -> None:
    """Propose how an attempt ended that nobody can learn from the provider; another person approves it.

    FAILED lets a new attempt be made, so the provider must not deny it at that moment; PAID is believed.
    """
    _propose(desk, entitlement_id, Decision(decision), reason)


@example(f"payout reverse {_ID} --reason 'the bank gave it back'")
@decision_command(MAKER)
def reverse(desk: Desk, entitlement_id: str, reason: str) -> None:
    """Propose that the money of a PAID one has come back; another person approves it."""
    _propose(desk, entitlement_id, Decision.REVERSED, reason)


@example(f"payout write-off {_ID} --reason 'the owner was paid in cash by the court'")
@decision_command(MAKER)
def write_off(desk: Desk, entitlement_id: str, reason: str) -> None:
    """Propose that what was paid to a former holder of the NIK is not paid again; another person approves it."""
    _propose(desk, entitlement_id, Decision.WRITE_OFF, reason)


@example("payout written-off")
@click.command(cls=Administered, sets=ABOUT_PEOPLE)
def written_off(desk: Desk) -> None:
    """List what was paid for a place that has followed its NIK since, and is not decided yet, the oldest first."""
    found = desk.services.payout_store.written_off()
    rows = [entitlement_row(one) for one in sorted(found, key=lambda one: one.changed_at)]
    desk.show(rows, "nothing waits for a decision")


@example(f"payout approve {_ID}")
@click.command(cls=Administered, sets=(CHECKER,), whose=whose)
@entitlement_argument
@yes_option
def approve(desk: Desk, entitlement_id: str) -> None:
    """Carry out what another person proposed, after it was shown with its amount and what the bank said."""
    services = desk.services
    standing = services.payout_administration.standing(entitlement_id)
    if standing is None:
        raise NoProposal(entitlement_id=entitlement_id)
    entitlement = services.payout_store.get(entitlement_id)
    said = bank_rows(services, services.payout_store.attempts(entitlement_id))
    about = {"registrant": entitlement.registrant_id, "entitlement": [entitlement_row(entitlement)]}
    desk.ask_back(proposal_row(standing) | about | {"the_bank_said": said})
    decided = services.payout_administration.approve(entitlement_id, desk.caller, utc_now(), standing)
    desk.show(entitlement_row(decided))


@example(f"payout reject {_ID} --reason 'the bank says otherwise'")
@decision_command(MAKER, CHECKER)
def reject(desk: Desk, entitlement_id: str, reason: str) -> None:
    """Take a proposal away, one's own or another's."""
    taken = desk.services.payout_administration.reject(entitlement_id, desk.caller, reason, utc_now())
    desk.show({"done": "taken away"} | proposal_row(taken))


@click.group()
def address() -> None:
    """A person's account after a change; the account itself is never shown."""


@example("payout address show 3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a11 --reason 'asked by phone'")
@address.command("show", cls=Administered, sets=ABOUT_PEOPLE)
@click.argument("registrant")
@look_reason
def show_address(desk: Desk, registrant: str) -> None:
    """Say which version REGISTRANT's account is, whether it waits, and whether they dispute a change."""
    _show_address(desk, registrant)


@example('payout address settle 3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a11 --version 2 --reason "asked by phone"')
@address.command(cls=Administered, sets=(MAKER,))
@reason_option
@click.option("--version", type=click.IntRange(min=0), required=True, help="As `show` has it; 0: there is none yet.")
@click.argument("registrant")
def settle(desk: Desk, reason: str, version: int, registrant: str) -> None:
    """Let REGISTRANT be paid to this version, after making sure with them that it is their own."""
    services = desk.services
    services.registrations.registrant(registrant)
    if not services.settle_address(registrant, version, Authority(desk.caller, reason), utc_now()):
        raise click.ClickException(
            f"version {version} is not the present one, and nothing was settled: `gelombang payout address show`"
        )
    _show_address(desk, registrant)


def _show_address(desk: Desk, registrant: str) -> None:
    services = desk.services
    services.registrations.registrant(registrant)  # nobody has no address
    version, pay_from, untold, _ = services.registrations.addresses.waiting(registrant)
    waits = {"paid_to_from": None if untold else pay_from, "person_could_not_be_told": untold}
    address = {"address_version": version or None} | waits
    desk.show({"registrant": registrant} | address | {"disputed_since": services.address_store.disputed(registrant)})


_wave_option = click.option("--wave", type=click.IntRange(min=1), help="Of which wave's place; default: the latest.")


@click.group()
def plan() -> None:
    """A person's monthly payments."""


@example("payout plan show 3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a11 --reason 'asked by phone'")
@plan.command("show", cls=Administered, sets=ABOUT_PEOPLE)
@_wave_option
@click.argument("registrant")
@look_reason
def show_plan(desk: Desk, wave: int | None, registrant: str) -> None:
    """Show what is to come for REGISTRANT, or why nothing is."""
    services = desk.services
    found, _ = services.plans.of(services.place(registrant, wave))
    desk.show(plan_row(found, services.plans) if found else [], "this person has no monthly payments")


@example('payout plan stop 3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a11 --because DROPPED_OUT --reason "told us by letter"')
@plan.command(cls=Administered, sets=(MAKER,))
@reason_option
@click.option("--because", type=click.Choice(Stop, case_sensitive=False), required=True)
@click.argument("registrant")
def stop(desk: Desk, reason: str, because: Stop, registrant: str) -> None:
    """End REGISTRANT's incentives of every place, also before the first.

    What is due by now stays due: `cancel` is for that.
    """
    services = desk.services
    authority = Authority(desk.caller, reason)
    ended = services.stop_plan(registrant, because, authority, utc_now())
    desk.show(plan_row(ended[0], services.plans) | {"stopped_of_waves": ", ".join(str(one.wave) for one in ended)})


@example('payout plan continue 3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a11 --reason "another person of that name died"')
@plan.command("continue", cls=Administered, sets=(MAKER,))
@reason_option
@_wave_option
@click.argument("registrant")
def continue_plan(desk: Desk, reason: str, wave: int | None, registrant: str) -> None:
    """Propose that REGISTRANT's stopped incentives go on, with the months that were missed; another person approves."""
    services = desk.services
    proposed = services.propose_to_continue(registrant, Authority(desk.caller, reason), utc_now(), wave)
    command = f"gelombang payout plan approve --stage {desk.stage} --wave {proposed.wave} {registrant}"
    next_ = f"another person approves it: {command}"
    desk.show(plan_row(proposed, services.plans) | {"next": next_})


@example("payout plan approve 3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a11")
@plan.command("approve", cls=Administered, sets=(CHECKER,))
@_wave_option
@click.argument("registrant")
@yes_option
def approve_plan(desk: Desk, wave: int | None, registrant: str) -> None:
    """Let REGISTRANT's stopped incentives go on as another person proposed, after it was shown."""
    services = desk.services
    seen, _ = services.plans.of(services.place(registrant, wave))
    if seen is None:
        raise NothingToContinue(registrant=registrant)
    desk.ask_back(plan_row(seen, services.plans))
    found = services.continue_plan(seen, desk.caller, utc_now())
    desk.show(plan_row(found, services.plans) if found else {"done": "the first incentive comes when it is earned"})


@example('payout plan reject 3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a11 --reason "the registry confirms the death"')
@plan.command("reject", cls=Administered, sets=(MAKER, CHECKER))
@reason_option
@_wave_option
@click.argument("registrant")
def reject_plan(desk: Desk, reason: str, wave: int | None, registrant: str) -> None:
    """Take the proposal away that REGISTRANT's stopped incentives go on, one's own or another's."""
    services = desk.services
    taken = services.refuse_to_continue(registrant, Authority(desk.caller, reason), utc_now(), wave)
    desk.show({"done": "taken away"} | plan_row(taken, services.plans))


COMMANDS = (address, plan, hold, release, cancel, retry, write_off, written_off, resolve, reverse, approve, reject)


def _propose(desk: Desk, entitlement_id: str, decision: Decision, reason: str) -> None:
    proposed = desk.services.payout_administration.propose(entitlement_id, decision, desk.caller, reason, utc_now())
    next_ = f"another person approves it: gelombang payout approve --stage {desk.stage} {entitlement_id}"
    desk.show({"id": entitlement_id} | proposal_row(proposed) | {"next": next_})
