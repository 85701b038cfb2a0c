"""What the terminal shows: tables, or JSON from the same rows, questions and bars."""

from __future__ import annotations

import json
import os
import tempfile
from collections.abc import Callable, Iterable, Iterator, Mapping, Sequence
from datetime import datetime
from pathlib import Path
from typing import Any, TypeVar

import click
from rich.console import Console
from rich.padding import Padding
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn
from rich.table import Table
from rich.text import Text

from chalicelib.money import Rupiah, format_idr

from .options import as_json
from .rows import Marked, Row, as_data, in_wib, plain, wib

T = TypeVar("T")


def show(found: Row | Sequence[Row], nothing: str = "nothing") -> None:
    """Print rows as a table, or `nothing` if there are none; one thing as facts, its lists of rows as tables below."""
    if as_json():
        click.echo(json.dumps(as_data(found), ensure_ascii=False))
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


def ask_back(rows: Row, yes: bool) -> None:
    """Show what is about to be decided, and ask, unless `yes`. In JSON nobody can be asked."""
    if as_json():
        if not yes:
            raise click.UsageError("with --json nobody is asked: look at it without, then give --yes")
        return
    show(rows)
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
    text = isinstance(value, Marked) and value.right
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
        case Marked():
            return Text(value.text, value.style, justify="right" if value.right else None)
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


# Bars


def progress(rows: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """Yield the rows and show a bar at a terminal; a count if the total is not known."""
    with bars(Console(stderr=True), transient=True) as bar:
        yield from bar.track(rows, total=total, description=what)


def bars(console: Console, width: int = 0, *, transient: bool = False) -> Progress:
    """Bars with their counts, `width` columns wide, and the time; none without a terminal."""
    columns = (TextColumn(f"{{task.description:<{width}}}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    return Progress(*columns, console=console, transient=transient, disable=not console.is_terminal)


def hand_out(out: Path, raw: bytes) -> None:
    """Write a file whole or not at all, readable by its owner only."""
    handle, name = tempfile.mkstemp(dir=out.parent, prefix=f".{out.name}.")
    try:
        with os.fdopen(handle, "wb") as file:
            file.write(raw)
        Path(name).replace(out)
    except BaseException:
        Path(name).unlink()
        raise
