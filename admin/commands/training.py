"""`gelombang course`: which courses may be bought, as two people decide. `gelombang partner`: who teaches them."""

from __future__ import annotations

from collections.abc import Sequence
from pathlib import Path

import click

from chalicelib import spreadsheets, typed_text
from chalicelib.aws.admin_acts import Signed
from chalicelib.clock import iso, utc_now

from ..deployment import stages
from ..terminal import SaysWhy, echo_acts, file_argument, plain, reason_option, stage_option


@click.group(cls=SaysWhy)
def course() -> None:
    """The catalogue of courses."""


@course.command("import")
@stage_option
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
    _echo(changes)
    click.echo(f"another person approves it: gelombang course approve --stage {stage} {file}")


@course.command()
@stage_option
@file_argument
@click.option("--yes", is_flag=True, help="Do not ask back.")
def approve(stage: str, file: Path, yes: bool) -> None:
    """Import FILE as another person proposed it, after what it changes was shown.

    An import that broke off is finished by approving it again.
    """
    courses = stages.load(stage).services.courses
    lines = spreadsheets.lines(file.read_bytes())
    proposed, changes = courses.standing(lines)
    _echo(changes)
    click.echo(f"proposed by {plain(proposed.maker)} at {iso(proposed.made_at)}: {plain(proposed.note)}")
    if not yes:
        click.confirm("import it?", abort=True)
    click.echo(f"{courses.approve(lines, stages.caller(), utc_now())} courses imported")


@course.command()
@stage_option
def history(stage: str) -> None:
    """Show what was done to partners and the catalogue, newest first: by whom, when and why."""
    echo_acts(stages.load(stage).services.training_journal.all())


def _echo(changes: Sequence[str]) -> None:
    for line in changes:
        click.echo(plain(line))
    if not changes:
        click.echo("nothing changes")


@click.group()
def partner() -> None:
    """Training partners and their signing keys."""


@partner.command()
@stage_option
@reason_option
@click.argument("name")
def add(stage: str, name: str, reason: str) -> None:
    """Add the partner NAME; its signing key is shown this once. If the answer is lost, revoke it and add another."""
    known_as = typed_text.name(name)
    if known_as is None:
        raise click.BadParameter(f"letters, at most {typed_text.NAME_MAX} characters, no emoji", param_hint="NAME")
    added, key = stages.load(stage).services.partners.add(known_as, utc_now(), Signed(stages.caller(), reason))
    click.echo(f"partner {added.id}")
    click.echo(f"key {key}")


@partner.command("list")
@stage_option
def list_partners(stage: str) -> None:
    """List every partner, oldest first: id, since when, active or when revoked, name; who did it and why."""
    services = stages.load(stage).services
    acts = list(services.training_journal.all())
    for known in services.partners.all():
        standing = f"revoked {iso(known.revoked_at)}" if known.revoked_at else "active"
        click.echo(f"{known.id}  {iso(known.created_at)}  {standing}  {known.name}")
        echo_acts(reversed([act for act in acts if act.about == f"partner {known.id}"]), "  ")


@partner.command()
@stage_option
@reason_option
@click.argument("partner_id")
def revoke(stage: str, partner_id: str, reason: str) -> None:
    """Refuse a partner's requests from now on and close its vacancies. What it attested stands; it cannot be undone.

    Stopped half-way, or told that a vacancy could not be closed, run it again.
    """
    services = stages.load(stage).services
    services.partners.revoke(partner_id, utc_now(), Signed(stages.caller(), reason))
    closed = services.jobs.close_all(partner_id, utc_now())
    click.echo(f"partner {partner_id} revoked, {closed} vacancies closed")
