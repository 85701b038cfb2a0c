"""`gelombang wave`: look at waves, change the calendar before they open, take the step by hand."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime
from pathlib import Path

import click
from rich.console import Console

from chalicelib import spreadsheets
from chalicelib.aws.admin_acts import Signed
from chalicelib.clock import utc_now
from chalicelib.waves.wire import WaveView

from ..deployment import stages
from ..terminal import SaysWhy, act_line, echo_acts, file_argument, instant, reason_option, stage_option, table, wib
from . import stage as stage_commands

STEP_S = 840
"""How long a step in this process may run: as long as the stage's own function."""


@click.group(cls=SaysWhy)
def wave() -> None:
    """Waves and their calendar. Times are shown in WIB; an instant is given with its time zone."""


@wave.command("list")
@stage_option
def list_waves(stage: str) -> None:
    """List the waves that were run, the present one and the next few; then those that were skipped, and why."""
    waves = stages.load(stage).services.waves
    left = ("wave", "state", "opens", "closes")
    listed = table(*left, "quota", "entries", "chosen", left=left)
    for view in waves.list(utc_now()):
        times = (wib(instant, "%Y-%m-%d %H:%M") for instant in (view.opens_at, view.closes_at))
        counts = map(_count, (view.quota, view.entries, view.chosen))
        listed.add_row(str(view.number), view.state, *times, *counts)
    Console().print(listed)
    skipped = waves.skipped()
    acts = list(waves.acts()) if skipped else []
    for plan in skipped:
        last = next((act for act in acts if act.about.split()[:3] == ["wave", str(plan.number), "skipped"]), None)
        why = f"  {act_line(last)}" if last else ""
        click.echo(f"skipped: {plan.number}, would open {wib(plan.opens_at)} WIB{why}")


@wave.command()
@stage_option
@click.argument("number", type=int)
def show(stage: str, number: int) -> None:
    """Show one wave, past or to come, and what was changed of it by whom, when and why."""
    waves = stages.load(stage).services.waves
    acts = [act for act in waves.acts() if act.about.split()[:2] == ["wave", str(number)]]
    if number in {plan.number for plan in waves.skipped()}:
        click.echo(f"wave     {number}\nstate    SKIPPED")
    else:
        for name, value in _facts(waves.get(number, utc_now())):
            click.echo(f"{name:8} {value}")
    echo_acts(acts, "  ")


@wave.command()
@stage_option
def history(stage: str) -> None:
    """Show every change of the calendar and every import of past totals, newest first: by whom, when and why."""
    services = stages.load(stage).services
    acts = [*services.waves.acts(), *services.statistics.journal.all()]
    echo_acts(sorted(acts, key=lambda act: act.at, reverse=True))


@wave.command()
@stage_option
@click.option("--opens-at", type=instant, required=True)
@click.option("--closes-at", type=instant, required=True, help="The first instant that is refused.")
@click.option("--quota", type=click.IntRange(min=0), help="Else a share of what the year's target has left.")
@reason_option
def add(stage: str, opens_at: datetime, closes_at: datetime, quota: int | None, reason: str) -> None:
    """Add a wave between the regular ones; prints the number it is given."""
    number = stages.load(stage).services.waves.add(opens_at, closes_at, quota, utc_now(), _signed(reason))
    click.echo(f"wave {number} added")


@wave.command()
@stage_option
@click.argument("number", type=int)
@click.option("--opens-at", type=instant, required=True)
@click.option("--closes-at", type=instant, required=True, help="The first instant that is refused.")
@reason_option
def move(stage: str, number: int, opens_at: datetime, closes_at: datetime, reason: str) -> None:
    """Give a wave other times, or let one that was skipped take place."""
    stages.load(stage).services.waves.move(number, opens_at, closes_at, utc_now(), _signed(reason))
    click.echo(f"wave {number} moved")


@wave.command()
@stage_option
@click.argument("number", type=int)
@reason_option
def skip(stage: str, number: int, reason: str) -> None:
    """Let a wave not take place. Its number is not used again."""
    stages.load(stage).services.waves.skip(number, utc_now(), _signed(reason))
    click.echo(f"wave {number} skipped")


@wave.command()
@stage_option
@click.argument("number", type=int)
@click.option("--quota", type=click.IntRange(min=0), required=True)
@click.option("--reserved", type=click.IntRange(min=0), default=0, show_default=True, help="Of the quota, for regions.")
@click.option("--weight", "weights", type=(int, int), multiple=True, help="REGION WEIGHT: its share of the reserved.")
@reason_option
def resize(stage: str, number: int, quota: int, reserved: int, weights: Iterable[tuple[int, int]], reason: str) -> None:
    """Set a wave's seats; those of the year's target that are left are the limit when it opens."""
    stages.load(stage).services.waves.resize(number, quota, reserved, dict(weights), utc_now(), _signed(reason))
    click.echo(f"wave {number} resized")


@wave.command()
@stage_option
@click.option("--deployed", is_flag=True, help="Let the stage's own function do it, with its own rights.")
def advance(stage: str, deployed: bool) -> None:
    """Do now what the clock says is due and is not done: the step that the triggers take."""
    if deployed:
        stage_commands.fire(stage, "advance")
        click.echo("advanced by the stage's own function")
        return
    try:
        done = stages.load(stage).services.stepper.advance(utc_now(), STEP_S)
    except ExceptionGroup as group:
        reasons = ", ".join(f"{type(error).__name__}: {error}" for error in group.exceptions)
        raise click.ClickException(f"{group.message}: {reasons}") from group
    for transition in done:
        click.echo(f"wave {transition.wave} is {transition.state}")
    if not done:
        click.echo("nothing was due")


@wave.command("import-history")
@stage_option
@reason_option
@file_argument
def import_history(stage: str, file: Path, reason: str) -> None:
    """Import FILE, totals of waves before this system: a CSV with wave,year,province,recipients,graduates.

    One wrong line refuses all of it. A wave in it replaces what was imported of that wave before. Shown in the
    statistics from the next count on.
    """
    lines = spreadsheets.lines(file.read_bytes())
    waves = stages.load(stage).services.statistics.import_history(lines, utc_now(), _signed(reason))
    recipients = sum(past.recipients for one in waves for past in one.regions.values())
    click.echo(f"{len(waves)} waves imported, {recipients:,} recipients")


def _signed(reason: str) -> Signed:
    return Signed(stages.caller(), reason)


def _facts(view: WaveView) -> Iterable[tuple[str, object]]:
    yield "wave", view.number
    yield "state", view.state
    yield "opens", f"{wib(view.opens_at)} WIB"
    yield "closes", f"{wib(view.closes_at)} WIB"
    yield "quota", _count(view.quota)
    yield "entries", _count(view.entries)
    yield "chosen", _count(view.chosen)
    if view.beacon:
        waits = ", and it is waited for" if view.waiting_for else ""
        yield "beacon", f"round {view.beacon.round}, due {wib(view.beacon.due_at)} WIB{waits}"
    yield "results", view.results_url or "-"


def _count(count: int | None) -> str:
    return "-" if count is None else f"{count:,}"
