"""`gelombang journal`: who did what, on whom, why and with what outcome; and whether the past is as published."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import date, datetime

import click
from msgspec.structs import replace

from chalicelib.administration.heads import Verdict
from chalicelib.administration.journal import Line
from chalicelib.clock import utc_now

from ...desk import AUDITOR, Administered, Desk
from ...options import example, look_reason
from ...rows import Marked, Row

_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def journal() -> None:
    """What administrators did. Each look at a person's data is in it, and each look at the journal."""


@example("journal show --day 2026-11-29 --reason 'the yearly audit'")
@journal.command("show", cls=Administered, sets=(AUDITOR,), whose=lambda _, typed: typed["registrant"])
@click.option("--day", type=_DAY, help="A UTC day; today without it.")
@click.option("--registrant", help="Or all that was done on one person, by the id of the account.")
@look_reason
def show_journal(desk: Desk, day: datetime | None, registrant: str | None) -> None:
    """Show the lines of a day, or about one person; an outcome is missing where an act died half-way."""
    lines, on = desk.services.journal, (day or utc_now()).date()
    found = lines.of_person(registrant) if registrant else _with_outcomes(lines.of_day(on))
    desk.show([_row(line) for line in found], "nothing was done")


@example("journal verify --kept 3f1c0b...")
@journal.command(cls=Administered, sets=(AUDITOR,))
@click.option("--since", type=_DAY, help="Compare the lines of no day before.")
@click.option("--kept", help="A head that somebody kept, such as the last one that was announced.")
def verify(desk: Desk, since: datetime | None, kept: str | None) -> None:
    """Compare each day with the head that was published; exit code 1 if a line was rewritten, removed or added.

    Heads that were all made anew are only found with one that somebody kept.
    """
    heads = desk.services.journal_heads
    found = list(heads.verify(utc_now(), since.date() if since else date.min))
    known = kept is None or heads.is_published(kept)
    rows: list[Row] = [
        {
            "day": one.day.isoformat(),
            "lines_published": one.published,
            "lines_now": one.present,
            "verdict": Marked(one.verdict.value, "green" if one.verdict is Verdict.SAME else "bold red"),
        }
        for one in found
    ]
    told: Row = {} if kept is None else {"kept_head": "published" if known else "NOT PUBLISHED: they were made anew"}
    desk.show({"days": rows, **told})
    if not known or any(one.verdict is not Verdict.SAME for one in found):
        raise click.exceptions.Exit(1)


def _with_outcomes(lines: Iterable[Line]) -> Iterator[Line]:
    """The lines without the last ones of acts, each with what that one says."""
    every = list(lines)
    ended = {line.of: line.outcome for line in every if line.of and line.outcome}
    acts = (line for line in every if not (line.of and line.outcome))
    return (replace(line, outcome=ended.get(line.of or line.id, line.outcome)) for line in acts)


def _row(line: Line) -> Row:
    return {
        "at": line.at,
        "person": line.person,
        "did": line.route,
        "about": list(line.about),
        "registrant": line.registrant,
        "reason": line.reason,
        "outcome": line.outcome,
        "identity": line.arn,
    }
