"""Payouts as lines of text, without accounts."""

from __future__ import annotations

from collections.abc import Iterable, Iterator

import click

from chalicelib.clock import iso
from chalicelib.money import Rupiah, format_idr
from chalicelib.payouts.bank_files.transfers import BankFile
from chalicelib.payouts.controls.administration import Administration
from chalicelib.payouts.controls.limits import Ceiling
from chalicelib.payouts.controls.proposals import Proposal
from chalicelib.payouts.ledger.records import Event, StoredAttempt
from chalicelib.payouts.rules import Entitlement, Hold, State
from chalicelib.wiring import Services

from ...deployment import stages
from ...terminal import plain, signed

NARRATIVE_MAX = 500
"""Characters of a bank's own text that are shown."""


entitlement_argument = click.argument("entitlement_id")


def administration(stage: str) -> Administration:
    return stages.load(stage).services.payout_administration


def entitlement_line(each: Entitlement) -> str:
    """id, state and why it is held, attempts, amount, kind, wave, since when."""
    state = _state(each.state, each.hold)
    amount = format_idr(each.amount_idr)
    return f"{each.id}  {state}  n={each.n}  {amount}  {each.kind}  {each.wave}  {iso(each.changed_at)}"


def proposal_line(proposal: Proposal) -> str:
    """What is proposed, by whom, since when, and why."""
    return f"proposed: {proposal.decision}  {signed(proposal.made_at, proposal.maker, proposal.note)}"


def bank_lines(services: Services, attempts: Iterable[StoredAttempt]) -> Iterator[str]:
    """What a bank that is sent files said of each attempt last, with its own text: personal data may be in it."""
    for attempt in attempts:
        for word, narrative in services.bank_reports.said(attempt.key) if attempt.rail == BankFile.rail else ():
            told = f"{word.answer.outcome}  {word.answer.fact}  imported by {plain(word.imported_by)}"
            line = f"the bank of {attempt.key}: {told}"
            yield f"{line}: {plain(narrative)[:NARRATIVE_MAX]}" if narrative else line


def ceiling_line(ceiling: Ceiling) -> str:
    """What may be sent under a name, what has been taken of it, and what is left."""
    taken = Rupiah(ceiling.ceiling_idr - ceiling.left_idr)
    set_by = f"  set by {plain(ceiling.by)}: {plain(ceiling.note or '')}" if ceiling.by else ""
    left = format_idr(Rupiah(ceiling.left_idr))
    return f"{ceiling.name}  {format_idr(ceiling.ceiling_idr)}  taken {format_idr(taken)}  left {left}{set_by}"


def event_line(event: Event) -> str:
    """One transition, with who decided it."""
    who = event.authority
    maker = f" (proposed by {plain(who.maker)})" if who and who.maker else ""
    by = f"  by {plain(who.by)}{maker}: {plain(who.note)}" if who else ""
    change = f"{event.before or '-'} -> {_state(event.state, event.hold)}"
    return f"{iso(event.at)}  {change}  n={event.n}  {event.reason}{by}"


def _state(state: State, hold: Hold | None) -> str:
    return f"{state}({hold})" if hold else state.value
