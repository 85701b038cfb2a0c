"""Instants on the command line: always with their time zone.

How the command line tells what the services refuse: in words, with the stable code; exit code 1.

What every command does at a terminal: words that steer nothing, and a bar for who waits.
"""

from __future__ import annotations

from collections.abc import Iterable, Iterator
from datetime import datetime
from http import HTTPStatus
from typing import TypeVar

import click
from rich.console import Console
from rich.progress import BarColumn, MofNCompleteColumn, Progress, TextColumn, TimeElapsedColumn

from chalicelib.clock import parse_iso
from chalicelib.errors import DomainError
from chalicelib.web import problems


def instant(text: str) -> datetime:
    """An instant as somebody typed it; raises click's `BadParameter` without a time zone."""
    try:
        return parse_iso(text)
    except ValueError as error:
        raise click.BadParameter("give an instant with its time zone, such as 2026-11-27T12:00:00+07:00") from error


class SaysWhy(click.Group):
    """A group of commands whose refusals are sentences."""

    def invoke(self, ctx: click.Context) -> object:
        try:
            return super().invoke(ctx)
        except DomainError as error:
            if problems.PROBLEMS[type(error)][0] == HTTPStatus.INTERNAL_SERVER_ERROR:
                raise  # about this deployment; its own facts say more
            detail = problems.document(error, "en")["detail"]
            raise click.ClickException(f"{detail} ({error.code})") from error


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
