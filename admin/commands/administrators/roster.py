"""`gelombang roster`: which names are one person's. Two people change it."""

from __future__ import annotations

import click

from chalicelib.administration.errors import NoRoster
from chalicelib.administration.roster import People, RosterLine, held, proposed, read
from chalicelib.clock import utc_now

from ...desk import AUDITOR, CHECKER, MAKER, Administered, Desk, file_argument
from ...options import example, reason_option, yes_option
from ...rows import Row


@click.group()
def roster() -> None:
    """Which names are one person's: who decides with another is compared by it, and nobody else may administer."""


@example("roster show")
@roster.command("show", cls=Administered, sets=(MAKER, CHECKER, AUDITOR))
def show_roster(desk: Desk) -> None:
    """Show the roster that holds, what is proposed, and everything that was done to it."""
    lines = desk.services.roster.lines()
    holds, standing = held(lines)[-1:], proposed(lines)
    history = [
        {"at": line.at, "step": line.step, "by": line.by, "name": line.name, "reason": line.reason} for line in lines
    ]
    people = [{"person": id_, "names": list(names)} for id_, names in sorted((holds[0] if holds else {}).items())]
    waiting = [_proposed(standing, holds[0] if holds else {})] if standing else []
    desk.show({"people": people, "proposed": waiting, "history": history[::-1]})


@example("roster propose roster.csv --reason 'two colleagues more'")
@roster.command(cls=Administered, sets=(MAKER,))
@file_argument
@reason_option
def propose(desk: Desk, file: bytes, reason: str) -> None:
    """Propose the whole roster: a CSV with the columns person and name, a line for each name. You must be on it.

    A person is an id of your own, such as s.dewi. A name is a user's in IAM, or in IAM Identity Center; it stays that
    person's for good.
    """
    services = desk.services
    line = services.roster.propose(read(file), desk.who, reason, utc_now())
    desk.show(_proposed(line, _present(desk)) | {"next": "another person approves it: gelombang roster approve"})


@example("roster approve")
@roster.command(cls=Administered, sets=(CHECKER,))
@yes_option
def approve(desk: Desk) -> None:
    """Let the roster hold that another person proposed; you see first what it changes. You must be on it."""
    standing = proposed(desk.services.roster.lines())
    if standing is None:
        raise NoRoster()
    desk.ask_back(_proposed(standing, _present(desk)))
    desk.services.roster.approve(standing, desk.who, utc_now())
    desk.show({"done": "this roster holds", "people": len(standing.people)})


@example("roster reject --reason 'a name is misspelt'")
@roster.command(cls=Administered, sets=(MAKER, CHECKER))
@reason_option
def reject(desk: Desk, reason: str) -> None:
    """Take a proposed roster away, one's own or another's. It stays in the history."""
    desk.services.roster.reject(desk.who, reason, utc_now())
    desk.show({"done": "the proposal was taken away"})


def _present(desk: Desk) -> People:
    rosters = held(desk.services.roster.lines())
    return rosters[-1] if rosters else {}


def _proposed(line: RosterLine, present: People) -> dict[str, object]:
    changes: list[Row] = [
        {"person": id_, "names": list(line.people.get(id_, ())), "were": list(present.get(id_, ()))}
        for id_ in sorted({*line.people, *present})
        if line.people.get(id_) != present.get(id_)
    ]
    made = {"proposed_at": line.at, "by": line.by, "name": line.name, "reason": line.reason}
    return {**made, "people": len(line.people), "changes": changes}
