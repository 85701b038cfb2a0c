"""`gelombang course`: which courses beneficiaries may buy."""

from __future__ import annotations

from pathlib import Path

import click

from . import stages


@click.group()
def course() -> None:
    """The catalogue of courses."""


@course.command("import")
@click.option("--stage", required=True)
@click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
def import_file(stage: str, file: Path) -> None:
    """Import FILE, a CSV in UTF-8. One wrong line refuses all of it; the wrong lines are named, each with its column.

    The columns are code, title, provider (a partner's id), price_idr, mode (online or offline), province (two digits,
    empty if online), skills (of the programme's list, separated by ;) and offered (yes or no). A course is known by
    provider and code: importing it again changes it, offered=no withdraws it. What was bought stays as it was bought.
    An import that broke off is finished by doing it again.
    """
    with file.open(encoding="utf-8-sig", newline="") as lines:
        imported = stages.load(stage).services.courses.import_file(lines)
    click.echo(f"{imported} courses imported")
