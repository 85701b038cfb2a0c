"""Payouts as rows, without accounts."""

from __future__ import annotations

from collections.abc import Iterable, Mapping
from typing import Any

import click

from chalicelib.money import Rupiah
from chalicelib.payouts.bank_files.transfers import BankFile
from chalicelib.payouts.controls.limits import Ceiling
from chalicelib.payouts.controls.proposals import Proposal
from chalicelib.payouts.ledger.records import Event, StoredAttempt
from chalicelib.payouts.plans.plan_rules import Plan
from chalicelib.payouts.plans.service import Plans
from chalicelib.payouts.reconciliation.whole_ledger import Disagreement
from chalicelib.payouts.rules import Entitlement
from chalicelib.wiring import Services

from ...rows import Row

NARRATIVE_MAX = 500
"""Characters of a bank's own text that are shown."""


entitlement_argument = click.argument("entitlement_id")


def whose(services: Services, arguments: Mapping[str, Any]) -> str:
    """Who is entitled to what a command is about. Raises `UnknownEntitlement`."""
    return services.payout_store.get(arguments["entitlement_id"]).registrant_id


def entitlement_row(each: Entitlement) -> dict[str, object]:
    return {
        "id": each.id,
        "state": each.state,
        "hold": each.hold,
        "attempts": each.n,
        "amount_idr": each.amount_idr,
        "kind": each.kind,
        "wave": each.wave,
        "since": each.changed_at,
        **({"instead_of": each.instead_of} if each.instead_of else {}),
        **({"passed_to": each.passed_to} if each.passed_to else {}),
    }


def plan_row(plan: Plan, plans: Plans) -> dict[str, object]:
    """A person's monthly payments: what is to come, or why nothing is, and who proposed that it goes on."""
    proposal = {"proposed": "CONTINUE", "proposed_at": plan.made_at, "by": plan.maker, "reason": plan.note}
    return {
        "registrant": plan.registrant_id,
        "wave": plan.wave,
        "scheme": plan.scheme,
        "first_at": plan.first_at,
        "stopped": plan.stopped,
        "stopped_at": plan.stopped_at,
        "to_come": [
            {"kind": each.kind, "amount_idr": each.amount_idr, "due_at": each.due_at} for each in plans.left(plan)
        ],
        "proposal": [proposal] if plan.maker else [],
    }


def proposal_row(proposal: Proposal) -> dict[str, object]:
    """What is proposed, by whom, since when, and why."""
    made = {"proposed_at": proposal.made_at, "by": proposal.maker, "reason": proposal.note}
    return {"proposed": proposal.decision} | made


def bank_rows(services: Services, attempts: Iterable[StoredAttempt]) -> list[Row]:
    """What a bank that is sent files said of each attempt last, with its own text: personal data may be in it."""
    return [
        {
            "attempt": attempt.key,
            "outcome": word.answer.outcome,
            "fact": word.answer.fact,
            "imported_by": word.imported_by,
            "bank_text": narrative[:NARRATIVE_MAX] if narrative else None,
        }
        for attempt in attempts
        if attempt.rail == BankFile.rail
        for word, narrative in services.bank_reports.said(attempt.key)
    ]


def ceiling_row(ceiling: Ceiling) -> dict[str, object]:
    """What may be sent under a name; `reserved` is what workers have taken of it, to send it or while they live."""
    return {
        "ceiling": ceiling.name,
        "amount_idr": ceiling.ceiling_idr,
        "reserved_idr": Rupiah(ceiling.ceiling_idr - ceiling.left_idr),
        "left_idr": ceiling.left_idr,
        "set_by": ceiling.by,
        "reason": ceiling.note,
    }


def event_row(event: Event) -> Row:
    """One transition, with who decided it."""
    who = event.authority
    return {
        "at": event.at,
        "before": event.before,
        "state": event.state,
        "hold": event.hold,
        "attempts": event.n,
        "because": event.reason,
        "by": who.by if who else None,
        "proposed_by": who.maker if who else None,
        "reason": who.note if who else None,
    }


def difference_rows(found: Iterable[Disagreement]) -> list[Row]:
    """What a comparison with a provider found."""
    return [
        {"difference": each.difference, "subject": each.subject, "ledger": each.ledger, "provider": each.fsp}
        for each in found
    ]
