"""`gelombang exclusion`: who may not take part, as the authorities' lists say."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from chalicelib import spreadsheets
from chalicelib.clock import utc_now, wib_date
from chalicelib.registration.exclusions import ExclusionList

from ..deployment import stages
from ..terminal import SaysWhy, act_line, file_argument, reason_option, stage_option

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
    for act in stages.load(stage).services.exclusion_lists.all().values():
        click.echo(act_line(act))


@exclusion.command()
@stage_option
@_list_option
@_version_option
def show(stage: str, name: str, version: str) -> None:
    """Show all that was done to a version of a list, newest first: by whom, when and why."""
    for act in stages.load(stage).services.exclusion_lists.acts(name, version):
        click.echo(act_line(act))


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
