"""`gelombang journal`: who did what, on whom, why and with what outcome; and whether the past is as published."""

from __future__ import annotations

from datetime import date, datetime, timedelta

import click

from chalicelib.administration.heads import Read
from chalicelib.administration.journal import Line
from chalicelib.clock import utc_now

from ...desk import AUDITOR, Administered, Desk
from ...options import example, look_reason
from ...rows import Marked, Row

_DAY = click.DateTime(["%Y-%m-%d"])


@click.group()
def journal() -> None:
    """What administrators did. Each look at a person's data is in it, and each look at the journal."""


@example("journal show --day 2026-11-01 --until 2026-11-29 --command 'payout hold' --reason 'the yearly audit'")
@journal.command("show", cls=Administered, sets=(AUDITOR,), whose=lambda _, typed: typed["registrant"])
@click.option("--day", type=_DAY, help="A UTC day; today without it.")
@click.option("--until", type=_DAY, help="With the days after it, up to this one.")
@click.option("--registrant", help="Or all that was done on one person, by the id of the account.")
@click.option("--person", help="Only what this person did, by the id in the roster.")
@click.option("--command", help="Only this command, or those that begin with these words, such as payout.")
@click.option("--partners", is_flag=True, help="With the looks of partners, which a day has many of.")
@look_reason
def show_journal(
    desk: Desk,
    day: datetime | None,
    until: datetime | None,
    registrant: str | None,
    person: str | None,
    command: str | None,
    partners: bool,
) -> None:
    """Show the lines of days, or about one person; an outcome is missing where an act died half-way."""
    lines, on = desk.services.journal, (day or utc_now()).date()
    if until and until.date() < on:
        raise click.UsageError("--until is before --day")
    days = [on + timedelta(days=number) for number in range(((until.date() if until else on) - on).days + 1)]
    if registrant:
        desk.rows += [_row(line, None) for line in lines.of_person(registrant) if _is_asked(line, person, command)]
    else:
        for sk, line, end in lines.acts(days, desk.cursor, partners=partners, begins=desk.go_on):
            if _is_asked(line, person, command):
                desk.rows.append(_row(line, end))
            desk.go_on(sk)
    desk.show(desk.rows, "nothing was done")


def _is_asked(line: Line, person: str | None, command: str | None) -> bool:
    by = person is None or person in {line.person, line.person.rpartition("/")[2]}
    return by and (command is None or f"{line.route} ".startswith(f"{command} "))


@example("journal verify --kept 3f1c0b...")
@journal.command(cls=Administered, sets=(AUDITOR,))
@click.option("--since", type=_DAY, help="Compare the lines of no day before.")
@click.option("--kept", help="A head that somebody kept, such as the last one that was announced.")
def verify(desk: Desk, since: datetime | None, kept: str | None) -> None:
    """Compare each day with the head that was published; exit code 1 if a line was rewritten, removed or added.

    Heads that were all made anew are only found with one that somebody kept.
    """
    heads, begun = desk.services.journal_heads, Read(since.date() if since else date.min)
    if desk.cursor:
        day, count, digest, after = desk.cursor.split("/")
        begun = Read(date.fromisoformat(day), int(count), digest, after)
    for one in heads.verify(utc_now(), begun, lambda read: desk.go_on(_stands(read))):
        desk.counts["not_as_published"] += not one.verdict.is_well
        style = "green" if one.verdict.is_well else "bold red"
        counted = {"lines_published": one.published, "lines_now": one.present}
        desk.rows.append({"day": one.day.isoformat(), **counted, "verdict": Marked(one.verdict.value, style)})
        desk.go_on(_stands(Read(one.day + timedelta(days=1))))
    known = kept is None or heads.is_published(kept)
    told: Row = {} if kept is None else {"kept_head": "published" if known else "NOT PUBLISHED: they were made anew"}
    desk.show({"days": desk.rows, **told}, into="days")
    if not known or desk.counts["not_as_published"]:
        raise click.exceptions.Exit(1)


def _stands(read: Read) -> str:
    return f"{read.day}/{read.count}/{read.digest}/{read.after}"


def _row(line: Line, end: Line | None) -> Row:
    return {
        "at": line.at,
        "person": line.person,
        "did": line.route,
        "about": list(line.about),
        "registrant": line.registrant,
        "reason": line.reason,
        "outcome": end.outcome if end else line.outcome,
        "made": list(end.about) if end else [],
        "approved": end.proposal if end else None,
        "identity": line.arn,
    }
