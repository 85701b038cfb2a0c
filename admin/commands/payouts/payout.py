"""`gelombang payout`: shows what is owed and what was paid."""

from __future__ import annotations

import click
import msgspec

from chalicelib.payouts.rules import Hold, Kind, State

from ...desk import ABOUT_PEOPLE, AUDITOR, CHECKER, HELPDESK, MAKER, OPERATOR, Administered, Desk
from ...options import example, look_reason
from . import bank_file, control, decision, reconcile
from .lines import bank_rows, entitlement_argument, entitlement_row, event_row, plan_row, proposal_row, whose


@click.group()
def payout() -> None:
    """Entitlements, their attempts, what administrators decide of them, and the provider's books."""


for command in (*decision.COMMANDS, *control.COMMANDS, *bank_file.COMMANDS, *reconcile.COMMANDS):
    payout.add_command(command)


@example("payout list --state HELD --hold NO_ADDRESS")
@payout.command("list", cls=Administered, sets=ABOUT_PEOPLE)
@click.option("--state", type=click.Choice(State, case_sensitive=False))
@click.option("--hold", type=click.Choice(Hold, case_sensitive=False), help="Only what is HELD for this reason.")
@click.option("--wave", type=int)
@click.option("--kind", type=click.Choice(Kind, case_sensitive=False))
def list_payouts(desk: Desk, state: State | None, hold: Hold | None, wave: int | None, kind: Kind | None) -> None:
    """List entitlements, narrowed by what is asked for. Reads them all."""
    wanted = {"state": state, "hold": hold, "wave": wave, "kind": kind}
    asked = {name: value for name, value in wanted.items() if value is not None}
    for each in desk.services.payout_store.everything(desk.cursor):
        if all(getattr(each, name) == value for name, value in asked.items()):
            desk.rows.append(entitlement_row(each))
        desk.go_on(each.id)
    desk.show(desk.rows, "no entitlement is like that" if asked else "nobody was ever entitled to anything")


@example("payout ledger --json")
@payout.command(cls=Administered, sets=(MAKER, CHECKER, AUDITOR))
def ledger(desk: Desk) -> None:
    """Show the whole ledger, with ids of people, for programs: `payout compare` reads it so."""
    for each in desk.services.payout_store.everything(desk.cursor):
        desk.rows.append(msgspec.to_builtins(each))
        desk.go_on(each.id)
    each_place = desk.services.programme.eligibility.several_places
    desk.show({"paid_for_each_place": each_place, "ledger": desk.rows}, into="ledger")


@example("payout show k7qx2m4abcd23yzk7qx2m4abcd --reason 'it hangs'")
@payout.command("show", cls=Administered, sets=ABOUT_PEOPLE, whose=whose)
@entitlement_argument
@look_reason
def show_payout(desk: Desk, entitlement_id: str) -> None:
    """Show one entitlement: its attempts, its history with who decided what, what is proposed about it, what the bank
    said, if it was paid by file, and the person's monthly payments to come.
    """
    services = desk.services
    ledger, standing = services.payout_store, services.payout_administration.standing(entitlement_id)
    attempts, entitlement = ledger.attempts(entitlement_id), ledger.get(entitlement_id)
    plan = ledger.plans.of((entitlement.registrant_id, entitlement.wave))
    desk.show(
        entitlement_row(entitlement)
        | {
            "sent": [{"reference": one.key, "first_sent_at": one.first_sent_at, "rail": one.rail} for one in attempts],
            "history": [event_row(event) for event in ledger.events(entitlement_id)],
            "proposal": [proposal_row(standing)] if standing else [],
            "the_bank_said": bank_rows(services, attempts),
            "plan": [plan_row(plan, services.plans)] if plan else [],
        }
    )


@example("payout ask k7qx2m4abcd23yzk7qx2m4abcd")
@payout.command(cls=Administered, sets=(HELPDESK, OPERATOR, MAKER), whose=whose)
@entitlement_argument
def ask(desk: Desk, entitlement_id: str) -> None:
    """Queue one entitlement now, also a paid one: the provider is then asked whether its money came back."""
    services = desk.services
    found = services.payout_store.get(entitlement_id)
    services.payout_queue.send([entitlement_id])
    desk.show(entitlement_row(found) | {"done": "queued"})
