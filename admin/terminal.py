"""What the commands share: options, how refusals and administrators' acts are shown, a progress bar."""

from __future__ import annotations

from collections.abc import Container, Iterable, Iterator
from datetime import datetime
from http import HTTPStatus
from pathlib import Path
from typing import TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table

from chalicelib.aws.admin_acts import Act
from chalicelib.clock import WIB, iso, parse_iso
from chalicelib.errors import DomainError
from chalicelib.web import problems

T = TypeVar("T")
REASON_MAX = 500
"""Characters of a reason."""


def _reason(_ctx: click.Context, _param: click.Parameter, given: str | None) -> str | None:
    if given is not None and not 0 < len(given.strip()) <= REASON_MAX:
        raise click.BadParameter(f"a reason has 1 to {REASON_MAX} characters, not all blank")
    return given.strip() if given is not None else None


REASON_HELP = "Why, for colleagues and auditors; no personal data. Kept for good, with your identity."
stage_option = click.option("--stage", required=True)
reason_option = click.option("--reason", required=True, callback=_reason, help=REASON_HELP)
reason_if_two = click.option("--reason", callback=_reason, help=f"{REASON_HELP} Needed where two people decide.")
file_argument = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))


def instant(text: str) -> datetime:
    """Parse an instant that was typed. Raises click's `BadParameter` without a time zone."""
    try:
        return parse_iso(text)
    except ValueError as error:
        raise click.BadParameter("give an instant with its time zone, such as 2026-11-27T12:00:00+07:00") from error


class SaysWhy(click.Group):
    """A group of commands that shows a refusal as a sentence with its stable code; exit code 1."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except DomainError as error:
            if error.status == HTTPStatus.INTERNAL_SERVER_ERROR:
                raise  # about this deployment; its own facts say more
            detail = problems.document(error, "en")["detail"]
            raise click.ClickException(f"{detail} ({error.code})") from error


def plain(words: str) -> str:
    """Someone else's words on one line, without characters that would steer the terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in words)


def signed(at: datetime, by: str, note: str) -> str:
    """Who did something, when and why."""
    return f"{iso(at)}  by {plain(by)}: {plain(note)}"


def act_line(act: Act) -> str:
    """What an administrator did, to what, when and why."""
    about = f"{act.deed} {plain(act.about)}".rstrip()
    return f"{about}  {signed(act.at, act.by, act.note)}"


def echo_acts(acts: Iterable[Act], indent: str = "") -> None:
    for act in acts:
        click.echo(f"{indent}{act_line(act)}")


def wib(instant: datetime | str, form: str = "%a %Y-%m-%d %H:%M:%S") -> str:
    """An instant as a clock in Jakarta shows it."""
    return (parse_iso(instant) if isinstance(instant, str) else instant).astimezone(WIB).strftime(form)


def table(*columns: str, left: Container[str], wraps: Container[str] = ()) -> Table:
    """A table without lines; columns that are not `left` are aligned right."""
    made = Table(box=None, pad_edge=False)
    for column in columns:
        made.add_column(column, justify="left" if column in left else "right", no_wrap=column not in wraps)
    return made


def progress(rows: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Yield the rows and show a bar at a terminal; a count if the total is not known."""
    with bars(Console(stderr=True), transient=True) as bar:
        yield from bar.track(rows, total=total, description=what)


def bars(console: Console, width: int = 0, *, transient: bool = False) -> Progress:
    """Bars with their counts, `width` columns wide, and the time; none without a terminal."""
    columns = (TextColumn(f"{{task.description:<{width}}}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=transient, disable=not console.is_terminal)
