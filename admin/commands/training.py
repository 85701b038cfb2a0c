"""`gelombang course`: which courses may be bought, as two people decide. `gelombang partner`: who teaches them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from chalicelib import spreadsheets, typed_text
from chalicelib.aws.admin_acts import Signed
from chalicelib.clock import utc_now
from chalicelib.training.rules import Partner

from ..deployment import stages
from ..terminal import act_row, ask_back, example, file_argument, plain, reason_option, show, stage_options, yes_option


@click.group()
def course() -> None:
    """The catalogue of courses."""


@example("course import courses.csv --reason 'catalogue of November'")
@course.command("import")
@stage_options
@file_argument
@reason_option
def import_file(stage: str, file: Path, reason: str) -> None:
    """Propose to import FILE, a CSV in UTF-8; another person approves it. What it changes is shown.

    One wrong line refuses all of it; the wrong lines are named, each with its column. The columns are code, title,
    provider (a partner's id), price_idr, hours (whole, how long it takes at least), mode (online or offline), province
    (two digits, empty if online), skills (of the programme's list, separated by ;) and offered (yes or no). A course is
    known by provider and code: importing it again changes it, offered=no withdraws it. What was bought stays as it was
    bought. One import waits at a time: the next takes its place.
    """
    lines = spreadsheets.lines(file.read_bytes())
    changes = stages.load(stage).services.courses.propose(lines, stages.caller(), reason, utc_now())
    next_ = f"another person approves it: gelombang course approve --stage {stage} {file}"
    show(_changes(changes) | {"next": next_})


@example("course approve courses.csv")
@course.command()
@stage_options
@file_argument
@yes_option
def approve(stage: str, file: Path, yes: bool) -> None:
    """Import FILE as another person proposed it, after what it changes was shown.

    An import that broke off is finished by approving it again.
    """
    courses = stages.load(stage).services.courses
    lines = spreadsheets.lines(file.read_bytes())
    proposed, changes = courses.standing(lines)
    signed = {"proposed_at": proposed.made_at, "by": proposed.maker, "reason": proposed.note}
    ask_back(signed | _changes(changes), yes)
    show({"courses_imported": courses.approve(lines, stages.caller(), utc_now())})


@example("course history")
@course.command()
@stage_options
def history(stage: str) -> None:
    """Show what was done to partners and the catalogue, newest first: by whom, when and why."""
    acts = stages.load(stage).services.training_journal.all()
    show([act_row(act) for act in acts], "nothing was ever done")


def _changes(changes: Sequence[str]) -> dict[str, object]:
    return {"changes": [{"change": line} for line in changes]}


@click.group()
def partner() -> None:
    """Training partners and their signing keys."""


@example("partner add 'Pelatihan Jaya' --reason 'contract 7/2026'")
@partner.command()
@stage_options
@reason_option
@click.argument("name")
def add(stage: str, name: str, reason: str) -> None:
    """Add the partner NAME; its signing key is shown this once. If the answer is lost, revoke it and add another."""
    known_as = typed_text.name(name)
    if known_as is None:
        raise click.BadParameter(
            f"{plain(name)!r} is no name of letters, at most {typed_text.NAME_MAX} characters, no emoji",
            param_hint="NAME",
        )
    added, key = stages.load(stage).services.partners.add(known_as, utc_now(), Signed(stages.caller(), reason))
    show({"partner": added.id, "name": added.name, "key": key})


@example("partner list")
@partner.command("list")
@stage_options
def list_partners(stage: str) -> None:
    """List every partner, oldest first; then who added and revoked them, when and why."""
    services = stages.load(stage).services
    partners = services.partners.all()
    about = {f"partner {known.id}" for known in partners}
    acts = [act_row(act) for act in services.training_journal.all() if act.about in about]
    show({"partners": [_row(known) for known in partners], "acts": acts})


def _row(known: Partner) -> dict[str, object]:
    return {
        "partner": known.id,
        "name": known.name,
        "state": "revoked" if known.revoked_at else "active",
        "added_at": known.created_at,
        "revoked_at": known.revoked_at,
    }


@example("partner revoke k7qx2m4abcd23yzk7qx2m4abcd --reason 'a leaked key'")
@partner.command()
@stage_options
@reason_option
@click.argument("partner_id")
def revoke(stage: str, partner_id: str, reason: str) -> None:
    """Refuse a partner's requests from now on and close its vacancies. What it attested stands; it cannot be undone.

    Stopped half-way, or told that a vacancy could not be closed, run it again.
    """
    services = stages.load(stage).services
    services.partners.revoke(partner_id, utc_now(), Signed(stages.caller(), reason))
    closed = services.jobs.close_all(partner_id, utc_now())
    show({"partner": partner_id, "state": "revoked", "vacancies_closed": closed})
