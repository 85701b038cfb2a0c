"""`gelombang exclusion`: who may not take part, as the authorities' lists say."""

from __future__ import annotations

from datetime import datetime
from pathlib import Path

import click

from chalicelib.clock import utc_now, wib_date
from chalicelib.registration.exclusions import ExclusionList

from . import stages


@click.group()
def exclusion() -> None:
    """Lists of people whose office excludes them."""


@exclusion.command("import")
@click.option("--stage", required=True)
@click.option("--list", "name", required=True, help="The list's name, such as civil-servants.")
@click.option("--version", help="The list's version; without it its date.")
@click.option(
    "--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="The day the list is true for; without it today."
)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_list(stage: str, name: str, version: str | None, day: datetime | None, file: Path) -> None:
    """Import FILE, a CSV in UTF-8 with a column `nik`. One wrong line refuses all of it; lines are named, NIKs never.

    An import that broke off is finished by doing it again. The file is not kept: delete it yourself.
    """
    source_date = day.date() if day else wib_date(utc_now())
    source = ExclusionList(name, version or source_date.isoformat(), source_date)
    with file.open(encoding="utf-8-sig", newline="") as lines:
        imported = stages.load(stage).services.exclusion_lists.import_list(source, lines)
    click.echo(f"{imported} NIKs excluded by {source.entry}")
