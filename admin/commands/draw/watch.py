"""`gelombang draw watch`: how far a wave has come, from its close to its settled seats."""

from __future__ import annotations

import time
from collections.abc import Callable, Iterator
from typing import TYPE_CHECKING

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from chalicelib.aws.clients import is_passing
from chalicelib.waves.rules import WaveState

from ...deployment import stages
from ...terminal import stage_option

if TYPE_CHECKING:
    from chalicelib.waves import progress as waves

LEFT = 130
"""The exit code of a command that was ended by Ctrl-C."""

Look = Callable[[], "waves.WaveProgress"]


@click.command("watch")
@stage_option
@click.option("--every", type=click.FloatRange(0.1), default=2.0, show_default=True, help="Seconds between two looks.")
@click.option("--once", is_flag=True, help="One line about the present, and no waiting.")
@click.argument("number", type=int, metavar="WAVE")
def watch(stage: str, every: float, once: bool, number: int) -> None:
    """Watch WAVE until its seats are settled (exit code 0). Ctrl-C ends the watching and nothing else."""
    watching = stages.load(stage).services.watching

    def look() -> waves.WaveProgress:
        return watching.look(number)

    if once:
        click.echo(line(look()))
        return
    try:
        if Console().is_terminal:
            _bars(look, every)
        else:
            _lines(look, every)
    except KeyboardInterrupt:
        click.echo(f"\nno longer watched; wave {number} goes on by itself", err=True)
        click.get_current_context().exit(LEFT)


def line(found: waves.WaveProgress) -> str:
    """The whole progress in one line; `-` for what is not known yet."""
    batches = f"{found.awarded}/{found.batches}" if found.batches else "-"
    return (
        f"wave {found.wave} {found.state} screened={found.screened}/{found.shards} entries={_count(found.entries)} "
        f"seats={found.seats} batches={batches} decided={found.decided} chosen={found.chosen} "
        f"substitutions={_count(found.substitutions)}"
    )


def _count(number: int | None) -> str:
    return "-" if number is None else str(number)


def _until_settled(look: Look, every: float) -> Iterator[waves.WaveProgress]:
    """Look again and again, also after a moment in which AWS could not be reached."""
    while True:
        try:
            found = look()
        except Exception as error:
            if not is_passing(error):
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
            click.echo(said)


def _bars(look: Look, every: float) -> None:
    """Show bars, and leave the last state as a line."""
    columns = (TextColumn("{task.description:<22}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, transient=True) as bars:
        screened, batches, seats = (bars.add_task(what, total=None) for what in ("screened", "batches", "seats"))
        for found in _until_settled(look, every):
            state = f"wave {found.wave} {found.state}"
            entries = "" if found.entries is None else f", {found.entries:,} entries"
            bars.update(screened, completed=found.screened, total=found.shards, description=f"{state}: screened")
            bars.update(batches, completed=found.awarded, total=found.batches or None, description="batches decided")
            bars.update(seats, completed=found.chosen, total=found.seats, description=f"seats taken{entries}")
    click.echo(line(found))
