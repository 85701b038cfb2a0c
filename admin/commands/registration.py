"""`gelombang registration`: what two administrators correct of a registration. It shows personal data.

And `gelombang exclusion`: who may not take part, as the authorities' lists say.
"""

from __future__ import annotations

from collections.abc import Mapping
from datetime import datetime
from pathlib import Path
from typing import TextIO

import click
import msgspec

from chalicelib import spreadsheets
from chalicelib.clock import iso, utc_now, wib_date
from chalicelib.registration.corrections import Correction
from chalicelib.registration.errors import NoCorrection
from chalicelib.registration.exclusions import ExclusionList
from chalicelib.registration.wire import CorrectionForm

from ..deployment import stages
from ..terminal import SaysWhy, echo_acts, file_argument, plain, reason_option, stage_option

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
    holders = services.waves.beneficiaries.holders(registrant.kk_mac)
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
        # Without its cause, which would quote the file.
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


_list_option = click.option("--list", "name", required=True, help="The list's name, such as civil-servants.")
_version_option = click.option("--version", required=True, help="The list's version.")


@click.group(cls=SaysWhy)
def exclusion() -> None:
    """Lists of people whose office excludes them. Who did what, when and why is kept."""


@exclusion.command("import")
@stage_option
@_list_option
@click.option("--version", help="The list's version; without it its date.")
@click.option(
    "--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="The day the list is true for; without it today."
)
@file_argument
@reason_option
def import_list(stage: str, name: str, version: str | None, day: datetime | None, file: Path, reason: str) -> None:
    """Import FILE, a CSV in UTF-8 with a column `nik`. One wrong line refuses all of it; lines are named, NIKs never.

    So does what a spreadsheet has spoiled: numbers that lost digits or have an exponent. An import that broke off is
    finished by doing it again. The file is not kept: delete it yourself.
    """
    source_date = day.date() if day else wib_date(utc_now())
    source = ExclusionList(name, version or source_date.isoformat(), source_date)
    lines = spreadsheets.lines(file.read_bytes())
    lists = stages.load(stage).services.exclusion_lists
    imported = lists.import_list(source, lines, stages.caller(), reason, utc_now)
    click.echo(f"{imported} NIKs excluded by {source.entry}")


@exclusion.command("list")
@stage_option
def list_lists(stage: str) -> None:
    """List every version of every list, with what was done to it last; IMPORT or RETRACT alone broke off."""
    echo_acts(stages.load(stage).services.exclusion_lists.all().values())


@exclusion.command("show")
@stage_option
@_list_option
@_version_option
def show_list(stage: str, name: str, version: str) -> None:
    """Show all that was done to a version of a list, newest first: by whom, when and why."""
    echo_acts(stages.load(stage).services.exclusion_lists.acts(name, version))


@exclusion.command()
@stage_option
@_list_option
@_version_option
@reason_option
def retract(stage: str, name: str, version: str, reason: str) -> None:
    """Take a version of a list back, for good. Who is on another list, or on another version, stays excluded.

    It reads the whole table: minutes for millions of people. Broken off, it is finished by doing it again.
    """
    lists = stages.load(stage).services.exclusion_lists
    freed = lists.retract(name, version, stages.caller(), reason, utc_now)
    click.echo(f"{freed} NIKs are no longer named by {name}/{version}")
