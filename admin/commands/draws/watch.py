"""`gelombang draw watch` and `audit-sample`: how far a wave has come, and what an auditor is to see."""

from __future__ import annotations

import csv
import sys
import time
from collections.abc import Callable, Iterator
from contextlib import ExitStack
from pathlib import Path

import click
import msgspec

from chalicelib.clock import iso
from chalicelib.errors import Unavailable
from chalicelib.waves import progress as waves
from chalicelib.waves.publication.samples import AuditRecord
from chalicelib.waves.rules import WaveState

from ... import client
from ...deployment import stages
from ...options import as_json, example, stage_options
from ...terminal import bars, console, progress, show
from ..administered import COMMANDS

COLUMNS = (
    "place", "leaf", "region", "joined_at", "standing", "reason", "seat", "registrant", "registered_at", "age",
    "employment", "consent_version", "verification", "excluded_now", "nik",
)  # fmt: skip

NO_ENTRY, NOT_REGISTERED = "no_entry", "not_registered"
"""What is shown instead of a standing if a leaf has no entry, and of an employment if nobody is registered."""


@example("draw audit-sample 54 --size 300 --output sample.csv")
@click.command("audit-sample")
@stage_options
@click.option("--size", type=click.IntRange(1, 100_000), default=300, show_default=True, help="How many entries.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file for the CSV, else it is shown.")
@click.argument("number", type=int, metavar="WAVE")
def audit_sample(stage: str, size: int, output: Path | None, number: int) -> None:
    """Show the records of some entries of WAVE, picked by the draw's seed from the published lists, as CSV or JSON.

    They are the same for everybody who asks. No name is in it, and of a NIK only the ends, if you may open personal
    data. Exit code 1 if a published leaf has no entry: somebody is on the list who never joined.
    """
    at = stages.load(stage)
    desk, audit = stages.desk(at), at.services.audit
    wave = audit.wave(number)
    picked = audit.pick(wave, size)
    records = list(progress(audit.records(wave, picked), "reading", len(picked)))
    for record in records:
        if record.joined is not None:
            desk.looks_at(record.joined.registrant_id)
    rows = [_row(place, record) for place, record in enumerate(records, 1)]
    if as_json():
        show([dict(zip(COLUMNS, row, strict=True)) for row in rows])
    if output or not as_json():
        with ExitStack() as open_files:
            file = open_files.enter_context(output.open("w", newline="", encoding="utf-8")) if output else sys.stdout
            lines = csv.writer(file, lineterminator="\n")
            lines.writerow(COLUMNS)
            lines.writerows(rows)
    missing = sum(record.joined is None for record in records)
    where = f" in {output}" if output else ""
    click.echo(f"{len(records)} of the entries of wave {number}{where}, in the order of their value", err=True)
    if missing:
        raise click.ClickException(f"{missing} published leaves have no entry")


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


LEFT = 130
"""The exit code of a command that was ended by Ctrl-C."""

Look = Callable[[], waves.WaveProgress]


@example("draw watch 54")
@click.command("watch")
@stage_options
@click.option("--every", type=click.FloatRange(0.1), default=2.0, show_default=True, help="Seconds between two looks.")
@click.option("--once", is_flag=True, help="One line about the present, and no waiting.")
@click.argument("number", type=int, metavar="WAVE")
def watch(stage: str, every: float, once: bool, number: int) -> None:
    """Watch WAVE until its seats are settled (exit code 0). Ctrl-C ends the watching and nothing else."""

    def look() -> waves.WaveProgress:
        sent = {"arguments": {"number": str(number)}}
        answer = client.ask(stage, ["draw", "progress"], COMMANDS["draw progress"], sent)
        return msgspec.convert(answer["rows"], waves.WaveProgress)

    if once:
        _say(look())
        return
    try:
        if console().is_terminal and not as_json():
            _bars(look, every)
        else:
            _lines(look, every)
    except KeyboardInterrupt:
        click.echo(f"\nno longer watched; wave {number} goes on by itself", err=True)
        click.get_current_context().exit(LEFT)


def _say(found: waves.WaveProgress) -> None:
    """One line, in JSON too."""
    if as_json():
        show({name: getattr(found, name) for name in found.__struct_fields__})
    else:
        click.echo(line(found))


def line(found: waves.WaveProgress) -> str:
    """The whole progress in one line; `-` for what is not known yet."""
    batches = f"{found.awarded}/{found.batches}" if found.batches else "-"
    entries, substitutions = ("-" if count is None else count for count in (found.entries, found.substitutions))
    return (
        f"wave {found.wave} {found.state} screened={found.screened}/{found.shards} entries={entries} "
        f"seats={found.seats} batches={batches} decided={found.decided} chosen={found.chosen} "
        f"substitutions={substitutions}"
    )


def _until_settled(look: Look, every: float) -> Iterator[waves.WaveProgress]:
    """Look again and again, also after a moment in which nothing could be reached."""
    while True:
        try:
            found = look()
        except client.NoAnswer:
            pass
        except client.Refused as refused:
            if refused.problem["status"] != Unavailable.status:
                raise
        else:
            yield found
            if found.state is WaveState.SETTLED:
                return
        time.sleep(every)


def _lines(look: Look, every: float) -> None:
    said = ""
    for found in _until_settled(look, every):
        if line(found) != said:
            said = line(found)
            _say(found)


def _bars(look: Look, every: float) -> None:
    with bars(console(), 22, transient=True) as shown:
        screened, batches, seats = (shown.add_task(what, total=None) for what in ("screened", "batches", "seats"))
        for found in _until_settled(look, every):
            state = f"wave {found.wave} {found.state}"
            entries = "" if found.entries is None else f", {found.entries:,} entries"
            shown.update(screened, completed=found.screened, total=found.shards, description=f"{state}: screened")
            shown.update(batches, completed=found.awarded, total=found.batches or None, description="batches decided")
            shown.update(seats, completed=found.chosen, total=found.seats, description=f"seats taken{entries}")
            shown.refresh()
    click.echo(line(found))


AT_TERMINAL: tuple[click.Command, ...] = (audit_sample, watch)
