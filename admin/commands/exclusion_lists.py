"""`gelombang exclusion import` and `retract`: lists of millions, for as long as it takes."""

from __future__ import annotations

from datetime import datetime

import click

from chalicelib import spreadsheets
from chalicelib.clock import utc_now, wib_date
from chalicelib.registration.exclusions import ExclusionList

from ..deployment import stages
from ..desk import file_argument
from ..options import example, reason_option, stage_options
from ..terminal import show
from .registration import list_option, version_option


@example("exclusion import list.csv --list civil-servants --version 2026-11 --reason 'letter 12'")
@click.command("import")
@stage_options
@list_option
@click.option("--version", help="The list's version; without it its date.")
@click.option(
    "--date", "day", type=click.DateTime(["%Y-%m-%d"]), help="The day the list is true for; without it today."
)
@file_argument
@reason_option
def import_list(stage: str, name: str, version: str | None, day: datetime | None, file: bytes, reason: str) -> None:
    """Import FILE, a CSV in UTF-8 with a column `nik`. One wrong line refuses all of it; lines are named, NIKs never.

    So does what a spreadsheet has spoiled: numbers that lost digits or have an exponent. An import that broke off is
    finished by doing it again. The file is not kept: delete it yourself.
    """
    source_date = day.date() if day else wib_date(utc_now())
    source = ExclusionList(name, version or source_date.isoformat(), source_date)
    lines = spreadsheets.lines(file)
    at = stages.load(stage)
    imported = at.services.exclusion_lists.import_list(source, lines, stages.acting(at), reason, utc_now)
    show({"list": name, "version": source.version, "date": source_date, "niks_excluded": imported})


@example("exclusion retract --list civil-servants --version 2026-11 --reason 'an old list was sent'")
@click.command()
@stage_options
@list_option
@version_option
@reason_option
def retract(stage: str, name: str, version: str, reason: str) -> None:
    """Take a version of a list back, for good. Who is on another list, or on another version, stays excluded.

    It reads the whole table: minutes for millions of people. Broken off, it is finished by doing it again.
    """
    at = stages.load(stage)
    freed = at.services.exclusion_lists.retract(name, version, stages.acting(at), reason, utc_now)
    show({"list": name, "version": version, "niks_no_longer_named": freed})


COMMANDS: tuple[click.Command, ...] = (import_list, retract)
