"""`gelombang payout pause|resume|status|ceiling`: what holds for all payouts at once."""

from __future__ import annotations

from datetime import datetime

import click

from chalicelib.clock import WIB, iso, utc_now
from chalicelib.money import rupiah
from chalicelib.payouts.controls.limits import day_name, envelope_name
from chalicelib.payouts.rules import Authority, Kind
from chalicelib.waves.errors import UnknownWave

from ...deployment import stages
from ...terminal import SaysWhy, act_line, plain, reason_option, stage_option
from .lines import administration, ceiling_line

ACTS = 10
"""How many of the latest acts `status` shows."""


@click.command()
@stage_option
@reason_option
def pause(stage: str, reason: str) -> None:
    """Stop every claim and every sending, within one message a worker. What is under way is still asked about."""
    administration(stage).pause(stages.caller(), reason, utc_now())
    click.echo("paused")


@click.command()
@stage_option
@reason_option
def resume(stage: str, reason: str) -> None:
    """Go on after a pause; the sweep queues what waited."""
    administration(stage).resume(stages.caller(), reason, utc_now())
    click.echo("not paused")


@click.command()
@stage_option
def status(stage: str) -> None:
    """Say whether payouts are paused, today's ceiling, and the latest acts on payouts as a whole."""
    controls = administration(stage)
    paused = controls.paused()
    if paused is None:
        click.echo("not paused")
    else:
        click.echo(f"paused since {iso(paused.since)} by {plain(paused.by)}: {plain(paused.reason)}")
    click.echo(ceiling_line(controls.ceiling(day_name(utc_now()))))
    for act in controls.acts(ACTS):
        click.echo(f"  {act_line(act)}")


@click.group(cls=SaysWhy)
def ceiling() -> None:
    """How much may be sent on one WIB day, and for one wave's payments of one kind (its envelope)."""


_date_option = click.option("--date", type=click.DateTime(["%Y-%m-%d"]), help="A day in WIB; else today.")
_wave_option = click.option("--wave", type=int, help="With --kind: an envelope.")
_kind_option = click.option("--kind", type=click.Choice(Kind, case_sensitive=False))


@ceiling.command("show")
@stage_option
@_date_option
@_wave_option
@_kind_option
def show_ceiling(stage: str, date: datetime | None, wave: int | None, kind: Kind | None) -> None:
    """Show a ceiling, what workers have taken of it, and what is left."""
    name = _name(stage, date, wave, kind)
    click.echo(ceiling_line(administration(stage).ceiling(name)))


@ceiling.command("set")
@stage_option
@_date_option
@_wave_option
@_kind_option
@click.option("--was", type=click.IntRange(min=0), required=True, help="The ceiling as you read it, in rupiah.")
@reason_option
@click.argument("amount_idr", type=click.IntRange(min=0))
def set_ceiling(
    stage: str, date: datetime | None, wave: int | None, kind: Kind | None, was: int, reason: str, amount_idr: int
) -> None:
    """Set a ceiling to AMOUNT_IDR rupiah. What was taken from it stays taken, also what a worker has not spent yet."""
    name = _name(stage, date, wave, kind)
    authority = Authority(stages.caller(), reason)
    ceiling = administration(stage).set_ceiling(name, was, rupiah(amount_idr), authority, utc_now())
    click.echo(ceiling_line(ceiling))


COMMANDS = (pause, resume, status, ceiling)


def _name(stage: str, date: datetime | None, wave: int | None, kind: Kind | None) -> str:
    if wave is not None and kind is not None and date is None:
        if all(plan.number != wave for plan in stages.load(stage).services.waves.agenda(utc_now()).waves):
            raise UnknownWave(wave=wave)  # nor would it be on `wave list`
        return envelope_name(wave, kind)
    if wave is None and kind is None:
        return day_name(date.replace(tzinfo=WIB) if date else utc_now())
    raise click.UsageError("give a --date, or --wave and --kind")
