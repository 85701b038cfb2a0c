"""`gelombang wave`: look at waves, change the calendar before they open."""

from __future__ import annotations

from collections.abc import Iterable
from datetime import datetime

import click

from chalicelib import spreadsheets
from chalicelib.aws.admin_acts import Signed
from chalicelib.clock import parse_iso, utc_now
from chalicelib.waves.calendar import PlannedWave
from chalicelib.waves.service import Waves

from ..desk import EVERYONE, OPERATOR, Administered, Desk, file_argument
from ..options import example, instant, reason_option
from ..rows import act_row


@click.group()
def wave() -> None:
    """Waves and their calendar."""


_number_argument = click.argument("number", type=int)
_times_options = (
    click.option("--opens-at", type=instant, required=True, help="With its time zone: 2026-11-27T12:00:00+07:00."),
    click.option("--closes-at", type=instant, required=True, help="The first instant that is refused."),
)


@example("wave schemes")
@wave.command("schemes", cls=Administered, sets=EVERYONE)
def list_schemes(desk: Desk) -> None:
    """List the schemes that waves have opened with or were given."""
    desk.show([{"scheme": one} for one in sorted(desk.services.waves.schemes_used())], "no wave has one")


@example("wave list")
@wave.command("list", cls=Administered, sets=EVERYONE)
def list_waves(desk: Desk) -> None:
    """List the waves that were run, the present one and the next few, with those that were skipped."""
    waves, now = desk.services.waves, utc_now()
    rows = [_row(waves, view.number, now) for view in waves.list(now)] + [_skipped(plan) for plan in waves.skipped(now)]
    desk.show(sorted(rows, key=lambda row: str(row["opens_at"])))


@example("wave show 54")
@wave.command("show", cls=Administered, sets=EVERYONE)
@_number_argument
def show_wave(desk: Desk, number: int) -> None:
    """Show one wave, past or to come, and what was changed of it by whom, when and why."""
    _show(desk, number)


@example("wave history")
@wave.command(cls=Administered, sets=EVERYONE)
def history(desk: Desk) -> None:
    """Show every change of the calendar and every import of past totals, newest first: by whom, when and why."""
    services = desk.services
    acts = [*services.waves.acts(), *services.statistics.journal.all()]
    desk.show([act_row(act) for act in sorted(acts, key=lambda act: act.at, reverse=True)], "nothing was ever changed")


@example('wave add --opens-at 2026-11-25T12:00:00+07:00 --closes-at 2026-11-27T00:00:00+07:00 --reason "a pilot"')
@wave.command(cls=Administered, sets=(OPERATOR,))
@_times_options[0]
@_times_options[1]
@click.option("--quota", type=click.IntRange(min=0), help="Else a share of what the year's target has left.")
@click.option("--scheme", help="Which of the stage's schemes its people get. Else that of the wave before it.")
@reason_option
def add(
    desk: Desk, opens_at: datetime, closes_at: datetime, quota: int | None, scheme: str | None, reason: str
) -> None:
    """Add a wave between the regular ones, and show it with the number that it is given."""
    waves = desk.services.waves
    number = waves.add(opens_at, closes_at, quota, utc_now(), _signed(desk, reason), scheme)
    desk.made.append(f"wave {number}")
    _show(desk, number)


@example("wave move 54 --opens-at 2026-11-28T12:00:00+07:00 --closes-at 2026-11-30T00:00:00+07:00 --reason holidays")
@wave.command(cls=Administered, sets=(OPERATOR,))
@_number_argument
@_times_options[0]
@_times_options[1]
@reason_option
def move(desk: Desk, number: int, opens_at: datetime, closes_at: datetime, reason: str) -> None:
    """Give a wave other times, or let one that was skipped take place."""
    waves = desk.services.waves
    waves.move(number, opens_at, closes_at, utc_now(), _signed(desk, reason))
    _show(desk, number)


@example('wave skip 54 --reason "no budget"')
@wave.command(cls=Administered, sets=(OPERATOR,))
@_number_argument
@reason_option
def skip(desk: Desk, number: int, reason: str) -> None:
    """Let a wave not take place. Its number is not used again."""
    waves = desk.services.waves
    waves.skip(number, utc_now(), _signed(desk, reason))
    _show(desk, number)


@example('wave resize 54 --quota 40000 --reserved 2000 --weight 91 2 --weight 94 1 --reason "more money"')
@wave.command(cls=Administered, sets=(OPERATOR,))
@_number_argument
@click.option("--quota", type=click.IntRange(min=0), required=True)
@click.option("--reserved", type=click.IntRange(min=0), default=0, show_default=True, help="Of the quota, for regions.")
@click.option("--weight", "weights", type=(int, int), multiple=True, help="REGION WEIGHT: its share of the reserved.")
@reason_option
def resize(desk: Desk, number: int, quota: int, reserved: int, weights: Iterable[tuple[int, int]], reason: str) -> None:
    """Set a wave's seats; those of the year's target that are left are the limit when it opens."""
    waves = desk.services.waves
    waves.resize(number, quota, reserved, dict(weights), utc_now(), _signed(desk, reason))
    _show(desk, number)


@example('wave extend 54 --closes-at 2026-12-04T00:00:00+07:00 --reason "the site was down"')
@wave.command(cls=Administered, sets=(OPERATOR,))
@_number_argument
@_times_options[1]
@reason_option
def extend(desk: Desk, number: int, closes_at: datetime, reason: str) -> None:
    """Let the wave that is open close later. It is announced anew, and age is tested on the day of the new close."""
    waves = desk.services.waves
    waves.extend(number, closes_at, utc_now(), _signed(desk, reason))
    _show(desk, number)


@example('wave pause --until 2027-03-01T00:00:00+07:00 --reason "the decree is being revised"')
@wave.command(cls=Administered, sets=(OPERATOR,))
@click.option("--from", "since", type=instant, help="The first instant at which no wave opens; else as soon as can be.")
@click.option("--until", type=instant, help="From when on waves open again; else when `wave resume` says so.")
@reason_option
def pause(desk: Desk, since: datetime | None, until: datetime | None, reason: str) -> None:
    """Let no wave open for a while; one that is open stays open. Waves that fall into the pause lose no number."""
    waves = desk.services.waves
    waves.pause(since, until, utc_now(), _signed(desk, reason))
    _coming(desk)


@example('wave resume --reason "the new decree is out"')
@wave.command(cls=Administered, sets=(OPERATOR,))
@click.option(
    "--at",
    type=instant,
    help="From when on waves open again; else as soon as can be. The beginning of a pause to come withdraws it.",
)
@reason_option
def resume(desk: Desk, at: datetime | None, reason: str) -> None:
    """End a pause that `wave pause` has set."""
    waves = desk.services.waves
    waves.resume(at, utc_now(), _signed(desk, reason))
    _coming(desk)


@example('wave end --on 2027-12-31 --reason "the budget law of 2028 has no programme"')
@wave.command(cls=Administered, sets=(OPERATOR,))
@click.option("--on", type=click.DateTime(["%Y-%m-%d"]), help="The last WIB day on which a wave opens.")
@click.option("--withdraw", is_flag=True, help="Let only the end that the programme's file may say stand.")
@reason_option
def end(desk: Desk, on: datetime | None, withdraw: bool, reason: str) -> None:
    """Let no wave open after a day; a later day puts the end off. What was promised is paid all the same.

    A wave whose time came while the programme had ended is never opened.
    """
    if (on is None) != withdraw:
        raise click.UsageError("say either --on or --withdraw")
    waves = desk.services.waves
    waves.end(on.date() if on else None, utc_now(), _signed(desk, reason))
    _coming(desk)


@example('wave import-history totals.csv --reason "by the ministry"')
@wave.command("import-history", cls=Administered, sets=(OPERATOR,))
@reason_option
@file_argument
def import_history(desk: Desk, file: bytes, reason: str) -> None:
    """Import FILE, totals of waves before this system: a CSV with wave,year,province,recipients,graduates.

    One wrong line refuses all of it. A wave in it replaces what was imported of that wave before. Shown in the
    statistics from the next count on.
    """
    lines = spreadsheets.lines(file)
    waves = desk.services.statistics.import_history(lines, utc_now(), _signed(desk, reason))
    desk.show(
        {"waves": len(waves), "recipients": sum(past.recipients for one in waves for past in one.regions.values())}
    )


def _signed(desk: Desk, reason: str) -> Signed:
    return Signed(desk.caller, reason)


def _show(desk: Desk, number: int) -> None:
    waves = desk.services.waves
    acts = [act_row(act) for act in waves.acts() if act.about.split()[:2] == ["wave", str(number)]]
    now = utc_now()
    skipped = next((_skipped(plan) for plan in waves.skipped(now) if plan.number == number), None)
    desk.show((skipped or _row(waves, number, now) | _draw(waves, number, now)) | {"changes": acts})


def _coming(desk: Desk) -> None:
    """Show the waves to come, and those that do not take place."""
    waves, now = desk.services.waves, utc_now()
    rows = [_row(waves, view.number, now) for view in waves.list(now) if waves.plan(view.number, now).opens_at > now]
    rows += [_skipped(plan) for plan in waves.skipped(now) if plan.opens_at > now]
    desk.show(sorted(rows, key=lambda row: str(row["opens_at"])), "no wave is coming")


def _row(waves: Waves, number: int, now: datetime) -> dict[str, object]:
    view, plan = waves.get(number, now), waves.plan(number, now)
    counts = {"quota": view.quota, "reserved": plan.reserved, "entries": view.entries, "chosen": view.chosen}
    return {"wave": number, "state": view.state, "opens_at": plan.opens_at, "closes_at": plan.closes_at, **counts}


def _skipped(plan: PlannedWave) -> dict[str, object]:
    counts = {"quota": plan.quota, "reserved": plan.reserved, "entries": None, "chosen": None}
    times = {"opens_at": plan.opens_at, "closes_at": plan.closes_at}
    return {"wave": plan.number, "state": "SKIPPED"} | times | counts


def _draw(waves: Waves, number: int, now: datetime) -> dict[str, object]:
    view = waves.get(number, now)
    return {
        "scheme": waves.scheme(number, now),
        "weights": waves.plan(number, now).weights,
        "beacon_round": str(view.beacon.round) if view.beacon else None,
        "beacon_due_at": parse_iso(view.beacon.due_at) if view.beacon else None,
        "waiting_for": view.waiting_for,
        "results_url": view.results_url,
    }
