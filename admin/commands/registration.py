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
from chalicelib.clock import utc_now, wib_date
from chalicelib.registration.corrections import Correction
from chalicelib.registration.errors import NoCorrection
from chalicelib.registration.exclusions import ExclusionList
from chalicelib.registration.store import SHARDS
from chalicelib.registration.wire import CorrectionForm

from ..deployment import stages
from ..terminal import (
    Row,
    act_row,
    ask_back,
    example,
    file_argument,
    progress,
    reason_option,
    show,
    stage_options,
    yes_option,
)

_person_argument = click.argument("registrant_id")
_PERSON = "3f0c9f5e-6a0b-4a7e-9d2c-1b7d0b6f2a11"


@click.group()
def registration() -> None:
    """Registrations. What is shown is personal data: read it on the screen, keep no copy."""


@example(f"registration show {_PERSON}")
@registration.command("show")
@stage_options
@_person_argument
def show_registration(stage: str, registrant_id: str) -> None:
    """Show how a person stands, who holds their family card, and every correction with who, when and why."""
    services = stages.load(stage).services
    registrant = services.registrations.registrant(registrant_id)
    standing = services.corrections.standing(registrant_id)
    decided = [
        {
            "at": decision.at,
            "outcome": decision.outcome,
            "proposed_by": decision.maker,
            "by": decision.by,
            "reason": decision.reason,
            "changes": _changes(changes),
        }
        for decision, changes in services.corrections.history(registrant_id)
    ]
    show(
        {
            "registrant": registrant_id,
            "standing": registrant.standing,
            "verification": registrant.verification,
            "registered_at": registrant.registered_at,
            "family_card_held_by": services.waves.beneficiaries.holders(registrant.kk_mac),
            "corrections": decided,
            "proposed": [_proposed(standing)] if standing else [],
        }
    )


@example(f"registration correct {_PERSON} --file new.json --reason 'court decision 12/2026'")
@registration.command()
@stage_options
@_person_argument
@click.option(
    "--file",
    type=click.File(encoding="utf-8"),
    required=True,
    help="JSON with what is to change of name, birth_date, employment, kk, nik; - is the standard input.",
)
@reason_option
def correct(stage: str, registrant_id: str, file: TextIO, reason: str) -> None:
    """Propose other values for what a person cannot change any more; another person approves them."""
    try:
        form = msgspec.json.decode(file.read(), type=CorrectionForm)
    except (msgspec.DecodeError, UnicodeDecodeError):
        # Without its cause, which would quote the file.
        raise click.UsageError("the file is no JSON object of name, birth_date, employment, kk, nik") from None
    corrections = stages.load(stage).services.corrections
    proposed = corrections.propose(registrant_id, form, stages.caller(), reason, utc_now())
    next_ = f"another person approves it: gelombang registration approve --stage {stage} {registrant_id}"
    show({"registrant": registrant_id} | _proposed(proposed) | {"next": next_})


@example(f"registration approve {_PERSON}")
@registration.command()
@stage_options
@_person_argument
@yes_option
def approve(stage: str, registrant_id: str, yes: bool) -> None:
    """Carry out what another person proposed, after it was shown."""
    corrections = stages.load(stage).services.corrections
    standing = corrections.standing(registrant_id)
    if standing is None:
        raise NoCorrection()
    ask_back(_proposed(standing), yes)
    corrections.approve(registrant_id, stages.caller(), utc_now(), standing.proposal)
    show({"registrant": registrant_id, "done": "corrected", "changes": _changes(standing.changes)})


@example(f"registration reject {_PERSON} --reason 'no document was shown'")
@registration.command()
@stage_options
@_person_argument
@reason_option
def reject(stage: str, registrant_id: str, reason: str) -> None:
    """Take a proposal away, one's own or another's. It stays in the history."""
    stages.load(stage).services.corrections.reject(registrant_id, stages.caller(), reason, utc_now())
    show({"registrant": registrant_id, "done": "the proposal was taken away"})


@example("registration enlist")
@registration.command()
@stage_options
def enlist(stage: str) -> None:
    """Have the civil registry asked about everybody who registered before the stage had one.

    The sweep asks at the registry's rate, so it may take hours. It can be ended at any time and begun again.
    """
    loaded = stages.load(stage)
    if not loaded.settings.has_registry:
        raise click.ClickException(f"stage {stage} has no civil registry: deploy it with --parameter RegistryUrl=...")
    verifications, now = loaded.services.verifications, utc_now()
    show({"to_be_asked_about": sum(verifications.enlist(n, now) for n in progress(range(SHARDS), "enlisting", SHARDS))})


def _proposed(correction: Correction) -> dict[str, object]:
    made = correction.proposal
    signed = {"proposed_at": made.made_at, "by": made.maker, "reason": made.reason}
    return signed | {"changes": _changes(correction.changes)}


def _changes(changes: Mapping[str, tuple[str, str]]) -> Row:
    return {field: f"{was} -> {to_be}" for field, (was, to_be) in changes.items()}


_list_option = click.option("--list", "name", required=True, help="The list's name, such as civil-servants.")
_version_option = click.option("--version", required=True, help="The list's version.")


@click.group()
def exclusion() -> None:
    """Lists of people whose office excludes them. Who did what, when and why is kept."""


@example("exclusion import list.csv --list civil-servants --version 2026-11 --reason 'letter 12'")
@exclusion.command("import")
@stage_options
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
    show({"list": name, "version": source.version, "date": source_date, "niks_excluded": imported})


@example("exclusion list")
@exclusion.command("list")
@stage_options
def list_lists(stage: str) -> None:
    """List every version of every list, with what was done to it last; IMPORT or RETRACT alone broke off."""
    lists = stages.load(stage).services.exclusion_lists.all()
    show([act_row(act) for act in lists.values()], "no list was ever imported")


@example("exclusion show --list civil-servants --version 2026-11")
@exclusion.command("show")
@stage_options
@_list_option
@_version_option
def show_list(stage: str, name: str, version: str) -> None:
    """Show all that was done to a version of a list, newest first: by whom, when and why."""
    acts = stages.load(stage).services.exclusion_lists.acts(name, version)
    show([act_row(act) for act in acts])


@example("exclusion retract --list civil-servants --version 2026-11 --reason 'an old list was sent'")
@exclusion.command()
@stage_options
@_list_option
@_version_option
@reason_option
def retract(stage: str, name: str, version: str, reason: str) -> None:
    """Take a version of a list back, for good. Who is on another list, or on another version, stays excluded.

    It reads the whole table: minutes for millions of people. Broken off, it is finished by doing it again.
    """
    lists = stages.load(stage).services.exclusion_lists
    freed = lists.retract(name, version, stages.caller(), reason, utc_now)
    show({"list": name, "version": version, "niks_no_longer_named": freed})
