"""`gelombang registration`: what two administrators correct of a registration. It shows personal data."""

from __future__ import annotations

from collections.abc import Mapping
from typing import TextIO

import click
import msgspec

from chalicelib.clock import iso, utc_now
from chalicelib.registration.corrections import Correction
from chalicelib.registration.errors import NoCorrection
from chalicelib.registration.wire import CorrectionForm

from ..deployment import stages
from ..terminal import SaysWhy, plain, reason_option, stage_option

_person_argument = click.argument("registrant_id")


@click.group(cls=SaysWhy)
def registration() -> None:
    """Registrations. What is shown is personal data: read it on the screen, keep no copy."""


@registration.command()
@stage_option
@_person_argument
def show(stage: str, registrant_id: str) -> None:
    """Show how a person stands, who holds their family card, and every correction with who, when and why."""
    services = stages.load(stage).services
    registrant = services.registrations.registrant(registrant_id)
    click.echo(f"{registrant.standing}  verification {registrant.verification}  since {iso(registrant.registered_at)}")
    holders = services.registration_changes.holders(registrant.kk_mac)
    click.echo(f"family card held by: {', '.join(map(plain, holders)) or 'nobody'}")
    for decision, changes in services.corrections.history(registrant_id):
        by = f"proposed by {plain(decision.maker)}, by {plain(decision.by)}: {plain(decision.reason)}"
        click.echo(f"{iso(decision.at)}  {decision.outcome}  {by}")
        _echo(changes)
    standing = services.corrections.standing(registrant_id)
    if standing is not None:
        _proposed(standing)


@registration.command()
@stage_option
@_person_argument
@click.option(
    "--file",
    type=click.File(encoding="utf-8"),
    required=True,
    help="JSON with what is to change of name, birth_date, employment, kk; - is the standard input.",
)
@reason_option
def correct(stage: str, registrant_id: str, file: TextIO, reason: str) -> None:
    """Propose other values for what a person cannot change any more; another person approves them."""
    try:
        form = msgspec.json.decode(file.read(), type=CorrectionForm)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # The cause is cut off: it would quote what the file holds.
        raise click.UsageError("the file is no JSON object of name, birth_date, employment, kk") from None
    corrections = stages.load(stage).services.corrections
    _proposed(corrections.propose(registrant_id, form, stages.caller(), reason, utc_now()))
    click.echo(f"another person approves it: gelombang registration approve --stage {stage} {registrant_id}")


@registration.command()
@stage_option
@_person_argument
@click.option("--yes", is_flag=True, help="Do not ask back.")
def approve(stage: str, registrant_id: str, yes: bool) -> None:
    """Carry out what another person proposed, after it was shown."""
    corrections = stages.load(stage).services.corrections
    standing = corrections.standing(registrant_id)
    if standing is None:
        raise NoCorrection()
    _proposed(standing)
    if not yes:
        click.confirm("approve it?", abort=True)
    corrections.approve(registrant_id, stages.caller(), utc_now(), standing.proposal)
    click.echo("corrected")


@registration.command()
@stage_option
@_person_argument
@reason_option
def reject(stage: str, registrant_id: str, reason: str) -> None:
    """Take a proposal away, one's own or another's. It stays in the history."""
    stages.load(stage).services.corrections.reject(registrant_id, stages.caller(), reason, utc_now())
    click.echo("taken away")


def _proposed(correction: Correction) -> None:
    proposal = correction.proposal
    click.echo(f"proposed by {plain(proposal.maker)} at {iso(proposal.made_at)}: {plain(proposal.reason)}")
    _echo(correction.changes)


def _echo(changes: Mapping[str, tuple[str, str]]) -> None:
    for field, (was, to_be) in changes.items():
        click.echo(f"  {field}: {plain(was)} -> {plain(to_be)}")
