"""`gelombang draw audit-sample`: what an auditor is to see of a drawn wave."""

from __future__ import annotations

import csv
import sys
from collections.abc import Iterable
from contextlib import ExitStack
from pathlib import Path
from typing import TYPE_CHECKING, TextIO

import click

from chalicelib.clock import iso

from ...deployment import stages
from ...terminal import progress, stage_option

if TYPE_CHECKING:
    from chalicelib.waves.publication.samples import AuditRecord

COLUMNS = (
    "place", "leaf", "region", "joined_at", "standing", "reason", "seat", "registrant", "registered_at", "age",
    "employment", "consent_version", "verification", "excluded_now", "nik",
)  # fmt: skip

NO_ENTRY, NOT_REGISTERED = "no_entry", "not_registered"
"""What stands in the place of a standing where a leaf has no entry, and of an employment where nobody is registered."""


@click.command("audit-sample")
@stage_option
@click.option("--size", type=click.IntRange(1, 100_000), default=300, show_default=True, help="How many entries.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file for the CSV, else it is shown.")
@click.argument("number", type=int, metavar="WAVE")
def audit_sample(stage: str, size: int, output: Path | None, number: int) -> None:
    """Show the records of some entries of WAVE, picked by the draw's seed from the published lists, as CSV.

    They are the same for everybody who asks. No name is in it, and of a NIK only the ends, if you may open personal
    data. Exit code 1 if a published leaf has no entry: somebody is on the list who never joined.
    """
    audit = stages.load(stage).services.audit
    wave = audit.wave(number)
    picked = audit.pick(wave, size)
    records = list(progress(audit.records(wave, picked), "reading", len(picked)))
    with ExitStack() as open_files:
        file = open_files.enter_context(output.open("w", newline="", encoding="utf-8")) if output else sys.stdout
        _write(file, records)
    missing = sum(record.joined is None for record in records)
    where = f" in {output}" if output else ""
    click.echo(f"{len(records)} of the entries of wave {number}{where}, in the order of their value", err=True)
    if missing:
        raise click.ClickException(f"{missing} published leaves have no entry")


def _write(file: TextIO, records: Iterable[AuditRecord]) -> None:
    lines = csv.writer(file, lineterminator="\n")
    lines.writerow(COLUMNS)
    lines.writerows(_row(place, record) for place, record in enumerate(records, 1))


def _row(place: int, record: AuditRecord) -> list[str]:
    """A record as the cells of `COLUMNS`; empty where there is nothing."""
    cells = [str(place), record.leaf, str(record.region)]
    joined, registered = record.joined, record.registered
    if joined is None:
        cells += ["", NO_ENTRY]
    else:
        cells += [iso(joined.joined_at), joined.standing, joined.reason or "", joined.seat or "", joined.registrant_id]
        if registered is None:
            cells += ["", "", NOT_REGISTERED]
        else:
            cells += [iso(registered.registered_at), str(registered.age), registered.employment]
            cells += [registered.consent_version, registered.verification]
            cells += ["yes" if registered.excluded else "no", registered.nik or ""]
    return cells + [""] * (len(COLUMNS) - len(cells))
