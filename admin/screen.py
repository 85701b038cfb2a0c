"""What every command does at a terminal: words that steer nothing, and a bar for who waits."""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from typing import TypeVar

from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

T = TypeVar("T")


def plain(words: str) -> str:
    """Somebody's words on one line; nothing in them may steer the terminal."""
    return "".join(letter if letter.isprintable() else "\N{REPLACEMENT CHARACTER}" for letter in words)


def progress(rows: Iterable[T], what: str, total: int | None = None) -> Iterator[T]:
    """The rows, with a bar for who waits for them at a terminal; where nobody knows how many there are, a count."""
    console = Console(stderr=True)
    columns = (TextColumn("{task.description}"), BarColumn(), MofNCompleteColumn(), TimeElapsedColumn())
    with Progress(*columns, console=console, transient=True, disable=not console.is_terminal) as bar:
        yield from bar.track(rows, total=total, description=what)
