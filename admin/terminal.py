"""What every command is made of: its options and example, and what it shows: tables, or JSON from the same rows.

A row maps names to values. Instants are shown in WIB and amounts (`..._idr`) in rupiah; JSON has them as the API does.
"""

from __future__ import annotations

import json
import os
import re
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import date, datetime
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from chalicelib.aws.admin_acts import Act
from chalicelib.clock import WIB, iso, parse_iso
from chalicelib.money import Rupiah, format_idr

T = TypeVar("T")
C = TypeVar("C", bound=click.Command)
F = TypeVar("F", bound=Callable[..., Any])
Row = Mapping[str, object]

REASON_MAX = 500
"""Characters of a reason."""

STAGE_VARIABLE = "GELOMBANG_STAGE"
"""Names the stage of commands without `--stage`."""


def _reason(_ctx: click.Context, _param: click.Parameter, given: str | None) -> str | None:
    if given is not None and not 0 < len(given.strip()) <= REASON_MAX:
        raise click.BadParameter(f"it has {len(given.strip())} characters, and a reason has 1 to {REASON_MAX}")
    return given.strip() if given is not None else None


def _keep_json(ctx: click.Context, _param: click.Parameter, wanted: bool) -> None:
    ctx.meta[_JSON], ctx.meta[_COMMAND] = wanted, ctx


_JSON, _COMMAND = "gelombang.json", "gelombang.command"
REASON_HELP = "Why, for colleagues and auditors; no personal data. Kept for good, with your identity."
json_option = click.option(
    "--json", is_flag=True, expose_value=False, callback=_keep_json, help="Print JSON, for programs."
)
_stage = click.option(
    "--stage", required=True, envvar=STAGE_VARIABLE, show_envvar=True, help="Such as prod, staging or local."
)
reason_option = click.option("--reason", required=True, callback=_reason, help=REASON_HELP)
reason_if_two = click.option("--reason", callback=_reason, help=f"{REASON_HELP} Needed where two people decide.")
file_argument = click.argument("file", type=click.Path(exists=True, dir_okay=False, path_type=Path))
yes_option = click.option("--yes", is_flag=True, help="Do not ask back.")


def stage_options(command: F) -> F:
    """The two options of a command about a stage: which one, and whether it prints JSON."""
    return _stage(json_option(command))


def example(words: str) -> Callable[[C], C]:
    """End a command's help with an example; a command about a stage gets one, if the words name none."""

    def add(command: C) -> C:
        wanted = "--stage" not in words and any(one.name == "stage" and one.required for one in command.params)
        stage = " --stage prod" if wanted else ""
        command.epilog = f"\b\nExample:\n  gelombang {words}{stage}"
        return command

    return add


def instant(text: str) -> datetime:
    """Parse an instant that was typed. Raises click's `BadParameter` without a time zone."""
    try:
        return parse_iso(text)
    except (ValueError, OverflowError) as error:
        raise click.BadParameter(
            f"{text!r} is no instant with its time zone, such as 2026-11-27T12:00:00+07:00"
        ) from error


def plain(words: str) -> str:
    """Someone else's words on one line, without characters that would steer the terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in words)


def wib(instant: datetime | str, form: str = "%a %Y-%m-%d %H:%M:%S WIB") -> str:
    """An instant as a clock in Jakarta shows it, with the zone."""
    return (parse_iso(instant) if isinstance(instant, str) else instant).astimezone(WIB).strftime(form)


def in_wib(text: str) -> str:
    """A text with its instants as a clock in Jakarta shows them."""
    return re.sub(r"\d{4}-\d\d-\d\dT[0-9:.]+Z", lambda at: wib(at[0]), text)


def asked_for(ctx: click.Context) -> dict[str, object]:
    """What the running command was asked for by its arguments, such as an id."""
    running = ctx.meta.get(_COMMAND, ctx)
    names = [one.name for one in running.command.params if isinstance(one, click.Argument) and one.name]
    return {name: running.params[name] for name in names if name in running.params}


def act_row(act: Act) -> Row:
    """What an administrator did, to what, when and why."""
    return {"at": act.at, "deed": act.deed, "about": act.about, "by": act.by, "reason": act.note}


# What is shown


def as_json() -> bool:
    """Whether the running command was asked for JSON."""
    context = click.get_current_context(silent=True)
    return bool(context and context.meta.get(_JSON))


def show(found: Row | Sequence[Row], nothing: str = "nothing") -> None:
    """Print rows as a table, or `nothing` if there are none; one thing as facts, its lists of rows as tables below."""
    if as_json():
        click.echo(json.dumps(found, default=_for_programs, ensure_ascii=False))
        return
    screen = console()
    if screen.is_terminal:
        _print(screen, found, nothing)
        return
    with screen.capture() as piped:
        _print(screen, found, nothing)
    click.echo("\n".join(line.rstrip() for line in piped.get().splitlines()))


def _print(screen: Console, found: Row | Sequence[Row], nothing: str) -> None:
    if not isinstance(found, Mapping):
        screen.print(_rows(found) if found else nothing)
        return
    lists = {name: value for name, value in found.items() if isinstance(value, list) and _is_rows(value)}
    if facts := {name: value for name, value in found.items() if name not in lists}:
        screen.print(_facts(facts))
    for name, rows in lists.items():
        screen.print(Text(_heading(name, {}) if rows else f"{_heading(name, {})}: none", "bold"))
        if rows:
            screen.print(Padding(_rows(rows), (0, 0, 0, 2), expand=False))


def ask_back(found: Row, yes: bool) -> None:
    """Show what is about to be decided, and ask, unless `yes`. In JSON nobody can be asked."""
    if as_json():
        if not yes:
            raise click.UsageError("with --json nobody is asked: look at it without, then give --yes")
        return
    show(found)
    if not yes:
        click.confirm("approve it?", abort=True)


def console() -> Console:
    """The terminal, without any style if NO_COLOR is set; a pipe is so wide that no line is cut."""
    plainly: dict[str, Any] = {"highlight": False, "markup": False, "emoji": False}
    made = Console(**plainly, color_system=None if os.environ.get("NO_COLOR") else "auto")
    return made if made.is_terminal else Console(**plainly, width=_PIPED_WIDTH)


_PIPED_WIDTH = 10_000
_NAMES = {"wave", "year", "version", "region", "attempts", "line"}
"""Numbers that count nothing, or little: they are not grouped by threes."""


def _is_rows(value: list[object]) -> bool:
    return all(isinstance(one, Mapping) for one in value)


def _is_number(value: object) -> bool:
    """Whether a column of such values is aligned right: numbers, and what stands in for one."""
    text = isinstance(value, Text) and value.justify == "right"
    return value is None or text or (isinstance(value, int) and not isinstance(value, bool))


def _rows(rows: Sequence[Row]) -> Table:
    made = Table(box=None, pad_edge=False, padding=(0, 2, 0, 0))
    for name in rows[0]:
        right = all(_is_number(row[name]) for row in rows) and any(row[name] is not None for row in rows)
        made.add_column(_heading(name, rows[0]), justify="right" if right else "left", overflow="fold")
    for row in rows:
        made.add_row(*(_cell(name, value, plain) for name, value in row.items()))
    return made


def _facts(facts: Row) -> Table:
    made = Table.grid(padding=(0, 2))
    made.add_column(style="bold", no_wrap=True)
    made.add_column(overflow="fold")
    for name, value in facts.items():
        made.add_row(_heading(name, facts), _cell(name, value, lambda words: "\n".join(map(plain, words.split("\n")))))
    return made


def _heading(name: str, beside: Row) -> str:
    """A name in words; an amount is told from the count of the same name beside it."""
    said = name.removesuffix("_idr")
    return f"{said} in Rp".replace("_", " ") if said != name and said in beside else said.replace("_", " ")


def _cell(name: str, value: object, words: Callable[[str], str]) -> Text:
    match value:
        case Text():
            return value
        case None:
            said = "-"
        case bool():
            said = "yes" if value else "no"
        case datetime():
            said = wib(value)
        case int() if name.endswith("_idr"):
            said = format_idr(Rupiah(value))
        case int():
            said = str(value) if name in _NAMES else f"{value:,}"
        case Mapping():
            said = ", ".join(f"{key}: {one}" for key, one in value.items()) or "-"
        case list() | tuple():
            said = ", ".join(map(str, value)) or "-"
        case _:
            said = in_wib(str(value))
    return Text(words(said))


def _for_programs(value: object) -> object:
    match value:
        case datetime():
            return iso(value)
        case date():
            return value.isoformat()
        case Text():
            return value.plain
        case Mapping():
            return dict(value)
        case _:
            return str(value)


# Bars


def progress(rows: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Yield the rows and show a bar at a terminal; a count if the total is not known."""
    with bars(Console(stderr=True), transient=True) as bar:
        yield from bar.track(rows, total=total, description=what)


def bars(console: Console, width: int = 0, *, transient: bool = False) -> Progress:
    """Bars with their counts, `width` columns wide, and the time; none without a terminal."""
    columns = (TextColumn(f"{{task.description:<{width}}}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=transient, disable=not console.is_terminal)
