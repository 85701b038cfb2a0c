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

from chalicelib.errors import Unavailable
from chalicelib.waves import progress as waves
from chalicelib.waves.rules import WaveState

from ... import client
from ...options import as_json, example, look_reason, stage_options
from ...terminal import bars, console, show
from ..administered import COMMANDS
from .audit import COLUMNS, NO_ENTRY, SIZE_MAX


@example("draw audit-sample 54 --output sample.csv --reason 'the audit of wave 54'")
@click.command("audit-sample")
@stage_options
@click.option("--size", type=click.IntRange(1, SIZE_MAX), default=300, show_default=True, help="How many entries.")
@click.option("--output", type=click.Path(dir_okay=False, path_type=Path), help="A file for the CSV, else it is shown.")
@click.argument("number", type=int, metavar="WAVE")
@look_reason
def audit_sample(stage: str, size: int, output: Path | None, number: int, reason: str) -> None:
    """Show the records of some entries of WAVE, picked by the draw's seed from the published lists, as CSV or JSON.

    They are the same for everybody who asks. No name is in it, and of a NIK only the ends. Exit code 1 if a published
    leaf has no entry: somebody is on the list who never joined.
    """
    sent = {"stage": stage, "arguments": {"number": str(number), "size": str(size), "reason": reason}}
    answer = client.to_its_end(stage, ["draw", "audit-records"], COMMANDS["draw audit-records"], sent)
    records = sorted(answer["rows"], key=lambda row: int(row["place"]))
    if as_json():
        show(records)
    if output or not as_json():
        with ExitStack() as open_files:
            file = open_files.enter_context(output.open("w", newline="", encoding="utf-8")) if output else sys.stdout
            lines = csv.DictWriter(file, COLUMNS, lineterminator="\n")
            lines.writeheader()
            lines.writerows(records)
    missing = sum(record["standing"] == NO_ENTRY for record in records)
    where = f" in {output}" if output else ""
    click.echo(f"{len(records)} of the entries of wave {number}{where}, in the order of their value", err=True)
    if missing:
        raise click.ClickException(f"{missing} published leaves have no entry")


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
